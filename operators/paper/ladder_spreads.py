"""How a ladder's tokens are spread over its bins, each side from its inner end outwards, in sum to the unit."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from dlmm.errors import RangeError
from dlmm.jit import kernel
from dlmm.price import SCALE_BITS, price_x64
from dlmm.shapes import Shape, weights
from dlmm.wide import U64, add, divide, is_less, multiply, subtract
from operators.ladders.bins import Bins, asks_of, bids_of
from operators.orders.records import ACTIVE_MOVED, NO_BINS, NO_RULE

MAX_ACTIVE_SLIP = 5
"""Bins by which the active one may have moved between the decision and the landing, as the commands allow it."""

Parts = NDArray[np.uint64]
"""In which proportions bins share a token, (bins, 2): upper and lower halves. Zero where a bin has no price."""

_ZERO = U64(0)
_ONE = U64(1)
_BITS32 = U64(32)
_LOW32 = U64(0xFFFFFFFF)
_LOW64 = (1 << SCALE_BITS) - 1


@lru_cache(maxsize=4096)
def ladder_parts(shape: Shape, asks: int, bids: int, bin_step: int) -> Parts:
    """Return the parts of so many asks from the inner end outwards, then those of the bids.

    What a bin is to be worth is a whole number up to the count of bins, so that its part of X, at a price above 1, lies
    below 2^72.
    """
    parts = np.zeros((asks + bids, 2), np.uint64)
    for place, weight in enumerate(weights(shape, asks)):
        try:
            part = (weight << 2 * SCALE_BITS) // price_x64(place, bin_step)
        except RangeError:
            break
        parts[place] = part >> SCALE_BITS, part & _LOW64
    parts[asks:, 1] = weights(shape, bids)
    parts.flags.writeable = False
    return parts


@kernel
def _share(total: int, part: Parts, whole_high: U64, whole_low: U64) -> tuple[U64, U64, U64]:
    """Return `total * part // whole`, and the two halves of what is left of the division.

    :arg total: Not negative. In two digits of 32 bits, so that no product exceeds 128 bits while the parts and their
        sum stay below 2^95.

    """
    quotient, rest_high, rest_low = _ZERO, _ZERO, _ZERO
    for digit in (U64(total) >> _BITS32, U64(total) & _LOW32):
        high, low = multiply(digit, part[1])
        high += digit * part[0]
        carried = (rest_high << _BITS32) | (rest_low >> _BITS32)
        high, low = add(high, low, carried, rest_low << _BITS32)
        _, ratio, _ = divide(high, low, whole_high, whole_low)
        quotient = (quotient << _BITS32) + ratio
        taken_high, taken_low = multiply(ratio, whole_low)
        rest_high, rest_low = subtract(high, low, taken_high + ratio * whole_high, taken_low)
    return quotient, rest_high, rest_low


@kernel
def apportion(total: int, parts: Parts, out: NDArray[np.uint64], first: int, step: int) -> bool:
    """Add to bins their parts of a whole number: rounded down, and what is left to the largest remainders.

    Of equal ones the first comes first, as `dlmm.shapes.apportion` does it.

    :arg first: Where the first part goes in `out`; the next one goes `step` beside it.

    :returns: Whether all of them have a part; otherwise nothing was added.

    """
    count = parts.shape[0]
    whole_high, whole_low = _ZERO, _ZERO
    for index in range(count):
        if parts[index, 0] == _ZERO and parts[index, 1] == _ZERO:
            return False
        whole_high, whole_low = add(whole_high, whole_low, parts[index, 0], parts[index, 1])
    rests = np.empty((count, 2), np.uint64)
    is_given = np.zeros(count, np.bool_)
    left = U64(total)
    for index in range(count):
        share, rests[index, 0], rests[index, 1] = _share(total, parts[index], whole_high, whole_low)
        out[first + index * step] += share
        left -= share
    while left > _ZERO:
        best = -1
        for index in range(count):
            if not is_given[index] and (
                best < 0 or is_less(rests[best, 0], rests[best, 1], rests[index, 0], rests[index, 1])
            ):
                best = index
        is_given[best] = True
        out[first + best * step] += _ONE
        left -= _ONE
    return True


@kernel
def spread(
    bins: Bins,
    amount_x: int,
    amount_y: int,
    active_then: int,
    active_id: int,
    parts: Parts,
    x: NDArray[np.uint64],
    y: NDArray[np.uint64],
) -> int:
    """Spread both sides of a ladder; a side without an amount is none.

    :arg active_then: Active bin at the decision.

    :arg parts: `ladder_parts` of its bins.

    :arg x: Raw units from the lowest bin up, to which the ladder's are added; likewise `y`.

    :returns: `NO_RULE`. `ACTIVE_MOVED` by more than is allowed, or past a side; `NO_BINS` where a token has none, or
        one of them no price.

    """
    lower, bid_upper, ask_lower, upper = bins
    asks, bids = asks_of(bins), bids_of(bins)
    if abs(active_id - active_then) > MAX_ACTIVE_SLIP:
        return ACTIVE_MOVED
    if (amount_x > 0 and asks == 0) or (amount_y > 0 and bids == 0):
        return NO_BINS
    if (amount_x > 0 and active_id > ask_lower) or (amount_y > 0 and active_id < bid_upper):
        return ACTIVE_MOVED
    if (amount_x > 0 and ask_lower < lower) or (amount_y > 0 and bid_upper > upper):
        return NO_BINS
    if amount_x > 0 and not apportion(amount_x, parts[:asks], x, ask_lower - lower, 1):
        return NO_BINS
    if amount_y > 0 and not apportion(amount_y, parts[asks:], y, bid_upper - lower, -1):
        return NO_BINS
    return NO_RULE
