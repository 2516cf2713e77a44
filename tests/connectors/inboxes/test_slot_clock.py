"""The slot goes on by the wall clock when nobody tells of it, and never back."""

from hypothesis import given
from hypothesis import strategies as st

from connectors.inboxes.slot_clock import SILENT_NS, USUAL_SLOT_NS, SlotClock

NOW = 1_750_000_000_000_000_000


def test_a_slot_is_news_once() -> None:
    clock = SlotClock(10)
    assert clock.hear(11, NOW)
    assert not clock.hear(11, NOW)
    assert not clock.hear(9, NOW)
    assert clock.slot == 11


def test_silence_goes_on_at_the_usual_pace() -> None:
    clock = SlotClock(10)
    clock.hear(11, NOW)
    assert clock.estimate(NOW + 4 * USUAL_SLOT_NS) is None
    assert clock.estimate(NOW + 5 * USUAL_SLOT_NS) == 16
    assert clock.estimate(NOW + 5 * USUAL_SLOT_NS) is None
    assert clock.estimate(NOW + 6 * USUAL_SLOT_NS) == 17
    assert clock.estimated == 2


def test_the_pace_is_the_clusters_own() -> None:
    clock = SlotClock(0)
    for slot in range(1, 200):
        clock.hear(slot, NOW + slot * 4 * USUAL_SLOT_NS)
    told = NOW + 199 * 4 * USUAL_SLOT_NS
    assert clock.estimate(told + 15 * USUAL_SLOT_NS) is None
    assert clock.estimate(told + 21 * USUAL_SLOT_NS) == 204


def test_a_burst_of_slots_makes_no_hurry() -> None:
    clock = SlotClock(0)
    for slot in range(1, 500):
        clock.hear(slot, NOW + slot)
    assert clock.estimate(NOW + SILENT_NS - 1) is None


def test_the_cluster_catches_up_before_it_is_news_again() -> None:
    clock = SlotClock(10)
    clock.hear(11, NOW)
    assert clock.estimate(NOW + 20 * USUAL_SLOT_NS) == 31
    assert not clock.hear(20, NOW + 20 * USUAL_SLOT_NS)
    assert clock.hear(32, NOW + 21 * USUAL_SLOT_NS)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 1_000), st.integers(0, 10**10)), max_size=40))
def test_the_slot_never_goes_back(steps: list[tuple[bool, int, int]]) -> None:
    clock, now, last = SlotClock(0), NOW, 0
    for is_told, slot, pause in steps:
        now += pause
        if is_told:
            clock.hear(slot, now)
        else:
            clock.estimate(now)
        assert clock.slot >= last
        last = clock.slot
