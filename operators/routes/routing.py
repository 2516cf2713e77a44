"""Arbitrages that name their size, and exchanges: from the wish to an order.

A wish that names size and limits gets what it names. Rounds without a size are drafted by the walk itself, where all
routes land, too.
"""

import math

import numpy as np

from operators.blocks import Fields, Rows
from operators.books.ledger import MAX_BASE
from operators.books.tables import Tables
from operators.orders.liquidity_orders import blank_order
from operators.orders.records import BUY, IMPOSSIBLE_AMOUNT, NO_POOL, NO_RULE, ROUTE, TOO_SMALL
from operators.orders.walk import send_route
from operators.paper.pools import PaperPools
from operators.paper.pools_at_hand import missing_among
from operators.routes.exchanges import Exchanges
from operators.routes.route_orders import pools_through
from operators.strategies.interface import PlannedStrategy

BUY_THEN_SELL = 0b10
"""Directions of a purchase here and a sale there."""


class Routing:
    """Draft orders of action `ROUTE`, and send them.

    :arg tokens: `TOKENS` (pools,).

    :arg states: What the market last showed of all pools.

    :arg limits: `LIMITS` (1,).

    :arg slippage: How much worse than its price each swap of an exchange may come out, as a fraction.

    """

    def __init__(
        self,
        tokens: Rows,
        states: PaperPools,
        strategies: tuple[PlannedStrategy, ...],
        limits: Rows,
        slippage: float,
    ) -> None:
        self._tokens = tokens
        self._states = states
        self._exchanges = Exchanges(strategies, limits, slippage)

    def draft(self, signal: np.void, tables: Tables) -> tuple[np.void, int, float, float] | None:
        """Turn a wish into an order.

        :returns: The order, and what speaks against it as it stands: a rule, its figure and its bound. Nothing where
            there is nothing to do.

        """
        if math.isnan(signal["bid_size"]):  # the walk has drafted what is no exchange
            return self._exchanges.draft(signal, tables)
        order = blank_order(tables, int(signal["pool"]), int(signal["strategy"]), int(signal["seq"]))
        order["action"], order["side"], order["urgency"] = ROUTE, BUY, signal["urgency"]
        order["other_pool"], order["third_pool"], order["directions"] = signal["other_pool"], NO_POOL, BUY_THEN_SELL
        return (order, *_as_named(order, signal, tables))

    def send(self, order: np.void, tables: Tables, venue: Rows) -> None:
        """Send the order behind the open ones, unless it would fail on its pools as they stand."""
        states, slot = self._states, int(tables.ledger["slot"][0])
        at_hand = tables.books, states.standing, states.ways
        while (pool := int(missing_among(pools_through(order), slot, *at_hand))) >= 0:
            states.hold(pool, tables.books, slot)
        state = tables.ledger, tables.books, tables.accounts, tables.table
        pools = self._tokens, states.standing, states.ways
        send_route(*state, venue, *pools, tables.sent, tables.ended, tables.cursor)


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
