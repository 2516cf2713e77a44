"""From a wish to an order: which side, how large, at what least result."""

import math

import numpy as np

from dlmm.jit import kernel
from operators.blocks import TAKE, Fields, Rows
from operators.books.kelly import kelly_for_sale, kelly_now
from operators.orders.blank_orders import number
from operators.orders.records import (
    BUY,
    IMMEDIATE,
    IMPOSSIBLE_AMOUNT,
    INVENTORY_BAND,
    NEVER,
    NO_EDGE,
    NO_RULE,
    RESTING,
    SIZED_BY_BUDGET,
    SIZED_BY_EXPOSURE,
    SIZED_BY_HOLDINGS,
    SIZED_BY_KELLY,
    SIZED_BY_LIMIT,
    SIZED_BY_LIQUIDITY,
    SIZED_BY_STRATEGY,
    SWAP,
    TOO_SMALL,
)
from operators.risk.exposure import exposure
from operators.strategies.interface import Policy

POLICY = np.dtype(
    [
        ("kelly_fraction", "f8"),
        ("win_rate", "f8"),  # prior
        ("average_win", "f8"),
        ("average_loss", "f8"),
        ("prior_trades", "f8"),
        ("max_liquidity_share", "f8"),
        ("inventory_target", "f8"),
        ("max_inventory_deviation", "f8"),
        ("min_profit", "f8"),  # quote currency that an arbitrage must earn, its transaction paid
    ]
)

URGENT_SLIPPAGE = 0.5
"""Part of the slippage that each step of urgency adds: what must happen may cost more."""

VENUE = np.dtype([("latency_slots", "i8"), ("equity_interval_ns", "i8"), ("slippage", "f8")])
"""How the paper venue takes orders: slots until they land, time between equity samples, slippage as a fraction."""

RAW_AMOUNTS = float(1 << 63)
"""Raw amounts lie below this: they are 64-bit integers."""


BELOW_LIMIT = 1.0 - 1e-12
"""An order that is cut to a limit stays so far below it: sums of exposures are rounded."""
LEAST_LEFT = 1e-6
"""Part of an exposure limit; an order is not cut to less, but refused for the limit."""


def policy_record(policy: Policy) -> tuple[float, ...]:
    """Return a policy as the values of a `POLICY` record."""
    return tuple([getattr(policy, name) for name in POLICY.names or ()])


@kernel
def _capped(value: float, is_buy: bool, book: Fields, books: Rows, policy: Fields, limit: Fields) -> tuple[float, int]:
    """Cut what Kelly asks for to what pool and limits allow; return it and an index into `SIZED_BY`.

    Where the exposure limits leave nothing, they are left to object with their figures.
    """
    sized_by = SIZED_BY_KELLY
    bound = policy.max_liquidity_share * book.liquidity
    if bound < value:
        value = bound
        sized_by = SIZED_BY_LIQUIDITY
    if limit.max_position_size < value:
        value = limit.max_position_size
        sized_by = SIZED_BY_LIMIT
    if is_buy:
        total = 0.0
        for index in range(books.shape[0]):
            total += exposure(books[index])
        for most, used in (
            (limit.max_pool_exposure, exposure(book)),
            (limit.max_total_exposure, total),
        ):
            left = most * BELOW_LIMIT - used
            if most * LEAST_LEFT < left < value:
                value = left
                sized_by = SIZED_BY_EXPOSURE
    return value, sized_by


@kernel
def draft(
    order: Fields,
    signal: Fields,
    side: int,
    ledger: Fields,
    books: Rows,
    account: Fields,
    policy: Fields,
    limit: Fields,
    venue: Fields,
) -> tuple[int, float, float]:
    """Fill in one side of a signal as an order.

    Where the strategy names no size, the order is worth `kelly_fraction` of Kelly's fraction of the portfolio's equity,
    at most `max_liquidity_share` of the pool's liquidity, the largest position allowed and, of a buy, what the exposure
    limits leave; it takes at most what the strategy's account has free. A buy is withheld where the record leaves no
    edge. A sale at once of a fraction is that part of what the account has free, whatever Kelly says.

    Sizes and values are taken at the wished price. A swap at once may come out worse than that by the venue's slippage,
    and by half of it more for each step of urgency; a resting order keeps its limit exactly, and is withheld where it
    would take the account's inventory out of its band.

    :arg ledger: Whose equity is marked.

    :arg account: `ACCOUNT` record of the strategy in the signal's pool.

    :arg limit: `LIMITS` record.

    :arg venue: `VENUE` record.

    :returns: The rule of the policy that withholds the order, its figure and its bound; `NO_RULE` when none does.

    """
    book = books[signal.pool]
    is_buy = side == BUY
    price = signal.bid if is_buy else signal.ask
    size = signal.bid_size if is_buy else signal.ask_size
    worst = price
    if signal.kind == TAKE:
        slippage = min(venue.slippage * (1.0 + URGENT_SLIPPAGE * signal.urgency), 1.0)
        worst *= 1.0 + slippage if is_buy else 1.0 - slippage
    # The book's own may be less: what the emergency stop sells is promised there.
    free = min(account.base - account.reserved_base, book.base - book.reserved_base)
    if is_buy:
        free = min(account.quote - account.reserved_quote, book.quote - book.reserved_quote)
    free = max(free, 0)
    is_sized_here = math.isnan(size)
    size_fraction = math.nan
    sized_by = SIZED_BY_STRATEGY
    part = -1
    kelly = 1.0
    if is_sized_here and signal.kind == TAKE and not is_buy and not math.isnan(signal.fraction):
        part = math.floor(max(min(signal.fraction, 1.0), 0.0) * free)
        size = part * book.unit_x
        value = size * price
        sized_by = SIZED_BY_HOLDINGS
    elif is_sized_here:
        kelly = kelly_now(account, policy) if is_buy else kelly_for_sale(account, policy)
        size_fraction = policy.kelly_fraction * kelly
        value, sized_by = _capped(max(size_fraction, 0.0) * ledger.equity, is_buy, book, books, policy, limit)
        size = value / price
    else:
        value = size * price
    raw_limit = worst * book.unit_x / book.unit_y
    raw_in = value / book.unit_y if is_buy else size / book.unit_x
    if part >= 0:
        raw_in = float(part)  # to the unit, so that all of it is all
    # What a strategy names may be infinite or beyond any token amount: it must neither wrap around nor divide by zero.
    is_possible = raw_limit > 0.0 and raw_in < RAW_AMOUNTS
    if is_possible:
        is_possible = (raw_in / raw_limit if is_buy else raw_in * raw_limit) < RAW_AMOUNTS
    # Amounts are cut to whole raw units; the least result is rounded up, so that a fill never breaks the limit.
    order.amount_in = math.floor(raw_in) if is_possible else 0
    if is_sized_here and order.amount_in > free:
        order.amount_in = free
        value = free * book.unit_y if is_buy else free * book.unit_x * price
        size = value / price
        sized_by = SIZED_BY_BUDGET if is_buy else SIZED_BY_HOLDINGS
    order.min_out = 0
    if is_possible:
        order.min_out = math.ceil(order.amount_in / raw_limit if is_buy else order.amount_in * raw_limit)
    if signal.kind == TAKE and signal.is_exact_out != 0 and is_possible:
        # The size is what comes out: X of a purchase, and of a sale the Y that it is worth at the wished price.
        wanted = size / book.unit_x if is_buy else value / book.unit_y
        order.min_out = math.floor(wanted + 0.5)
        order.amount_in = math.ceil(order.min_out * raw_limit if is_buy else order.min_out / raw_limit)
    number(order, ledger, book, signal.pool, signal.strategy, signal.seq)
    order.land_slot += venue.latency_slots
    order.cancel_slot = NEVER
    order.expiry_slot = NEVER
    if signal.expiry_slots > 0:
        order.expiry_slot = order.land_slot + signal.expiry_slots
    order.end_seq = 0
    order.end_slot = 0
    order.limit = worst
    order.value = value
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
    order.size_fraction = size_fraction
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
    order.sized_by = sized_by
    order.action = SWAP
    order.is_exact_out = 1 if signal.kind == TAKE and signal.is_exact_out != 0 else 0
    order.urgency = signal.urgency
    order.shape = 0
    order.side = side
    order.kind = IMMEDIATE if signal.kind == TAKE else RESTING
    order.status = 0
    order.rule = NO_RULE
    if is_buy and not kelly > 0.0:
        return NO_EDGE, kelly, 0.0
    if not is_possible:
        return IMPOSSIBLE_AMOUNT, value, RAW_AMOUNTS * book.unit_y
    if order.amount_in <= 0 or order.min_out <= 0:
        return TOO_SMALL, value, 0.0
    if signal.kind == TAKE:
        return NO_RULE, 0.0, 0.0
    cash = (account.quote + account.position_y) * book.unit_y
    inventory = (account.base + account.position_x) * book.unit_x * book.price
    share = inventory / (cash + inventory) if cash + inventory > 0.0 else 0.0
    if is_buy and share >= policy.inventory_target + policy.max_inventory_deviation:
        return INVENTORY_BAND, share, policy.inventory_target + policy.max_inventory_deviation
    if not is_buy and share <= policy.inventory_target - policy.max_inventory_deviation:
        return INVENTORY_BAND, share, policy.inventory_target - policy.max_inventory_deviation
    return NO_RULE, 0.0, 0.0
