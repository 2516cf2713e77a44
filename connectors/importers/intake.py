"""Take a foreign table in: read it, refuse its bad rows under a name, and write the rest as a recording."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from connectors.importers.terms import nearest_bin
from connectors.recordings.recording import write_recording
from connectors.recordings.schema import METADATA_KEY, RecordingError
from connectors.recordings.window import READ_ERRORS, first_line
from dlmm.records import Record
from operators.pools import PoolInfo

SLOT_NS = 400_000_000
"""Length of the slots that are made up where a table has none; slot 0 began in 1970."""


class ImportSummary(Record, frozen=True):
    """What became of a foreign table.

    :arg kind: Importer that read it.

    :arg rows: Rows written, by pool.

    :arg refused: Rows of the table that were refused, by what is wrong with them.

    :arg passed_over: Rows of the table that are sound but not asked for, by why.

    :arg notes: What a reader of the recording should know.

    """

    out: str
    kind: str
    rows: dict[str, int]
    refused: dict[str, int]
    passed_over: dict[str, int]
    first_ns: int
    last_ns: int
    notes: tuple[str, ...]


def read_table(path: Path, needs: Sequence[str] = ()) -> pl.DataFrame:
    """Read a whole Parquet or CSV file; a CSV's columns are text.

    :arg needs: Columns that have to be there.

    :raises RecordingError: Nothing is there, it cannot be read, a column is missing, or there are no rows.

    """
    if not path.exists():
        raise RecordingError(path, "does not exist")
    if path.is_dir():
        raise RecordingError(path, "is a folder; import one file at a time")
    try:
        if is_parquet(path):
            if METADATA_KEY in pl.read_parquet_metadata(path):
                raise RecordingError(path, "is a recording already")
            frame = pl.read_parquet(path, glob=False)
        else:
            frame = pl.read_csv(path, infer_schema=False, truncate_ragged_lines=True, encoding="utf8-lossy", glob=False)
    except pl.exceptions.NoDataError:
        raise RecordingError(path, "is empty") from None
    except READ_ERRORS as error:
        raise RecordingError(path, f"cannot be read as Parquet or CSV: {first_line(error)}") from None
    for name in needs:
        if name not in frame.columns:
            raise RecordingError(path, f"has no column {name!r}; its columns are {', '.join(frame.columns)}")
    if frame.is_empty():
        raise RecordingError(path, "has no rows")
    return frame


def is_parquet(path: Path) -> bool:
    """Tell Parquet by its suffix or its first bytes; everything else is taken for CSV."""
    if path.suffix.lower() in {".parquet", ".pq"}:
        return True
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"


class Intake:
    """A table on its way in, and what was refused of it so far.

    :arg path: Where it came from.

    """

    def __init__(self, path: Path, kind: str, frame: pl.DataFrame) -> None:
        self.path = path
        self.kind = kind
        self.frame = frame
        self.refused: dict[str, int] = {}
        self.passed_over: dict[str, int] = {}
        self.notes: list[str] = []

    def refuse(self, kind: str, is_bad: pl.Expr) -> None:
        """Drop rows and count them under a name. A condition that is null counts as bad."""
        self._drop(self.refused, kind, is_bad.fill_null(True))

    def pass_over(self, kind: str, is_other: pl.Expr) -> None:
        """Drop rows that nothing is wrong with, and count them."""
        self._drop(self.passed_over, kind, is_other.fill_null(True))

    def _drop(self, counts: dict[str, int], kind: str, condition: pl.Expr) -> None:
        kept = self.frame.filter(~condition)
        dropped = len(self.frame) - len(kept)
        if dropped:
            counts[kind] = counts.get(kind, 0) + dropped
        self.frame = kept

    def refuse_bad_prices(self) -> None:
        """Refuse prices that are no positive numbers."""
        self.refuse("price_unreadable", pl.col("price").is_null())
        self.refuse("price_not_positive", ~(pl.col("price").is_finite() & (pl.col("price") > 0.0)))

    def refuse_time_backwards(self) -> None:
        """Refuse rows whose time is before that of an earlier row of the same pool."""
        latest = pl.col("ts_event_ns").cum_max().over("pool")
        self.refuse("time_backwards", pl.col("ts_event_ns") < latest)

    def choose_bins(self, pools: Sequence[PoolInfo]) -> None:
        """Add each row's active bin, and refuse prices that no bin has."""
        if not pools:  # nothing is left; `write` says so
            return
        self.frame = self.frame.with_columns(active_id=nearest_bin(pl.col("price"), pl.col("pool"), pools))
        self.refuse("price_out_of_range", pl.col("active_id").is_null())

    def derive_slots(self) -> None:
        """Add slots counted from the time, and the order of rows inside them."""
        self.frame = self.frame.with_columns(slot=pl.col("ts_event_ns") // SLOT_NS)
        self.number_writes()

    def number_writes(self) -> None:
        """Add the order of rows inside their slot."""
        self.frame = self.frame.with_columns(write_order=pl.int_range(pl.len(), dtype=pl.Int64).over("slot"))

    def write(self, out: Path, pools: Sequence[PoolInfo], source: str) -> ImportSummary:
        """Write the rows, numbered in the order in which they stand.

        :raises RecordingError: No row is left, or the recording cannot be written.

        """
        if self.frame.is_empty():
            reasons = {**self.refused, **self.passed_over}
            raise RecordingError(
                self.path, "no row is left to import: " + ", ".join(f"{count} {why}" for why, count in reasons.items())
            )
        if out.is_dir():
            raise RecordingError(out, "is a folder; name the file to write")
        if out.exists() and out.samefile(self.path):
            raise RecordingError(out, "is the table itself; name another file to write")
        frame = self.frame
        for name in ("liquidity", "volume"):
            if name not in frame.columns:
                frame = frame.with_columns(pl.lit(None, pl.Float64).alias(name))
        if "ts_recv_ns" not in frame.columns:
            frame = frame.with_columns(ts_recv_ns=pl.col("ts_event_ns"))
        frame = frame.with_columns(seq=pl.int_range(pl.len(), dtype=pl.Int64))
        counts = dict(frame.group_by("pool").len().iter_rows())
        used = [info for info in pools if info.pool in counts]
        write_recording(out, frame, used, source)
        return ImportSummary(
            out=str(out),
            kind=self.kind,
            rows={info.pool: counts[info.pool] for info in used},
            refused=self.refused,
            passed_over=self.passed_over,
            first_ns=int(frame.select(pl.col("ts_event_ns").min()).item()),
            last_ns=int(frame.select(pl.col("ts_event_ns").max()).item()),
            notes=tuple(self.notes),
        )
