"""A live run on paper, on scripted feeds: it trades, and what it recorded, replayed, decides the same."""

import itertools
import json
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import run_main

from connectors.feeds.feed import Feed
from connectors.recordings.recording import Recording
from connectors.wire.events import Event
from dlmm.errors import DlmmError
from flows.live import Run, live
from flows.planted import planted_pools
from flows.record import record
from flows.replay import replay
from flows.settings.load import load_settings
from flows.settings.tree import Settings
from tests.connectors.scripted_feed import ScriptedFeed
from tests.live_market import ARRAYS_AROUND, FIRST_SLOT, swaps

TABLES = ("orders", "fills", "equity")
POOLS = planted_pools(FIRST_SLOT, ARRAYS_AROUND)
SLOTS = 120


@pytest.fixture(scope="module")
def script() -> list[list[Event]]:
    return list(swaps(POOLS, SLOTS, worth=60_000.0))


def settings_of(folder: Path, **environ: str) -> Settings:
    return load_settings(
        {
            "HFT__RESULTS__RUNS_DIR": str(folder / "runs"),
            "HFT__RESULTS__EQUITY_INTERVAL_S": "0.01",
            "HFT__RECORDING__FOLDER": str(folder / "recordings"),
            "HFT__EXECUTION__MODE": "paper",
            "HFT__RISK_LIMITS__MAX_DRAWDOWN": "0.09",
            **environ,
        }
    )


def run_live(settings: Settings, script: Sequence[Sequence[Event]], echoes: int = 1) -> Run:
    """Run to the script's end; further feeds say the same, each a little later."""
    run = Run()
    late: list[list[Event]] = [[] for _ in range(echoes)]

    def feeds() -> list[ScriptedFeed]:
        first = ScriptedFeed("first", script, run.stop)
        return [first, *(ScriptedFeed(f"echo {n}", [*late[: n + 1], *script]) for n in range(echoes))]

    run_main(live(settings, "test", POOLS, feeds, run))
    assert run.outcome.failure == ""
    return run


def result_of(folder: Path) -> dict[str, Any]:
    """Read the newest run's tables and summary, without what tells where and how fast it was."""
    newest = max((folder / "runs").iterdir(), key=lambda path: path.stat().st_mtime_ns)
    summary = json.loads((newest / "summary.json").read_text())
    for key in ("seconds", "updates_per_s", "recording", "name"):
        del summary[key]
    return {"summary": summary, **{table: pl.read_parquet(newest / f"{table}.parquet") for table in TABLES}}


def recording_of(folder: Path) -> Path:
    (only,) = (folder / "recordings").iterdir()
    return only


@pytest.mark.parametrize("block_rows", [1, 50, 10_000])
def test_a_recorded_run_replayed_gives_the_same_signals_orders_and_fills(
    tmp_path: Path, script: list[list[Event]], block_rows: int
) -> None:
    settings = settings_of(tmp_path)
    run_live(settings, script, echoes=2)
    lived = result_of(tmp_path)
    assert lived["summary"]["fills"] > 10
    replayed = settings_of(
        tmp_path,
        HFT__RESULTS__RUNS_DIR=str(tmp_path / "again" / "runs"),
        HFT__REPLAY__RECORDING=str(recording_of(tmp_path)),
        HFT__REPLAY__BLOCK_ROWS=str(block_rows),
    )
    run_main(replay(replayed))
    again = result_of(tmp_path / "again")
    assert again["summary"] == lived["summary"]
    for table in TABLES:
        assert again[table].equals(lived[table]), table


class Crash(Exception):
    """Ends a run as a defect would."""


class CrashingFeed(ScriptedFeed):
    """Say a script, then raise."""

    def _speak(self) -> None:
        super()._speak()
        if self._is_over:
            raise Crash


def crashing(script: Sequence[Sequence[Event]]) -> Callable[[], list[Feed]]:
    return lambda: [CrashingFeed("first", script)]


def crash_and_go_on(folder: Path, script: list[list[Event]], cuts: list[int]) -> None:
    """Run the script with a crash at each cut, each run taking up the one before."""
    state = folder / "state"
    state.mkdir()
    init_db_dir(state, 1)
    settings = settings_of(folder)
    parts = [script[start:end] for start, end in itertools.pairwise([0, *cuts, len(script)])]
    for part in parts[:-1]:
        flow = live(settings, "test", POOLS, crashing(part), Run())
        often = timedelta(milliseconds=1)
        with pytest.raises(RuntimeError, match="next_batch"):
            run_main(flow, epoch_interval=often, recovery_config=RecoveryConfig(str(state)))
    run = Run()
    run_main(
        live(settings, "test", POOLS, lambda: [ScriptedFeed("first", parts[-1], run.stop)], run),
        recovery_config=RecoveryConfig(str(state)),
    )
    assert run.outcome.failure == ""


def test_a_run_that_crashed_goes_on_and_ends_with_the_ledger_of_its_journal(
    tmp_path: Path, script: list[list[Event]]
) -> None:
    crash_and_go_on(tmp_path, script, [30, 31, 80])
    lived = result_of(tmp_path)
    replayed = settings_of(
        tmp_path,
        HFT__RESULTS__RUNS_DIR=str(tmp_path / "again" / "runs"),
        HFT__REPLAY__RECORDING=str(recording_of(tmp_path)),
    )
    run_main(replay(replayed))
    again = result_of(tmp_path / "again")
    assert again["summary"] == lived["summary"]
    for table in TABLES:
        assert again[table].equals(lived[table]), table


def test_a_recording_alone_holds_what_a_trading_run_would_have_seen(tmp_path: Path, script: list[list[Event]]) -> None:
    settings = settings_of(tmp_path)
    run = Run()
    run_main(record(settings, "test", POOLS, lambda: [ScriptedFeed("first", script, run.stop)], run))
    recording = Recording.open(recording_of(tmp_path))
    assert recording.source == "test"
    assert [info.pool for info in recording.pools] == [pool.info.pool for pool in POOLS]
    assert len(recording) == sum(len(pool.accounts) for pool in POOLS) + sum(
        len(group) - 1 + len(POOLS) for group in script
    )


def test_a_run_that_is_to_trade_only_some_pools_records_all(tmp_path: Path, script: list[list[Event]]) -> None:
    chosen = POOLS[1].info.pool
    run_live(settings_of(tmp_path, HFT__TARGET_POOLS__POOLS=f'["{chosen}"]'), script)
    assert set(result_of(tmp_path)["orders"]["pool"].to_list()) == {chosen}
    rows = Recording.open(recording_of(tmp_path)).rows()
    assert set(rows["pool"].tolist()) == set(range(len(POOLS)))


def test_without_a_recording_nothing_is_written_but_the_result(tmp_path: Path, script: list[list[Event]]) -> None:
    run_live(settings_of(tmp_path, HFT__RECORDING__RECORD="false"), script)
    assert not (tmp_path / "recordings").exists()
    assert result_of(tmp_path)["summary"]["fills"] > 0


def test_a_run_that_does_not_sleep_between_events_decides_the_same(tmp_path: Path, script: list[list[Event]]) -> None:
    results = []
    for spin_us in (0, 1_000_000):
        folder = tmp_path / str(spin_us)
        settings = settings_of(folder, HFT__FEEDS__SPIN_US=str(spin_us), HFT__RECORDING__RECORD="false")
        run_live(settings, script)
        results.append(result_of(folder)["orders"].select("slot", "side", "status").rows())
    assert results[0] == results[1]
    assert results[0]


def test_recording_with_recording_switched_off_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DlmmError, match=r"recording\.record is off"):
        record(settings_of(tmp_path, HFT__RECORDING__RECORD="false"), "test", POOLS, list, Run())


def test_telemetry_has_seen_what_the_run_did(tmp_path: Path, script: list[list[Event]]) -> None:
    telemetry = run_live(settings_of(tmp_path), script).telemetry
    summary = result_of(tmp_path)["summary"]
    assert telemetry.fills == summary["fills"]
    assert telemetry.ledger["updates"][0] == summary["updates"]
    assert sum(telemetry.latencies) > SLOTS
    assert telemetry.intake is not None
    assert telemetry.intake.dropped["echo 0", "duplicate"] > SLOTS


def test_a_journal_that_cannot_be_written_ends_the_run_by_name(tmp_path: Path, script: list[list[Event]]) -> None:
    (tmp_path / "recordings").write_text("in the way")
    run = Run()
    run_main(live(settings_of(tmp_path), "test", POOLS, lambda: [ScriptedFeed("first", script)], run))
    assert "recordings" in run.outcome.failure
    assert "cannot be made" in run.outcome.failure
