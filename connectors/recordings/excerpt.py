"""A stretch of a recording, replayed as if a run had begun there."""

import numpy as np

from connectors.recordings.recording import Recording
from dlmm.errors import DlmmError
from dlmm.records import Record
from dlmm.struct_arrays import copied, join
from operators.blocks import ROW, AccountWrite, Rows


class Stretch(Record, frozen=True):
    """Neighbouring rows of a recording.

    :arg start: The first row, counted from 0.

    :arg stop: The row behind the last.

    """

    start: int
    stop: int

    def __len__(self) -> int:
        return max(self.stop - self.start, 0)


class Excerpt:
    """A stretch of a recording, and before it the rows that say what state the stretch begins in.

    A run that begins in the midst of a market loads the accounts as they are. Here the last row before the stretch that
    wrote an account stands for that, one for each account of each pool: all at the pool's newest price and at the time
    of the newest of them. Where a recording has no accounts nothing goes before.

    :raises DlmmError: The stretch is empty or not one of the recording's.

    """

    def __init__(self, recording: Recording, stretch: Stretch) -> None:
        if not 0 <= stretch.start < stretch.stop <= len(recording):
            raise DlmmError(f"{recording.path}: has no rows {stretch.start} to {stretch.stop}, only {len(recording)}")
        self._recording = recording
        self._stretch = stretch
        self._written = recording.newest_writes(stretch.start) if stretch.start else []
        self._before = _as_loaded([recording.rows(row, 1) for row in self._written])
        self.path = recording.path
        self.pools = recording.pools
        self.has_accounts = recording.has_accounts

    def __len__(self) -> int:
        return len(self._before) + len(self._stretch)

    def rows(self, offset: int, count: int) -> Rows:
        """Return rows as one block of dtype `ROW`, which the caller owns; fewer at the end."""
        start, inside = self._inside(offset, count)
        before = copied(self._before[offset : offset + count])
        return (
            join([before, self._recording.rows(start, inside)]) if len(before) else self._recording.rows(start, inside)
        )

    def writes(self, offset: int, count: int) -> list[AccountWrite]:
        """Return the account writes among some rows, in the order of the rows."""
        found = [write for row in self._written[offset : offset + count] for write in self._recording.writes(row, 1)]
        start, inside = self._inside(offset, count)
        return found + (self._recording.writes(start, inside) if inside else [])

    def _inside(self, offset: int, count: int) -> tuple[int, int]:
        """Return which of the recording's rows are asked for of the stretch itself, and how many."""
        first = max(offset - len(self._before), 0)
        end = min(max(offset + count - len(self._before), 0), len(self._stretch))
        return self._stretch.start + first, max(end - first, 0)


def _as_loaded(rows: list[Rows]) -> Rows:
    """Turn rows of different times into what a run would have found, had it looked at the newest one's."""
    if not rows:
        return np.zeros(0, ROW)
    before = join(rows)
    newest = before[-1]
    for pool in np.unique(before["pool"]):
        mine = before["pool"] == pool
        for name in ("price", "active_id"):
            before[name][mine] = before[name][mine][-1]
    # Every write of that slot which is in the stretch is newer than any that was loaded.
    before["slot"], before["write_order"] = newest["slot"] - 1, np.arange(len(before))
    before["ts_event_ns"], before["ts_recv_ns"] = newest["ts_event_ns"], newest["ts_recv_ns"]
    before["volume"] = np.nan
    return before
