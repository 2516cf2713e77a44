"""The swaps of an arbitrage: as an order has them, and as they are booked once they were made.

An arbitrage ends with the token it began with, and what it takes in between it gives on. So nothing moves from pool to
pool in the books: what is left over of each token, of the first the profit, goes to one pool that is traded and keeps
that token. Each swap is a fill of its own; what the round earned is realised with the last one.

A round of two may begin or end in a pool that has the portfolio's currency as X, and no budget. Its order is booked
under the other pool, with whose quote currency it begins, even where that one makes the last swap.
"""

import math

import numpy as np
from numpy.typing import NDArray

from dlmm.records import ANSWER, Record
from dlmm.ways import LIMIT, MAX_LEGS
from operators.blocks import Fields
from operators.books.accounts import average_cost, move
from operators.books.ledger import book_fill
from operators.books.tables import Tables
from operators.orders.records import BUY, NO_POOL, SELL
from operators.pools import PoolInfo
from operators.routes.route_orders import read_limits

SELL_THEN_BUY = 0b01
"""Directions of an exchange: a sale here and a purchase there."""

MOST_BINS = 127

Through = tuple[tuple[int, bool], ...]
"""Pool and `swap_for_y` of each swap."""


class RouteLeg(Record, frozen=True):
    """One swap of an arbitrage.

    :arg pool: Index of the pool.

    :arg amount: Raw units that go in, or with `exact_in` false come out.

    :arg threshold: Least amount out, or most amount in.

    """

    pool: int
    swap_for_y: bool
    exact_in: bool
    amount: int
    threshold: int


class LegFill(Record, frozen=True):
    """What one swap of an arbitrage moved, in raw units.

    :arg pool: Index of the pool.

    :arg bins: Bins walked; 0 where nobody knows.

    """

    pool: int
    swap_for_y: bool
    amount_in: int
    amount_out: int
    fee: int
    fee_in_x: bool
    bins: int = 0
    price_impact: float = math.nan


def tokens_of(info: PoolInfo) -> tuple[str, str]:
    """Return what tells a pool's X and Y apart from other tokens: mints where they are known, else symbols."""
    return info.mint_x or info.base, info.mint_y or info.quote


def legs_of(order: Fields) -> tuple[RouteLeg, ...]:
    """Return the swaps of an order of action `ROUTE`, in their order."""
    limits, pools, is_x = np.zeros(MAX_LEGS, LIMIT), np.zeros(MAX_LEGS, np.int64), np.zeros(MAX_LEGS, np.bool_)
    count = read_limits(order, limits, pools, is_x)
    asked = zip(pools[:count].tolist(), is_x[:count].tolist(), limits[:count].tolist(), strict=True)
    return tuple(
        [RouteLeg(pool, swap_for_y, exact_in, amount, limit) for pool, swap_for_y, (amount, limit, exact_in) in asked]
    )


class RoutePlan(Record, frozen=True):
    """What swaps through some pools, one after the other, come to.

    :arg pools: Indices of the pools, for kernels.

    :arg is_round: Whether they hand on what they get, and begin and end with a traded pool's Y. Of two pools one is
        traded, of three the first and the last: they keep what is left over of each token.

    :arg is_exchange: Whether X of one traded pool is sold, and X of another bought for the Y that it brings.

    :arg home: Which end is traded, the first of two, or -1: a round begins with quote currency there.

    """

    pools: NDArray[np.int64]
    is_round: bool
    is_exchange: bool
    home: int


class RouteBooks:
    """Book arbitrages.

    :arg traded: Indices of the pools that have a budget. The others are passed through only; what they quote in is
        worth what a traded pool says that buys and sells it.

    :ivar priced_by: For each pool the one that says what its Y is worth, -1 where that is quote currency.

    """

    def __init__(self, pools: tuple[PoolInfo, ...], traded: frozenset[int]) -> None:
        self._tokens = [tokens_of(info) for info in pools]
        self._traded = traded
        by_base = {self._tokens[index][0]: index for index in sorted(traded, reverse=True)}
        priced_by = [
            NO_POOL if index in traded else by_base.get(y, NO_POOL) for index, (_, y) in enumerate(self._tokens)
        ]
        self.priced_by = np.array(priced_by)
        self._plans: dict[Through, RoutePlan] = {}

    def unit_y(self, pool: int, tables: Tables) -> float:
        """Return the quote currency that one raw unit of a pool's Y is worth."""
        unit, priced_by = float(tables.books[pool]["unit_y"]), int(self.priced_by[pool])
        return unit if priced_by == NO_POOL else unit * float(tables.books[priced_by]["price"])

    def worth(self, pool: int, amount: int, is_x: bool, tables: Tables) -> float:
        """Return the quote currency that an amount of one of a pool's tokens is worth."""
        book, unit_y = tables.books[pool], self.unit_y(pool, tables)
        unit = float(book["unit_x"] * book["price"] / book["unit_y"]) * unit_y if is_x else unit_y
        return amount * unit

    def plan(self, through: Through) -> RoutePlan:
        """Return what swaps through some pools come to; there are few ways that anybody goes."""
        plan = self._plans.get(through)
        if plan is None:
            pools = np.array([pool for pool, _ in through])
            plan = RoutePlan(pools, self._is_round(through), self._is_exchange(through), self._home(through))
            self._plans[through] = plan
        return plan

    def _is_round(self, through: Through) -> bool:
        pools = [pool for pool, _ in through]
        home = self._home(through)
        if len({*pools}) < len(pools) or home == NO_POOL:
            return False
        if len(pools) > 2 and not {pools[0], pools[-1]} <= self._traded:
            return False
        held = start = self._tokens[home][1]
        for pool, swap_for_y in through:
            x, y = self._tokens[pool]
            if held != (x if swap_for_y else y):
                return False
            held = y if swap_for_y else x
        return held == start

    def _home(self, through: Through) -> int:
        (first, _), (last, _) = through[0], through[-1]
        return first if first in self._traded else last if last in self._traded else NO_POOL

    def _is_exchange(self, through: Through) -> bool:
        if len(through) != 2 or not through[0][1] or through[1][1] or not {pool for pool, _ in through} <= self._traded:
            return False
        (sold, quote), (bought, other_quote) = (self._tokens[pool] for pool, _ in through)
        return quote == other_quote and sold != bought

    def book(self, order: Fields, fills: tuple[LegFill, ...], tables: Tables, slot: int) -> None:
        """Book the swaps of an order that landed: all of them, in their order.

        :arg order: Whose strategy's accounts are moved.

        :arg slot: In which they were made.

        """
        if int(order["side"]) == SELL:
            _book_exchange(order, fills, tables, slot)
            return
        strategy = int(order["strategy"])
        for token, amount in self.left_over(fills).items():
            if amount:
                self.keep(self._keeper(token, fills), token, amount, strategy, tables)
        home = fills[-1].pool if fills[-1].pool in self._traded else int(order["pool"])
        unit = float(tables.books[home]["unit_y"])
        profit = (fills[-1].amount_out - fills[0].amount_in) * unit
        _realise(profit, fills[0].amount_in * unit, home, strategy, tables)
        tables.make_room_for_fills(len(fills))
        for number, fill in enumerate(fills):
            realised = profit if number == len(fills) - 1 else 0.0
            self._write(int(order["order"]), strategy, fill, realised, tables, slot)

    def left_over(self, fills: tuple[LegFill, ...]) -> dict[str, int]:
        """Return what all swaps together gave of each token, negative for what they took."""
        left: dict[str, int] = {}
        for fill in fills:
            x, y = self._tokens[fill.pool]
            given, got = (x, y) if fill.swap_for_y else (y, x)
            left[given] = left.get(given, 0) - fill.amount_in
            left[got] = left.get(got, 0) + fill.amount_out
        return left

    def _keeper(self, token: str, fills: tuple[LegFill, ...]) -> int:
        """Return the pool in whose book a token is kept: the last of these that is traded and has it."""
        return next(
            fill.pool for fill in reversed(fills) if fill.pool in self._traded and token in self._tokens[fill.pool]
        )

    def keep(self, pool: int, token: str, amount: int, strategy: int, tables: Tables) -> None:
        """Book what came of a token, or went, in a pool's book and a strategy's account there."""
        book = tables.books[pool]
        x, y = (amount, 0) if token == self._tokens[pool][0] else (0, amount)
        book["base"] += x
        book["quote"] += y
        move(tables.accounts, strategy, pool, x, y)
        book["cost"] = average_cost(tables.accounts, pool, book["cost"])

    def _write(self, order: int, strategy: int, leg: LegFill, realised: float, tables: Tables, slot: int) -> None:
        ledger, book, account = tables.ledger[0], tables.books[leg.pool], tables.accounts[strategy, leg.pool]
        x, y = (leg.amount_in, leg.amount_out) if leg.swap_for_y else (leg.amount_out, leg.amount_in)
        fee, value = self.worth(leg.pool, leg.fee, leg.fee_in_x, tables), y * self.unit_y(leg.pool, tables)
        book["fees"] += fee
        account["fees"] += fee
        account["volume"] += value
        account["fills"] += 1
        ledger["volume"] += value
        ledger["fills"] += 1
        filled = int(tables.cursor["fills"][0])
        tables.cursor["fills"] = filled + 1
        tables.fills[filled] = (
            order,
            book["seq"],
            slot,
            ledger["ts_event_ns"],
            leg.amount_in,
            leg.amount_out,
            y * book["unit_y"] / (x * book["unit_x"]) if x else math.nan,
            book["price"],
            fee,
            leg.price_impact,
            realised,
            strategy,
            leg.pool,
            SELL if leg.swap_for_y else BUY,
            min(leg.bins, MOST_BINS),
            0,
        )


def _book_exchange(order: Fields, fills: tuple[LegFill, ...], tables: Tables, slot: int) -> None:
    """Book a sale and a purchase, each in its own pool."""
    tables.make_room_for_fills(len(fills))
    result = np.zeros(1, ANSWER)
    for leg in fills:
        swap = order.copy()
        swap["pool"], swap["side"] = leg.pool, SELL if leg.swap_for_y else BUY
        amounts = leg.amount_in, leg.amount_out, leg.fee, int(leg.fee_in_x == leg.swap_for_y)
        result[0] = (1, *amounts, leg.bins, leg.price_impact, 0)
        fill = tables.fills[int(tables.cursor["fills"][0])]
        book_fill(tables.ledger[0], tables.books[leg.pool], tables.accounts, swap, result[0], fill)
        fill["slot"] = slot
        tables.cursor["fills"] += 1


def _realise(profit: float, paid: float, pool: int, strategy: int, tables: Tables) -> None:
    """Book what a round earned, or lost, in the pool where it ended."""
    ledger, account = tables.ledger[0], tables.accounts[strategy, pool]
    tables.books[pool]["realised"] += profit
    account["realised"] += profit
    if profit > 0.0:
        ledger["wins"] += 1
        ledger["gross_profit"] += profit
        account["trades_won"] += 1
        account["won"] += profit / paid
    elif profit < 0.0:
        ledger["losses"] += 1
        ledger["gross_loss"] -= profit
        account["trades_lost"] += 1
        account["lost"] -= profit / paid
