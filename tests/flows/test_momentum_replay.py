"""Momentum through the whole flow: it buys a rise with money, sells all of it again, and leaves other markets alone."""

import json
import math
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl
import pytest
from bytewax.testing import run_main

from connectors.recordings.recording import write_recording
from connectors.results.decision_log import read_decision
from connectors.results.explanation import sentences
from dlmm.records import Venue
from flows.replay import replay
from flows.settings.tree import Settings
from operators.blocks import ROW, Rows
from operators.pools import PoolInfo

POOL = PoolInfo("sol", Venue.METEORA, "SOL", "USDC", 1, 10_000, decimals_x=9, decimals_y=6)
"""Bins of one basis point, and a base fee of one."""
ORIGIN = -19_920
STILL = 100


def rows_of(bins: list[int]) -> Rows:
    """One trade a second, at these bins from the origin."""
    rows = np.zeros(len(bins), ROW)
    seconds = np.arange(len(bins))
    rows["seq"] = seconds + 1
    rows["slot"] = 1_000 + seconds * 5 // 2
    rows["ts_event_ns"] = 1_700_000_000_000_000_000 + seconds * 1_000_000_000
    rows["ts_recv_ns"] = rows["ts_event_ns"]
    rows["active_id"] = ORIGIN + np.array(bins)
    rows["price"] = np.exp(rows["active_id"] * math.log1p(1e-4)) * 1e3
    rows["liquidity"], rows["volume"] = 50_000_000.0, np.nan
    return rows


def run(folder: Path, bins: list[int], **keys: object) -> tuple[dict[str, Any], Path]:
    folder.mkdir(exist_ok=True)
    write_recording(folder / "tape.parquet", rows_of(bins), (POOL,), "a tape by hand")
    momentum = {"enabled": True, "momentum_threshold": 0.004, "window_minutes": 1, "volume_ratio": 0.0, **keys}
    sections = {
        "strategies": {"market_making": {"enabled": False}, "momentum_trading": momentum},
        "replay": {"recording": str(folder / "tape.parquet")},
        "results": {"runs_dir": str(folder / "runs")},
    }
    run_main(replay(msgspec.convert(sections, Settings)))
    (made,) = (folder / "runs").iterdir()
    return json.loads((made / "summary.json").read_text()), made


def test_a_rise_is_bought_and_all_of_it_sold_again(tmp_path: Path) -> None:
    bins = [0] * STILL + list(range(1, 300))
    summary, made = run(tmp_path, bins)
    entry = STILL + math.ceil(math.log(1.004) / math.log1p(1e-4))
    orders = pl.read_parquet(made / "orders.parquet")
    assert orders.select("seq", "side", "status").rows() == [(entry, "buy", "filled"), (entry + 120, "sell", "filled")]
    fills = pl.read_parquet(made / "fills.parquet")
    assert fills["amount_out"][0] == fills["amount_in"][1]
    assert summary["pools"]["sol"]["base"] == 0.0
    # Two fees of a basis point are paid for a rise of 120 of them.
    assert summary["profit"] > 0.01 * 0.9 * orders["value"][0]
    why, *_ = sentences(read_decision(made, 2))
    assert why.startswith("momentum_trading asked for it (take): its holding period is over.")


@pytest.mark.parametrize(
    "bins",
    [
        [0] * 400,
        [0] * STILL + [-k for k in range(1, 300)],
        [k % 2 for k in range(400)],
        [0] * STILL + [200] * 200,
    ],
    ids=["still", "falling", "to and fro", "one jump"],
)
def test_a_market_without_a_rise_is_left_alone(bins: list[int], tmp_path: Path) -> None:
    summary, _ = run(tmp_path, bins)
    assert (summary["orders"], summary["profit"]) == (0, 0.0)


def test_a_rise_that_does_not_pay_both_fees_is_left_alone(tmp_path: Path) -> None:
    eager = {"momentum_threshold": 0.00001, "min_zscore": 0.1}
    assert run(tmp_path / "less", [0] * STILL + [1] * 300, **eager)[0]["orders"] == 0
    assert run(tmp_path / "more", [0] * STILL + [1, 2] + [3] * 300, **eager)[0]["fills"] == 2
