"""What the tests of the feeds talk to: tiny servers on loopback, driven by the reactor under test."""

import time
from collections.abc import Callable

from connectors.feeds.reactor import Reactor

DEADLINE_S = 20.0


def run_until(reactor: Reactor, is_done: Callable[[], bool], wait_s: float = 0.01) -> None:
    """Turn the reactor until something holds; fail after a deadline that no working code comes near."""
    deadline = time.monotonic() + DEADLINE_S
    while not is_done():
        assert time.monotonic() < deadline, "still not so after the deadline"
        reactor.run_once(wait_s)
