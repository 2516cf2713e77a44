"""Arbitrate between feeds: of all that several feeds say about a pool, pass each state once and in order."""

import numpy as np
from numpy.typing import NDArray

from dlmm.jit import kernel
from operators.blocks import REPORT, ROW, TICK, Rows

MAX_ACCOUNTS = 64
"""Accounts of one pool that are told apart; those beyond share the last place."""

CAUSES = ("stale", "duplicate", "out_of_order")
NONE_DROPPED = (0, 0, 0)

SEEN = np.dtype([("slot", "i8"), ("write_order", "i8")])
_NEVER = np.iinfo(np.int64).min


@kernel
def _arbitrate(rows: Rows, seen: Rows, dropped: NDArray[np.int64]) -> int:
    """Move the rows that pass to the front, in place, and return how many there are."""
    kept = 0
    for index in range(rows.shape[0]):
        row = rows[index]
        if row.kind != TICK and row.kind != REPORT:
            last = seen[min(row.account, MAX_ACCOUNTS - 1)]
            if row.slot < last.slot:
                dropped[0] += 1
                continue
            if row.slot == last.slot and row.write_order <= last.write_order:
                dropped[1 if row.write_order == last.write_order else 2] += 1
                continue
            last.slot = row.slot
            last.write_order = row.write_order
        if kept != index:
            rows[kept] = row
        kept += 1
    return kept


class Arbiter:
    """Pass a row if it is newer than all that passed before of the same account; count what does not.

    A row is *stale* when its slot is over, a *duplicate* when the same write passed before, *out of order* when a later
    write of the same slot did. Which feed brought it does not matter: the first to bring a write wins.
    """

    def __init__(self) -> None:
        """Start with nothing seen."""
        self._seen = np.zeros(MAX_ACCOUNTS, SEEN)
        self._seen["slot"] = _NEVER

    def pass_on(self, rows: Rows) -> tuple[Rows, tuple[int, int, int]]:
        """Return the rows that pass, in the same memory, and how many were dropped for each of `CAUSES`."""
        assert rows.dtype == ROW
        dropped = np.zeros(3, np.int64)
        kept = _arbitrate(rows, self._seen, dropped)
        if kept == len(rows):
            return rows, NONE_DROPPED
        return rows[:kept], (int(dropped[0]), int(dropped[1]), int(dropped[2]))

    def snapshot(self) -> bytes:
        """Return the state as bytes."""
        return self._seen.tobytes()

    def restore(self, state: bytes) -> None:
        """Go on from a snapshot."""
        self._seen = np.frombuffer(state, SEEN).copy()
