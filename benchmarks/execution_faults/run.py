"""One run of `benchmarks.execution_faults`: a sandbox, the whole flow trading on it, a fault, and the verdict."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import tomli_w
from solders.keypair import Keypair

from benchmarks.execution_faults.black_hole import BlackHole
from benchmarks.execution_faults.cases import BLOCKHASH_BLOCKS, Case, Outage
from benchmarks.execution_faults.chain import NodeCalls, holdings_of, transactions_of
from benchmarks.execution_faults.verdict import Books, Evidence, Verdict, judge
from connectors.clusters.cluster import Cluster
from connectors.clusters.sandbox_funding import LAMPORTS_PER_SOL, fund, funds_for
from connectors.clusters.sandbox_process import SandboxFacts, SandboxProcess
from connectors.execution.order_entries import Landed
from connectors.execution.order_journal_format import NAME, read_order_journal
from connectors.recordings.recording import Recording
from connectors.stopping import Stop
from dlmm.errors import DlmmError
from dlmm.records import Record
from operators.orders.execution_reports import REPORT_OWNER, decode_report

ROOT = Path(__file__).resolve().parents[2]
MARKET = "sigma=0.006,jumps=360,jump=0.003,rate=2,usd=1000"
"""Lively: there is something to react to in every slot."""

CAPITAL = 100_000.0
SPARE_LAMPORTS = 10 * LAMPORTS_PER_SOL
BEGINS_WITHIN_S = 180.0
"""With kernels to compile."""
ENDS_WITHIN_S = 120.0
"""Beside the life of a blockhash."""
FROZEN_S = 5.0
THAWED_S = 8.0
LOOK_S = 0.1
SHOWN_NOTES = 2_000
WINDOW_ROWS = 10_000


class Terms(Record, frozen=True):
    """What all runs have in common.

    :arg seconds: How long the run trades, from its first landing on.

    :arg slot_ms: Length of a slot for all cases; None: each case's own.

    """

    seconds: float = 60.0
    slot_ms: int | None = None


class Outcome(Record, frozen=True):
    """What came of a run.

    :arg hits: How often the faults hit.

    :arg settling_s: From the signal to the end of the process.

    :arg load: Of the machine, mean of the last minute.

    """

    case: Case
    slot_ms: int
    verdict: Verdict
    evidence: Evidence
    hits: Mapping[str, int]
    settling_s: float
    load: float


class RunFailedError(DlmmError):
    """The flow under test did not begin, did not end, or ended otherwise than it should."""


def run(case: Case, terms: Terms, folder: Path | None = None) -> Outcome:
    """Start a sandbox and the flow, let the fault last, end the flow, and judge.

    :arg folder: Keeps all that the flow writes; nothing is kept where it is `None`.

    :raises DlmmError: The sandbox or the flow does not run as it should.

    """
    slot_ms = case.slot_ms if terms.slot_ms is None else terms.slot_ms
    with ExitStack() as undo:
        if folder is None:
            folder = Path(undo.enter_context(tempfile.TemporaryDirectory()))
        sandbox = SandboxProcess(("--slot-ms", str(slot_ms), "--market", MARKET))
        undo.callback(sandbox.end)
        facts = sandbox.facts(Stop())
        node = NodeCalls(int(facts.rpc_url.rpartition(":")[2]))
        urls, hole = [facts.rpc_url], None
        if Outage.BLACK_HOLE in case.outages:
            hole = BlackHole(node.port)
            undo.callback(hole.close)
            urls.insert(0, hole.url)
        wallet = _funded_wallet(facts, folder)
        config = _settings(case, facts, urls, folder)
        with _flow(config, folder) as flow:
            _begin(flow, folder / "orders" / wallet / NAME)
            hits = _suffer(case, terms.seconds, flow, node, sandbox.pid)
            settling_s = _end(flow, ENDS_WITHIN_S + BLOCKHASH_BLOCKS * slot_ms / 1000.0)
        if hole is not None:
            hits["swallowed"] = hole.swallowed
        # What could still land would do so now.
        node.call("sandbox_advance", BLOCKHASH_BLOCKS + 50)
        evidence = Evidence(tuple(transactions_of(node, wallet)), holdings_of(node, wallet), read_books(folder, wallet))
    return Outcome(case, slot_ms, judge(evidence), evidence, hits, settling_s, os.getloadavg()[0])


def _funded_wallet(facts: SandboxFacts, folder: Path) -> str:
    """Make a key file, and money for its address."""
    keypair = Keypair()
    path = folder / "wallet.json"
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(json.dumps(list(bytes(keypair))).encode())
    address = str(keypair.pubkey())
    cluster = Cluster(facts.rpc_url, "the sandbox", "confirmed")
    pools, _ = cluster.load_pools([pool.address for pool in facts.pools], 1)
    fund(cluster, address, funds_for(pools, [0.5] * len(pools), CAPITAL, SPARE_LAMPORTS))
    return address


def _settings(case: Case, facts: SandboxFacts, urls: list[str], folder: Path) -> Path:
    """Write the settings of a run that quotes and takes in every pool."""
    taker = {"class": "benchmarks.execution_faults.taker:Taker"}
    settings: dict[str, Any] = {
        "network": {
            "rpc_url": urls[0],
            "backup_rpc_urls": urls[1:],
            "ws_url": facts.ws_url,
            "commitment": case.commitment,
            "genesis_hash": facts.genesis_hash,
        },
        "feeds": {"prices_url": facts.prices_url},
        "recording": {"folder": str(folder / "recordings")},
        "results": {"runs_dir": str(folder / "runs")},
        "execution": {
            "mode": "signed",
            "folder": str(folder / "orders"),
            "commitment": case.commitment,
            "skip_preflight": case.skip_preflight,
            "rebroadcast_ms": 1_000,
        },
        "wallet": {"keypair_path": str(folder / "wallet.json"), "unwrap_at_end": False},
        "trading": {"dry_run": False},
        "target_pools": {"pools": [pool.address for pool in facts.pools]},
        "portfolio": {"capital": CAPITAL},
        "strategies": {
            # Its quotes rest for long, so that those whose transaction failed or expired are sent anew.
            "market_making": {
                "spread_target": 0.0005,
                "volatility_multiplier": 0.0,
                "requote_price_bps": 100.0,
                "order_expiry_slots": 2_000,
            },
            "custom": [taker],
        },
        # What is shown is that nothing gets lost, not that limits hold.
        "risk_limits": {
            "max_drawdown": 0.9,
            "emergency_stop_loss": 0.95,
            "max_value_at_risk": 1e9,
            "max_total_exposure": 1e9,
            "max_pool_exposure": 1e9,
        },
        "monitoring": {"metrics_port": 0},
    }
    path = folder / "run.toml"
    path.write_text(tomli_w.dumps(settings))
    return path


@contextmanager
def _flow(config: Path, folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Run `flows.live` in a process of its own; what it says goes to files."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("HFT_")}
    command = [sys.executable, "-m", "bytewax.run", "flows.live"]
    with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as err:
        process = subprocess.Popen(
            command, cwd=ROOT, env={**inherited, "HFT_CONFIG": str(config)}, stdout=out, stderr=err
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()
    if process.returncode:
        raise RunFailedError(f"the flow ended with status {process.returncode}: {_last_words(folder)}")


def _last_words(folder: Path) -> str:
    return (folder / "stderr").read_text(errors="replace")[-SHOWN_NOTES:]


def _begin(flow: "subprocess.Popen[bytes]", journal: Path) -> None:
    """Wait until an order of the run has landed."""

    def has_traded() -> bool:
        return journal.exists() and any(isinstance(entry, Landed) for entry in read_order_journal(journal).entries)

    _wait(flow, BEGINS_WITHIN_S, has_traded)


def _wait(flow: "subprocess.Popen[bytes]", within_s: float, is_so: Callable[[], bool]) -> None:
    """Look until something holds.

    :raises RunFailedError: It does not in time, or the flow ends before.

    """
    deadline = time.monotonic() + within_s
    while not is_so():
        if time.monotonic() > deadline:
            raise RunFailedError(f"the flow does not trade within {within_s:g} s")
        _go_on(flow, LOOK_S)


def _go_on(flow: "subprocess.Popen[bytes]", seconds: float) -> None:
    """Let the flow trade for a while.

    :raises RunFailedError: It ended.

    """
    try:
        status = flow.wait(seconds)
    except subprocess.TimeoutExpired:
        return
    raise RunFailedError(f"the flow ended by itself, with status {status}")


def _suffer(case: Case, seconds: float, flow: "subprocess.Popen[bytes]", node: NodeCalls, pid: int) -> dict[str, int]:
    """Let the fault last, and go away again; return how often it hit."""
    node.call("sandbox_setFaults", case.spec)
    hits: dict[str, int] = {}
    if Outage.FROZEN in case.outages:
        end_s = time.monotonic() + seconds
        hits["frozen"] = 0
        while time.monotonic() < end_s:
            _freeze(flow, pid)
            hits["frozen"] += 1
            _go_on(flow, THAWED_S)
    else:
        _go_on(flow, seconds * case.share)
    hits.update(node.call("sandbox_getFaults")["hits"])
    node.call("sandbox_setFaults", "")
    if case.share < 1.0:
        _go_on(flow, seconds * (1.0 - case.share))
    return hits


def _freeze(flow: "subprocess.Popen[bytes]", pid: int) -> None:
    os.kill(pid, signal.SIGSTOP)
    try:
        _go_on(flow, FROZEN_S)
    finally:
        os.kill(pid, signal.SIGCONT)


def _end(flow: "subprocess.Popen[bytes]", within_s: float) -> float:
    """Ask the flow to end, and wait until it has; return how long it took.

    :raises RunFailedError: It does not.

    """
    begun_s = time.monotonic()
    flow.send_signal(signal.SIGINT)
    try:
        flow.wait(within_s)
    except subprocess.TimeoutExpired:
        raise RunFailedError(f"the flow did not settle within {within_s:g} s") from None
    return time.monotonic() - begun_s


def read_books(folder: Path, wallet: str) -> Books:
    """Read what a run wrote: its order journal, its recording and its results.

    :raises DlmmError: Something of it is missing.

    """
    (results,) = (folder / "runs").iterdir()
    summary = json.loads((results / "summary.json").read_text())
    if summary["failure"]:
        raise RunFailedError(f"the flow failed: {summary['failure']}")
    recording = Recording.open(Path(summary["recording"]))
    writes = [
        write for start in range(0, len(recording), WINDOW_ROWS) for write in recording.writes(start, WINDOW_ROWS)
    ]
    fills = pl.read_parquet(results / "fills.parquet")["order"].to_list()
    orders = pl.read_parquet(results / "orders.parquet").filter(pl.col("attempts") > 0)
    return Books(
        entries=tuple(read_order_journal(folder / "orders" / wallet / NAME).entries),
        reports=tuple(decode_report(write.data) for write in writes if write.owner == REPORT_OWNER),
        attempts=dict(orders.select("order", "attempts").iter_rows()),
        fills={order: fills.count(order) for order in fills},
        wallet=summary["wallet"],
    )
