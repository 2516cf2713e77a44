"""The project's commands as processes of their own: a sandbox, and live runs."""

import base64
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.shared import ROOT

DEADLINE_S = 120.0
"""Longest time that anything may take; a deadline that no working code comes near, with kernels to compile."""
LOOK_S = 0.02


def wait_until(is_so: Callable[[], bool], what: str, process: subprocess.Popen[str] | None = None) -> None:
    """Look until something holds, and fail where it does not in time, or where the process behind it has ended."""
    deadline = time.monotonic() + DEADLINE_S
    while not is_so():
        if process is not None and process.poll() is not None and not is_so():
            pytest.fail(f"ended with {process.returncode}, and not: {what}\n{process.communicate()[1]}")
        assert time.monotonic() < deadline, f"still not: {what}"
        time.sleep(LOOK_S)


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; one that has ended and that nobody asked about does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def children_of(pid: int) -> list[int]:
    """List the processes that a process started from its main thread or any other, and that run."""
    listed = (path.read_text().split() for path in Path(f"/proc/{pid}/task").glob("*/children"))
    return [int(child) for children in listed for child in children]


class SandboxNode:
    """A sandbox that answers."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self.facts = facts
        self.url = str(facts["rpc_url"])
        self.pools = [str(pool["address"]) for pool in facts["pools"]]

    def call(self, method: str, *params: object) -> Any:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        request = urllib.request.Request(self.url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=DEADLINE_S) as answer:
            told = json.load(answer)
        assert "error" not in told, told
        return told["result"]

    def data_of(self, address: str) -> bytes:
        value = self.call("getAccountInfo", address, {"encoding": "base64", "commitment": "processed"})["value"]
        return base64.b64decode(value["data"][0])

    @contextmanager
    def written(self, address: str, data: bytes, owner: str | None = None) -> Iterator[None]:
        """Have an account hold other bytes for a while."""
        options = {"encoding": "base64", "commitment": "processed"}
        before = self.call("getAccountInfo", address, options)["value"]
        owner = before["owner"] if owner is None else owner
        text = base64.b64encode(data).decode()
        self.call("sandbox_setAccount", address, {"lamports": 10**9, "owner": owner, "data": text})
        self.call("sandbox_advance", 3)
        try:
            yield
        finally:
            kept = None
            if before is not None:
                kept = {"lamports": before["lamports"], "owner": before["owner"], "data": before["data"][0]}
            self.call("sandbox_setAccount", address, kept)
            self.call("sandbox_advance", 3)


@contextmanager
def sandbox(*options: str) -> Iterator[SandboxNode]:
    """Run a sandbox."""
    command = [sys.executable, "-m", "sandbox", "--port", "0", "--parent-pipe", *options]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield SandboxNode(msgspec.json.decode(process.stdout.readline()))
        finally:
            process.kill()


class Ended:
    """How a run ended: exit status, the lines of both streams, and the log's lines apart from the others."""

    def __init__(self, status: int, stdout: str, stderr: str) -> None:
        self.status = status
        self.stdout = stdout
        lines = stderr.splitlines()
        self.log = [json.loads(line) for line in lines if line.startswith("{")]
        self.others = [line for line in lines if not line.startswith("{")]

    def messages(self, level: str) -> list[str]:
        return [line["message"] for line in self.log if line["level"] == level]


class LiveRun:
    """A running `flows.live` and where it writes.

    :arg folder: Receives its results and its recording.

    """

    def __init__(self, folder: Path, process: subprocess.Popen[str]) -> None:
        self.folder = folder
        self.process = process

    @property
    def recorded(self) -> int:
        """Bytes of the recording, sealed or not."""
        return sum(path.stat().st_size for path in (self.folder / "recordings").glob("*/*.journal"))

    @property
    def results(self) -> list[Path]:
        return list((self.folder / "runs").glob("*-live"))

    def wait_for_rows(self) -> None:
        """Wait until it follows the market: the recording grows beyond what was loaded."""
        self.wait_until(lambda: bool(self.results) and self.recorded > 0, "the run has begun")
        first = self.recorded
        wait_until(lambda: self.recorded > first or self.process.poll() is not None, "the feeds bring something")

    def wait_until(self, is_so: Callable[[], bool], what: str) -> None:
        """Look until something holds, which a run that has ended can no longer bring about."""
        wait_until(is_so, what, self.process)

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self) -> Ended:
        """Wait for its end."""
        stdout, stderr = self.process.communicate(timeout=DEADLINE_S)
        return Ended(self.process.returncode, stdout, stderr)


RUNNER = ("-m", "bytewax.run", "flows.live")


@contextmanager
def live(folder: Path, environ: Mapping[str, str], command: tuple[str, ...] = RUNNER) -> Iterator[LiveRun]:
    """Start a live run with the given settings and quick slots."""
    settings = {
        "HFT__SANDBOX__SLOT_MS": "50",
        "HFT__MONITORING__METRICS_PORT": "0",
        "HFT__RESULTS__RUNS_DIR": str(folder / "runs"),
        "HFT__RECORDING__FOLDER": str(folder / "recordings"),
        "HFT__EXECUTION__FOLDER": str(folder / "orders"),
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("HFT_")}
    process = subprocess.Popen(
        [sys.executable, *command],
        cwd=ROOT,
        env={**inherited, **settings, **environ},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield LiveRun(folder, process)
        finally:
            process.kill()


def run_live(folder: Path, environ: Mapping[str, str], command: tuple[str, ...] = RUNNER) -> Ended:
    """Run `flows.live` to the end that it finds by itself."""
    with live(folder, environ, command) as run:
        return run.end()
