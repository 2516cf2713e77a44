"""Rounds through two or three pools, back to the token they begin with, and the size at which one earns most.

Inside of a bin the price and the fee stand still, and so does what one more unit earns; that changes where a swap comes
to the edge of a bin. So the profit of a round is straight from edge to edge, and its top is at an edge, of any of the
pools, or at the cap. All edges are tried on the exact swaps. That asks nothing of the profit's shape: where a fee falls
while the walk comes back to the bin that volatility is measured from, one more unit may earn more than the last one.

What remains is the rounding of the swaps, which decides among the sizes around the best edge; those are tried too.
"Most" therefore has a margin: no other size earns more by over two raw units of each token that the round meets, at
what they are worth in the token it begins with.
"""

import math

import numpy as np
from numpy.typing import NDArray

from dlmm.errors import RangeError
from dlmm.exchange import cost
from dlmm.jit import kernel
from dlmm.meteora.pool import MeteoraPool
from dlmm.meteora.terms import FEE_ALWAYS_IN_Y, supports_orders
from dlmm.price import BASIS_POINTS
from dlmm.records import MAX_U64, Clock, Record, SwapFailure, SwapQuote
from dlmm.swap import Pool, quote_exact_in, quote_many
from dlmm.tokens import added, withheld
from dlmm.wide import U64

Leg = tuple[Pool, bool]
"""A pool, and whether X goes in and Y comes out."""

Amounts = NDArray[np.uint64]

MIN_LEGS, MAX_LEGS = 2, 3
MAX_BINS = 512
"""Bins with liquidity that one swap can cross at most: both programs run out of something before."""

_NEIGHBOURS = range(-12, 13)
_LOG_ONE = 64 * math.log(2.0)
_ZERO, _ONE = U64(0), U64(1)
_NO_AMOUNTS = np.zeros(0, np.uint64)
_NOTHING = (_NO_AMOUNTS,) * MAX_LEGS
_NO_PRICES = np.zeros((0, 2), np.uint64)


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
    """Find the size at which a round earns most.

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
    gain = sum(_log_price(pool) * (1.0 if swap_for_y else -1.0) for pool, swap_for_y in legs)
    if gain < 0.0:
        return None  # what one unit becomes at the active bins' prices, before any fee: it never becomes more
    found = _best(legs, clock, _edges(legs, clock, gain), cap)
    if not found:
        return None
    near = _sizes(legs, clock, [_near(amount) for amount in found[1:]], [_near(found[0]), *_NOTHING[1 : len(legs)]])
    return quote_route(legs, clock, _best(legs, clock, near, cap)[0])


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


def _best(legs: tuple[Leg, ...], clock: Clock, sizes: Amounts, cap: int) -> tuple[int, ...]:
    """Return which of these sizes earns most, the least of several, and what comes out of each swap then.

    Nothing where none earns anything.
    """
    sizes = np.unique(np.minimum(sizes, np.uint64(cap)))
    sizes = sizes[sizes > 0]
    if not len(sizes):
        return ()
    stages = [sizes]
    for pool, swap_for_y in legs:
        # A swap that fails has an amount out of 0, and what follows from it earns nothing.
        quotes = quote_many(pool, stages[-1], exact_in=True, swap_for_y=swap_for_y, clock=clock)
        stages.append(quotes["amount_out"])
    gains = np.where(stages[-1] > sizes, stages[-1] - sizes, _ZERO)
    place = int(np.argmax(gains))
    return tuple(int(stage[place]) for stage in stages) if gains[place] else ()


def _log_price(pool: Pool) -> float:
    return math.log(max(pool.price_x64, 1)) - _LOG_ONE


def _reach(pool: Pool, gain: float) -> int:
    """Return how many bins away the price is so much worse that nothing is left of a gain, one bin beyond that."""
    return min(int(gain / math.log1p(pool.bin_step / BASIS_POINTS)) + 2, MAX_BINS)


def _edges(legs: tuple[Leg, ...], clock: Clock, gain: float) -> Amounts:
    """Return the sizes at which one of the swaps comes to the edge of a bin, and those just short of them.

    :arg gain: Logarithm of what one unit becomes at the active bins' prices. Beyond bins whose prices alone eat that up
        no size earns more.

    """
    outs, ins = [], []
    for pool, swap_for_y in legs:
        if isinstance(pool, MeteoraPool) and swap_for_y and pool.pair["collect_fee_mode"][0] == FEE_ALWAYS_IN_Y:
            # No fee goes in: what does is the bins' cost, whatever the fee takes of what comes out.
            outs.append(_NO_AMOUNTS)
            ins.append(_costs_to_edges(pool, clock, _reach(pool, gain)))
        else:
            outs.append(_outs_at_edges(pool, swap_for_y, clock, _reach(pool, gain)))
            ins.append(_NO_AMOUNTS)
    return np.append(_sizes(legs, clock, outs, ins), np.uint64(MAX_U64))


def _near(amount: int) -> Amounts:
    near = [amount + step for step in _NEIGHBOURS if 0 < amount + step <= MAX_U64]
    return np.array(near, np.uint64)


def _sizes(legs: tuple[Leg, ...], clock: Clock, outs: list[Amounts], ins: list[Amounts]) -> Amounts:
    """Return what a round must begin with so that certain amounts go into its swaps or come out of them.

    :arg outs: For each leg the amounts that shall come out of it ..

    :arg ins: .. and those that shall go into it.

    """
    amounts = _NO_AMOUNTS
    for (pool, swap_for_y), out, into in zip(reversed(legs), reversed(outs), reversed(ins), strict=True):
        amounts = np.concatenate((out, amounts))
        needed = quote_many(pool, amounts, exact_in=False, swap_for_y=swap_for_y, clock=clock)["amount_in"]
        needed = needed[needed > 0]
        amounts = np.concatenate((needed, needed - _ONE, into))  # an exact amount out may cost a unit too much
    return amounts


def _outs_at_edges(pool: Pool, swap_for_y: bool, clock: Clock, reach: int) -> Amounts:
    """Return what a user gets out of a pool that is drained up to each of its bins."""
    totals = _totals(_offered(pool, swap_for_y, reach)[0])
    mint_out = pool.mint_y if swap_for_y else pool.mint_x
    arriving = np.empty_like(totals)
    _arrive(totals, *_terms(mint_out.fee_terms(clock.epoch)), arriving)
    return arriving


def _costs_to_edges(pool: MeteoraPool, clock: Clock, reach: int) -> Amounts:
    """Return what X a user pays to drain a pool up to each of its bins, where no fee is taken of X."""
    held, prices = _offered(pool, True, reach)
    costs = np.zeros_like(held)
    _price(held, prices, costs)
    totals = _totals(costs)
    gross = np.zeros_like(totals)
    _send(totals, *_terms(pool.mint_x.fee_terms(clock.epoch)), gross)
    return gross[gross > 0]


def _terms(fee: tuple[int, int]) -> tuple[U64, U64]:
    return U64(fee[0]), U64(fee[1])


def _totals(amounts: Amounts) -> Amounts:
    """Sum up, as far as 64 bits go."""
    totals = np.cumsum(amounts, dtype=np.uint64)
    wraps = np.flatnonzero(totals[1:] < totals[:-1])
    return totals[: wraps[0] + 1] if len(wraps) else totals


@kernel
def _arrive(amounts: Amounts, basis_points: U64, maximum: U64, out: Amounts) -> None:
    for index in range(amounts.shape[0]):
        out[index] = amounts[index] - withheld(amounts[index], basis_points, maximum)


@kernel
def _send(amounts: Amounts, basis_points: U64, maximum: U64, out: Amounts) -> None:
    for index in range(amounts.shape[0]):
        fee, fits = added(amounts[index], basis_points, maximum)
        out[index] = amounts[index] + fee if fits else _ZERO


@kernel
def _price(held: Amounts, prices: Amounts, out: Amounts) -> None:
    for index in range(held.shape[0]):
        if (prices[index, 0] | prices[index, 1]) == _ZERO:
            return
        paid, fits = cost(held[index], prices[index, 0], prices[index, 1], True)
        if not fits:
            return
        out[index] = paid


def _offered(pool: Pool, swap_for_y: bool, reach: int) -> tuple[Amounts, Amounts]:
    """Return what each bin holds of the token that comes out, and Meteora's prices: high halves, low halves.

    In the order of the walk, empty bins left out.

    :arg reach: Bins away from the active one.

    """
    bins = pool.arrays["bins"]
    if isinstance(pool, MeteoraPool):
        held = bins["amount_y"] if swap_for_y else bins["amount_x"]
        if supports_orders(pool.pair):
            is_theirs = (bins["is_ask"] == 1) != swap_for_y
            held = held + np.where(is_theirs, bins["processed_remaining"] + bins["open_order"], _ZERO)
    else:
        held = bins["reserve_y"] if swap_for_y else bins["reserve_x"]
    first = pool.arrays["index"].astype(np.int64) * bins.shape[1]
    away = (first[:, None] + np.arange(bins.shape[1])).ravel() - pool.active_id
    held = held.ravel()
    if swap_for_y:
        places = np.flatnonzero((away <= 0) & (away >= -reach) & (held > 0))[::-1]
    else:
        places = np.flatnonzero((away >= 0) & (away <= reach) & (held > 0))
    if not isinstance(pool, MeteoraPool):
        return held[places], _NO_PRICES
    return held[places], np.stack((bins["price_high"].ravel()[places], bins["price_low"].ravel()[places]), axis=1)
