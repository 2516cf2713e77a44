"""Which bin takes how much, in sum to the unit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlmm.liquidity import NOTHING
from dlmm.price import price_x64
from dlmm.records import Venue
from dlmm.shapes import Shape
from dlmm.spreads import SpreadError
from operators.paper.spreading import PaperDeposit, PaperLadder, spread_deposit, spread_ladder

STEP = 20
SIDES = st.integers(1, 70)
AMOUNTS = st.integers(0, 10**15)


def ladder(bids: int, asks: int, x: int, y: int, shape: Shape = Shape.SPOT) -> PaperLadder:
    return PaperLadder(-bids, -1, 1, asks, x, y, 0, shape)


@given(SIDES, SIDES, AMOUNTS, AMOUNTS, st.sampled_from(Shape))
def test_the_bins_of_a_ladder_add_up_to_it(bids: int, asks: int, x: int, y: int, shape: Shape) -> None:
    found = spread_ladder(ladder(bids, asks, x, y, shape), 0, STEP)
    total = sum(found.values(), NOTHING)
    assert (total.x, total.y) == (x, y)
    assert all(one.x == 0 for bin_id, one in found.items() if bin_id < 0)
    assert all(one.y == 0 for bin_id, one in found.items() if bin_id > 0)
    assert list(found) == sorted(found)


def test_a_shape_begins_at_the_inner_end_of_each_side() -> None:
    found = spread_ladder(ladder(3, 3, 10**12, 6_000, Shape.CURVE), 0, STEP)
    assert [found[bin_id].y for bin_id in (-1, -2, -3)] == [3_000, 2_000, 1_000]
    worth = [found[bin_id].x * price_x64(bin_id, STEP) for bin_id in (1, 2, 3)]
    assert worth[0] / worth[2] == pytest.approx(3.0, rel=1e-9)
    rising = spread_ladder(ladder(3, 3, 0, 6_000, Shape.BID_ASK), 0, STEP)
    assert [rising[bin_id].y for bin_id in (-1, -2, -3)] == [1_000, 2_000, 3_000]


@pytest.mark.parametrize("active_id", [-2, 2, 6, -6])
def test_a_ladder_that_the_price_has_come_into_is_not_placed(active_id: int) -> None:
    with pytest.raises(SpreadError) as refused:
        spread_ladder(ladder(3, 3, 10, 10), active_id, STEP)
    assert refused.value.kind == "active_moved"


def test_the_innermost_bin_may_be_the_active_one() -> None:
    assert spread_ladder(ladder(3, 3, 10, 10), 1, STEP)[1].x > 0


def test_a_side_without_bins_takes_nothing() -> None:
    with pytest.raises(SpreadError) as refused:
        spread_ladder(ladder(0, 3, 10, 10), 0, STEP)
    assert refused.value.kind == "wrong_side"


@pytest.mark.parametrize("venue", list(Venue))
@given(st.integers(2, 140), st.integers(-5, 5), AMOUNTS, st.sampled_from(Shape))
def test_a_deposit_is_never_more_than_was_given_and_less_by_a_unit_a_bin_at_most(
    venue: Venue, width: int, moved: int, amount: int, shape: Shape
) -> None:
    deposit = PaperDeposit(10, 9 + width, amount + 1, 0, 0, shape)
    found = spread_deposit(venue, deposit, moved, STEP)
    total = sum(found.values(), NOTHING)
    assert total.y == 0
    assert amount + 1 - 2 * width <= total.x <= amount + 1


@pytest.mark.parametrize("venue", list(Venue))
@pytest.mark.parametrize("moved", [-6, 6])
def test_a_deposit_chosen_at_another_price_is_not_made(venue: Venue, moved: int) -> None:
    with pytest.raises(SpreadError) as refused:
        spread_deposit(venue, PaperDeposit(-20, 20, 10, 10, 0, Shape.SPOT), moved, STEP)
    assert refused.value.kind == "active_moved"
