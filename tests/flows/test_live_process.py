"""A live run as a person ends it: by signals, and by worse."""

import json
import signal
from pathlib import Path

import pytest

from connectors.recordings.recording import Recording
from tests.processes import LiveRun, children_of, is_alive, live, wait_until


def sandbox_of(run: LiveRun) -> int:
    """Return the process id of the sandbox that a run has started."""
    return next(
        child
        for child in children_of(run.process.pid)
        if b"sandbox" in Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_run_with_its_result_and_a_sealed_recording(number: signal.Signals, tmp_path: Path) -> None:
    with live(tmp_path, {}) as run:
        run.wait_for_rows()
        started = [sandbox_of(run), *children_of(run.process.pid)]
        run.signal(number)
        ended = run.end()
        wait_until(lambda: not any(map(is_alive, started)), "every process that the run started has ended")
    assert (ended.status, ended.others) == (0, [])
    assert any(f"{number.name}: ending the run" in line for line in ended.messages("info"))
    (result,) = run.results
    assert f"results in {result}" in ended.stdout.replace("\n", "")
    summary = json.loads((result / "summary.json").read_text())
    assert summary["failure"] is None
    assert summary["wallet"]["is_closed"]
    assert summary["wallet"]["differences"] == []
    folder = Path(summary["recording"])
    assert {path.suffix for path in folder.iterdir()} == {".parquet", ".lock"}
    recording = Recording.open(folder)
    assert len(recording) >= summary["updates"] > 0
    assert recording.notes == ()


def test_a_second_signal_ends_a_run_at_once(tmp_path: Path) -> None:
    with live(tmp_path, {}) as run:
        run.wait_for_rows()
        started = children_of(run.process.pid)
        run.signal(signal.SIGSTOP)  # so that both are there when it looks
        run.signal(signal.SIGTERM)
        run.signal(signal.SIGINT)
        run.signal(signal.SIGCONT)
        ended = run.end()
        wait_until(lambda: not any(map(is_alive, started)), "every process that the run started has ended")
    assert ended.status in (128 + signal.SIGINT, 128 + signal.SIGTERM)
    assert ended.stdout == ""


def test_nothing_outlives_a_run_that_is_killed(tmp_path: Path) -> None:
    with live(tmp_path, {}) as run:
        run.wait_for_rows()
        started = [sandbox_of(run), *children_of(run.process.pid)]
        run.signal(signal.SIGKILL)
        run.end()
        wait_until(lambda: not any(map(is_alive, started)), "every process that the run started has ended")
    (folder,) = (tmp_path / "recordings").iterdir()
    assert len(Recording.open(folder)) > 0


def test_a_signal_ends_the_waiting_for_a_node_too(tmp_path: Path) -> None:
    with live(tmp_path, {"HFT__SANDBOX__FAULTS": "http.hang=1"}) as run:
        run.wait_until(lambda: bool(children_of(run.process.pid)), "the sandbox has been started")
        run.signal(signal.SIGTERM)
        ended = run.end()
    assert ended.status == 1
    (line,) = ended.others
    assert "SIGTERM while" in line
