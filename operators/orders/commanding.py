"""Send what is no plain swap: liquidity commands, two swaps at once, and what the emergency stop closes.

With signed execution such an order goes out at once. On paper it rests among the open ones until it lands.
"""

import numpy as np

from operators.blocks import ARBITRAGE, Rows
from operators.blocks import REBALANCE as LADDER
from operators.books.tables import Tables
from operators.ladders.keeper import Draft, LadderKeeper
from operators.orders.command_gate import admit, decide, value
from operators.orders.liquidity_orders import close_order, draft_command
from operators.orders.order_table import reserve
from operators.orders.records import (
    CLOSE,
    OPEN,
    REBALANCE,
    SENT,
)
from operators.orders.settlement import Settlement
from operators.positions.numbered_positions import NumberedPositions
from operators.risk.market_risk import Risk
from operators.routes.routing import Routing


class Commands:
    """Turn signals of the rarer kinds into orders, each held against the gate, as the clockwork does with swaps.

    :arg routing: Drafts arbitrages and lets them meet the pools.

    :arg ladders: Drafts what places and moves ladders.

    :arg limits: `LIMITS` (1,).

    :arg venue: `VENUE` (1,).

    """

    def __init__(
        self, routing: Routing, positions: NumberedPositions, ladders: LadderKeeper, limits: Rows, venue: Rows
    ) -> None:
        self._routing = routing
        self._positions = positions
        self._ladders = ladders
        self._limits = limits
        self._venue = venue

    def take(self, signal: np.void, tables: Tables, risk: Risk) -> None:
        """Hold a liquidity command or an arbitrage against the gate, and send it."""
        if tables.ledger["closing"][0]:
            return
        if int(signal["kind"]) == LADDER:
            drafted = self._ladders.draft(signal, tables)
            if drafted is None:
                return
        elif int(signal["kind"]) == ARBITRAGE:
            value(tables.ledger, tables.books)
            routed = self._routing.draft(signal, tables)
            if routed is None:
                return
            drafted = routed
        else:
            drafted = draft_command(signal, tables, self._positions)
        self._decide(drafted, tables, risk)

    def follow_inventory(self, pool: int, seq: int, tables: Tables, risk: Risk) -> None:
        """Move the ladders in a pool whose inventory has left its band, or is back in it."""
        if tables.ledger["closing"][0] or tables.ledger["stopped"][0]:
            return
        for drafted in self._ladders.due(pool, seq, tables):
            tables.grow()
            self._decide(drafted, tables, risk)

    def retry_ladder(self, order: np.void, tables: Tables, risk: Risk) -> None:
        """Try once more to place a ladder whose order failed, with what that order had set aside."""
        if int(order["action"]) != REBALANCE or tables.ledger["closing"][0] or tables.ledger["stopped"][0]:
            return
        tables.grow()
        book, is_held = tables.books[int(order["pool"])], int(order["status"]) in (OPEN, SENT)
        if is_held:
            reserve(book, tables.accounts, order, -1)
        drafted = self._ladders.retry(order, tables)
        if drafted is not None:
            self._decide(drafted, tables, risk)
        if is_held:
            reserve(book, tables.accounts, order, 1)

    def _decide(self, drafted: Draft, tables: Tables, risk: Risk) -> None:
        order, rule, figure, bound = drafted
        # The place behind the open orders is free: the table has room for every order a slice may add.
        place = int(tables.ledger["open_orders"][0])
        tables.table[place] = order
        state = (tables.ledger, tables.books, tables.accounts, tables.table)
        out = (tables.ended, tables.cursor)
        if not decide(rule, float(figure), float(bound), *state, self._limits, risk, self._venue, tables.sent, *out):
            return
        self._routing.send(tables.table[place], tables, self._venue)

    def close_positions(self, tables: Tables, settlement: Settlement, seq: int, retry_slots: int) -> None:
        """Send what closes every position of ours that nothing closes yet: the emergency stop unwinds."""
        slot = int(tables.ledger["slot"][0])
        for pool, position in self._positions.numbered():
            held = tables.open_orders
            is_closing = ((held["action"] == CLOSE) & (held["position"] == position)).any()
            if not is_closing and settlement.may_close(position, slot, retry_slots):
                tables.grow()
                order = close_order(tables, self._positions, pool, position, seq)
                tables.table[int(tables.ledger["open_orders"][0])] = order
                self._admit(tables)

    def _admit(self, tables: Tables) -> None:
        """Put the order behind the open ones among them, and have it carried out."""
        state = (tables.ledger, tables.books, tables.accounts, tables.table)
        admit(*state, self._venue, tables.sent, tables.cursor)
