"""Recorded markets in Parquet: open, read as blocks, write.

Opening reads metadata only. Reading decodes a window of rows at a time, so that memory stays the same however long the
recording is, and packs what is asked for into one block.
"""

import os
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
import polars as pl

from connectors.recording_schema import (
    FLOAT_COLUMNS,
    INTEGER_COLUMNS,
    METADATA_KEY,
    OPTIONAL_COLUMNS,
    RecordingError,
    RecordingMeta,
    check_columns,
    refuse_repeated_pools,
)
from connectors.recording_window import WINDOW_ROWS, Segment, first_line
from operators.blocks import ROW, AccountWrite, Rows
from operators.pools import PoolInfo

ROW_GROUP = 1 << 17
"""Rows a row group: large enough that its fixed cost vanishes, small enough to begin reading anywhere."""

ACCOUNT_ROW_GROUP = 1 << 12
"""The same where rows carry account bytes, of which some are 10 KiB long."""

Compression = Literal["zstd", "lz4", "uncompressed"]


class Recording:
    """One Parquet file, or a folder of them that is read in the order of their names.

    Made by `Recording.open`. Rows are counted from 0 over all files.

    """

    def __init__(self, path: Path, segments: Sequence[Segment]) -> None:
        self.path = path
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

        :raises RecordingError: Nothing is there, a file is not Parquet, is cut off, is no recording, lacks a column or
            has one of a wrong type, two files disagree about a pool, or there are no rows.

        """
        path = Path(path)
        if path.is_dir():
            files = sorted(path.glob("*.parquet"))
            if not files:
                raise RecordingError(path, "is a folder without any .parquet file")
        elif path.exists():
            files = [path]
        else:
            raise RecordingError(path, "does not exist")
        return cls(path, [Segment(file) for file in files])

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

    def _parts(self, offset: int, end: int) -> Iterator[tuple[int, int, int, int]]:
        """Cut a range where files and windows end: file, offset in it, offset in all, rows."""
        while offset < end:
            number = bisect_right(self._starts, offset) - 1
            local = offset - self._starts[number]
            take = min(end - offset, self._segments[number].count - local, WINDOW_ROWS - local % WINDOW_ROWS)
            yield number, local, offset, take
            offset += take


def write_recording(
    path: Path | str,
    rows: Rows | pl.DataFrame,
    pools: Sequence[PoolInfo],
    source: str,
    compression: Compression = "zstd",
) -> None:
    """Write one recording file, whole or not at all.

    :arg rows: A block whose `pool` field counts in `pools`, or a table with the documented columns. Order is kept.

    :arg compression: zstd is smallest and reads at 60 ns a row, uncompressed at 17 ns and 2.4 times the size.

    :raises RecordingError: A column is missing or wrong, a row names a pool that is not in `pools`, a pool is in the
        list twice, or the file cannot be written.

    """
    path = Path(path)
    refuse_repeated_pools(path, tuple(pools))
    frame = rows if isinstance(rows, pl.DataFrame) else _frame_of(path, rows, pools)
    frame = _as_documented(path, frame, pools)
    meta = RecordingMeta(1, source, tuple(pools))
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        frame.write_parquet(
            temporary,
            compression=compression,
            row_group_size=ACCOUNT_ROW_GROUP if "data" in frame.columns else ROW_GROUP,
            metadata={METADATA_KEY: msgspec.json.encode(meta).decode()},
        )
        temporary.replace(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise RecordingError(path, f"cannot be written: {error}") from None
    finally:
        with suppress(OSError):
            temporary.unlink()


def _join_pools(segments: Sequence[Segment]) -> tuple[PoolInfo, ...]:
    pools: dict[str, PoolInfo] = {}
    for segment in segments:
        for pool in segment.meta.pools:
            if pools.setdefault(pool.pool, pool) != pool:
                raise RecordingError(segment.path, f"describes pool {pool.pool} differently than a file before it")
    return tuple(pools.values())


def _frame_of(path: Path, rows: Rows, pools: Sequence[PoolInfo]) -> pl.DataFrame:
    index = rows["pool"]
    if len(rows) and (int(index.min()) < 0 or int(index.max()) >= len(pools)):
        raise RecordingError(path, f"rows point at pool {index.min()} to {index.max()} of a list of {len(pools)}")
    names = pl.Series([pool.pool for pool in pools], dtype=pl.String)
    columns = {"pool": names.gather(pl.Series(index.astype(np.int64)))}
    for name in (*INTEGER_COLUMNS, *FLOAT_COLUMNS, "feed", "account"):
        columns["account_no" if name == "account" else name] = pl.Series(np.ascontiguousarray(rows[name]))
    return pl.DataFrame(columns)


def _as_documented(path: Path, frame: pl.DataFrame, pools: Sequence[PoolInfo]) -> pl.DataFrame:
    check_columns(path, dict(frame.schema))
    # Written as an Enum the column is text to every other program, and comes back here as ready codes.
    wanted: dict[str, pl.DataType] = {"pool": pl.Enum([pool.pool for pool in pools]), **INTEGER_COLUMNS}
    wanted |= dict.fromkeys(FLOAT_COLUMNS, pl.Float64())
    wanted |= {name: dtype for name, dtype in OPTIONAL_COLUMNS.items() if name in frame and (frame[name] != 0).any()}
    if "data" in frame.columns:
        wanted |= {"account": pl.String(), "owner": pl.String(), "data": pl.Binary()}
    try:
        frame = frame.select(pl.col(name).cast(dtype) for name, dtype in wanted.items())
    except pl.exceptions.PolarsError as error:
        raise RecordingError(path, f"cannot be written: {first_line(error)}") from None
    return frame.with_columns(pl.col(*FLOAT_COLUMNS).fill_nan(None))
