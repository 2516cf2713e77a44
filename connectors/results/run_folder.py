"""The run folder: everything a run leaves behind, and the table a person sees at its end.

While the run goes on, rows are kept as they are, from each snapshot on also on disk, in a file for each table. A
snapshot is the files' lengths: a restart cuts them back to it, so nothing appears twice. When the input has ended the
rows become Parquet, beside `summary.json`.
"""

import json
import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition
from msgspec.structs import replace
from numpy.typing import NDArray

from connectors.results.early_frame import EarlyFrame
from connectors.results.result_frames import table_frame
from connectors.results.result_table import print_result
from connectors.results.row_log import RowLog
from connectors.results.run_labels import RunLabels
from connectors.results.wallet_summary import summarise_wallet
from dlmm.errors import DlmmError
from dlmm.records import Record
from dlmm.struct_arrays import join
from operators.blocks import SIGNAL, Rows
from operators.books.ledger import EQUITY
from operators.books.performance import measure
from operators.market.arbitrate import CAUSES
from operators.orders.records import FILL, ORDER, RULES, STATUSES
from operators.portfolio_records import Report, Totals

TABLES = {"orders": ORDER, "fills": FILL, "equity": EQUITY, "signals": SIGNAL}
SUMMARY = "summary.json"
UNENDED = ("open", "sent")


class Before(Record, frozen=True):
    """What the runs of a portfolio that ended before this one came to, of what is counted in a run's own tables.

    :arg orders_by_status: How many orders ended so; `objections` by rule, and `orders` by strategy. Those that had not
        ended are the next run's.

    """

    orders_by_status: Mapping[str, int] = {}
    objections: Mapping[str, int] = {}
    orders: Mapping[str, int] = {}
    seconds: float = 0.0

    @classmethod
    def read(cls, folder: Path) -> "Before":
        """Read it in the results of the last of them."""
        summary = json.loads((folder / SUMMARY).read_text())
        ended = {status: count for status, count in summary["orders_by_status"].items() if status not in UNENDED}
        table = pl.scan_parquet(folder / "orders.parquet").filter(pl.col("status").cast(pl.String).is_in(UNENDED))
        left = Counter(table.select(pl.col("strategy").cast(pl.String)).collect()["strategy"].to_list())
        orders = {name: strategy["orders"] - left[name] for name, strategy in summary["strategies"].items()}
        return cls(ended, summary["objections"], orders, summary["seconds"])


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
        self._orders = None if any(lengths) else EarlyFrame(lambda rows: table_frame("orders", rows, self._labels))
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
            if self._orders is not None:
                self._orders.add(report.orders)
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
        summary = self._read() if self._is_written else self._write(self._totals)
        with ThreadPoolExecutor(1) as thread:  # to let go of much takes as long as to print
            thread.submit(self._remove_rows)
            print_result(summary, self._folder)

    def _remove_rows(self) -> None:
        for table in TABLES:
            (self._folder / f"{table}.rows").unlink(missing_ok=True)

    def _write(self, totals: Totals) -> dict[str, object]:
        """Write the result, the summary last and at once: where it stands, all of it does."""
        seconds = self._elapsed()
        tables = {table: log.take() for table, log in self._logs.items()}
        with ThreadPoolExecutor(2) as threads:  # of the orders, mostly the most by far, and of all the others
            written = [threads.submit(self._write_table, table, parts) for table, parts in tables.items()]
            summary = _summarise(self._labels, totals, tables, seconds, self._before)
        for table in written:
            table.result()
        unfinished = self._folder / f"{SUMMARY}.part"
        unfinished.write_text(json.dumps(summary, indent=2) + "\n")
        unfinished.replace(self._folder / SUMMARY)
        return summary

    def _write_table(self, table: str, parts: list[Rows]) -> None:
        early = self._orders.take() if table == "orders" and self._orders is not None else None
        frame = early if early is not None else table_frame(table, join(parts), self._labels)
        frame.write_parquet(self._folder / f"{table}.parquet", compression="lz4", statistics=False)

    def _read(self) -> dict[str, object]:
        summary: dict[str, object] = json.loads((self._folder / SUMMARY).read_text())
        return summary


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


def _summarise(
    labels: RunLabels, totals: Totals, tables: dict[str, list[Rows]], seconds: float, before: Before
) -> dict[str, object]:
    ledger = totals.ledger
    statuses, rules, strategies = (
        np.concatenate([part[name] for part in tables["orders"]]) for name in ("status", "rule", "strategy")
    )
    equity = join(tables["equity"])
    performance = measure(equity, ledger, totals.books, ledger["start"], labels.equity_interval_s)
    by_status = np.bincount(statuses, minlength=len(STATUSES)).tolist()
    by_rule = np.bincount(rules, minlength=len(RULES)).tolist()
    return {
        "name": labels.name,
        "recording": labels.recording,
        "quote": labels.quote,
        "updates": int(ledger["updates"]),
        "dropped": dict(zip(CAUSES, totals.dropped, strict=True)),
        "refused_rows": {kind: count for kind, is_refused, count in totals.findings if is_refused},
        "noted_rows": {kind: count for kind, is_refused, count in totals.findings if not is_refused},
        "signals": dict(zip(labels.strategies, totals.signals, strict=True)),
        "figures": {
            name: wording.figures
            for name, wording in zip(labels.strategies, labels.wordings, strict=False)
            if wording.figures
        },
        "orders": int(ledger["orders"]),
        "orders_by_status": _counted(STATUSES, by_status, before.orders_by_status),
        "objections": _counted(RULES[1:], by_rule[1:], before.objections),
        "fills": int(ledger["fills"]),
        "equity_samples": len(equity),
        "volume": ledger["volume"],
        "transaction_costs": ledger["transaction_costs"],
        "emergency_stop": bool(ledger["stopped"]),
        **msgspec.to_builtins(performance),
        "pools": {
            info.pool: {
                "base_symbol": info.base,
                "quote_symbol": info.quote,
                "base_decimals": info.decimals_x,
                "quote_decimals": info.decimals_y,
                "price": book["price"],
                "base": book["base"] * book["unit_x"],
                "quote": book["quote"] * book["unit_y"],
                "base_in_bins": book["position_x"] * book["unit_x"],
                "quote_in_bins": book["position_y"] * book["unit_y"],
                "realised": book["realised"],
                "fees": book["fees"],
                "fees_earned": book["fees_earned"],
            }
            for info, book in zip(labels.infos, totals.books, strict=True)
            if book["is_open"]
        },
        "strategies": _by_strategy(labels, totals, strategies, before.orders),
        "baselines": [msgspec.to_builtins(baseline) for baseline in totals.baselines],
        "wallet": summarise_wallet(labels.infos, totals),
        "failure": totals.failure or None,
        "troubles": list(totals.troubles),
        "notes": list(labels.notes),
        "seconds": round(seconds, 6),
        "updates_per_s": round(ledger["updates"] / seconds) if seconds > 0 else None,
    }


def _counted(names: Sequence[str], counts: Sequence[int], before: Mapping[str, int]) -> dict[str, int]:
    """Name how many there were of each, those of before included; without those that there were none of."""
    totals = {name: before.get(name, 0) + count for name, count in zip(names, counts, strict=True)}
    return {name: count for name, count in totals.items() if count}


def _by_strategy(
    labels: RunLabels, totals: Totals, strategies: NDArray[np.int16], before: Mapping[str, int]
) -> dict[str, dict[str, object]]:
    """Say what each strategy did and came to."""
    made = np.bincount(strategies[strategies >= 0], minlength=len(labels.strategies)).tolist()
    each = zip(labels.strategies, totals.signals, made, totals.strategies, strict=True)
    return {
        name: {"signals": signals, "orders": before.get(name, 0) + count, **msgspec.to_builtins(strategy)}
        for name, signals, count, strategy in each
    }
