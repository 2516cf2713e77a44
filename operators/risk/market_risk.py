"""How much the portfolio may lose: returns of each pool's price, what their worst 5 % were, and how they move together.

The price of every pool is sampled each `sample_ns` of market time; a pool that was silent carries its price forward. A
stretch in which nothing came at all is one sample, so that silence does not crowd the market's moves out of the ring.
The last 256 log returns are kept.

Value at risk is a *historical simulation*: what is held now is taken through each past sample, a log return standing
for the return (it overstates a loss by a little), and of the n results the one with rank n // 20 + 1 from the worst
counts: an observed loss that at most 5 % of the samples exceed (numpy's "inverted_cdf" of the losses at 0.95). The
square root of time scales it from a sample to the horizon. A gain counts as a loss of nothing.

With fewer than 30 samples a *parametric* figure takes its place, 1.645 standard deviations of the configured default
volatility, exposures added up as if all pools moved as one. It is one or the other, never a blend: the samples that
count are those that every pool with exposure has.
"""

import math

import numpy as np
from numpy.typing import NDArray

from dlmm.errors import DlmmError
from dlmm.jit import kernel
from operators.blocks import Fields, Rows
from operators.risk.exposure import held

RING = 256
"""Samples that are kept, a power of two."""
MASK = RING - 1

MIN_SAMPLES = 30
"""Fewer tell nothing about a worst 5 %, nor about a correlation."""

NORMAL_TAIL = 1.645
"""Standard deviations that a normal variable exceeds to one side in 5 % of cases."""

MIN_VARIANCE = 1e-18
"""A price whose returns vary less than this stood still: its correlation with another is 0."""

RISK = np.dtype(
    [
        ("next_ns", "i8"),  # market time from which on the next sample is due; 0 before the first
        ("samples", "i8"),  # taken so far
        ("place", "i8"),  # in the ring, of the next sample
        ("value_at_risk", "f8"),  # quote currency, of what is held
        ("sample_ns", "i8"),
        ("scale", "f8"),  # from a sample's loss to that over the horizon
        ("default_tail", "f8"),  # over the horizon, as a fraction
        ("is_stale", "i8"),  # whether the books changed since `value_at_risk` was measured
    ]
)

RETURNS = np.dtype(
    [
        ("price", "f8"),  # at the last sample; 0 before the pool has one
        ("samples", "i8"),  # returns since its first price
        ("ring", "f8", (RING,)),  # log returns
    ]
)

Risk = tuple[Rows, Rows, NDArray[np.float64], NDArray[np.float64]]
"""`RISK` (1,); `RETURNS` (pools,); tails (pools,): what one unit of exposure to each pool alone loses over the horizon
at 95 %; correlation (pools, pools) of returns, 0 where fewer than 30 samples are common to both."""


def open_risk(pools: int, sample_s: float, horizon_s: float, default_volatility: float) -> Risk:
    """Start with nothing sampled.

    :arg sample_s: Seconds of market time between samples.

    :arg horizon_s: Over which losses are told.

    :arg default_volatility: Standard deviation of one sample's return, as a fraction, until samples tell.

    """
    header = np.zeros(1, RISK)
    header["sample_ns"] = max(round(sample_s * 1e9), 1)
    header["scale"] = math.sqrt(horizon_s / sample_s)
    header["default_tail"] = NORMAL_TAIL * default_volatility * header["scale"]
    return header, np.zeros(pools, RETURNS), np.full(pools, header["default_tail"][0]), np.identity(pools)


def snapshot_risk(risk: Risk) -> bytes:
    """Return all that was sampled and measured as bytes."""
    return b"".join(part.tobytes() for part in risk)


def restore_risk(state: bytes, pools: int) -> Risk:
    """Return what a snapshot holds.

    :raises DlmmError: It is none of so many pools.

    """
    sizes = (RISK.itemsize, pools * RETURNS.itemsize, pools * 8, pools * pools * 8)
    if len(state) != sum(sizes):
        raise DlmmError(f"market risk of {pools} pools takes {sum(sizes)} bytes, the state has {len(state)}")
    ends = np.cumsum(sizes).tolist()
    return (
        np.frombuffer(state[: ends[0]], RISK).copy(),
        np.frombuffer(state[ends[0] : ends[1]], RETURNS).copy(),
        np.frombuffer(state[ends[1] : ends[2]], np.float64).copy(),
        np.frombuffer(state[ends[2] :], np.float64).reshape(pools, pools).copy(),
    )


@kernel
def _low_quantile(values: NDArray[np.float64], first: int, count: int) -> float:
    """Return the value of rank count // 20 + 1 from the lowest among `count` places of a ring."""
    rank = count // 20 + 1
    lowest = np.empty(RING // 20 + 1)
    kept = 0
    for index in range(count):
        value = values[(first + index) & MASK]
        if kept == rank and not value < lowest[rank - 1]:
            continue
        place = kept if kept < rank else rank - 1
        kept = min(kept + 1, rank)
        while place > 0 and lowest[place - 1] > value:
            lowest[place] = lowest[place - 1]
            place -= 1
        lowest[place] = value
    return float(lowest[rank - 1])


@kernel
def _correlate(one: Fields, other: Fields, mean: float, other_mean: float, place: int) -> float:
    """Return the correlation of two pools' returns over the samples that both have."""
    count = min(one.samples, other.samples, RING)
    if count < MIN_SAMPLES:
        return 0.0
    first = place - count + RING
    total = other_total = squares = other_squares = products = 0.0
    ring, other_ring = one.ring, other.ring
    for index in range(count):
        # Less what each returns on average, so that the differences of sums below lose nothing.
        value = ring[(first + index) & MASK] - mean
        other_value = other_ring[(first + index) & MASK] - other_mean
        total += value
        other_total += other_value
        squares += value * value
        other_squares += other_value * other_value
        products += value * other_value
    variance = squares / count - (total / count) ** 2
    other_variance = other_squares / count - (other_total / count) ** 2
    if not (variance > MIN_VARIANCE and other_variance > MIN_VARIANCE):
        return 0.0
    together = products / count - (total / count) * (other_total / count)
    return float(max(-1.0, min(1.0, together / math.sqrt(variance * other_variance))))


@kernel
def _measure(risk: Risk) -> None:
    """Read tails and correlations off the ring."""
    header, returns, tails, correlation = risk
    pools = returns.shape[0]
    place = header[0].place
    means = np.zeros(pools)
    for pool in range(pools):
        count = min(returns[pool].samples, RING)
        ring = returns[pool].ring
        if count < MIN_SAMPLES:
            tails[pool] = header[0].default_tail
            continue
        first = place - count + RING
        for index in range(count):
            means[pool] += ring[(first + index) & MASK]
        means[pool] /= count
        tails[pool] = max(0.0, -_low_quantile(ring, first, count)) * header[0].scale
    for pool in range(pools):
        for other in range(pool):
            correlation[pool, other] = _correlate(returns[pool], returns[other], means[pool], means[other], place)
            correlation[other, pool] = correlation[pool, other]


@kernel
def refresh(books: Rows, risk: Risk) -> None:
    """Measure the value at risk of what the books hold now."""
    header, returns, _, _ = risk
    header[0].is_stale = 0
    outcomes = np.zeros(RING)
    count = RING
    total = 0.0
    for pool in range(books.shape[0]):
        at_risk = held(books[pool])
        if not at_risk > 0.0:
            continue
        total += at_risk
        count = min(count, returns[pool].samples)
        ring = returns[pool].ring
        for index in range(RING):
            outcomes[index] += at_risk * ring[index]
    if total == 0.0:
        header[0].value_at_risk = 0.0
    elif count < MIN_SAMPLES:
        header[0].value_at_risk = total * header[0].default_tail
    else:
        first = header[0].place - count + RING
        header[0].value_at_risk = max(0.0, -_low_quantile(outcomes, first, count)) * header[0].scale


@kernel
def books_changed(risk: Risk) -> None:
    """Note that the value at risk is to be measured anew before it is asked for."""
    risk[0][0].is_stale = 1


@kernel
def bring_up_to_date(books: Rows, risk: Risk) -> None:
    """Measure the value at risk where the books have changed since."""
    if risk[0][0].is_stale != 0:
        refresh(books, risk)


@kernel
def observe(ledger: Fields, books: Rows, risk: Risk) -> None:
    """Take a sample of all prices where market time has reached the next one, and measure anew.

    To be called before the row that moved the time is marked: what is sampled is the market as it stood until then.

    :arg ledger: Whose `ts_event_ns` is market time.

    """
    header, returns, _, _ = risk
    state = header[0]
    if ledger.ts_event_ns < state.next_ns:
        return
    for pool in range(books.shape[0]):
        price = books[pool].price
        sampled = returns[pool]
        move = 0.0
        if sampled.price > 0.0:
            sampled.samples += 1
        if price > 0.0 and price < np.inf:
            if sampled.price > 0.0:
                move = math.log(price / sampled.price)
            sampled.price = price
        sampled.ring[state.place] = move
    state.place = (state.place + 1) & MASK
    state.samples += 1
    state.next_ns = ledger.ts_event_ns // state.sample_ns * state.sample_ns + state.sample_ns
    _measure(risk)
    refresh(books, risk)
