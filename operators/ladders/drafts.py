"""From the wish for a ladder to the order that moves it: which bins, how much of either token, and whether it pays."""

import math

import numpy as np
from numpy.typing import NDArray

from dlmm.jit import kernel
from operators.blocks import SHAPES, Fields, Rows
from operators.books.sizing import RAW_AMOUNTS
from operators.ladders.bins import MOST_BINS, Bins, asks_of, beside, bids_of, lean, leaning, only
from operators.ladders.watch import is_due, is_under_way, share_in_x, side_of
from operators.orders.blank_orders import number
from operators.orders.records import (
    COST_ABOVE_PROFIT,
    IMPOSSIBLE_AMOUNT,
    NO_RULE,
    REBALANCE,
    SIZED_BY_BUDGET,
    SIZED_BY_EXPOSURE,
    SIZED_BY_LIMIT,
    TOO_SMALL,
)
from operators.positions.bin_positions import MOST_UNITS
from operators.risk.exposure import room
from operators.strategies.ladder_making import NEAR_BINS

TRANSACTIONS_TO_PLACE, TRANSACTIONS_TO_MOVE = 1, 2

LADDER_POLICY = np.dtype(
    [
        ("inventory_target", "f8"),
        ("max_inventory_deviation", "f8"),
        ("skew_bins", "f8"),
        ("pause_ns", "i8"),  # between two moves that inventory calls for
    ]
)

LAST = np.dtype(
    [
        ("active_id", "i8"),  # of the pool, when the last ladder was wished
        ("order", "i8"),  # that was to place it; 0 before the first
        ("tried_ns", "i8"),  # market time of that order
        ("tries", "i8"),  # orders, one after the other, whose landing failed before it
    ]
)
"""What came of a strategy's last wish for a ladder in a pool."""

Standing = tuple[int, int, int]
"""Number, first and last bin of the strategy's newest position in the pool; zeros where it holds none."""

Memory = tuple[Rows, Rows, Rows]
"""`SIGNAL`, `LAST` and `WATCH` (strategies, pools): what was wished last, what came of it, when it is to move."""

Objection = tuple[bool, int, float, float]
"""Whether there is an order; what speaks against it: a rule, its figure and its bound."""


@kernel
def _income(per_unit: float, value: float, bins: int, liquidity: float) -> float:
    """Return the fee income of a whole ladder: a unit earns the less, the more of us there is in its bins.

    NaN where nothing is claimed, or where the pool's liquidity is not known.
    """
    density = NEAR_BINS / bins
    near = 1.0 if liquidity < 1.0 else liquidity
    return per_unit * value / (1.0 + value * density / near)


@kernel
def _fill_in(
    order: Fields,
    bins: Bins,
    per_unit: float,
    standing: Standing,
    books: Rows,
    accounts: Rows,
    limits: Rows,
    bounds: NDArray[np.int64],
    transaction_cost: float,
) -> tuple[int, float, float]:
    """Write bins and amounts into an order; return what speaks against it."""
    pool = order.pool
    account, book = accounts[order.strategy, pool], books[pool]
    unit_y, in_bins = book.unit_y, account.position_y
    most_x = float(account.base) - float(account.reserved_base) + float(account.position_x)
    most_y = float(account.quote) - float(account.reserved_quote) + float(in_bins)
    if max(most_x, most_y) >= RAW_AMOUNTS:
        return IMPOSSIBLE_AMOUNT, max(most_x, most_y), RAW_AMOUNTS
    x = max(account.base - account.reserved_base + account.position_x, 0)
    y = max(account.quote - account.reserved_quote + in_bins, 0)
    order.sized_by = SIZED_BY_BUDGET
    free = int(min(room(limits, books, pool), MOST_UNITS * unit_y) / unit_y)
    if y - in_bins > free:
        y = in_bins + free
        order.sized_by = SIZED_BY_EXPOSURE
    # A bin that takes less than a unit takes nothing.
    bins = only(bins, y >= bids_of(bins), x >= asks_of(bins))
    if asks_of(bins) == 0:
        x = 0
    if bids_of(bins) == 0:
        y = 0
    lower, upper = bins[0], bins[3]
    first, last = bounds[pool, 0], bounds[pool, 1]
    if lower < first:
        return IMPOSSIBLE_AMOUNT, float(lower), float(first)
    if upper > last:
        return IMPOSSIBLE_AMOUNT, float(upper), float(last)
    if upper - lower >= MOST_BINS:
        return IMPOSSIBLE_AMOUNT, float(upper - lower + 1), float(MOST_BINS)
    value = x * (book.unit_x * book.price) + y * unit_y
    most = limits[0].max_position_size
    if value > most:
        part = most / value
        x, y, value = math.floor(x * part), math.floor(y * part), most
        order.sized_by = SIZED_BY_LIMIT
        bins = only(bins, y >= bids_of(bins), x >= asks_of(bins))
    rungs = bids_of(bins) + asks_of(bins)
    if rungs == 0:
        return TOO_SMALL, value, 0.0
    order.position = order.order
    order.lower, order.bid_upper, order.ask_lower, order.upper = bins
    order.amount_x = x
    order.amount_y = y
    order.other_min_out = book.active_id
    # X was at risk before; so was the Y that stood in bins.
    order.value = max(y - in_bins, 0) * unit_y
    order.old_position, order.old_lower, order.old_upper = standing
    cost = (TRANSACTIONS_TO_MOVE if order.old_position != 0 else TRANSACTIONS_TO_PLACE) * transaction_cost
    income = _income(per_unit, value, rungs, book.liquidity)
    if income <= cost:
        return COST_ABOVE_PROFIT, income, cost
    return NO_RULE, 0.0, 0.0


@kernel
def _write(
    order: Fields,
    wish: Fields,
    seq: int,
    active_then: int,
    tries: int,
    standing: Standing,
    memory: Memory,
    ledger: Fields,
    books: Rows,
    accounts: Rows,
    limits: Rows,
    policy: Fields,
    bounds: NDArray[np.int64],
    transaction_cost: float,
) -> Objection:
    """Write an order for what is wished, around the present price, and remember it.

    :arg active_then: Active bin around which it was wished.

    """
    strategy, pool = int(wish.strategy), int(wish.pool)
    book = books[pool]
    active_id = book.active_id
    number(order, ledger, book, pool, strategy, seq)
    order.action = REBALANCE
    order.urgency = wish.urgency
    order.shape = min(max(int(wish.shape), 0), len(SHAPES) - 1)
    share = share_in_x(accounts[strategy, pool], book, policy.inventory_target)
    side = side_of(share - policy.inventory_target, policy.max_inventory_deviation)
    wishes, lasts, watches = memory
    wishes[strategy, pool] = wish
    wishes[strategy, pool].seq = seq
    last, watch = lasts[strategy, pool], watches[strategy, pool]
    last.active_id = active_then
    last.order = order.order
    last.tried_ns = ledger.ts_event_ns
    last.tries = tries
    watch.side = side
    watch.due_ns = ledger.ts_event_ns + policy.pause_ns

    moved = lean(share, policy.inventory_target, policy.max_inventory_deviation, policy.skew_bins)
    bins = (int(wish.lower), int(wish.bid_upper), int(wish.ask_lower), int(wish.upper))
    bins = leaning(beside(bins, active_id, active_id - active_then), active_id, moved)
    bins = only(bins, side <= 0, side >= 0)
    rule, figure, bound = _fill_in(
        order, bins, wish.expected_profit, standing, books, accounts, limits, bounds, transaction_cost
    )
    return True, rule, figure, bound


@kernel
def _is_same(one: Fields, other: Fields) -> bool:
    return bool(
        one.lower == other.lower
        and one.bid_upper == other.bid_upper
        and one.ask_lower == other.ask_lower
        and one.upper == other.upper
        and one.shape == other.shape
    )


@kernel
def draft_wish(
    orders: Rows,
    wish: Fields,
    position: int,
    lower: int,
    upper: int,
    wishes: Rows,
    lasts: Rows,
    watches: Rows,
    ledger_: Rows,
    books: Rows,
    accounts: Rows,
    table: Rows,
    limits: Rows,
    policies: Rows,
    bounds: NDArray[np.int64],
    transaction_cost: float,
) -> Objection:
    """Turn a wish into an order, unless its ladder stands, or another one is under way.

    A wish that says what the last one said is that one, repeated: if the ladder does not stand, it is placed around the
    present price. Where a ladder is under way that was decided around the same price, it is taken for what is wished.

    :arg orders: `ORDER` (1,), a copy of `BLANK`.

    :arg wish: `SIGNAL` record.

    :arg position: The strategy's newest in the pool, from bin `lower` to `upper`; 0 where it holds none.

    :arg policies: `LADDER_POLICY` (strategies,).

    :arg bounds: First and last bin that has a price, (pools, 2).

    """
    strategy, pool, ledger = int(wish.strategy), int(wish.pool), ledger_[0]
    last, active_id = lasts[strategy, pool], books[pool].active_id
    if is_under_way(strategy, pool, table, ledger.open_orders, 0):
        for index in range(ledger.open_orders):
            order = table[index]
            if last.order != 0 and order.order == last.order and order.other_min_out == active_id:
                wishes[strategy, pool] = wish
                last.active_id = active_id
        return False, NO_RULE, 0.0, 0.0
    active_then = active_id
    if last.order != 0 and _is_same(wish, wishes[strategy, pool]):
        if last.order == position:
            return False, NO_RULE, 0.0, 0.0
        active_then = last.active_id
    standing, memory = (position, lower, upper), (wishes, lasts, watches)
    return _write(
        orders[0],
        wish,
        wish.seq,
        active_then,
        0,
        standing,
        memory,
        ledger,
        books,
        accounts,
        limits,
        policies[strategy],
        bounds,
        transaction_cost,
    )


@kernel
def draft_again(
    orders: Rows,
    strategy: int,
    pool: int,
    seq: int,
    failed: int,
    position: int,
    lower: int,
    upper: int,
    wishes: Rows,
    lasts: Rows,
    watches: Rows,
    ledger_: Rows,
    books: Rows,
    accounts: Rows,
    table: Rows,
    limits: Rows,
    policies: Rows,
    bounds: NDArray[np.int64],
    transaction_cost: float,
) -> Objection:
    """Repeat the last wish around the present price, unless another ladder is under way.

    :arg orders: `ORDER` (1,), a copy of `BLANK`.

    :arg failed: The order that was to do it and failed, which may still be in the table. 0 where a ladder stands: then
        only if it is due.

    The others are those of `draft_wish`.

    """
    ledger, last = ledger_[0], lasts[strategy, pool]
    is_wanted = failed != 0 or (position != 0 and is_due(strategy, pool, ledger_, books, accounts, policies, watches))
    if not is_wanted or is_under_way(strategy, pool, table, ledger.open_orders, failed):
        return False, NO_RULE, 0.0, 0.0
    standing, memory = (position, lower, upper), (wishes, lasts, watches)
    return _write(
        orders[0],
        wishes[strategy, pool],
        seq,
        last.active_id,
        last.tries + 1 if failed != 0 else 0,
        standing,
        memory,
        ledger,
        books,
        accounts,
        limits,
        policies[strategy],
        bounds,
        transaction_cost,
    )
