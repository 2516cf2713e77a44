"""Where the profit of a round has its top, as far as floats can tell.

Each swap is a curve of straight pieces, from the edge of a bin to the edge of the next one: what must go into the pool
for what comes out of it. Transfer fees stand before and behind the curve. Edges of every swap are carried back to the
size that the round must begin with, and forward to what it ends with then.

Floats do not round as swaps do, and beyond 2^53 raw units they skip some. So all edges are named whose profit comes
near to the best one's by what rounding may make of it, and the neighbours of a size that may round better; the exact
swaps decide between them.
"""

import numpy as np
from numpy.typing import NDArray

from dlmm.jit import kernel
from dlmm.wide import U64

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Amounts = NDArray[np.uint64]

ROUNDING = 6.0
"""Raw units of each token that rounding makes of the difference of two profits at most, and some to spare."""

NEAR = 4
"""Raw units around what goes in, and around what comes out of each swap, that are tried."""

IN_BASIS_POINTS, IN_MAXIMUM, OUT_BASIS_POINTS, OUT_MAXIMUM = range(4)
"""Places in a swap's transfer fees."""

_FLOAT_ERROR = 1e-13
_LAST_BITS = (51, 49, 47)
_LARGEST = 2.0**64 - 2.0**12


@kernel
def _arriving(sent: float, basis_points: float, maximum: float) -> float:
    return sent - min(sent * basis_points / 10_000.0, maximum)


@kernel
def _to_send(arriving: float, basis_points: float, maximum: float) -> float:
    if basis_points == 0.0:
        return arriving
    if basis_points >= 10_000.0:
        return arriving + maximum
    return arriving + min(arriving * basis_points / (10_000.0 - basis_points), maximum)


@kernel
def _along(xs: Floats, ys: Floats, last: int, x: float) -> float:
    """Return y at x on a curve through the origin, -1 where x lies beyond its end by more than floats explain."""
    if x > xs[last]:
        return float(ys[last]) if last > 0 and x <= xs[last] * (1.0 + _FLOAT_ERROR) + 1.0 else -1.0
    low, high = 0, last
    while high - low > 1:
        middle = (low + high) >> 1
        if xs[middle] < x:
            low = middle
        else:
            high = middle
    width = xs[high] - xs[low]
    return float(ys[low] + (x - xs[low]) * ((ys[high] - ys[low]) / width if width > 0.0 else 0.0))


@kernel
def _bring(curves: Floats, counts: Counts, fees: Floats, leg: int, amount: float) -> float:
    """Return what a swap brings for an amount in, -1 where it can not be made."""
    paid = max(_arriving(amount, fees[leg, IN_BASIS_POINTS], fees[leg, IN_MAXIMUM]), 0.0)
    bought = _along(curves[leg, 0], curves[leg, 1], counts[leg], paid)
    return bought if bought < 0.0 else max(_arriving(bought, fees[leg, OUT_BASIS_POINTS], fees[leg, OUT_MAXIMUM]), 0.0)


@kernel
def _take(curves: Floats, counts: Counts, fees: Floats, leg: int, amount: float) -> float:
    """Return what a swap takes for an amount out, -1 where it can not be made."""
    bought = _to_send(amount, fees[leg, OUT_BASIS_POINTS], fees[leg, OUT_MAXIMUM])
    paid = _along(curves[leg, 1], curves[leg, 0], counts[leg], bought)
    return paid if paid < 0.0 else _to_send(paid, fees[leg, IN_BASIS_POINTS], fees[leg, IN_MAXIMUM])


@kernel
def _begin(curves: Floats, counts: Counts, fees: Floats, leg: int, amount: float) -> float:
    """Return what a round must begin with so that an amount goes into one of its swaps, -1 where it cannot."""
    for before in range(leg - 1, -1, -1):
        if amount < 0.0:
            break
        amount = _take(curves, counts, fees, before, amount)
    return amount


@kernel
def _profit(curves: Floats, counts: Counts, fees: Floats, size: float) -> tuple[float, float]:
    """Return what a round earns, minus infinity where it cannot be made, and what a raw unit of each token is worth."""
    amount, units = size, 1.0
    for leg in range(counts.shape[0]):
        amount = _bring(curves, counts, fees, leg, amount)
        if amount <= 0.0:
            return -np.inf, units
        if leg < counts.shape[0] - 1:
            units += size / amount
    return amount - size, units


@kernel
def find_tops(curves: Floats, counts: Counts, fees: Floats, cap: float, tops: Floats) -> int:
    """Write down the sizes among which the best one is, up to the rounding of the swaps.

    :arg curves: (swaps, 2, bins + 1): for each swap what has reached the pool, and what has left it, at each edge.

    :arg counts: Edges of each swap.

    :arg fees: (swaps, 4): basis points and maximum of the transfer fees in and out.

    :arg cap: Most that may go in.

    :arg tops: Room for all edges and one size more.

    :returns: How many were written; 0 where no size earns anything.

    """
    profits = np.empty(tops.shape[0])
    count, best, slack = 0, -np.inf, 0.0
    for leg in range(counts.shape[0] + 1):
        for edge in range(1, counts[leg] + 1 if leg < counts.shape[0] else 2):
            size = cap
            if leg < counts.shape[0]:
                paid = _to_send(curves[leg, 0, edge], fees[leg, IN_BASIS_POINTS], fees[leg, IN_MAXIMUM])
                size = _begin(curves, counts, fees, leg, paid)
            if size <= 0.0 or size > cap:
                continue
            profit, units = _profit(curves, counts, fees, size)
            if profit == -np.inf:
                continue
            tops[count], profits[count] = size, profit
            count += 1
            if profit > best:
                best, slack = profit, ROUNDING * units + size * _FLOAT_ERROR
    kept = 0
    if best + slack > 0.0:
        for place in range(count):
            if profits[place] >= best - slack:
                tops[kept] = tops[place]
                kept += 1
    return kept


@kernel
def find_near(curves: Floats, counts: Counts, fees: Floats, cap: U64, size: U64, near: Amounts) -> int:
    """Write down the sizes near to one that may round better: around it, and around what each swap brings.

    :arg near: Room for them, `4 * (2 * NEAR + 1)` for each swap and once more.

    :returns: How many were written.

    """
    count = 0
    for step in range(-NEAR, NEAR + 1):
        tried = size + U64(step) if step >= 0 else size - min(U64(-step), size)
        if U64(0) < tried <= cap and (step < 0 or tried >= size):
            near[count] = tried
            count += 1
    for bits in _LAST_BITS:  # of sizes so large that floats skip whole numbers: one beyond the last edge would fail
        less = size >> U64(bits)
        if less > U64(NEAR) and size - less <= cap:
            near[count] = size - less
            count += 1
    amount = float(size)
    for leg in range(counts.shape[0]):
        amount = _bring(curves, counts, fees, leg, amount)
        if amount < 0.0:
            break
        middle = np.floor(amount)
        apart = _begin(curves, counts, fees, leg + 1, middle + 1.0) - _begin(curves, counts, fees, leg + 1, middle)
        if 0.0 < apart <= 1.0 + 1.0 / NEAR:
            continue  # these are around the size already
        for step in range(-NEAR, NEAR + 1):
            if middle + step <= 0.0:
                continue
            begun = _begin(curves, counts, fees, leg + 1, middle + step)
            if not 0.0 <= begun < _LARGEST:
                continue
            for more in range(4):
                tried = U64(begun) + U64(more)
                if U64(1) < tried <= cap + U64(1):
                    near[count] = tried - U64(1)
                    count += 1
    return count
