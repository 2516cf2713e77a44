"""What a recording is: its columns, its metadata and the error that refuses a file which is none.

`docs/recordings.md` says the same for people.
"""

from pathlib import Path
from typing import Annotated, Literal

import msgspec
import polars as pl
from msgspec import Meta

from dlmm.errors import DlmmError
from dlmm.records import Record
from operators.pools import PoolInfo

METADATA_KEY = "dlmm_hft_recording"
MAX_POOLS = 1 << 15

INTEGER_COLUMNS: dict[str, pl.DataType] = {
    "slot": pl.Int64(),
    "seq": pl.Int64(),
    "write_order": pl.Int64(),
    "ts_event_ns": pl.Int64(),
    "ts_recv_ns": pl.Int64(),
    "active_id": pl.Int32(),
}
FLOAT_COLUMNS = ("price", "liquidity", "volume")
OPTIONAL_COLUMNS: dict[str, pl.DataType] = {"feed": pl.Int8(), "kind": pl.Int8(), "account_no": pl.Int32()}
"""Zero where a file does not have them."""
ACCOUNT_COLUMNS = ("account", "owner", "data")
REQUIRED_COLUMNS = ("pool", *INTEGER_COLUMNS, *FLOAT_COLUMNS)


class RecordingError(DlmmError):
    """Refuse a file that is no readable recording, or a table that cannot become one.

    :arg path: The file or folder.

    :arg reason: What is wrong with it.

    """

    def __init__(self, path: Path | str, reason: str) -> None:
        """Keep both values, and name the file first."""
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class RecordingMeta(Record, frozen=True):
    """The JSON under the Parquet key `dlmm_hft_recording`.

    :arg version: Of this schema.

    :arg source: Where the rows come from, for people.

    :arg pools: Every pool a row may name; a block's `pool` field counts in this list.

    """

    version: Literal[1]
    source: str
    pools: Annotated[tuple[PoolInfo, ...], Meta(min_length=1, max_length=MAX_POOLS)]


def decode_meta(path: Path, text: str) -> RecordingMeta:
    """Decode and check a recording's metadata.

    :raises RecordingError: It is not the documented JSON, or names a pool twice.

    """
    try:
        meta = msgspec.json.decode(text, type=RecordingMeta, strict=True)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise RecordingError(path, f"its {METADATA_KEY} metadata is not valid: {error}") from None
    refuse_repeated_pools(path, meta.pools)
    return meta


def refuse_repeated_pools(path: Path | str, pools: tuple[PoolInfo, ...]) -> None:
    """Raise `RecordingError` when two pools have one name."""
    seen: set[str] = set()
    for pool in pools:
        if pool.pool in seen:
            raise RecordingError(path, f"its metadata names pool {pool.pool} twice")
        seen.add(pool.pool)


def check_columns(path: Path | str, schema: dict[str, pl.DataType]) -> None:
    """Raise `RecordingError` for the first column that is missing or of a wrong type.

    Any width of integer and float is taken, and text or any kind of category for the pool: other writers choose theirs.

    """
    for name in REQUIRED_COLUMNS:
        if name not in schema:
            raise RecordingError(path, f"has no column {name!r}; its columns are {', '.join(schema) or 'none'}")
    wanted: list[tuple[str, str, bool]] = [("pool", "text", _is_text(schema["pool"]))]
    wanted += [(name, "an integer", schema[name].is_integer()) for name in INTEGER_COLUMNS]
    wanted += [(name, "a number", schema[name].is_numeric() or schema[name] == pl.Null()) for name in FLOAT_COLUMNS]
    wanted += [(name, "an integer", schema[name].is_integer()) for name in OPTIONAL_COLUMNS if name in schema]
    given = [name for name in ACCOUNT_COLUMNS if name in schema]
    if given:
        if len(given) < len(ACCOUNT_COLUMNS):
            lacking = next(name for name in ACCOUNT_COLUMNS if name not in schema)
            raise RecordingError(path, f"has column {given[0]!r} but no column {lacking!r}; they come together")
        wanted += [("account", "text", _is_text(schema["account"])), ("owner", "text", _is_text(schema["owner"]))]
        wanted.append(("data", "binary", schema["data"] == pl.Binary()))
    for name, kind, is_right in wanted:
        if not is_right:
            raise RecordingError(path, f"column {name!r} is {schema[name]}, which is not {kind}")


def _is_text(dtype: pl.DataType) -> bool:
    return isinstance(dtype, pl.String | pl.Categorical | pl.Enum)
