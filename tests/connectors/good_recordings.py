"""Small recordings for the tests of whatever reads them."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import polars as pl

from connectors.recordings.schema import METADATA_KEY, RecordingMeta
from dlmm.records import Venue
from operators.blocks import ROW, Rows
from operators.pools import PoolInfo

SOL = PoolInfo("sol", Venue.METEORA, "SOL", "USDC", 4, 6_250)
JUP = PoolInfo("jup", Venue.SAROS, "JUP", "USDC", 10, 2_000, decimals_x=6)
POOLS = (SOL, JUP)
START_NS = 1_700_000_000_000_000_000


def good_rows(count: int, first_seq: int = 0) -> Rows:
    """Rows of both pools in turn, a slot each 0.4 s for every pair of them, with nothing to object to."""
    rows = np.zeros(count, ROW)
    number = np.arange(first_seq, first_seq + count)
    rows["seq"] = number
    rows["slot"] = 1_000 + number // 2
    rows["ts_event_ns"] = START_NS + number // 2 * 400_000_000
    rows["ts_recv_ns"] = rows["ts_event_ns"] + 1_000_000
    rows["write_order"] = number % 2
    rows["pool"] = number % 2
    offset = number % 7
    is_sol = rows["pool"] == 0
    rows["active_id"] = np.where(is_sol, -4_000 + offset, (1 << 23) + offset)
    rows["price"] = np.where(is_sol, 1.0004 ** (-4_000.0 + offset) * 1_000, 1.001**offset)
    rows["liquidity"] = 10_000.0 + number
    rows["volume"] = np.where(number % 3 == 0, np.nan, 5.0)
    rows["volatility"] = np.nan
    return rows


def as_frame(rows: Rows) -> pl.DataFrame:
    """The same rows as the documented table, numbers unknown as nulls."""
    names = [pool.pool for pool in POOLS]
    fields = ("slot", "seq", "write_order", "ts_event_ns", "ts_recv_ns", "active_id", "price", "liquidity", "volume")
    columns = {name: np.ascontiguousarray(rows[name]) for name in fields}
    frame = pl.DataFrame({"pool": [names[index] for index in rows["pool"]], **columns})
    return frame.with_columns(pl.col("liquidity", "volume").fill_nan(None))


def write_foreign(path: Path, frame: pl.DataFrame, pools: Sequence[PoolInfo] = POOLS) -> None:
    """Write as another program would: plain text for the pool, whatever columns, our metadata."""
    meta = msgspec.json.encode(RecordingMeta(1, "elsewhere", tuple(pools))).decode()
    frame.write_parquet(path, metadata={METADATA_KEY: meta})
