"""Arbitrages: from the wish for a round of swaps to an order, and from the order to its landing on paper.

A wish that names size and limits gets what it names. One without a size is sized exactly, on the pools as they stand:
`dlmm.routes` finds where one more unit earns no more, and the strategy's quote currency, the largest order allowed and
its share of the pools' liquidity cap it.

What was found may be gone when the order lands. Each swap has a limit that the one after it can count on, and the last
one's is the floor: what went in at most, the transaction's cost and the least profit. So either all swaps happen and
earn that, or none does.
"""

import math

import numpy as np

from dlmm.records import SwapRequest
from dlmm.routes import make_swaps
from dlmm.ways import LIMIT, MAX_LEGS, Ways
from operators.blocks import Fields, Rows
from operators.books.ledger import MAX_BASE
from operators.books.tables import Tables
from operators.orders.liquidity_orders import blank_order
from operators.orders.records import (
    BUY,
    COST_ABOVE_PROFIT,
    IMPOSSIBLE_AMOUNT,
    NO_POOL,
    NO_RULE,
    ROUTE,
    TOO_SMALL,
    TURNED,
)
from operators.paper.pools import PaperPools, clock_at
from operators.pools import PoolInfo
from operators.routes.exchanges import Exchanges, can_pay
from operators.routes.legs import SELL_THEN_BUY, LegFill, RouteBooks, Through
from operators.routes.rounds import size_round
from operators.routes.route_orders import read_limits
from operators.strategies.interface import PlannedStrategy

BUY_THEN_SELL = 0b10
"""Directions of a purchase here and a sale there."""

_ROUTE_FIELDS = ("pool", "other_pool", "third_pool", "directions")


class Routing:
    """Draft orders of action `ROUTE`, and let them meet their pools.

    :arg pools: All pools, in the order of the recording's list.

    :arg states: What the market last showed of them.

    :arg limits: `LIMITS` (1,).

    :arg transaction_cost: Quote currency.

    :arg slippage: How much worse than its price each swap of an exchange may come out, as a fraction.

    """

    def __init__(
        self,
        pools: tuple[PoolInfo, ...],
        states: PaperPools,
        strategies: tuple[PlannedStrategy, ...],
        limits: Rows,
        transaction_cost: float,
        slippage: float,
    ) -> None:
        self._states = states
        self._policies = [planned.policy for planned in strategies]
        self._limits = limits
        self._transaction_cost = transaction_cost
        self._books = RouteBooks(pools, traded_by(strategies))
        self._exchanges = Exchanges(self._books, strategies, limits, slippage)
        self._asked = np.zeros(MAX_LEGS, LIMIT)
        self._through = np.zeros(MAX_LEGS, np.int64), np.zeros(MAX_LEGS, np.bool_)

    def draft(self, signal: np.void, tables: Tables) -> tuple[np.void, int, float, float] | None:
        """Turn a wish into an order.

        :returns: The order, and what speaks against it as it stands: a rule, its figure and its bound. Nothing where
            there is nothing to do.

        """
        pool, other, third, directions = (int(signal[name]) for name in _ROUTE_FIELDS)
        is_unsized = math.isnan(signal["bid_size"])
        if is_unsized and third == NO_POOL and directions == SELL_THEN_BUY and self._exchanges.is_one(pool, other):
            return self._exchanges.draft(signal, tables)
        is_turned = third == NO_POOL and self._books.plan(((pool, False), (other, True))).home == other
        order = blank_order(tables, other if is_turned else pool, int(signal["strategy"]), int(signal["seq"]))
        order["action"], order["side"], order["urgency"] = ROUTE, BUY, signal["urgency"]
        order["other_pool"], order["third_pool"] = pool if is_turned else other, third
        order["directions"] = directions | TURNED * is_turned
        if is_unsized:
            through = (pool, bool(directions & 1)), (other, bool(directions & 2)), (third, bool(directions & 4))
            return (order, *self._at_best(order, through if third != NO_POOL else through[:2], tables))
        order["directions"], order["third_pool"] = BUY_THEN_SELL, NO_POOL
        return (order, *_as_named(order, signal, tables))

    def _at_best(self, order: np.void, through: Through, tables: Tables) -> tuple[int, float, float]:
        """Size a round at what earns most; return what speaks against it."""
        policy = self._policies[int(order["strategy"])]
        least = self._transaction_cost + policy.min_profit
        plan = self._books.plan(through)
        ways = self._ways(through, tables, clock_at(tables.ledger).epoch) if plan.is_round else ()
        if not ways:
            return COST_ABOVE_PROFIT, 0.0, least
        what = order, ways, plan.pools, self._books.priced_by, policy.max_liquidity_share, least
        return size_round(*what, tables.ledger, self._limits, tables.books, tables.accounts)

    def _ways(self, through: Through, tables: Tables, epoch: int) -> Ways:
        """Return the ways through pools as they stand; none where one of the pools cannot be used."""
        ways = []
        for pool, swap_for_y in through:
            way = self._states.way(pool, swap_for_y, tables.books, epoch) if tables.books["is_open"][pool] else None
            if way is None:
                return ()
            ways.append(way)
        return tuple(ways)

    def meet(self, order: np.void, tables: Tables) -> tuple[LegFill, ...]:
        """Make the swaps of an order on the pools as they stand, one after the other.

        :returns: What they moved; nothing where one of them would not keep its limit, and then the pools are as before.

        """
        pools, is_x = self._through
        count = read_limits(order, self._asked, pools, is_x)
        through = tuple(zip(pools[:count].tolist(), is_x[:count].tolist(), strict=True))
        plan = self._books.plan(through)
        if not (can_pay(order, tables) if plan.is_exchange else plan.is_round):
            return ()
        clock = clock_at(tables.ledger)
        ways = self._ways(through, tables, clock.epoch)
        answers = make_swaps(ways, clock, self._asked) if ways else None
        if answers is None:
            return ()
        made = []
        for (pool, swap_for_y), limit, answer in zip(through, self._asked.tolist(), answers.tolist(), strict=False):
            amount, threshold, exact_in = limit
            _, amount_in, amount_out, fee, fee_on_input, bins, price_impact, _ = answer
            request = SwapRequest(bool(exact_in), amount, swap_for_y, threshold)
            self._states.filled(pool, request, tables.books, clock)
            fee_in_x = swap_for_y == bool(fee_on_input)
            made.append(LegFill(pool, swap_for_y, amount_in, amount_out, fee, fee_in_x, bins, price_impact))
        return tuple(made)

    def land(self, order: np.void, tables: Tables) -> bool:
        """Let an order that has landed on paper meet its pools, and book all of its swaps or none.

        :returns: Whether they were booked.

        """
        fills = self.meet(order, tables)
        if fills:
            self._books.book(order, fills, tables, int(tables.ledger["slot"][0]))
        return bool(fills)


def traded_by(strategies: tuple[PlannedStrategy, ...]) -> frozenset[int]:
    """Return the indices of the pools that have a budget: those in which some strategy trades."""
    return frozenset[int]().union(*(planned.pools for planned in strategies))


def _as_named(order: np.void, signal: Fields, tables: Tables) -> tuple[int, float, float]:
    """Draft a purchase here and a sale of all of it there, each at its limit or better."""
    here, there = tables.books[int(signal["pool"])], tables.books[int(signal["other_pool"])]
    raw_x = float(signal["bid_size"]) / here["unit_x"]
    raw_in = float(signal["bid_size"]) * float(signal["bid"]) / here["unit_y"]
    raw_out = float(signal["bid_size"]) * float(signal["ask"]) / there["unit_y"]
    if not (0.0 < raw_x < MAX_BASE and 0.0 < raw_in < MAX_BASE and 0.0 < raw_out < MAX_BASE):
        return IMPOSSIBLE_AMOUNT, raw_in, MAX_BASE
    order["amount_in"], order["min_out"] = math.floor(raw_in), round(raw_x)
    order["other_in"], order["other_min_out"] = order["min_out"], math.ceil(raw_out)
    order["limit"] = signal["bid"]
    order["value"] = order["amount_in"] * here["unit_y"]
    return (NO_RULE if order["amount_in"] and order["min_out"] else TOO_SMALL), float(order["value"]), 0.0
