"""What a window says of prices is what numpy says of the same samples."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from operators.blocks import Rows
from operators.strategies.price_grid import (
    GRID,
    MIN_FIT,
    SAMPLES,
    confidence,
    half_life,
    mean_and_deviation,
    note_price,
    window_of,
)

PLACES, SIGNS = np.array([0, 1, 0]), np.array([1.0, -1.0, 0.0])
PRICES = st.lists(st.floats(0.5, 2.0), min_size=1, max_size=130)


def filled(first: list[float], second: list[float] | None = None, interval_ns: int = 10) -> Rows:
    """Two pools that have one price an interval each; what the last of them is shows in no sample yet."""
    grid = np.zeros(1, GRID)
    for at, price in enumerate(first):
        note_price(grid[0], 0, price, 1_000 + at * interval_ns, interval_ns)
        if second is not None:
            note_price(grid[0], 1, second[at], 1_000 + at * interval_ns + 1, interval_ns)
    return grid


def alone(grid: Rows) -> NDArray[np.float64]:
    """The first pool's window."""
    return window_of(grid[0], PLACES, SIGNS, 1)


def apart(grid: Rows) -> NDArray[np.float64]:
    """The window of the first pool's log price less the second's."""
    return window_of(grid[0], PLACES, SIGNS, 2)


@given(PRICES)
def test_samples_are_the_prices_in_force_when_intervals_ended(prices: list[float]) -> None:
    assert alone(filled(prices)).tolist() == [math.log(price) for price in prices[:-1]][-SAMPLES:]


def test_a_silence_repeats_the_last_price_and_one_longer_than_the_window_fills_it() -> None:
    grid = filled([2.0])
    note_price(grid[0], 0, 3.0, 1_040, 10)
    assert alone(grid).tolist() == [math.log(2.0)] * 4
    note_price(grid[0], 0, 2.0, 10**15, 10)
    assert alone(grid).tolist() == [math.log(3.0)] * SAMPLES


def test_a_row_with_an_older_time_sets_the_price_and_takes_no_sample() -> None:
    grid = filled([2.0, 2.5])
    note_price(grid[0], 0, 3.0, 900, 10)
    assert grid[0]["price"][0] == 3.0
    assert len(alone(grid)) == 1


@pytest.mark.parametrize("price", [math.nan, 0.0, -1.0, math.inf])
def test_what_is_no_price_leaves_the_last_one(price: float) -> None:
    grid = filled([2.0])
    note_price(grid[0], 0, price, 1_000, 10)
    assert grid[0]["price"][0] == 2.0


def test_the_window_of_a_combination_is_that_of_its_youngest_price() -> None:
    grid = filled([1.0, 2.0, 3.0])
    assert len(apart(grid)) == 0
    note_price(grid[0], 1, 5.0, 1_020, 10)
    note_price(grid[0], 1, 5.0, 1_030, 10)
    assert apart(grid) == pytest.approx([math.log(3.0 / 5.0)])


@given(PRICES.filter(lambda prices: len(prices) > 1), st.integers(0, 9))
def test_mean_and_deviation_are_numpys(prices: list[float], seed: int) -> None:
    second = np.random.default_rng(seed).uniform(0.5, 2.0, len(prices)).tolist()
    window = apart(filled(prices, second))
    expected = np.log(prices[:-1])[-SAMPLES:] - np.log(second[:-1])[-SAMPLES:]
    assert window == pytest.approx(expected, abs=1e-12)
    assert mean_and_deviation(window, math.inf, 0.0) == pytest.approx((expected.mean(), expected.std()), abs=1e-12)
    # None beyond 0.3, and ten more samples: five on either side.
    pooled = np.concatenate([np.clip(expected, -0.3, 0.3), [0.3, -0.3] * 5])
    assert mean_and_deviation(window, 0.3, 10.0) == pytest.approx((pooled.mean(), pooled.std()), abs=1e-12)


def test_without_samples_the_prior_stands_alone_and_without_either_there_is_nothing() -> None:
    nothing = np.zeros(0)
    assert mean_and_deviation(nothing, 0.002, 10.0) == (0.0, 0.002)
    assert np.isnan(mean_and_deviation(nothing, math.inf, 0.0)).all()
    assert math.isnan(half_life(nothing, 1.0))


@given(st.floats(1e-9, 1e9), st.integers(2, 100))
def test_a_constant_has_a_deviation_of_zero_and_no_half_life(price: float, count: int) -> None:
    window = alone(filled([price] * count))
    assert mean_and_deviation(window, math.inf, 0.0) == (math.log(price), 0.0)
    assert math.isnan(half_life(window, 0.0))


@pytest.mark.parametrize("kept", [0.5, 0.9, 0.98])
def test_what_decays_by_a_fixed_part_has_the_half_life_of_that_part(kept: float) -> None:
    prices = np.exp(0.1 * kept ** np.arange(40)).tolist()
    assert half_life(alone(filled(prices)), 0.0) == pytest.approx(math.log(0.5) / math.log(kept), rel=1e-6)


def test_what_alternates_is_gone_at_once_and_what_grows_never_comes_back() -> None:
    assert half_life(alone(filled([1.0, 2.0] * 20)), 0.0) == 0.0
    assert half_life(alone(filled(np.exp(1.05 ** np.arange(40) - 1.0).tolist())), 0.0) == math.inf


def test_prior_deviations_that_went_at_once_shorten_a_half_life() -> None:
    off = 0.1 * 0.5 ** np.arange(20)
    prior = float(((off[:-1] - off[:-1].mean()) ** 2).sum())
    window = alone(filled(np.exp([*off, 0.0]).tolist()))
    assert half_life(window, 0.0) == pytest.approx(1.0)
    assert half_life(window, prior) == pytest.approx(0.5)
    assert half_life(alone(filled([1.0] * 20)), prior) == 0.0


def test_a_half_life_needs_its_samples() -> None:
    decay = np.exp(0.1 * 0.5 ** np.arange(MIN_FIT + 1)).tolist()
    assert math.isnan(half_life(alone(filled(decay[:-1])), 0.0))
    assert half_life(alone(filled(decay)), 0.0) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("z_score", "windows", "expected"),
    [
        (0.0, 0.0, 0.0),
        (2.0, 0.0, 0.9545),
        (-2.0, 1.0, 0.9545 / 2),
        (2.0, math.nan, 0.9545),
        (3.0, math.inf, 0.0),
        (math.inf, math.nan, 1.0),
    ],
)
def test_confidence_rises_with_the_z_score_and_falls_with_the_half_life(
    z_score: float, windows: float, expected: float
) -> None:
    assert confidence(z_score, windows) == pytest.approx(expected, abs=1e-4)
