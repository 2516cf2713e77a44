"""A worker that dies takes one run with it, and none outlives the sweep."""

import os
import signal
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from connectors.recordings.excerpt import Stretch
from connectors.recordings.recording import write_recording
from flows.research.worker import Answer, Job, answer
from flows.research.workers import run_jobs
from flows.settings.tree import Settings
from tests.processes import children_of, is_alive
from tests.tapes import tape

DYING = '''
"""A strategy that ends its process."""
import os

from operators.strategies.interface import Row


class Dying:
    name = "dying"

    def __init__(self, status: int) -> None:
        self._status = status

    def start(self, pool: object) -> int:
        return 0

    def on_row(self, row: Row, memory: int) -> tuple[None, int]:
        os._exit(self._status) if self._status else 1 // 0
'''


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows, pools = tape(400)
    path = tmp_path_factory.mktemp("tape") / "tape.parquet"
    write_recording(path, rows, pools, "seeded tape of the tests")
    return path


def job(recording: Path, *, stop: int = 400, settings: Settings | None = None) -> Job:
    return Job(settings if settings is not None else Settings(), str(recording), Stretch(0, stop))


def with_strategy(class_path: str, **params: object) -> Settings:
    custom = [{"class": class_path, "params": params}]
    return msgspec.convert({"strategies": {"custom": custom, "market_making": {"enabled": False}}}, Settings)


def test_a_job_is_a_replay_of_its_stretch(recording: Path, tmp_path: Path) -> None:
    whole, half = tmp_path / "whole", tmp_path / "half"
    for folder, stop in ((whole, 400), (half, 200)):
        folder.mkdir()
        said = answer(job(recording, stop=stop), folder)
        assert said.failure == ""
        assert said.figures is not None
        assert said.figures.updates == stop
        assert [baseline.name for baseline in said.figures.baselines] == ["hold", "rebalanced", "passive_lp"]


def test_a_job_that_cannot_be_says_why(recording: Path, tmp_path: Path) -> None:
    said = answer(job(recording, settings=with_strategy("nowhere:Nothing")), tmp_path)
    assert said.figures is None
    assert "nowhere" in said.failure


def test_answers_are_the_same_however_many_work(recording: Path, tmp_path: Path) -> None:
    jobs = [(stop, job(recording, stop=stop)) for stop in (100, 200, 300, 400)]
    one, two = (dict(run_jobs(jobs, count, tmp_path)) for count in (1, 2))
    assert one == two
    assert set(one) == {100, 200, 300, 400}


def test_a_process_that_dies_costs_its_own_run_alone(
    recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dying.py").write_text(DYING)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    jobs = [("before", job(recording))]
    jobs += [
        (f"dies {status}", job(recording, settings=with_strategy("dying:Dying", status=status))) for status in (7, 0)
    ]
    jobs += [("after", job(recording))]
    found: dict[str, Answer] = dict(run_jobs(jobs, 1, tmp_path))
    assert found["before"] == found["after"]
    assert found["after"].figures is not None
    assert found["dies 7"].failure.startswith("its process ended with status 7")
    assert found["dies 0"].figures is None
    assert "ZeroDivisionError" in found["dies 0"].failure


def test_all_end_when_the_sweep_does(recording: Path, tmp_path: Path) -> None:
    before = set(children_of(os.getpid()))
    with closing(run_jobs([(number, job(recording)) for number in range(20)], 2, tmp_path)) as answers:
        next(answers)
        next(answers)
        mine = set(children_of(os.getpid())) - before
        assert len(mine) == 2
    assert not any(is_alive(pid) for pid in mine)
    assert list(tmp_path.iterdir()) == []  # nor does what they were writing


def test_an_interrupt_as_soon_as_a_worker_is_there_ends_it_too(
    recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[int] = []

    class Interrupted(subprocess.Popen[bytes]):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            started.append(self.pid)
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(subprocess, "Popen", Interrupted)
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)  # who runs the tests may have it ignored
    try:
        with pytest.raises(KeyboardInterrupt):
            list(run_jobs([(number, job(recording)) for number in range(3)], 2, tmp_path))
    finally:
        signal.signal(signal.SIGINT, handler)
    (worker,) = started
    assert not is_alive(worker)
    assert list(tmp_path.iterdir()) == []


def test_no_jobs_need_no_process(tmp_path: Path) -> None:
    assert list(run_jobs([], 2, tmp_path)) == []
    assert list(tmp_path.iterdir()) == []
