"""Quotes and trades of several exchanges: one row a quote, the trades in its volume."""

import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from connectors.importers.detect import detect_kind
from connectors.importers.ticks import import_ticks
from connectors.recordings.inspection import Inspector
from connectors.recordings.recording import Recording
from connectors.recordings.schema import RecordingError
from tests.shared import need_shared

START = 1_723_161_254_000_000_000
COLUMNS = ["recv_ns", "venue", "symbol", "kind", "bid", "bid_qty", "ask", "ask_qty", "price", "qty"]


def quote(ms: int, venue: str, bid: float, ask: float, symbol: str = "BTCUSDT") -> tuple[object, ...]:
    return (START + ms * 1_000_000, venue, symbol, "q", bid, 2.0, ask, 1.0, None, None)


def trade(ms: int, venue: str, price: float, qty: float, symbol: str = "BTCUSDT") -> tuple[object, ...]:
    return (START + ms * 1_000_000, venue, symbol, "t", None, None, None, None, price, qty)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return tmp_path / "ticks.parquet"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "market.parquet"


def write(path: Path, *rows: tuple[object, ...]) -> Path:
    pl.DataFrame(rows, COLUMNS, orient="row", infer_schema_length=None).write_parquet(path)
    return path


def test_a_quote_is_a_row_and_trades_are_its_volume(source: Path, out: Path) -> None:
    write(
        source,
        quote(0, "spot", 100.0, 102.0),
        trade(1, "spot", 102.0, 0.5),
        quote(2, "cm", 99.0, 101.0, "BTCUSD_PERP"),
        trade(3, "spot", 100.0, 1.0),
        trade(4, "cm", 101.0, 7.0, "BTCUSD_PERP"),
        quote(5, "spot", 101.0, 103.0),
        quote(6, "cm", 98.0, 100.0, "BTCUSD_PERP"),
    )
    assert detect_kind(source) == "ticks"
    summary = import_ticks(source, out)
    recording = Recording.open(out)
    rows = recording.rows()
    assert [info.pool for info in recording.pools] == ["BTCUSDT-spot", "BTCUSD_PERP-cm"]
    assert [(info.base, info.quote) for info in recording.pools] == [("BTC", "USDT"), ("BTC", "USD")]
    assert rows["pool"].tolist() == [0, 1, 0, 1]
    assert rows["price"].tolist() == [101.0, 100.0, 102.0, 99.0]
    assert rows["volume"].tolist() == [0.0, 0.0, 0.5 * 102.0 + 100.0, 700.0]
    assert rows["liquidity"].tolist() == [302.0, 300.0, 305.0, 300.0]
    assert rows["write_order"].tolist() == [0, 1, 2, 3]
    assert len(summary.notes) == 2
    assert Inspector(recording.pools).check(rows).all()


def test_one_quote_symbol_can_be_given_to_all(source: Path, out: Path) -> None:
    write(source, quote(0, "spot", 100.0, 102.0), quote(1, "cm", 100.0, 102.0, "ETHUSD_PERP"))
    import_ticks(source, out, quote="USDT")
    assert {info.quote for info in Recording.open(out).pools} == {"USDT"}
    chosen = import_ticks(source, out, pools=["cm"])
    assert (chosen.rows, chosen.passed_over) == ({"ETHUSD_PERP-cm": 1}, {"pool_not_chosen": 1})


def test_bad_ticks_are_refused_under_their_names(source: Path, out: Path) -> None:
    write(
        source,
        quote(0, "spot", 100.0, 102.0),
        quote(1, "spot", 103.0, 102.0),
        quote(2, "spot", -1.0, 102.0),
        quote(3, "spot", math.nan, 102.0),
        trade(4, "spot", 0.0, 1.0),
        trade(5, "spot", 100.0, -1.0),
        (START, "spot", "BTCUSDT", "z", *[None] * 6),
        (START, "spot", None, "q", *[1.0] * 6),
        (None, "spot", "BTCUSDT", "q", *[1.0] * 6),
        quote(6, "spot", 100.0, 104.0),
        quote(5, "spot", 100.0, 104.0),
    )
    summary = import_ticks(source, out)
    assert summary.rows == {"BTCUSDT-spot": 2}
    assert summary.refused == {
        "value_missing": 1,
        "time_unreadable": 1,
        "kind_unknown": 1,
        "trade_impossible": 2,
        "price_not_positive": 2,
        "quote_crossed": 1,
        "time_backwards": 1,
    }


def test_a_missing_column_is_named(source: Path, out: Path) -> None:
    write(source, quote(0, "spot", 100.0, 102.0))
    pl.read_parquet(source).drop("ask_qty").write_parquet(source)
    with pytest.raises(RecordingError, match="has no column 'ask_qty'"):
        import_ticks(source, out)


def test_trades_alone_make_no_recording(source: Path, out: Path) -> None:
    write(source, trade(0, "spot", 100.0, 1.0))
    with pytest.raises(RecordingError, match="no row is left to import"):
        import_ticks(source, out)


def test_the_recorded_hour_passes_the_data_check(out: Path) -> None:
    source = need_shared("data/ticks/binance_eth_spot_usdm_cm_20240808.parquet")
    summary = import_ticks(source, out)
    assert summary.rows == {"ETHUSDT-spot": 58_758, "ETHUSDT-usdm": 53_992, "ETHUSD_PERP-cm": 35_563}
    recording = Recording.open(out)
    rows = recording.rows()
    inspector = Inspector(recording.pools)
    assert inspector.check(rows).all()
    assert inspector.findings == []
    ticks = pl.read_parquet(source).filter(pl.col("kind") == "t", pl.col("venue") == "spot")
    traded = float((ticks["price"] * ticks["qty"]).sum())
    assert np.nansum(rows["volume"][rows["pool"] == 0]) == pytest.approx(traded, rel=1e-3)
