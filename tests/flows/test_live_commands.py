"""A live run and the commands beside it: taken up again after its death, stopped and cleared from another terminal."""

import json
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from connectors.recordings.recording import Recording
from flows.cli import main
from tests.processes import LiveRun, SandboxNode, live, sandbox

COMMAND = ("-c", "import sys; from flows.cli import main; main(prog_name='dlmm-hft')", "live")


@pytest.fixture(scope="module")
def node() -> Iterator[SandboxNode]:
    with sandbox("--slot-ms", "50") as node:
        yield node


def can_go_on(state: Path) -> bool:
    """Tell whether an epoch is whole in a recovery folder: snapshots without a frontier are no place to go on from."""
    with closing(sqlite3.connect(f"file:{state}/part-0.sqlite3?mode=ro", uri=True)) as database:
        (count,) = database.execute("SELECT count(*) FROM fronts").fetchone()
    return int(count) > 0


def test_a_run_that_was_killed_is_taken_up_again_with_its_recovery_folder(node: SandboxNode, tmp_path: Path) -> None:
    state = tmp_path / "state"
    settings = {
        "HFT__NETWORK__RPC_URL": node.url,
        "HFT__TARGET_POOLS__POOLS": json.dumps(node.pools),
    }
    command = (*COMMAND, "--recovery", str(state), "-s", "1")
    with live(tmp_path, settings, command) as run:
        run.wait_for_rows()
        run.wait_until(lambda: can_go_on(state), "an epoch was kept")
        run.signal(signal.SIGKILL)
        run.end()
    (folder,) = (tmp_path / "recordings").iterdir()
    with live(tmp_path, settings, command) as run:
        lock = folder / "journal.lock"
        run.wait_until(
            lambda: lock.read_text() == str(run.process.pid), "the second run goes on with the first one's journal"
        )
        before = run.recorded
        run.wait_until(lambda: run.recorded > before, "the feeds bring something")
        run.signal(signal.SIGINT)
        ended = run.end()
    assert (ended.status, ended.others) == (0, [])
    assert list((tmp_path / "recordings").iterdir()) == [folder]
    (result,) = run.results
    summary = json.loads((result / "summary.json").read_text())
    assert summary["failure"] is None
    assert len(Recording.open(folder)) >= summary["updates"] > 0


def command_of(run: LiveRun, *arguments: str) -> Result:
    result = CliRunner().invoke(
        main, arguments, env={"HFT_CONFIG": None, "HFT__EXECUTION__FOLDER": str(run.folder / "orders")}
    )
    assert result.exit_code == 0, result.output
    return result


def test_a_running_run_is_stopped_and_cleared_by_command(tmp_path: Path) -> None:
    with live(tmp_path, {}) as run:
        run.wait_for_rows()
        (wallet,) = (run.folder / "orders").iterdir()
        assert command_of(run, "stop", "a test").stdout == f"on: {wallet}/STOP\n"
        run.wait_until(lambda: any(wallet.glob("incident-*.json")), "the stop is on")
        assert command_of(run, "clear").stdout == f"cleared: {wallet}/STOP: a test\n"
        orders = command_of(run, "orders").stdout
        run.signal(signal.SIGINT)
        ended = run.end()
    assert (ended.status, ended.others) == (0, [])
    assert "emergency stop" in ended.messages("error")[0]
    assert f"{wallet}/orders.journal" in orders.replace("\n", "")
    assert not (wallet / "STOP").exists()
