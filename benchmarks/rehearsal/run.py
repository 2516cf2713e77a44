"""One run of `benchmarks.rehearsal`: a sandbox, a live run with signed transactions on it, and what both leave."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import polars as pl
from solders.keypair import Keypair

from benchmarks.chain_oracle import Balances, ChainOracle
from benchmarks.rehearsal.verdict import OnChain, Results, TradedPool, missing
from connectors.clusters.cluster import Cluster
from connectors.clusters.sandbox_funding import LAMPORTS_PER_SOL, Funds, fund
from connectors.clusters.sandbox_process import SandboxFacts, SandboxProcess
from connectors.execution.order_journal_format import NAME
from connectors.execution.order_phases import Order
from connectors.execution.orders_report import report_orders
from connectors.stopping import Stop
from dlmm.errors import DlmmError
from dlmm.programs import WRAPPED_SOL
from dlmm.records import Record
from flows.settings.load import CONFIG_VARIABLE, OVERRIDE_PREFIX

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = ROOT / "docs" / "examples" / "rehearsal.toml"

WHOLE_SOL = 300
WHOLE_TOKENS = 100_000
"""What the wallet is given of SOL, and of each other token."""

MOST_MORE = 120
"""Orders for which a run goes on where some command has not landed yet: the strategy says all of them twice."""
LOOK_S = 0.5
STALLED_S = 120.0
"""With no order ended for so long the run is given up: kernels may have to be compiled before the first one."""
ENDS_WITHIN_S = 120.0
SETTLED_SLOTS = 8
"""After the run, until everything that it did is confirmed."""


class RehearsalError(DlmmError):
    """The run did not come to its end."""


class Terms(Record, frozen=True):
    """What is rehearsed.

    :arg programs: `ID=FILE` of each true program; none: the sandbox's model of them.

    :arg orders: That end before the run is ended; where a command has not landed yet, up to `MOST_MORE` more.

    :arg market: Prices and traders, as `sandbox.market.spec` describes them; empty: the sandbox's own. The sandbox's
        seed stays as it is, for the settings name the pools that follow from it; a market has a seed of its own.

    :arg slot_ms: Length of a slot.

    :arg settings: What the run is told to do.

    :arg seconds: When the run is ended, whatever came of its orders; `None`: after so many orders.

    """

    programs: tuple[str, ...] = ()
    orders: int = 500
    slot_ms: int = 200
    market: str = ""
    settings: Path = SETTINGS
    seconds: float | None = None


class Rehearsed(Record, frozen=True):
    """What a run left behind.

    :arg seconds: From the flow's start until it was told to end.

    """

    engine: str
    pools: tuple[TradedPool, ...]
    results: Results
    chain: OnChain
    seconds: float


def rehearse(terms: Terms, folder: Path) -> Rehearsed:
    """Run a sandbox and the flow on it.

    :arg folder: Receives key, order journal, recording and results.

    :raises DlmmError: The sandbox does not start, or the run does not come to its end.

    """
    programs = [part for program in terms.programs for part in ("--program", program)]
    market = ("--market", terms.market, "--slot-ms", str(terms.slot_ms))
    sandbox = SandboxProcess((*market, *programs))
    try:
        facts = sandbox.facts(Stop())
        wallet = _make_wallet(folder / "id.json")
        oracle = ChainOracle(facts.rpc_url, wallet)
        pools = tuple(msgspec.convert(oracle.call("sandbox_pools"), list[TradedPool]))
        opening = _endow(facts, oracle, wallet, pools)
        started = time.monotonic()
        with _flow(_environment(facts, folder, terms.settings), folder) as process:
            for orders in _orders(process, folder / "orders" / wallet, folder):
                oracle.collect()
                if _is_over(terms, orders, pools, time.monotonic() - started):
                    break
            seconds = time.monotonic() - started
            _end(process, folder)
        oracle.call("sandbox_advance", SETTLED_SLOTS)
        oracle.collect()
        chain = OnChain(opening, oracle.balances(), tuple(oracle.moved))
        engine = str(oracle.call("sandbox_stats")["engine"])
        return Rehearsed(engine, pools, _read_results(folder, wallet), chain, seconds)
    finally:
        sandbox.end()


def _is_over(terms: Terms, orders: tuple[Order, ...], pools: Sequence[TradedPool], seconds: float) -> bool:
    if terms.seconds is not None:
        return seconds >= terms.seconds
    ended = sum(not order.is_open for order in orders)
    return ended >= terms.orders and (ended >= terms.orders + MOST_MORE or not missing(orders, pools))


def _make_wallet(path: Path) -> str:
    """Write a new key to a file that only its owner may read, and return its address."""
    keypair = Keypair()
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(keypair.to_json())
    return str(keypair.pubkey())


def _endow(facts: SandboxFacts, oracle: ChainOracle, wallet: str, pools: Sequence[TradedPool]) -> Balances:
    decimals = {pool.mint_x: pool.decimals_x for pool in pools} | {pool.mint_y: pool.decimals_y for pool in pools}
    tokens = {mint: WHOLE_TOKENS * 10**digits for mint, digits in decimals.items() if mint != str(WRAPPED_SOL)}
    fund(Cluster(facts.rpc_url, "the sandbox", "confirmed"), wallet, Funds(WHOLE_SOL * LAMPORTS_PER_SOL, tokens))
    return oracle.balances()


def _environment(facts: SandboxFacts, folder: Path, configuration: Path) -> dict[str, str]:
    settings = {
        "NETWORK__RPC_URL": facts.rpc_url,
        "NETWORK__WS_URL": facts.ws_url,
        "FEEDS__PRICES_URL": facts.prices_url,
        "TARGET_POOLS__POOLS": json.dumps([pool.address for pool in facts.pools]),
        "EXECUTION__MODE": "signed",
        "EXECUTION__FOLDER": str(folder / "orders"),
        "TRADING__DRY_RUN": "false",
        "WALLET__KEYPAIR_PATH": str(folder / "id.json"),
        "RESULTS__RUNS_DIR": str(folder / "runs"),
        "RECORDING__FOLDER": str(folder / "recordings"),
        "MONITORING__METRICS_PORT": "0",
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("HFT_")}
    ours = {OVERRIDE_PREFIX + name: value for name, value in settings.items()}
    return {**inherited, CONFIG_VARIABLE: str(configuration), **ours}


@contextmanager
def _flow(environment: Mapping[str, str], folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Run the flow; what it writes goes to files."""
    with (folder / "stdout").open("wb") as stdout, (folder / "stderr").open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "bytewax.run", "flows.live"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,  # Ctrl-C is for the benchmark, which ends the run in its own way
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def _orders(process: "subprocess.Popen[bytes]", journal: Path, folder: Path) -> Iterator[tuple[Order, ...]]:
    """Look into the order journal again and again.

    :raises RehearsalError: The run has ended, or no order has for too long.

    """
    ended, changed = -1, time.monotonic()
    while True:
        try:
            process.wait(LOOK_S)
        except subprocess.TimeoutExpired:
            pass
        else:
            raise RehearsalError(f"the run ended with status {process.returncode}: {_last_words(folder)}")
        orders = report_orders(journal).orders if (journal / NAME).exists() else ()
        found = sum(not order.is_open for order in orders)
        if found != ended:
            ended, changed = found, time.monotonic()
        elif time.monotonic() > changed + STALLED_S:
            raise RehearsalError(f"no order ended within {STALLED_S:g} s after {ended} had: {_last_words(folder)}")
        yield orders


def _end(process: "subprocess.Popen[bytes]", folder: Path) -> None:
    process.send_signal(signal.SIGINT)
    try:
        status = process.wait(ENDS_WITHIN_S)
    except subprocess.TimeoutExpired:
        raise RehearsalError(f"the run did not end within {ENDS_WITHIN_S:g} s: {_last_words(folder)}") from None
    if status:
        raise RehearsalError(f"the run ended with status {status}: {_last_words(folder)}")


def _last_words(folder: Path) -> str:
    lines = (folder / "stderr").read_text(errors="replace").splitlines()
    return lines[-1] if lines else "it said nothing"


def _read_results(folder: Path, wallet: str) -> Results:
    (run,) = (folder / "runs").iterdir()
    return Results(
        orders=pl.read_parquet(run / "orders.parquet"),
        fills=pl.read_parquet(run / "fills.parquet"),
        summary=json.loads((run / "summary.json").read_text()),
        journal=report_orders(folder / "orders" / wallet).orders,
    )
