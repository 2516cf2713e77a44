"""The sandbox as a process that can be killed and frozen, and what is true on it."""

import base64
import http.client
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from typing import Any

from benchmarks.faults.verdict import SlotTimes, State
from connectors.wire.accounts import NOBODY
from dlmm.errors import DlmmError
from dlmm.records import Account
from flows.market import Market

COMMITMENTS = ("processed", "confirmed")
LOOK_EVERY_S = 0.01
ANSWER_S = 60.0
ENDS_WITHIN_S = 10.0
COLLECT_SLOTS = 256
"""The sandbox remembers the states of its last 600 slots."""
MISSED_SLOTS = 8
"""A node that comes back stands so many slots after the one where it was killed."""

_GONE = (OSError, http.client.HTTPException, json.JSONDecodeError)


class NodeDownError(DlmmError):
    """The sandbox did not start, or does not answer."""


class Node:
    """A sandbox with the model engine, in a process of its own that ends with this one.

    :arg slot_ms: Length of a slot.

    :raises NodeDownError: It does not start.

    """

    def __init__(self, slot_ms: int, seed: int = 1) -> None:
        self._options = ["--parent-pipe", "--slot-ms", str(slot_ms), "--seed", str(seed)]
        self._seed = seed
        self.times = {commitment: SlotTimes() for commitment in COMMITMENTS}
        self._states: dict[str, dict[tuple[int, bool], State]] = {}
        self._first_slot = 0
        self._port = 0
        self.is_up = False
        self._process, self.facts = self._begin()
        self._port = int(self.facts["rpc_url"].rpartition(":")[2])
        self.is_up = True
        self._is_over = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    def _begin(self) -> tuple["subprocess.Popen[str]", Mapping[str, Any]]:
        command = [sys.executable, "-m", "sandbox", "--port", str(self._port), *self._options]
        command += ["--first-slot", str(self._first_slot)] if self._first_slot else []
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise NodeDownError(f"the sandbox ended with status {process.wait(ENDS_WITHIN_S)} before it answered")
        return process, json.loads(line)

    @property
    def market(self) -> Market:
        """Where the feeds find it."""
        return Market(
            rpc_urls=(self.facts["rpc_url"],),
            ws_url=self.facts["ws_url"],
            prices_url=self.facts["prices_url"],
            pools=tuple(pool["address"] for pool in self.facts["pools"]),
            genesis_hash=self.facts["genesis_hash"],
            source=f"sandbox: seed {self._seed}",
        )

    def call(self, method: str, *params: object, connection: http.client.HTTPConnection | None = None) -> Any:
        """Call a method that no node has; it suffers no faults.

        :raises NodeDownError: There is no answer.

        """
        own = connection or self._connection()
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": f"sandbox_{method}", "params": params})
        try:
            own.request("POST", "/", body, {"Content-Type": "application/json"})
            return json.loads(own.getresponse().read())["result"]
        except _GONE as error:
            raise NodeDownError(f"sandbox_{method}: {error}") from error
        finally:
            if connection is None:
                own.close()

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self._port, timeout=ANSWER_S)

    def _watch(self) -> None:
        """Look again and again which slot it is, and keep what the sandbox will forget."""
        connection, collected = self._connection(), 0
        while not self._is_over.wait(LOOK_EVERY_S):
            if not self.is_up:
                connection.close()
                continue
            try:
                stats = self.call("stats", connection=connection)
                self._note(stats)
                collected = collected or stats["slot"]
                if stats["slot"] - collected > COLLECT_SLOTS:
                    collected = stats["slot"]
                    self.collect(self._states)
            except NodeDownError:
                connection.close()
        connection.close()

    def _note(self, stats: Mapping[str, Any]) -> None:
        now_ns = time.time_ns()
        self.times["processed"].reached(stats["slot"], now_ns)
        self.times["confirmed"].reached(stats["confirmed"], now_ns)

    def collect(self, addresses: Iterable[str]) -> None:
        """Take over every state of these accounts that the sandbox still knows.

        :raises NodeDownError: There is no answer.

        """
        for address in list(addresses):
            kept = self._states.setdefault(address, {})
            for version in self.call("versions", address):
                account = _account(version)
                slot = max(version["slot"], self._first_slot)  # 0 for a state that the node began with
                kept[slot, version["dead"]] = State(slot, account, version["dead"])

    def states(self, address: str) -> list[State]:
        """Return what was collected of an account, by slot."""
        return [state for _, state in sorted(self._states.get(address, {}).items())]

    def account_at(self, address: str, slot: int) -> Account:
        """Read an account as of a slot; one that does not exist has no data."""
        return _account(self.call("accountAt", address, slot))

    def pause(self) -> None:
        """Make no more slots, and look once more which one it is."""
        self.call("pause")
        self._note(self.call("stats"))

    def kill(self, addresses: Iterable[str]) -> None:
        """End the process as a crash does.

        :arg addresses: Accounts whose states would be lost with it, beside those collected before.

        """
        self.pause()
        self.collect({*addresses, *self._states})
        self.is_up = False
        self._process.kill()
        self._process.wait()

    def come_back(self) -> None:
        """Start it anew on the same port: with its first states, as of slots after those of before."""
        self._first_slot = self.times["processed"].newest + MISSED_SLOTS
        self._process, self.facts = self._begin()
        self.is_up = True

    def freeze(self) -> None:
        """Stop the process where it stands; its sockets stay open."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """End it."""
        self._is_over.set()
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._watcher.join(ENDS_WITHIN_S)


def _account(version: Mapping[str, Any]) -> Account:
    return Account(version["owner"] or NOBODY, base64.b64decode(version["data"]))
