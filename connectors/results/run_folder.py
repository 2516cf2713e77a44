"""The run folder: everything a run leaves behind, and the table a person sees at its end.

While the run goes on, rows are kept as they are, from each snapshot on also on disk, in a file for each table. A
snapshot is the files' lengths: a restart cuts them back to it, so nothing appears twice. When the input has ended the
rows become Parquet, beside `summary.json`.
"""

import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import polars as pl
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition
from msgspec.structs import replace

from connectors.results.result_frames import table_frame
from connectors.results.result_table import print_result, render_result
from connectors.results.row_log import RowLog
from connectors.results.run_labels import RunLabels
from connectors.results.run_summary import SUMMARY, Before, summarise
from dlmm.errors import DlmmError
from dlmm.records import Record
from operators.blocks import SIGNAL
from operators.books.ledger import EQUITY
from operators.orders.records import FILL, ORDER
from operators.portfolio_records import Report, Totals

TABLES = {"orders": ORDER, "fills": FILL, "equity": EQUITY, "signals": SIGNAL}


class RunFolderState(Record, frozen=True):
    """Where a run writes, and how much of it counts.

    :arg lengths: Bytes of each of `TABLES`, in their order.

    :arg seconds: Time spent so far.

    :arg recording: Where the run's rows are kept: a run that is taken up again goes on there.

    :arg totals: Those of the run once its input has ended: what remains is to write the result.

    :arg before: Of the runs that it goes on from.

    """

    folder: str
    lengths: tuple[int, ...]
    seconds: float
    recording: str = ""
    totals: Totals | None = None
    before: Before = Before()


@dataclass
class Outcome:
    """How a run of this process ended.

    :arg failure: Why its input had to end, or nothing.

    """

    failure: str = ""


class _RunFolder(StatefulSinkPartition[Report, RunFolderState]):
    def __init__(self, sink: "RunFolderSink", state: RunFolderState | None) -> None:
        runs_dir, labels, started = sink.runs_dir, sink.labels, sink.started
        self._outcome = sink.outcome
        self._labels = labels if state is None else replace(labels, recording=state.recording)
        self._before = state.before if state is not None else Before()
        if state is not None and sink.goes_on and (Path(state.folder) / SUMMARY).exists():
            self._before = Before.read(Path(state.folder))
            state = None  # that run was ended, and this is the next of the same portfolio
        self._seconds = state.seconds if state is not None else self._before.seconds
        self._started = started
        self._totals = state.totals if state is not None else None
        self._folder = Path(state.folder) if state is not None else _new_folder(runs_dir, labels.name)
        # A run whose result stands has nothing left to do: what a restart brings once more is in it already.
        self._is_written = (self._folder / SUMMARY).exists()
        lengths = (0,) * len(TABLES) if state is None else state.lengths
        self._logs: dict[str, RowLog] = {}
        if not self._is_written:
            self._logs = {
                table: RowLog(self._folder / f"{table}.rows", dtype, length)
                for (table, dtype), length in zip(TABLES.items(), lengths, strict=True)
            }
        if state is None:
            (self._folder / "config.toml").write_text(labels.configuration)

    def write_batch(self, values: list[Report]) -> None:
        for report in values:
            for table, log in self._logs.items():
                log.append(getattr(report, table))
            if report.totals is not None:
                self._totals = report.totals

    def snapshot(self) -> RunFolderState:
        lengths = tuple([log.save() for log in self._logs.values()])
        return RunFolderState(
            str(self._folder), lengths, self._elapsed(), self._labels.recording, self._totals, self._before
        )

    def _elapsed(self) -> float:
        return self._seconds + time.perf_counter() - self._started

    def close(self) -> None:
        if self._totals is None:  # cut short: the rows stay as they are, for a restart from the last snapshot
            for log in self._logs.values():
                log.close()
            return
        self._outcome.failure = self._totals.failure
        result = self._read() if self._is_written else self._write(self._totals)
        for table in TABLES:
            (self._folder / f"{table}.rows").unlink(missing_ok=True)
        print_result(result)

    def _write(self, totals: Totals) -> str:
        """Write the result, the summary last and at once: where it stands, all of it does. Return it as printed."""
        seconds = self._elapsed()
        tables = {table: log.take() for table, log in self._logs.items()}
        with ThreadPoolExecutor(2) as threads:
            # Frames are made here: threads that want the interpreter wait for one another, and encoding needs none.
            written = [
                threads.submit(self._encode, table, table_frame(table, parts, self._labels))
                for table, parts in tables.items()
            ]
            summary = summarise(self._labels, totals, tables, seconds, self._before)
            result = render_result(summary, self._folder)
        for table in written:
            table.result()
        unfinished = self._folder / f"{SUMMARY}.part"
        unfinished.write_text(json.dumps(summary, indent=2) + "\n")
        unfinished.replace(self._folder / SUMMARY)
        return result

    def _encode(self, table: str, frame: pl.DataFrame) -> None:
        frame.write_parquet(self._folder / f"{table}.parquet", compression="lz4", statistics=False)

    def _read(self) -> str:
        return render_result(json.loads((self._folder / SUMMARY).read_text()), self._folder)


@dataclass(frozen=True)
class RunFolderSink(FixedPartitionedSink[Report, RunFolderState]):
    """Write a run's results to `runs_dir/<time>-<name>/` and print them at the end.

    :arg outcome: Where the run says how it ended.

    :arg goes_on: Whether a run whose result stands can be taken up again, as a live one can: in a folder of its own.

    :arg started: Reading of the performance counter from which the run's seconds count.

    """

    runs_dir: Path
    labels: RunLabels
    outcome: Outcome
    goes_on: bool = False
    started: float = field(default_factory=time.perf_counter)

    def list_parts(self) -> list[str]:
        return ["result"]

    def build_part(self, step_id: str, for_part: str, resume_state: RunFolderState | None) -> _RunFolder:
        del step_id, for_part
        return _RunFolder(self, resume_state)


def usable_runs_dir(path: str) -> Path:
    """Make the folder that receives runs, where it is not there yet: a run must not find out later that it cannot.

    :raises DlmmError: It cannot be made, or written to.

    """
    runs_dir = Path(path)
    try:
        runs_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DlmmError(f"results.runs_dir: {path}: cannot be made: {error.strerror}") from None
    if not os.access(runs_dir, os.W_OK | os.X_OK):
        raise DlmmError(f"results.runs_dir: {path}: cannot be written")
    return runs_dir


def _new_folder(runs_dir: Path, name: str) -> Path:
    stem = f"{datetime.now().astimezone():%Y%m%d-%H%M%S}-{name}"
    for attempt in range(1000):
        folder = runs_dir / (stem if attempt == 0 else f"{stem}-{attempt}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise FileExistsError(runs_dir / stem)
