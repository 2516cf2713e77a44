"""The kernel splits as `dlmm.shapes` does, to the unit, whatever the amounts; what it cannot place it leaves alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlmm.price import SCALE_BITS, price_x64
from dlmm.shapes import Shape, weights
from dlmm.shapes import apportion as apportion_exactly
from operators.orders.records import ACTIVE_MOVED, NO_BINS, NO_RULE, RULES
from operators.paper.ladder_spreads import apportion, ladder_parts, spread
from operators.positions.bin_positions import MOST_UNITS

STEP = 20
AMOUNTS = st.one_of(st.integers(1, 200), st.integers(1, MOST_UNITS))
SHAPES = st.sampled_from(Shape)


@given(AMOUNTS, SHAPES, st.integers(1, 140), st.sampled_from([1, 20, 400]))
def test_asks_share_as_exact_integers_do(total: int, shape: Shape, count: int, bin_step: int) -> None:
    exact = [
        (weight << 2 * SCALE_BITS) // price_x64(place, bin_step) for place, weight in enumerate(weights(shape, count))
    ]
    out = np.zeros(count, np.uint64)
    assert apportion(total, ladder_parts(shape, count, 0, bin_step), out, 0, 1)
    assert out.tolist() == apportion_exactly(total, exact)


@given(AMOUNTS, SHAPES, st.integers(1, 140))
def test_bids_share_as_exact_integers_do_from_the_upper_end_down(total: int, shape: Shape, count: int) -> None:
    out = np.zeros(count, np.uint64)
    assert apportion(total, ladder_parts(shape, 0, count, STEP), out, count - 1, -1)
    assert out.tolist()[::-1] == apportion_exactly(total, weights(shape, count))


def placed(active_id: int = 0, x: int = 90, y: int = 90, bins: tuple[int, int, int, int] = (-3, -1, 1, 3)) -> list[int]:
    """The rule, and what went into the bins."""
    found = np.zeros((2, 10), np.uint64)
    parts = ladder_parts(Shape.SPOT, max(bins[3] - bins[2] + 1, 0), max(bins[1] - bins[0] + 1, 0), 1)
    rule = spread(bins, x, y, 0, active_id, parts, found[0], found[1])
    return [rule, int(found[0].sum()), int(found[1].sum())]


@pytest.mark.parametrize(
    ("asked", "rule"),
    [
        ({}, NO_RULE),
        ({"active_id": 1}, NO_RULE),
        ({"active_id": 2}, ACTIVE_MOVED),
        ({"active_id": -2}, ACTIVE_MOVED),
        ({"active_id": 6, "x": 0}, ACTIVE_MOVED),
        ({"active_id": -5, "y": 0}, NO_RULE),
        ({"bins": (1, 0, 1, 3)}, NO_BINS),
        ({"bins": (-3, -1, 0, -1)}, NO_BINS),
        ({"bins": (3, 0, 1, 5), "y": 0}, NO_BINS),
    ],
)
def test_only_what_is_on_its_side_of_the_price_is_placed(asked: dict[str, int], rule: int) -> None:
    named, x, y = placed(**asked)  # type: ignore[arg-type] # bins are among them
    assert RULES[named] == RULES[rule]
    assert (x, y) == ((0, 0) if rule != NO_RULE else (asked.get("x", 90), asked.get("y", 90)))


def test_asks_so_far_out_that_they_have_no_price_take_nothing() -> None:
    out = np.zeros(140, np.uint64)
    assert not apportion(1_000, ladder_parts(Shape.SPOT, 140, 0, 10_000), out, 0, 1)
    assert not out.any()
    assert apportion(1_000, ladder_parts(Shape.SPOT, 60, 0, 10_000), out, 0, 1)
