"""The `mm` workload's tape: 1,000,000 seeded updates of ten pools, five token pairs on two venues each.

Poisson arrivals at 1,000 a second; a pair's log price is a random walk with bursts and jumps, and each pool strays from
it by a mean-reverting basis. Prices move by whole bins. The same seed gives the tape on which the figures of other
engines were measured: its reference strategy requotes 34,055 times.
"""

import numpy as np

from dlmm.records import Venue
from operators.blocks import ROW, Rows
from operators.pools import PoolInfo

SEED = 20260701
REQUOTES = 34_055
PAIRS = (("SOL", 150.0, 6e-4), ("JUP", 1.2, 4e-4), ("BONKK", 2.4, 9e-4), ("WIF", 3.1, 7e-4), ("JTO", 2.9, 5e-4))
VENUES = ((Venue.METEORA, 4), (Venue.SAROS, 10))
SLOT_NS = 400_000_000


def pools() -> tuple[PoolInfo, ...]:
    """Return the ten pools; decimals are equal, so that a bin's raw price is its price."""
    return tuple(
        PoolInfo(
            pool=f"{base}-USDC-{venue}",
            venue=venue,
            base=base,
            quote="USDC",
            bin_step=bin_step,
            base_factor=10_000,
            decimals_x=6,
            decimals_y=6,
        )
        for base, _, _ in PAIRS
        for venue, bin_step in VENUES
    )


def tape(count: int = 1_000_000) -> Rows:
    """Make the tape; the order of the draws is part of it."""
    rng = np.random.default_rng(SEED)
    gaps = rng.exponential(1e6, count)
    ts = 1_750_000_000_000_000_000 + np.cumsum(gaps).astype(np.int64) + np.arange(count)
    pool = rng.integers(0, 2 * len(PAIRS), count).astype(np.int16)
    seconds = np.cumsum(gaps / 1e9)
    log_price = np.zeros(count)
    for index, (_, start, sigma) in enumerate(PAIRS):
        mine = pool // 2 == index
        at = seconds[mine]
        elapsed = np.diff(at, prepend=0.0)
        burst = 1.0 + 1.5 * (np.sin(2 * np.pi * at / 300.0) > 0.9)
        steps = rng.standard_normal(len(at)) * np.sqrt(elapsed) * sigma * burst
        jumps = (rng.random(len(at)) < 2e-4) * rng.standard_normal(len(at)) * 20e-4
        log_price[mine] = np.log(start) + np.cumsum(steps + jumps)
    rows = np.zeros(count, ROW)
    for index, info in enumerate(pools()):
        mine = pool == index
        elapsed = np.diff(seconds[mine], prepend=0.0)
        shocks = rng.standard_normal(len(elapsed))
        keep = np.exp(-0.05 * elapsed)
        size = 6e-4 * np.sqrt(1 - keep * keep)
        basis = np.zeros(len(elapsed))
        strayed = 0.0
        for k in range(len(elapsed)):
            strayed = strayed * keep[k] + size[k] * shocks[k]
            basis[k] = strayed
        step = np.log1p(info.bin_step / 1e4)
        exponent = np.round((log_price[mine] + basis) / step).astype(np.int32)
        mid = np.exp(exponent * step)
        half = info.bin_step / 2e4
        bid, ask = np.round(mid * (1 - half), 6), np.round(mid * (1 + half), 6)
        rows["price"][mine] = (bid + ask) * 0.5
        rows["active_id"][mine] = exponent + info.zero_bin
    rows["seq"] = np.arange(count)
    rows["write_order"] = rows["seq"]
    rows["slot"] = 300_000_000 + (ts - ts[0]) // SLOT_NS
    rows["ts_event_ns"] = rows["ts_recv_ns"] = ts
    rows["pool"] = pool
    rows["liquidity"] = rows["volume"] = np.nan
    return rows


def traded_tape(count: int = 1_000_000) -> Rows:
    """Make the same tape with what was traded and what stands near the price, which strategies beyond `mm` ask for."""
    rows = tape(count)
    rows["liquidity"] = 500_000.0
    rows["volume"] = np.random.default_rng(SEED + 1).lognormal(4.0, 1.0, count)
    return rows
