"""A second run of the same wallet, signed: the ladders that stand are the strategy's own again, and it moves them."""

import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from bytewax.testing import run_main

from benchmarks.kills.run import CAPITAL, endow, make_wallet
from connectors.execution.order_phases import Phase
from flows.replay import replay
from tests import processes
from tests.flows.test_live_signed import TABLES, orders_of, result_of, settings_of, signed_on
from tests.processes import SandboxNode

MARKET = "watch=0,sigma=0.006,rate=1,usd=800"
SETTINGS = {
    "HFT__RESULTS__EQUITY_INTERVAL_S": "0.01",
    "HFT__STRATEGIES__CUSTOM": "[]",
    "HFT__STRATEGIES__MARKET_MAKING__QUOTE_WITH": "liquidity",
    "HFT__STRATEGIES__MARKET_MAKING__LADDER_BINS": "5",
    "HFT__STRATEGIES__MARKET_MAKING__MIN_REBALANCE_S": "1.0",
}


@pytest.fixture(scope="module")
def node() -> Iterator[SandboxNode]:
    with processes.sandbox("--slot-ms", "100", "--market", MARKET) as running:
        yield running


@pytest.fixture(scope="module")
def folder(node: SandboxNode, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which `first` and `second` have what two runs of a wallet left, one after the other."""
    folder = tmp_path_factory.mktemp("wallet")
    endow(node.url, node.pools, make_wallet(folder / "id.json"))
    for times, name in enumerate(("first", "second"), start=1):
        settings = {
            **SETTINGS,
            **signed_on(node, folder),
            "HFT__PORTFOLIO__CAPITAL": str(CAPITAL),
            "HFT__TRADING__DRY_RUN": "false",
            "HFT__EXECUTION__FOLDER": str(folder / "orders"),
            "HFT__WALLET__UNWRAP_AT_END": "false",
        }
        with processes.live(folder / name, settings) as run:
            run.wait_until(partial(has_landed, folder, 2 * len(node.pools) * times), "ladders have landed")
            run.signal(signal.SIGINT)
            ended = run.end()
        assert (ended.status, ended.others) == (0, [])
    return folder


def has_landed(folder: Path, count: int) -> bool:
    """Tell whether so many orders of a wallet came to a good end."""
    return sum(order.phase is Phase.DONE for order in orders_of(folder)) >= count


def ladders_of(result: dict[str, Any]) -> dict[str, list[tuple[int, int]]]:
    """Return numbers of the new and of the old position of each move that landed, pool by pool."""
    moved = result["orders"].filter(
        (pl.col("action").cast(str) == "rebalance") & (pl.col("status").cast(str) == "filled")
    )
    by_pool: dict[str, list[tuple[int, int]]] = {}
    for pool, new, old in moved.sort("order").select(pl.col("pool").cast(str), "position", "old_position").rows():
        by_pool.setdefault(pool, []).append((new, old))
    return by_pool


def test_the_second_run_moves_what_the_first_one_placed_last(folder: Path) -> None:
    first, second = (ladders_of(result_of(folder / name)) for name in ("first", "second"))
    in_both = first.keys() & second.keys()
    assert in_both
    for pool in in_both:
        assert first[pool][0][1] == 0  # the first ladder of all is placed beside nothing
        last, _ = first[pool][-1]
        assert [old for _, old in second[pool]] == [last, *(new for new, _ in second[pool][:-1])]


def test_what_stood_there_is_the_strategys_capital_and_no_profit(folder: Path) -> None:
    first, second = (result_of(folder / name)["summary"] for name in ("first", "second"))
    for summary in (first, second):
        assert summary["wallet"]["differences"] == []
        (made,) = summary["strategies"].values()
        wallet = summary["wallet"]
        assert wallet["pnl"] + wallet["in_bins"] == pytest.approx(summary["profit"], abs=0.05)
        assert max(abs(made["pnl"]), abs(summary["profit"])) < 0.01 * summary["start_equity"]
    assert second["start_equity"] == pytest.approx(first["start_equity"], rel=0.01)


def test_it_replayed_is_the_run(tmp_path: Path, folder: Path) -> None:
    (recording,) = (folder / "second" / "recordings").iterdir()
    run_main(replay(settings_of(tmp_path, HFT__REPLAY__RECORDING=str(recording), **SETTINGS)))
    again, lived = result_of(tmp_path), result_of(folder / "second")
    assert again["summary"] == lived["summary"]
    for table in TABLES:
        assert again[table].equals(lived[table]), table
