"""The replay inbox: slices, refusals that are counted, and input that ends in a word instead of an exception."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from connectors.inboxes.replay import ReplaySource
from connectors.inboxes.slice_reader import InboxState
from connectors.recordings.recording import Recording, write_recording
from operators.blocks import Block
from tests.shared import ROOT
from tests.tapes import tape

SAMPLE = ROOT / "replay_data" / "sandbox.parquet"


def drain(
    source: ReplaySource, state: InboxState | None = None, stop_after: int | None = None
) -> tuple[Any, list[Any]]:
    """Read a source to its end, or for so many batches."""
    part = source.build_part("inbox", "tape", state)
    blocks: list[tuple[str, Block]] = []
    batches = 0
    while stop_after is None or batches < stop_after:
        try:
            blocks += part.next_batch()
        except StopIteration:
            break
        batches += 1
    return part, blocks


def source_of(path: Path, block_rows: int = 64) -> ReplaySource:
    recording = Recording.open(path)
    return ReplaySource(recording, block_rows, frozenset(range(len(recording.pools))))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tape.parquet"


def test_every_row_arrives_once_in_order_and_in_its_pools_block(path: Path) -> None:
    rows, pools = tape(1_000)
    write_recording(path, rows, pools, "test")
    _, blocks = drain(source_of(path))
    assert sorted(int(seq) for _, block in blocks for seq in block.rows["seq"]) == rows["seq"].tolist()
    for key, block in blocks:
        assert key == str(block.pool)
        assert (block.rows["pool"] == block.pool).all()
        assert (np.diff(block.rows["seq"]) > 0).all()


def test_each_slice_says_how_many_blocks_it_has_and_only_the_last_is_last(path: Path) -> None:
    rows, pools = tape(1_000)
    write_recording(path, rows, pools, "test")
    _, blocks = drain(source_of(path))
    slices = [block.slice_no for _, block in blocks]
    for number in set(slices):
        assert {block.slice_blocks for _, block in blocks if block.slice_no == number} == {slices.count(number)}
        assert {block.is_last for _, block in blocks if block.slice_no == number} == {number == max(slices)}


def test_a_restart_goes_on_with_the_slices_of_an_unbroken_run(path: Path) -> None:
    rows, pools = tape(1_000)
    rows["price"][100:200] = np.nan
    write_recording(path, rows, pools, "test")
    _, whole = drain(source_of(path))
    part, first = drain(source_of(path), stop_after=5)
    _, rest = drain(source_of(path), part.snapshot())
    assert [(k, b.slice_no, b.rows.tobytes(), b.findings) for k, b in first + rest] == [
        (k, b.slice_no, b.rows.tobytes(), b.findings) for k, b in whole
    ]


def test_bad_rows_are_refused_and_counted_by_name(path: Path) -> None:
    rows, pools = tape(500)
    rows["price"][10], rows["price"][20], rows["price"][30] = np.nan, 0.0, -1.0
    write_recording(path, rows, pools, "test")
    _, blocks = drain(source_of(path))
    assert sum(len(block.rows) for _, block in blocks) == 497
    assert ("price_not_positive", True, 3) in blocks[-1][1].findings


def test_rows_of_pools_that_were_not_chosen_are_left_out_and_counted(path: Path) -> None:
    rows, pools = tape(500)
    write_recording(path, rows, pools, "test")
    _, blocks = drain(ReplaySource(Recording.open(path), 64, frozenset({1})))
    assert {key for key, _ in blocks} == {"1"}
    assert ("pool_not_chosen", True, int((rows["pool"] != 1).sum())) in blocks[-1][1].findings


def test_a_tape_without_one_good_row_ends_with_the_reason(path: Path) -> None:
    rows, pools = tape(300)
    rows["price"] = np.nan
    write_recording(path, rows, pools, "test")
    _, blocks = drain(source_of(path))
    ((_, block),) = blocks
    assert block.is_last
    assert len(block.rows) == 0
    assert "no row may be traded on: price_not_positive in 300" in block.failure


def test_a_file_damaged_in_the_middle_ends_with_the_reason(path: Path) -> None:
    rows, pools = tape(3_000)
    write_recording(path, rows, pools, "test")
    data = bytearray(path.read_bytes())
    data[2_000:6_000] = bytes(4_000)
    path.write_bytes(data)
    _, blocks = drain(source_of(path))
    assert blocks[-1][1].is_last
    assert "is damaged" in blocks[-1][1].failure


def test_account_bytes_travel_with_their_pool(path: Path) -> None:
    _, blocks = drain(source_of(SAMPLE, 500))
    frame = pl.read_parquet(SAMPLE)
    assert sum(len(block.writes) for _, block in blocks) == frame["account"].count()
    for _, block in blocks:
        assert {write.seq for write in block.writes} <= set(block.rows["seq"].tolist())


def test_garbled_account_bytes_are_refused_and_counted(path: Path) -> None:
    frame = pl.read_parquet(SAMPLE)
    pair = pl.col("account") == pl.col("pool")
    garbled = frame.with_columns(data=pl.when(pair & (pl.col("seq") > 5_000)).then(pl.lit(b"?")).otherwise("data"))
    write_recording(path, garbled, Recording.open(SAMPLE).pools, "test")
    _, blocks = drain(source_of(path, 500))
    count = len(frame.filter(pair & (pl.col("seq") > 5_000)))
    assert ("account_undecodable", True, count) in blocks[-1][1].findings
