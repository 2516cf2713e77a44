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
        ("interval", "i8"),  # number of the grid's interval that the newest row fell in
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
    interval = ts_event_ns // interval_ns
    if interval > grid.interval:
        for _ in range(min(interval - grid.interval, SAMPLES)):
            grid.head = grid.head + 1 if grid.head + 1 < SAMPLES else 0
            for pool in range(POOLS):
                if grid.price[pool] > 0.0:
                    grid.samples[pool, grid.head] = grid.log_price[pool]
                    grid.filled[pool] = min(grid.filled[pool] + 1, SAMPLES)
        grid.interval = interval
    if price != grid.price[place] and 0.0 < price < math.inf:
        grid.price[place] = price
        grid.log_price[place] = math.log(price)


@kernel
def samples_of(grid: Fields, places: NDArray[np.int64], legs: int) -> int:
    """Return over how many samples of the window all of some pools have a price."""
    count = SAMPLES
    for leg in range(legs):
        count = min(count, grid.filled[places[leg]])
    return count


@kernel
def combined(grid: Fields, places: NDArray[np.int64], signs: NDArray[np.float64], legs: int, back: int) -> float:
    """Return a signed sum of log prices so many samples ago."""
    at = grid.head - back
    if at < 0:
        at += SAMPLES
    total = 0.0
    for leg in range(legs):
        total += signs[leg] * grid.samples[places[leg], at]
    return total


@kernel
def _within(value: float, bound: float) -> float:
    return min(max(value, -bound), bound)


@kernel
def mean_and_deviation(
    grid: Fields,
    places: NDArray[np.int64],
    signs: NDArray[np.float64],
    legs: int,
    bound: float,
    prior_samples: float,
) -> tuple[float, float]:
    """Return mean and standard deviation of a signed sum of log prices over the window.

    :arg bound: Samples farther than this from zero count as if they were so far.

    :arg prior_samples: How many more samples there are taken to be, half of them at the bound on either side.

    :returns: NaN where there is no sample at all.

    """
    count = samples_of(grid, places, legs)
    weight = prior_samples + count
    if weight == 0.0:
        return math.nan, math.nan
    # Taken from the oldest sample on, so that the variance of a constant is zero exactly.
    first = _within(combined(grid, places, signs, legs, count - 1), bound) if count > 0 else 0.0
    total = -prior_samples * first
    for back in range(count):
        total += _within(combined(grid, places, signs, legs, back), bound) - first
    mean = first + total / weight
    squares = prior_samples * (bound * bound + mean * mean) if prior_samples > 0.0 else 0.0
    for back in range(count):
        off = _within(combined(grid, places, signs, legs, back), bound) - mean
        squares += off * off
    return mean, math.sqrt(squares / weight)


@kernel
def half_life(
    grid: Fields, places: NDArray[np.int64], signs: NDArray[np.float64], legs: int, prior_squares: float
) -> float:
    """Return in how many intervals half of a deviation goes away, by a least-squares fit of each sample to the last.

    :arg prior_squares: Sum of the squares of deviations that are taken to have been there besides, each gone at once.

    :returns: 0 where the next sample has nothing left of it, infinity where it does not go away, NaN where fewer than
        `MIN_FIT` samples are there or all are the same.

    """
    count = samples_of(grid, places, legs)
    if count < MIN_FIT:
        return math.nan
    first = combined(grid, places, signs, legs, count - 1)
    before = after = 0.0
    for back in range(1, count):
        before += combined(grid, places, signs, legs, back) - first
        after += combined(grid, places, signs, legs, back - 1) - first
    before /= count - 1
    after /= count - 1
    squares, products = prior_squares, 0.0
    for back in range(1, count):
        off = combined(grid, places, signs, legs, back) - first - before
        squares += off * off
        products += off * (combined(grid, places, signs, legs, back - 1) - first - after)
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
