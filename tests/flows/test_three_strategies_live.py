"""All strategies of ours at once, live and signed, in a sandbox where nobody else holds the pools together."""

import json
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from bytewax.testing import run_main

from flows.replay import replay
from tests import processes
from tests.flows.test_live_signed import TABLES, result_of, settings_of, trade
from tests.processes import SandboxNode

MARKET = "watch=0,sigma=0.006,rate=1,usd=800"
OURS = ("market_making", "statistical_arbitrage", "momentum_trading")
SETTINGS = {
    "CUSTOM": "[]",
    "MARKET_MAKING__QUOTE_WITH": "liquidity",
    "MARKET_MAKING__LADDER_BINS": "5",
    "MARKET_MAKING__MIN_REBALANCE_S": "1.0",
    "STATISTICAL_ARBITRAGE__ENABLED": "true",
    "STATISTICAL_ARBITRAGE__LOOKBACK_PERIOD_MINUTES": "0.2",
    "STATISTICAL_ARBITRAGE__MIN_DEVIATION_THRESHOLD": "0.0005",
    "STATISTICAL_ARBITRAGE__ENTRY_ZSCORE": "0.5",
    "STATISTICAL_ARBITRAGE__CONFIDENCE_THRESHOLD": "0.0",
    "MOMENTUM_TRADING__ENABLED": "true",
    "MOMENTUM_TRADING__WINDOW_MINUTES": "0.05",
    "MOMENTUM_TRADING__MOMENTUM_THRESHOLD": "0.0005",
    "MOMENTUM_TRADING__MIN_ZSCORE": "0.0",
    "MOMENTUM_TRADING__VOLUME_RATIO": "0.0",
    "MOMENTUM_TRADING__HOLDING_PERIOD_MINUTES": "0.05",
}
ENVIRON = {f"HFT__STRATEGIES__{key}": value for key, value in SETTINGS.items()}


@pytest.fixture(scope="module")
def node() -> Iterator[SandboxNode]:
    with processes.sandbox("--slot-ms", "100", "--market", MARKET) as running:
        yield running


@pytest.fixture(scope="module")
def lived(node: SandboxNode, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what a run left in which all of them traded."""
    folder = tmp_path_factory.mktemp("lived")
    trade(node, folder, lambda telemetry: telemetry.fills >= 25, HFT__TRADING__DRY_RUN="false", **ENVIRON)
    return folder


def test_orders_of_each_strategy_land(lived: Path) -> None:
    orders = result_of(lived)["orders"]
    filled = orders.filter(pl.col("status") == "filled").group_by(pl.col("strategy").cast(str)).len()
    assert set(OURS) <= set(filled["strategy"])


def test_the_wallet_on_chain_equals_the_ledger(lived: Path) -> None:
    wallet = result_of(lived)["summary"]["wallet"]
    assert wallet["is_closed"]
    assert wallet["differences"] == []


def test_no_round_lands_by_half(lived: Path) -> None:
    result = result_of(lived)
    rounds = result["orders"].filter((pl.col("action").cast(str) == "route") & (pl.col("status").cast(str) == "filled"))
    legs = result["fills"].filter(pl.col("order").is_in(rounds["order"].to_list())).group_by("order").len()
    assert len(rounds)
    assert legs["len"].to_list() == [2] * len(rounds)


@pytest.mark.parametrize("block_rows", [1, 10_000])
def test_the_run_replayed_is_the_run(tmp_path: Path, lived: Path, block_rows: int) -> None:
    (recording,) = (lived / "recordings").iterdir()
    replayed = {"HFT__REPLAY__RECORDING": str(recording), "HFT__REPLAY__BLOCK_ROWS": str(block_rows)}
    run_main(replay(settings_of(tmp_path, **replayed, **ENVIRON)))
    first, again = result_of(lived), result_of(tmp_path)
    assert json.dumps(again["summary"]) == json.dumps(first["summary"])
    for table in TABLES:
        assert again[table].equals(first[table]), table
