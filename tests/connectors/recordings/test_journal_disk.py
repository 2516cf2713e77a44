"""The journal's thread: a disk that does not keep what it is given is noticed, and a dead helper is replaced."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from connectors.recordings.journal import Journal
from connectors.recordings.journal_disk import Disk
from connectors.recordings.journal_format import encode_head, encode_slice
from connectors.recordings.recording import Recording
from connectors.recordings.sealing import segment_path
from tests.connectors.good_recordings import POOLS, good_rows


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def closed_segment(folder: Path, number: int) -> int:
    path = segment_path(folder, number)
    path.write_bytes(encode_head(POOLS, "a test") + encode_slice(good_rows(5, 5 * number), ()))
    return os.open(path, os.O_WRONLY)


def test_what_the_disk_does_not_keep_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.recordings.journal_disk.SYNC_S", 0.01)
    disk = Disk(tmp_path)
    reading, writing = os.pipe()  # which no disk keeps
    disk.follow(writing)
    wait_for(lambda: disk.failure)
    assert disk.failure == "cannot be kept: Invalid argument"
    disk.close(0, writing)
    os.close(reading)


def test_a_retired_segment_is_sealed_while_the_journal_goes_on(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    for number in range(3):
        disk.retire(number, closed_segment(tmp_path, number))
        wait_for(lambda number=number: not segment_path(tmp_path, number).exists())  # type: ignore[misc]
    disk.close(3, closed_segment(tmp_path, 3))
    assert Recording.open(tmp_path).rows().tobytes() == good_rows(20).tobytes()


def test_a_sealing_process_that_died_is_replaced(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    disk.retire(0, closed_segment(tmp_path, 0))
    wait_for(lambda: not segment_path(tmp_path, 0).exists())
    sealing = disk._sealing
    assert sealing is not None
    sealing.kill()
    sealing.wait(30)
    disk.retire(1, closed_segment(tmp_path, 1))
    wait_for(lambda: not segment_path(tmp_path, 1).exists())
    disk.close(-1, -1)


def test_without_a_sealing_process_closing_seals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.recordings.journal_disk.sys.executable", "/bin/true")
    rows = good_rows(50)
    journal = Journal.create(tmp_path / "recording", POOLS, "a test", rotate_bytes=1_500)
    for row in range(50):
        journal.append(rows[row : row + 1])
    journal.close()
    assert Recording.open(tmp_path / "recording").rows().tobytes() == rows.tobytes()
