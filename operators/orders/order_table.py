"""The table of open orders: what they reserve, how they are sent, cancelled and ended, which prices they wait for."""

import numpy as np

from dlmm.jit import kernel
from operators.blocks import Fields, Rows
from operators.books.accounts import hold
from operators.orders.records import (
    BUY,
    CANCELLED,
    EXPIRED,
    FAILED,
    FILLED,
    OPEN,
    RESTING,
    ROUTE,
    SELL,
    SENT,
    compact,
    end,
)

CURSOR = np.dtype(
    [
        ("row", "i8"),  # position in the merged order of the slice's rows
        ("stage", "i8"),
        ("order", "i8"),  # position in the table of open orders
        ("signal", "i8"),
        ("awaits", "i8"),  # whether the order at `order` awaits its result
        ("ended", "i8"),  # orders written out so far
        ("fills", "i8"),
        ("samples", "i8"),
        ("sent", "i8"),
        ("is_taken_up", "i8"),  # whether the caller has seen the command at `signal`
        ("has_acted", "i8"),  # whether a signal of this row was acted on
        ("asked", "i8"),  # what the walk goes on with, once the pool is at hand that it stopped for
        ("pool", "i8"),
    ]
)


@kernel
def reserve(book: Fields, accounts: Rows, order: Fields, sign: int) -> None:
    """Set aside what an order may take, in book and account; with a sign of -1 free it again."""
    hold(accounts, order, sign)
    if order.side == BUY:
        book.reserved_quote += sign * order.amount_in
    elif order.side == SELL:
        book.reserved_base += sign * order.amount_in
    book.reserved_base += sign * order.amount_x
    book.reserved_quote += sign * order.amount_y


@kernel
def finish(
    order: Fields, status: int, ledger: Fields, book: Fields, accounts: Rows, ended: Rows, cursor: Fields
) -> None:
    """Take an order to its end, and free what it reserved.

    On paper an order that reached its pool, to fill or to fail there, has cost a transaction. With signed execution the
    cluster's own fees count.
    """
    reserve(book, accounts, order, -1)
    if ledger.is_signed == 0 and status in (FILLED, FAILED):
        ledger.transaction_costs += ledger.transaction_cost
        accounts[order.strategy, order.pool].transaction_costs += ledger.transaction_cost
    cursor.ended = end(order, status, book.seq, ledger.slot, ended, cursor.ended)


@kernel
def send(order: Fields, ledger: Fields, sent: Rows, cursor: Fields) -> None:
    """Have an order's transaction made: from here on only a report moves it."""
    order.status = SENT
    order.sent_slot = ledger.slot
    order.attempts += 1
    ledger.in_flight += 1
    sent[cursor.sent] = order
    cursor.sent += 1


@kernel
def retire(ledger: Fields, books: Rows, accounts: Rows, table: Rows, ended: Rows, cursor: Fields) -> None:
    """End what is due in this slot."""
    for index in range(ledger.open_orders):
        order = table[index]
        if order.status != OPEN:
            continue  # on the way: nothing can take it back
        if ledger.slot >= order.cancel_slot:
            finish(order, CANCELLED, ledger, books[order.pool], accounts, ended, cursor)
        elif ledger.slot >= order.expiry_slot:
            finish(order, EXPIRED, ledger, books[order.pool], accounts, ended, cursor)
    ledger.open_orders = compact(table, ledger.open_orders)


@kernel
def refresh_reach(ledger: Fields, books: Rows, table: Rows) -> None:
    """Note for each pool the bin prices from which one of its orders may fill."""
    for index in range(books.shape[0]):
        books[index].buy_below = 0.0
        books[index].sell_above = np.inf
    for index in range(ledger.open_orders):
        order = table[index]
        if order.land_slot > ledger.slot or order.status != OPEN:
            continue
        book = books[order.pool]
        if order.side == BUY:
            book.buy_below = max(book.buy_below, order.limit * (1.0 - book.fee_rate))
        else:
            book.sell_above = min(book.sell_above, order.limit / (1.0 - book.fee_rate))


@kernel
def take_back(
    ledger: Fields,
    books: Rows,
    accounts: Rows,
    table: Rows,
    pool: int,
    strategy: int,
    latency_slots: int,
    ended: Rows,
    cursor: Fields,
) -> None:
    """Cancel the resting orders of one strategy in one pool; negative stands for every one.

    On paper a cancel takes its time, as an order does. With signed execution what rests was never sent, so that it ends
    here and now; what was sent stays as it is, and is not tried again.
    """
    for index in range(ledger.open_orders):
        order = table[index]
        if pool >= 0 and (order.pool != pool or order.strategy != strategy or order.kind != RESTING):
            continue
        if ledger.is_signed == 0:
            order.cancel_slot = min(order.cancel_slot, ledger.slot + latency_slots)
        else:
            order.cancel_slot = min(order.cancel_slot, ledger.slot)
            if order.status == OPEN:
                finish(order, CANCELLED, ledger, books[order.pool], accounts, ended, cursor)
    if ledger.is_signed != 0:
        ledger.open_orders = compact(table, ledger.open_orders)


@kernel
def open_in_pool(ledger: Fields, table: Rows, pool: int) -> int:
    """Count the orders of one pool that rest or are on their way."""
    count = 0
    for index in range(ledger.open_orders):
        if table[index].pool == pool:
            count += 1
    return count


@kernel
def is_route_open(signal: Fields, ledger: Fields, table: Rows) -> bool:
    """Tell whether a route of a strategy through one of the pools of its wish is open or on its way."""
    for index in range(ledger.open_orders):
        order = table[index]
        if order.action != ROUTE or order.strategy != signal.strategy:
            continue
        for through in (order.pool, order.other_pool, order.third_pool):
            if through >= 0 and through in (signal.pool, signal.other_pool, signal.third_pool):
                return True
    return False
