"""A round's size and order from one kernel: what `best_route` finds, and the amounts that follow from it."""

import math

import numpy as np
import pytest

from dlmm.profile import PoolTerms, synthetic_pool
from dlmm.records import Clock, Venue
from dlmm.routes import Leg, RouteQuote, best_route
from dlmm.ways import way_through
from operators.books.accounts import open_accounts
from operators.books.ledger import LEDGER, open_books
from operators.orders.records import (
    COST_ABOVE_PROFIT,
    NO_POOL,
    NO_RULE,
    ORDER,
    SIZED_BY_BUDGET,
    SIZED_BY_PROFIT,
    STRATEGY_BUDGET,
)
from operators.risk.gate import LIMITS
from operators.routes.chains import TOKENS
from operators.routes.rounds import size_round
from operators.strategies.interface import PlannedStrategy, Policy
from operators.strategies.swap_quotes import SwapQuotes
from tests.operators.markets import POOLS

CLOCK = Clock(slot=100, unix_timestamp=1_000, epoch=0)
TERMS = PoolTerms(venue=Venue.METEORA, bin_step=10, base_factor=5_000, decimals_x=6, decimals_y=6)
LEGS = (synthetic_pool(TERMS, 0, 10**12), False), (synthetic_pool(TERMS, 30, 10**12), True)
"""X bought at the price of bin 0 and sold three percent above, for fees of half a percent in either pool."""

UNIT = 1e-6


def sized(quote: int, least: float, legs: tuple[Leg, ...] = LEGS) -> tuple[np.void, tuple[int, float, float]]:
    """Size a round with so many raw units of quote currency at hand."""
    strategies = (PlannedStrategy(SwapQuotes(), frozenset({0, 1}), Policy()),)
    books, accounts = open_books(POOLS, {}, 1.0), open_accounts(strategies, POOLS)
    books["unit_x"] = books["unit_y"] = UNIT
    books["liquidity"] = 1e9
    accounts["quote"][0, 0] = quote
    limits = np.zeros(1, LIMITS)
    limits["max_position_size"] = 1e9
    ledger = np.zeros(1, LEDGER)
    ledger["slot"], ledger["ts_event_ns"] = CLOCK.slot, CLOCK.unix_timestamp * 10**9
    order = np.zeros(1, ORDER)[0]
    ways = tuple(way_through(pool, to_y, CLOCK.epoch) for pool, to_y in legs)
    pools, tokens = np.arange(2), np.zeros(2, TOKENS)
    tokens["priced_by"] = NO_POOL
    return order, size_round(order, ways, pools, tokens, 1.0, least, ledger, limits, books, accounts)


def best(quote: int) -> RouteQuote:
    found = best_route(LEGS, CLOCK, cap_in=quote)
    assert found is not None
    return found


@pytest.mark.parametrize("quote", [50_000, 10**9, 10**15])
@pytest.mark.parametrize("least", [0.0, 1e-6, 5e-6])
def test_the_first_swap_buys_what_the_second_takes_and_the_last_brings_what_was_paid_and_more(
    quote: int, least: float
) -> None:
    order, objection = sized(quote, least)
    found = best(quote)
    assert objection == (NO_RULE, 0.0, 0.0)
    assert (order["min_out"], order["other_in"]) == (found.legs[0].amount_out, found.legs[1].amount_in)
    assert order["other_min_out"] - order["amount_in"] == max(math.ceil(least / UNIT), 1)
    assert found.exact_out is not None
    spare = found.amount_out - found.exact_out.amount_in - max(math.ceil(least / UNIT), 1)
    assert order["amount_in"] == min(found.exact_out.amount_in + spare // 2, quote)
    assert order["is_exact_out"] == 1
    assert order["value"] == order["amount_in"] * UNIT
    assert order["limit"] == pytest.approx(order["amount_in"] / order["min_out"])
    assert order["sized_by"] == (SIZED_BY_BUDGET if quote < found.legs[0].amount_in * 1.001 else SIZED_BY_PROFIT)


def test_a_round_that_earns_less_than_it_must_is_named_with_what_it_earns() -> None:
    profit = best(10**9).profit * UNIT
    assert sized(10**9, profit)[1] == (NO_RULE, 0.0, 0.0)
    assert sized(10**9, profit + UNIT)[1] == (COST_ABOVE_PROFIT, profit, profit + UNIT)


def test_a_round_that_earns_nothing_is_too_dear() -> None:
    order, objection = sized(10**9, 0.5, ((LEGS[1][0], False), (LEGS[0][0], True)))
    assert objection == (COST_ABOVE_PROFIT, 0.0, 0.5)
    assert order["amount_in"] == 0


@pytest.mark.parametrize("quote", [0, -5])
def test_without_quote_currency_the_budget_is_named(quote: int) -> None:
    assert sized(quote, 0.5)[1] == (STRATEGY_BUDGET, 0.5, quote * UNIT)
