"""Tables of all kinds become recordings; their bad rows are refused under a name, their faults named."""

import math
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.importers.columns import times_ns
from connectors.importers.intake import SLOT_NS
from connectors.importers.table import TableColumns, import_table
from connectors.importers.terms import PoolTerms
from connectors.recordings.inspection import Inspector
from connectors.recordings.recording import Recording
from connectors.recordings.schema import RecordingError
from dlmm.errors import DlmmError
from dlmm.records import Venue

START_S = 1_700_000_000


def table(path: Path, **columns: object) -> Path:
    """Three prices a second apart, and whatever else is said of them."""
    frame = pl.DataFrame({"time": [START_S, START_S + 1, START_S + 2], "price": [150.0, 150.1, 149.9]})
    frame = frame.with_columns(
        pl.Series(name, values, strict=False) for name, values in columns.items() if isinstance(values, list)
    )
    frame.drop(name for name, values in columns.items() if values is None).write_parquet(path)
    return path


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return tmp_path / "prices.parquet"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "market.parquet"


def test_time_and_price_are_enough(source: Path, out: Path) -> None:
    summary = import_table(table(source), out)
    recording = Recording.open(out)
    rows = recording.rows()
    assert (summary.rows, summary.refused) == ({"prices": 3}, {})
    assert rows["ts_event_ns"].tolist() == [(START_S + second) * 10**9 for second in range(3)]
    assert rows["price"].tolist() == [150.0, 150.1, 149.9]
    assert rows["slot"].tolist() == [int(ns) // SLOT_NS for ns in rows["ts_event_ns"]]
    assert rows["seq"].tolist() == [0, 1, 2]
    assert np.isnan(rows["liquidity"]).all()
    assert Inspector(recording.pools).check(rows).all()
    (info,) = recording.pools
    assert (info.pool, info.base, info.quote, info.bin_step, info.decimals_x) == ("prices", "BASE", "USDC", 4, 9)
    assert info.base_factor * info.bin_step * 10 * 10**info.base_fee_power_factor == 1_000_000
    assert any("no slots" in note for note in summary.notes)


@given(
    prices=st.lists(st.floats(1e-4, 1e7), min_size=1, max_size=20),
    venue=st.sampled_from(list(Venue)),
    bin_step=st.sampled_from([1, 4, 10, 100]),
)
@settings(max_examples=40)
def test_every_row_passes_the_data_check_in_the_nearest_bin(
    tmp_path_factory: pytest.TempPathFactory, prices: list[float], venue: Venue, bin_step: int
) -> None:
    folder = tmp_path_factory.mktemp("nearest")
    pl.DataFrame({"ts": [START_S + second for second in range(len(prices))], "price": prices}).write_parquet(
        folder / "prices.parquet"
    )
    terms = PoolTerms(venue=venue, bin_step=bin_step, fee_rate=400_000)
    summary = import_table(folder / "prices.parquet", folder / "market.parquet", terms=terms)
    recording = Recording.open(folder / "market.parquet")
    inspector = Inspector(recording.pools)
    assert inspector.check(recording.rows()).all()
    assert "price_off_bin" not in {finding.kind for finding in inspector.findings}
    assert summary.refused == {}


def test_csv_is_read_like_parquet(tmp_path: Path, out: Path) -> None:
    source = tmp_path / "SOL.csv"
    source.write_text(
        "Timestamp,Symbol,Close,Volume\n"
        "2024-01-05T00:00:23Z,SOL,101.5,7\n"
        "2024-01-05 01:00:24+01:00,SOL,101.6,\n"
        "2024-01-05T00:00:25.250,SOL,101.7,3\n"
    )
    summary = import_table(source, out, base="SOL")
    rows = Recording.open(out).rows()
    seconds = [int(datetime(2024, 1, 5, 0, 0, second, tzinfo=UTC).timestamp()) for second in (23, 24, 25)]
    assert rows["ts_event_ns"].tolist() == [seconds[0] * 10**9, seconds[1] * 10**9, seconds[2] * 10**9 + 250_000_000]
    assert rows["volume"][0] == 7.0
    assert np.isnan(rows["volume"][1])
    assert summary.rows == {"SOL": 3}


def test_bad_rows_are_refused_under_their_names(tmp_path: Path, out: Path) -> None:
    source = tmp_path / "prices.csv"
    source.write_text(
        "time,price,liquidity\n1700000000,150,5\nyesterday,150,5\n1700000001,NaN,5\n1700000002,-1,5\n1700000003,0,5\n"
        "1700000004,abc,5\n1700000005,inf,5\n1700000006,151,-5\n-4,151,5\n1700000007,1e40,5\n"
        "1700000008,152\n1700000001,151,5\n"
    )
    summary = import_table(source, out)
    assert summary.rows == {"prices": 2}
    assert summary.refused == {
        "time_unreadable": 2,
        "price_unreadable": 1,
        "price_not_positive": 4,
        "negative_liquidity": 1,
        "time_backwards": 1,
        "price_out_of_range": 1,
    }


def test_a_table_where_nothing_is_left_is_refused_with_the_reasons(source: Path, out: Path) -> None:
    with pytest.raises(RecordingError, match="no row is left to import: 3 price_not_positive"):
        import_table(table(source, price=[-1.0, math.nan, 0.0]), out)
    assert not out.exists()


def test_a_missing_column_is_named_with_those_there_are(source: Path, out: Path) -> None:
    with pytest.raises(RecordingError, match=r"has no column for the price \(looked for price, .*its columns are time"):
        import_table(table(source, price=None), out)
    with pytest.raises(RecordingError, match="has no column 'cost' for the price; its columns are time, price"):
        import_table(table(source), out, columns=TableColumns(price="cost"))
    with pytest.raises(RecordingError, match="has no column for the time"):
        import_table(table(source, time=None), out)


def test_slots_stand_in_for_a_missing_time(source: Path, out: Path) -> None:
    summary = import_table(table(source, time=None, slot=[10, 11, 12]), out)
    rows = Recording.open(out).rows()
    assert rows["slot"].tolist() == [10, 11, 12]
    assert rows["ts_event_ns"].tolist() == [slot * SLOT_NS for slot in (10, 11, 12)]
    assert any("no time" in note for note in summary.notes)


def test_slots_of_the_table_are_kept_and_those_that_run_back_refused(source: Path, out: Path) -> None:
    summary = import_table(table(source, slot=[5, 5, 4]), out)
    rows = Recording.open(out).rows()
    assert rows["slot"].tolist() == [5, 5]
    assert rows["write_order"].tolist() == [0, 1]
    assert summary.refused == {"slot_backwards": 1}


def test_pools_one_after_the_other_are_woven_together(source: Path, out: Path) -> None:
    pl.DataFrame(
        {"ts": [1, 2, 3, 1, 2, 3], "symbol": ["a", "a", "a", "b", "b", None], "price": [1.0] * 6}
    ).write_parquet(source)
    summary = import_table(source, out, columns=TableColumns(time_unit="s"))
    rows = Recording.open(out).rows()
    assert rows["pool"].tolist() == [0, 1, 0, 1, 0]
    assert summary.refused == {"pool_missing": 1}
    chosen = import_table(source, out, columns=TableColumns(time_unit="s"), pools=["b"])
    assert (chosen.rows, chosen.passed_over) == ({"b": 2}, {"pool_not_chosen": 3})


def test_a_table_that_stands_newest_first_is_turned_round(source: Path, out: Path) -> None:
    summary = import_table(table(source, time=[START_S + 2, START_S + 1, START_S]), out)
    assert Recording.open(out).rows()["price"].tolist() == [149.9, 150.1, 150.0]
    assert summary.refused == {}
    assert any("newest first" in note for note in summary.notes)


@pytest.mark.parametrize("content", [b"", b"\x00\xff" * 40, b"PAR1garbage", b"time,price\n"])
def test_what_is_no_table_is_refused(tmp_path: Path, out: Path, content: bytes) -> None:
    source = tmp_path / "prices.bin"
    source.write_bytes(content)
    with pytest.raises(RecordingError, match=r"prices\.bin: "):
        import_table(source, out)


def test_a_recording_is_not_imported_again(source: Path, out: Path) -> None:
    import_table(table(source), out)
    with pytest.raises(RecordingError, match="is a recording already"):
        import_table(out, source)


def test_the_table_is_never_overwritten(source: Path, tmp_path: Path) -> None:
    table(source)
    before = source.read_bytes()
    with pytest.raises(RecordingError, match="is the table itself"):
        import_table(source, source)
    with pytest.raises(RecordingError, match="is a folder"):
        import_table(source, tmp_path)
    with pytest.raises(RecordingError, match="cannot be written"):
        import_table(source, tmp_path / "none" / "market.parquet")
    assert source.read_bytes() == before


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        (PoolTerms(bin_step=0), "bin step 0 is not between"),
        (PoolTerms(fee_rate=200_000_000), "a fee of 2000 bps is not between"),
        (PoolTerms(venue=Venue.SAROS, bin_step=1, fee_rate=1_000_000), "does not fit a Saros pool of bin step 1"),
    ],
)
def test_impossible_terms_are_refused(source: Path, out: Path, terms: PoolTerms, reason: str) -> None:
    with pytest.raises(DlmmError, match=reason):
        import_table(table(source), out, terms=terms)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pl.Series([START_S]), START_S * 10**9),
        (pl.Series([START_S * 1_000 + 5]), START_S * 10**9 + 5_000_000),
        (pl.Series([START_S * 10**6 + 5]), START_S * 10**9 + 5_000),
        (pl.Series([START_S * 10**9 + 5]), START_S * 10**9 + 5),
        (pl.Series([START_S + 0.25]), START_S * 10**9 + 250_000_000),
        (pl.Series([str(START_S)]), START_S * 10**9),
        (pl.Series([f" {START_S}.5 "]), START_S * 10**9 + 500_000_000),
        (pl.Series(["2023-11-14T22:13:20Z"]), START_S * 10**9),
        (pl.Series([datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)]), START_S * 10**9),
        (pl.Series([date(2023, 11, 14)]), (START_S - 80_000) * 10**9),
        (pl.Series(["soon"]), None),
        (pl.Series([math.nan]), None),
        (pl.Series([None], dtype=pl.Int64), None),
        (pl.Series([math.inf]), None),
    ],
)
def test_times_are_read_however_they_are_written(values: pl.Series, expected: int | None) -> None:
    assert times_ns(Path("x"), values, None).to_list() == [expected]


def test_a_time_too_large_for_its_unit_is_unreadable() -> None:
    assert times_ns(Path("x"), pl.Series([1 << 62, 1]), "s").to_list() == [None, 10**9]


def test_a_column_of_another_type_is_no_time() -> None:
    with pytest.raises(RecordingError, match="is Boolean, which is no time"):
        times_ns(Path("x"), pl.Series("ts", [True]), None)
