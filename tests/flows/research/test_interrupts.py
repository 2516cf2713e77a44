"""An interrupt parts nothing that belongs together, and is not lost."""

import signal
from collections.abc import Iterator

import pytest

from flows.research.interrupts import interrupts_held


@pytest.fixture(params=[signal.SIGINT, signal.SIGTERM])
def interrupt(request: pytest.FixtureRequest) -> Iterator[signal.Signals]:
    """Return a signal that raises KeyboardInterrupt."""
    before = signal.signal(request.param, signal.default_int_handler)
    yield request.param
    signal.signal(request.param, before)


def test_an_interrupt_counts_once_all_is_done(interrupt: signal.Signals) -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), interrupts_held():  # noqa: PT012 - that it all runs is the point
        done.append("first")
        signal.raise_signal(interrupt)
        done.append("second")
    assert done == ["first", "second"]


def test_what_was_to_happen_at_an_interrupt_is_as_before(interrupt: signal.Signals) -> None:
    with interrupts_held():
        pass
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(interrupt)


def test_a_failure_within_is_what_is_told(interrupt: signal.Signals) -> None:
    with pytest.raises(OSError, match="no more processes"), interrupts_held():  # noqa: PT012
        signal.raise_signal(interrupt)
        raise OSError("no more processes")
    assert signal.getsignal(interrupt) is signal.default_int_handler
