"""The whole flow of `benchmarks.execution`: a live run on its own sandbox, whose order journal says how fast it was."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import tomli_w

from connectors.execution.order_entries import Entry, Intent, Landed, Sent, Signed
from connectors.execution.order_journal_format import NAME, read_order_journal
from connectors.recordings.journal_format import JournalError
from dlmm.errors import DlmmError
from dlmm.records import Record
from flows.settings.load import CONFIG_VARIABLE

ROOT = Path(__file__).resolve().parents[2]
WARM_UP = 20
"""Orders that are left out at the beginning."""

LOOK_S = 0.5
STALLED_S = 180.0
"""With no order sent for so long the run is given up: kernels may have to be compiled before the first one."""

ENDS_WITHIN_S = 120.0
SHOWN = 2_000


class FlowTimes(Record, frozen=True):
    """When a swap got how far; nanoseconds since the newest row behind it was received.

    :arg decided: It was approved, and the executor has it.

    :arg written: The first socket has it.

    """

    decided: int
    signed: int
    written: int


class FlowMeasured(Record, frozen=True):
    """What came of a run.

    :arg orders: How many were signed.

    """

    times: tuple[FlowTimes, ...]
    orders: int
    landed: int


class FlowFailedError(DlmmError):
    """The run did not begin, or did not end as it should."""


def measure_flow(count: int, *, fsync: bool, slot_ms: int = 400, folder: Path | None = None) -> FlowMeasured:
    """Run `flows.live` until it has sent so many orders beyond the warm-up.

    :arg folder: Where the run keeps what it writes for as long as it takes: it says which disk is measured.

    :raises DlmmError: The run does not begin, or does not end as it should.

    """
    with tempfile.TemporaryDirectory(dir=folder) as made:
        place = Path(made)
        config = place / "run.toml"
        config.write_text(tomli_w.dumps(_settings(place, fsync=fsync, slot_ms=slot_ms)))
        _run(config, place, WARM_UP + count)
        return _measured(_entries(place))


def _settings(folder: Path, *, fsync: bool, slot_ms: int) -> dict[str, Any]:
    return {
        "sandbox": {"slot_ms": slot_ms},
        "recording": {"folder": str(folder / "recordings")},
        "results": {"runs_dir": str(folder / "runs")},
        "execution": {"mode": "signed", "folder": str(folder / "orders"), "fsync": fsync},
        "portfolio": {"capital": 100_000.0},
        "strategies": {
            "market_making": {"enabled": False},
            "custom": [{"class": "benchmarks.execution_faults.taker:Taker", "params": {"every_slots": 2}}],
        },
        # What is measured is time: no limit shall end it.
        "risk_limits": {
            "max_drawdown": 0.9,
            "emergency_stop_loss": 0.95,
            "max_value_at_risk": 1e9,
            "max_total_exposure": 1e9,
            "max_pool_exposure": 1e9,
        },
        "monitoring": {"metrics_port": 0},
    }


def _run(config: Path, folder: Path, count: int) -> None:
    """Run the flow in a process of its own; what it says goes to files."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("HFT_")}
    command = [sys.executable, "-m", "bytewax.run", "flows.live"]
    with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as err:
        environment = {**inherited, CONFIG_VARIABLE: str(config)}
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=err)
        try:
            _wait(process, folder, count)
            process.send_signal(signal.SIGINT)
            status = process.wait(ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            raise FlowFailedError(f"it did not end within {ENDS_WITHIN_S:g} s") from None
        finally:
            process.kill()
            process.wait()
    if status:
        raise FlowFailedError(f"it ended with status {status}: {_last_words(folder)}")


def _wait(process: "subprocess.Popen[bytes]", folder: Path, count: int) -> None:
    before, deadline = 0, time.monotonic() + STALLED_S
    while True:
        sent = sum(isinstance(entry, Sent) for entry in _entries(folder))
        if sent >= count:
            return
        if sent > before:
            before, deadline = sent, time.monotonic() + STALLED_S
        if time.monotonic() > deadline:
            raise FlowFailedError(f"{sent} orders were sent, and none for {STALLED_S:g} s: {_last_words(folder)}")
        try:
            status = process.wait(LOOK_S)
        except subprocess.TimeoutExpired:
            continue
        raise FlowFailedError(f"it ended by itself, with status {status}: {_last_words(folder)}")


def _entries(folder: Path) -> list[Entry]:
    for path in (folder / "orders").glob(f"*/{NAME}"):
        try:
            return read_order_journal(path).entries
        except JournalError:
            break  # it is being made
    return []


def _measured(entries: list[Entry]) -> FlowMeasured:
    intents = {entry.key: entry for entry in entries if isinstance(entry, Intent)}
    signed = {entry.key: entry.ts_ns for entry in entries if isinstance(entry, Signed)}
    sent: dict[str, int] = {}
    for entry in entries:
        if isinstance(entry, Sent):
            sent.setdefault(entry.key, entry.ts_ns)
    times = []
    for key in list(sent)[WARM_UP:]:
        recv_ns = intents[key].approved.recv_ns
        times.append(FlowTimes(*(at_ns - recv_ns for at_ns in (intents[key].ts_ns, signed[key], sent[key]))))
    return FlowMeasured(tuple(times), len(signed), sum(isinstance(entry, Landed) for entry in entries))


def _last_words(folder: Path) -> str:
    return (folder / "stderr").read_text(errors="replace")[-SHOWN:]
