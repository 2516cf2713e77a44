"""A new order of no action yet, and the number and dates that every order begins with."""

import math

import numpy as np

from dlmm.jit import kernel
from operators.blocks import Fields, Rows
from operators.orders.records import IMMEDIATE, NEVER, ORDER

NO_SIDE = 0

BLANK = np.zeros(1, ORDER)
BLANK["cancel_slot"] = BLANK["expiry_slot"] = NEVER
BLANK["tried_slot"] = BLANK["third_pool"] = -1
BLANK["size_fraction"] = math.nan
BLANK["side"], BLANK["kind"] = NO_SIDE, IMMEDIATE
BLANK.flags.writeable = False
"""To be copied, then numbered."""


@kernel
def number(order: Fields, ledger: Fields, book: Fields, pool: int, strategy: int, seq: int) -> None:
    """Give an order its number and its dates, the price that there is, and whose it is.

    :arg book: Of its pool.

    :arg seq: Of the row that causes it.

    """
    order.order = ledger.next_order
    ledger.next_order += 1
    ledger.orders += 1
    order.seq = seq
    order.slot = ledger.slot
    order.land_slot = ledger.slot
    order.ts_event_ns = ledger.ts_event_ns
    order.limit = book.price
    order.fair = book.price
    order.strategy = strategy
    order.pool = pool


@kernel
def number_first(orders: Rows, ledger: Rows, books: Rows, pool: int, strategy: int, seq: int) -> None:
    """Do so with the first of some orders; from outside of kernels arrays are faster to hand over than records."""
    number(orders[0], ledger[0], books[pool], pool, strategy, seq)
