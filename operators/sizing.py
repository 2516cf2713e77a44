"""From a wish to an order: which side, how large, at what least result."""

import math

import numpy as np

from dlmm.jit import kernel
from operators.blocks import TAKE, Fields
from operators.ledger import pool_value
from operators.orders import (
    BUY,
    IMMEDIATE,
    IMPOSSIBLE_AMOUNT,
    INVENTORY_BAND,
    NEVER,
    NO_RULE,
    RESTING,
    SWAP,
    TOO_SMALL,
)
from operators.strategies.interface import Policy

POLICY = np.dtype(
    [
        ("size_fraction", "f8"),
        ("max_liquidity_share", "f8"),
        ("inventory_target", "f8"),
        ("max_inventory_deviation", "f8"),
    ]
)

VENUE = np.dtype([("latency_slots", "i8"), ("equity_interval_ns", "i8"), ("slippage", "f8")])
"""How the paper venue takes orders: slots until they land, time between equity samples, slippage as a fraction."""

RAW_AMOUNTS = float(1 << 63)
"""Raw amounts lie below this: they are 64-bit integers."""


def policy_record(policy: Policy) -> tuple[float, float, float, float]:
    """Return a policy as the values of a `POLICY` record."""
    return (
        policy.size_fraction,
        policy.max_liquidity_share,
        policy.inventory_target,
        policy.max_inventory_deviation,
    )


def kelly(win_rate: float, average_win: float, average_loss: float) -> float:
    """Return the fraction of capital that maximises its growth, for bets that win or lose these averages.

    >>> round(kelly(win_rate=0.55, average_win=0.001, average_loss=0.0008), 4)
    0.19

    """
    return (win_rate * average_win - (1.0 - win_rate) * average_loss) / average_win


@kernel
def draft(
    order: Fields,
    signal: Fields,
    side: int,
    ledger: Fields,
    book: Fields,
    account: Fields,
    policy: Fields,
    max_position_size: float,
    venue: Fields,
) -> tuple[int, float, float]:
    """Fill in one side of a signal as an order.

    Where the strategy names no size, the order's value is `size_fraction` of the pool's budget, at most
    `max_liquidity_share` of the pool's liquidity and at most the largest position allowed, and a sell is cut to the
    tokens that are free, so that the last of an inventory can be sold. Sizes and values are taken at the wished price.
    A swap at once may come out worse than that by the venue's slippage; a resting order keeps its limit exactly, and is
    withheld where it would take the pool's inventory out of its band.

    :arg venue: `VENUE` record.

    :returns: The rule of the policy that withholds the order, its figure and its bound; `NO_RULE` when none does.

    """
    is_buy = side == BUY
    price = signal.bid if is_buy else signal.ask
    size = signal.bid_size if is_buy else signal.ask_size
    limit = price
    if signal.kind == TAKE:
        limit *= 1.0 + venue.slippage if is_buy else 1.0 - venue.slippage
    is_sized_here = math.isnan(size)
    if is_sized_here:
        value = policy.size_fraction * book.budget
        value = min(value, policy.max_liquidity_share * book.liquidity, max_position_size)
        size = value / price
    else:
        value = size * price
    raw_limit = limit * book.unit_x / book.unit_y
    raw_in = value / book.unit_y if is_buy else size / book.unit_x
    # What a strategy names may be infinite or beyond any token amount: it must neither wrap around nor divide by zero.
    is_possible = raw_limit > 0.0 and raw_in < RAW_AMOUNTS
    if is_possible:
        is_possible = (raw_in / raw_limit if is_buy else raw_in * raw_limit) < RAW_AMOUNTS
    # Amounts are cut to whole raw units; the least result is rounded up, so that a fill never breaks the limit.
    order.amount_in = math.floor(raw_in) if is_possible else 0
    if is_sized_here and not is_buy and order.amount_in > account.base - account.reserved_base:
        order.amount_in = max(account.base - account.reserved_base, 0)
        value = order.amount_in * book.unit_x * price
    order.min_out = 0
    if is_possible:
        order.min_out = math.ceil(order.amount_in / raw_limit if is_buy else order.amount_in * raw_limit)
    if signal.kind == TAKE and signal.is_exact_out != 0 and is_possible:
        # The size is what comes out: X of a purchase, and of a sale the Y that it is worth at the wished price.
        wanted = size / book.unit_x if is_buy else value / book.unit_y
        order.min_out = math.floor(wanted + 0.5)
        order.amount_in = math.ceil(order.min_out * raw_limit if is_buy else order.min_out / raw_limit)
    order.order = ledger.next_order
    ledger.next_order += 1
    ledger.orders += 1
    order.seq = signal.seq
    order.slot = ledger.slot
    order.ts_event_ns = ledger.ts_event_ns
    order.land_slot = ledger.slot + venue.latency_slots
    order.cancel_slot = NEVER
    order.expiry_slot = NEVER
    if signal.expiry_slots > 0:
        order.expiry_slot = order.land_slot + signal.expiry_slots
    order.end_seq = 0
    order.end_slot = 0
    order.limit = limit
    order.value = value
    order.fair = book.price
    order.figure = 0.0
    order.bound = 0.0
    order.tried_slot = -1
    order.tried_bin = 0
    order.sent_slot = 0
    order.position = 0
    order.amount_x = 0
    order.amount_y = 0
    order.other_in = 0
    order.other_min_out = 0
    order.third_in = 0
    order.third_min_out = 0
    order.old_position = 0
    order.size_fraction = math.nan
    order.bid_upper = 0
    order.ask_lower = 0
    order.old_lower = 0
    order.old_upper = 0
    order.lower = 0
    order.upper = 0
    order.compute_units = 0
    order.fraction_bps = 0
    order.attempts = 0
    order.other_pool = 0
    order.third_pool = -1
    order.directions = 0
    order.sized_by = 0
    order.action = SWAP
    order.is_exact_out = 1 if signal.kind == TAKE and signal.is_exact_out != 0 else 0
    order.urgency = signal.urgency
    order.shape = 0
    order.strategy = signal.strategy
    order.pool = signal.pool
    order.side = side
    order.kind = IMMEDIATE if signal.kind == TAKE else RESTING
    order.status = 0
    order.rule = NO_RULE
    if not is_possible:
        return IMPOSSIBLE_AMOUNT, value, RAW_AMOUNTS * book.unit_y
    if order.amount_in <= 0 or order.min_out <= 0:
        return TOO_SMALL, value, 0.0
    if signal.kind == TAKE:
        return NO_RULE, 0.0, 0.0
    cash, inventory = pool_value(book)
    share = inventory / (cash + inventory) if cash + inventory > 0.0 else 0.0
    if is_buy and share >= policy.inventory_target + policy.max_inventory_deviation:
        return INVENTORY_BAND, share, policy.inventory_target + policy.max_inventory_deviation
    if not is_buy and share <= policy.inventory_target - policy.max_inventory_deviation:
        return INVENTORY_BAND, share, policy.inventory_target - policy.max_inventory_deviation
    return NO_RULE, 0.0, 0.0
