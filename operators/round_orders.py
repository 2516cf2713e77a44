"""What a round's order holds, read and written in one step each: its cap, its limits, its amounts."""

import numpy as np
from numpy.typing import NDArray

from dlmm.jit import kernel
from dlmm.wide import U64
from operators.blocks import Fields, Rows
from operators.ledger import MAX_BASE
from operators.orders import SIZED_BY_BUDGET, SIZED_BY_LIMIT, SIZED_BY_LIQUIDITY
from operators.route_legs import NO_POOL, TURNED


@kernel
def _raw(amount: float) -> int:
    """Cut an amount to whole raw units, of which 63 bits hold the most."""
    return int(np.floor(min(amount, MAX_BASE))) if amount > 0.0 else 0


@kernel
def most_in(
    through: NDArray[np.int64],
    priced_by: NDArray[np.int64],
    strategy: int,
    pool: int,
    share: float,
    limits: Rows,
    books: Rows,
    accounts: Rows,
) -> tuple[int, int]:
    """Return how many raw units may go into a round at most, and what says so.

    :arg through: Pools of the swaps.

    :arg priced_by: For each pool the one that says what its Y is worth, negative where that is quote currency.

    :arg pool: Of the order: with its Y the round begins.

    :arg share: Largest part of any of the pools' liquidity.

    """
    unit = books[pool].unit_y
    liquidity = np.inf
    for index in range(through.shape[0]):
        book = books[through[index]]
        unit_y = book.unit_y
        if priced_by[through[index]] >= 0:
            unit_y = unit_y * books[priced_by[through[index]]].price
        held = book.liquidity * unit_y / book.unit_y
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
def read_limits(order: Fields, limits: Rows, through: NDArray[np.int64]) -> int:
    """Write down what a route's order asks of each of its swaps, and through which pools they are; return how many.

    :arg limits: `LIMIT` (3,).

    :arg through: (3,); what comes out is `2 * pool`, and one more where X goes in.

    """
    count = 2 if order.third_pool == NO_POOL else 3
    first, second = order.pool, order.other_pool
    if order.directions & TURNED != 0:
        first, second = second, first
    through[0] = 2 * first + (order.directions & 1)
    through[1] = 2 * second + (order.directions >> 1 & 1)
    through[2] = 2 * order.third_pool + (order.directions >> 2 & 1)
    limits[0].exact_in = order.is_exact_out == 0
    limits[0].amount = U64(order.amount_in if limits[0].exact_in else order.min_out)
    limits[0].threshold = U64(order.min_out if limits[0].exact_in else order.amount_in)
    limits[1].exact_in = limits[2].exact_in = True
    limits[1].amount, limits[1].threshold = U64(order.other_in), U64(order.other_min_out)
    limits[2].amount, limits[2].threshold = U64(order.third_in), U64(order.third_min_out)
    return count
