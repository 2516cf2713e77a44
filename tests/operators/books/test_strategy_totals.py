"""What strategies came to adds up to what the portfolio came to."""

import msgspec
import numpy as np
import pytest

from operators.blocks import TAKE
from operators.books.sizing import POLICY, policy_record
from operators.books.strategy_totals import strategy_totals
from operators.strategies.interface import Policy
from tests.operators.clockwork import Clockwork, Rules
from tests.operators.markets import POOLS, bin_price, market, path, signal

PRICE = bin_price(0, -996)
RULES = Rules(shares=(0.25, 0.75), strategies=2, transaction_cost=0.5)
POLICIES = np.array([policy_record(Policy(kelly_fraction=0.5))] * 2, POLICY)


def traded(rules: Rules = RULES) -> Clockwork:
    """Two strategies of which one buys before a rise and sells after it, and the other before a fall."""
    rows = path([0, 0, 0, 30, 30, 30, 5, 5, 5])
    wishes = [
        signal(rows[0], TAKE, bid=PRICE * 1.1, bid_size=10.0, strategy=0),
        signal(rows[3], TAKE, ask=PRICE * 0.9, ask_size=10.0, strategy=0),
        signal(rows[3], TAKE, bid=PRICE * 1.2, bid_size=20.0, strategy=1),
        signal(rows[6], TAKE, ask=PRICE * 0.9, ask_size=90.0, strategy=1),
    ]
    venue = Clockwork(rules).walk(rows, *wishes)
    assert len(venue.fills) == 4
    return venue


def test_what_strategies_made_adds_up_to_the_portfolios_profit() -> None:
    venue = traded()
    totals = strategy_totals(venue.accounts, venue.books, POLICIES)
    venue.walk(market([(0, 1, 5, 9)], first_seq=20, first_slot=2_000))
    assert sum(total.pnl for total in totals) == pytest.approx(venue["equity"] - 100_000.0, abs=1e-4)
    assert sum(total.transaction_costs for total in totals) == venue["transaction_costs"] == 2.0
    assert sum(total.volume for total in totals) == pytest.approx(venue["volume"])
    assert [total.fills for total in totals] == [2, 2]
    assert sum(total.realised for total in totals) == pytest.approx(float(venue.books["realised"].sum()))
    assert sum(total.fees for total in totals) == pytest.approx(float(venue.books["fees"].sum()))


def test_each_is_judged_by_its_own_trades() -> None:
    venue = traded()
    first, second = strategy_totals(venue.accounts, venue.books, POLICIES)
    assert (first.win_rate, second.win_rate) == (1.0, 0.0)
    assert first.realised > 0.0 > second.realised
    # One pool of two has seen a trade; the other is judged by the prior.
    assert first.kelly_fraction > 0.5 * 0.19 > second.kelly_fraction


def test_without_a_trade_there_is_no_win_rate_and_no_profit() -> None:
    venue = Clockwork(msgspec.structs.replace(RULES, shares=(1.0, 0.0)))
    first, second = strategy_totals(venue.accounts, venue.books, POLICIES)
    assert (first.win_rate, first.pnl) == (None, 0.0)
    assert first.kelly_fraction == pytest.approx(0.5 * 0.19)
    assert (second.win_rate, second.pnl, second.kelly_fraction) == (None, 0.0, 0.0)


def test_what_stands_in_bins_counts() -> None:
    venue = Clockwork(RULES).walk(path([0]))
    venue.accounts["position_x"][0, 0], venue.accounts["position_y"][0, 0] = 2_000_000_000, 3_000_000
    first, second = strategy_totals(venue.accounts, venue.books, POLICIES)
    assert first.pnl == pytest.approx(2.0 * PRICE + 3.0, abs=1e-4)
    assert second.pnl == pytest.approx(0.0, abs=1e-4)
    assert len(venue.accounts[0]) == len(POOLS)
