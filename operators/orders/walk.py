"""Walk a slice: let the clockwork go on, and answer what it stops for, as far as no more than the pools is needed.

Plain swaps and routes meet pools that kernels have, and the wish for a round without a size is drafted on them. Only
where such a pool must be read from its accounts first does that stop the walk, and it goes on with the same question.
All else is left to the caller.
"""

import numpy as np
from numpy.typing import NDArray

from dlmm.borrowed import borrowed
from dlmm.jit import kernel
from dlmm.ways import MAX_LEGS, WayList
from dlmm.wide import U64
from operators.blocks import Fields, Rows
from operators.books.ledger import mark
from operators.orders.acting import Unwinding
from operators.orders.clockwork import AWAITS_COMMAND, AWAITS_RESULT, DONE, DONE_ELSEWHERE, advance
from operators.orders.command_gate import admit, decide, refuse
from operators.orders.records import BUY, FAILED, NO_RULE, ROUTE, SWAP
from operators.paper.pools_at_hand import missing_among, swap
from operators.paper.synthetic import chained
from operators.risk.market_risk import Risk
from operators.routes.booking import LEG_FILL
from operators.routes.landing import land, meet
from operators.routes.rounds import draft_round, is_unsized_round, make_blank
from operators.routes.route_orders import pools_through

AWAITS_POOL = 5
"""Beside what the clockwork awaits: the pool at `cursor.pool` is to be put at hand."""


@kernel
def _swap(order: Fields, pool: int, ledger: Fields, standing: Rows, ways: WayList, result_: Rows) -> None:
    """Answer what an order's swap does."""
    exact_in, amount, threshold = True, U64(order.amount_in), U64(order.min_out)
    if order.is_exact_out != 0:
        exact_in, amount, threshold = False, threshold, amount
    swap(pool, order.side != BUY, exact_in, amount, threshold, ledger, standing, ways, result_)


@kernel
def send_route(
    ledger_: Rows,
    books: Rows,
    accounts: Rows,
    table: Rows,
    venue_: Rows,
    tokens: Rows,
    standing: Rows,
    ways: WayList,
    sent: Rows,
    ended: Rows,
    cursor_: Rows,
) -> None:
    """Send the route behind the open orders, unless it would fail on its pools as they stand, which are at hand."""
    order, made = table[ledger_[0].open_orders], np.zeros(MAX_LEGS, LEG_FILL)
    if meet(order, ledger_[0], books, accounts, tokens, standing, ways, made) > 0:
        admit(ledger_, books, accounts, table, venue_, sent, cursor_)
    else:
        refuse(FAILED, NO_RULE, 0.0, 0.0, ledger_, books, table, ended, cursor_)


@kernel
def _take_up(
    signal: Fields,
    state: tuple[Rows, Rows, Rows, Rows],
    rules: tuple[Rows, Rows, Rows],
    risk: Risk,
    out: tuple[Rows, Rows, Rows, Rows],
    tokens: Rows,
    standing: Rows,
    ways: WayList,
    cursor_: Rows,
) -> None:
    """Draft the wish for a round, hold it against the gate, and send it."""
    ledger_, books, table, accounts = state
    policies, limits, venue_ = rules
    ended, _, _, sent = out
    ledger = ledger_[0]
    mark(ledger, books)
    # The place behind the open orders is free: the table has room for every order a slice may add.
    make_blank(table, ledger.open_orders)
    order = table[ledger.open_orders]
    rule, figure, bound = draft_round(signal, order, ledger_, books, accounts, policies, limits, tokens, standing, ways)
    if decide(rule, figure, bound, ledger_, books, accounts, table, limits, risk, venue_, sent, ended, cursor_):
        send_route(ledger_, books, accounts, table, venue_, tokens, standing, ways, sent, ended, cursor_)


@kernel
def walk(
    rows: Rows,
    order_of_rows: NDArray[np.int64],
    signals: Rows,
    state: tuple[Rows, Rows, Rows, Rows],
    rules: tuple[Rows, Rows, Rows],
    risk: Risk,
    unwinding: Unwinding,
    positions: Rows,
    watches: Rows,
    out: tuple[Rows, Rows, Rows, Rows],
    tokens: Rows,
    standing: Rows,
    ways: WayList,
    cursor_: Rows,
    result_: Rows,
) -> int:
    """Walk rows and signals from the cursor on, as `advance` does and with its arguments.

    :arg positions: `SYNTHETIC` array.

    :arg watches: `WATCH` (strategies, pools).

    :arg tokens: `TOKENS` (pools,).

    :arg standing: `STANDING` (pools,), and `ways` through all pools at hand.

    :returns: As `advance`, for what is not answered here; `AWAITS_POOL` where the pool at `cursor.pool` is to be put at
        hand.

    """
    rows, order_of_rows, signals, tokens, standing = borrowed((rows, order_of_rows, signals, tokens, standing))
    state, rules, risk, unwinding = borrowed((state, rules, risk, unwinding))
    positions, watches, out, cursor_, result_ = borrowed((positions, watches, out, cursor_, result_))
    ledger_, books, table, accounts = state
    ledger, cursor = ledger_[0], cursor_[0]
    followed = positions, chained(positions, len(books)), watches
    while True:
        asked, cursor.asked = cursor.asked, DONE
        if asked == DONE:
            asked = advance(
                rows, order_of_rows, signals, state, rules, risk, unwinding, followed, out, cursor_, result_
            )
        action = table[cursor.order].action
        is_met = asked == AWAITS_RESULT and action in (SWAP, ROUTE)
        is_wished = asked == AWAITS_COMMAND and ledger.closing == 0
        if is_met:
            pools = pools_through(table[cursor.order])
            if action == SWAP:
                pools = pools[:1]
        elif is_wished and is_unsized_round(signals[cursor.signal], tokens):
            pools = pools_through(signals[cursor.signal])
        else:
            return int(asked)
        missing = missing_among(pools, ledger.slot, books, standing, ways)
        if missing >= 0:
            cursor.asked, cursor.pool = asked, missing
            return AWAITS_POOL
        if not is_met:
            signal = signals[cursor.signal]
            _take_up(signal, state, rules, risk, out, tokens, standing, ways, cursor_)
        elif action == SWAP:
            _swap(table[cursor.order], pools[0], ledger, standing, ways, result_)
        else:
            order, fills = table[cursor.order], out[1]
            is_done = land(order, ledger, books, accounts, tokens, standing, ways, fills, cursor)
            result_[0].is_filled = DONE_ELSEWHERE if is_done else 0
