"""The rules of the gate, one kernel each.

A rule answers whether it objects, the figure it objects to and the bound that holds for it. What is no number at all
(NaN) is objected to: it must not pass for small.
"""

import numpy as np
from numpy.typing import NDArray

from dlmm.jit import kernel
from operators.blocks import Fields, Rows
from operators.orders.records import ROUTE
from operators.risk.exposure import exposure, promised

SIGNATURE_LAMPORTS = 5_000
"""What the cluster charges for one signature: with less than that nothing can be sent."""


@kernel
def emergency_stop(ledger: Fields, limit: Fields) -> tuple[bool, float, float]:
    """Object while the emergency stop is on, whatever the drawdown has become since."""
    return ledger.stopped != 0, ledger.drawdown, limit.emergency_stop_loss


@kernel
def max_drawdown(ledger: Fields, limit: Fields) -> tuple[bool, float, float]:
    """Object beyond so deep a fall below the peak of equity."""
    return not ledger.drawdown <= limit.max_drawdown, ledger.drawdown, limit.max_drawdown


@kernel
def max_position_size(order: Fields, limit: Fields) -> tuple[bool, float, float]:
    """Object to a larger order, in quote currency."""
    return not order.value <= limit.max_position_size, order.value, limit.max_position_size


@kernel
def max_pool_exposure(order: Fields, books: Rows, limit: Fields) -> tuple[bool, float, float]:
    """Object to more quote currency at risk in the order's pool."""
    in_pool = exposure(books[order.pool]) + order.value
    return not in_pool <= limit.max_pool_exposure, in_pool, limit.max_pool_exposure


@kernel
def max_total_exposure(order: Fields, books: Rows, limit: Fields) -> tuple[bool, float, float]:
    """Object to more quote currency at risk in all pools."""
    total = order.value
    for index in range(books.shape[0]):
        total += exposure(books[index])
    return not total <= limit.max_total_exposure, total, limit.max_total_exposure


@kernel
def max_value_at_risk(
    order: Fields, books: Rows, limit: Fields, value_at_risk: float, tails: NDArray[np.float64]
) -> tuple[bool, float, float]:
    """Object to a larger loss at 95 %.

    What is held counts together, as `operators.risk.market_risk` measures it; what open buys, bids in bins and this
    order may add counts pool by pool, each at the loss of its pool alone: nothing is set off against it.
    """
    at_risk = value_at_risk + order.value * tails[order.pool]
    for index in range(books.shape[0]):
        at_risk += promised(books[index]) * tails[index]
    return not at_risk <= limit.max_value_at_risk, at_risk, limit.max_value_at_risk


@kernel
def correlation_limit(
    order: Fields, books: Rows, limit: Fields, correlation: NDArray[np.float64]
) -> tuple[bool, float, float]:
    """Object where pools that move with the order's pool would hold more than one pool may.

    Pools whose correlation lies above the limit count as one. Those of which too little is known have a correlation
    of 0 (`operators.risk.market_risk`), and count alone.
    """
    together = exposure(books[order.pool]) + order.value
    for index in range(books.shape[0]):
        if index != order.pool and correlation[order.pool, index] > limit.correlation_limit:
            together += exposure(books[index])
    return not together <= limit.max_pool_exposure, together, limit.max_pool_exposure


@kernel
def stale_feed(order: Fields, ledger: Fields, books: Rows, limit: Fields) -> tuple[bool, float, float]:
    """Object where the pool, or one of those that a route passes, was last heard of too many slots ago."""
    age = ledger.slot - books[order.pool].contact_slot
    if order.action == ROUTE:
        age = max(age, ledger.slot - books[order.other_pool].contact_slot)
        if order.third_pool >= 0:
            age = max(age, ledger.slot - books[order.third_pool].contact_slot)
    return age > limit.max_feed_age_slots, float(age), float(limit.max_feed_age_slots)


@kernel
def order_rate(ledger: Fields, limit: Fields) -> tuple[bool, float, float]:
    """Object to more orders that add risk in one slot, this one included."""
    count = ledger.rate_orders + 1 if ledger.rate_slot == ledger.slot else 1
    return count > limit.max_orders_per_slot, float(count), float(limit.max_orders_per_slot)


@kernel
def max_open_orders(open_in_pool: int, limit: Fields) -> tuple[bool, float, float]:
    """Object where as many orders of the pool are open already as may be."""
    return open_in_pool >= limit.max_open_orders, float(open_in_pool), float(limit.max_open_orders)


@kernel
def balance(need_x: int, need_y: int, book: Fields) -> tuple[bool, float, float]:
    """Object where raw tokens are wanted that are not there or already promised; figures in whole tokens.

    While a ladder is moved more may be promised than the wallet has: the old one still holds a part of it.
    """
    free_x = max(book.base - book.reserved_base, 0)
    if need_x > free_x:
        return True, need_x * book.unit_x, free_x * book.unit_x
    free_y = max(book.quote - book.reserved_quote, 0)
    return need_y > free_y, need_y * book.unit_y, free_y * book.unit_y


@kernel
def fee_balance(adds_risk: bool, ledger: Fields, limit: Fields) -> tuple[bool, float, float]:
    """Object where the wallet's native SOL is down to what is kept for getting out; figures in lamports.

    What is kept is there to be used: an order that adds no risk meets the fee of one signature as its bound. On paper
    there are no fees to pay.
    """
    least = limit.min_lamports if adds_risk else SIGNATURE_LAMPORTS
    return ledger.is_signed != 0 and ledger.lamports < least, float(ledger.lamports), float(least)
