"""Slots that are believed: near ones at once, a leap when it is told a second time."""

from connectors.feeds.slot_guard import LARGEST_LEAP, SlotGuard


def test_near_and_older_slots_are_believed() -> None:
    guard = SlotGuard()
    assert [guard.believes(slot) for slot in (1_000_000, 1_000_001, 900_000, 1_000_001 + LARGEST_LEAP)] == [True] * 4
    assert guard.newest == 1_000_001 + LARGEST_LEAP


def test_a_lone_leap_is_not_believed() -> None:
    guard = SlotGuard()
    assert guard.believes(1_000)
    assert not guard.believes(1 << 60)
    assert guard.believes(1_001)
    assert guard.newest == 1_001
    assert not guard.believes(1 << 50)


def test_a_leap_that_is_confirmed_is_believed() -> None:
    guard = SlotGuard()
    guard.believes(1_000)
    assert not guard.believes(500_000)
    assert guard.believes(500_003)
    assert guard.newest == 500_003


def test_a_reset_forgets() -> None:
    guard = SlotGuard()
    guard.believes(1 << 60)
    guard.reset()
    assert guard.believes(5)
    assert guard.newest == 5
