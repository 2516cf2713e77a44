"""Volatility equals its definition, at every row, however the rows are cut."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.blocks import ROW, Rows
from operators.market.volatility import MAX_WINDOW, Volatility, VolatilityParams
from tests.operators.markets import path, ticks_among

ROLLING = VolatilityParams()
EWMA = VolatilityParams(estimator="ewma")
BOTH = pytest.mark.parametrize("params", [ROLLING, EWMA], ids=["rolling", "ewma"])


def priced(prices: list[float]) -> Rows:
    rows = np.zeros(len(prices), ROW)
    rows["price"] = prices
    return rows


def estimate(params: VolatilityParams, prices: list[float]) -> list[float]:
    rows = priced(prices)
    Volatility(params).estimate(rows)
    out: list[float] = rows["volatility"].tolist()
    return out


prices = st.lists(st.floats(0.5, 2.0), min_size=1, max_size=60)


@given(prices)
def test_rolling_is_the_standard_deviation_of_the_last_twenty_prices_returns(made: list[float]) -> None:
    for index, value in enumerate(estimate(ROLLING, made)):
        window = np.array(made[max(0, index - 19) : index + 1])
        expected = 0.02 if index + 1 < 10 else float(np.std(np.diff(np.log(window))))
        assert value == pytest.approx(expected, rel=1e-6, abs=1e-8)


@given(prices, st.integers(2, 30), st.integers(1, 30))
def test_window_and_samples_are_obeyed(made: list[float], window: int, min_samples: int) -> None:
    params = VolatilityParams(window=window, min_samples=min_samples, default=0.5)
    for index, value in enumerate(estimate(params, made)):
        last = np.array(made[max(0, index + 1 - window) : index + 1])
        is_ready = index + 1 >= min_samples and len(last) > 1
        expected = float(np.std(np.diff(np.log(last)))) if is_ready else 0.5
        assert value == pytest.approx(expected, rel=1e-6, abs=1e-8)


@BOTH
def test_two_percent_stand_in_until_ten_updates_are_there(params: VolatilityParams) -> None:
    values = estimate(params, [100.0, 101.0] * 6)
    assert values[:9] == [0.02] * 9
    assert values[9] == pytest.approx(math.log(1.01), rel=0.02)


@BOTH
def test_a_constant_price_has_none(params: VolatilityParams) -> None:
    assert estimate(params, [77.7] * 40)[10:] == [0.0] * 30


def test_a_steady_trend_has_none_in_the_rolling_estimate() -> None:
    assert estimate(ROLLING, [100.0 * 1.01**step for step in range(40)])[-1] == pytest.approx(0.0, abs=1e-8)


@given(prices, st.floats(0.5, 50.0))
def test_ewma_weighs_each_return_by_its_age(made: list[float], half_life: float) -> None:
    keep = 0.5 ** (1.0 / half_life)
    params = VolatilityParams(estimator="ewma", min_samples=2, half_life_updates=half_life)
    squares = np.diff(np.log(np.array(made))) ** 2
    for count, value in enumerate(estimate(params, made)[1:], start=1):
        age = np.arange(count - 1, -1, -1)
        weights = (1.0 - keep) * keep**age
        weights[0] = keep ** (count - 1)
        assert value == pytest.approx(math.sqrt(float(weights @ squares[:count])), rel=1e-9, abs=1e-12)


def test_after_one_half_life_of_calm_the_variance_is_half() -> None:
    params = VolatilityParams(estimator="ewma", min_samples=2, half_life_updates=5.0)
    values = estimate(params, [100.0, 110.0, *[110.0] * 5])
    assert values[6] ** 2 == pytest.approx(values[1] ** 2 / 2)


@BOTH
def test_without_a_return_the_default_stands_in_whatever_the_samples(params: VolatilityParams) -> None:
    one = VolatilityParams(estimator=params.estimator, min_samples=1, default=0.5)
    assert estimate(one, [100.0, 100.0]) == [0.5, 0.0]


@BOTH
def test_a_tick_changes_nothing_and_carries_the_estimate(params: VolatilityParams) -> None:
    bins = [0, 2, 1, 5, 3, 4, 0, 1, 2, 7, 3, 5, 6]
    is_tick = [index in {4, 11} for index in range(len(bins))]
    rows = path(bins)
    with_ticks, without = ticks_among(rows, is_tick), rows[~np.array(is_tick)]
    Volatility(params).estimate(with_ticks)
    Volatility(params).estimate(without)
    assert with_ticks["volatility"][~np.array(is_tick)].tolist() == without["volatility"].tolist()
    assert with_ticks["volatility"][11] == with_ticks["volatility"][10]


@BOTH
def test_blocks_of_any_size_give_the_same_bytes(params: VolatilityParams) -> None:
    bins = np.random.default_rng(5).integers(-4, 5, 2_500).cumsum()
    rows = path(bins.tolist())
    cuts = {}
    for size in (1, 7, 1_000, len(rows)):
        volatility, parts = Volatility(params), []
        for start in range(0, len(rows), size):
            part = rows[start : start + size].copy()
            volatility.estimate(part)
            parts.append(part.tobytes())
        cuts[size] = b"".join(parts)
    assert len(set(cuts.values())) == 1


def test_the_largest_window_fits() -> None:
    made = (100.0 + np.random.default_rng(6).random(3 * MAX_WINDOW)).tolist()
    value = estimate(VolatilityParams(window=MAX_WINDOW), made)[-1]
    assert value == pytest.approx(float(np.std(np.diff(np.log(made[-MAX_WINDOW:])))), rel=1e-9)
