"""All strategies of ours at once, on one portfolio: the laws hold for them together."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bytewax.dataflow import Dataflow
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import cluster_main, run_main

from connectors.recordings.excerpt import Stretch
from connectors.recordings.recording import write_recording
from dlmm.records import Venue
from flows.replay import replay
from flows.settings.load import load_settings
from operators.blocks import ROW, Rows
from operators.pools import PoolInfo
from tests.flows.test_replay import result_of
from tests.shared import ROOT

STRATEGIES = """
[strategies.market_making]
quote_with = "liquidity"
ladder_bins = 6
min_rebalance_s = 2.0
budget = 0.4
[strategies.statistical_arbitrage]
enabled = true
lookback_period_minutes = 0.5
min_deviation_threshold = 0.001
entry_zscore = 1.0
confidence_threshold = 0.05
cointegrated = [["AAA-meteora", "BBB-meteora"]]
max_holding_minutes = 2
budget = 0.4
[strategies.momentum_trading]
enabled = true
window_minutes = 0.25
momentum_threshold = 0.004
min_zscore = 0.5
volume_ratio = 0.0
holding_period_minutes = 0.25
budget = 0.2
[risk_limits]
max_drawdown = 0.9
emergency_stop_loss = 0.95
"""
OURS = ("market_making", "statistical_arbitrage", "cointegration", "momentum_trading")
SANDBOX = ROOT / "replay_data" / "sandbox.parquet"
STRETCHES = {SANDBOX: Stretch(0, 2_500)}
"""What is replayed of a recording that is long."""


def paired_tape(rows: int, seed: int = 3) -> tuple[Rows, tuple[PoolInfo, ...]]:
    """Make a tape of two tokens that move together, each in a pool on either venue that strays now and then."""
    rng = np.random.default_rng(seed)
    infos = tuple(
        PoolInfo(f"{base}-{venue}", venue, base, "USDC", bin_step=5, base_factor=4_000, decimals_x=6, decimals_y=6)
        for base in ("AAA", "BBB")
        for venue in (Venue.METEORA, Venue.SAROS)
    )
    out = np.zeros(rows, ROW)
    out["seq"] = np.arange(1, rows + 1)
    out["slot"] = 1_000 + np.arange(rows) // 4
    out["write_order"] = np.arange(rows) % 4
    out["ts_event_ns"] = out["ts_recv_ns"] = 1_700_000_000_000_000_000 + np.arange(rows) * 100_000_000
    out["pool"] = np.arange(rows) % len(infos)
    out["liquidity"], out["volume"] = 3e5, rng.lognormal(6.0, 1.0, rows)
    # Both tokens drift up and down together; the second one swings about the first.
    seconds = np.arange(rows) * 0.1
    together = 0.02 * np.sin(seconds / 40.0) + np.cumsum(rng.standard_normal(rows) * 1e-4)
    apart = 0.006 * np.sin(seconds / 11.0)
    step = np.log1p(5e-4)
    for index, info in enumerate(infos):
        mine = out["pool"] == index
        strayed = 0.004 * (rng.random(int(mine.sum())) < 0.02)
        log_price = together[mine] + (apart[mine] if index >= 2 else 0.0) + strayed
        exponent = np.round(log_price / step).astype(np.int64)
        out["active_id"][mine] = exponent + info.zero_bin
        out["price"][mine] = np.exp(exponent * step)
    return out, infos


def run(folder: Path, recording: Path, **keys: object) -> dict[str, str]:
    """Return the settings of a replay with all strategies on, as environment variables."""
    config = folder / "three.toml"
    config.write_text(STRATEGIES if recording != SANDBOX else STRATEGIES.replace("cointegrated", "# cointegrated"))
    replayed = {f"HFT__REPLAY__{key.upper()}": str(value) for key, value in {"recording": recording, **keys}.items()}
    return {"HFT_CONFIG": str(config), "HFT__RESULTS__RUNS_DIR": str(folder / "runs"), **replayed}


def flow_of(folder: Path, recording: Path, **keys: object) -> Dataflow:
    return replay(load_settings(run(folder, recording, **keys)), stretch=STRETCHES.get(recording))


@pytest.fixture(scope="module", params=["tape", "recorded bins"])
def recording(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if request.param == "recorded bins":
        return SANDBOX
    rows, pools = paired_tape(8_000)
    path = tmp_path_factory.mktemp("tape") / "paired.parquet"
    write_recording(path, rows, pools, "seeded tape of the tests")
    return path


@pytest.fixture(scope="module")
def expected(recording: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("expected")
    run_main(flow_of(folder, recording))
    return result_of(folder)


def test_each_strategy_trades(recording: Path, expected: dict[str, Any]) -> None:
    made = expected["summary"]["strategies"]
    wanted = OURS if recording != SANDBOX else ("market_making", "statistical_arbitrage")
    assert all(made[name]["orders"] > 0 for name in wanted)
    assert expected["summary"]["orders_by_status"]["filled"] > 20


def test_their_profits_add_up_to_that_of_the_portfolio(expected: dict[str, Any]) -> None:
    summary = expected["summary"]
    together = sum(made["pnl"] for made in summary["strategies"].values())
    assert together == pytest.approx(summary["profit"], abs=0.01)


@pytest.mark.parametrize("block_rows", [1, 7, 1_000])
def test_blocks_of_any_size_give_the_same_ledger(
    block_rows: int, recording: Path, expected: dict[str, Any], tmp_path: Path
) -> None:
    run_main(flow_of(tmp_path, recording, block_rows=block_rows))
    assert result_of(tmp_path) == expected


def test_two_workers_give_the_same_ledger(recording: Path, expected: dict[str, Any], tmp_path: Path) -> None:
    cluster_main(flow_of(tmp_path, recording, block_rows=100), [], 0, worker_count_per_proc=2)
    assert result_of(tmp_path) == expected


def test_a_snapshot_after_every_batch_changes_nothing(
    recording: Path, expected: dict[str, Any], tmp_path: Path
) -> None:
    database = tmp_path / "recovery"
    database.mkdir()
    init_db_dir(database, 1)
    flow = flow_of(tmp_path, recording, block_rows=500)
    run_main(flow, epoch_interval=None, recovery_config=RecoveryConfig(str(database)))
    assert result_of(tmp_path) == expected
