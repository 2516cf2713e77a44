"""What the clockwork does of itself: act on a wish, and sell what is held while the emergency stop is on."""

import numpy as np
from numpy.typing import NDArray

from dlmm.jit import kernel
from operators.blocks import CANCEL, QUOTE, Fields, Rows
from operators.books.accounts import lacks
from operators.books.ledger import mark
from operators.books.sizing import draft
from operators.orders.blank_orders import number
from operators.orders.order_table import open_in_pool, reserve, take_back
from operators.orders.records import (
    BUY,
    IMMEDIATE,
    NEVER,
    NO_RULE,
    REFUSED,
    SELL,
    STRATEGY_BUDGET,
    WITHHELD,
    end,
)
from operators.risk.gate import count_approval, objection
from operators.risk.market_risk import Risk, bring_up_to_date
from operators.risk.unwinding import sales

UNWINDER = -1
"""In place of a strategy: the order is the emergency stop's own."""

Unwinding = tuple[Rows, NDArray[np.int64], Rows]
"""`UNWINDING` (1,), slots of each pool's last sale, room for `SALE` rows (pools,)."""


@kernel
def act_on(
    signal: Fields,
    ledger: Fields,
    books: Rows,
    accounts: Rows,
    table: Rows,
    policies: Rows,
    limits: Rows,
    venue: Fields,
    ended: Rows,
    cursor: Fields,
    risk: Risk,
) -> None:
    """Turn a signal into cancels and orders, each held against the policy and the gate."""
    if signal.kind == QUOTE or signal.kind == CANCEL:
        take_back(ledger, books, accounts, table, signal.pool, signal.strategy, venue.latency_slots, ended, cursor)
    if signal.kind == CANCEL or ledger.closing != 0:
        return
    mark(ledger, books)
    book = books[signal.pool]
    account = accounts[signal.strategy, signal.pool]
    for side in (BUY, SELL):
        limit = signal.bid if side == BUY else signal.ask
        if not limit > 0.0:
            continue
        # The place behind the open orders is free: the table has room for every order a slice may add.
        order = table[ledger.open_orders]
        rule, figure, bound = draft(
            order, signal, side, ledger, books, account, policies[signal.strategy], limits[0], venue
        )
        status = WITHHELD
        if rule == NO_RULE:
            status = REFUSED
            waiting = open_in_pool(ledger, table, signal.pool)
            need_x = order.amount_in if side == SELL else 0
            need_y = order.amount_in if side == BUY else 0
            bring_up_to_date(books, risk)
            header, _, tails, correlation = risk
            rule, figure, bound = objection(
                order, side == BUY, need_x, need_y, ledger, books, limits, header, tails, correlation, waiting
            )
            if rule == NO_RULE:
                is_lacking, figure, bound = lacks(account, book, need_x, need_y)
                if is_lacking:
                    status, rule = WITHHELD, STRATEGY_BUDGET
        if rule != NO_RULE:
            order.rule = rule
            order.figure = figure
            order.bound = bound
            cursor.ended = end(order, status, book.seq, ledger.slot, ended, cursor.ended)
        else:
            ledger.open_orders += 1
            reserve(book, accounts, order, 1)
            if side == BUY:
                count_approval(ledger)


@kernel
def unwind(ledger: Fields, books: Rows, accounts: Rows, table: Rows, venue: Fields, unwinding: Unwinding) -> int:
    """Sell what is held while the emergency stop is on: nothing is asked of the gate, for it takes risk off.

    :returns: How many orders it made.

    """
    rules, sold, out = unwinding
    count = int(sales(ledger, books, rules[0], sold, out))
    for index in range(count):
        sale = out[index]
        book = books[sale.pool]
        table[ledger.open_orders] = np.zeros_like(table[:1])[0]
        order = table[ledger.open_orders]
        number(order, ledger, book, sale.pool, UNWINDER, book.seq)
        order.land_slot += venue.latency_slots
        order.cancel_slot = NEVER
        order.expiry_slot = NEVER
        order.amount_in = sale.amount_in
        order.min_out = sale.min_out
        order.limit = sale.limit
        order.value = sale.value
        order.tried_slot = -1
        order.side = SELL
        order.kind = IMMEDIATE
        order.urgency = 3
        ledger.open_orders += 1
        reserve(book, accounts, order, 1)
    return count


@kernel
def watch_losses(
    ledger: Fields,
    books: Rows,
    accounts: Rows,
    table: Rows,
    limits: Rows,
    latency_slots: int,
    ended: Rows,
    cursor: Fields,
) -> None:
    """Turn the emergency stop on when the drawdown calls for it, and take back all that is open."""
    mark(ledger, books)
    if ledger.stopped == 0 and ledger.drawdown > limits[0].emergency_stop_loss:
        ledger.stopped = 1
        take_back(ledger, books, accounts, table, -1, -1, latency_slots, ended, cursor)
