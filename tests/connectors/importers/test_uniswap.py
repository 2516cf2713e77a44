"""Uniswap v3 events: the exact price after each swap."""

from pathlib import Path

import polars as pl
import pytest

from connectors.importers.detect import detect_kind
from connectors.importers.uniswap import import_uniswap
from connectors.recordings.inspection import Inspector
from connectors.recordings.recording import Recording
from connectors.recordings.schema import RecordingError
from tests.shared import need_shared

EVENTS = "data/onchain/uniswap_v3_usdc_weth_two_pools_20240105.parquet"


def test_the_day_of_real_swaps_is_recorded_as_it_was(tmp_path: Path) -> None:
    source, out = need_shared(EVENTS), tmp_path / "market.parquet"
    assert detect_kind(source) == "uniswap"
    summary = import_uniswap(source, out)
    assert list(summary.rows.values()) == [6_046, 267]
    assert (summary.refused, summary.passed_over) == ({}, {"no_swap": 225})
    recording = Recording.open(out)
    rows = recording.rows()
    swaps = pl.read_parquet(source).filter(pl.col("tx_type") == "SWAP").sort("block_number", "log_index")
    assert rows["price"] == pytest.approx(swaps["price"].to_numpy(), rel=1e-12)
    inspector = Inspector(recording.pools)
    assert inspector.check(rows).all()
    assert {finding.kind for finding in inspector.findings} == {"time_gap", "slot_gap"}
    assert [info.base_factor * 40 * 10**info.base_fee_power_factor for info in recording.pools] == [500_000, 3_000_000]


def test_a_bad_price_is_refused(tmp_path: Path) -> None:
    events = pl.read_parquet(need_shared(EVENTS)).filter(pl.col("tx_type") == "SWAP").head(3)
    events = events.with_columns(sqrtPriceX96=pl.Series(["0", "none", events["sqrtPriceX96"][2]]))
    events.write_parquet(tmp_path / "events.parquet")
    summary = import_uniswap(tmp_path / "events.parquet", tmp_path / "market.parquet")
    assert summary.refused == {"price_unreadable": 1, "price_not_positive": 1}
    with pytest.raises(RecordingError, match="no row is left to import"):
        import_uniswap(tmp_path / "events.parquet", tmp_path / "market.parquet", pools=["0x0"])
