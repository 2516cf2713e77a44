"""The swaps of an arbitrage as an order has them, and the tokens that they pass."""

import numpy as np

from dlmm.records import Record
from dlmm.ways import LIMIT, MAX_LEGS
from operators.blocks import Fields, Rows
from operators.orders.records import NO_POOL
from operators.pools import PoolInfo
from operators.routes.chains import TOKENS
from operators.routes.route_orders import read_limits


class RouteLeg(Record, frozen=True):
    """One swap of an arbitrage.

    :arg pool: Index of the pool.

    :arg amount: Raw units that go in, or with `exact_in` false come out.

    :arg threshold: Least amount out, or most amount in.

    """

    pool: int
    swap_for_y: bool
    exact_in: bool
    amount: int
    threshold: int


def tokens_of(info: PoolInfo) -> tuple[str, str]:
    """Return what tells a pool's X and Y apart from other tokens: mints where they are known, else symbols."""
    return info.mint_x or info.base, info.mint_y or info.quote


def legs_of(order: Fields) -> tuple[RouteLeg, ...]:
    """Return the swaps of an order of action `ROUTE`, in their order."""
    limits, pools, is_x = np.zeros(MAX_LEGS, LIMIT), np.zeros(MAX_LEGS, np.int64), np.zeros(MAX_LEGS, np.bool_)
    count = read_limits(order, limits, pools, is_x)
    asked = zip(pools[:count].tolist(), is_x[:count].tolist(), limits[:count].tolist(), strict=True)
    return tuple(
        [RouteLeg(pool, swap_for_y, exact_in, amount, limit) for pool, swap_for_y, (amount, limit, exact_in) in asked]
    )


def route_tokens(pools: tuple[PoolInfo, ...], traded: frozenset[int]) -> Rows:
    """Give the tokens of all pools numbers, for kernels.

    :arg traded: Indices of the pools that have a budget. What the others quote in is worth what a traded pool says that
        buys and sells it.

    :returns: `TOKENS` (pools,).

    """
    names = [tokens_of(info) for info in pools]
    numbers = {name: number for number, name in enumerate(sorted({name for pair in names for name in pair}))}
    by_base = {names[index][0]: index for index in sorted(traded, reverse=True)}
    tokens = np.zeros(len(pools), TOKENS)
    for index, (x, y) in enumerate(names):
        priced_by = NO_POOL if index in traded else by_base.get(y, NO_POOL)
        tokens[index] = numbers[x], numbers[y], priced_by, index in traded
    return tokens


def left_over(fills: Rows, pools: tuple[PoolInfo, ...]) -> dict[str, int]:
    """Return what swaps together gave of each token, negative for what they took.

    :arg fills: `LEG_FILL` of each.

    """
    left: dict[str, int] = {}
    for fill in fills:
        x, y = tokens_of(pools[int(fill["pool"])])
        given, got = (x, y) if fill["swap_for_y"] else (y, x)
        left[given] = left.get(given, 0) - int(fill["amount_in"])
        left[got] = left.get(got, 0) + int(fill["amount_out"])
    return left
