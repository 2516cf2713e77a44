"""The risk gate: numbers that stand for the rules, and the kernel that holds every order against them.

The first rule that objects is named, with its figures. What adds risk (buying X, depositing) meets every rule; what
removes it is never refused for a limit, a stale feed or the emergency stop, only for want of the tokens themselves or
of the SOL that its transaction costs.
"""

import numpy as np
from numpy.typing import NDArray

from dlmm.jit import kernel
from operators.blocks import Fields, Rows
from operators.orders.records import (
    ADD,
    BALANCE,
    BUY,
    CORRELATION_LIMIT,
    CREATE,
    EMERGENCY_STOP,
    FEE_BALANCE,
    MAX_DRAWDOWN,
    MAX_OPEN_ORDERS,
    MAX_POOL_EXPOSURE,
    MAX_POSITION_SIZE,
    MAX_TOTAL_EXPOSURE,
    MAX_VALUE_AT_RISK,
    NO_RULE,
    ORDER_RATE,
    REBALANCE,
    ROUTE,
    STALE_FEED,
    SWAP,
)
from operators.risk.rules import (
    balance,
    correlation_limit,
    emergency_stop,
    fee_balance,
    max_drawdown,
    max_open_orders,
    max_pool_exposure,
    max_position_size,
    max_total_exposure,
    max_value_at_risk,
    order_rate,
    stale_feed,
)

LIMITS = np.dtype(
    [
        ("max_position_size", "f8"),  # quote currency in one order
        ("max_pool_exposure", "f8"),  # quote currency in one pool, open buys and bin positions included
        ("max_total_exposure", "f8"),
        ("max_drawdown", "f8"),  # fraction below the peak, from which no risk is added
        ("emergency_stop_loss", "f8"),  # fraction below the peak, at which everything stops
        ("max_open_orders", "i8"),  # of one pool
        ("max_value_at_risk", "f8"),  # quote currency lost at 95 %
        ("correlation_limit", "f8"),  # above it, pools count as one against `max_pool_exposure`
        ("max_feed_age_slots", "i8"),  # since the pool was last heard of
        ("max_orders_per_slot", "i8"),  # of those that add risk
        ("min_lamports", "i8"),  # native SOL that is kept for getting out
    ]
)


@kernel
def adds_risk(order: Fields) -> bool:
    """Tell whether an order takes risk on; selling, withdrawing, claiming and closing give it back.

    An empty position and an arbitrage leave nothing more in the market, yet neither is a way out: both spend SOL that
    is kept for getting out, and a stop is meant for them, too.
    """
    if order.action == SWAP:
        return bool(order.side == BUY)
    return bool(order.action == CREATE or order.action == ADD or order.action == ROUTE or order.action == REBALANCE)


@kernel
def leaves_nothing(order: Fields) -> bool:
    """Tell whether an order ends with the token that it begins with, in one transaction: a round of swaps.

    What it takes in it gives on before anyone can see it, so it adds to no exposure and no value at risk.
    """
    return bool(order.action == ROUTE and order.side == BUY)


@kernel
def objection(
    order: Fields,
    is_adding: bool,
    need_x: int,
    need_y: int,
    ledger: Fields,
    books: Rows,
    limits: Rows,
    risk_header: Rows,
    tails: NDArray[np.float64],
    correlation: NDArray[np.float64],
    open_in_pool: int,
) -> tuple[int, float, float]:
    """Return the first rule that objects to an order, the figure it objects to, and what is allowed.

    :arg order: Whose `pool` it is in, and whose `value` in quote currency it puts at risk.

    :arg is_adding: Whether it adds risk (`adds_risk`).

    :arg need_x: Raw tokens of its pool that it takes.

    :arg limits: `LIMITS` (1,).

    :arg risk_header: `RISK` (1,), `tails` and `correlation` as `operators.risk.market_risk` measured them last.

    :arg open_in_pool: Orders that are open in its pool.

    :returns: `NO_RULE` and zeros where none objects.

    """
    limit = limits[0]
    if is_adding:
        objects, figure, bound = emergency_stop(ledger, limit)
        if objects:
            return EMERGENCY_STOP, figure, bound
        objects, figure, bound = max_drawdown(ledger, limit)
        if objects:
            return MAX_DRAWDOWN, figure, bound
        objects, figure, bound = max_position_size(order, limit)
        if objects:
            return MAX_POSITION_SIZE, figure, bound
        if not leaves_nothing(order):
            objects, figure, bound = max_pool_exposure(order, books, limit)
            if objects:
                return MAX_POOL_EXPOSURE, figure, bound
            objects, figure, bound = max_total_exposure(order, books, limit)
            if objects:
                return MAX_TOTAL_EXPOSURE, figure, bound
            objects, figure, bound = max_value_at_risk(order, books, limit, risk_header[0].value_at_risk, tails)
            if objects:
                return MAX_VALUE_AT_RISK, figure, bound
            objects, figure, bound = correlation_limit(order, books, limit, correlation)
            if objects:
                return CORRELATION_LIMIT, figure, bound
        objects, figure, bound = stale_feed(order, ledger, books, limit)
        if objects:
            return STALE_FEED, figure, bound
        objects, figure, bound = order_rate(ledger, limit)
        if objects:
            return ORDER_RATE, figure, bound
        objects, figure, bound = max_open_orders(open_in_pool, limit)
        if objects:
            return MAX_OPEN_ORDERS, figure, bound
    objects, figure, bound = balance(need_x, need_y, books[order.pool])
    if objects:
        return BALANCE, figure, bound
    objects, figure, bound = fee_balance(is_adding, ledger, limit)
    if objects:
        return FEE_BALANCE, figure, bound
    return NO_RULE, 0.0, 0.0


@kernel
def count_approval(ledger: Fields) -> None:
    """Count an order that adds risk and was approved in this slot, for `order_rate`."""
    if ledger.rate_slot != ledger.slot:
        ledger.rate_slot = ledger.slot
        ledger.rate_orders = 0
    ledger.rate_orders += 1
