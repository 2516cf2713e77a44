"""Measure the live flow: from a node's write of a notification to its socket to the decision that follows from it.

    python -m benchmarks.live [--rate 1000] [--updates 15000] [--runs 3] [--spin-us 0] [--encoding base64+zstd] [--pin]

A server process of its own pushes pool accounts over a local websocket (`benchmarks.live.server`); the flow is the
whole `flows.live`: chain feed, journal, desk with the `mm` workload's market maker, portfolio and paper venue, results.
A decision is the report that leaves the portfolio. The first 2,000 updates are left out. Rate 0 pushes as fast as the
flow reads, and then only the throughput counts.

Neither process is pinned unless asked to be. Each run says how busy the machine was with other things, and how far the
server was behind its own schedule: where that is much, so are the latencies.
"""

import argparse
import contextlib
import gc
import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from bytewax.testing import run_main
from rich.console import Console
from rich.table import Table

from benchmarks.live.tape import ENCODINGS, live_pools
from connectors.feeds.chain import ChainFeed
from connectors.monitoring.telemetry import Telemetry
from dlmm.records import Record
from flows.live import Run, live
from flows.settings.load import load_settings
from operators.portfolio_records import Report

WARM = 2_000
FEED = "chain"
LOST_S = 3.0
"""After so long without another update the rest is taken to be lost."""
QUIET = 0.9
"""Idle share of the machine that a run waits for."""
SETTINGS = """
[results]
runs_dir = "{folder}/runs"
[feeds]
spin_us = {spin_us}
[recording]
folder = "{folder}/recordings"
record = {record}
[portfolio]
capital = 10000000.0
[trading]
max_position_size = 1000000.0
[risk_limits]
max_pool_exposure = 5000000.0
max_total_exposure = 20000000.0
max_drawdown = 0.9
max_value_at_risk = 20000000.0
correlation_limit = 1.0
max_orders_per_slot = 1000000
emergency_stop_loss = 0.95
[strategies.market_making]
enabled = false
[[strategies.custom]]
class = "benchmarks.mm_vol:MmVol"
"""


class Figures(Record, frozen=True):
    """What one run came to; times in microseconds.

    :arg latency: p50, p99 and largest, of all updates.

    :arg requote: p50 and p99 of those that changed orders.

    :arg cpu_share: Of the flow's process, of one core.

    :arg late: p50, p99 and largest delay of the server behind its schedule.

    :arg others: Share of both cores that was busy with anything but the flow.

    """

    has_journal: bool
    latency: tuple[float, ...]
    requote: tuple[float, ...]
    cpu_share: float
    cpu_us: float
    per_s: float
    late: tuple[float, ...]
    others: float
    load: float


class Stopwatch(Telemetry):
    """Telemetry that also notes when each update had been decided, and ends the run after the last one.

    One worker takes a slice through the whole graph before the next is made, so the rows that the inbox has counted
    when a report passes are those that are decided.
    """

    def __init__(self, updates: int, run: "list[Run]") -> None:
        super().__init__()
        self.decided: list[tuple[int, int, int]] = []  # updates so far, orders so far, CLOCK_MONOTONIC ns
        self.used_s: list[float] = []  # processor time after `WARM` updates, and at the end
        self.busy: list[tuple[float, float]] = []
        self._updates = updates
        self._run = run

    def observe(self, report: Report) -> Report:
        """Take a decision's time first, then do as any telemetry."""
        now_ns = time.monotonic_ns()
        passed = self.intake.passed[FEED] if self.intake is not None else 0
        before, _, before_ns = self.decided[-1] if self.decided else (0, 0, now_ns)
        if passed > before:
            self.decided.append((passed, int(report.ledger["orders"][0]), now_ns))
            if before < WARM <= passed:
                self._read_clocks()
        is_lost = passed and now_ns - before_ns > LOST_S * 1e9
        if (passed >= self._updates and before < passed) or is_lost:
            self._read_clocks()
            self._run[0].stop.request("all updates are decided")
        return super().observe(report)

    def _read_clocks(self) -> None:
        self.used_s.append(time.process_time())
        self.busy.append(busy_and_all())


def busy_and_all() -> tuple[float, float]:
    """Return the seconds that all cores of the machine together were busy, and were there."""
    ticks = [int(part) for part in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    idle = ticks[3] + ticks[4]
    return (sum(ticks) - idle) / os.sysconf("SC_CLK_TCK"), sum(ticks) / os.sysconf("SC_CLK_TCK")


def wait_for_quiet(longest_s: float) -> None:
    """Wait until the machine was idle for two seconds, at most so long."""
    deadline = time.monotonic() + longest_s
    while time.monotonic() < deadline:
        busy, whole = busy_and_all()
        time.sleep(2.0)
        later_busy, later_whole = busy_and_all()
        if (later_busy - busy) / (later_whole - whole) <= 1.0 - QUIET:
            return


def measure(terms: argparse.Namespace, *, has_journal: bool) -> Figures:
    """Make one run."""
    with tempfile.TemporaryDirectory() as folder:
        sent = Path(folder) / "sent.npy"
        config = Path(folder) / "live.toml"
        config.write_text(SETTINGS.format(folder=folder, record=str(has_journal).lower(), spin_us=terms.spin_us))
        command = [sys.executable, "-m", "benchmarks.live.server", "--sent", str(sent), "--encoding", terms.encoding]
        command += ["--updates", str(terms.updates), "--rate", str(terms.rate)]
        server = subprocess.Popen([*command, *(["--core", "1"] if terms.pin else [])], stdout=subprocess.PIPE)
        assert server.stdout is not None
        ports = json.loads(server.stdout.readline())
        watch = _run_flow(config, ports, terms.updates)
        late = json.loads(server.stdout.readline())["late_us"]
        server.wait()
        return _figures(watch, np.load(sent), late, has_journal=has_journal)


def _run_flow(config: Path, ports: dict[str, int], updates: int) -> Stopwatch:
    holder: list[Run] = []
    watch = Stopwatch(updates, holder)
    run = Run(telemetry=watch)
    holder.append(run)
    url = f"127.0.0.1:{ports['websocket']}"

    def feeds() -> list[ChainFeed]:
        return [ChainFeed(FEED, f"ws://{url}", f"http://127.0.0.1:{ports['http']}")]

    settings = load_settings({"HFT_CONFIG": str(config)})
    with contextlib.redirect_stdout(io.StringIO()):
        run_main(live(settings, "benchmark", live_pools(), feeds, run))
    gc.collect()
    return watch


def _figures(watch: Stopwatch, sent_ns: np.ndarray, late: list[float], *, has_journal: bool) -> Figures:
    passed, orders, at_ns = np.array(watch.decided, np.int64).T
    if passed[-1] != len(sent_ns) or len(watch.used_s) != 2:
        raise SystemExit(f"{passed[-1]} of {len(sent_ns)} updates were decided: no figures")
    number = np.arange(WARM, len(sent_ns))
    decision = np.searchsorted(passed, number, side="right")
    took_us = (at_ns[decision] - sent_ns[number]) / 1e3
    has_orders = np.diff(orders, prepend=0)[decision] > 0
    seconds = (at_ns[-1] - sent_ns[WARM]) / 1e9
    used_s = watch.used_s[1] - watch.used_s[0]
    busy, whole = np.subtract(watch.busy[1], watch.busy[0])
    return Figures(
        has_journal=has_journal,
        latency=_percentiles(took_us, (50, 99, 100)),
        requote=_percentiles(took_us[has_orders], (50, 99)),
        cpu_share=used_s / seconds,
        cpu_us=used_s / len(number) * 1e6,
        per_s=len(number) / seconds,
        late=tuple(late),
        others=float((busy - used_s) / whole),
        load=os.getloadavg()[0],
    )


def _percentiles(values: np.ndarray, shares: tuple[int, ...]) -> tuple[float, ...]:
    return tuple(float(np.percentile(values, share)) for share in shares)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=1_000.0, help="updates a second, Poisson; 0: as fast as it goes")
    parser.add_argument("--updates", type=int, default=15_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--spin-us", type=int, default=0, help="the setting feeds.spin_us")
    parser.add_argument("--encoding", choices=ENCODINGS, default="base64+zstd", help="of the accounts")
    parser.add_argument("--pin", action="store_true", help="the flow to core 0, the server to core 1")
    parser.add_argument("--quiet-s", type=float, default=30.0, help="longest wait for an idle machine before a run")
    parser.add_argument("--journal", choices=("on", "off", "both"), default="both")
    terms = parser.parse_args()
    if terms.pin:
        os.sched_setaffinity(0, {0})
    pace = f"{terms.rate:g} a second" if terms.rate else "flat out"
    table = Table(title=f"{terms.updates} updates, {pace}, {terms.encoding}, spinning {terms.spin_us} us")
    for column in ("journal", "p50 us", "p99", "max", "requotes p50", "p99", "CPU %", "CPU us/update", "updates/s"):
        table.add_column(column, justify="right")
    for column in ("server late p50/p99/max us", "others %", "load"):
        table.add_column(column, justify="right")
    for has_journal in {"on": (True,), "off": (False,), "both": (True, False)}[terms.journal]:
        for _ in range(terms.runs):
            wait_for_quiet(terms.quiet_s)
            table.add_row(*_row(measure(terms, has_journal=has_journal), is_paced=terms.rate > 0))
    Console(width=160).print(table)
    print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB")


def _row(run: Figures, *, is_paced: bool) -> list[str]:
    latencies = [f"{value:,.0f}" if is_paced else "-" for value in (*run.latency, *run.requote)]
    return [
        "on" if run.has_journal else "off",
        *latencies,
        f"{100 * run.cpu_share:.0f}",
        f"{run.cpu_us:.0f}",
        f"{run.per_s:,.0f}",
        " / ".join(f"{value:,.0f}" for value in run.late) if is_paced else "-",
        f"{100 * run.others:.0f}",
        f"{run.load:.1f}",
    ]


if __name__ == "__main__":
    main()
