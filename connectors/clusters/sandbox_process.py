"""The embedded sandbox: a process of its own, which lives as long as this one."""

import logging
import os
import select
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence

import msgspec

from connectors.stopping import Stop
from dlmm.errors import DlmmError

STARTS_WITHIN_S = 60.0
ENDS_WITHIN_S = 5.0
LOOK_S = 0.1
"""How often somebody who waits looks whether the run is to end."""
LONGEST_LINE = 300
_READ_SIZE = 65_536

_log = logging.getLogger(__name__)


class SandboxError(DlmmError):
    """The sandbox did not start.

    :arg reason: Its own words, or what was seen of it.

    """

    def __init__(self, reason: str) -> None:
        """Keep the reason."""
        super().__init__(f"sandbox: {reason}")
        self.reason = reason


class SandboxPool(msgspec.Struct, frozen=True):
    """A pool of the sandbox."""

    address: str


class SandboxFacts(msgspec.Struct, frozen=True):
    """What a sandbox says of itself once it answers."""

    rpc_url: str
    ws_url: str
    prices_url: str
    genesis_hash: str
    pools: tuple[SandboxPool, ...]


class SandboxProcess:
    """Run `python -m sandbox` on free ports.

    It ends when `end` is called and, however this process ends, with it: its standard input is a pipe from here. What
    it writes to standard error goes to the log.

    :arg options: Of its command line.

    """

    def __init__(self, options: Sequence[str]) -> None:
        """Start the process."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "sandbox", "--port", "0", "--parent-pipe", *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for this process, which ends the sandbox when it has finished
        )
        self._answers = False
        self._said: deque[str] = deque(maxlen=1)
        self._listener = threading.Thread(target=self._listen, name="sandbox's errors", daemon=True)
        self._listener.start()

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    def facts(self, stop: Stop, within_s: float = STARTS_WITHIN_S) -> SandboxFacts:
        """Wait until it answers.

        :arg stop: Whoever asks for the end of the run ends the waiting too.

        :raises SandboxError: It does not answer in time, or ends before.

        """
        line = self._first_line(stop, time.monotonic() + within_s, within_s)
        try:
            facts = msgspec.json.decode(line, type=SandboxFacts)
        except msgspec.DecodeError:
            self.end()
            raise SandboxError(f"it says {line[:LONGEST_LINE].decode(errors='replace')!a}") from None
        self._answers = True
        return facts

    def end(self) -> None:
        """End it, if it has not ended."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(ENDS_WITHIN_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._listener.join()

    def _first_line(self, stop: Stop, deadline: float, within_s: float) -> bytes:
        stdout = self._process.stdout
        assert stdout is not None
        line = b""
        while not line.endswith(b"\n"):
            if stop.is_requested:
                self.end()
                raise SandboxError(f"{stop.reason} while it was starting")
            if time.monotonic() > deadline:
                self.end()
                raise SandboxError(f"it did not answer within {within_s:g} s")
            if not select.select([stdout], [], [], LOOK_S)[0]:
                continue
            read = os.read(stdout.fileno(), _READ_SIZE)
            if not read:
                self.end()
                reason = (
                    self._said[-1].removeprefix("error: ").removeprefix("Error: ") if self._said else "it said nothing"
                )
                raise SandboxError(f"{reason} (exit status {self._process.returncode})")
            line += read
        return line

    def _listen(self) -> None:
        stderr = self._process.stderr
        assert stderr is not None
        for raw in stderr:
            line = raw[: LONGEST_LINE * 4].decode(errors="replace").strip()[:LONGEST_LINE]
            if line:
                self._said.append(line)
                _log.log(logging.WARNING if self._answers else logging.DEBUG, "sandbox: %s", line)
