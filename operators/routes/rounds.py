"""Draft a round: size it at what earns most on the pools as they stand, and write its order.

The strategy's quote currency, the largest order allowed and its share of the pools' liquidity cap it. All of it is done
in kernels, for there are many wishes.
"""

import math

import numpy as np
from numpy.typing import NDArray

from dlmm.jit import kernel
from dlmm.routes import COMPUTE_LIMIT, SWAPPED, seek_round
from dlmm.ways import MAX_LEGS, WayList, Ways
from dlmm.wide import U64
from operators.blocks import ARBITRAGE, Fields, Rows
from operators.orders.blank_orders import BLANK, number
from operators.orders.records import (
    BUY,
    COST_ABOVE_PROFIT,
    NO_POOL,
    NO_RULE,
    ROUTE,
    SIZED_BY_BUDGET,
    SIZED_BY_PROFIT,
    STRATEGY_BUDGET,
    TURNED,
)
from operators.paper.pools_at_hand import NANOSECONDS, way_at
from operators.routes.chains import SELL_THEN_BUY, home_of, is_exchange, is_round
from operators.routes.landing import are_usable
from operators.routes.route_orders import most_in, pools_through

_NEARLY_ALL = 0.9999
"""From this part of the cap on it was the cap that ended a size: amounts that swaps can make use of are coarser."""


@kernel
def _write_amounts(order: Fields, found: NDArray[np.void], legs: int, cap: int, floor: int) -> None:
    """Write a round's amounts into its order.

    The first swap buys exactly what the second one takes, so that nothing is left over, and half of what is earned
    beyond the floor is left to it for a price that gets worse; the other half is left to the last one. The second of
    three brings at least what the third one takes.

    :arg found: As `seek_round` writes it.

    :arg floor: Raw units that the round must earn.

    """
    exact, first, second = found[0], found[1], found[2]
    units = 0
    for leg in range(1, legs + 1):
        units += found[leg].compute_units
    paid = np.int64(first.amount_in)
    asked = np.int64(exact.amount_in)
    if asked != 0:
        spare = np.int64(found[legs].amount_out) - asked - floor
        units_then = units + exact.compute_units - first.compute_units
        if spare >= 0 and asked <= cap and units_then <= COMPUTE_LIMIT:
            order.is_exact_out, units = 1, units_then
            paid = min(np.int64(asked + spare // 2), np.int64(cap))
    order.amount_in, order.min_out, order.compute_units = paid, np.int64(first.amount_out), units
    order.other_in = np.int64(second.amount_in)
    if legs == 2:
        order.other_min_out = paid + floor
    else:
        order.other_min_out = np.int64(second.amount_out)
        order.third_in, order.third_min_out = np.int64(found[3].amount_in), paid + floor


@kernel
def size_round(
    order: Fields,
    ways: Ways,
    pools: NDArray[np.int64],
    tokens: Rows,
    share: float,
    least: float,
    ledger: Rows,
    limits: Rows,
    books: Rows,
    accounts: Rows,
) -> tuple[int, float, float]:
    """Size a round at what earns most, and write its order.

    :arg order: `ORDER` record, with strategy and pool.

    :arg ways: Through the pools as they stand, in their order.

    :arg pools: Of the swaps, and `tokens` and `share`, as `most_in` takes them.

    :arg least: Quote currency that the round must earn.

    :arg ledger: `LEDGER` (1,), `LIMITS` (1,), `BOOK` (pools,) and `ACCOUNT` (strategies + 1, pools).

    :returns: What speaks against it: a rule, its figure and its bound.

    """
    now, legs = ledger[0], len(ways)
    book = books[order.pool]
    unit = book.unit_y
    cap, sized_by = most_in(pools, tokens, order.strategy, order.pool, share, limits, books, accounts)
    if cap <= 0 and sized_by == SIZED_BY_BUDGET:
        return STRATEGY_BUDGET, least, cap * unit
    found = np.zeros(MAX_LEGS + 1, SWAPPED)
    if cap <= 0 or not seek_round(ways, now.slot, now.ts_event_ns // NANOSECONDS, U64(cap), found):
        return COST_ABOVE_PROFIT, 0.0, least
    profit = np.float64(found[legs].amount_out - found[1].amount_in) * unit
    if profit < least:
        return COST_ABOVE_PROFIT, profit, least
    order.sized_by = sized_by if np.float64(found[1].amount_in) >= _NEARLY_ALL * cap else SIZED_BY_PROFIT
    floor: int = math.ceil(least / unit)
    _write_amounts(order, found, legs, cap, max(floor, 1))
    order.value = order.amount_in * unit
    order.limit = order.value / (order.min_out * book.unit_x)
    return NO_RULE, 0.0, 0.0


@kernel
def is_unsized_round(signal: Fields, tokens: Rows) -> bool:
    """Tell whether a signal is the wish for a round that names no size."""
    if signal.kind != ARBITRAGE or not math.isnan(signal.bid_size):
        return False
    is_sale_first = signal.third_pool == NO_POOL and signal.directions == SELL_THEN_BUY
    return not (is_sale_first and is_exchange(signal.pool, signal.other_pool, tokens))


@kernel
def draft_round(
    signal: Fields,
    order: Fields,
    ledger_: Rows,
    books: Rows,
    accounts: Rows,
    policies: Rows,
    limits: Rows,
    tokens: Rows,
    standing: Rows,
    ways: WayList,
) -> tuple[int, float, float]:
    """Turn the wish for a round into an order, on pools that are at hand.

    :arg order: `ORDER` record, blank.

    :arg policies: `POLICY` (strategies,).

    :returns: What speaks against it: a rule, its figure and its bound.

    """
    ledger, policy, pools = ledger_[0], policies[signal.strategy], pools_through(signal)
    first, second = pools[0], pools[1]
    is_turned = len(pools) < MAX_LEGS and home_of(first, second, tokens) == second
    pool = second if is_turned else first
    number(order, ledger, books[pool], pool, signal.strategy, signal.seq)
    order.action, order.side, order.urgency = ROUTE, BUY, signal.urgency
    order.other_pool, order.third_pool = first if is_turned else second, signal.third_pool
    order.directions = signal.directions | (TURNED if is_turned else 0)
    is_x = np.empty(len(pools), np.bool_)
    for leg in range(len(pools)):
        is_x[leg] = signal.directions >> leg & 1 != 0
    least = ledger.transaction_cost + policy.min_profit
    if not is_round(pools, is_x, tokens) or not are_usable(pools, books, standing):
        return COST_ABOVE_PROFIT, 0.0, least
    one, two = way_at(first, is_x[0], ways), way_at(second, is_x[1], ways)
    share = policy.max_liquidity_share
    if len(pools) < MAX_LEGS:
        return size_round(order, (one, two), pools, tokens, share, least, ledger_, limits, books, accounts)
    three = way_at(pools[2], is_x[2], ways)
    return size_round(order, (one, two, three), pools, tokens, share, least, ledger_, limits, books, accounts)


@kernel
def make_blank(table: Rows, place: int) -> None:
    """Blank an order, but for its number and its dates."""
    table[place] = BLANK[0]
