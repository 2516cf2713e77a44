"""The risk gate: numbers that stand for the rules, and the kernel that holds every order against them.

The first rule that objects is named, with its figures. What adds risk (buying X) meets every rule; what removes it
(selling X) is never refused for a limit, a drawdown or the emergency stop, only for want of the tokens themselves.
"""

import numpy as np

from dlmm.jit import kernel
from operators.blocks import Fields, Rows
from operators.ledger import pool_value
from operators.orders import (
    BALANCE,
    BUY,
    EMERGENCY_STOP,
    MAX_DRAWDOWN,
    MAX_OPEN_ORDERS,
    MAX_POOL_EXPOSURE,
    MAX_POSITION_SIZE,
    MAX_TOTAL_EXPOSURE,
    NO_RULE,
)

LIMITS = np.dtype(
    [
        ("max_position_size", "f8"),  # quote currency in one order
        ("max_pool_exposure", "f8"),  # quote currency in one pool, open buys included
        ("max_total_exposure", "f8"),
        ("max_drawdown", "f8"),  # fraction below the peak, from which no risk is added
        ("emergency_stop_loss", "f8"),  # fraction below the peak, at which everything stops
        ("max_open_orders", "i8"),  # of one pool
    ]
)


@kernel
def exposure(book: Fields) -> float:
    """Return the quote currency at risk in one pool: X held, and X that open buys may still bring."""
    _, inventory = pool_value(book)
    return float(inventory + book.reserved_quote * book.unit_y)


@kernel
def objection(order: Fields, ledger: Fields, books: Rows, limits: Rows, open_in_pool: int) -> tuple[int, float, float]:
    """Return the first rule that objects to an order, the figure it objects to, and what is allowed."""
    book = books[order.pool]
    limit = limits[0]
    if order.side != BUY:
        free = book.base - book.reserved_base
        if order.amount_in > free:
            return BALANCE, order.amount_in * book.unit_x, free * book.unit_x
        return NO_RULE, 0.0, 0.0
    if ledger.stopped != 0:
        return EMERGENCY_STOP, ledger.drawdown, limit.emergency_stop_loss
    if ledger.drawdown > limit.max_drawdown:
        return MAX_DRAWDOWN, ledger.drawdown, limit.max_drawdown
    if order.value > limit.max_position_size:
        return MAX_POSITION_SIZE, order.value, limit.max_position_size
    in_pool = exposure(book) + order.value
    if in_pool > limit.max_pool_exposure:
        return MAX_POOL_EXPOSURE, in_pool, limit.max_pool_exposure
    total = order.value
    for index in range(books.shape[0]):
        total += exposure(books[index])
    if total > limit.max_total_exposure:
        return MAX_TOTAL_EXPOSURE, total, limit.max_total_exposure
    if open_in_pool >= limit.max_open_orders:
        return MAX_OPEN_ORDERS, float(open_in_pool), float(limit.max_open_orders)
    free = book.quote - book.reserved_quote
    if order.amount_in > free:
        return BALANCE, order.amount_in * book.unit_y, free * book.unit_y
    return NO_RULE, 0.0, 0.0
