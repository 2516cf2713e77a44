"""Which swaps, one after the other, make a round or an exchange, and what the tokens that they pass are worth."""

import numpy as np
from numpy.typing import NDArray

from dlmm.jit import kernel
from operators.blocks import Fields, Rows
from operators.orders.records import NO_POOL

SELL_THEN_BUY = 0b01
"""Directions of an exchange: a sale here and a purchase there."""

TOKENS = np.dtype(
    [
        ("x", "i8"),  # numbers, the same for the same token
        ("y", "i8"),
        ("priced_by", "i8"),  # pool that says what Y is worth, NO_POOL where that is quote currency
        ("is_traded", "i8"),  # whether it has a budget; the others are passed through only
    ]
)

Pools = NDArray[np.int64]
Directions = NDArray[np.bool_]


@kernel
def home_of(first: int, last: int, tokens: Rows) -> int:
    """Return which end of a round is traded, the first of two, or `NO_POOL`: it begins with quote currency there."""
    if tokens[first].is_traded != 0:
        return first
    return last if tokens[last].is_traded != 0 else NO_POOL


@kernel
def is_round(pools: Pools, is_x: Directions, tokens: Rows) -> bool:
    """Tell whether swaps hand on what they get, and begin and end with a traded pool's Y.

    Of two pools one is traded, of three the first and the last: they keep what is left over of each token.

    :arg pools: Where each swap is, and `is_x` whether X goes in there.

    :arg tokens: `TOKENS` (pools,).

    """
    count = len(pools)
    for leg in range(count):
        for other in range(leg):
            if pools[leg] == pools[other]:
                return False
    first, last = pools[0], pools[count - 1]
    home = home_of(first, last, tokens)
    if home == NO_POOL or (count > 2 and (tokens[first].is_traded == 0 or tokens[last].is_traded == 0)):
        return False
    held = start = tokens[home].y
    for leg in range(count):
        pool = tokens[pools[leg]]
        if held != (pool.x if is_x[leg] else pool.y):
            return False
        held = pool.y if is_x[leg] else pool.x
    return bool(held == start)


@kernel
def is_exchange(sold_in: int, bought_in: int, tokens: Rows) -> bool:
    """Tell whether X of one traded pool is sold, and X of another can be bought for the Y that it brings."""
    sold, bought = tokens[sold_in], tokens[bought_in]
    are_traded = sold.is_traded != 0 and bought.is_traded != 0
    return bool(are_traded and sold.y == bought.y and sold.x != bought.x)


@kernel
def unit_of(pool: int, books: Rows, tokens: Rows) -> float:
    """Return the quote currency that one raw unit of a pool's Y is worth."""
    unit, priced_by = books[pool].unit_y, tokens[pool].priced_by
    return float(unit if priced_by == NO_POOL else unit * books[priced_by].price)


@kernel
def worth_of(pool: int, amount: int, is_x: bool, books: Rows, tokens: Rows) -> float:
    """Return the quote currency that an amount of one of a pool's tokens is worth."""
    book: Fields = books[pool]
    unit_y = unit_of(pool, books, tokens)
    return float(amount * (book.unit_x * book.price / book.unit_y * unit_y if is_x else unit_y))
