"""Why a liquidity command failed when it landed on paper: as one of the rules, with a figure and a bound."""

import math
from typing import NamedTuple

import numpy as np

from dlmm.errors import DlmmError
from dlmm.spreads import SpreadError
from operators.orders.records import ACTIVE_MOVED, NO_BINS, PROGRAM_REFUSED, TOO_SMALL
from operators.paper.minting import RefusedDeposit


class Failure(NamedTuple):
    """Index into `operators.orders.records.RULES`, and the figures that its sentence tells."""

    rule: int
    figure: float = 0.0
    bound: float = 0.0


class FailedCommand(DlmmError):
    """A command that cannot be carried out as things are when it lands."""

    def __init__(self, failure: Failure, reason: str) -> None:
        """Keep the failure."""
        super().__init__(reason)
        self.failure = failure


def failure_of(error: DlmmError, order: np.void, active_id: int) -> Failure:
    """Return the rule by which an order is to name an error.

    :arg error: A `FailedCommand`, `RefusedDeposit` or `SpreadError`, or the `RangeError` of bins without a price.

    :arg active_id: Where the active bin is.

    """
    match error:
        case FailedCommand():
            return error.failure
        case RefusedDeposit():
            return Failure(PROGRAM_REFUSED, math.nan if error.code is None else error.code)
        case SpreadError(kind="active_moved"):
            return Failure(ACTIVE_MOVED, active_id, float(order["other_min_out"]))
        case SpreadError(kind="bad_amount"):
            return Failure(TOO_SMALL, float(order["value"]))
    return Failure(NO_BINS, active_id)
