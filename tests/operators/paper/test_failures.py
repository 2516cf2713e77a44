"""What a liquidity command failed of is one of the rules, with its figures."""

import math

import numpy as np
import pytest

from dlmm.errors import DlmmError, RangeError
from dlmm.spreads import SpreadError
from operators.orders.records import BALANCE, ORDER, RULES
from operators.paper.failures import FailedCommand, Failure, failure_of
from operators.paper.minting import RefusedDeposit


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (SpreadError("active_moved", "to 7"), ("active_moved", 7.0, 1.0)),
        (SpreadError("wrong_side", "no bin"), ("no_bins", 7.0, 0.0)),
        (SpreadError("bad_amount", "none"), ("too_small", 0.25, 0.0)),
        (RangeError("no price"), ("no_bins", 7.0, 0.0)),
        (RefusedDeposit("InvalidPositionWidth: 0 bins", 6040), ("program_refused", 6040.0, 0.0)),
        (FailedCommand(Failure(BALANCE, 3.0), "nothing is free"), ("balance", 3.0, 0.0)),
    ],
)
def test_every_error_of_a_landing_has_its_rule(error: DlmmError, told: tuple[str, float, float]) -> None:
    order = np.zeros(1, ORDER)[0]
    order["other_min_out"], order["value"] = 1, 0.25
    rule, figure, bound = failure_of(error, order, 7)
    assert (RULES[rule], figure, bound) == told


def test_a_program_that_dies_without_a_code_has_no_figure() -> None:
    assert math.isnan(failure_of(RefusedDeposit("no deposit"), np.zeros(1, ORDER)[0], 7).figure)
