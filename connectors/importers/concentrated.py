"""What the swaps of a concentrated-liquidity pool say of its price and its depth.

Between two initialised ticks such a pool holds a constant liquidity `L`, and a swap that brings `dB` of the quote token
(net of its fee, negative when it takes some) moves the root of the price by `dB / L`. Its average price is therefore
the geometric mean of the prices before and after, and the price after is the average moved on by half the swap's way,
`2 asinh(dB / (2 L sqrt(average)))` in logarithms. `L` follows from neighbouring swaps of a pool: the price after the
first is the price before the second.
"""

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Floats = NDArray[np.float64]

NEAR_BINS = 35
"""Bins on either side of the active one whose value is recorded as liquidity, as the replay spreads it."""

_PAIRS = 8
"""Neighbouring swaps that an estimate of `L` is made of. Few, since `L` changes with every deposit; on the swaps of
2022-04-06 eight gave the smallest errors of 8, 16, 32, 64 and 128."""
_LEAST_PAIRS = 4


def liquidity_from_swaps(average: Floats, quote_in: Floats) -> Floats:
    """Estimate `L` at each swap of one pool, from that swap and those before it.

    The median, weighted by the way that the swaps went, of what each pair of neighbours says.

    :arg average: Average raw prices net of fees, raw Y per raw X.

    :arg quote_in: Raw quote token that entered the pool net of fees, negative where some left it.

    :returns: Raw units; NaN until there are enough swaps.

    """
    if len(average) <= _LEAST_PAIRS:
        return np.full(len(average), np.nan)
    way = quote_in / np.sqrt(average)
    moved = np.diff(np.log(average))
    expected = way[1:] + way[:-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        inverse = moved / expected
    is_usable = np.isfinite(inverse) & (inverse > 0.0)
    weight = np.where(is_usable, np.abs(expected), 0.0)
    padding = np.zeros(_PAIRS - 1)
    weights = sliding_window_view(np.concatenate([padding, weight]), _PAIRS)
    inverses = sliding_window_view(np.concatenate([padding, np.where(is_usable, inverse, 0.0)]), _PAIRS)
    order = np.argsort(inverses, axis=1, kind="stable")
    reached = np.cumsum(np.take_along_axis(weights, order, axis=1), axis=1)
    middle = np.argmax(reached >= reached[:, -1:] / 2.0, axis=1)
    median = np.take_along_axis(np.take_along_axis(inverses, order, axis=1), middle[:, None], axis=1)[:, 0]
    enough = (weights > 0.0).sum(axis=1) >= _LEAST_PAIRS
    with np.errstate(divide="ignore"):
        estimate = np.where(enough & (median > 0.0), 1.0 / median, np.nan)
    return np.concatenate([[np.nan], estimate])


def price_after(average: Floats, quote_in: Floats, liquidity: Floats) -> Floats:
    """Move each swap's average price on to the price it left behind; the average itself where `L` is not known."""
    half_way = 2.0 * np.arcsinh(quote_in / (2.0 * liquidity * np.sqrt(average)))
    return np.asarray(average * np.exp(np.where(np.isfinite(half_way), half_way, 0.0)), np.float64)


def value_near(liquidity: Floats, raw_price: Floats, bin_step: int) -> Floats:
    """Value what a pool holds within `NEAR_BINS` bins of its price, in raw quote token.

    Both sides are worth `L sqrt(price) (1 - f ** -1/2)`, with `f` the factor between the price and the range's end.

    """
    share = -math.expm1(-0.5 * NEAR_BINS * math.log1p(bin_step / 10_000))
    return np.asarray(2.0 * share * liquidity * np.sqrt(raw_price), np.float64)
