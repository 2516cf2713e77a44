"""Workers: processes that run the jobs of a sweep, each on one core, and are replaced where one dies."""

import os
import selectors
import shutil
import subprocess
import sys
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import msgspec

from dlmm.records import Record
from flows.research.interrupts import interrupts_held
from flows.research.worker import Answer, Job

Name = TypeVar("Name")

_ONE_CORE = dict.fromkeys(("POLARS_MAX_THREADS", "NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
_LAST_WORDS = 4_096
SCRATCH = "scratch"


class _Dead(Record, frozen=True):
    reason: str


class _Worker:
    """One process.

    :arg log: Receives what it says on standard error.

    :arg scratch: Folder for what it writes and throws away.

    """

    def __init__(self, log: Path, scratch: Path) -> None:
        self._log = log
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "flows.research.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**os.environ, **_ONE_CORE, "TMPDIR": str(scratch)},
                process_group=0,  # a terminal's interrupt is ours alone; we end them
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._jobs, self.answers = self._process.stdin, self._process.stdout

    def give(self, job: Job) -> None:
        """Hand over a job. Where it is dead already, its silence says so."""
        with suppress(BrokenPipeError):
            self._jobs.write(msgspec.json.encode(job) + b"\n")
            self._jobs.flush()

    def take(self) -> Answer | _Dead:
        """Take the answer, of which at least the beginning is there."""
        line = self.answers.readline()
        if line.endswith(b"\n"):
            return msgspec.json.decode(line, type=Answer)
        status = self._process.wait()
        ended = f"signal {-status}" if status < 0 else f"status {status}"
        said = self._log.read_bytes()[-_LAST_WORDS:].decode(errors="replace").strip().splitlines()
        return _Dead(f"its process ended with {ended}" + (f": {said[-1].removeprefix('error: ')}" if said else ""))

    def end(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait()
        with suppress(BrokenPipeError):
            self._jobs.close()
        self.answers.close()
        if not self._log.stat().st_size:
            self._log.unlink()


def run_jobs(jobs: list[tuple[Name, Job]], count: int, folder: Path) -> Generator[tuple[Name, Answer], None, None]:
    """Run jobs on so many processes, and yield each answer as it comes.

    The first job runs alone: it leaves the compiled kernels on disk, where the others find them. When the iterator is
    closed, or an exception ends it, an interrupt at any moment among them, all processes are ended.

    :arg folder: Receives what the processes say on standard error, and what they write until they have read it.

    """
    scratch = folder.absolute() / SCRATCH
    shutil.rmtree(scratch, ignore_errors=True)  # of a sweep that had no time to
    waiting = iter(jobs)
    busy: dict[_Worker, Name] = {}
    started = 0
    with selectors.DefaultSelector() as selector:

        def employ(worker: _Worker | None = None) -> bool:
            """Give the next job to a worker, or to a new one."""
            nonlocal started
            following = next(waiting, None)
            if following is None:
                return False
            if worker is None:
                scratch.mkdir(exist_ok=True)
                with interrupts_held():  # what is not registered yet, nobody would end
                    worker = _Worker(folder / f"worker-{started}.log", scratch)
                    selector.register(worker.answers, selectors.EVENT_READ, worker)
                started += 1
            busy[worker] = following[0]
            worker.give(following[1])
            return True

        def dismiss(worker: _Worker) -> None:
            """End a worker, and listen to it no more."""
            with interrupts_held():
                selector.unregister(worker.answers)
                worker.end()

        try:
            employ()
            while busy:
                for key, _ in selector.select():
                    worker: _Worker = key.data
                    said = worker.take()
                    name = busy.pop(worker)
                    is_dead = isinstance(said, _Dead)
                    if is_dead or not employ(worker):
                        dismiss(worker)
                    yield name, Answer(None, said.reason) if isinstance(said, _Dead) else said
                while len(busy) < count and employ():
                    pass
        finally:
            with interrupts_held():
                for key in list(selector.get_map().values()):
                    dismiss(key.data)
                shutil.rmtree(scratch, ignore_errors=True)
