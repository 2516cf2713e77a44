"""Turn closed segments of a journal into Parquet: `python -m connectors.recordings.sealing FOLDER`, beside its writer.

The process reads the numbers of closed segments from its standard input and ends with it. Every segment becomes a
recording file of its own number, whole on the disk before the segment goes. What a dead writer left is sealed by
whoever opens the folder next, with a torn tail cut off and named in `incomplete.json`.
"""

import fcntl
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec
import numpy as np

from connectors.recordings.journal_format import SUFFIX, Cut, JournalError, SegmentContents, read_segment
from connectors.recordings.schema import RecordingError
from connectors.recordings.writing import write_recording

INCOMPLETE = "incomplete.json"
LOCK = "journal.lock"
_NICENESS = 19


class WriterAlive(JournalError):
    """A folder that another process writes to.

    :arg folder: The folder.

    :arg holder: Its process id, as it wrote it down.

    """

    def __init__(self, folder: Path, holder: str) -> None:
        """Name the process."""
        super().__init__(folder, f"is being written by process {holder or 'unknown'}")


class WriterLock:
    """The right to write or repair a folder, held as long as this object is open, and let go when its process dies.

    :arg folder: An existing folder.

    :raises JournalError: Another process holds it, or the folder cannot be written.

    """

    def __init__(self, folder: Path) -> None:
        """Take it, or say who holds it."""
        path = folder / LOCK
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise JournalError(folder, f"cannot be written: {error.strerror}") from None
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._fd, 32, 0).decode(errors="replace").strip()
            os.close(self._fd)
            raise WriterAlive(folder, holder) from None
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, str(os.getpid()).encode(), 0)

    def close(self) -> None:
        """Let go."""
        os.close(self._fd)


def segment_path(folder: Path, number: int) -> Path:
    """Return where a segment lies."""
    return folder / f"{number:08}{SUFFIX}"


def segments_of(folder: Path) -> list[Path]:
    """Return a folder's segments that are not sealed, in their order."""
    return sorted(path for path in folder.glob(f"*{SUFFIX}") if path.stem.isdecimal())


def seal_leftovers(folder: Path | str) -> list[Cut]:
    """Seal all segments that a dead writer left.

    :returns: What was cut, of this and of earlier times.

    :raises WriterAlive: The writer lives.

    :raises DlmmError: A segment cannot be read, or the folder not be written.

    """
    folder = Path(folder)
    lock = WriterLock(folder)
    try:
        return seal_all(folder)
    finally:
        lock.close()


def seal_all(folder: Path) -> list[Cut]:
    """Seal all segments of a folder whose lock the caller holds, and return what was cut, ever."""
    for path in segments_of(folder):
        seal_segment(path)
    for pattern in (".*.parquet.*.part", f".{INCOMPLETE}.*.part"):  # of a process that died while it wrote
        for unfinished in folder.glob(pattern):
            with suppress(OSError):
                unfinished.unlink()
    return read_cuts(folder)


def seal_segment(path: Path) -> None:
    """Make one closed segment a recording file, then remove it. What somebody else has sealed already is left alone.

    A segment of which more is missing than a torn tail stays, under another name, for a person to look at.

    :raises DlmmError: The segment cannot be read, or the file not be written; the segment stays.

    """
    try:
        segment = path.open("rb")
    except FileNotFoundError:
        return
    except OSError as error:
        raise JournalError(path, f"cannot be read: {error.strerror}") from None
    with segment:
        fcntl.flock(segment, fcntl.LOCK_EX)  # two may seal at once where a writer died and its child still works
        if not path.exists():
            return
        contents = read_segment(path)
        contents = _that_fit(path, contents)
        if contents.cuts:
            _write_cuts(path.parent, contents.cuts)
        if contents.head is not None and len(contents.rows):
            out = path.with_suffix(".parquet")
            write_recording(out, contents.rows, contents.head.pools, contents.head.source, writes=contents.writes)
            _to_disk(out)
            _to_disk(path.parent)
        try:
            if contents.is_damaged:
                path.replace(path.with_suffix(f"{SUFFIX}.damaged"))
            else:
                path.unlink()
        except OSError as error:
            raise JournalError(path, f"cannot be removed: {error.strerror}") from None


def read_cuts(folder: Path) -> list[Cut]:
    """Return what was cut from a folder's segments so far.

    :raises JournalError: The list cannot be read.

    """
    path = folder / INCOMPLETE
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[Cut])
    except FileNotFoundError:
        return []
    except OSError as error:
        raise JournalError(path, f"cannot be read: {error.strerror}") from None
    except msgspec.DecodeError as error:
        raise JournalError(path, f"is no list of what was cut: {error}") from None


def _write_cuts(folder: Path, cuts: Sequence[Cut]) -> None:
    known = read_cuts(folder)
    known += [cut for cut in cuts if cut not in known]
    path = folder / INCOMPLETE
    unfinished = folder / f".{INCOMPLETE}.{os.getpid()}.part"
    try:
        unfinished.write_bytes(msgspec.json.format(msgspec.json.encode(known)) + b"\n")
        _to_disk(unfinished)
        unfinished.replace(path)
    except OSError as error:
        raise JournalError(path, f"cannot be written: {error.strerror}") from None


def _that_fit(path: Path, contents: SegmentContents) -> SegmentContents:
    """Leave out what no recording can hold: rows of no listed pool, writes without a row of their own."""
    if contents.head is None:
        return contents
    cuts: list[Cut] = []
    pool = contents.rows["pool"]
    is_known = (pool >= 0) & (pool < len(contents.head.pools))
    rows = contents.rows
    if not is_known.all():
        stranger = pool[~is_known][0]
        named = f"{(~is_known).sum()} rows were left out: pool {stranger} of a list of {len(contents.head.pools)}"
        cuts.append(Cut(path.name, 0, named))
        rows = rows[is_known]
    writes = contents.writes
    if writes:
        # Of two writes for one row the first stays.
        first = {write.seq: write for write in reversed(writes)}
        seqs = np.fromiter(first, np.int64, len(first))
        there = set(seqs[np.isin(seqs, rows["seq"])].tolist())
        fitting = tuple(write for write in writes if write.seq in there and first[write.seq] is write)
        if len(fitting) < len(writes):
            named = f"{len(writes) - len(fitting)} account writes were left out: they have no row of their own"
            cuts.append(Cut(path.name, 0, named))
            writes = fitting
    if not cuts:
        return contents
    return SegmentContents(contents.head, rows, writes, (*contents.cuts, *cuts), is_damaged=True)


def _to_disk(path: Path) -> None:
    try:
        fd = os.open(path, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
    except OSError as error:
        raise JournalError(path, f"cannot be written: {error.strerror}") from None


def main(folder: Path) -> int:
    """Seal the segments up to each number that standard input names; a failure is said, and tried again at the next."""
    # The end of the standard input ends this process: it seals what is closed even where the writer was interrupted.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    os.nice(_NICENESS)
    failed = False
    for line in sys.stdin:
        failed = False
        for path in segments_of(folder):
            if int(path.stem) > int(line):
                break
            try:
                seal_segment(path)
            except (JournalError, RecordingError) as error:
                failed = True
                print(f"error: {error}", file=sys.stderr, flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
