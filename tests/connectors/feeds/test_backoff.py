"""Delays between attempts: doubling, jittered, bounded, and short again after a good connection."""

import numpy as np

from connectors.feeds.backoff import LONGEST_WISH_S, Backoff


def backoff(seed: int = 1) -> Backoff:
    return Backoff(first_s=1.0, longest_s=60.0, lived_s=10.0, generator=np.random.default_rng(seed))


def test_each_failure_doubles_the_range_up_to_the_longest() -> None:
    waits = backoff()
    for longest in (1, 2, 4, 8, 16, 32, 60, 60, 60):
        assert longest / 2 <= waits.delay() <= longest
    for _ in range(5_000):
        assert 30 <= waits.delay() <= 60


def test_a_connection_that_lived_starts_it_over() -> None:
    waits = backoff()
    for _ in range(6):
        waits.delay()
    assert waits.delay(lived_s=9.9) > 16
    assert waits.delay(lived_s=10.0) <= 1.0
    assert waits.delay() > 1.0


def test_the_same_seed_gives_the_same_delays_and_another_does_not() -> None:
    first, same, other = backoff(1), backoff(1), backoff(2)
    delays = [first.delay() for _ in range(10)]
    assert delays == [same.delay() for _ in range(10)]
    assert delays != [other.delay() for _ in range(10)]


def test_a_peers_wish_is_heeded_within_reason() -> None:
    assert backoff().delay(at_least_s=7.0) == 7.0
    assert backoff().delay(at_least_s=1e12) == LONGEST_WISH_S
