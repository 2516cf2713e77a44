"""Shapes put the weight where their name says, and every side is whole."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlmm.errors import RangeError
from dlmm.shapes import BinPart, Shape, apportion, distribution, meteora_shares, saros_shares

SHAPES = st.sampled_from(list(Shape))


@given(SHAPES, st.integers(0, 69), st.integers(0, 69), st.sampled_from([1, 10, 100, 400]))
def test_both_sides_are_whole_and_on_their_side(shape: Shape, below: int, above: int, bin_step: int) -> None:
    parts = distribution(shape, lower=-below, upper=above, bin_step=bin_step)
    assert sum(part.x_bps for part in parts) == sum(part.y_bps for part in parts) == 10_000
    assert all(part.x_bps == 0 or part.relative_bin_id >= 0 for part in parts)
    assert all(part.y_bps == 0 or part.relative_bin_id <= 0 for part in parts)
    assert [part.relative_bin_id for part in parts] == list(range(-below, above + 1))


@given(st.integers(0, 10**6), st.lists(st.integers(0, 10**30), min_size=1, max_size=80))
def test_a_split_keeps_the_whole_and_stays_within_one_of_fair(total: int, parts: list[int]) -> None:
    if not any(parts):
        with pytest.raises(RangeError):
            apportion(total, parts)
        return
    shares = apportion(total, parts)
    assert sum(shares) == total
    assert all(share * sum(parts) - total * part + sum(parts) >= 0 for share, part in zip(shares, parts, strict=True))
    assert all(share * sum(parts) - total * part < sum(parts) for share, part in zip(shares, parts, strict=True))


def test_curve_falls_and_bid_ask_rises_away_from_the_active_bin() -> None:
    curve = distribution(Shape.CURVE, lower=-3, upper=0, bin_step=1, with_x=False)
    assert [part.y_bps for part in curve] == [1000, 2000, 3000, 4000]
    bid_ask = distribution(Shape.BID_ASK, lower=-3, upper=0, bin_step=1, with_x=False)
    assert [part.y_bps for part in bid_ask] == [4000, 3000, 2000, 1000]


def test_spot_means_equal_value_so_less_of_x_higher_up() -> None:
    parts = distribution(Shape.SPOT, lower=0, upper=2, bin_step=1000, with_y=False)
    assert [part.x_bps for part in parts] == [3656, 3323, 3021]


def test_one_sided_ranges_may_lie_away_from_the_active_bin() -> None:
    parts = distribution(Shape.SPOT, lower=-5, upper=-4, bin_step=10, with_x=False)
    assert parts == [BinPart(-5, 0, 5000), BinPart(-4, 0, 5000)]


@pytest.mark.parametrize(
    ("lower", "upper", "with_x", "with_y"),
    [(1, 0, True, True), (1, 3, True, True), (-3, -1, True, True), (-3, -1, True, False), (0, 1, False, False)],
)
def test_a_range_without_place_for_a_token_is_refused(lower: int, upper: int, with_x: bool, with_y: bool) -> None:
    with pytest.raises(RangeError):
        distribution(Shape.SPOT, lower=lower, upper=upper, bin_step=10, with_x=with_x, with_y=with_y)


def test_venues_take_the_distribution_in_their_own_terms() -> None:
    parts = distribution(Shape.CURVE, lower=-1, upper=1, bin_step=10)
    assert [share.bin_id for share in meteora_shares(parts, -7)] == [-8, -7, -6]
    assert [share.relative_bin_id for share in saros_shares(parts)] == [-1, 0, 1]


def test_meteora_wants_both_sides_and_saros_at_most_64_bins() -> None:
    with pytest.raises(RangeError, match="by strategy"):
        meteora_shares(distribution(Shape.SPOT, lower=0, upper=3, bin_step=1, with_y=False), 0)
    with pytest.raises(RangeError, match="65 bins"):
        saros_shares(distribution(Shape.SPOT, lower=-32, upper=32, bin_step=1))
