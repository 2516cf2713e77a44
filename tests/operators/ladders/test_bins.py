"""Bids stay below the active bin and asks above it, whichever way a ladder leans; widths stay, and the whole fits."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlmm.errors import RangeError
from dlmm.price import price_x64
from operators.ladders.bins import MOST_BINS, asks_of, beside, bids_of, bin_limits, lean, leaning, only
from tests.operators.markets import JUP, SOL

TEN = (88, 97, 103, 112)
"""Ten bins a side, two away from bin 100 and its neighbours."""


@pytest.mark.parametrize(
    ("moved", "lower", "bid_upper", "ask_lower", "upper"),
    [
        (0, 88, 97, 103, 112),
        (-2, 86, 95, 101, 110),
        (-5, 83, 92, 101, 110),
        (2, 90, 99, 105, 114),
        (5, 90, 99, 108, 117),
    ],
)
def test_the_side_that_leans_to_the_price_stops_before_it(
    moved: int, lower: int, bid_upper: int, ask_lower: int, upper: int
) -> None:
    assert leaning(TEN, 100, moved) == (lower, bid_upper, ask_lower, upper)


@given(st.integers(1, 69), st.integers(1, 69), st.integers(-64, 64))
def test_a_leaning_ladder_keeps_its_sides_and_spans_no_more_than_two_positions(
    offset: int, bins: int, moved: int
) -> None:
    bins = min(bins, 70 - offset)
    ladder = leaning((-offset - bins + 1, -offset, offset, offset + bins - 1), 0, moved)
    lower, bid_upper, ask_lower, upper = ladder
    assert bid_upper < 0 < ask_lower
    assert upper - lower < MOST_BINS
    assert bids_of(ladder) == bins if moved >= 0 else asks_of(ladder) == bins
    assert ladder == only(ladder, True, True) or not (bids_of(ladder) and asks_of(ladder))


def test_what_is_wished_on_the_wrong_side_of_the_price_is_left_out() -> None:
    assert beside((95, 105, 95, 105), 100, 0) == (95, 99, 101, 105)
    assert asks_of(beside(TEN, 200, 0)) == 0
    assert bids_of(beside(TEN, 0, 0)) == 0


def test_a_ladder_moves_with_the_price_it_was_wished_at() -> None:
    assert beside(TEN, 104, 4) == (92, 101, 107, 116)
    assert beside(TEN, 100, 4) == (92, 99, 107, 116)


def test_a_ladder_of_one_side_begins_and_ends_with_it() -> None:
    assert only(TEN, True, False) == (88, 97, 98, 97)
    assert only(TEN, False, True) == (103, 102, 103, 112)
    nothing = only(TEN, False, False)
    assert (bids_of(nothing), asks_of(nothing)) == (0, 0)
    assert only((5, 4, 6, 8), True, True) == (6, 5, 6, 8)


@pytest.mark.parametrize(
    ("share", "moved"),
    [(0.5, 0), (0.6, -2), (0.7, -4), (1.0, -4), (0.4, 2), (0.3, 4), (0.0, 4), (0.512, 0), (0.513, -1)],
)
def test_a_ladder_leans_by_its_part_of_the_skew(share: float, moved: int) -> None:
    assert lean(share, 0.5, 0.2, 4.0 if share not in (0.512, 0.513) else 8.0) == moved


def test_without_a_band_it_leans_all_the_way_or_not_at_all() -> None:
    assert [lean(share, 0.5, 0.0, 3.0) for share in (0.4, 0.5, 0.6)] == [3, 0, -3]


@pytest.mark.parametrize("pool", [SOL, JUP])
@pytest.mark.parametrize("bin_step", [1, 20, 100, 400, 10_000])
def test_every_bin_within_the_limits_has_a_price(pool: object, bin_step: int) -> None:
    info = msgspec.structs.replace(SOL if pool is SOL else JUP, bin_step=bin_step)
    first, last = bin_limits(info)
    assert price_x64(first - info.zero_bin, bin_step) > 0
    assert price_x64(last - info.zero_bin, bin_step) > 0


def test_the_limits_of_the_programs_are_their_own() -> None:
    assert bin_limits(SOL) == (-17_581, 17_581)
    first, last = bin_limits(JUP)
    assert (first + last) // 2 == JUP.zero_bin
    with pytest.raises(RangeError):
        assert price_x64(last - JUP.zero_bin + 1, JUP.bin_step) < price_x64(first - JUP.zero_bin - 1, JUP.bin_step)
