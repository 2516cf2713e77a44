"""Rounds through two or three pools, back to the token they begin with, and the size at which one earns most.

Inside of a bin the price and the fee stand still, and so does what one more unit earns; that changes where a swap comes
to the edge of a bin. So the profit of a round is straight from edge to edge, and its top is at an edge, of any of the
pools, or at the cap. All edges are looked at. That asks nothing of the profit's shape: where a fee falls while the walk
comes back to the bin that volatility is measured from, one more unit may earn more than the last one.

`dlmm.route_search` looks at them in floats, whose profits are right up to the rounding of the swaps. The exact swaps
decide among the edges that this leaves, and then among the sizes around the best one. "Most" therefore has a margin: no
other size earns more by over two raw units of each token that the round meets, at what they are worth in the token it
begins with.

All of it is one kernel, whatever the venues: a round is sought as often as prices part, and dropped as often.
"""

import numpy as np
from numpy.typing import NDArray

from dlmm.errors import RangeError
from dlmm.jit import kernel
from dlmm.records import ANSWER, MAX_U64, Clock, Record
from dlmm.route_search import NEAR, find_near, find_tops
from dlmm.swap import Pool
from dlmm.ways import MAX_LEGS, Ways, drain, log_gain, reach_of, rising, swap_many, swap_one, transfer_fees, way_through
from dlmm.wide import U64, multiply_divide

Leg = tuple[Pool, bool]
"""A pool, and whether X goes in and Y comes out."""

MIN_LEGS = 2
MAX_BINS = 512
"""Bins with liquidity that one swap can cross at most: both programs run out of something before."""

COMPUTE_LIMIT = 1_400_000
"""Compute units that one transaction may use, with all of its swaps."""

SWAPPED = np.dtype([("amount_in", "<u8"), ("amount_out", "<u8"), ("compute_units", "<i8")])
"""One swap of a round, amounts in raw units."""

_BEFORE, _AFTER = -1, 2
_HALF = 2.0**63
_MAX = U64(MAX_U64)
_COMPUTE_LIMIT = U64(COMPUTE_LIMIT)


class Swapped(Record, frozen=True):
    """One swap of a round: raw units in and out, and its compute units."""

    amount_in: int
    amount_out: int
    compute_units: int


class RouteQuote(Record, frozen=True):
    """A round at one size, each leg on its pool as it stands.

    :arg legs: In their order; each one's amount in is exactly the amount out of the one before it.

    :arg exact_out: The first leg once more, asked for exactly what it gives: for less, where that rounds better.
        Nothing where it cannot be asked so.

    """

    legs: tuple[Swapped, ...]
    exact_out: Swapped | None

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
    if not MIN_LEGS <= len(legs) <= MAX_LEGS:
        raise RangeError(f"a round has {MIN_LEGS} or {MAX_LEGS} swaps, not {len(legs)}")
    if any(one is other for k, (one, _) in enumerate(legs) for other, _ in legs[:k]):
        raise RangeError("two swaps of a round are through the same pool")
    if cap_in <= 0:
        return None
    ways = tuple([way_through(pool, to_y, clock.epoch) for pool, to_y in legs])
    found = np.zeros(MAX_LEGS + 1, SWAPPED)
    if not seek_round(ways, clock.slot, clock.unix_timestamp, U64(min(cap_in, MAX_U64)), found):
        return None
    first_exact, *swaps = [Swapped(*swap) for swap in found[: len(ways) + 1].tolist()]
    return RouteQuote(tuple(swaps), first_exact if first_exact.amount_in else None)


@kernel
def _best(
    ways: Ways, slot: int, timestamp: int, sizes: NDArray[np.uint64]
) -> tuple[int, NDArray[np.uint64], NDArray[np.int64]]:
    """Find out at which of some sizes most is earned, the least of several; its place is -1 where none earns anything.

    :returns: Its place; raw units before each swap and after the last one, (swaps + 1, sizes), by rising size; compute
        units, (swaps, sizes).

    """
    count, legs = sizes.shape[0], len(ways)
    stages, units = np.zeros((legs + 1, count), np.uint64), np.zeros((legs, count), np.int64)
    stages[0] = sizes[rising(sizes)]
    for leg in range(legs):
        order = rising(stages[leg])
        swap_many(ways[leg], slot, timestamp, stages[leg], order, stages[leg + 1], units[leg])
    best, most = -1, U64(0)
    for index in range(count):
        size, brought = stages[0, index], stages[legs, index]
        if brought > size and brought - size > most:
            best, most = index, brought - size
    return best, stages, units


@kernel
def _around(tops: NDArray[np.float64], cap: U64, sizes: NDArray[np.uint64]) -> int:
    """Write down the whole sizes around some; return how many there are."""
    count = 0
    for top in tops:
        for step in range(_BEFORE, _AFTER + 1):
            size = np.floor(top) + step
            if size > 0.0:
                sizes[count] = min(U64(min(size, _HALF)), cap)
                count += 1
    return count


@kernel
def _note_exact(answer: NDArray[np.void], found: NDArray[np.void]) -> None:
    """Write down the first swap asked for exactly what it gives, where it can be."""
    exact, first = answer[0], found[0]
    if exact.is_filled != 0:
        first.amount_in, first.amount_out = U64(exact.amount_in), U64(exact.amount_out)
        first.compute_units = exact.compute_units


@kernel
def seek_round(ways: Ways, slot: int, timestamp: int, cap: U64, found: NDArray[np.void]) -> bool:
    """Find the size that `best_route` finds; write down its first swap asked for exactly what it gives, then all swaps.

    :arg ways: Two or three, through pools that differ, as mints are in the present epoch.

    :arg cap: Most raw units that may go in.

    :arg found: `SWAPPED`, one more than there are swaps. The first is blank where that cannot be asked for.

    :returns: Whether any size earns anything.

    """
    legs = len(ways)
    gain = 0.0
    for way in ways:
        gain += log_gain(way)
    if gain < 0.0:
        return False  # what one unit becomes at the active bins' prices and the least fees: it never becomes more
    curves = np.zeros((legs, 2, MAX_BINS + 1))
    counts = np.zeros(legs, np.int64)
    fees = np.zeros((legs, 4))
    for leg in range(legs):
        reach = reach_of(ways[leg], gain, MAX_BINS - 1)
        counts[leg] = drain(ways[leg], slot, timestamp, reach, curves[leg])
        transfer_fees(ways[leg], fees[leg])
    tops = np.empty(counts.sum() + 1)
    room = max(4 * (2 * NEAR + 1) * (legs + 1), (_AFTER - _BEFORE + 1) * len(tops))
    sizes = np.empty(room, np.uint64)
    while True:
        named = find_tops(curves, counts, fees, np.float64(cap), tops)
        if named == 0:
            return False
        size = U64(tops[0]) if tops[0] < np.float64(cap) else cap
        if named > 1:
            best, stages, _ = _best(ways, slot, timestamp, sizes[: _around(tops[:named], cap, sizes)])
            if best < 0:
                return False
            size = stages[0, best]
        near = find_near(curves, counts, fees, cap, size, sizes)
        best, stages, units = _best(ways, slot, timestamp, sizes[:near])
        if best < 0:
            return False
        used = units[:, best].sum()
        if used <= COMPUTE_LIMIT:
            break
        _, cap, _ = multiply_divide(stages[0, best], _COMPUTE_LIMIT, U64(used))
    for leg in range(legs):
        found[leg + 1].amount_in = stages[leg, best]
        found[leg + 1].amount_out = stages[leg + 1, best]
        found[leg + 1].compute_units = units[leg, best]
    answer = np.zeros(1, ANSWER)
    swap_one(ways[0], slot, timestamp, False, stages[1, best], _MAX, answer)
    _note_exact(answer, found)
    return True
