"""The command, as a person or a flow starts it."""

import json
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from click.testing import CliRunner

from sandbox.cli import main
from tests.sandbox.nodes import SLOW_S

QUICK = ("--port", "0", "--slot-ms", "20", "--market", "off", "--pool", "saros:SOL-USDC:10")


@contextmanager
def started(*options: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "sandbox", *QUICK, *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def announced(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    told = json.loads(process.stdout.readline())
    assert isinstance(told, dict)
    return told


def ask(url: str, method: str) -> Any:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=SLOW_S) as response:
        return json.load(response)["result"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_answers_and_ends_when_told(number: signal.Signals) -> None:
    with started() as process:
        told = announced(process)
        assert set(told) == {"rpc_url", "ws_url", "prices_url", "genesis_hash", "pools"}
        assert told["genesis_hash"] == ask(told["rpc_url"], "getGenesisHash")
        (pool,) = told["pools"]
        assert (pool["venue"], pool["symbol_x"], pool["bin_step"]) == ("saros", "SOL", 10)
        process.send_signal(number)
        assert process.wait(SLOW_S) == 0


def test_it_ends_with_whoever_holds_its_standard_input() -> None:
    with started("--parent-pipe") as process:
        announced(process)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(SLOW_S) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--faults", "nope=1"], "nope=1"),
        (["--market", "nope=1"], "nope"),
        (["--pool", "nope"], "nope"),
        (["--host", "0.0.0.0"], "loopback only"),
        (["--program", "nope"], "nope"),
        (["--accounts", "/nowhere"], "/nowhere"),
    ],
)
def test_bad_options_end_in_one_line(options: list[str], message: str) -> None:
    ended = CliRunner().invoke(main, [*QUICK[:-2], *options])
    assert ended.exit_code == 1
    assert ended.stderr.startswith("error: ")
    assert message in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_help_lists_the_faults() -> None:
    text = CliRunner().invoke(main, ["--help"]).stdout
    assert "ws.bomb" in text
    assert "--parent-pipe" in text
