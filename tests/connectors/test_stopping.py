"""Signals, sent to processes that take them as a run does."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from connectors.stopping import Stop
from tests.shared import ROOT

BOTH = (signal.SIGINT, signal.SIGTERM)


@pytest.fixture
def handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in BOTH}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_nobody_has_asked_at_first() -> None:
    stop = Stop()
    assert not stop.is_requested
    assert stop.reason == ""


def test_the_first_reason_stays() -> None:
    stop = Stop()
    stop.request("the script is over")
    stop.request("something else")
    assert stop.is_requested
    assert stop.reason == "the script is over"


@pytest.mark.parametrize("number", BOTH)
@pytest.mark.usefixtures("handlers")
def test_a_signal_asks_for_the_end_by_its_name(number: signal.Signals) -> None:
    stop = Stop()
    stop.on_signals()
    os.kill(os.getpid(), number)
    assert stop.reason == number.name


@pytest.mark.parametrize("first", BOTH)
@pytest.mark.parametrize("second", BOTH)
def test_a_second_signal_ends_the_process_at_once(first: signal.Signals, second: signal.Signals) -> None:
    script = (
        "import os, atexit; from connectors.stopping import Stop; Stop().on_signals();"
        " atexit.register(print, 'ended in order');"
        f" os.kill(os.getpid(), {int(first)}); print('asked', flush=True); os.kill(os.getpid(), {int(second)})"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (128 + second, "asked\n")
