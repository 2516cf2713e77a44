"""A live run with signed transactions on a sandbox: what it recorded, replayed, is what it did; and how it ends."""

import json
import signal
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from bytewax.testing import run_main

from benchmarks.chain_oracle import ChainOracle
from benchmarks.kills.run import CAPITAL, endow, make_wallet
from connectors.execution.order_phases import Order, Phase
from connectors.execution.orders_report import report_orders
from connectors.feeds.feed import Feed
from connectors.feeds.outlet import Outlet
from connectors.feeds.reactor import Reactor
from connectors.monitoring.telemetry import Telemetry
from flows.execution import prepare_execution
from flows.feeds import make_feeds
from flows.live import Run, live
from flows.market import find_market, load_market
from flows.replay import replay
from flows.settings.load import load_settings
from flows.settings.tree import Settings
from tests import processes
from tests.processes import LiveRun, SandboxNode

TABLES = ("orders", "fills", "equity", "signals")
MARKET = "sigma=0.004,rate=1,usd=500"
STRATEGIES = '[{class = "benchmarks.kills.strategy:Restless"}]'
LOOK_S = 0.02


class Ender(Feed):
    """Bring nothing, and ask for the end of a run once its telemetry shows something."""

    def __init__(self, run: Run, is_enough: Callable[[Telemetry], bool]) -> None:
        self.name = "ender"
        self._run = run
        self._is_enough = is_enough

    def follow(self, pools: Mapping[str, tuple[str, ...]]) -> None:
        del pools

    def start(self, reactor: Reactor, outlet: Outlet) -> None:
        del outlet
        self._reactor = reactor
        self._look()

    def stop(self) -> None:
        pass

    def _look(self) -> None:
        if self._is_enough(self._run.telemetry):
            self._run.stop.request("it has seen enough")
        else:
            self._reactor.call_in(LOOK_S, self._look)


@pytest.fixture(scope="module")
def node() -> Iterator[SandboxNode]:
    with processes.sandbox("--slot-ms", "50", "--market", MARKET) as running:
        yield running


def settings_of(folder: Path, **environ: str) -> Settings:
    return load_settings(
        {
            "HFT__PORTFOLIO__CAPITAL": str(CAPITAL),
            "HFT__STRATEGIES__CUSTOM": STRATEGIES,
            "HFT__RESULTS__RUNS_DIR": str(folder / "runs"),
            "HFT__RESULTS__EQUITY_INTERVAL_S": "0.01",
            "HFT__RECORDING__FOLDER": str(folder / "recordings"),
            "HFT__EXECUTION__FOLDER": str(folder / "orders"),
            "HFT__WALLET__UNWRAP_AT_END": "false",
            **environ,
        }
    )


def signed_on(node: SandboxNode, folder: Path) -> dict[str, str]:
    """Return the settings that trade on a node with a folder's wallet."""
    return {
        "HFT__NETWORK__RPC_URL": node.url,
        "HFT__NETWORK__WS_URL": str(node.facts["ws_url"]),
        "HFT__TARGET_POOLS__POOLS": json.dumps(node.pools),
        "HFT__EXECUTION__MODE": "signed",
        "HFT__WALLET__KEYPAIR_PATH": str(folder / "id.json"),
    }


def trade(node: SandboxNode, folder: Path, is_enough: Callable[[Telemetry], bool], **environ: str) -> ChainOracle:
    """Run with a new wallet that has money until enough was seen; return what the node tells of that wallet."""
    wallet = make_wallet(folder / "id.json")
    endow(node.url, node.pools, wallet)
    settings = settings_of(folder, **signed_on(node, folder), **environ)
    run = Run()
    market = find_market(settings, run.stop)
    pools = load_market(market, settings, run.stop)
    run_main(
        live(
            settings,
            market.source,
            pools,
            lambda: [*make_feeds(settings, market), Ender(run, is_enough)],
            run,
            lambda params: prepare_execution(settings, market, pools, params, run.stop),
        )
    )
    assert run.outcome.failure == ""
    return ChainOracle(node.url, wallet)


def result_of(folder: Path) -> dict[str, Any]:
    """Read the only run's tables and summary, without what tells where and how fast it was."""
    (run,) = (folder / "runs").iterdir()
    summary = json.loads((run / "summary.json").read_text())
    for key in ("seconds", "updates_per_s", "recording", "name", "notes"):
        del summary[key]
    return {"summary": summary, **{table: pl.read_parquet(run / f"{table}.parquet") for table in TABLES}}


@pytest.fixture(scope="module")
def lived(node: SandboxNode, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what a run left that traded."""
    folder = tmp_path_factory.mktemp("lived")
    trade(node, folder, lambda telemetry: telemetry.fills >= 30, HFT__TRADING__DRY_RUN="false")
    return folder


@pytest.mark.parametrize("block_rows", [1, 50, 10_000])
def test_a_signed_run_replayed_gives_the_same_orders_fills_and_wallet(
    tmp_path: Path, lived: Path, block_rows: int
) -> None:
    (recording,) = (lived / "recordings").iterdir()
    replayed = {"HFT__REPLAY__RECORDING": str(recording), "HFT__REPLAY__BLOCK_ROWS": str(block_rows)}
    run_main(replay(settings_of(tmp_path, **replayed)))
    first, again = result_of(lived), result_of(tmp_path)
    assert first["summary"]["wallet"]["is_closed"]
    assert len(first["fills"]) >= 30
    assert again["summary"] == first["summary"]
    for table in TABLES:
        assert again[table].equals(first[table]), table


def test_a_dry_run_simulates_every_order_and_nothing_lands(node: SandboxNode, tmp_path: Path) -> None:
    oracle = trade(node, tmp_path, lambda telemetry: telemetry.orders["simulated"] >= 10, HFT__TRADING__DRY_RUN="true")
    oracle.collect()
    assert oracle.moved == []
    result = result_of(tmp_path)
    assert len(result["fills"]) == 0
    assert result["summary"]["orders_by_status"]["simulated"] >= 10
    wallet = result["summary"]["wallet"]
    assert wallet["differences"] == []
    assert all(each["opening"] == each["ledger"] == each["chain"] for each in wallet["tokens"].values())
    assert wallet["lamports"]["ledger"] == wallet["lamports"]["chain"] == oracle.balances().lamports
    (journal,) = (tmp_path / "orders").iterdir()
    assert {order.phase for order in report_orders(journal).orders} <= {Phase.SIMULATED, Phase.REFUSED}
    assert not any(order.transactions for order in report_orders(journal).orders)


def orders_of(folder: Path) -> tuple[Order, ...]:
    """Return what the order journal of a folder's only wallet holds by now."""
    journal = next((folder / "orders").glob("*/orders.journal"), None)
    return () if journal is None else report_orders(journal.parent).orders


def in_flight(run: LiveRun) -> int:
    """How many orders of a run have a transaction that can still land."""
    return sum(bool(order.pending) for order in orders_of(run.folder))


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_signal_settles_what_is_in_flight_and_the_ledger_equals_the_chain(tmp_path: Path, workers: str) -> None:
    environ = {
        "HFT__STRATEGIES__CUSTOM": STRATEGIES,
        "HFT__EXECUTION__FOLDER": str(tmp_path / "orders"),
        "HFT__SANDBOX__FAULTS": "tx.delay=10:30",  # slots that a transaction waits before it lands
    }
    with processes.live(tmp_path, environ, (*processes.RUNNER, "-w", workers)) as run:
        run.wait_until(lambda: in_flight(run) >= 3, "orders are on their way")
        run.signal(signal.SIGINT)
        ended = run.end()
    assert (ended.status, ended.others) == (0, [])
    result = result_of(tmp_path)
    summary = result["summary"]
    assert not {"sent", "open"} & summary["orders_by_status"].keys()
    assert len(result["fills"]) >= 1  # what was in flight landed, and was booked
    assert summary["wallet"]["is_closed"]
    assert summary["wallet"]["differences"] == []
    assert summary["wallet"]["pnl"] == pytest.approx(summary["profit"], abs=0.01)
    for each in (*summary["wallet"]["tokens"].values(), summary["wallet"]["lamports"]):
        assert each["ledger"] == each["chain"]
    orders = orders_of(run.folder)
    assert orders
    assert not any(order.pending for order in orders)
