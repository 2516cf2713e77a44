"""What a journal was given is what its recording gives back, however its writer ended."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest

from connectors.recordings.journal import Journal
from connectors.recordings.journal_format import JournalError
from connectors.recordings.recording import Recording
from connectors.recordings.schema import RecordingError
from connectors.recordings.sealing import LOCK, WriterAlive
from operators.blocks import ROW, STATE, TICK, AccountWrite, Rows
from tests.connectors.good_recordings import JUP, POOLS, SOL, START_NS, good_rows
from tests.shared import ROOT


def journaled(count: int, first_seq: int = 0) -> tuple[Rows, list[AccountWrite]]:
    """Rows of all kinds, and account bytes of every third."""
    rows = good_rows(count, first_seq)
    number = np.arange(first_seq, first_seq + count)
    rows["feed"] = number % 4
    rows["account"] = number % 7
    rows["kind"] = np.where(number % 5 == 1, STATE, 0)
    is_tick = number % 11 == 3
    rows["kind"][is_tick] = TICK
    for name in ("price", "liquidity", "volume"):
        rows[name][is_tick] = np.nan
    rows["active_id"][is_tick] = 0
    generator = np.random.default_rng(first_seq)
    writes = [
        AccountWrite(seq, f"{seq % 7:044}", f"{seq % 2:044}", generator.bytes(seq * 37 % 3_000))
        for seq in number[::3].tolist()
    ]
    return rows, writes


def feed(journal: Journal, rows: Rows, writes: list[AccountWrite]) -> None:
    """Append in slices of 1, 2, 3, 1, 2, ... rows."""
    by_seq = {write.seq: write for write in writes}
    start = 0
    while start < len(rows):
        part = rows[start : start + 1 + start % 3]
        journal.append(part, [by_seq[seq] for seq in part["seq"].tolist() if seq in by_seq])
        start += len(part)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "recording"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != LOCK)


def test_a_closed_journal_is_a_recording_of_all_it_was_given(folder: Path) -> None:
    rows, writes = journaled(500)
    journal = Journal.create(folder, POOLS, "a test")
    assert (journal.count, journal.last_seq) == (0, -1)
    feed(journal, rows, writes)
    assert (journal.count, journal.last_seq) == (500, 499)
    journal.close()
    assert names(folder) == ["00000000.parquet"]
    recording = Recording.open(folder)
    assert (recording.pools, recording.source, recording.notes) == (POOLS, "a test", ())
    assert recording.rows().tobytes() == rows.tobytes()
    assert recording.writes() == writes
    for start, count in ((0, 1), (100, 57), (499, 9)):
        assert recording.rows(start, count).tobytes() == rows[start : start + count].tobytes()
        expected = [write for write in writes if start <= write.seq < start + count]
        assert recording.writes(start, count) == expected


@pytest.mark.parametrize("name", [name for name in ROW.names or () if name not in {"volatility", "_reserved"}])
def test_a_field_survives_in_every_row(folder: Path, name: str) -> None:
    rows = good_rows(40)
    rows[name] = np.arange(40) % (2 if name == "pool" else 100) if name != "seq" else np.arange(40) * 1_000
    journal = Journal.create(folder, POOLS, "a test")
    feed(journal, rows, [])
    journal.close()
    assert Recording.open(folder).rows()[name].tolist() == rows[name].tolist()


def test_what_the_flow_works_out_is_not_recorded(folder: Path) -> None:
    rows = good_rows(2)
    rows["volatility"] = 0.5
    journal = Journal.create(folder, POOLS, "a test")
    journal.append(rows)
    journal.close()
    assert np.isnan(Recording.open(folder).rows()["volatility"]).all()


def test_segments_end_by_length_and_all_of_them_are_sealed(folder: Path) -> None:
    rows, writes = journaled(300)
    journal = Journal.create(folder, POOLS, "a test", rotate_bytes=60_000)
    feed(journal, rows, writes)
    journal.close()
    assert names(folder) == [f"{number:08}.parquet" for number in range(len(names(folder)))]
    assert len(names(folder)) > 3
    recording = Recording.open(folder)
    assert recording.rows().tobytes() == rows.tobytes()
    assert recording.writes() == writes


def test_segments_end_by_the_time_of_arrival(folder: Path) -> None:
    rows = good_rows(12)
    rows["ts_recv_ns"] = START_NS + np.array([0, 1, 9, 10, 11, 5, 19, 20, 21, 100, 101, 102]) * 1_000_000_000
    journal = Journal.create(folder, POOLS, "a test", rotate_s=10.0)
    for row in range(12):
        journal.append(rows[row : row + 1])
    journal.close()
    assert [len(Recording.open(folder / name)) for name in names(folder)] == [3, 4, 2, 3]


def test_a_journal_of_nothing_leaves_nothing(folder: Path) -> None:
    Journal.create(folder, POOLS, "a test").close()
    assert names(folder) == []


def test_a_resumed_journal_goes_on_behind_the_last_row(folder: Path) -> None:
    rows, writes = journaled(200)
    done = 0
    for end in (60, 61, 200):
        journal = Journal.resume(folder, POOLS, "a test")
        assert (journal.count, journal.last_seq) == (done, done - 1)
        if done:
            recording = Recording.open(folder)  # the writer's own process may read what is sealed
            assert recording.notes == ()
            assert recording.rows(done - 7).tobytes() == rows[done - 7 : done].tobytes()
        feed(journal, rows[done:end], [write for write in writes if done <= write.seq < end])
        journal.close()
        done = end
    recording = Recording.open(folder)
    assert recording.rows().tobytes() == rows.tobytes()
    assert recording.writes() == writes
    assert names(folder) == ["00000000.parquet", "00000001.parquet", "00000002.parquet"]


@pytest.mark.parametrize(
    ("pools", "reason"),
    [
        ((SOL,), "has the pools sol, jup, which are not sol"),
        ((JUP, SOL), "has the pools sol, jup, which are not jup, sol"),
        ((SOL, msgspec.structs.replace(JUP, bin_step=11)), "describes pool jup otherwise than it is now"),
    ],
)
def test_a_journal_of_other_pools_is_not_resumed(folder: Path, pools: tuple[object, ...], reason: str) -> None:
    journal = Journal.create(folder, POOLS, "a test")
    journal.append(good_rows(2))
    journal.close()
    with pytest.raises(JournalError, match=reason):
        Journal.resume(folder, pools, "a test")  # type: ignore[arg-type]  # parametrize widens it
    Journal.resume(folder, POOLS, "a test").close()


def test_a_folder_with_a_recording_is_not_begun_anew(folder: Path) -> None:
    journal = Journal.create(folder, POOLS, "a test")
    journal.append(good_rows(2))
    journal.close()
    with pytest.raises(JournalError, match="holds a recording already"):
        Journal.create(folder, POOLS, "a test")


def test_a_folder_with_another_recording_is_not_touched(folder: Path) -> None:
    folder.mkdir()
    (folder / "market.parquet").write_bytes(b"x")
    for begin in (Journal.create, Journal.resume):
        with pytest.raises(JournalError, match=r"market\.parquet: is no segment of a journal"):
            begin(folder, POOLS, "a test")
    assert names(folder) == ["market.parquet"]


def test_two_writers_are_refused_and_the_first_goes_on(folder: Path) -> None:
    journal = Journal.create(folder, POOLS, "a test")
    for begin in (Journal.create, Journal.resume):
        with pytest.raises(WriterAlive, match=f"is being written by process {os.getpid()}"):
            begin(folder, POOLS, "a test")
    journal.append(good_rows(2))
    journal.close()
    assert len(Recording.open(folder)) == 2


def test_a_living_writers_open_segment_is_left_alone_and_said_so(folder: Path) -> None:
    rows = good_rows(30)
    journal = Journal.create(folder, POOLS, "a test")
    journal.append(rows[:10])
    with pytest.raises(
        RecordingError, match=r"without any \.parquet file; 00000000\.journal not read: .*being written"
    ):
        Recording.open(folder)
    journal.close()
    journal = Journal.resume(folder, POOLS, "a test")
    journal.append(rows[10:])
    recording = Recording.open(folder)
    assert recording.rows().tobytes() == rows[:10].tobytes()
    (note,) = recording.notes
    assert note.startswith("00000001.journal not read: ")
    assert note.endswith(f"is being written by process {os.getpid()}")
    journal.close()
    assert Recording.open(folder).rows().tobytes() == rows.tobytes()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(JournalError, match="file/below: cannot be made: "):
        Journal.create(tmp_path / "file" / "below", POOLS, "a test")
    with pytest.raises(JournalError, match="/proc/self/fd: cannot be written: "):
        Journal.create("/proc/self/fd", POOLS, "a test")


@pytest.fixture
def room_in_files() -> Iterator[None]:
    """Undo the limit that a test sets: the nearest thing to a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_refuses_the_slice_by_name_and_keeps_those_before(folder: Path, room_in_files: None) -> None:
    rows = good_rows(200)
    journal = Journal.create(folder, POOLS, "a test")
    journal.append(rows[:50])
    size = (folder / "00000000.journal").stat().st_size
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 1_000, hard))
    for _ in range(2):
        with pytest.raises(JournalError, match=r"its journal cannot be written: 1000 of [0-9]+ bytes found room"):
            journal.append(rows[50:])
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    with pytest.raises(JournalError, match="its journal cannot be written: File too large"):
        journal.append(rows[50:])
    assert (journal.count, journal.last_seq) == (50, 49)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    journal.append(rows[50:])
    journal.close()
    recording = Recording.open(folder)
    assert (recording.notes, recording.rows().tobytes()) == ((), rows.tobytes())


def test_a_disk_too_full_for_a_new_segment_refuses_it_by_name(folder: Path, room_in_files: None) -> None:
    rows = good_rows(4)
    journal = Journal.create(folder, POOLS, "a test")
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    with pytest.raises(JournalError, match=r"100 of [0-9]+ bytes found room"):
        journal.append(rows)
    assert names(folder) == []
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    journal.append(rows)
    journal.close()
    assert Recording.open(folder).rows().tobytes() == rows.tobytes()


WRITER = """
import sys
from pathlib import Path
from connectors.recordings.journal import Journal
from tests.connectors.good_recordings import POOLS
from tests.connectors.recordings.test_journal import journaled
folder, start = Path(sys.argv[1]), int(sys.argv[2])
journal = Journal.resume(folder, POOLS, "a test", rotate_bytes=300_000)
assert journal.count == start, (journal.count, start)
rows, writes = journaled(20_000)
by_seq = {write.seq: write for write in writes}
while True:
    part = rows[start : start + 1 + start % 3]
    journal.append(part, [by_seq[seq] for seq in part["seq"].tolist() if seq in by_seq])
    start += len(part)
    print(start, flush=True)
"""


def killed_writer(folder: Path, start: int, enough: int) -> int:
    """Let another process write from a row on, kill its group, and return how many rows it said it had written."""
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder), str(start)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert writer.stdout is not None
    with writer.stdout as said:
        for line in said:
            if int(line) >= enough:
                break
        os.killpg(writer.pid, signal.SIGKILL)
        writer.wait(30)
        rest = [line for line in said if line.endswith("\n")]
    return int(rest[-1]) if rest else enough


def test_a_killed_writer_loses_nothing_that_it_had_written(folder: Path) -> None:
    rows, writes = journaled(20_000)
    done = 0
    for enough in (400, 1_500, 2_600):
        said = killed_writer(folder, done, enough)
        recording = Recording.open(folder)
        done = len(recording)
        assert said <= done <= said + 3  # the last slice may be written and not yet said
        assert recording.rows().tobytes() == rows[:done].tobytes()
        assert recording.writes() == [write for write in writes if write.seq < done]
        assert not list(folder.glob("*.journal"))
    journal = Journal.resume(folder, POOLS, "a test")
    assert (journal.count, journal.last_seq) == (done, done - 1)
    journal.close()
