"""Seeded market tapes for tests: prices that walk from bin to bin in several pools."""

import numpy as np

from dlmm.price import human_price
from dlmm.records import Venue
from operators.blocks import ROW, Rows
from operators.pools import PoolInfo


def pool_info(index: int) -> PoolInfo:
    """Return one of a family of pools: even ones on Meteora, odd ones on Saros, with alternating bin steps."""
    return PoolInfo(
        pool=f"pool-{index}",
        venue=Venue.SAROS if index % 2 else Venue.METEORA,
        base=f"T{index}",
        quote="USDC",
        bin_step=(4, 10, 20)[index % 3],
        base_factor=5_000,
        decimals_x=9,
        decimals_y=6,
    )


def tape(rows: int, pools: int = 3, seed: int = 1, rows_per_slot: int = 4) -> tuple[Rows, tuple[PoolInfo, ...]]:
    """Make a tape in order of `seq`, with the pools it is about."""
    rng = np.random.default_rng(seed)
    infos = tuple(pool_info(index) for index in range(pools))
    out = np.zeros(rows, ROW)
    out["seq"] = np.arange(1, rows + 1)
    out["slot"] = 1_000 + np.arange(rows) // rows_per_slot
    out["write_order"] = np.arange(rows) % rows_per_slot
    out["ts_event_ns"] = 1_700_000_000_000_000_000 + np.arange(rows) * (400_000_000 // rows_per_slot)
    out["ts_recv_ns"] = out["ts_event_ns"] + 1_000_000
    out["pool"] = rng.integers(0, pools, rows)
    out["liquidity"] = 2e6
    out["volume"] = np.where(rng.random(rows) < 0.5, np.nan, 1_000.0)
    for index, info in enumerate(infos):
        mine = out["pool"] == index
        step = np.log1p(info.bin_step / 1e4)
        start = round(np.log((100.0 + 10 * index) * 1e-3) / step)
        exponent = start + np.cumsum(rng.integers(-2, 3, int(mine.sum())))
        out["active_id"][mine] = exponent + info.zero_bin
        out["price"][mine] = np.exp(exponent * step) * human_price(1.0, info.decimals_x, info.decimals_y)
    return out, infos
