"""The order journal's file takes records whole or not at all."""

import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from connectors.execution.order_journal_disk import OrderFile, begin_file
from connectors.recordings.journal_format import JournalError


@contextmanager
def limited_file_size(length: int) -> Iterator[None]:
    """Let no file grow beyond a length: the nearest thing to a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (length, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "orders.journal"
    begin_file(path, b"head")
    return path


def test_a_file_begins_with_its_head_and_is_its_owners(path: Path) -> None:
    assert path.read_bytes() == b"head"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("sync", [False, True])
def test_records_follow_each_other(path: Path, sync: bool) -> None:
    file = OrderFile(path, 4)
    file.append(b" one", sync=sync)
    assert path.read_bytes() == b"head one"
    file.append(b" two", sync=sync)
    file.close()
    assert path.read_bytes() == b"head one two"


def test_what_stands_behind_the_last_whole_record_is_cut_off(path: Path) -> None:
    path.write_bytes(b"head torn")
    file = OrderFile(path, 4)
    assert path.read_bytes() == b"head"
    file.append(b" one", sync=False)
    file.close()
    assert path.read_bytes() == b"head one"


def test_a_record_that_finds_no_room_leaves_nothing(path: Path) -> None:
    file = OrderFile(path, 4)
    with limited_file_size(10):
        with pytest.raises(JournalError, match="6 of 8 bytes found room"):
            file.append(b"too long", sync=False)
        assert path.read_bytes() == b"head"
        file.append(b" short", sync=False)
        with pytest.raises(JournalError, match="File too large"):
            file.append(b"more", sync=False)
    file.append(b" more", sync=False)
    file.close()
    assert path.read_bytes() == b"head short more"


def test_what_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="cannot be written: No such file"):
        OrderFile(tmp_path / "none", 0)
    with pytest.raises(JournalError, match="cannot be written: No such file"):
        begin_file(tmp_path / "no" / "folder", b"head")
