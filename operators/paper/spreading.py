"""Which bin takes how much of a deposit, as the execution connector has the venue's program spread it."""

from collections.abc import Mapping

import numpy as np

from dlmm.liquidity import NOTHING, Amounts
from dlmm.meteora.strategies import spread
from dlmm.records import Record, Venue
from dlmm.shapes import Shape
from dlmm.spreads import SpreadError, bin_deposits, cut, favors_x, strategy_deposits
from operators.ladders.bins import asks_of, bids_of
from operators.orders.records import ACTIVE_MOVED, NO_BINS
from operators.paper.ladder_spreads import MAX_ACTIVE_SLIP, ladder_parts
from operators.paper.ladder_spreads import spread as spread_bins

Spread = Mapping[int, Amounts]
"""What each bin takes, raw units; bins that take nothing are left out."""


class PaperDeposit(Record, frozen=True):
    """A deposit over all bins of a position.

    :arg active_id: At the decision.

    """

    lower: int
    upper: int
    amount_x: int
    amount_y: int
    active_id: int
    shape: Shape


class PaperLadder(Record, frozen=True):
    """Bids in bins `lower` to `bid_upper`, asks in bins `ask_lower` to `upper`; a side without an amount is none.

    :arg active_id: At the decision.

    """

    lower: int
    bid_upper: int
    ask_lower: int
    upper: int
    amount_x: int
    amount_y: int
    active_id: int
    shape: Shape


def check_active(active_then: int, active_id: int) -> None:
    """Refuse to fill bins that were chosen at another price.

    :raises SpreadError: `active_moved`.

    """
    if abs(active_id - active_then) > MAX_ACTIVE_SLIP:
        raise SpreadError("active_moved", f"to {active_id}, more than {MAX_ACTIVE_SLIP} from {active_then}")


def spread_deposit(venue: Venue, deposit: PaperDeposit, active_id: int, bin_step: int) -> Spread:
    """Spread a deposit where the active bin is now.

    On Meteora the program spreads what each of the connector's strategies brings, and leaves with us what no bin of its
    side takes; on Saros the connector names the bins.

    :raises SpreadError: `active_moved`, `wrong_side` or `bad_amount`.

    """
    check_active(deposit.active_id, active_id)
    parts = cut(venue, deposit.lower, deposit.upper)
    if venue is Venue.SAROS:
        named = bin_deposits(deposit, parts, bin_step, active_id)
        return _without_empty({own.bin_id: Amounts(own.x, own.y) for own in named})
    found: dict[int, Amounts] = {}
    for piece in strategy_deposits(deposit, parts, bin_step):
        for one in piece.strategies:
            bins = spread(
                one.strategy,
                Amounts(one.amount_x, one.amount_y),
                min_bin_id=parts[piece.index].lower,
                max_bin_id=parts[piece.index].upper,
                active_id=active_id,
                bin_step=bin_step,
                favor_x=favors_x(deposit),
            )
            assert isinstance(bins, list), "the connector uses none but the program's imbalanced strategies"
            for bin_id, amounts in bins:
                found[bin_id] = found.get(bin_id, NOTHING) + amounts
    return _without_empty(found)


def spread_ladder(ladder: PaperLadder, active_id: int, bin_step: int) -> Spread:
    """Spread both sides of a ladder, each from its inner end outwards, to the unit.

    :raises SpreadError: `active_moved`: by more than is allowed, or past a side; `wrong_side`: a token without bins.

    """
    bins = (ladder.lower, ladder.bid_upper, ladder.ask_lower, ladder.upper)
    parts = ladder_parts(ladder.shape, asks_of(bins), bids_of(bins), bin_step)
    x, y = np.zeros((2, ladder.upper - ladder.lower + 1), np.uint64)
    rule = spread_bins(bins, ladder.amount_x, ladder.amount_y, ladder.active_id, active_id, parts, x, y)
    if rule == ACTIVE_MOVED:
        raise SpreadError("active_moved", f"from {ladder.active_id} to {active_id}, or past a side of the ladder")
    if rule == NO_BINS:
        raise SpreadError("wrong_side", f"no bins for {ladder.amount_x} of X and {ladder.amount_y} of Y")
    both = zip(x.tolist(), y.tolist(), strict=True)
    return _without_empty({ladder.lower + place: Amounts(*amounts) for place, amounts in enumerate(both)})


def _without_empty(found: Spread) -> Spread:
    return {bin_id: found[bin_id] for bin_id in sorted(found) if found[bin_id] != NOTHING}
