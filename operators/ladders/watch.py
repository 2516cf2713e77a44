"""When a standing ladder is to move: its strategy's inventory has left its band, or is well inside of it again.

The clockwork's kernel asks this whenever a price moves, the ladder keeper before it drafts an order.
"""

import numpy as np

from dlmm.jit import kernel
from operators.blocks import Fields, Rows
from operators.orders.records import CLOSE, NEVER, REBALANCE
from operators.paper.synthetic import Chains

WATCH = np.dtype(
    [
        (
            "side",
            "i8",
        ),  # of the inventory's band on which the strategy was at its last order: 1 long, -1 short, 0 inside
        ("due_ns", "i8"),  # market time before which no other one may be sent; `NEVER` without a ladder
    ]
)


def open_watches(strategies: int, pools: int) -> Rows:
    """Return the watches of strategies without ladders, as a `WATCH` array (strategies, pools)."""
    watches = np.zeros((strategies, pools), WATCH)
    watches["due_ns"] = NEVER
    return watches


@kernel
def share_in_x(account: Fields, book: Fields, otherwise: float) -> float:
    """Return the share in X of what a strategy holds in a pool, bins included.

    :arg otherwise: What it is where the strategy holds nothing.

    """
    x = (account.base + account.position_x) * (book.unit_x * book.price)
    y = (account.quote + account.position_y) * book.unit_y
    return float(x / (x + y)) if x + y > 0.0 else otherwise


@kernel
def side_of(strayed: float, deviation: float) -> int:
    """Tell on which side of its band inventory is: 1 with too much X, -1 with too little, 0 inside."""
    if abs(strayed) < deviation:
        return 0
    return 1 if strayed >= 0.0 else -1


@kernel
def is_due(strategy: int, pool: int, ledger: Rows, books: Rows, accounts: Rows, policies: Rows, watches: Rows) -> bool:
    """Tell whether the time has come, and the inventory calls, for the ladder of a strategy in a pool to move.

    Inventory is back in its band once it strays by half of `max_inventory_deviation` at the most.

    :arg policies: `POLICY` (strategies,).

    :arg watches: `WATCH` (strategies, pools).

    """
    watch, policy = watches[strategy, pool], policies[strategy]
    if ledger[0].ts_event_ns < watch.due_ns:
        return False
    target = policy.inventory_target
    strayed = share_in_x(accounts[strategy, pool], books[pool], target) - target
    if watch.side != 0:
        return bool(strayed * watch.side <= policy.max_inventory_deviation / 2.0)
    return bool(side_of(strayed, policy.max_inventory_deviation) != 0)


@kernel
def is_under_way(strategy: int, pool: int, table: Rows, count: int, besides: int) -> bool:
    """Tell whether an order that moves or closes a strategy's positions in a pool is open.

    :arg table: Open orders, so many of them.

    :arg besides: Number of an order that does not count; orders are numbered from 1.

    """
    for index in range(count):
        order = table[index]
        is_mover = order.action == REBALANCE or order.action == CLOSE
        if is_mover and order.strategy == strategy and order.pool == pool and order.order != besides:
            return True
    return False


@kernel
def calls_keeper(
    pool: int,
    positions: Rows,
    chains: Chains,
    ledger: Rows,
    books: Rows,
    accounts: Rows,
    table: Rows,
    policies: Rows,
    watches: Rows,
) -> bool:
    """Tell whether a ladder among positions is to move now.

    :arg positions: `SYNTHETIC` array of all pools.

    :arg chains: Of the positions of each pool.

    """
    first, following = chains
    index = first[pool]
    while index >= 0:
        strategy = positions[index].strategy
        index = following[index]
        if is_due(strategy, pool, ledger, books, accounts, policies, watches) and not is_under_way(
            strategy, pool, table, ledger[0].open_orders, 0
        ):
            return True
    return False
