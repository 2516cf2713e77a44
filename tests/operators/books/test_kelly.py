"""Kelly's fraction comes from a prior that fades as trades accumulate."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.books.accounts import ACCOUNT
from operators.books.kelly import kelly, kelly_for_sale, kelly_now, record_of
from operators.books.sizing import POLICY, policy_record
from operators.strategies.interface import Policy


def policy(**changes: float) -> np.void:
    return np.void(np.array([policy_record(Policy(**changes))], POLICY)[0])


def account(won: int = 0, lost: int = 0, win: float = 0.0, loss: float = 0.0) -> np.void:
    """So many trades that won or lost these averages."""
    made = np.zeros(1, ACCOUNT)
    made["trades_won"], made["trades_lost"], made["won"], made["lost"] = won, lost, won * win, lost * loss
    return np.void(made[0])


def test_kelly_is_the_edge_over_the_win() -> None:
    assert kelly(0.5, 1.0, 1.0) == 0.0
    assert kelly(0.6, 1.0, 1.0) == pytest.approx(0.2)
    assert kelly(0.4, 1.0, 1.0) == pytest.approx(-0.2)
    assert kelly(0.55, 0.001, 0.0008) == pytest.approx(0.19)


def test_what_never_won_has_no_edge() -> None:
    assert kelly(0.0, 0.0, 0.01) == 0.0
    assert kelly_now(account(lost=5, loss=0.01), policy(prior_trades=0.0)) == 0.0
    assert kelly_now(account(), policy(prior_trades=0.0)) == 0.0


def test_without_a_trade_the_prior_counts_alone() -> None:
    assert record_of(account(), policy()) == pytest.approx((0.55, 0.001, 0.0008))
    assert kelly_now(account(), policy()) == pytest.approx(0.19)


def test_after_as_many_trades_as_the_prior_weighs_each_counts_half() -> None:
    rate, win, loss = record_of(account(25, 75, 0.005, 0.002), policy(prior_trades=100.0))
    assert rate == pytest.approx((0.55 + 0.25) / 2)
    assert win == pytest.approx((55 * 0.001 + 25 * 0.005) / 80)
    assert loss == pytest.approx((45 * 0.0008 + 75 * 0.002) / 120)


def test_after_very_many_trades_the_prior_is_forgotten() -> None:
    many = account(600_000, 400_000, 0.004, 0.001)
    assert kelly_now(many, policy()) == pytest.approx(kelly(0.6, 0.004, 0.001), rel=1e-3)


@given(st.integers(0, 10_000), st.integers(0, 10_000), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_it_is_never_more_than_the_win_rate_and_one_more_loss_never_raises_it(
    won: int, lost: int, win: float, loss: float
) -> None:
    now = kelly_now(account(won, lost, win, loss), policy())
    assert now <= record_of(account(won, lost, win, loss), policy())[0] <= 1.0
    worse = account(won, lost, win, loss)
    worse["trades_lost"] += 1
    worse["lost"] += loss + 0.01
    assert kelly_now(worse, policy()) <= now + 1e-12


def test_a_sale_is_sized_by_the_prior_once_the_record_has_no_edge() -> None:
    bad = account(10, 1_000, 0.001, 0.01)
    assert kelly_now(bad, policy()) < 0.0
    assert kelly_for_sale(bad, policy()) == pytest.approx(0.19)
    assert kelly_for_sale(bad, policy(win_rate=0.1)) == 1.0
    good = account(1_000, 10, 0.01, 0.001)
    assert kelly_for_sale(good, policy()) == kelly_now(good, policy())
