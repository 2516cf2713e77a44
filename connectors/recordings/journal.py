"""The live inbox's journal, which is the recording: every slice is on its way to the disk before it is emitted.

A slice is one record, written with one system call, so the death of this process loses nothing that `append` returned
from. Once a second a thread asks the disk for what the system holds in memory: the death of the machine loses at most
the last second. Closed segments become Parquet in another process (`connectors.recordings.sealing`).

    journal = Journal.create(folder, pools, "where the rows come from")
    journal.append(rows, writes)     # then emit them
    journal.close()                  # `Recording.open(folder)` has all of it
"""

import os
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from struct import Struct

from connectors.recordings.journal_disk import Disk
from connectors.recordings.journal_format import RECORD_HEADER, JournalError, encode_head, encode_slice
from connectors.recordings.recording import Recording
from connectors.recordings.sealing import WriterLock, seal_all, segment_path, segments_of
from operators.blocks import ROW, AccountWrite, Rows
from operators.pools import PoolInfo

ROTATE_BYTES = 64 << 20
"""Length at which a segment ends: sealing one takes a second and 200 MB."""

ROTATE_S = 600.0
"""Age at which it does."""

_SEQ_AND_TIME = Struct("<q16xq")  # with which a row begins
assert (ROW.names or ())[:4] == ("seq", "slot", "ts_event_ns", "ts_recv_ns")


class Journal:
    """Append slices to a folder. Made by `create` or `resume`; for one thread.

    :ivar count: Rows in the folder.

    :ivar last_seq: Sequence number of the last of them, -1 where there is none.

    """

    def __init__(
        self,
        folder: Path,
        lock: WriterLock,
        head: bytes,
        *,
        count: int,
        last_seq: int,
        rotate_bytes: int,
        rotate_s: float,
    ) -> None:
        self.folder = folder
        self.count = count
        self.last_seq = last_seq
        self._lock = lock
        self._head = head
        self._rotate_bytes = rotate_bytes
        self._rotate_ns = int(rotate_s * 1e9)
        self._number = max((int(path.stem) for path in _sealed(folder)), default=-1)
        self._fd = -1
        self._length = 0
        self._end_ns = 0
        self._disk = Disk(folder)

    @classmethod
    def create(
        cls,
        folder: Path | str,
        pools: Sequence[PoolInfo],
        source: str,
        *,
        rotate_bytes: int = ROTATE_BYTES,
        rotate_s: float = ROTATE_S,
    ) -> "Journal":
        """Begin a recording.

        :arg folder: Made where it is not there; holds no recording yet.

        :arg pools: What a row's `pool` counts in.

        :arg source: Where the rows come from, for people.

        :arg rotate_bytes: Length at which a segment ends.

        :arg rotate_s: Time of arrival between its first row and its last at which it does.

        :raises DlmmError: The folder cannot be written, is being written by another process or holds a recording
            already; or a pool is in the list twice.

        """
        folder = Path(folder)
        head = encode_head(pools, source)
        with ExitStack() as undo:
            lock = _lock(folder)
            undo.callback(lock.close)
            if _sealed(folder) or segments_of(folder):
                raise JournalError(folder, "holds a recording already; name another folder, or resume it")
            journal = cls(folder, lock, head, count=0, last_seq=-1, rotate_bytes=rotate_bytes, rotate_s=rotate_s)
            undo.pop_all()
        return journal

    @classmethod
    def resume(
        cls,
        folder: Path | str,
        pools: Sequence[PoolInfo],
        source: str,
        *,
        rotate_bytes: int = ROTATE_BYTES,
        rotate_s: float = ROTATE_S,
    ) -> "Journal":
        """Go on with a recording, or begin it where its writer had not written any row.

        What the writer left unsealed is sealed: `Recording.open(folder)` then has all `count` rows.

        :raises DlmmError: As `create`, or the recording's pools are others, or a file of it is damaged.

        """
        folder = Path(folder)
        head = encode_head(pools, source)
        with ExitStack() as undo:
            lock = _lock(folder)
            undo.callback(lock.close)
            seal_all(folder)
            count, last_seq = 0, -1
            if _sealed(folder):
                recording = Recording.open(folder)
                _refuse_other_pools(folder, recording.pools, tuple(pools))
                count = len(recording)
                last_seq = int(recording.rows(count - 1)["seq"][0])
            journal = cls(
                folder, lock, head, count=count, last_seq=last_seq, rotate_bytes=rotate_bytes, rotate_s=rotate_s
            )
            undo.pop_all()
        return journal

    def append(self, rows: Rows, writes: Sequence[AccountWrite] = ()) -> None:
        """Write a slice. When this returns, the death of the process no longer loses it.

        :arg rows: `ROW` array in order of `seq`, not empty.

        :arg writes: Account bytes that came with them: at most one of a row, with its `seq`.

        :raises JournalError: It cannot be written: the disk is full or gone. Nothing of the slice stays in the journal.

        """
        assert rows.dtype == ROW
        assert len(rows) >= max(len(writes), 1)
        if self._disk.failure:
            raise JournalError(self.folder, self._disk.failure)
        record = encode_slice(rows, writes)
        last_seq, now_ns = _SEQ_AND_TIME.unpack_from(record, RECORD_HEADER + (len(rows) - 1) * ROW.itemsize)
        if self._fd < 0 or self._length >= self._rotate_bytes or now_ns >= self._end_ns:
            self._begin_segment(now_ns)
        _write(self.folder, self._fd, record, self._length)
        self._length += len(record)
        self.count += len(rows)
        self.last_seq = last_seq

    def close(self) -> None:
        """End the journal and seal all of it.

        :raises DlmmError: A segment cannot be sealed. It stays: `Recording.open` tries again.

        """
        try:
            self._disk.close(self._number, self._fd)
            self._fd = -1
            seal_all(self.folder)
        finally:
            self._lock.close()

    def _begin_segment(self, now_ns: int) -> None:
        if self._fd >= 0:
            self._disk.retire(self._number, self._fd)
            self._fd = -1
        path = segment_path(self.folder, self._number + 1)
        try:
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise JournalError(path, f"cannot be written: {error.strerror}") from None
        try:
            _write(self.folder, fd, self._head, 0)
        except JournalError:
            os.close(fd)
            path.unlink()
            raise
        self._fd, self._number, self._length = fd, self._number + 1, len(self._head)
        self._end_ns = now_ns + self._rotate_ns
        self._disk.follow(fd)


def _write(folder: Path, fd: int, record: bytes, length: int) -> None:
    """Append a record to a file of some length, or leave it as it was."""
    try:
        written = os.write(fd, record)
        if written == len(record):
            return
        reason = f"{written} of {len(record)} bytes found room"
    except OSError as error:
        reason = str(error.strerror)
    with suppress(OSError):
        os.ftruncate(fd, length)
    raise JournalError(folder, f"its journal cannot be written: {reason}")


def _sealed(folder: Path) -> list[Path]:
    """Return a folder's recording files.

    :raises JournalError: One of them is no segment's, so that nobody could say where the next one belongs.

    """
    files = sorted(folder.glob("*.parquet"))
    for path in files:
        if not path.stem.isdecimal():
            raise JournalError(path, "is no segment of a journal, whose names are numbers: the folder cannot be used")
    return files


def _lock(folder: Path) -> WriterLock:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise JournalError(folder, f"cannot be made: {error.strerror}") from None
    return WriterLock(folder)


def _refuse_other_pools(folder: Path, there: tuple[PoolInfo, ...], wanted: tuple[PoolInfo, ...]) -> None:
    if there == wanted:
        return
    names, wishes = [pool.pool for pool in there], [pool.pool for pool in wanted]
    if names != wishes:
        raise JournalError(folder, f"has the pools {', '.join(names)}, which are not {', '.join(wishes)}")
    other = next(pool.pool for pool, wish in zip(there, wanted, strict=True) if pool != wish)
    raise JournalError(folder, f"describes pool {other} otherwise than it is now")
