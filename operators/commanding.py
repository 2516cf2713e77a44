"""Send what is no plain swap: liquidity commands, two swaps at once, and what the emergency stop closes.

With signed execution such an order goes out at once. On paper it rests among the open ones until it lands.
"""

import numpy as np

from operators.accounts import lacks
from operators.blocks import ARBITRAGE, Rows
from operators.blocks import REBALANCE as LADDER
from operators.ladders import Draft, LadderKeeper
from operators.ledger import mark
from operators.liquidity_orders import close_order, draft_command
from operators.numbered_positions import NumberedPositions
from operators.order_table import open_in_pool, reserve, send
from operators.orders import (
    ADD,
    CLOSE,
    CREATE,
    FAILED,
    NO_RULE,
    OPEN,
    REBALANCE,
    REFUSED,
    ROUTE,
    SELL,
    SENT,
    STRATEGY_BUDGET,
    WITHHELD,
    end,
)
from operators.risk.gate import adds_risk, count_approval, objection
from operators.risk.market_risk import Risk, bring_up_to_date
from operators.route_legs import NO_POOL
from operators.routing import Routing
from operators.settlement import Settlement
from operators.tables import Tables

POOL_FIELDS = ("pool", "other_pool", "third_pool")
"""Of a route's wish, and of its order."""


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
            if is_route_under_way(signal, tables):
                return  # it moves the prices that the wish was made of; what is left of them is wished for again
            mark(tables.ledger[0], tables.books)
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
        mark(tables.ledger[0], tables.books)
        order, rule, figure, bound = drafted
        status = WITHHELD
        if rule == NO_RULE:
            rule, figure, bound = self._objection(order, tables, risk)
            status = WITHHELD if rule == STRATEGY_BUDGET else REFUSED
        if rule == NO_RULE and self._is_hopeless(order, tables):
            status = FAILED
        elif rule == NO_RULE:
            self._send(order, tables)
            return
        order["rule"], order["figure"], order["bound"] = rule, figure, bound
        book, ledger = tables.books[int(order["pool"])], tables.ledger[0]
        ended = int(tables.cursor["ended"][0])
        tables.cursor["ended"] = end(order, status, int(book["seq"]), int(ledger["slot"]), tables.ended, ended)

    def close_positions(self, tables: Tables, settlement: Settlement, seq: int, retry_slots: int) -> None:
        """Send what closes every position of ours that nothing closes yet: the emergency stop unwinds."""
        slot = int(tables.ledger["slot"][0])
        for pool, position in self._positions.numbered():
            held = tables.open_orders
            is_closing = ((held["action"] == CLOSE) & (held["position"] == position)).any()
            if not is_closing and settlement.may_close(position, slot, retry_slots):
                tables.grow()
                self._send(close_order(tables, self._positions, pool, position, seq), tables)

    def _objection(self, order: np.void, tables: Tables, risk: Risk) -> tuple[int, float, float]:
        is_exchange = int(order["action"]) == ROUTE and int(order["side"]) == SELL
        # What an exchange adds it adds where it buys; on its way back it adds nothing.
        is_adding = bool(adds_risk(order)) and not (is_exchange and order["fraction_bps"])
        bring_up_to_date(tables.books, risk)
        header, _, tails, correlation = risk
        need_x, need_y = int(order["amount_x"]), int(order["amount_y"])
        if is_exchange:
            order = order.copy()
            order["pool"], order["other_pool"], need_y = order["other_pool"], order["pool"], int(order["other_in"])
        elif int(order["action"]) == ROUTE:
            need_y += int(order["amount_in"])
        elif int(order["action"]) == REBALANCE:  # what the old ladder holds is there before the new one is placed
            mine = tables.accounts[int(order["strategy"]), int(order["pool"])]
            need_x, need_y = max(need_x - int(mine["position_x"]), 0), max(need_y - int(mine["position_y"]), 0)
        objected: tuple[int, float, float] = objection(
            order,
            is_adding,
            need_x,
            need_y,
            tables.ledger[0],
            tables.books,
            self._limits,
            header,
            tails,
            correlation,
            open_in_pool(tables.ledger[0], tables.table, int(order["pool"])),
        )
        if objected[0] == NO_RULE and int(order["action"]) in (CREATE, ADD):
            account = tables.accounts[int(order["strategy"]), int(order["pool"])]
            is_lacking, figure, bound = lacks(account, tables.books[int(order["pool"])], need_x, need_y)
            if is_lacking:
                return STRATEGY_BUDGET, figure, bound
        if objected[0] == NO_RULE and is_adding:
            count_approval(tables.ledger[0])
        return objected

    def _send(self, order: np.void, tables: Tables) -> None:
        """Put an order that passed the gate among the open ones, and have it carried out."""
        place = int(tables.ledger["open_orders"][0])
        order["land_slot"] += self._venue["latency_slots"][0]
        tables.table[place] = order
        tables.ledger["open_orders"] += 1
        reserve(tables.books[int(order["pool"])], tables.accounts, tables.table[place], 1)
        if tables.is_signed:
            send(tables.table[place], tables.ledger[0], tables.sent, tables.cursor[0])

    def _is_hopeless(self, order: np.void, tables: Tables) -> bool:
        """Tell whether an arbitrage that is to be sent now would fail; on paper it meets its pools when it lands."""
        return tables.is_signed and int(order["action"]) == ROUTE and not self._routing.meet(order, tables)

    def land_route(self, order: np.void, tables: Tables) -> bool:
        """Let the swaps of an arbitrage meet their pools on paper: book all of them, or none.

        :returns: Whether they were booked.

        """
        return self._routing.land(order, tables)


def is_route_under_way(signal: np.void, tables: Tables) -> bool:
    """Tell whether a route of the strategy through one of a wish's pools is open or on its way."""
    held = tables.open_orders
    mine = np.flatnonzero((held["action"] == ROUTE) & (held["strategy"] == signal["strategy"]))
    # A route of two has no third pool, which is in none.
    wished = {int(signal[field]) for field in POOL_FIELDS} - {NO_POOL}
    return any(int(held[place][field]) in wished for place in mine for field in POOL_FIELDS)
