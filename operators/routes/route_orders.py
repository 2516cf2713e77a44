"""What a route's order asks of its pools: the limits of its swaps, its cap, and whether prices are out of its reach."""

import numpy as np
from numpy.typing import NDArray

from dlmm.jit import kernel
from dlmm.ways import LIMIT, MAX_LEGS
from dlmm.wide import U64
from operators.blocks import Fields, Rows
from operators.books.ledger import MAX_BASE
from operators.orders.records import NO_POOL, SIZED_BY_BUDGET, SIZED_BY_LIMIT, SIZED_BY_LIQUIDITY, TURNED
from operators.routes.chains import unit_of

_INEXACT = 1e-6
"""Part by which a bin's price in floats may differ from the program's, and much to spare."""


@kernel
def _raw(amount: float) -> int:
    """Cut an amount to whole raw units, of which 63 bits hold the most."""
    return int(np.floor(min(amount, MAX_BASE))) if amount > 0.0 else 0


@kernel
def most_in(
    through: NDArray[np.int64],
    tokens: Rows,
    strategy: int,
    pool: int,
    share: float,
    limits: Rows,
    books: Rows,
    accounts: Rows,
) -> tuple[int, int]:
    """Return how many raw units may go into a round at most, and what says so.

    :arg through: Pools of the swaps.

    :arg tokens: `TOKENS` (pools,).

    :arg pool: Of the order: with its Y the round begins.

    :arg share: Largest part of any of the pools' liquidity.

    """
    unit = books[pool].unit_y
    liquidity = np.inf
    for index in range(through.shape[0]):
        book = books[through[index]]
        held = book.liquidity * unit_of(through[index], books, tokens) / book.unit_y
        if index == 0 or held < liquidity:
            liquidity = held
    account = accounts[strategy, pool]
    most, sized_by = _raw(share * liquidity / unit), SIZED_BY_LIQUIDITY
    budget, by_limit = account.quote - account.reserved_quote, _raw(limits[0].max_position_size / unit)
    if budget < most:
        most, sized_by = budget, SIZED_BY_BUDGET
    if by_limit < most:
        most, sized_by = by_limit, SIZED_BY_LIMIT
    return most, sized_by


@kernel
def read_limits(order: Fields, limits: Rows, pools: NDArray[np.int64], is_x: NDArray[np.bool_]) -> int:
    """Write down what a route's order asks of each of its swaps; return how many they are.

    :arg limits: `LIMIT` (MAX_LEGS,).

    :arg pools: (MAX_LEGS,): where each swap is.

    :arg is_x: (MAX_LEGS,): whether X goes in there.

    """
    pools[0], pools[1], pools[2] = order.pool, order.other_pool, order.third_pool
    if order.directions & TURNED != 0:
        pools[0], pools[1] = order.other_pool, order.pool
    for leg in range(MAX_LEGS):
        is_x[leg] = order.directions >> leg & 1 != 0
    limits[0].exact_in = order.is_exact_out == 0
    limits[0].amount = U64(order.amount_in if limits[0].exact_in else order.min_out)
    limits[0].threshold = U64(order.min_out if limits[0].exact_in else order.amount_in)
    limits[1].exact_in = limits[2].exact_in = True
    limits[1].amount, limits[1].threshold = U64(order.other_in), U64(order.other_min_out)
    limits[2].amount, limits[2].threshold = U64(order.third_in), U64(order.third_min_out)
    return 2 if order.third_pool == NO_POOL else 3


@kernel
def pools_through(route: Fields) -> NDArray[np.int64]:
    """Return the pools that a route goes through, its own first: of an order, or of the wish for one."""
    pools = np.empty(MAX_LEGS, np.int64)
    pools[0], pools[1], pools[2] = route.pool, route.other_pool, route.third_pool
    return pools[: MAX_LEGS - 1 if route.third_pool == NO_POOL else MAX_LEGS]


@kernel
def is_out_of_reach(order: Fields, books: Rows) -> bool:
    """Tell whether one of a route's swaps would break its limit even at its active bin's price, for the base fee.

    No swap does better than that, so none needs to be walked; where this does not object, the exact swaps decide.
    """
    limits = np.zeros(MAX_LEGS, LIMIT)
    pools, is_x = np.zeros(MAX_LEGS, np.int64), np.zeros(MAX_LEGS, np.bool_)
    for leg in range(read_limits(order, limits, pools, is_x)):
        limit, book = limits[leg], books[pools[leg]]
        amount, threshold = np.float64(limit.amount), np.float64(limit.threshold)
        price = book.bin_price * book.unit_x / book.unit_y
        rate = (price if is_x[leg] else 1.0 / price) * (1.0 - book.fee_rate)
        if limit.exact_in:
            if threshold > amount * rate * (1.0 + _INEXACT) + 1.0:
                return True
        elif threshold < amount / rate * (1.0 - _INEXACT) - 1.0:
            return True
    return False
