"""The portfolio's struct arrays: what the clockwork reads and writes, with room for all that a slice may bring."""

import numpy as np

from dlmm.struct_arrays import join
from dlmm.ways import MAX_LEGS
from operators.blocks import Rows
from operators.books.ledger import EQUITY, LEDGER
from operators.orders.order_table import CURSOR, finish, take_back
from operators.orders.records import FILL, ORDER, compact

NO_ORDERS, NO_FILLS, NO_SAMPLES = np.zeros(0, ORDER), np.zeros(0, FILL), np.zeros(0, EQUITY)


class Tables:
    """Ledger, books, open orders, and what the present slice has brought so far.

    :arg books: `BOOK` array, one record a pool.

    :arg accounts: `ACCOUNT` array (strategies + 1, pools).

    :ivar table: Open orders first, `ledger.open_orders` of them; behind them is room.

    :ivar cursor: `CURSOR` (1,), whose counts say how much of the four outputs is written.

    """

    def __init__(self, books: Rows, accounts: Rows) -> None:
        self.books = books
        self.accounts = accounts
        self.ledger = np.zeros(1, LEDGER)
        self.ledger["slot"] = -1
        self.ledger["next_order"] = 1
        self.ledger["sol_pool"] = -1
        self.table = self.ended = self.sent = NO_ORDERS
        self.fills, self.samples = NO_FILLS, NO_SAMPLES
        self.cursor = np.zeros(1, CURSOR)

    @property
    def open_orders(self) -> Rows:
        """Orders that rest or are on their way, a view."""
        return self.table[: int(self.ledger["open_orders"][0])]

    @property
    def is_signed(self) -> bool:
        """Whether orders are real transactions."""
        return bool(self.ledger["is_signed"][0])

    def begin(self, rows: int, wishes: int) -> None:
        """Begin a slice: see to it that all that so many rows and wishes may bring finds room.

        :arg wishes: Signals and reports.

        """
        held = int(self.ledger["open_orders"][0])
        room = held + 2 * wishes + 2 * len(self.books) + 1
        if len(self.table) < room:
            self.table = join([self.table[:held], np.zeros(2 * room - held, ORDER)])
        if len(self.ended) < room:
            self.ended, self.sent = np.zeros(2 * room, ORDER), np.zeros(2 * room, ORDER)
        if len(self.fills) < MAX_LEGS * room:
            self.fills = np.zeros(2 * MAX_LEGS * room, FILL)
        if len(self.samples) < rows:
            self.samples = np.zeros(rows, EQUITY)
        self.cursor = np.zeros(1, CURSOR)

    def grow(self) -> None:
        """Make room for one order more in the middle of a slice."""
        held, sent, ended = (
            int(count) for count in (self.ledger["open_orders"][0], self.cursor["sent"][0], self.cursor["ended"][0])
        )
        if held + 2 >= len(self.table):
            self.table = join([self.table, np.zeros(held + 8, ORDER)])
        if sent + 2 >= len(self.sent):
            self.sent = join([self.sent, np.zeros(sent + 8, ORDER)])
        if ended + held + 2 >= len(self.ended):
            self.ended = join([self.ended, np.zeros(ended + held + 8, ORDER)])

    def hand_over(self, order: np.void) -> None:
        """Put an order that was sent before among those that are sent in this slice."""
        sent = int(self.cursor["sent"][0])
        if sent >= len(self.sent):
            self.sent = join([self.sent, np.zeros(sent + 8, ORDER)])
        self.sent[sent] = order
        self.cursor["sent"] += 1

    def take_back_all(self, latency_slots: int) -> None:
        """Cancel all that rests."""
        ledger = self.ledger[0]
        ended, cursor = self.ended, self.cursor[0]
        take_back(ledger, self.books, self.accounts, self.table, -1, -1, latency_slots, ended, cursor)

    def find(self, order: int) -> int:
        """Return the place of an open order in the table, -1 where it is not among them."""
        places = np.flatnonzero(self.open_orders["order"] == order)
        return int(places[0]) if len(places) else -1

    def finish(self, place: int, status: int) -> None:
        """Take the order at a place of the table to its end; the places of those behind it change."""
        order = self.table[place]
        book = self.books[int(order["pool"])]
        finish(order, status, self.ledger[0], book, self.accounts, self.ended, self.cursor[0])
        self.ledger["open_orders"] = compact(self.table, int(self.ledger["open_orders"][0]))
