"""Figures of a run equal their closed forms, and what a run does not support is not given."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from operators.blocks import Rows
from operators.books.ledger import EQUITY
from operators.books.performance import SECONDS_PER_YEAR, Performance, measure, sharpe_ratio

MINUTE_NS = 60_000_000_000
START = 1_700_000_040 * 1_000_000_000


def curve(values: list[float], minutes: list[float] | None = None) -> Rows:
    made = np.zeros(len(values), EQUITY)
    made["equity"] = values
    times = list(range(len(values))) if minutes is None else minutes
    made["ts_event_ns"] = [START + round(time * MINUTE_NS) for time in times]
    return made


def book(**fields: float) -> dict[str, float]:
    blank = dict.fromkeys(("realised", "fees", "fees_earned", "base", "position_x", "price", "cost"), 0.0)
    return blank | {"unit_x": 1e-9} | fields


def performance(books: tuple[dict[str, float], ...] = (), **ledger: float) -> Performance:
    fields = {"equity": 1_000.0, "max_drawdown": 0.0, "wins": 0, "losses": 0, "gross_profit": 0.0, "gross_loss": 0.0}
    return measure(curve([1_000.0] * 3), fields | ledger, books, 1_000.0, 60.0)


@given(st.lists(st.floats(900.0, 1_100.0), min_size=3, max_size=50))
def test_sharpe_is_mean_over_deviation_of_the_returns_for_a_year(values: list[float]) -> None:
    moves = np.diff(np.log(values))
    assume(np.std(moves) > 1e-9)
    expected = np.mean(moves) / np.std(moves) * math.sqrt(SECONDS_PER_YEAR / 60.0)
    assert sharpe_ratio(curve(values), 60.0) == pytest.approx(float(expected), rel=1e-4, abs=1e-6)


def test_sharpe_of_two_alternating_returns_in_closed_form() -> None:
    # Returns +2, -1, +2, -1 (in units of 0.001): mean 0.5, deviation 1.5.
    values = 1_000.0 * np.exp(np.cumsum([0.0, 2e-3, -1e-3, 2e-3, -1e-3]))
    assert sharpe_ratio(curve(values.tolist()), 60.0) == pytest.approx(math.sqrt(365 * 24 * 60) / 3)


def test_intervals_in_which_the_market_was_silent_count_as_no_return() -> None:
    silent, spoken = curve([1_000.0, 1_010.0, 1_000.0], [0, 3, 4]), [1_000.0, 1_000.0, 1_000.0, 1_010.0, 1_000.0]
    assert sharpe_ratio(silent, 60.0) == pytest.approx(sharpe_ratio(curve(spoken), 60.0))


def test_of_several_samples_in_an_interval_the_last_counts() -> None:
    several = curve([1_000.0, 5.0, 1_010.0, 990.0, 1_005.0], [0, 1, 1.5, 2, 2.9])
    assert sharpe_ratio(several, 60.0) == pytest.approx(sharpe_ratio(curve([1_000.0, 1_010.0, 1_005.0]), 60.0))


@pytest.mark.parametrize(
    "values",
    [[], [1_000.0], [1_000.0, 1_010.0], [1_000.0] * 9, [1_000.0, 0.0, 10.0], [1_000.0, -5.0, 10.0]],
    ids=["nothing", "one sample", "one return", "flat", "ruined", "in debt"],
)
def test_a_curve_that_supports_no_ratio_has_none(values: list[float]) -> None:
    assert sharpe_ratio(curve(values), 60.0) is None


def test_profit_splits_into_realised_and_unrealised() -> None:
    books = (
        book(realised=7.0, fees=1.5, fees_earned=0.25, base=2_000_000_000, price=110.0, cost=100.0),
        book(realised=-3.0, fees=0.5, base=5_000, unit_x=1e-3, price=2.0, cost=3.0),
    )
    made = performance(books, equity=1_019.0)
    assert (made.start_equity, made.end_equity, made.profit) == (1_000.0, 1_019.0, 19.0)
    assert (made.realised, made.fees, made.fees_earned) == (4.0, 2.0, 0.25)
    assert made.unrealised == pytest.approx(15.0)


def test_win_rate_and_profit_factor_of_what_was_decided() -> None:
    made = performance(wins=3, losses=1, gross_profit=30.0, gross_loss=12.0, max_drawdown=0.25)
    assert (made.win_rate, made.profit_factor, made.max_drawdown) == (0.75, 2.5, 0.25)


def test_without_trades_there_is_no_win_rate_and_no_profit_factor() -> None:
    made = performance()
    assert (made.win_rate, made.profit_factor, made.sharpe) == (None, None, None)
    assert (made.profit, made.realised, made.unrealised, made.fees) == (0.0, 0.0, 0.0, 0.0)


def test_without_losses_there_is_a_win_rate_and_no_profit_factor() -> None:
    made = performance(wins=3, gross_profit=30.0)
    assert (made.win_rate, made.profit_factor) == (1.0, None)


def test_without_wins_both_are_zero() -> None:
    made = performance(losses=3, gross_loss=30.0)
    assert (made.win_rate, made.profit_factor) == (0.0, 0.0)
