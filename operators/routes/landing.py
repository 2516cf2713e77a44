"""Let the swaps of a route meet their pools: all of them, each at its limit or better, or none.

What was found may be gone by then. Each swap has a limit that the one after it can count on, and a round's last one is
its floor: what went in at most, the transaction's cost and the least profit. So either all swaps happen and earn that,
or none does.
"""

import numpy as np

from dlmm.jit import kernel
from dlmm.records import ANSWER
from dlmm.ways import LIMIT, MAX_LEGS, WayList, swap_one
from operators.blocks import Fields, Rows
from operators.paper.pools_at_hand import NANOSECONDS, UNUSABLE, fill, way_at
from operators.routes.booking import LEG_FILL, book_route
from operators.routes.chains import Directions, Pools, is_exchange, is_round
from operators.routes.route_orders import read_limits


@kernel
def are_usable(pools: Pools, books: Rows, standing: Rows) -> bool:
    """Tell whether all of some pools have a price, and accounts that can be read."""
    unusable = 0
    for pool in pools:
        unusable += books[pool].is_open == 0 or standing[pool].kind == UNUSABLE
    return unusable == 0


@kernel
def _may_go(order: Fields, pools: Pools, is_x: Directions, accounts: Rows, tokens: Rows) -> bool:
    """Tell whether an order's swaps are a round, or an exchange whose account has what it spends where it buys."""
    if len(pools) == 2 and is_x[0] and not is_x[1] and is_exchange(pools[0], pools[1], tokens):
        account = accounts[order.strategy, order.other_pool]
        return bool(account.quote - account.reserved_quote >= order.other_in)
    return is_round(pools, is_x, tokens)


@kernel
def meet(
    order: Fields,
    ledger: Fields,
    books: Rows,
    accounts: Rows,
    tokens: Rows,
    standing: Rows,
    ways: WayList,
    made: Rows,
) -> int:
    """Make the swaps of an order one after the other, on pools that are at hand.

    :arg tokens: `TOKENS` (pools,).

    :arg made: `LEG_FILL` (MAX_LEGS,): what they moved.

    :returns: How many they were; 0 where one of them would not keep its limit, and then the pools are as before.

    """
    limits, answers = np.zeros(MAX_LEGS, LIMIT), np.zeros(MAX_LEGS, ANSWER)
    all_pools, all_is_x = np.zeros(MAX_LEGS, np.int64), np.zeros(MAX_LEGS, np.bool_)
    count = read_limits(order, limits, all_pools, all_is_x)
    pools, is_x = all_pools[:count], all_is_x[:count]
    if not _may_go(order, pools, is_x, accounts, tokens) or not are_usable(pools, books, standing):
        return 0
    timestamp = ledger.ts_event_ns // NANOSECONDS
    for leg in range(count):
        limit, way = limits[leg], way_at(pools[leg], is_x[leg], ways)
        swap_one(way, ledger.slot, timestamp, limit.exact_in, limit.amount, limit.threshold, answers[leg : leg + 1])
        if answers[leg].is_filled == 0:
            return 0
    for leg in range(count):
        limit, answer, one = limits[leg], answers[leg], made[leg]
        fill(pools[leg], is_x[leg], limit.exact_in, limit.amount, ledger, standing, ways)
        one.pool, one.swap_for_y = pools[leg], is_x[leg]
        one.amount_in, one.amount_out, one.fee = answer.amount_in, answer.amount_out, answer.fee
        one.fee_in_x = is_x[leg] == (answer.fee_on_input != 0)
        one.bins, one.price_impact = answer.bins, answer.price_impact
    return count


@kernel
def land(
    order: Fields,
    ledger: Fields,
    books: Rows,
    accounts: Rows,
    tokens: Rows,
    standing: Rows,
    ways: WayList,
    fills: Rows,
    cursor: Fields,
) -> bool:
    """Let an order that has landed on paper meet its pools, which are at hand, and book all of its swaps or none.

    :returns: Whether they were booked.

    """
    made = np.zeros(MAX_LEGS, LEG_FILL)
    count = meet(order, ledger, books, accounts, tokens, standing, ways, made)
    if count > 0:
        book_route(order, made[:count], ledger.slot, ledger, books, accounts, tokens, fills, cursor)
    return count > 0
