"""Prices of several pools sampled on one grid of time, and what their combinations did over a window of it.

A sample is the price in force when an interval of the grid ended, so a window never holds the move that is judged by
it. What the window says is computed anew from its samples: no running sum, hence no error that grows with time.
"""

import math

import numpy as np
from numpy.typing import NDArray

from dlmm.jit import kernel
from operators.blocks import Fields

POOLS = 16
"""Pools that one record follows at most."""

SAMPLES = 60
"""Intervals in a window."""

MIN_FIT = 10
"""Samples from which a half-life is fitted."""

LEGS = 3
"""Prices in a combination at most."""

GRID = np.dtype(
    [
        ("interval", "i8"),  # number of the grid's interval that the newest row fell in ..
        ("end_ns", "i8"),  # .. and when it ends
        ("head", "i8"),  # where the newest sample is
        ("price", "f8", (POOLS,)),  # last one seen; 0 until there is one
        ("log_price", "f8", (POOLS,)),
        ("filled", "i8", (POOLS,)),  # samples there are of a pool
        ("samples", "f8", (POOLS, SAMPLES)),
    ]
)
"""What a strategy's state holds as one of its fields."""


@kernel
def note_price(grid: Fields, place: int, price: float, ts_event_ns: int, interval_ns: int) -> None:
    """Sample the prices in force at each end of an interval since the last row, then take up a new price.

    :arg grid: `GRID` record.

    :arg ts_event_ns: Of the row. Pools have clocks of their own: a row older than the newest one takes no sample.

    """
    if ts_event_ns >= grid.end_ns:
        interval = ts_event_ns // interval_ns
        for _ in range(min(interval - grid.interval, SAMPLES)):
            grid.head = grid.head + 1 if grid.head + 1 < SAMPLES else 0
            for pool in range(POOLS):
                if grid.price[pool] > 0.0:
                    grid.samples[pool, grid.head] = grid.log_price[pool]
                    grid.filled[pool] = min(grid.filled[pool] + 1, SAMPLES)
        grid.interval = interval
        grid.end_ns = (interval + 1) * interval_ns
    if price != grid.price[place] and 0.0 < price < math.inf:
        grid.price[place] = price
        grid.log_price[place] = math.log(price)


@kernel
def window_of(
    grid: Fields,
    places: NDArray[np.int64],
    signs: NDArray[np.float64],
    legs: int,
) -> NDArray[np.float64]:
    """Return the samples of a signed sum of log prices, the oldest first: as many as all of its pools have.

    :arg legs: How many of `places` and `signs` count.

    """
    count = SAMPLES
    for leg in range(legs):
        count = min(count, grid.filled[places[leg]])
    window = np.zeros(count)
    for leg in range(legs):
        at = grid.head - count + 1
        if at < 0:
            at += SAMPLES
        for index in range(count):
            window[index] += signs[leg] * grid.samples[places[leg], at]
            at = at + 1 if at + 1 < SAMPLES else 0
    return window


@kernel
def mean_and_deviation(window: NDArray[np.float64], bound: float, prior_samples: float) -> tuple[float, float]:
    """Return mean and standard deviation of a window.

    :arg bound: Samples farther than this from zero count as if they were so far.

    :arg prior_samples: How many more samples there are taken to be, half of them at the bound on either side.

    :returns: NaN where there is no sample at all.

    """
    weight = prior_samples + window.shape[0]
    if weight == 0.0:
        return math.nan, math.nan
    # Taken from the first sample on, so that the variance of a constant is zero exactly.
    first = min(max(window[0], -bound), bound) if window.shape[0] > 0 else 0.0
    total = -prior_samples * first
    for index in range(window.shape[0]):
        total += min(max(window[index], -bound), bound) - first
    mean = first + total / weight
    squares = prior_samples * (bound * bound + mean * mean) if prior_samples > 0.0 else 0.0
    for index in range(window.shape[0]):
        off = min(max(window[index], -bound), bound) - mean
        squares += off * off
    return mean, math.sqrt(squares / weight)


@kernel
def half_life(window: NDArray[np.float64], prior_squares: float) -> float:
    """Return in how many intervals half of a deviation goes away, by a least-squares fit of each sample to the last.

    :arg prior_squares: Sum of the squares of deviations that are taken to have been there besides, each gone at once.

    :returns: 0 where the next sample has nothing left of it, infinity where it does not go away, NaN where fewer than
        `MIN_FIT` samples are there or all are the same.

    """
    pairs = window.shape[0] - 1
    if pairs + 1 < MIN_FIT:
        return math.nan
    first = window[0]
    total = 0.0
    for index in range(1, pairs):
        total += window[index] - first
    before, after = total / pairs, (total + window[pairs] - first) / pairs
    squares, products = prior_squares, 0.0
    for index in range(pairs):
        off = window[index] - first - before
        squares += off * off
        products += off * (window[index + 1] - first - after)
    if squares == 0.0:
        return math.nan
    kept = products / squares
    if kept >= 1.0:
        return math.inf
    if kept <= 0.0:
        return 0.0
    return -math.log(2.0) / math.log(kept)


@kernel
def confidence(z_score: float, half_life_: float) -> float:
    """Say how far a deviation is to be believed, from 0 to 1.

    The first factor is the share of a normal distribution that lies closer to the mean: 0.68, 0.95 and 0.997 for one,
    two and three standard deviations. The second is 1 for what is gone at once, one half for what loses half of itself
    in a whole window, and 0 for what does not come back; where nothing could be fitted it is 1.

    :arg half_life_: In windows.

    """
    believed = math.erf(abs(z_score) / math.sqrt(2.0))
    return believed if math.isnan(half_life_) else believed / (1.0 + half_life_)
