"""The rows of one of a run's tables while it goes on: in memory, and on disk as far as a restart may ask for them."""

import os
from pathlib import Path

import numpy as np

from dlmm.errors import DlmmError
from operators.blocks import Rows

HELD_BYTES = 32 << 20
"""Beyond so many, rows are on disk alone."""


class RowLog:
    """Rows that are appended to, and read once at the end: of a short run from memory.

    :arg path: File of the rows on disk; those beyond `length` are cut off.

    :arg length: Bytes that count of what is there already.

    :raises DlmmError: There are fewer.

    """

    def __init__(self, path: Path, dtype: np.dtype, length: int) -> None:
        there = path.stat().st_size if path.exists() else 0
        if there < length:
            raise DlmmError(f"{path}: {there} bytes of the {length} that the run to be resumed had written")
        self._path = path
        self._dtype = dtype
        self._file = path.open("ab")
        self._file.truncate(length)
        self._file.seek(0, os.SEEK_END)
        self._on_disk_alone = length
        self._saved: list[Rows] = []
        self._unsaved: list[Rows] = []
        self._held_bytes = 0

    def append(self, rows: Rows) -> None:
        """Add rows, which nobody changes from here on."""
        if len(rows):
            self._unsaved.append(rows)
            self._held_bytes += rows.nbytes
            if self._held_bytes > HELD_BYTES:
                self._on_disk_alone = self.save()
                self._saved, self._held_bytes = [], 0

    def save(self) -> int:
        """Write all rows to disk; return how many bytes are there now."""
        for rows in self._unsaved:
            self._file.write(rows.view(np.uint8).data)
        self._file.flush()
        self._saved += self._unsaved
        self._unsaved = []
        return self._file.tell()

    def close(self) -> None:
        """Leave everything on disk, for a restart."""
        self.save()
        self._file.close()

    def take(self) -> list[Rows]:
        """Return all rows, in as many parts as they came in, and append no more."""
        self._file.close()
        parts = [*self._saved, *self._unsaved]
        if self._on_disk_alone:
            count = self._on_disk_alone // self._dtype.itemsize
            parts.insert(0, np.asarray(np.memmap(self._path, self._dtype, "r", shape=count)))
        return parts or [np.empty(0, self._dtype)]
