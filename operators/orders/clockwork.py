"""The portfolio's clockwork: walk rows in their one order, let orders land, rest, fill and end, and book them.

The kernel does all that happens for every row. When an order may fill, it stops and hands the order to its caller, who
asks the pool arithmetic what the swap would do; called again with that answer, it goes on where it stopped. So every
fill, in every mode, is decided by the one exact swap.

On paper that answer is the fill. With signed execution it is the reason to send: the order becomes *sent*, keeps what
it reserved, and nothing else happens to it until a report row tells what came of its transaction. Report rows and
liquidity commands are rare: for them, too, the kernel stops, and its caller does the work.

Rules of time, none of which looks ahead:

* An order decided in slot *s* lands in slot *s + latency*: on paper at least one slot later, while a signed one may be
  sent at once, for its landing is the chain's.
* When a slot begins, before its first row counts: orders due are cancelled or expire, then those that have landed meet
  the pool as the last slot left it.
* An immediate order meets the pool once. A resting order waits until the price of the active bin, with the base fee,
  reaches its limit, and fills if the exact swap then keeps the limit. An attempt that fell short is made again in a new
  slot, or once the active bin has changed.
"""

import numpy as np
from numpy.typing import NDArray

from dlmm.jit import kernel
from operators.blocks import ARBITRAGE, REPORT, TICK, Fields, Rows
from operators.blocks import OPEN as OPEN_POSITION
from operators.books.ledger import book_fill, mark_row, open_book, sample
from operators.ladders.watch import calls_keeper
from operators.orders.acting import Unwinding, act_on, unwind, watch_losses
from operators.orders.order_table import finish, is_route_open, refresh_reach, retire, send
from operators.orders.records import BUY, FAILED, FILLED, IMMEDIATE, OPEN, ROUTE, compact
from operators.paper.synthetic import Chains, follow_row
from operators.risk.market_risk import Risk, books_changed, observe
from operators.routes.route_orders import is_out_of_reach

SLOT_BEGINS, SLOT_MEETS, ROW_COUNTS, ROW_REACHES, ROW_MEETS, SIGNALS_COUNT, SIGNALS_MEET = range(7)

DONE_ELSEWHERE = 2
"""In place of `ANSWER.is_filled`: the caller has booked what the order did, which was no plain swap."""

DONE, AWAITS_RESULT, AWAITS_REPORT, AWAITS_COMMAND, AWAITS_VALUE = range(5)


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
    ledger: Fields,
    books: Rows,
    accounts: Rows,
    table: Rows,
    pool: int,
    result: Fields,
    out: tuple[Rows, Rows, Rows, Rows],
    cursor: Fields,
    risk: Risk,
) -> bool:
    """Let open orders meet their pools, one by one; return whether a result is awaited for the one at the cursor.

    :arg pool: Only orders of this pool; all where negative.

    """
    ended, fills, _, sent = out
    while cursor.order < ledger.open_orders:
        order = table[cursor.order]
        book = books[order.pool]
        if cursor.awaits != 0:
            cursor.awaits = 0
            if result.is_filled == DONE_ELSEWHERE:
                finish(order, FILLED, ledger, book, accounts, ended, cursor)
                books_changed(risk)
            elif result.is_filled != 0 and ledger.is_signed != 0:
                order.compute_units = result.compute_units
                send(order, ledger, sent, cursor)
            elif result.is_filled != 0:
                book_fill(ledger, book, accounts, order, result, fills[cursor.fills])
                cursor.fills += 1
                finish(order, FILLED, ledger, book, accounts, ended, cursor)
                books_changed(risk)
            elif order.kind == IMMEDIATE:
                finish(order, FAILED, ledger, book, accounts, ended, cursor)
            else:
                order.tried_slot = ledger.slot
                order.tried_bin = book.active_id
        elif (pool < 0 or order.pool == pool) and _may_fill(order, ledger, book):
            if order.action != ROUTE or not is_out_of_reach(order, books):
                cursor.awaits = 1
                return True
            finish(order, FAILED, ledger, book, accounts, ended, cursor)
        cursor.order += 1
    cursor.order = 0
    ledger.open_orders = compact(table, ledger.open_orders)
    refresh_reach(ledger, books, table)
    return False


@kernel
def advance(
    rows: Rows,
    order_of_rows: NDArray[np.int64],
    signals: Rows,
    state: tuple[Rows, Rows, Rows, Rows],
    rules: tuple[Rows, Rows, Rows],
    risk: Risk,
    unwinding: Unwinding,
    positions_: tuple[Rows, Chains, Rows],
    out: tuple[Rows, Rows, Rows, Rows],
    cursor_: Rows,
    result_: Rows,
) -> int:
    """Walk rows and signals from the cursor on.

    :arg rows: `ROW` array of all pools of a slice.

    :arg order_of_rows: Their indices in order of `seq`.

    :arg signals: `SIGNAL` array in order of `seq`.

    :arg state: `LEDGER` (1,), `BOOK` (pools,), table of open orders (`ORDER`, long enough for all that may come),
        `ACCOUNT` (strategies + 1, pools).

    :arg rules: `POLICY` (strategies,), `LIMITS` (1,), `VENUE` (1,).

    :arg risk: As `operators.risk.market_risk` keeps it.

    :arg unwinding: What the emergency stop sells by.

    :arg positions_: `SYNTHETIC` array: positions on paper where no bins are recorded; those of each pool, chained;
        `WATCH` (strategies, pools): when their ladders are to move.

    :arg out: Ended orders, fills, equity samples and sent orders, long enough for all that may come.

    :arg cursor_: `CURSOR` (1,): where to go on, and how much of `out` is written.

    :arg result_: `ANSWER` (1,): the answer for the order that the last call stopped at.

    :returns: `DONE`; `AWAITS_RESULT` for the order at `cursor.order` of the table; `AWAITS_REPORT` where the report of
        the row at `cursor.row` is to be booked; `AWAITS_VALUE` where its pool's bin positions are to be valued anew;
        `AWAITS_COMMAND` where the signal at `cursor.signal` is a liquidity
        command or an arbitrage, to be taken up by the caller before it calls again.

    """
    ledger_, books, table, accounts = state
    policies, limits, venue_ = rules
    positions, chains, watches = positions_
    ended, _, samples, _ = out
    ledger, cursor, result, venue = ledger_[0], cursor_[0], result_[0], venue_[0]
    while cursor.row < order_of_rows.shape[0]:
        row = rows[order_of_rows[cursor.row]]
        if cursor.stage == SLOT_BEGINS:
            if row.slot > ledger.slot:
                ledger.slot = row.slot
                retire(ledger, books, accounts, table, ended, cursor)
                cursor.stage = SLOT_MEETS
            else:
                cursor.stage = ROW_COUNTS
        if cursor.stage == SLOT_MEETS:
            if _meet(ledger, books, accounts, table, -1, result, out, cursor, risk):
                return AWAITS_RESULT
            watch_losses(ledger, books, accounts, table, limits, venue.latency_slots, ended, cursor)
            if (
                ledger.stopped != 0
                and ledger.closing == 0
                and unwind(ledger, books, accounts, table, venue, unwinding) > 0
                and ledger.is_signed != 0
            ):
                continue  # what is to be sold meets its pools in this slot
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
            if row.ts_event_ns >= risk[0][0].next_ns:
                observe(ledger, books, risk)
            cursor.stage = SIGNALS_COUNT
            if row.kind == REPORT:
                return AWAITS_REPORT
            ledger.updates += 1
            book = books[row.pool]
            if row.kind == TICK:
                book.contact_slot = max(book.contact_slot, row.slot - row.account)
            else:
                book.contact_slot = max(book.contact_slot, row.slot)
            active_before = book.active_id
            mark_row(book, row)
            if book.is_open == 0:
                open_book(ledger, book, accounts, row.pool)
            cursor.stage = ROW_REACHES
            if book.has_positions != 0 and row.kind != TICK:
                if follow_row(positions, chains, book, accounts, row):
                    books_changed(risk)
                if book.has_positions == 1 or ledger.stopped != 0:
                    return AWAITS_VALUE
                if book.active_id != active_before and calls_keeper(
                    row.pool, positions, chains, ledger_, books, accounts, table, policies, watches
                ):
                    return AWAITS_VALUE
        if cursor.stage == ROW_REACHES:
            book = books[row.pool]
            cursor.stage = SIGNALS_COUNT
            if book.bin_price <= book.buy_below or book.bin_price >= book.sell_above:
                cursor.stage = ROW_MEETS
        if cursor.stage == ROW_MEETS:
            if _meet(ledger, books, accounts, table, row.pool, result, out, cursor, risk):
                return AWAITS_RESULT
            cursor.stage = SIGNALS_COUNT
        while (
            cursor.stage != SIGNALS_MEET and cursor.signal < signals.shape[0] and signals[cursor.signal].seq == row.seq
        ):
            if cursor.is_taken_up == 0:
                ledger.signals += 1
            signal = signals[cursor.signal]
            if signal.kind == ARBITRAGE and cursor.is_taken_up == 0 and is_route_open(signal, ledger, table):
                pass  # it moves the prices that the wish was made of; what is left of them is wished for again
            elif signal.kind >= OPEN_POSITION:
                if cursor.is_taken_up == 0:
                    cursor.is_taken_up = 1
                    return AWAITS_COMMAND
                cursor.is_taken_up = 0
            else:
                act_on(signal, ledger, books, accounts, table, policies, limits, venue, ended, cursor, risk)
            cursor.has_acted = 1
            cursor.signal += 1
        if ledger.is_signed != 0 and cursor.has_acted != 0:
            # What was wished at this row need not wait for the next one: it may be sent now.
            cursor.stage = SIGNALS_MEET
            if _meet(ledger, books, accounts, table, row.pool, result, out, cursor, risk):
                return AWAITS_RESULT
        cursor.has_acted = 0
        cursor.stage = SLOT_BEGINS
        cursor.row += 1
    return DONE
