"""The laws that make a replay believable, on the flow itself."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from bytewax.recovery import init_db_dir
from bytewax.testing import cluster_main, run_main
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.recordings.recording import write_recording
from flows.replay import replay
from flows.settings.load import load_settings
from tests.shared import ROOT
from tests.tapes import tape

TABLES = ("orders", "fills", "equity", "signals")


def environment(folder: Path, recording: Path, **keys: object) -> dict[str, str]:
    """Return the settings of a small replay as environment variables."""
    config = folder / "replay.toml"
    config.write_text(
        """
        [strategies.market_making]
        requote_price_bps = 40.0
        order_expiry_slots = 10
        [[strategies.custom]]
        class = "docs.examples.breakout:Breakout"
        [[strategies.custom]]
        class = "docs.examples.reversion:Reversion"
        """
    )
    replay_keys = {"recording": recording, **keys}
    overrides = {f"HFT__REPLAY__{key.upper()}": str(value) for key, value in replay_keys.items()}
    results = {"HFT__RESULTS__RUNS_DIR": str(folder / "runs"), "HFT__RESULTS__EQUITY_INTERVAL_S": "5"}
    return {"HFT_CONFIG": str(config), **overrides, **results}


def result_of(folder: Path) -> dict[str, Any]:
    """Read a run's tables and summary, without the figures that tell how fast it was."""
    (run,) = sorted((folder / "runs").iterdir())
    summary = json.loads((run / "summary.json").read_text())
    for key in ("seconds", "updates_per_s", "recording"):
        del summary[key]
    tables = {table: pl.read_parquet(run / f"{table}.parquet").write_ipc(None).getvalue() for table in TABLES}
    return {"summary": summary, **tables}


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows, pools = tape(6_000)
    path = tmp_path_factory.mktemp("tape") / "tape.parquet"
    write_recording(path, rows, pools, "seeded tape of the tests")
    return path


@pytest.fixture(scope="module")
def expected(recording: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("expected")
    run_main(replay(load_settings(environment(folder, recording))))
    return result_of(folder)


def test_the_tape_makes_every_strategy_trade(expected: dict[str, Any]) -> None:
    summary = expected["summary"]
    assert all(count > 0 for count in summary["signals"].values())
    assert summary["fills"] > 50
    assert summary["orders_by_status"]["filled"] == summary["fills"]
    assert {"cancelled", "expired", "filled"} <= set(summary["orders_by_status"])


@pytest.mark.parametrize("block_rows", [1, 7, 1_000])
def test_blocks_of_any_size_give_the_same_ledger(
    block_rows: int, recording: Path, expected: dict[str, Any], tmp_path: Path
) -> None:
    run_main(replay(load_settings(environment(tmp_path, recording, block_rows=block_rows))))
    assert result_of(tmp_path) == expected


def test_two_workers_give_the_same_ledger(recording: Path, expected: dict[str, Any], tmp_path: Path) -> None:
    flow = replay(load_settings(environment(tmp_path, recording, block_rows=100)))
    cluster_main(flow, [], 0, worker_count_per_proc=2)
    assert result_of(tmp_path) == expected


def test_two_processes_give_the_same_ledger(recording: Path, expected: dict[str, Any], tmp_path: Path) -> None:
    addresses = ";".join(f"127.0.0.1:{port}" for port in free_ports(2))
    variables = environment(tmp_path, recording, block_rows=100)
    processes = [start(variables, "-i", str(index), "-a", addresses) for index in range(2)]
    assert [process.wait(120) for process in processes] == [0, 0]
    assert result_of(tmp_path) == expected


def test_a_killed_replay_resumes_to_the_same_ledger(recording: Path, expected: dict[str, Any], tmp_path: Path) -> None:
    database = tmp_path / "recovery"
    database.mkdir()
    init_db_dir(database, 1)
    variables = environment(tmp_path, recording, block_rows=3)
    for enough_bytes in (40_000, 200_000, 500_000):
        process = start(variables, "-r", str(database), "-s", "0", "-b", "0")
        while process.poll() is None and written(tmp_path) < enough_bytes:
            time.sleep(0.005)
        assert process.poll() is None, "the replay ended before it could be killed"
        process.send_signal(signal.SIGKILL)
        process.wait(30)
    assert start(variables, "-r", str(database), "-s", "0", "-b", "0").wait(120) == 0
    assert result_of(tmp_path) == expected


@settings(max_examples=10)
@given(cut=st.integers(200, 2_900), seed=st.integers(0, 5))
def test_no_future_row_changes_a_past_decision(cut: int, seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    rows, pools = tape(3_000, seed=seed)
    other, _ = tape(3_000, seed=seed + 100)
    other[:cut] = rows[:cut]
    slot = int(rows["slot"][cut - 1])
    decided = []
    for number, each in enumerate((rows, other)):
        folder = tmp_path_factory.mktemp(f"cut{number}")
        path = folder / "tape.parquet"
        write_recording(path, each, pools, "test")
        run_main(replay(load_settings(environment(folder, path))))
        (run,) = (folder / "runs").iterdir()
        orders = pl.read_parquet(run / "orders.parquet").filter(pl.col("status") != "open")
        orders = orders.filter(pl.col("end_seq") <= cut, pl.col("end_slot") <= slot)
        fills = pl.read_parquet(run / "fills.parquet").filter(pl.col("seq") <= cut, pl.col("slot") <= slot)
        decided.append((orders.sort("order"), fills.sort("order")))
    assert len(decided[0][0]) > 0
    assert decided[0][0].equals(decided[1][0])
    assert decided[0][1].equals(decided[1][1])


def test_no_order_lands_in_the_slot_of_its_decision(expected: dict[str, Any], recording: Path) -> None:
    orders = pl.read_ipc(expected["orders"])
    fills = pl.read_ipc(expected["fills"])
    slots = fills.join(orders.select("order", decided="slot"), on="order")
    assert len(slots) == len(fills) > 0
    assert (slots["slot"] > slots["decided"]).all()


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def start(variables: dict[str, str], *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "bytewax.run", "flows.replay", *arguments],
        cwd=ROOT,
        env={**os.environ, **variables},
        stdout=subprocess.DEVNULL,
    )


def written(folder: Path) -> int:
    return sum(path.stat().st_size for path in (folder / "runs").glob("*/*.rows"))


def test_equity_is_capital_plus_profit(expected: dict[str, Any]) -> None:
    summary = expected["summary"]
    equity = pl.read_ipc(expected["equity"])
    assert equity["equity"][-1] == summary["end_equity"] == summary["start_equity"] + summary["profit"]
    made = summary["realised"] + summary["unrealised"] - summary["transaction_costs"]
    assert np.isclose(summary["profit"], made, atol=0.01)
