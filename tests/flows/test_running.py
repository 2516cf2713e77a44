"""How a flow's module answers Bytewax's runner, and how its process ends."""

import os
import subprocess
import sys

import pytest

from flows import running
from tests.shared import ROOT

SCRIPT = """
import atexit, sys
from flows.running import wire
from dlmm.errors import DlmmError

def build(settings, outcome):
    atexit.register(print, "ended in order", file=sys.stderr)
    {body}

print(wire("flow", build))
"""


def run(body: str, **environ: str) -> tuple[int, list[str], list[str]]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HFT_")}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(body=body)],
        cwd=ROOT,
        env={**kept, **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout.splitlines(), done.stderr.splitlines()


def test_other_attributes_of_a_flows_module_are_missing_as_usual() -> None:
    with pytest.raises(AttributeError, match="flows"):
        running.wire("flows", lambda settings, outcome: pytest.fail("built"))


def test_the_flow_is_what_was_built_of_the_settings() -> None:
    assert run("return settings.portfolio.capital", HFT__PORTFOLIO__CAPITAL="7") == (0, ["7.0"], ["ended in order"])


def test_why_it_cannot_be_built_is_the_last_line() -> None:
    assert run("raise DlmmError('no\\nway \\x1b[2J')") == (1, [], ["ended in order", r"error: no way \x1b[2J"])


def test_settings_that_cannot_be_read_are_one_line() -> None:
    status, said, (line,) = run("return 1", HFT__PORTFOLIO__CAPITL="7")
    assert (status, said) == (1, [])
    assert line.startswith("error: portfolio.capitl: no such key")


def test_a_run_that_fails_later_ends_the_same_way() -> None:
    body = "outcome.failure = 'the disk is full'; return 1"
    assert run(body) == (1, ["1"], ["ended in order", "error: the disk is full"])


def test_our_own_error_behind_a_librarys_is_one_line() -> None:
    body = "\n".join(
        (
            "try: raise DlmmError('ours')",
            "    except DlmmError as error: raise RuntimeError('theirs') from error",
        )
    )
    assert run(body) == (1, [], ["error: ours", "ended in order"])


def test_what_is_not_ours_keeps_its_traceback() -> None:
    status, _, said = run("1 / 0")
    assert status == 1
    assert said[0] == "Traceback (most recent call last):"
    assert "ZeroDivisionError: division by zero" in said
