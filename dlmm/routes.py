"""Rounds through two or three pools, back to the token they begin with, and the size at which one earns most.

Inside of a bin the price and the fee stand still, and so does what one more unit earns; that changes where a swap comes
to the edge of a bin. So the profit of a round is straight from edge to edge, and its top is at an edge, of any of the
pools, or at the cap. All edges are looked at. That asks nothing of the profit's shape: where a fee falls while the walk
comes back to the bin that volatility is measured from, one more unit may earn more than the last one.

`dlmm.route_search` looks at them in floats, whose profits are right up to the rounding of the swaps. The exact swaps
decide among the edges that this leaves, and then among the sizes around the best one. "Most" therefore has a margin: no
other size earns more by over two raw units of each token that the round meets, at what they are worth in the token it
begins with.
"""

import math

import numpy as np
from numpy.typing import NDArray

from dlmm.errors import RangeError
from dlmm.fees import FEE_PRECISION
from dlmm.meteora import swap as meteora
from dlmm.meteora.pool import MAX_FEE_RATE, MeteoraPool
from dlmm.price import BASIS_POINTS
from dlmm.records import MAX_U64, Clock, Record, SwapFailure, SwapQuote
from dlmm.route_search import NEAR, find_near, find_tops
from dlmm.saros import swap as saros
from dlmm.swap import Pool, quote_exact_in
from dlmm.wide import U64

Leg = tuple[Pool, bool]
"""A pool, and whether X goes in and Y comes out."""

Way = meteora.ExactIn | saros.ExactIn
Amounts = NDArray[np.uint64]

MIN_LEGS, MAX_LEGS = 2, 3
MAX_BINS = 512
"""Bins with liquidity that one swap can cross at most: both programs run out of something before."""

COMPUTE_LIMIT = 1_400_000
"""Compute units that one transaction may use, with all of its swaps."""

_LOG_ONE = 64 * math.log(2.0)
_BEFORE_AND_AFTER = np.arange(-1, 3)


class RouteQuote(Record, frozen=True):
    """A round at one size, each leg on its pool as it stands.

    :arg legs: In their order; each one's amount in is exactly the amount out of the one before it.

    """

    legs: tuple[SwapQuote, ...]

    @property
    def amount_in(self) -> int:
        """Return what the round begins with, in raw units."""
        return self.legs[0].amount_in

    @property
    def amount_out(self) -> int:
        """Return what it ends with, in raw units of the same token."""
        return self.legs[-1].amount_out

    @property
    def profit(self) -> int:
        """Return what it earns, all swap and transfer fees paid."""
        return self.amount_out - self.amount_in


def best_route(legs: tuple[Leg, ...], clock: Clock, *, cap_in: int) -> RouteQuote | None:
    """Find the size at which a round earns most and that fits one transaction.

    Where it would use more compute units than there are, the most that fits is taken for as much less as it is too
    much, so that a somewhat larger size may fit, too.

    :arg legs: Two or three, in their order, each through another pool.

    :arg clock: Slot, time and epoch that the programs would see.

    :arg cap_in: Most raw units that may go in.

    :returns: The round at that size; `None` where no size earns anything.

    :raises RangeError: The legs are not two or three, or two of them are through the same pool.

    """
    _check(legs)
    cap = min(cap_in, MAX_U64)
    if cap <= 0:
        return None
    gain = sum(_log_gain(pool, swap_for_y) for pool, swap_for_y in legs)
    if gain < 0.0:
        return None  # what one unit becomes at the active bins' prices and the least fees: it never becomes more
    ways = [_way(pool, swap_for_y, clock) for pool, swap_for_y in legs]
    curves = np.zeros((len(legs), 2, MAX_BINS + 1))
    drained = [way.drain(_reach(pool, gain), curve) for way, (pool, _), curve in zip(ways, legs, curves, strict=True)]
    counts = np.array(drained)
    fees = np.array([_transfer_fees(pool, swap_for_y, clock.epoch) for pool, swap_for_y in legs], np.float64)
    tops = np.empty(sum(drained) + 1)
    tops = tops[: find_tops(curves, counts, fees, float(cap), tops)]
    if not len(tops):
        return None
    size = int(min(tops[0], cap))
    if len(tops) > 1:
        best = _best(ways, _whole(tops, cap))
        if best is None:
            return None
        size = best.amount_in
    near = np.empty(4 * (2 * NEAR + 1) * (len(legs) + 1), np.uint64)
    near = near[: find_near(curves, counts, fees, U64(cap), U64(size), near)]
    best = _best(ways, near)
    units = sum(leg.compute_units for leg in best.legs) if best is not None else 0
    if best is None or units <= COMPUTE_LIMIT:
        return best
    return best_route(legs, clock, cap_in=best.amount_in * COMPUTE_LIMIT // units)


def quote_route(legs: tuple[Leg, ...], clock: Clock, amount_in: int) -> RouteQuote | None:
    """Quote a round at a given size, or return `None` where one of its swaps fails."""
    quotes: list[SwapQuote] = []
    amount = amount_in
    for pool, swap_for_y in legs:
        answer = quote_exact_in(pool, amount, swap_for_y=swap_for_y, clock=clock)
        if isinstance(answer, SwapFailure):
            return None
        quotes.append(answer)
        amount = answer.amount_out
    return RouteQuote(tuple(quotes))


def _check(legs: tuple[Leg, ...]) -> None:
    if not MIN_LEGS <= len(legs) <= MAX_LEGS:
        raise RangeError(f"a round has {MIN_LEGS} or {MAX_LEGS} swaps, not {len(legs)}")
    if any(one is other for k, (one, _) in enumerate(legs) for other, _ in legs[:k]):
        raise RangeError("two swaps of a round are through the same pool")


def _way(pool: Pool, swap_for_y: bool, clock: Clock) -> Way:
    if isinstance(pool, MeteoraPool):
        return meteora.ExactIn(pool, clock, swap_for_y=swap_for_y)
    return saros.ExactIn(pool, clock, swap_for_y=swap_for_y)


def _best(ways: list[Way], sizes: Amounts) -> RouteQuote | None:
    """Return the round at which of these sizes earns most, the least of several; nothing where none earns anything."""
    sizes.sort()
    stages, made = [sizes], []
    for way in ways:
        results = way.swap(stages[-1])
        # A swap that fails brings 0, and what follows from it earns nothing.
        stages.append(results["amount_out"] * (results["error"] == 0))
        made.append(results)
    gains = (stages[-1] - sizes) * (stages[-1] > sizes)
    place = int(gains.argmax())
    if not gains[place]:
        return None
    quotes = [
        way.quote(results[place], int(amounts[place]))
        for way, results, amounts in zip(ways, made, stages, strict=False)
    ]
    return RouteQuote(tuple([quote for quote in quotes if isinstance(quote, SwapQuote)]))


def _whole(sizes: NDArray[np.float64], cap: int) -> Amounts:
    """Return the whole sizes around some."""
    around = (np.floor(sizes)[:, None] + _BEFORE_AND_AFTER).ravel()
    return np.minimum(around[around > 0.0], 2.0**63).astype(np.uint64).clip(max=np.uint64(cap))


def _log_gain(pool: Pool, swap_for_y: bool) -> float:
    """Return the logarithm of what one unit becomes at most: at the active bin's price, with the least fee."""
    price = math.log(max(pool.price_x64, 1)) - _LOG_ONE
    return (price if swap_for_y else -price) + math.log1p(-min(pool.base_fee_rate, MAX_FEE_RATE) / FEE_PRECISION)


def _reach(pool: Pool, gain: float) -> int:
    """Return how many bins away the price is so much worse that nothing is left of a gain, one bin beyond that."""
    return min(int(gain / math.log1p(pool.bin_step / BASIS_POINTS)) + 2, MAX_BINS - 1)


def _transfer_fees(pool: Pool, swap_for_y: bool, epoch: int) -> tuple[int, ...]:
    mint_in, mint_out = (pool.mint_x, pool.mint_y) if swap_for_y else (pool.mint_y, pool.mint_x)
    return *mint_in.fee_terms(epoch), *mint_out.fee_terms(epoch)
