"""Recorded markets in Parquet: open, read as blocks, write.

Opening reads metadata only. Reading decodes a window of rows at a time, so that memory stays the same however long the
recording is, and packs what is asked for into one block.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from connectors.recordings.schema import RecordingError
from connectors.recordings.sealing import WriterAlive, read_cuts, seal_leftovers, segments_of
from connectors.recordings.window import WINDOW_ROWS, Segment
from connectors.recordings.writing import write_recording
from operators.blocks import ROW, AccountWrite, Rows
from operators.pools import PoolInfo

__all__ = ["Recording", "write_recording"]


class Recording:
    """One Parquet file, or a folder of them that is read in the order of their names.

    Made by `Recording.open`. Rows are counted from 0 over all files.

    """

    def __init__(self, path: Path, segments: Sequence[Segment], notes: Sequence[str] = ()) -> None:
        self.path = path
        self.notes = tuple(notes)
        """What a journal held and this does not, a line each."""
        self._segments = [segment for segment in segments if segment.count] or list(segments)
        self.pools = _join_pools(self._segments)
        for segment in self._segments:
            segment.number_pools(self.pools)
        self.source = "; ".join(dict.fromkeys(segment.meta.source for segment in self._segments))
        self._starts = [0]
        for segment in self._segments:
            self._starts.append(self._starts[-1] + segment.count)
        self._unknown: dict[tuple[int, int], dict[str, int]] = {}
        self._current = -1
        if not len(self):
            raise RecordingError(path, "has no rows")

    @classmethod
    def open(cls, path: Path | str) -> "Recording":
        """Check a recording's files, reading none of their rows.

        What the dead writer of a folder left unsealed is sealed first. What a living one has not sealed yet is not in
        the recording, which its notes say.

        :raises RecordingError: Nothing is there, a file is not Parquet, is cut off, is no recording, lacks a column or
            has one of a wrong type, two files disagree about a pool, or there are no rows.

        :raises JournalError: What a writer left cannot be sealed.

        """
        path = Path(path)
        notes: list[str] = []
        if path.is_dir():
            notes = _settle(path)
            files = sorted(path.glob("*.parquet"))
            if not files:
                raise RecordingError(path, "; ".join(["is a folder without any .parquet file", *notes]))
        elif path.exists():
            files = [path]
        else:
            raise RecordingError(path, "does not exist")
        return cls(path, [Segment(file) for file in files], notes)

    def __len__(self) -> int:
        return self._starts[-1]

    @property
    def has_accounts(self) -> bool:
        """Whether any file carries account writes."""
        return any(segment.has_accounts for segment in self._segments)

    @property
    def unknown_pools(self) -> dict[str, int]:
        """Rows read so far whose pool the metadata does not list, by its name ("" for none).

        Counted by the window, so a part of a window that was not asked for counts too. In a block their `pool` is -1.

        """
        total: Counter[str] = Counter()
        for counts in self._unknown.values():
            total.update(counts)
        return dict(total)

    def rows(self, offset: int = 0, count: int | None = None) -> Rows:
        """Return rows as one block of dtype `ROW`, which the caller owns.

        Nulls arrive as NaN in the number columns and as the smallest integer in the others.

        :arg offset: First row; past the end gives an empty block.

        :arg count: How many; fewer at the end. All that follow when not given.

        :raises RecordingError: A file turns out to be damaged.

        """
        offset = max(offset, 0)
        end = max(offset, len(self) if count is None else min(len(self), offset + count))
        out = np.empty(end - offset, ROW)
        for number, local, start, take in self._parts(offset, end):
            segment = self._segments[number]
            if number != self._current:
                if self._current >= 0:
                    self._segments[self._current].forget()
                self._current = number
            segment.fill(out[start - offset : start - offset + take], local)
            window = segment.window_at(local)
            if window.unknown:
                self._unknown[number, window.start] = window.unknown
        return out

    def read_ahead(self) -> None:
        """Have the first rows decoded in the meantime: they are asked for soon."""
        self._segments[0].read_ahead(0)

    def slices(self, size: int, offset: int = 0) -> Iterator[Rows]:
        """Yield blocks of `size` rows, the last one shorter, from a row on."""
        for start in range(offset, len(self), size):
            yield self.rows(start, size)

    def writes(self, offset: int = 0, count: int | None = None) -> list[AccountWrite]:
        """Return the account writes among some rows, in the order of the rows.

        Ask for the same few thousand rows at a time as for `rows`: the bytes of all of them are in memory at once.

        :raises RecordingError: A file turns out to be damaged.

        """
        offset = max(offset, 0)
        end = max(offset, len(self) if count is None else min(len(self), offset + count))
        found: list[AccountWrite] = []
        if self.has_accounts:
            for number, local, _, take in self._parts(offset, end):
                found += self._segments[number].writes(local, take)
        return found

    def newest_writes(self, end: int) -> list[int]:
        """Return the rows before one that last wrote each account of each pool, in order.

        :raises RecordingError: A file turns out to be damaged.

        """
        newest: dict[tuple[str, str], int] = {}
        for segment, start in zip(self._segments, self._starts, strict=False):
            if start < end:
                found = segment.newest_writes(min(segment.count, end - start))
                newest |= {account: start + offset for account, offset in found.items()}
        return sorted(newest.values())

    def _parts(self, offset: int, end: int) -> Iterator[tuple[int, int, int, int]]:
        """Cut a range where files and windows end: file, offset in it, offset in all, rows."""
        while offset < end:
            number = bisect_right(self._starts, offset) - 1
            local = offset - self._starts[number]
            take = min(end - offset, self._segments[number].count - local, WINDOW_ROWS - local % WINDOW_ROWS)
            yield number, local, offset, take
            offset += take


def _settle(folder: Path) -> list[str]:
    """Seal what a dead writer left in a folder, and say what the recording lacks."""
    unsealed = segments_of(folder)
    notes: list[str] = []
    try:
        cuts = seal_leftovers(folder) if unsealed else read_cuts(folder)
    except WriterAlive as alive:
        notes = [f"{', '.join(path.name for path in unsealed)} not read: {alive}"]
        cuts = read_cuts(folder)
    return [str(cut) for cut in cuts] + notes


def _join_pools(segments: Sequence[Segment]) -> tuple[PoolInfo, ...]:
    pools: dict[str, PoolInfo] = {}
    for segment in segments:
        for pool in segment.meta.pools:
            if pools.setdefault(pool.pool, pool) != pool:
                raise RecordingError(segment.path, f"describes pool {pool.pool} differently than a file before it")
    return tuple(pools.values())
