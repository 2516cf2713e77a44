"""Quotes stand around the price, as far from it as volatility says, and change only when they must."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.blocks import QUOTE, ROW, Rows
from operators.strategies.market_making import MarketMaking
from operators.strategies.runner import KernelRunner
from tests.operators.markets import SOL, path, ticks_among


def rows_of(prices: list[float], volatility: float = 0.0, slots: int = 1) -> Rows:
    rows = np.zeros(len(prices), ROW)
    rows["price"], rows["volatility"] = prices, volatility
    rows["slot"] = 100 + slots * np.arange(len(prices))
    return rows


def quotes(strategy: MarketMaking, rows: Rows) -> Rows:
    return KernelRunner(strategy, SOL).decide(rows)


@given(st.floats(1e-6, 1e6), st.floats(1e-5, 0.01), st.floats(0.0, 0.5), st.floats(0.0, 30.0))
def test_the_spread_is_the_target_widened_by_volatility(
    price: float, target: float, volatility: float, multiplier: float
) -> None:
    strategy = MarketMaking(spread_target=target, volatility_multiplier=multiplier)
    quote = quotes(strategy, rows_of([price], volatility))[0]
    spread = target * (1.0 + multiplier * volatility)
    assert quote["kind"] == QUOTE
    assert quote["bid"] == pytest.approx(price * (1.0 - spread / 2.0), rel=1e-12)
    assert quote["ask"] == pytest.approx(price * (1.0 + spread / 2.0), rel=1e-12)
    assert quote["fair"] == price
    assert np.isnan(quote["bid_size"])
    assert np.isnan(quote["ask_size"])


def test_two_percent_volatility_widens_a_tenth_of_a_percent_by_a_fifth() -> None:
    quote = quotes(MarketMaking(), rows_of([100.0], 0.02))[0]
    assert quote["ask"] - quote["bid"] == pytest.approx(0.12)


def test_a_flat_market_is_quoted_once_and_again_only_on_expiry() -> None:
    made = quotes(MarketMaking(order_expiry_slots=150), rows_of([100.0] * 1_000))
    assert made["row"].tolist() == [0, 150, 300, 450, 600, 750, 900]
    assert made["expiry_slots"].tolist() == [150] * 7


def test_quotes_without_expiry_stand_as_long_as_the_market() -> None:
    made = quotes(MarketMaking(order_expiry_slots=0), rows_of([100.0] * 1_000))
    assert made["row"].tolist() == [0]
    assert made["expiry_slots"].tolist() == [0]


def test_a_tick_lets_a_quote_expire_in_a_silent_market() -> None:
    rows = path([0, 0, 0], slots=10)
    rows["volatility"] = 0.01
    rows["kind"] = ticks_among(rows, [False, True, True])["kind"]
    assert quotes(MarketMaking(order_expiry_slots=20), rows)["row"].tolist() == [0, 2]


@pytest.mark.parametrize("direction", [1.0, -1.0])
def test_a_move_of_the_price_requotes_at_its_bound_and_not_below(direction: float) -> None:
    strategy = MarketMaking(requote_price_bps=5.0)
    below, above = 100.0 * (1.0 + direction * 4.99e-4), 100.0 * (1.0 + direction * 5.01e-4)
    assert quotes(strategy, rows_of([100.0, below, 100.0]))["row"].tolist() == [0]
    assert quotes(strategy, rows_of([100.0, above]))["row"].tolist() == [0, 1]


def test_small_moves_add_up_from_the_last_quote() -> None:
    made = quotes(MarketMaking(requote_price_bps=5.0), rows_of([100.0, 100.03, 100.06, 100.09, 100.12]))
    assert made["row"].tolist() == [0, 2, 4]
    assert made["fair"].tolist() == [100.0, 100.06, 100.12]


@pytest.mark.parametrize(("after", "requotes"), [(0.0249, False), (0.0251, True), (0.0, False)])
def test_a_change_of_the_spread_requotes_from_its_bound_on(after: float, requotes: bool) -> None:
    rows = rows_of([100.0, 100.0])
    rows["volatility"] = 0.0, after
    strategy = MarketMaking(volatility_multiplier=10.0, requote_spread_change=0.25)
    assert len(quotes(strategy, rows)) == 1 + requotes


def test_a_spread_that_narrows_enough_requotes_too() -> None:
    rows = rows_of([100.0, 100.0])
    rows["volatility"] = 0.1, 0.04
    assert len(quotes(MarketMaking(), rows)) == 2


def test_a_tolerance_of_nothing_quotes_every_row() -> None:
    assert len(quotes(MarketMaking(requote_price_bps=0.0), rows_of([100.0] * 5))) == 5
