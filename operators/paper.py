"""The paper venue's clockwork: walk rows in their one order, let orders land, rest, fill and end, and book them.

The kernel does all that happens for every row. When an order may fill, it stops and hands the order to its caller, who
asks the pool arithmetic what the swap would do; called again with that answer, it goes on where it stopped. So every
fill, in every mode, is decided by the one exact swap.

Rules of time, none of which looks ahead:

* An order decided in slot *s* lands in slot *s + latency*, at least one slot later.
* When a slot begins, before its first row counts: orders due are cancelled or expire, then those that have landed meet
  the pool as the last slot left it.
* An immediate order meets the pool once. A resting order waits until the price of the active bin, with the base fee,
  reaches its limit, and fills if the exact swap then keeps the limit. An attempt that fell short is made again in a new
  slot, or once the active bin has changed.
"""

import numpy as np
from numpy.typing import NDArray

from dlmm.jit import kernel
from operators.blocks import CANCEL, QUOTE, Fields, Rows
from operators.ledger import book_fill, mark, mark_row, sample
from operators.orders import (
    BUY,
    CANCELLED,
    EXPIRED,
    FAILED,
    FILLED,
    IMMEDIATE,
    NO_RULE,
    OPEN,
    REFUSED,
    RESTING,
    SELL,
    WITHHELD,
    compact,
    end,
)
from operators.risk.gate import objection
from operators.sizing import draft

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
    ]
)
SLOT_BEGINS, SLOT_MEETS, ROW_COUNTS, ROW_MEETS, SIGNALS_COUNT = range(5)

RESULT = np.dtype(
    [
        ("is_filled", "i8"),
        ("amount_in", "i8"),
        ("amount_out", "i8"),
        ("fee", "i8"),
        ("fee_on_input", "i8"),
        ("bins", "i8"),
        ("price_impact", "f8"),
    ]
)

DONE, AWAITS_RESULT = 0, 1


@kernel
def _release(book: Fields, order: Fields) -> None:
    if order.side == BUY:
        book.reserved_quote -= order.amount_in
    else:
        book.reserved_base -= order.amount_in


@kernel
def _finish(order: Fields, status: int, ledger: Fields, book: Fields, ended: Rows, cursor: Fields) -> None:
    _release(book, order)
    cursor.ended = end(order, status, book.seq, ledger.slot, ended, cursor.ended)


@kernel
def _retire(ledger: Fields, books: Rows, table: Rows, ended: Rows, cursor: Fields) -> None:
    """End what is due in this slot."""
    for index in range(ledger.open_orders):
        order = table[index]
        if ledger.slot >= order.cancel_slot:
            _finish(order, CANCELLED, ledger, books[order.pool], ended, cursor)
        elif ledger.slot >= order.expiry_slot:
            _finish(order, EXPIRED, ledger, books[order.pool], ended, cursor)
    ledger.open_orders = compact(table, ledger.open_orders)


@kernel
def _refresh_reach(ledger: Fields, books: Rows, table: Rows) -> None:
    """Note for each pool the bin prices from which one of its orders may fill."""
    for index in range(books.shape[0]):
        books[index].buy_below = 0.0
        books[index].sell_above = np.inf
    for index in range(ledger.open_orders):
        order = table[index]
        if order.land_slot > ledger.slot:
            continue
        book = books[order.pool]
        if order.side == BUY:
            book.buy_below = max(book.buy_below, order.limit * (1.0 - book.fee_rate))
        else:
            book.sell_above = min(book.sell_above, order.limit / (1.0 - book.fee_rate))


@kernel
def _may_fill(order: Fields, ledger: Fields, book: Fields) -> bool:
    """Tell whether an open order should meet the pool now."""
    if order.status != OPEN or order.land_slot > ledger.slot or book.is_open == 0:
        return False
    if order.kind == IMMEDIATE:
        return True
    if order.tried_slot == ledger.slot and order.tried_bin == book.active_id:
        return False
    if order.side == BUY:
        return bool(book.bin_price <= order.limit * (1.0 - book.fee_rate))
    return bool(book.bin_price >= order.limit / (1.0 - book.fee_rate))


@kernel
def _meet(
    ledger: Fields, books: Rows, table: Rows, pool: int, result: Fields, ended: Rows, fills: Rows, cursor: Fields
) -> bool:
    """Let open orders meet their pools, one by one; return whether a result is awaited for the one at the cursor.

    :arg pool: Only orders of this pool; all where negative.

    """
    while cursor.order < ledger.open_orders:
        order = table[cursor.order]
        book = books[order.pool]
        if cursor.awaits != 0:
            cursor.awaits = 0
            if result.is_filled != 0:
                book_fill(ledger, book, order, result, fills[cursor.fills])
                cursor.fills += 1
                _finish(order, FILLED, ledger, book, ended, cursor)
            elif order.kind == IMMEDIATE:
                _finish(order, FAILED, ledger, book, ended, cursor)
            else:
                order.tried_slot = ledger.slot
                order.tried_bin = book.active_id
        elif (pool < 0 or order.pool == pool) and _may_fill(order, ledger, book):
            cursor.awaits = 1
            return True
        cursor.order += 1
    cursor.order = 0
    ledger.open_orders = compact(table, ledger.open_orders)
    _refresh_reach(ledger, books, table)
    return False


@kernel
def _take_back(ledger: Fields, table: Rows, pool: int, strategy: int, latency_slots: int) -> None:
    """Send cancels for the resting orders of one strategy in one pool; negative stands for every one."""
    for index in range(ledger.open_orders):
        order = table[index]
        if pool >= 0 and (order.pool != pool or order.strategy != strategy or order.kind != RESTING):
            continue
        order.cancel_slot = min(order.cancel_slot, ledger.slot + latency_slots)


@kernel
def _open_in_pool(ledger: Fields, table: Rows, pool: int) -> int:
    count = 0
    for index in range(ledger.open_orders):
        if table[index].pool == pool:
            count += 1
    return count


@kernel
def _act_on(
    signal: Fields,
    ledger: Fields,
    books: Rows,
    table: Rows,
    policies: Rows,
    limits: Rows,
    venue: Fields,
    ended: Rows,
    cursor: Fields,
) -> None:
    """Turn a signal into cancels and orders, each held against the policy and the gate."""
    ledger.signals += 1
    if signal.kind == QUOTE or signal.kind == CANCEL:
        _take_back(ledger, table, signal.pool, signal.strategy, venue.latency_slots)
    if signal.kind == CANCEL:
        return
    mark(ledger, books)
    book = books[signal.pool]
    for side in (BUY, SELL):
        limit = signal.bid if side == BUY else signal.ask
        if not limit > 0.0:
            continue
        # The place behind the open orders is free: the table has room for every order a slice may add.
        order = table[ledger.open_orders]
        rule, figure, bound = draft(
            order, signal, side, ledger, book, policies[signal.strategy], limits[0].max_position_size, venue
        )
        status = WITHHELD
        if rule == NO_RULE:
            status = REFUSED
            waiting = _open_in_pool(ledger, table, signal.pool)
            rule, figure, bound = objection(order, ledger, books, limits, waiting)
        if rule != NO_RULE:
            order.rule = rule
            order.figure = figure
            order.bound = bound
            cursor.ended = end(order, status, book.seq, ledger.slot, ended, cursor.ended)
        else:
            ledger.open_orders += 1
            if side == BUY:
                book.reserved_quote += order.amount_in
            else:
                book.reserved_base += order.amount_in


@kernel
def _watch_losses(ledger: Fields, books: Rows, table: Rows, limits: Rows, latency_slots: int) -> None:
    """Turn the emergency stop on when the drawdown calls for it, and take back all that is open."""
    mark(ledger, books)
    if ledger.stopped == 0 and ledger.drawdown > limits[0].emergency_stop_loss:
        ledger.stopped = 1
        _take_back(ledger, table, -1, -1, latency_slots)


@kernel
def advance(
    rows: Rows,
    order_of_rows: NDArray[np.int64],
    signals: Rows,
    state: tuple[Rows, Rows, Rows],
    rules: tuple[Rows, Rows, Rows],
    out: tuple[Rows, Rows, Rows],
    cursor_: Rows,
    result_: Rows,
) -> int:
    """Walk rows and signals from the cursor on.

    :arg rows: `ROW` array of all pools of a slice.

    :arg order_of_rows: Their indices in order of `seq`.

    :arg signals: `SIGNAL` array in order of `seq`.

    :arg state: `LEDGER` (1,), `BOOK` (pools,), table of open orders (`ORDER`, long enough for all that may come).

    :arg rules: `POLICY` (strategies,), `LIMITS` (1,), `VENUE` (1,).

    :arg out: Ended orders, fills and equity samples, long enough for all that may come.

    :arg cursor_: `CURSOR` (1,): where to go on, and how much of `out` is written.

    :arg result_: `RESULT` (1,): the answer for the order that the last call stopped at.

    :returns: `DONE`, or `AWAITS_RESULT` for the order at `cursor.order` of the table.

    """
    ledger_, books, table = state
    policies, limits, venue_ = rules
    ended, fills, samples = out
    ledger, cursor, result, venue = ledger_[0], cursor_[0], result_[0], venue_[0]
    while cursor.row < order_of_rows.shape[0]:
        row = rows[order_of_rows[cursor.row]]
        if cursor.stage == SLOT_BEGINS:
            if row.slot > ledger.slot:
                ledger.slot = row.slot
                _retire(ledger, books, table, ended, cursor)
                cursor.stage = SLOT_MEETS
            else:
                cursor.stage = ROW_COUNTS
        if cursor.stage == SLOT_MEETS:
            if _meet(ledger, books, table, -1, result, ended, fills, cursor):
                return AWAITS_RESULT
            _watch_losses(ledger, books, table, limits, venue.latency_slots)
            cursor.stage = ROW_COUNTS
        if cursor.stage == ROW_COUNTS:
            if row.ts_event_ns >= ledger.next_sample_ns:
                interval = venue.equity_interval_ns
                boundary = row.ts_event_ns // interval * interval
                if ledger.next_sample_ns > 0:
                    sample(ledger, books, boundary, samples[cursor.samples])
                    cursor.samples += 1
                ledger.next_sample_ns = boundary + interval
            ledger.ts_event_ns = max(ledger.ts_event_ns, row.ts_event_ns)
            ledger.updates += 1
            book = books[row.pool]
            mark_row(book, row)
            cursor.stage = SIGNALS_COUNT
            if book.bin_price <= book.buy_below or book.bin_price >= book.sell_above:
                cursor.stage = ROW_MEETS
        if cursor.stage == ROW_MEETS:
            if _meet(ledger, books, table, row.pool, result, ended, fills, cursor):
                return AWAITS_RESULT
            cursor.stage = SIGNALS_COUNT
        while cursor.signal < signals.shape[0] and signals[cursor.signal].seq == row.seq:
            _act_on(
                signals[cursor.signal],
                ledger,
                books,
                table,
                policies,
                limits,
                venue,
                ended,
                cursor,
            )
            cursor.signal += 1
        cursor.stage = SLOT_BEGINS
        cursor.row += 1
    return DONE
