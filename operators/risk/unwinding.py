"""The emergency stop's way out: which sells turn what is held back into quote currency."""

import math

import numpy as np
from numpy.typing import NDArray

from dlmm.jit import kernel
from operators.blocks import Fields, Rows

UNWINDING = np.dtype(
    [
        ("dust_value", "f8"),  # quote currency; less X than this is left where it is
        ("slippage", "f8"),  # how much worse than the market's price a sale may come out, as a fraction below 1
        ("retry_slots", "i8"),  # least number of slots between two sales in one pool
    ]
)

SALE = np.dtype(
    [
        ("amount_in", "i8"),  # raw X
        ("min_out", "i8"),  # raw Y
        ("limit", "f8"),  # Y per X in whole tokens
        ("value", "f8"),  # quote currency at the market's price
        ("pool", "i8"),
    ]
)

NEVER_SOLD = -(1 << 62)

MOST_OUT = 2.0**62
"""Raw Y that a sale asks for at most; what would bring more is sold in parts."""


def open_sales(pools: int) -> NDArray[np.int64]:
    """Return the slots of each pool's last sale before there was any."""
    return np.full(pools, NEVER_SOLD, np.int64)


@kernel
def sales(ledger: Fields, books: Rows, rules: Fields, sold: NDArray[np.int64], out: Rows) -> int:
    """Write down the sales to make in this slot while the emergency stop is on, and note their slot.

    All free X of a pool goes at once; what open sells hold is on its way already, and what stands in bin positions has
    to be withdrawn first. A pool whose sale failed, or whose price has moved away, is tried again after a while.

    :arg rules: `UNWINDING` record.

    :arg sold: Slot of each pool's last sale, as `open_sales` begins it; updated.

    :arg out: `SALE` rows, one for each pool at least; in order of the pools.

    :returns: How many were written.

    """
    count = 0
    if ledger.stopped == 0:
        return count
    for pool in range(books.shape[0]):
        book = books[pool]
        free = book.base - book.reserved_base
        value = free * book.unit_x * book.price
        if book.is_open == 0 or free <= 0 or not value > rules.dust_value:
            continue
        if ledger.slot - sold[pool] < rules.retry_slots:
            continue
        limit = book.price * (1.0 - rules.slippage)
        raw_limit = limit * book.unit_x / book.unit_y
        if free * raw_limit > MOST_OUT:
            free = math.floor(MOST_OUT / raw_limit)
        if free <= 0:
            continue
        sale = out[count]
        sale.pool = pool
        sale.amount_in = free
        sale.min_out = math.ceil(free * raw_limit)  # rounded up: it keeps the limit
        sale.limit = limit
        sale.value = free * book.unit_x * book.price
        sold[pool] = ledger.slot
        count += 1
    return count
