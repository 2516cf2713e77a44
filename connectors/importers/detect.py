"""Tell by a table's columns which importer is its own."""

from pathlib import Path
from typing import Literal

import polars as pl

from connectors.importers.intake import is_parquet
from connectors.recordings.schema import RecordingError
from connectors.recordings.window import READ_ERRORS, first_line

Kind = Literal["table", "whirlpool", "ticks", "uniswap"]


def detect_kind(path: Path | str) -> Kind:
    """Return the importer that a file's columns fit; `table` where they fit none of the special ones.

    :raises RecordingError: The file is not there or cannot be read.

    """
    path = Path(path)
    if not path.exists():
        raise RecordingError(path, "does not exist")
    if path.is_dir():
        raise RecordingError(path, "is a folder; import one file at a time")
    try:
        if is_parquet(path):
            columns = set(pl.read_parquet_schema(path))
        else:
            columns = set(pl.read_csv(path, n_rows=0, infer_schema=False, encoding="utf8-lossy", glob=False).columns)
    except pl.exceptions.NoDataError:
        raise RecordingError(path, "is empty") from None
    except READ_ERRORS as error:
        raise RecordingError(path, f"cannot be read as Parquet or CSV: {first_line(error)}") from None
    kinds: dict[Kind, tuple[str, ...]] = {
        "whirlpool": ("a_to_b", "amount_in", "amount_out", "tx_index"),
        "uniswap": ("sqrtPriceX96", "amount0", "amount1"),
        "ticks": ("recv_ns", "kind", "bid", "ask"),
    }
    return next((kind for kind, names in kinds.items() if columns.issuperset(names)), "table")
