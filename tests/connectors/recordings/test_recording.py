"""Recordings read back what was written, in any cut, and refuse what is none with a reason."""

from pathlib import Path

import msgspec
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.recordings.inspection import Inspector
from connectors.recordings.recording import Recording, write_recording
from connectors.recordings.schema import METADATA_KEY, REQUIRED_COLUMNS, RecordingError
from operators.blocks import MARKET, ROW, STATE, TICK, AccountWrite
from operators.inspection import MISSING_I32, MISSING_I64
from operators.pools import PoolInfo
from tests.connectors.good_recordings import JUP, POOLS, SOL, as_frame, good_rows, write_foreign


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "market.parquet"


def test_what_is_written_is_read_back(path: Path) -> None:
    rows = good_rows(1_000)
    rows["feed"] = 3
    rows["account"] = np.arange(1_000) % 5
    write_recording(path, rows, POOLS, "a test")
    recording = Recording.open(path)
    assert (recording.pools, recording.source, len(recording)) == (POOLS, "a test", 1_000)
    assert recording.rows().tobytes() == rows.tobytes()
    assert recording.unknown_pools == {}
    assert not recording.has_accounts
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_a_table_of_another_program_reads_the_same(path: Path, tmp_path: Path) -> None:
    rows = good_rows(300)
    write_foreign(path, as_frame(rows))
    assert Recording.open(path).rows().tobytes() == rows.tobytes()
    other = tmp_path / "categories.parquet"
    write_foreign(
        other, as_frame(rows).with_columns(pl.col("pool").cast(pl.Categorical), pl.col("slot").cast(pl.UInt32))
    )
    assert Recording.open(other).rows().tobytes() == rows.tobytes()


@pytest.fixture(scope="module")
def segments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ninety rows in three files."""
    folder = tmp_path_factory.mktemp("segments")
    for number, (start, end) in enumerate([(0, 31), (31, 64), (64, 90)]):
        write_recording(folder / f"{number:03}.parquet", good_rows(90)[start:end], POOLS, "a test")
    return folder


@pytest.mark.parametrize("window", [1, 7, 16, 1_000])
@given(start=st.integers(0, 95), count=st.none() | st.integers(0, 95))
@settings(max_examples=25)
def test_any_range_is_the_same_part_of_the_whole(segments: Path, window: int, start: int, count: int | None) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("connectors.recordings.recording.WINDOW_ROWS", window)
        patch.setattr("connectors.recordings.window.WINDOW_ROWS", window)
        end = None if count is None else start + count
        assert Recording.open(segments).rows(start, count).tobytes() == good_rows(90)[start:end].tobytes()


def test_slices_cover_what_follows(segments: Path) -> None:
    slices = list(Recording.open(segments).slices(13, 5))
    assert {len(rows) for rows in slices[:-1]} == {13}
    assert np.concatenate(slices).tobytes() == good_rows(90)[5:].tobytes()


def test_account_writes_keep_their_row(path: Path) -> None:
    rows = good_rows(10)
    frame = as_frame(rows).with_columns(
        account=pl.Series([None, "a", None, "b", *[None] * 6], dtype=pl.String),
        owner=pl.Series([None, "p", None, "q", *[None] * 6], dtype=pl.String),
        data=pl.Series([None, b"\x00\x01", None, b"", *[None] * 6], dtype=pl.Binary),
    )
    write_recording(path, frame, POOLS, "a test")
    recording = Recording.open(path)
    assert recording.has_accounts
    assert recording.writes() == [AccountWrite(1, "a", "p", b"\x00\x01"), AccountWrite(3, "b", "q", b"")]
    assert recording.writes(2, 5) == [AccountWrite(3, "b", "q", b"")]
    assert recording.rows().tobytes() == rows.tobytes()


def test_account_writes_of_a_block_are_put_beside_their_rows(path: Path) -> None:
    rows = good_rows(6, 100)
    writes = [AccountWrite(100, "a", "p", b"\x01"), AccountWrite(104, "b", "q", b"")]
    write_recording(path, rows, POOLS, "a test", writes=writes)
    recording = Recording.open(path)
    assert recording.rows().tobytes() == rows.tobytes()
    assert recording.writes() == writes
    assert recording.writes(1, 4) == writes[1:]


@pytest.mark.parametrize(
    ("seqs", "reason"),
    [([99], "no row has seq 99"), ([100, 107], "no row has seq 107"), ([3, 3], "seq 3 has more than one")],
)
def test_account_writes_without_a_row_of_their_own_are_not_written(path: Path, seqs: list[int], reason: str) -> None:
    rows = good_rows(104)[[3, *range(100, 104)]]
    with pytest.raises(RecordingError, match=reason):
        write_recording(path, rows, POOLS, "a test", writes=[AccountWrite(seq, "a", "p", b"") for seq in seqs])
    assert not path.exists()


def test_what_kind_a_row_is_of_is_kept_and_costs_no_column_where_all_are_of_the_market(path: Path) -> None:
    rows = good_rows(5)
    write_recording(path, rows, POOLS, "a test")
    assert "kind" not in pl.read_parquet_schema(path)
    rows["kind"] = (MARKET, TICK, STATE, MARKET, TICK)
    for name in ("price", "liquidity", "volume"):
        rows[name][rows["kind"] == TICK] = np.nan
    rows["active_id"][rows["kind"] == TICK] = 0
    write_recording(path, rows, POOLS, "a test")
    assert pl.read_parquet_schema(path)["kind"] == pl.Int8()
    assert pl.read_parquet(path)["price"].null_count() == 2
    read = Recording.open(path).rows()
    assert read.tobytes() == rows.tobytes()
    assert Inspector(POOLS).check(read).all()


def test_a_row_without_a_kind_is_of_the_market(path: Path) -> None:
    write_foreign(path, as_frame(good_rows(3)).with_columns(kind=pl.Series([None, 1, 300])))
    assert Recording.open(path).rows()["kind"].tolist() == [MARKET, TICK, MARKET]


def test_nulls_are_marked_and_never_crash(path: Path) -> None:
    frame = as_frame(good_rows(4)).with_columns(
        slot=pl.Series([1, None, 2, 3]), active_id=pl.Series([None, 1, 1, 1]), price=pl.Series([1.0, 2.0, None, 3.0])
    )
    write_foreign(path, frame)
    rows = Recording.open(path).rows()
    assert rows["slot"].tolist() == [1, MISSING_I64, 2, 3]
    assert rows["active_id"][0] == MISSING_I32
    assert np.isnan(rows["price"]).tolist() == [False, False, True, False]


def test_a_column_of_nulls_only_is_unknown(path: Path) -> None:
    write_foreign(path, as_frame(good_rows(4)).with_columns(pl.lit(None).alias("volume")))
    assert np.isnan(Recording.open(path).rows()["volume"]).all()


@pytest.mark.parametrize("dtype", [pl.String(), pl.Categorical(), pl.Enum(["x", "sol", "y", "jup"])])
def test_rows_of_unknown_pools_are_kept_and_counted_by_name(path: Path, dtype: pl.DataType) -> None:
    frame = as_frame(good_rows(6)).with_columns(pool=pl.Series(["sol", "x", "jup", None, "x", "y"]).cast(dtype))
    write_foreign(path, frame)
    recording = Recording.open(path)
    assert recording.rows()["pool"].tolist() == [0, -1, 1, -1, -1, -1]
    recording.rows()
    assert recording.unknown_pools == {"x": 2, "": 1, "y": 1}


def test_a_folder_counts_pools_over_all_its_files(tmp_path: Path) -> None:
    write_foreign(tmp_path / "b.parquet", as_frame(good_rows(4, 4)).with_columns(pool=pl.lit("jup")), [JUP])
    write_foreign(tmp_path / "a.parquet", as_frame(good_rows(4)), [SOL, JUP])
    recording = Recording.open(tmp_path)
    assert recording.rows()["seq"].tolist() == list(range(8))
    assert recording.rows()["pool"].tolist() == [0, 1, 0, 1, 1, 1, 1, 1]


def test_a_pool_that_only_another_file_lists_is_unknown(tmp_path: Path) -> None:
    write_foreign(tmp_path / "a.parquet", as_frame(good_rows(4)), [SOL])
    write_foreign(tmp_path / "b.parquet", as_frame(good_rows(4, 4)), [JUP])
    assert Recording.open(tmp_path).rows()["pool"].tolist() == [0, -1, 0, -1, -1, 1, -1, 1]


def test_files_that_disagree_about_a_pool_are_refused(tmp_path: Path) -> None:
    write_foreign(tmp_path / "a.parquet", as_frame(good_rows(4)))
    write_foreign(tmp_path / "b.parquet", as_frame(good_rows(4)), [msgspec.structs.replace(SOL, bin_step=5), JUP])
    with pytest.raises(RecordingError, match=r"b\.parquet: describes pool sol differently"):
        Recording.open(tmp_path)


@pytest.mark.parametrize("name", REQUIRED_COLUMNS)
def test_a_missing_column_is_named(path: Path, name: str) -> None:
    write_foreign(path, as_frame(good_rows(4)).drop(name))
    with pytest.raises(RecordingError, match=rf"market\.parquet: has no column '{name}'; its columns are "):
        Recording.open(path)


@pytest.mark.parametrize(
    ("name", "values", "reason"),
    [
        ("slot", ["a", "b"], "column 'slot' is String, which is not an integer"),
        ("price", ["a", "b"], "column 'price' is String, which is not a number"),
        ("pool", [1, 2], "column 'pool' is Int64, which is not text"),
        ("ts_event_ns", [1.5, 2.5], "column 'ts_event_ns' is Float64, which is not an integer"),
        ("feed", ["a", "b"], "column 'feed' is String, which is not an integer"),
        ("data", [b"a", b"b"], "has column 'data' but no column 'account'"),
    ],
)
def test_a_column_of_the_wrong_type_is_named(path: Path, name: str, values: list[object], reason: str) -> None:
    write_foreign(path, as_frame(good_rows(2)).with_columns(pl.Series(name, values)))
    with pytest.raises(RecordingError) as caught:
        Recording.open(path)
    assert reason in str(caught.value)


def test_a_file_cut_short_anywhere_is_refused(path: Path) -> None:
    write_recording(path, good_rows(2_000), POOLS, "a test")
    whole = path.read_bytes()
    for length in (0, 1, 4, 11, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(RecordingError, match=r"market\.parquet: cannot be read as Parquet: "):
            Recording.open(path)


def test_garbage_is_refused(path: Path) -> None:
    path.write_bytes(bytes(range(256)) * 20)
    with pytest.raises(RecordingError, match="cannot be read as Parquet"):
        Recording.open(path)


def test_damage_between_header_and_footer_is_refused_when_read(path: Path) -> None:
    write_recording(path, good_rows(2_000), POOLS, "a test")
    whole = bytearray(path.read_bytes())
    whole[4 : len(whole) // 2] = bytes(len(whole) // 2 - 4)
    path.write_bytes(whole)
    recording = Recording.open(path)
    with pytest.raises(RecordingError, match=r"market\.parquet: is damaged: "):
        recording.rows()


def test_a_file_that_vanishes_is_refused_when_read(path: Path) -> None:
    write_recording(path, good_rows(20), POOLS, "a test")
    recording = Recording.open(path)
    path.unlink()
    with pytest.raises(RecordingError, match="is damaged: "):
        recording.rows()


def test_what_is_not_there_is_refused(tmp_path: Path, path: Path) -> None:
    with pytest.raises(RecordingError, match="does not exist"):
        Recording.open(path)
    with pytest.raises(RecordingError, match=r"is a folder without any \.parquet file"):
        Recording.open(tmp_path)


def test_an_empty_recording_is_refused(path: Path) -> None:
    write_recording(path, good_rows(0), POOLS, "a test")
    with pytest.raises(RecordingError, match="has no rows"):
        Recording.open(path)


def test_an_ordinary_parquet_file_is_refused_with_the_way_out(path: Path) -> None:
    as_frame(good_rows(3)).write_parquet(path)
    with pytest.raises(RecordingError, match="is not a recording: it has no dlmm_hft_recording metadata"):
        Recording.open(path)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "truncated"),
        ('{"version":2,"source":"","pools":[]}', r"version"),
        ('{"version":1,"source":"","pools":[]}', "length >= 1"),
        ('{"version":1,"source":"","pools":[{"pool":"a"}]}', "missing required field `venue`"),
        ('{"version":1,"source":"","pools":[{"pool":"a","venue":"orca"}]}', "orca"),
    ],
)
def test_metadata_that_is_not_ours_is_refused(path: Path, text: str, reason: str) -> None:
    as_frame(good_rows(3)).write_parquet(path, metadata={METADATA_KEY: text})
    with pytest.raises(RecordingError, match=f"metadata is not valid: .*{reason}"):
        Recording.open(path)


def test_a_pool_listed_twice_is_refused(path: Path) -> None:
    write_foreign(path, as_frame(good_rows(3)), [SOL, SOL])
    with pytest.raises(RecordingError, match="names pool sol twice"):
        Recording.open(path)


def test_a_row_of_no_listed_pool_is_not_written(path: Path) -> None:
    rows = good_rows(4)
    with pytest.raises(RecordingError, match="rows point at pool 0 to 1 of a list of 1"):
        write_recording(path, rows, [SOL], "a test")
    with pytest.raises(RecordingError, match="cannot be written"):
        write_recording(path, as_frame(rows), [SOL], "a test")
    assert not path.exists()


def test_a_failed_write_leaves_the_old_file(path: Path) -> None:
    write_recording(path, good_rows(4), POOLS, "a test")
    before = path.read_bytes()
    with pytest.raises(RecordingError):
        write_recording(path, as_frame(good_rows(4)), [PoolInfo("z", SOL.venue, "Z", "USDC", 1, 1)], "a test")
    assert path.read_bytes() == before
    with pytest.raises(RecordingError, match="cannot be written"):
        write_recording(path / "below", good_rows(4), POOLS, "a test")


def test_blocks_belong_to_the_caller(path: Path) -> None:
    write_recording(path, good_rows(10), POOLS, "a test")
    recording = Recording.open(path)
    first = recording.rows(0, 10)
    first["price"] = 0.0
    assert (recording.rows(0, 10)["price"] > 0.0).all()
    assert first.dtype == ROW
