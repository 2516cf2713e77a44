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

from dlmm.records import SwapFailure, SwapQuote, SwapRequest
from dlmm.routes import COMPUTE_LIMIT, RouteQuote, best_route
from dlmm.swap import quote_exact_out
from operators.blocks import Fields, Rows
from operators.exchanges import Exchanges, can_pay
from operators.ledger import MAX_BASE
from operators.liquidity_orders import blank_order
from operators.orders import (
    BUY,
    COST_ABOVE_PROFIT,
    IMPOSSIBLE_AMOUNT,
    NO_RULE,
    ROUTE,
    SIZED_BY_BUDGET,
    SIZED_BY_LIMIT,
    SIZED_BY_LIQUIDITY,
    SIZED_BY_PROFIT,
    STRATEGY_BUDGET,
    TOO_SMALL,
)
from operators.paper_pools import PaperPools, clock_of
from operators.pools import PoolInfo
from operators.route_legs import NO_POOL, TURNED, LegFill, RouteBooks, legs_of
from operators.strategies.interface import PlannedStrategy
from operators.tables import Tables

BUY_THEN_SELL = 0b10
"""Directions of a purchase here and a sale there."""

_NEARLY_ALL = 0.9999
"""From this part of the cap on it was the cap that ended a size: amounts that swaps can make use of are coarser."""

Through = tuple[tuple[int, bool], ...]
"""Pool and `swap_for_y` of each swap."""


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

    def draft(self, signal: np.void, tables: Tables) -> tuple[np.void, int, float, float] | None:
        """Turn a wish into an order.

        :returns: The order, and what speaks against it as it stands: a rule, its figure and its bound. Nothing where
            there is nothing to do.

        """
        if self._exchanges.is_one(signal):
            return self._exchanges.draft(signal, tables)
        pool, other, third = (int(signal[name]) for name in ("pool", "other_pool", "third_pool"))
        is_turned = third == NO_POOL and self._books.home(((pool, False), (other, True))) == other
        order = blank_order(tables, other if is_turned else pool, int(signal["strategy"]), int(signal["seq"]))
        order["action"], order["side"] = ROUTE, BUY
        order["urgency"] = signal["urgency"]
        order["other_pool"], order["third_pool"] = pool if is_turned else other, third
        order["directions"] = signal["directions"] | TURNED * is_turned
        if math.isnan(signal["bid_size"]):
            return (order, *self._at_best(order, tables))
        order["directions"], order["third_pool"] = BUY_THEN_SELL, -1
        return (order, *_as_named(order, signal, tables))

    def _at_best(self, order: np.void, tables: Tables) -> tuple[int, float, float]:
        """Size a round at what earns most; return what speaks against it."""
        through = tuple((leg.pool, leg.swap_for_y) for leg in legs_of(order))
        policy = self._policies[int(order["strategy"])]
        least = self._transaction_cost + policy.min_profit
        if not self._books.is_round(through):
            return COST_ABOVE_PROFIT, 0.0, least
        unit = float(tables.books[int(order["pool"])]["unit_y"])
        cap, sized_by = self._cap(order, through, unit, tables)
        if cap <= 0 and sized_by == SIZED_BY_BUDGET:
            return STRATEGY_BUDGET, least, cap * unit
        best = self._best(through, cap, tables)
        profit = best.profit * unit if best is not None else 0.0
        if best is None or profit < least:
            return COST_ABOVE_PROFIT, profit, least
        order["sized_by"] = sized_by if best.amount_in >= _NEARLY_ALL * cap else SIZED_BY_PROFIT
        self._write(order, through, best, cap, max(math.ceil(least / unit), 1), tables)
        book = tables.books[int(order["pool"])]
        order["value"] = order["amount_in"] * unit
        order["limit"] = order["value"] / (order["min_out"] * book["unit_x"])
        return NO_RULE, 0.0, 0.0

    def _cap(self, order: np.void, through: Through, unit: float, tables: Tables) -> tuple[int, int]:
        """Return how many raw units may go in at most, and what says so."""
        strategy = int(order["strategy"])
        account = tables.accounts[strategy, int(order["pool"])]
        share = self._policies[strategy].max_liquidity_share
        liquidity = min(
            tables.books[pool]["liquidity"] * self._books.unit_y(pool, tables) / tables.books[pool]["unit_y"]
            for pool, _ in through
        )
        caps = (
            (int(account["quote"]) - int(account["reserved_quote"]), SIZED_BY_BUDGET),
            (_raw(float(self._limits["max_position_size"][0]) / unit), SIZED_BY_LIMIT),
            (_raw(share * float(liquidity) / unit), SIZED_BY_LIQUIDITY),
        )
        return min(caps)

    def _best(self, through: Through, cap: int, tables: Tables) -> RouteQuote | None:
        legs = []
        for pool, swap_for_y in through:
            book = tables.books[pool]
            state = self._states.standing(pool, book) if book["is_open"] else None
            if state is None:
                return None
            legs.append((state, swap_for_y))
        ledger = tables.ledger[0]
        return best_route(tuple(legs), clock_of(int(ledger["slot"]), int(ledger["ts_event_ns"])), cap_in=cap)

    def _write(self, order: np.void, through: Through, best: RouteQuote, cap: int, floor: int, tables: Tables) -> None:
        """Write a round's amounts into its order.

        The first swap buys exactly what the second one takes, so that nothing is left over, and half of what is earned
        beyond the floor is left to it for a price that gets worse; the other half is left to the last one. The second
        of three brings at least what the third one takes.

        :arg floor: Raw units that the round must earn.

        """
        order["compute_units"] = units = sum(leg.compute_units for leg in best.legs)
        order["amount_in"], order["min_out"] = best.amount_in, best.legs[0].amount_out
        order["other_in"], order["other_min_out"] = best.legs[1].amount_in, best.legs[1].amount_out
        (pool, swap_for_y), ledger = through[0], tables.ledger[0]
        state = self._states.standing(pool, tables.books[pool])
        assert state is not None, "it was quoted just now"
        clock = clock_of(int(ledger["slot"]), int(ledger["ts_event_ns"]))
        exact = quote_exact_out(state, int(order["min_out"]), swap_for_y=swap_for_y, clock=clock)
        spare = best.amount_out - exact.amount_in - floor if isinstance(exact, SwapQuote) else -1
        units += exact.compute_units - best.legs[0].compute_units if isinstance(exact, SwapQuote) else 0
        if isinstance(exact, SwapQuote) and spare >= 0 and exact.amount_in <= cap and units <= COMPUTE_LIMIT:
            order["is_exact_out"], order["compute_units"] = 1, units
            order["amount_in"] = min(exact.amount_in + spare // 2, cap)
        least = int(order["amount_in"]) + floor
        if len(through) == 2:
            order["other_min_out"] = least
        else:
            order["third_in"], order["third_min_out"] = best.legs[2].amount_in, least

    def meet(self, order: np.void, tables: Tables) -> tuple[LegFill, ...]:
        """Make the swaps of an order on the pools as they stand, one after the other.

        :returns: What they moved; nothing where one of them would not keep its limit, and then the pools are as before.

        """
        legs = legs_of(order)
        through = tuple((leg.pool, leg.swap_for_y) for leg in legs)
        if not (can_pay(order, tables) if self._books.is_exchange(through) else self._books.is_round(through)):
            return ()
        ledger, before = tables.ledger[0], self._states.after_fills
        clock = clock_of(int(ledger["slot"]), int(ledger["ts_event_ns"]))
        made = []
        for leg in legs:
            request = SwapRequest(leg.exact_in, leg.amount, leg.swap_for_y, leg.threshold)
            done = self._states.swap(leg.pool, request, tables.books[leg.pool], clock)
            if isinstance(done, SwapFailure):
                self._states.take_back(before)
                return ()
            fee_in_x = leg.swap_for_y == done.fee_on_input
            moved = (leg.pool, leg.swap_for_y, done.amount_in, done.amount_out, done.fee, fee_in_x)
            made.append(LegFill(*moved, done.bins, done.price_impact))
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


def _raw(amount: float) -> int:
    """Cut an amount to whole raw units, of which 63 bits hold the most."""
    return math.floor(min(amount, MAX_BASE)) if amount > 0.0 else 0


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
