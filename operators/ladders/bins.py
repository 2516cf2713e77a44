"""Where a ladder stands: bids below the active bin, asks above it, and how both lean with the inventory.

A ladder is four bins: bids in the first to the second, asks in the third to the fourth. What ends before it begins is
no side.
"""

import math

from dlmm.jit import kernel
from dlmm.price import BASIS_POINTS, MAX_EXPONENT, SCALE_BITS, price_halves
from dlmm.records import Venue
from operators.pools import PoolInfo

MOST_BINS = 140
"""From the lowest bid to the highest ask: two full positions of the programs next to each other."""

METEORA_MAX_EXPONENT = 351_639
"""Divided by the bin step, the highest id of a bin of the program."""

Bins = tuple[int, int, int, int]
"""Lowest and highest bid, lowest and highest ask."""


@kernel
def bids_of(bins: Bins) -> int:
    """Return the number of bins below the price."""
    return max(bins[1] - bins[0] + 1, 0)


@kernel
def asks_of(bins: Bins) -> int:
    """Return the number of bins above the price."""
    return max(bins[3] - bins[2] + 1, 0)


@kernel
def beside(bins: Bins, active_id: int, moved: int) -> Bins:
    """Return what of a ladder, moved by so many bins, is on its own side of the active bin."""
    lower, bid_upper, ask_lower, upper = bins
    return lower + moved, min(bid_upper + moved, active_id - 1), max(ask_lower + moved, active_id + 1), upper + moved


@kernel
def leaning(bins: Bins, active_id: int, moved: int) -> Bins:
    """Return the ladder with both sides moved by so many bins, each as far as the active bin lets it whole.

    What then reaches beyond `MOST_BINS` is cut off at the end that was moved away from the price.

    :arg moved: Below zero: downwards.

    >>> leaning((88, 97, 103, 112), 100, 3)
    (90, 99, 106, 115)

    """
    bid_move = min(moved, active_id - 1 - bins[1])
    ask_move = max(moved, active_id + 1 - bins[2])
    lower, bid_upper = bins[0] + bid_move, bins[1] + bid_move
    ask_lower, upper = bins[2] + ask_move, bins[3] + ask_move
    has_both = bids_of(bins) > 0 and asks_of(bins) > 0
    if has_both and moved < 0:
        lower = max(lower, upper - MOST_BINS + 1)
    elif has_both and moved > 0:
        upper = min(upper, lower + MOST_BINS - 1)
    return lower, bid_upper, ask_lower, upper


@kernel
def only(bins: Bins, bids: bool, asks: bool) -> Bins:
    """Return the ladder with the sides that are asked for and are there, its ends those of what is left."""
    lower, bid_upper, ask_lower, upper = bins
    bids, asks = bids and bids_of(bins) > 0, asks and asks_of(bins) > 0
    if bids and asks:
        return bins
    if bids:
        return lower, bid_upper, bid_upper + 1, bid_upper
    if asks:
        return ask_lower, ask_lower - 1, ask_lower, upper
    return lower, lower - 1, lower, lower - 1


@kernel
def lean(share: float, target: float, deviation: float, skew_bins: float) -> int:
    """Return by how many bins a ladder moves for its inventory: downwards where there is too much X.

    :arg share: Of what is there, in X.

    :arg deviation: From the target, at which the whole skew applies.

    >>> lean(0.6, 0.5, 0.2, 4.0), lean(0.1, 0.5, 0.2, 4.0)
    (-2, 4)

    """
    strayed = share - target
    part = strayed / deviation if deviation > 0.0 else math.copysign(1.0 if strayed != 0.0 else 0.0, strayed)
    return -round(skew_bins * max(min(part, 1.0), -1.0))


def bin_limits(info: PoolInfo) -> tuple[int, int]:
    """Return the first and the last bin of a pool's program that have a price."""
    if info.venue is Venue.METEORA:
        most = METEORA_MAX_EXPONENT // info.bin_step
    else:
        most = min(math.floor(SCALE_BITS * math.log(2.0) / math.log1p(info.bin_step / BASIS_POINTS)), MAX_EXPONENT)
    while not (_has_price(-most, info.bin_step) and _has_price(most, info.bin_step)):
        most -= 1
    return info.zero_bin - most, info.zero_bin + most


def _has_price(exponent: int, bin_step: int) -> bool:
    return any(price_halves(exponent, bin_step))
