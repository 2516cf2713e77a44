"""One run of `benchmarks.kills`: a live run with signed transactions that dies again and again, and goes on."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

import msgspec
from solders.keypair import Keypair

from benchmarks.chain_oracle import Balances, ChainOracle
from benchmarks.kills.verdict import Orders, is_trade, judge_orders, judge_recording, judge_results
from benchmarks.rehearsal.verdict import TradedPool
from connectors.clusters.cluster import Cluster
from connectors.clusters.sandbox_funding import LAMPORTS_PER_SOL, fund, funds_for
from connectors.clusters.sandbox_process import SandboxFacts, SandboxProcess
from connectors.execution.order_journal_format import NAME
from connectors.results.run_summary import SUMMARY
from connectors.stopping import Stop
from dlmm.errors import DlmmError
from dlmm.records import Record

ROOT = Path(__file__).resolve().parents[2]
SANDBOX = ("--pool", "meteora:SOL-USDC:10", "--pool", "saros:SOL-USDC:20")
STRATEGIES = """[
    {class = "benchmarks.kills.strategy:Restless"},
    {class = "docs.examples.rehearsal:Rehearsal", params = {every = 6}},
]"""
"""Swaps all the time, and every liquidity command beside them; market making adds orders that rest."""

CAPITAL = 100_000.0
"""What the wallet is given, in USDC: half of it as SOL."""
SPARE_LAMPORTS = 20 * LAMPORTS_PER_SOL
AROUND = 2

DEADLINE_S = 120.0
"""Longest time that anything may take; a deadline that no working code comes near, with kernels to compile."""
LOOK_S = 0.002
OPENED = b"orders in its journal"
"""What a run says of its wallet once journal and chain agree."""
LONGEST_START_S = 6.0
LEAST_BYTES, MOST_BYTES = 10_000, 40_000
"""What a run that is killed while it trades has added to the order journal: more than it takes to settle what was open,
and up to some forty orders, which take longer than a snapshot."""
LAST_WORDS = 5
SETTLED_SLOTS = 3


class Moment(StrEnum):
    """When a process is killed."""

    STARTING = "starting"
    """At any time after it began: while it imports, settles what was open, reads back, opens, trades."""
    TRADING = "trading"
    """When it has added so much to the order journal, and a little later."""
    ENDING = "ending"
    """Soon after it was asked to end, or when it has."""


WEIGHTS = (4, 4, 2)
"""How often each of them is chosen."""


class Terms(Record, frozen=True):
    """What a run is.

    :arg kills: How often it dies.

    :arg seed: Of the moments, of prices and of traders.

    :arg faults: Of the sandbox; transactions that take a while to land are on their way when a run is killed.

    :arg snapshot_s: Whole seconds between two snapshots.

    :arg strategies: The user's own, as the settings have them.

    :arg settings: Of the flow, beside those that say where it trades.

    :arg workers: Of the flow.

    """

    kills: int = 10
    seed: int = 1
    slot_ms: int = 50
    market: str = "sigma=0.004,rate=1,usd=500"
    faults: str = "tx.delay=1:5"
    snapshot_s: int = 1
    strategies: str = STRATEGIES
    settings: Mapping[str, str] = {}
    workers: int = 1


class Death(Record, frozen=True):
    """How a process ended.

    :arg lived_s: How long it had lived.

    :arg wrote: Bytes that it had added to the order journal.

    """

    moment: Moment
    lived_s: float
    wrote: int


class Outcome(Record, frozen=True):
    """What came of a run.

    :arg wrong: What is not as the chain has it, a line each.

    :arg orders: In the order journal.

    :arg landed: Transactions with a venue's program that did what they should; `failed` stand on chain with an error.

    :arg openings: Starts that came as far as to trade; at each but a portfolio's first the ledger was held against the
        chain.

    :arg missed: Landings that a start learned of only from the chain.

    :arg portfolios: Deaths before the first snapshot leave one behind, and the next start opens another.

    """

    deaths: tuple[Death, ...]
    wrong: tuple[str, ...]
    orders: int
    landed: int
    failed: int
    openings: int
    missed: int
    portfolios: int


class KillRunError(DlmmError):
    """A process of the run ended by itself, or hangs."""


def run(terms: Terms, folder: Path, told: Callable[[Death], None] = lambda death: None) -> Outcome:
    """Trade, die as often as is asked for, trade once more, and end in order.

    :arg folder: Receives key, order journal, recovery partitions, recordings, results and the log.

    :arg told: Hears of each death.

    :raises DlmmError: The sandbox does not start, or the run does not go on.

    """
    draw = random.Random(terms.seed)
    world = ("--seed", str(terms.seed), "--market", terms.market, "--faults", terms.faults)
    sandbox = SandboxProcess((*SANDBOX, "--slot-ms", str(terms.slot_ms), *world))
    try:
        facts = sandbox.facts(Stop())
        wallet = make_wallet(folder / "id.json")
        endow(facts.rpc_url, [pool.address for pool in facts.pools], wallet)
        oracle = ChainOracle(facts.rpc_url, wallet)
        journal = folder / "orders" / wallet / NAME
        begin = _flow(terms, facts, folder)
        deaths = []
        for moment in draw.choices(list(Moment), WEIGHTS, k=terms.kills):
            with _begun(begin, journal, folder) as process:
                deaths.append(_die(process, moment, draw))
            told(deaths[-1])
            oracle.collect()
        with _begun(begin, journal, folder) as process:
            process.wait_for_opening()
            process.wait_for_bytes(MOST_BYTES)
            process.end()
        oracle.call("sandbox_pause")
        oracle.call("sandbox_advance", SETTLED_SLOTS)
        oracle.collect()
        return _judge(folder, tuple(deaths), Orders.read(journal), oracle, oracle.balances())
    finally:
        sandbox.end()


def make_wallet(path: Path) -> str:
    """Write a new key to a file that only its owner may read, and return its address."""
    keypair = Keypair()
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(keypair.to_json())
    return str(keypair.pubkey())


def endow(rpc_url: str, pools: Sequence[str], wallet: str) -> None:
    """Give a wallet on a sandbox what it trades with in some pools, and SOL for fees and rent."""
    cluster = Cluster(rpc_url, "the sandbox", "confirmed")
    loaded, _ = cluster.load_pools(pools, AROUND)
    fund(cluster, wallet, funds_for(loaded, [0.5] * len(loaded), CAPITAL, SPARE_LAMPORTS))


def _flow(terms: Terms, facts: SandboxFacts, folder: Path) -> Callable[[], "subprocess.Popen[bytes]"]:
    """Return what starts the flow, anew or where it died."""
    recovery = folder / "recovery"
    recovery.mkdir()
    subprocess.run([sys.executable, "-m", "bytewax.recovery", str(recovery), "1"], check=True)
    settings = {
        "HFT__NETWORK__RPC_URL": facts.rpc_url,
        "HFT__NETWORK__WS_URL": facts.ws_url,
        "HFT__TARGET_POOLS__POOLS": json.dumps([pool.address for pool in facts.pools]),
        "HFT__EXECUTION__MODE": "signed",
        "HFT__EXECUTION__FOLDER": str(folder / "orders"),
        "HFT__TRADING__DRY_RUN": "false",
        "HFT__WALLET__KEYPAIR_PATH": str(folder / "id.json"),
        "HFT__WALLET__RESERVE_SOL": str(SPARE_LAMPORTS // LAMPORTS_PER_SOL),
        "HFT__WALLET__UNWRAP_AT_END": "false",  # the wallet is to stay as the ledger has it
        "HFT__PORTFOLIO__CAPITAL": str(CAPITAL),
        "HFT__STRATEGIES__CUSTOM": terms.strategies,
        "HFT__RISK_LIMITS__MAX_POOL_EXPOSURE": str(CAPITAL),
        "HFT__RISK_LIMITS__MAX_DRAWDOWN": "0.9",
        "HFT__RISK_LIMITS__EMERGENCY_STOP_LOSS": "0.95",
        "HFT__RESULTS__RUNS_DIR": str(folder / "runs"),
        "HFT__RECORDING__FOLDER": str(folder / "recordings"),
        "HFT__MONITORING__METRICS_PORT": "0",
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("HFT_")}
    environment = {**inherited, **settings, **terms.settings}
    snapshots = ("-r", str(recovery), "-s", str(terms.snapshot_s), "-b", "0", "-w", str(terms.workers))

    def begin() -> "subprocess.Popen[bytes]":
        with (folder / "log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "bytewax.run", "flows.live", *snapshots],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the benchmark, which ends the run in its own way
            )

    return begin


@contextmanager
def _begun(begin: Callable[[], "subprocess.Popen[bytes]"], journal: Path, folder: Path) -> Iterator["_Process"]:
    process = begin()
    try:
        yield _Process(process, journal, folder / "log")
    finally:
        process.kill()
        process.wait()


class _Process:
    """One process of the flow, and how much it has written."""

    def __init__(self, process: "subprocess.Popen[bytes]", journal: Path, log: Path) -> None:
        self._process = process
        self._journal = journal
        self._log = log
        self._began_s = time.monotonic()
        self._bytes = self._length()
        self._said = log.stat().st_size  # by those before it

    def _length(self) -> int:
        return self._journal.stat().st_size if self._journal.exists() else 0

    def wait_for_opening(self) -> None:
        """Wait until it trades: one that is asked to end before ends with an error, as it should."""
        self._wait(lambda: OPENED in self._log.read_bytes()[self._said :], DEADLINE_S)
        self._bytes = self._length()

    def wait_for_bytes(self, more: int) -> None:
        """Wait until it has added so many bytes to the order journal."""
        self._wait(lambda: self._length() >= self._bytes + more, DEADLINE_S)

    def wait(self, seconds: float) -> None:
        """Let it run for a while."""
        until_s = time.monotonic() + seconds
        self._wait(lambda: time.monotonic() >= until_s, seconds + DEADLINE_S)

    def _wait(self, is_so: Callable[[], bool], within_s: float) -> None:
        deadline_s = time.monotonic() + within_s
        while not is_so():
            if self._process.poll() is not None:
                raise KillRunError(f"the run ended with status {self._process.returncode}: {self._last_words()}")
            if time.monotonic() > deadline_s:
                raise KillRunError(f"the run hangs: {self._last_words()}")
            time.sleep(LOOK_S)

    def _last_words(self) -> str:
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-LAST_WORDS:])

    def interrupt(self) -> None:
        """Ask it to end, as Ctrl-C does."""
        self._process.send_signal(signal.SIGINT)

    def end(self) -> None:
        """Have it end in order.

        :raises KillRunError: Its exit status is not 0.

        """
        self.interrupt()
        try:
            status = self._process.wait(DEADLINE_S)
        except subprocess.TimeoutExpired:
            raise KillRunError(f"the run does not end: {self._last_words()}") from None
        if status:
            raise KillRunError(f"the run ended with status {status}: {self._last_words()}")

    def kill(self, moment: Moment) -> Death:
        """End it as the system does when it wants its memory."""
        self._process.kill()
        self._process.wait()
        return Death(moment, time.monotonic() - self._began_s, self._length() - self._bytes)


def _die(process: _Process, moment: Moment, draw: random.Random) -> Death:
    """Kill a process at such a moment."""
    if moment is Moment.STARTING:
        process.wait(draw.uniform(0.0, LONGEST_START_S))
    else:
        process.wait_for_bytes(draw.randrange(LEAST_BYTES, MOST_BYTES))
        process.wait(draw.uniform(0.0, 0.2))
    if moment is Moment.ENDING:
        process.interrupt()
        time.sleep(draw.uniform(0.0, 0.5))  # it may have ended by then, as it should
    return process.kill(moment)


def _judge(folder: Path, deaths: tuple[Death, ...], orders: Orders, oracle: ChainOracle, held: Balances) -> Outcome:
    """Hold all that was left against the chain."""
    written = [path for path in sorted((folder / "recordings").iterdir()) if has_rows(path)]
    told = {path: judge_recording(path, oracle.moved, held) for path in written}
    wrong = [*judge_orders(orders, oracle.moved), *(line for one in told.values() for line in one.wrong)]
    recording, runs = _last_portfolio(folder)
    pools = {pool.address: pool for pool in msgspec.convert(oracle.call("sandbox_pools"), list[TradedPool])}
    wrong += judge_results(runs, orders, oracle.moved, held, told[recording], pools)
    trades = Counter(moved.is_failed for moved in oracle.moved if is_trade(moved))
    return Outcome(
        deaths=deaths,
        wrong=tuple(wrong),
        orders=orders.count,
        landed=trades[False],
        failed=trades[True],
        openings=sum(len(one.openings) for one in told.values()),
        missed=sum(one.missed for one in told.values()),
        portfolios=sum(bool(one.openings) for one in told.values()),
    )


def has_rows(recording: Path) -> bool:
    """Tell whether a run that died early came as far as to write a row into its recording."""
    return any(file.suffix in (".parquet", ".journal") and file.stat().st_size for file in recording.iterdir())


def _last_portfolio(folder: Path) -> tuple[Path, Sequence[Path]]:
    """Return the recording of the portfolio that traded last, and the folders of its runs, oldest first."""
    runs: dict[Path, list[Path]] = {}
    for summary in sorted((folder / "runs").glob(f"*/{SUMMARY}")):
        runs.setdefault(Path(json.loads(summary.read_text())["recording"]), []).append(summary.parent)
    return list(runs.items())[-1]
