"""The frame of a table's rows, made while they come: when a run ends, little of it is left to do."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import polars as pl

from dlmm.struct_arrays import join
from operators.blocks import Rows

PART_ROWS = 1 << 14
"""Rows that are framed at once: fewer would keep the interpreter busy for themselves."""

MOST_ROWS = 1 << 18
"""Of a longer table the frame is made at the end: rows are on disk meanwhile, and frames would fill the memory."""


class EarlyFrame:
    """Frame rows on a thread of its own, part by part.

    :arg frame_of: Makes the frame of some rows, whose columns are the same whatever is in them.

    """

    def __init__(self, frame_of: Callable[[Rows], pl.DataFrame]) -> None:
        self._frame_of = frame_of
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="early-frame")
        self._parts: list[Future[pl.DataFrame]] = []
        self._waiting: list[Rows] = []
        self._waiting_rows = self._rows = 0

    def add(self, rows: Rows) -> None:
        """Add rows, which nobody changes from here on."""
        if self._rows > MOST_ROWS or not len(rows):
            return
        self._waiting.append(rows)
        self._waiting_rows += len(rows)
        self._rows += len(rows)
        if self._rows > MOST_ROWS:
            self._parts, self._waiting = [], []
        elif self._waiting_rows >= PART_ROWS:
            self._frame_waiting()

    def _frame_waiting(self) -> None:
        waiting, self._waiting, self._waiting_rows = self._waiting, [], 0
        self._parts.append(self._thread.submit(lambda: self._frame_of(join(waiting))))

    def take(self) -> pl.DataFrame | None:
        """Return the frame of all rows, and add no more; nothing where there were none, or too many."""
        if self._waiting:
            self._frame_waiting()
        parts = [part.result() for part in self._parts]
        self._thread.shutdown()
        return pl.concat(parts) if parts else None
