"""Say what an order does, in whole tokens and bins: its ladder, its position, or the swaps of its route."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from dlmm.records import Record
from operators.blocks import SHAPES
from operators.orders.records import TURNED
from operators.pools import U8


class PoolTokens(Record, frozen=True):
    """What the raw amounts of a pool are counted in, as the summary's `pools` has it.

    :arg base_symbol: Symbol of token X.

    :arg quote_symbol: Symbol of token Y.

    """

    base_symbol: str
    quote_symbol: str
    base_decimals: U8
    quote_decimals: U8


Tokens = Mapping[str, PoolTokens]
"""Those of each pool that the results know."""


def label(pool: str, tokens: Tokens) -> str:
    """Shorten a pool to its pair and the first 4 characters of its address.

    >>> label("65shmpuYmxx5", {"65shmpuYmxx5": PoolTokens("SOL", "USDC", 9, 6)}), label("65shmpuYmxx5", {})
    ('SOL/USDC 65sh', '65sh..')

    """
    known = tokens.get(pool)
    if known is None:
        return pool if len(pool) <= len("65sh..") else f"{pool[:4]}.."
    return f"{known.base_symbol}/{known.quote_symbol} {pool[:4]}"


def whole(amount: int, pool: str, tokens: Tokens, *, is_x: bool) -> str:
    """Write an amount of one of a pool's tokens to its last unit, with its symbol; raw where the results do not know.

    >>> whole(1_500_000, "sol", {"sol": PoolTokens("SOL", "USDC", 9, 6)}, is_x=False)
    '1.5 USDC'
    >>> whole(1_500_000, "sol", {}, is_x=False)
    '1,500,000 raw Y'

    """
    known = tokens.get(pool)
    if known is None:
        return f"{amount:,} raw {symbol(pool, tokens, is_x=is_x)}"
    decimals = known.base_decimals if is_x else known.quote_decimals
    return f"{Decimal(amount).scaleb(-decimals).normalize():,f} {symbol(pool, tokens, is_x=is_x)}"


def symbol(pool: str, tokens: Tokens, *, is_x: bool) -> str:
    """Return what one of a pool's tokens is called; X or Y where the results do not know."""
    known = tokens.get(pool)
    if known is None:
        return "X" if is_x else "Y"
    return known.base_symbol if is_x else known.quote_symbol


def contents(order: dict[str, Any], tokens: Tokens) -> Iterator[str]:
    """Say what an order does that is no plain swap; nothing of one that was refused before it had anything to do."""
    action = order["action"]
    if action == "route":
        yield from _route(order, tokens)
    elif action == "rebalance" and has_ladder(order):
        yield from _ladder(order, tokens)
    elif action not in {"swap", "rebalance"} and order["position"]:
        yield from _command(order, tokens)


def has_ladder(order: dict[str, Any]) -> bool:
    """Tell whether a rebalance got as far as to have bins and amounts."""
    return bool(order["position"])


def sides(placed: Mapping[str, Any]) -> tuple[bool, bool]:
    """Tell whether a ladder, or the wish for one, has bids, and whether it has asks."""
    return placed["lower"] <= placed["bid_upper"], placed["ask_lower"] <= placed["upper"]


def worth(order: dict[str, Any], tokens: Tokens) -> float | None:
    """Return what an order moves, in quote currency: of a ladder all that goes into it, as far as can be told."""
    if order["action"] != "rebalance":
        return float(order["value"])
    known = tokens.get(order["pool"])
    if known is None or not has_ladder(order):
        return None
    x, y = order["amount_x"] * 10.0**-known.base_decimals, order["amount_y"] * 10.0**-known.quote_decimals
    return float(x * order["fair"] + y)


def is_exchange(order: dict[str, Any]) -> bool:
    """Tell whether a route moves what is held from one token to another, instead of ending where it began."""
    return bool(order["side"] == "sell")


def _ladder(order: dict[str, Any], tokens: Tokens) -> Iterator[str]:
    pool, (bids, asks) = order["pool"], sides(order)
    placed = []
    if bids:
        amount = whole(order["amount_y"], pool, tokens, is_x=False)
        placed.append(f"bids of {amount} in {_bins(order['lower'], order['bid_upper'])}")
    if asks:
        amount = whole(order["amount_x"], pool, tokens, is_x=True)
        placed.append(f"asks of {amount} in {_bins(order['ask_lower'], order['upper'])}")
    yield f"Its ladder: {' and '.join(placed)}, shape {SHAPES[order['shape']]}. {_active(order, tokens)}"
    old = order["old_position"]
    if old:
        where = _position(old, order["old_lower"], order["old_upper"])
        yield f"It takes the place of {where}, which it closes."
    else:
        yield "It closes nothing: the strategy had no position in this pool."


def _command(order: dict[str, Any], tokens: Tokens) -> Iterator[str]:
    lower, upper, action = order["lower"], order["upper"], order["action"]
    where = _position(order["position"], lower, upper)
    if action == "create_position":
        yield f"It opens position {order['position']} over {_bins(lower, upper)}, with nothing in it yet."
    elif action == "remove_liquidity":
        yield f"It takes {order['fraction_bps'] / 100:.2f}% of its liquidity out of {where}."
    elif action == "claim_fees":
        yield f"It claims what {where} has earned in fees."
    elif action == "close_position":
        yield f"It closes {where}."
    elif order["amount_x"] or order["amount_y"]:
        amounts = ((order["amount_x"], True), (order["amount_y"], False))
        added = [whole(amount, order["pool"], tokens, is_x=is_x) for amount, is_x in amounts if amount]
        yield f"It adds {' and '.join(added)} to {where}, shape {SHAPES[order['shape']]}. {_active(order, tokens)}"


def _route(order: dict[str, Any], tokens: Tokens) -> Iterator[str]:
    first, second = order["pool"], order["other_pool"]
    if order["directions"] & TURNED:
        first, second = second, first
    amounts = [(order[f"{name}_in"], order[f"{name}_min_out"]) for name in ("other", "third")]
    through = [pool for pool in (first, second, order["third_pool"]) if pool is not None]
    legs = list(zip(through, [(order["amount_in"], order["min_out"]), *amounts], strict=False))
    is_sized = all(amount > 0 for _, pair in legs for amount in pair)
    for number, (pool, (amount, least)) in enumerate(legs):
        gives_x = bool(order["directions"] >> number & 1)
        given, got = (symbol(pool, tokens, is_x=is_x) for is_x in (gives_x, not gives_x))
        asked = "at least"
        if is_sized:
            given, got = whole(amount, pool, tokens, is_x=gives_x), whole(least, pool, tokens, is_x=not gives_x)
        if is_sized and order["is_exact_out"] and number == 0:
            given, asked = f"at most {given}", "exactly"
        bound = f"{asked} " if is_sized else ""
        verb = "sells" if gives_x else "buys"
        yield f"Swap {number + 1}, in {label(pool, tokens)}, {verb}: {given} for {bound}{got}."
    if is_sized and is_exchange(order):
        yield "Both are made, or neither."
    elif is_sized:
        (pool, (paid, _)), (_, (_, back)) = legs[0], legs[-1]
        gained = whole(abs(back - paid), pool, tokens, is_x=bool(order["directions"] & 1))
        bound = f"at least {gained} more" if back >= paid else f"at most {gained} less"
        yield f"All are made, or none. What comes back is {bound} than what goes in, before the transaction's cost."


def _active(order: dict[str, Any], tokens: Tokens) -> str:
    price = f"{order['fair']:,.8g} {symbol(order['pool'], tokens, is_x=False)}"
    return f"When it was decided the active bin was {order['other_min_out']}, and the pool's price {price}."


def _position(number: int, lower: int, upper: int) -> str:
    """Name a position; its bins are both 0 where the portfolio no longer knew them."""
    return f"position {number} ({_bins(lower, upper)})" if lower or upper else f"position {number}"


def _bins(lower: int, upper: int) -> str:
    return f"bin {lower}" if lower == upper else f"bins {lower} to {upper}"
