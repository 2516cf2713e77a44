"""The runs of a sweep on disk: what was planned, and every run that ended, each written down once."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, Literal

import msgspec

from connectors.research.windows import Fold
from dlmm.errors import DlmmError
from dlmm.records import Record
from operators.books.baselines import Baseline

PLAN, RUNS = "plan.json", "runs.jsonl"

Part = Literal["train", "test"]
PARTS: tuple[Part, Part] = ("train", "test")

Value = str | int | float | bool | list[object] | dict[str, object]


class Market(Record, frozen=True):
    """One recording of a sweep.

    :arg rows: How many it had; another number is another recording.

    """

    path: str
    rows: int
    folds: tuple[Fold, ...]


class SweepPlan(msgspec.Struct, frozen=True):
    """All that decides a sweep's runs. A folder belongs to one plan.

    :arg base: Settings of every run, as TOML.

    :arg keys: Swept keys that take more than one value, in the spec's order.

    :arg candidates: Values of all keys that the spec names, one table a candidate.

    :arg ranges: Lowest and highest value of each key that is drawn, and whether on a logarithmic scale.

    """

    version: Literal[1]
    base: str
    keys: tuple[str, ...]
    candidates: tuple[dict[str, Value], ...]
    ranges: dict[str, tuple[float, float, bool]]
    markets: tuple[Market, ...]

    def runs(self) -> list["RunId"]:
        """Name every run, those of one market and fold together."""
        return [
            RunId(candidate, market, fold, part)
            for market, each in enumerate(self.markets)
            for fold in range(len(each.folds))
            for part in PARTS
            for candidate in range(len(self.candidates))
        ]


class RunId(Record, frozen=True):
    """Which candidate ran on which window."""

    candidate: int
    market: int
    fold: int
    part: Part


class Figures(Record, frozen=True):
    """What is kept of a run's summary; money in the portfolio's quote currency."""

    profit: float
    sharpe: float | None
    max_drawdown: float
    fills: int
    orders: int
    fees: float
    updates: int
    quote: str
    baselines: tuple[Baseline, ...]


class RunRow(Record, frozen=True):
    """A run that ended.

    :arg figures: `None` where it failed ..

    :arg failure: .. for this reason.

    """

    run: RunId
    figures: Figures | None
    failure: str = ""


class RunsFile:
    """The append-only file of ended runs in a sweep's folder.

    :arg folder: Made where it is not there.

    :arg plan: The one that its runs are of.

    :ivar rows: Every run that ended, in the order in which they did.

    :raises DlmmError: The folder cannot be written or read, or belongs to another plan.

    """

    def __init__(self, folder: Path, plan: SweepPlan, *, goes_on: bool) -> None:
        self.folder = folder
        try:
            if goes_on:
                _check_plan(folder, plan)
                self.rows = _read(folder / RUNS)
            else:
                folder.mkdir(parents=True)
                (folder / PLAN).write_bytes(msgspec.json.format(msgspec.json.encode(plan)))
                self.rows = []
            self._log: BinaryIO = (folder / RUNS).open("ab")
        except OSError as error:
            raise DlmmError(f"{folder}: cannot be used: {error.strerror or error}") from None

    @property
    def ended(self) -> frozenset[RunId]:
        """The runs that need not run again."""
        return frozenset(row.run for row in self.rows)

    def append(self, row: RunRow) -> None:
        """Write a run down; it survives the death of this process from here on."""
        self._log.write(msgspec.json.encode(row) + b"\n")
        self._log.flush()
        self.rows.append(row)

    def close(self) -> None:
        """Let go of the file."""
        self._log.close()


def _check_plan(folder: Path, plan: SweepPlan) -> None:
    path = folder / PLAN
    if not path.exists():
        raise DlmmError(f"--resume: {folder} is not the folder of a sweep: it has no {PLAN}")
    try:
        there = msgspec.json.decode(path.read_bytes(), type=SweepPlan)
    except msgspec.DecodeError as error:
        raise DlmmError(f"--resume: {path} cannot be read: {error}") from None
    ours = msgspec.json.decode(msgspec.json.encode(plan), type=SweepPlan)
    differing = [name for name in SweepPlan.__struct_fields__ if getattr(there, name) != getattr(ours, name)]
    if differing:
        words = {"base": "the settings in force", "markets": "the recordings or their windows"}
        raise DlmmError(
            f"--resume: {folder} belongs to another sweep; what differs:"
            f" {', '.join(words.get(name, name) for name in differing)}"
        )


def _read(path: Path) -> list[RunRow]:
    """Read the runs that ended; a last line that was cut off in the middle is taken out."""
    data = path.read_bytes() if path.exists() else b""
    whole = data[: data.rfind(b"\n") + 1]
    if len(whole) < len(data):
        os.truncate(path, len(whole))
    rows: dict[RunId, RunRow] = {}
    for number, line in enumerate(whole.splitlines(), 1):
        try:
            row = msgspec.json.decode(line, type=RunRow)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise DlmmError(
                f"{path}: line {number} is damaged: {error}; take it out, and that run runs again"
            ) from None
        rows.setdefault(row.run, row)
    return list(rows.values())


def of(rows: Iterable[RunRow], part: Part) -> list[RunRow]:
    """Pick the runs on one part of the folds."""
    return [row for row in rows if row.run.part == part]
