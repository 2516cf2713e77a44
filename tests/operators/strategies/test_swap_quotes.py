"""Quotes stand around the price, as far from it as volatility says, and change only when they must."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.blocks import QUOTE, ROW, Rows
from operators.strategies.runner import KernelRunner
from operators.strategies.swap_quotes import SwapQuotes
from tests.operators.markets import SOL, path, ticks_among


def rows_of(prices: list[float], volatility: float = 0.0, slots: int = 1) -> Rows:
    rows = np.zeros(len(prices), ROW)
    rows["price"], rows["volatility"] = prices, volatility
    rows["slot"] = 100 + slots * np.arange(len(prices))
    return rows


def quotes(strategy: SwapQuotes, rows: Rows) -> Rows:
    return KernelRunner(strategy, SOL).decide(rows)


@given(st.floats(1e-6, 1e6), st.floats(1e-5, 0.01), st.floats(0.0, 0.5), st.floats(0.0, 30.0))
def test_the_spread_is_the_target_widened_by_volatility(
    price: float, target: float, volatility: float, multiplier: float
) -> None:
    strategy = SwapQuotes(spread_target=target, volatility_multiplier=multiplier)
    quote = quotes(strategy, rows_of([price], volatility))[0]
    spread = target * (1.0 + multiplier * volatility)
    assert quote["kind"] == QUOTE
    assert quote["bid"] == pytest.approx(price * (1.0 - spread / 2.0), rel=1e-12)
    assert quote["ask"] == pytest.approx(price * (1.0 + spread / 2.0), rel=1e-12)
    assert quote["fair"] == price
    assert np.isnan(quote["bid_size"])
    assert np.isnan(quote["ask_size"])


def test_two_percent_volatility_widens_a_tenth_of_a_percent_by_a_fifth() -> None:
    quote = quotes(SwapQuotes(), rows_of([100.0], 0.02))[0]
    assert quote["ask"] - quote["bid"] == pytest.approx(0.12)


def test_a_flat_market_is_quoted_once_and_again_only_on_expiry() -> None:
    made = quotes(SwapQuotes(order_expiry_slots=150), rows_of([100.0] * 1_000))
    assert made["row"].tolist() == [0, 150, 300, 450, 600, 750, 900]
    assert made["expiry_slots"].tolist() == [150] * 7


def test_quotes_without_expiry_stand_as_long_as_the_market() -> None:
    made = quotes(SwapQuotes(order_expiry_slots=0), rows_of([100.0] * 1_000))
    assert made["row"].tolist() == [0]
    assert made["expiry_slots"].tolist() == [0]


def test_a_tick_lets_a_quote_expire_in_a_silent_market() -> None:
    rows = path([0, 0, 0], slots=10)
    rows["volatility"] = 0.01
    rows["kind"] = ticks_among(rows, [False, True, True])["kind"]
    assert quotes(SwapQuotes(order_expiry_slots=20), rows)["row"].tolist() == [0, 2]


@pytest.mark.parametrize("direction", [1.0, -1.0])
def test_a_move_of_the_price_requotes_at_its_bound_and_not_below(direction: float) -> None:
    strategy = SwapQuotes(requote_price_bps=5.0)
    below, above = 100.0 * (1.0 + direction * 4.99e-4), 100.0 * (1.0 + direction * 5.01e-4)
    assert quotes(strategy, rows_of([100.0, below, 100.0]))["row"].tolist() == [0]
    assert quotes(strategy, rows_of([100.0, above]))["row"].tolist() == [0, 1]


def test_small_moves_add_up_from_the_last_quote() -> None:
    made = quotes(SwapQuotes(requote_price_bps=5.0), rows_of([100.0, 100.03, 100.06, 100.09, 100.12]))
    assert made["row"].tolist() == [0, 2, 4]
    assert made["fair"].tolist() == [100.0, 100.06, 100.12]


@pytest.mark.parametrize(("after", "requotes"), [(0.0249, False), (0.0251, True), (0.0, False)])
def test_a_change_of_the_spread_requotes_from_its_bound_on(after: float, requotes: bool) -> None:
    rows = rows_of([100.0, 100.0])
    rows["volatility"] = 0.0, after
    strategy = SwapQuotes(volatility_multiplier=10.0, requote_spread_change=0.25)
    assert len(quotes(strategy, rows)) == 1 + requotes


def test_a_spread_that_narrows_enough_requotes_too() -> None:
    rows = rows_of([100.0, 100.0])
    rows["volatility"] = 0.1, 0.04
    assert len(quotes(SwapQuotes(), rows)) == 2


def test_a_tolerance_of_nothing_quotes_every_row() -> None:
    assert len(quotes(SwapQuotes(requote_price_bps=0.0), rows_of([100.0] * 5))) == 5


def test_a_quote_says_why_and_by_which_figures() -> None:
    rows = rows_of([100.0, 101.0, 101.0, 101.0], slots=50)
    rows["volatility"] = 0.0, 0.0, 0.1, 0.1
    strategy = SwapQuotes(order_expiry_slots=50, volatility_multiplier=10.0)
    made = quotes(strategy, rows)
    assert [strategy.reasons[reason] for reason in made["reason"]] == list(strategy.reasons)
    assert strategy.figures == ("spread", "volatility")
    assert made["figures"][:, 0].tolist() == pytest.approx([0.001, 0.001, 0.002, 0.002])
    assert made["figures"][:, 1].tolist() == [0.0, 0.0, 0.1, 0.1]


def at_seconds(prices: list[float], seconds: list[float]) -> Rows:
    rows = rows_of(prices)
    rows["ts_event_ns"] = 1_700_000_000_000_000_000 + (np.array(seconds) * 1e9).astype(np.int64)
    return rows


def test_a_step_of_the_price_reaches_the_fair_value_by_halves() -> None:
    strategy = SwapQuotes(fair_half_life_s=2.0, requote_price_bps=0.0)
    made = quotes(strategy, at_seconds([100.0, 108.0, 108.0, 108.0], [0, 2, 4, 8]))
    assert made["fair"].tolist() == pytest.approx([100.0, 104.0, 106.0, 107.5], rel=1e-12)
    assert made["bid"] == pytest.approx(made["fair"] * (1.0 - 0.0005), rel=1e-12)
    assert made["ask"] == pytest.approx(made["fair"] * (1.0 + 0.0005), rel=1e-12)


def test_a_price_that_had_no_time_to_stand_weighs_nothing() -> None:
    strategy = SwapQuotes(fair_half_life_s=2.0, requote_price_bps=0.0)
    made = quotes(strategy, at_seconds([100.0, 900.0, 100.0, 108.0], [0, 0, -1, 2]))
    assert made["fair"].tolist() == pytest.approx([100.0, 100.0, 100.0, 104.0], rel=1e-12)


@given(st.lists(st.floats(90.0, 110.0), min_size=1, max_size=30))
def test_without_a_half_life_the_fair_value_is_the_price_to_the_bit(prices: list[float]) -> None:
    made = quotes(SwapQuotes(requote_price_bps=0.0), at_seconds(prices, list(range(len(prices)))))
    assert made["fair"].tolist() == prices


def test_a_jump_is_quoted_around_only_as_the_average_follows() -> None:
    strategy = SwapQuotes(fair_half_life_s=60.0, order_expiry_slots=0)
    rows = at_seconds([100.0, 101.0, 100.0], [0.0, 0.4, 0.8])
    assert quotes(strategy, rows)["row"].tolist() == [0]
    assert quotes(SwapQuotes(order_expiry_slots=0), rows)["row"].tolist() == [0, 1, 2]
