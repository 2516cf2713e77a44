"""Book the swaps of an arbitrage or an exchange that were made: all of them, in their order.

An arbitrage ends with the token it began with, and what it takes in between it gives on. So nothing moves from pool to
pool in the books: what is left over of each token, of the first the profit, goes to one pool that is traded and keeps
that token. Each swap is a fill of its own; what the round earned is realised with the last one.

A round of two may begin or end in a pool that has the portfolio's currency as X, and no budget. Its order is booked
under the other pool, with whose quote currency it begins, even where that one makes the last swap.

An exchange is a sale and a purchase, each booked in its own pool.
"""

import math

import numpy as np

from dlmm.jit import kernel
from dlmm.records import ANSWER
from operators.blocks import Fields, Rows
from operators.books.accounts import average_cost, move
from operators.books.ledger import book_fill
from operators.orders.records import BUY, SELL
from operators.routes.chains import unit_of, worth_of

LEG_FILL = np.dtype(
    [
        ("amount_in", "i8"),  # raw units
        ("amount_out", "i8"),
        ("fee", "i8"),
        ("price_impact", "f8"),
        ("pool", "i8"),
        ("bins", "i8"),  # walked; 0 where nobody knows
        ("swap_for_y", "?"),
        ("fee_in_x", "?"),
    ]
)
"""What one swap moved."""

MOST_BINS = 127


@kernel
def keep(pool: int, token: int, amount: int, strategy: int, books: Rows, accounts: Rows, tokens: Rows) -> None:
    """Book what came of a token, or went, in a pool's book and a strategy's account there."""
    book = books[pool]
    is_x = token == tokens[pool].x
    x, y = amount if is_x else 0, 0 if is_x else amount
    book.base += x
    book.quote += y
    move(accounts, strategy, pool, x, y)
    book.cost = average_cost(accounts, pool, book.cost)


@kernel
def _keeper(token: int, fills: Rows, tokens: Rows) -> int:
    """Return the pool in whose book a token is kept: the last of these that is traded and has it."""
    for leg in range(len(fills) - 1, -1, -1):
        pool = fills[leg].pool
        mine = tokens[pool]
        if mine.is_traded != 0 and token in (mine.x, mine.y):
            return int(pool)
    return int(fills[0].pool)


@kernel
def _keep_left_over(strategy: int, fills: Rows, books: Rows, accounts: Rows, tokens: Rows) -> None:
    """Keep what a round leaves of each token that goes into a swap: of the first the profit."""
    for leg in range(len(fills)):
        taken, before = fills[leg], fills[leg - 1]
        amount = before.amount_out - taken.amount_in
        if amount != 0:
            token = tokens[taken.pool].x if taken.swap_for_y else tokens[taken.pool].y
            keep(_keeper(token, fills, tokens), token, amount, strategy, books, accounts, tokens)


@kernel
def _realise(profit: float, paid: float, pool: int, strategy: int, ledger: Fields, books: Rows, accounts: Rows) -> None:
    """Book what a round earned, or lost, in the pool where it ended."""
    account = accounts[strategy, pool]
    books[pool].realised += profit
    account.realised += profit
    if profit > 0.0:
        ledger.wins += 1
        ledger.gross_profit += profit
        account.trades_won += 1
        account.won += profit / paid
    elif profit < 0.0:
        ledger.losses += 1
        ledger.gross_loss -= profit
        account.trades_lost += 1
        account.lost -= profit / paid


@kernel
def _write(
    order: Fields,
    leg: Fields,
    realised: float,
    slot: int,
    ledger: Fields,
    books: Rows,
    accounts: Rows,
    tokens: Rows,
    fill: Fields,
) -> None:
    """Write one swap of a round down as a fill."""
    book, account = books[leg.pool], accounts[order.strategy, leg.pool]
    x, y = (leg.amount_in, leg.amount_out) if leg.swap_for_y else (leg.amount_out, leg.amount_in)
    fee = worth_of(leg.pool, leg.fee, leg.fee_in_x, books, tokens)
    value = y * unit_of(leg.pool, books, tokens)
    book.fees += fee
    account.fees += fee
    account.volume += value
    account.fills += 1
    ledger.volume += value
    ledger.fills += 1
    fill.order = order.order
    fill.seq = book.seq
    fill.slot = slot
    fill.ts_event_ns = ledger.ts_event_ns
    fill.amount_in, fill.amount_out = leg.amount_in, leg.amount_out
    fill.price = y * book.unit_y / (x * book.unit_x) if x != 0 else math.nan
    fill.fair = book.price
    fill.fee = fee
    fill.price_impact = leg.price_impact
    fill.realised = realised
    fill.strategy = order.strategy
    fill.pool = leg.pool
    fill.side = SELL if leg.swap_for_y else BUY
    fill.bins = min(leg.bins, MOST_BINS)


@kernel
def _book_exchange(
    order: Fields, made: Rows, slot: int, ledger: Fields, books: Rows, accounts: Rows, fills: Rows, cursor: Fields
) -> None:
    """Book a sale and a purchase, each in its own pool."""
    result = np.zeros(1, ANSWER)
    pool, side = order.pool, order.side
    for leg in range(len(made)):
        one, told = made[leg], result[0]
        order.pool, order.side = one.pool, SELL if one.swap_for_y else BUY
        told.is_filled, told.amount_in, told.amount_out, told.fee = 1, one.amount_in, one.amount_out, one.fee
        told.fee_on_input = 1 if one.fee_in_x == one.swap_for_y else 0
        told.bins, told.price_impact = one.bins, one.price_impact
        fill = fills[cursor.fills]
        book_fill(ledger, books[one.pool], accounts, order, told, fill)
        fill.slot = slot
        cursor.fills += 1
    order.pool, order.side = pool, side


@kernel
def book_route(
    order: Fields,
    made: Rows,
    slot: int,
    ledger: Fields,
    books: Rows,
    accounts: Rows,
    tokens: Rows,
    fills: Rows,
    cursor: Fields,
) -> None:
    """Book the swaps of an order that landed.

    :arg order: Whose strategy's accounts are moved.

    :arg made: `LEG_FILL` of each swap, in their order.

    :arg slot: In which they were made.

    :arg tokens: `TOKENS` (pools,).

    :arg fills: With room for them behind `cursor.fills`.

    """
    if order.side == SELL:
        _book_exchange(order, made, slot, ledger, books, accounts, fills, cursor)
        return
    _keep_left_over(order.strategy, made, books, accounts, tokens)
    last = made[-1]
    home = last.pool if tokens[last.pool].is_traded != 0 else order.pool
    unit, paid = books[home].unit_y, made[0].amount_in
    profit = (last.amount_out - paid) * unit
    _realise(profit, paid * unit, home, order.strategy, ledger, books, accounts)
    for leg in range(len(made)):
        realised = profit if leg == len(made) - 1 else 0.0
        _write(order, made[leg], realised, slot, ledger, books, accounts, tokens, fills[cursor.fills])
        cursor.fills += 1
