"""A deposit is spread over the bins of its parts by its shape over the whole range, and exact in sum."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlmm.liquidity import Amounts
from dlmm.meteora.instructions.liquidity import Strategy
from dlmm.meteora.strategies import spread
from dlmm.price import price_x64
from dlmm.records import Record, Venue
from dlmm.saros.layout import MIDDLE_BIN_ID
from dlmm.shapes import Shape, weights
from dlmm.spreads import BinSpan, SpreadError, bin_deposits, cut, strategy_deposits

STEP = 10
WIDTHS = st.integers(2, 300)
LARGE = 10**15


class Wanted(Record, frozen=True):
    """A deposit as a command names it."""

    lower: int
    upper: int
    amount_x: int
    amount_y: int
    active_id: int
    shape: Shape


def command(lower: int, upper: int, active_id: int, x: int, y: int, shape: Shape = Shape.SPOT) -> Wanted:
    return Wanted(lower, upper, x, y, active_id, shape)


def spread_bins(wanted: Wanted) -> dict[int, Amounts]:
    """Return what the Meteora program makes of all the deposits of a command."""
    found: dict[int, Amounts] = {}
    there = cut(Venue.METEORA, wanted.lower, wanted.upper)
    for deposit in strategy_deposits(wanted, there, STEP):
        for one in deposit.strategies:
            bins = spread(
                one.strategy,
                Amounts(one.amount_x, one.amount_y),
                min_bin_id=there[deposit.index].lower,
                max_bin_id=there[deposit.index].upper,
                active_id=wanted.active_id,
                bin_step=STEP,
                favor_x=wanted.amount_y == 0,
            )
            assert isinstance(bins, list)
            for bin_id, amounts in bins:
                found[bin_id] = found.get(bin_id, Amounts(0, 0)) + amounts
    return found


@given(WIDTHS, st.integers(-20, 320), st.sampled_from(Shape), st.integers(0, LARGE), st.integers(0, LARGE))
def test_the_parts_of_a_deposit_add_up_to_it(width: int, active: int, shape: Shape, x: int, y: int) -> None:
    x, y = (x if active < width else 0), (y if active >= 0 else 0)
    if active == width - 1 and y:
        x = 0  # the active bin takes Y
    wanted = command(0, width - 1, active, x, y, shape)
    if not x and not y:
        return
    deposits = strategy_deposits(wanted, cut(Venue.METEORA, 0, width - 1), STEP)
    pieces = [one for deposit in deposits for one in deposit.strategies]
    assert sum(one.amount_x for one in pieces) == x
    assert sum(one.amount_y for one in pieces) == y
    assert all(one.amount_x or one.amount_y for one in pieces)
    assert [deposit.index for deposit in deposits] == sorted({deposit.index for deposit in deposits})


@pytest.mark.parametrize("shape", list(Shape))
@pytest.mark.parametrize("active", [-10, 0, 30, 69, 70, 100, 209, 250])
def test_a_shape_goes_over_the_whole_range_and_not_over_each_part(shape: Shape, active: int) -> None:
    x, y = (LARGE if active < 209 else 0), (LARGE if active >= 0 else 0)
    found = spread_bins(command(0, 209, active, x, y, shape))
    bids = range(min(active, 209), -1, -1)
    asks = range(max(active + 1, 0), 210)
    if y:
        total = sum(weights(shape, len(bids)))
        for bin_id, weight in zip(bids, weights(shape, len(bids)), strict=True):
            assert found[bin_id].y == pytest.approx(y * weight / total, abs=6)
    if x:
        values = [
            weight / price_x64(bin_id, STEP) for bin_id, weight in zip(asks, weights(shape, len(asks)), strict=True)
        ]
        for bin_id, value in zip(asks, values, strict=True):
            assert found[bin_id].x == pytest.approx(x * value / sum(values), abs=6, rel=1e-9)


def test_x_alone_fills_the_active_bin_too() -> None:
    assert spread_bins(command(0, 209, 100, LARGE, 0))[100].x > 0


def test_a_range_of_one_position_takes_one_strategy() -> None:
    for shape, strategy in (
        (Shape.SPOT, Strategy.SPOT_IMBALANCED),
        (Shape.CURVE, Strategy.CURVE_IMBALANCED),
        (Shape.BID_ASK, Strategy.BID_ASK_IMBALANCED),
    ):
        (deposit,) = strategy_deposits(command(0, 69, 30, 5, 5, shape), cut(Venue.METEORA, 0, 69), STEP)
        assert [one.strategy for one in deposit.strategies] == [strategy]


@given(WIDTHS, st.integers(-20, 320), st.sampled_from(Shape), st.integers(0, LARGE), st.integers(0, LARGE))
def test_the_bins_of_a_deposit_on_saros_add_up_to_it(width: int, active: int, shape: Shape, x: int, y: int) -> None:
    lower, active = MIDDLE_BIN_ID, MIDDLE_BIN_ID + active
    x, y = (x if active < lower + width else 0), (y if active >= lower else 0)
    if not x and not y:
        return
    wanted = command(lower, lower + width - 1, active, x, y, shape)
    bins = bin_deposits(wanted, cut(Venue.SAROS, wanted.lower, wanted.upper), STEP, active)
    assert [one.bin_id for one in bins] == list(range(lower, lower + width))
    assert (sum(one.x for one in bins), sum(one.y for one in bins)) == (x, y)
    assert not any(one.x for one in bins if one.bin_id < active)
    assert not any(one.y for one in bins if one.bin_id > active)


def test_a_curve_on_saros_falls_over_the_whole_range() -> None:
    wanted = command(MIDDLE_BIN_ID, MIDDLE_BIN_ID + 80, MIDDLE_BIN_ID + 81, 0, LARGE, Shape.CURVE)
    bins = bin_deposits(wanted, cut(Venue.SAROS, wanted.lower, wanted.upper), STEP, wanted.active_id)
    assert all(one.y < other.y for one, other in pairwise(bins))


def test_a_bin_of_two_positions_counts_once() -> None:
    there = cut(Venue.SAROS, MIDDLE_BIN_ID, MIDDLE_BIN_ID + 43)
    shifted = [there[0], BinSpan(there[1].lower - 3, there[1].upper - 3)]
    wanted = command(MIDDLE_BIN_ID, MIDDLE_BIN_ID + 43, MIDDLE_BIN_ID, 10**9, 0)
    bins = bin_deposits(wanted, shifted, STEP, wanted.active_id)
    assert [one.bin_id for one in bins] == list(range(MIDDLE_BIN_ID, MIDDLE_BIN_ID + 41))
    assert sum(one.x for one in bins) == 10**9


@pytest.mark.parametrize(
    ("active", "x", "y", "kind"),
    [(-1, 0, 5, "wrong_side"), (70, 5, 0, "wrong_side"), (30, 0, 0, "bad_amount"), (30, -1, 5, "bad_amount")],
)
def test_what_no_bin_takes_is_refused(active: int, x: int, y: int, kind: str) -> None:
    with pytest.raises(SpreadError) as refused:
        strategy_deposits(command(0, 69, active, x, y), cut(Venue.METEORA, 0, 69), STEP)
    assert refused.value.kind == kind
    with pytest.raises(SpreadError) as refused:
        bin_deposits(command(0, 69, active, x, y), cut(Venue.SAROS, 0, 69), STEP, active)
    assert refused.value.kind == kind
