"""Sealed segments are ordinary recording files; what does not fit into one is left out by name."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from connectors.recordings.journal_format import JournalError, encode_head, encode_slice
from connectors.recordings.recording import Recording, write_recording
from connectors.recordings.schema import RecordingError
from connectors.recordings.sealing import (
    INCOMPLETE,
    LOCK,
    WriterAlive,
    WriterLock,
    read_cuts,
    seal_leftovers,
    seal_segment,
    segment_path,
)
from operators.blocks import AccountWrite, Rows
from tests.connectors.good_recordings import POOLS, good_rows
from tests.connectors.recordings.test_journal import journaled
from tests.shared import ROOT

HEAD = encode_head(POOLS, "a test")


def leave(folder: Path, number: int, rows: Rows, writes: list[AccountWrite], tail: bytes = b"") -> Path:
    """Leave a segment as a writer that died does."""
    path = segment_path(folder, number)
    path.write_bytes(HEAD + encode_slice(rows, writes) + tail)
    return path


def test_a_sealed_segment_equals_a_written_recording(tmp_path: Path) -> None:
    rows, writes = journaled(400)
    seal_segment(leave(tmp_path, 0, rows, writes))
    write_recording(tmp_path / "twin", rows, POOLS, "a test", writes=writes)
    assert (tmp_path / "00000000.parquet").read_bytes() == (tmp_path / "twin").read_bytes()
    assert not segment_path(tmp_path, 0).exists()


def test_opening_a_folder_seals_what_a_dead_writer_left_and_names_the_torn_tail(tmp_path: Path) -> None:
    rows, writes = journaled(60)
    leave(tmp_path, 0, rows[:20], writes[:7])
    leave(tmp_path, 1, rows[20:50], [write for write in writes if 20 <= write.seq < 50])
    torn = encode_slice(rows[50:], ())[:-1]
    leave(tmp_path, 2, rows[50:55], [write for write in writes if 50 <= write.seq < 55], torn)
    note = f"00000002.journal: the last {len(torn)} bytes were cut off: {len(torn) - 16} bytes of a record's 880"
    for _ in range(2):  # it stays known
        recording = Recording.open(tmp_path)
        assert recording.rows().tobytes() == rows[:55].tobytes()
        assert recording.writes() == [write for write in writes if write.seq < 55]
        assert recording.notes == (note,)
    (cut,) = json.loads((tmp_path / INCOMPLETE).read_text())
    assert (cut["file"], cut["bytes"]) == ("00000002.journal", len(torn))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "00000000.parquet",
        "00000001.parquet",
        "00000002.parquet",
        INCOMPLETE,
        LOCK,
    ]


def test_a_tail_torn_at_any_byte_leaves_all_slices_before(tmp_path: Path) -> None:
    rows, writes = journaled(6)
    last = encode_slice(rows[5:], [AccountWrite(5, "a", "o", b"data")])
    for number, length in enumerate(range(1, len(last))):
        leave(tmp_path, number, rows[:5], writes[:2], last[:length])
    cuts = seal_leftovers(tmp_path)
    assert [cut.bytes for cut in cuts] == list(range(1, len(last)))
    for number in range(len(cuts)):
        recording = Recording.open(tmp_path / f"{number:08}.parquet")
        assert (recording.rows().tobytes(), recording.writes()) == (rows[:5].tobytes(), writes[:2])


def test_a_damaged_segment_is_sealed_without_the_damage_and_kept(tmp_path: Path) -> None:
    rows = good_rows(9)
    damaged = bytearray(encode_slice(rows[3:6], ()))
    damaged[40] ^= 4
    path = leave(tmp_path, 0, rows[:3], [], bytes(damaged) + encode_slice(rows[6:], ()))
    content = path.read_bytes()
    (cut,) = seal_leftovers(tmp_path)
    assert str(
        cut
    ) == f"00000000.journal: {len(damaged)} bytes at {len(content) - 2 * len(damaged)} were left out: " + (
        "a record's checksum is wrong"
    )
    assert Recording.open(tmp_path).rows()["seq"].tolist() == [0, 1, 2, 6, 7, 8]
    assert (tmp_path / "00000000.journal.damaged").read_bytes() == content


def test_a_segment_that_is_none_is_kept(tmp_path: Path) -> None:
    leave(tmp_path, 0, good_rows(2), [])
    segment_path(tmp_path, 1).write_bytes(b"some other program's journal")
    (tmp_path / "notes.journal").write_bytes(b"a person's journal")
    (cut,) = seal_leftovers(tmp_path)
    assert str(cut) == "00000001.journal: all 28 bytes were left out: it has no whole head"
    assert (tmp_path / "00000001.journal.damaged").read_bytes() == b"some other program's journal"
    assert (tmp_path / "notes.journal").exists()
    assert len(Recording.open(tmp_path)) == 2


def test_a_segment_without_rows_leaves_no_file(tmp_path: Path) -> None:
    segment_path(tmp_path, 0).write_bytes(HEAD)
    segment_path(tmp_path, 1).write_bytes(b"")
    assert seal_leftovers(tmp_path) == []
    assert [path.name for path in tmp_path.iterdir()] == [LOCK]


def test_rows_of_no_listed_pool_are_left_out_by_name(tmp_path: Path) -> None:
    rows = good_rows(6)
    rows["pool"][2] = 2
    rows["pool"][4] = -1
    leave(tmp_path, 0, rows, [])
    (cut,) = seal_leftovers(tmp_path)
    assert cut.named == "2 rows were left out: pool 2 of a list of 2"
    assert Recording.open(tmp_path).rows()["seq"].tolist() == [0, 1, 3, 5]


def test_writes_without_a_row_of_their_own_are_left_out_by_name(tmp_path: Path) -> None:
    write = AccountWrite(1, "a", "o", b"first")
    leave(
        tmp_path, 0, good_rows(3), [write, AccountWrite(1, "b", "o", b"again"), AccountWrite(9, "c", "o", b"nowhere")]
    )
    (cut,) = seal_leftovers(tmp_path)
    assert cut.named == "2 account writes were left out: they have no row of their own"
    assert Recording.open(tmp_path).writes() == [write]


def test_a_writer_that_died_while_sealing_is_made_good(tmp_path: Path) -> None:
    rows, writes = journaled(40)
    leave(tmp_path, 0, rows, writes)
    (tmp_path / "00000000.parquet").write_bytes(b"left by a process that is gone")
    (tmp_path / ".00000000.parquet.77.part").write_bytes(b"half of it")
    recording = Recording.open(tmp_path)
    assert recording.rows().tobytes() == rows.tobytes()
    assert not list(tmp_path.glob(".*"))


def test_a_segment_that_somebody_else_sealed_is_no_matter(tmp_path: Path) -> None:
    seal_segment(segment_path(tmp_path, 0))
    assert list(tmp_path.iterdir()) == []


def test_a_living_writers_folder_is_not_sealed(tmp_path: Path) -> None:
    path = leave(tmp_path, 0, good_rows(3), [])
    lock = WriterLock(tmp_path)
    with pytest.raises(WriterAlive, match=f"is being written by process {os.getpid()}"):
        seal_leftovers(tmp_path)
    assert path.exists()
    lock.close()
    assert seal_leftovers(tmp_path) == []
    assert not path.exists()


def test_a_segment_that_cannot_be_written_stays(tmp_path: Path) -> None:
    path = leave(tmp_path, 0, good_rows(3), [])
    (tmp_path / "00000000.parquet").mkdir()
    with pytest.raises(RecordingError, match=r"00000000\.parquet: cannot be written: "):
        seal_leftovers(tmp_path)
    assert path.exists()


def test_a_list_of_cuts_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / INCOMPLETE).write_text("{}")
    with pytest.raises(JournalError, match=r"incomplete\.json: is no list of what was cut: "):
        read_cuts(tmp_path)


def test_the_process_seals_up_to_the_number_it_is_told_and_tries_again_what_failed(tmp_path: Path) -> None:
    rows = good_rows(9)
    for number in range(3):
        leave(tmp_path, number, rows[3 * number : 3 * number + 3], [])
    in_the_way = tmp_path / "00000000.parquet"
    in_the_way.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "connectors.recordings.sealing", str(tmp_path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stderr is not None
    process.stdin.write("0\n")
    process.stdin.flush()
    assert process.stderr.readline().startswith(f"error: {in_the_way}: cannot be written: ")
    in_the_way.rmdir()
    process.communicate("1\n", timeout=60)
    assert process.returncode == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "00000000.parquet",
        "00000001.parquet",
        "00000002.journal",
    ]
