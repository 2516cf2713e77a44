"""Find the columns of an unknown table, and read times however they are written."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import polars as pl

from connectors.recordings.schema import RecordingError

TimeUnit = Literal["s", "ms", "us", "ns"]
NS_PER: dict[TimeUnit, int] = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}

TIME_NAMES = (
    "ts_event_ns", "ts_event", "time", "timestamp", "ts", "datetime", "block_time", "block_timestamp", "date",
    "recv_ns", "ts_recv_ns", "time_ns", "time_ms", "open_time", "unix",
)  # fmt: skip
PRICE_NAMES = ("price", "mid", "mid_price", "last_price", "last", "close", "px")
POOL_NAMES = ("pool", "symbol", "market", "pair", "instrument", "ticker")
SLOT_NAMES = ("slot",)
LIQUIDITY_NAMES = ("liquidity", "tvl")
VOLUME_NAMES = ("volume", "quote_volume")


def find_column(path: Path, frame: pl.DataFrame, role: str, given: str | None, guesses: Sequence[str]) -> str | None:
    """Return the column that plays a role: the one that was named, or the first usual name that is there.

    :raises RecordingError: A column was named that is not there.

    """
    if given is not None:
        if given not in frame.columns:
            raise RecordingError(path, f"has no column {given!r} for {role}; its columns are {_list(frame)}")
        return given
    by_name = {name.strip().lower(): name for name in reversed(frame.columns)}
    return next((by_name[guess] for guess in guesses if guess in by_name), None)


def need_column(path: Path, frame: pl.DataFrame, role: str, given: str | None, guesses: Sequence[str]) -> str:
    """As `find_column`, where there has to be one.

    :raises RecordingError: None is there.

    """
    found = find_column(path, frame, role, given, guesses)
    if found is None:
        raise RecordingError(
            path, f"has no column for {role} (looked for {', '.join(guesses)}); its columns are {_list(frame)}"
        )
    return found


def _list(frame: pl.DataFrame) -> str:
    return ", ".join(frame.columns)


def numbers(column: pl.Series) -> pl.Series:
    """Read a column as floats; null where it is none."""
    return column.cast(pl.Float64, strict=False)


def times_ns(path: Path, column: pl.Series, unit: TimeUnit | None) -> pl.Series:
    """Read a column of times as nanoseconds since 1970; null where one cannot be read.

    Numbers are counted in the unit, which is guessed from their size where it is not given; text is ISO 8601, or
    numbers. A time without a zone is UTC.

    :raises RecordingError: The column holds neither.

    """
    dtype = column.dtype
    if isinstance(dtype, pl.Datetime):
        return column.dt.epoch("ns")
    if dtype == pl.Date():
        return column.cast(pl.Datetime("us")).dt.epoch("ns")
    if dtype.is_integer():
        return _scale(column, unit)
    if dtype.is_float():
        return _scale(column.fill_nan(None), unit)
    if dtype != pl.String():
        raise RecordingError(path, f"column {column.name!r} is {dtype}, which is no time")
    text = column.str.strip_chars()
    whole = text.cast(pl.Int64, strict=False)
    if whole.null_count() * 2 <= len(column):
        return _scale(whole, unit)
    decimal = text.cast(pl.Float64, strict=False).fill_nan(None)
    if decimal.null_count() * 2 <= len(column):
        return _scale(decimal, unit)
    return pl.Series(column.name, [_iso_ns(value) for value in text.to_list()], pl.Int64)


def _scale(column: pl.Series, unit: TimeUnit | None) -> pl.Series:
    per = NS_PER[unit or _guess_unit(column)]
    limit = (1 << 63) / per
    column = column.set(column.cast(pl.Float64, strict=False).abs() >= limit, None)
    if column.dtype.is_float():
        # In two parts: a float has too few digits for nanoseconds since 1970, and would blur the whole seconds too.
        whole = column.floor()
        return whole.cast(pl.Int64) * per + ((column - whole) * per).round().cast(pl.Int64)
    return column.cast(pl.Int64) * per


def _guess_unit(column: pl.Series) -> TimeUnit:
    typical = column.cast(pl.Float64, strict=False).abs().median()
    size = typical if isinstance(typical, float) and math.isfinite(typical) else 0.0
    for unit, bound in (("s", 1e11), ("ms", 1e14), ("us", 1e17)):
        if size < bound:
            return unit  # type: ignore[return-value]  # each is one of the literal's values
    return "ns"


def _iso_ns(text: str | None) -> int | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return ((since.days * 86_400 + since.seconds) * 10**6 + since.microseconds) * 1_000
