"""Pools to plant as a person writes them: `VENUE:PAIR:BIN_STEP[:PRICE[:DEPTH]]`, such as `meteora:SOL-USDC:10`."""

from collections.abc import Iterable
from math import isfinite

import msgspec

from dlmm.errors import DlmmError
from sandbox.pools.plans import DEFAULT_PLANS, JUP, SOL, USDC, PoolPlan

TOKENS = {token.symbol: token for token in (SOL, USDC, JUP)}
"""Tokens that a pair may name."""

_MAX_BIN_STEP = 400


class PoolSpecError(DlmmError):
    """Refuse a description of a pool.

    :arg spec: The text.

    :arg reason: What is wrong with it.

    """

    def __init__(self, spec: str, reason: str) -> None:
        super().__init__(f"pool {spec!r}: {reason}")
        self.spec = spec
        self.reason = reason


def _positive(spec: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise PoolSpecError(spec, f"{text!r} is not a number") from None
    if not isfinite(number) or number <= 0:
        raise PoolSpecError(spec, f"{text!r} is not above 0")
    return number


def _plan(spec: str) -> PoolPlan:
    parts = spec.split(":")
    if not 3 <= len(parts) <= 5:
        raise PoolSpecError(spec, "is not of the form VENUE:PAIR:BIN_STEP[:PRICE[:DEPTH]]")
    venue, pair, step = parts[:3]
    symbols = pair.split("-")
    if len(symbols) != 2 or not set(symbols) <= TOKENS.keys() or symbols[0] == symbols[1]:
        raise PoolSpecError(spec, f"{pair!r} is no pair of {', '.join(TOKENS)}, such as SOL-USDC")
    same_venue = [plan for plan in DEFAULT_PLANS if plan.venue == venue]
    if not same_venue:
        raise PoolSpecError(spec, f"{venue!r} is no venue; there are {', '.join({p.venue for p in DEFAULT_PLANS})}")
    if not step.isdecimal() or not 1 <= int(step) <= _MAX_BIN_STEP:
        raise PoolSpecError(spec, f"{step!r} is no bin step of 1 to {_MAX_BIN_STEP}")
    x, y = (TOKENS[symbol] for symbol in symbols)
    like = next((plan for plan in same_venue if (plan.token_x, plan.token_y) == (x, y)), None)
    if like is None and len(parts) < 4:
        raise PoolSpecError(spec, f"{pair} needs a price")
    like = like if like is not None else same_venue[0]
    price = _positive(spec, parts[3]) if len(parts) > 3 else like.price
    depth = _positive(spec, parts[4]) if len(parts) > 4 else like.depth
    return msgspec.structs.replace(like, token_x=x, token_y=y, bin_step=int(step), price=price, depth=depth)


def parse_pools(specs: Iterable[str]) -> tuple[PoolPlan, ...]:
    """Read pools to plant; none named are the default ones.

    :raises PoolSpecError: One cannot be read, or is there twice.

    """
    plans: dict[str, PoolPlan] = {}
    for spec in specs:
        plan = _plan(spec)
        if plan.name in plans:
            raise PoolSpecError(spec, "there is one of this venue, pair and bin step already")
        plans[plan.name] = plan
    return tuple(plans.values()) or DEFAULT_PLANS
