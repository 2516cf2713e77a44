"""One Parquet file of a recording: checked when opened, read a window of rows at a time."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from connectors.recordings.schema import (
    ACCOUNT_COLUMNS,
    FLOAT_COLUMNS,
    INTEGER_COLUMNS,
    METADATA_KEY,
    OPTIONAL_COLUMNS,
    RecordingError,
    RecordingMeta,
    check_columns,
    decode_meta,
)
from operators.blocks import REPORT, AccountWrite, Rows
from operators.inspection import MISSING_I32, MISSING_I64
from operators.packing import pack_rows
from operators.pools import PoolInfo

WINDOW_ROWS = 1 << 18
"""Rows decoded at once: two row groups as we write them, 21 MB in columns."""

READ_ERRORS = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError)
"""What polars raises for a damaged file. Its decoder panics on some; that class is no `Exception`."""


Parallel = Literal["auto", "none"]


class Window(msgspec.Struct, gc=False):
    """A stretch of a file as contiguous columns, kept until another stretch is asked for.

    :arg start: Offset of its first row in the file.

    :arg unknown: Rows by the name of a pool that the metadata does not list; "" counts rows without a name.

    """

    start: int
    columns: dict[str, NDArray[Any]]
    unknown: dict[str, int]

    def __len__(self) -> int:
        return len(self.columns["seq"])


class Segment:
    """One checked file.

    :arg path: An existing file.

    :raises RecordingError: It cannot be read, is not a recording, or lacks a column.

    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            metadata = pl.read_parquet_metadata(path)
            self._schema: dict[str, Any] = dict(pl.read_parquet_schema(path))
            self.count = int(pl.scan_parquet(path, glob=False).select(pl.len()).collect().item())
        except READ_ERRORS as error:
            raise RecordingError(path, f"cannot be read as Parquet: {first_line(error)}") from None
        if METADATA_KEY not in metadata:
            raise RecordingError(
                path, f"is not a recording: it has no {METADATA_KEY} metadata (`dlmm-hft import` makes one of a table)"
            )
        self.meta: RecordingMeta = decode_meta(path, metadata[METADATA_KEY])
        check_columns(path, self._schema)
        self.has_accounts = "data" in self._schema
        self._window: Window | None = None
        self._ahead: tuple[int, Future[Window]] | None = None
        self._reader = ThreadPoolExecutor(max_workers=1)  # decoding runs outside the interpreter's lock
        self._names = pl.Enum([pool.pool for pool in self.meta.pools])
        self._categories: list[str] = self._names.categories.to_list()
        if isinstance(self._schema["pool"], pl.Enum):  # its codes serve as they are
            self._categories = self._schema["pool"].categories.to_list()
        self._pool_index = np.full(len(self._categories) + 1, -1, np.int16)

    def number_pools(self, pools: tuple[PoolInfo, ...]) -> None:
        """Take the recording's list of pools, in which a block's `pool` field counts."""
        index = {pool.pool: position for position, pool in enumerate(pools)}
        listed = {pool.pool for pool in self.meta.pools}
        for code, name in enumerate(self._categories):
            self._pool_index[code] = index[name] if name in listed else -1

    def fill(self, out: Rows, offset: int) -> None:
        """Fill a block with the rows from an offset on, which lie within one window."""
        window = self.window_at(offset)
        first = offset - window.start
        column = {name: values[first : first + len(out)] for name, values in window.columns.items()}
        pack_rows(
            out,
            column["seq"],
            column["slot"],
            column["ts_event_ns"],
            column["ts_recv_ns"],
            column["write_order"],
            column["price"],
            column["liquidity"],
            column["volume"],
            column["active_id"],
            column["pool"],
            self._pool_index,
            column["feed"],
            column["account_no"],
        )
        if "kind" in column:
            out["kind"] = column["kind"]

    def window_at(self, offset: int) -> Window:
        """Return the window that holds a row of this file, and have the one behind it read in the meantime.

        :raises RecordingError: The file is damaged or gone.

        """
        start = offset - offset % WINDOW_ROWS
        if self._window is None or self._window.start != start:
            self._window = None  # freed before the next one is there
            ahead, self._ahead = self._ahead, None
            self._window = ahead[1].result() if ahead is not None and ahead[0] == start else self._read_window(start)
            if start + WINDOW_ROWS < self.count:
                self.read_ahead(start + WINDOW_ROWS)
        return self._window

    def read_ahead(self, offset: int) -> None:
        """Have the window that holds a row read in the meantime."""
        start = offset - offset % WINDOW_ROWS
        self._ahead = start, self._reader.submit(self._read_window, start, parallel="none")

    def forget(self) -> None:
        """Free the window at hand."""
        self._window = self._ahead = None

    def writes(self, offset: int, count: int) -> Iterator[AccountWrite]:
        """Return the account writes among some rows."""
        if not self.has_accounts:
            return iter(())
        frame = self._collect(self._scan().slice(offset, count).select("seq", *ACCOUNT_COLUMNS))
        frame = frame.drop_nulls(["seq", "account", "data"]).with_columns(pl.col("account", "owner").cast(pl.String))
        columns = (frame[name].fill_null("") if name == "owner" else frame[name] for name in frame.columns)
        return map(AccountWrite, *(column.to_list() for column in columns))

    def newest_writes(self, count: int) -> dict[tuple[str, str], int]:
        """Return, by pool and account, the last of the first `count` rows that wrote it; reports are no such writes."""
        if not self.has_accounts:
            return {}
        names = ["pool", "account", *(name for name in ("kind",) if name in self._schema)]
        frame = self._collect(self._scan().slice(0, count).select(names).with_row_index("offset"))
        if "kind" in frame.columns:
            frame = frame.filter(pl.col("kind").fill_null(0) != REPORT)
        frame = frame.drop_nulls().with_columns(pl.col("pool", "account").cast(pl.String))
        newest = frame.group_by("pool", "account").agg(pl.col("offset").max())
        return {(pool, account): offset for pool, account, offset in newest.iter_rows()}

    def _scan(self, parallel: Parallel = "auto") -> pl.LazyFrame:
        return pl.scan_parquet(self.path, glob=False, cache=False, use_statistics=False, parallel=parallel)

    def _collect(self, lazy: pl.LazyFrame) -> pl.DataFrame:
        try:
            return lazy.collect()
        except READ_ERRORS as error:
            raise RecordingError(self.path, f"is damaged: {first_line(error)}") from None

    def _read_window(self, start: int, parallel: Parallel = "auto") -> Window:
        """Decode a window, on one thread where somebody else works meanwhile."""
        names = ["pool", *INTEGER_COLUMNS, *FLOAT_COLUMNS, *(name for name in OPTIONAL_COLUMNS if name in self._schema)]
        expected = min(WINDOW_ROWS, self.count - start)
        frame = self._collect(self._scan(parallel).slice(start, WINDOW_ROWS).select(names)).rechunk()
        if len(frame) != expected:
            raise RecordingError(self.path, f"is damaged: {len(frame)} rows at {start} where {expected} were promised")
        columns: dict[str, NDArray[Any]] = {}
        for name, dtype in INTEGER_COLUMNS.items():
            missing = MISSING_I32 if dtype == pl.Int32() else MISSING_I64
            columns[name] = frame[name].cast(dtype, strict=False).fill_null(missing).to_numpy()
        for name in FLOAT_COLUMNS:
            columns[name] = frame[name].cast(pl.Float64, strict=False).fill_null(np.nan).to_numpy()
        for name, dtype in OPTIONAL_COLUMNS.items():
            if name in frame.columns:
                columns[name] = frame[name].cast(dtype, strict=False).fill_null(0).to_numpy()
            elif name != "kind":  # which a block has anyhow
                columns[name] = np.zeros(expected, np.int8 if dtype == pl.Int8() else np.int32)
        columns["pool"], unknown = self._pool_codes(frame["pool"])
        return Window(start, columns, unknown)

    def _pool_codes(self, pools: pl.Series) -> tuple[NDArray[Any], dict[str, int]]:
        coded = pools if isinstance(pools.dtype, pl.Enum) else pools.cast(pl.String).cast(self._names, strict=False)
        codes = coded.to_physical()
        if codes.null_count():
            codes = codes.cast(pl.UInt32).fill_null(len(self._categories))
        array = codes.to_numpy()
        if not coded.null_count() and bool((self._pool_index[:-1] >= 0).all()):
            return array, {}
        strangers = pools.filter(pl.Series(self._pool_index[array] < 0)).cast(pl.String).fill_null("")
        return array, dict(Counter(strangers.to_list()))


def first_line(error: BaseException) -> str:
    """Return the first line of a library's message, which is the one that says what is wrong."""
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__
