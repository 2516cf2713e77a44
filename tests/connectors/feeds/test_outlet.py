"""Outlets: everything while the inbox keeps up, only the newest states when it does not, and all of it counted."""

import logging

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.feeds.outlet import Outlet
from connectors.wire.events import AccountUpdate, Event, PriceUpdate, SlotUpdate, SwapVolume


def account(address: str, slot: int, data: str = "") -> AccountUpdate:
    return AccountUpdate(slot, address, "owner", data, "raw")


def volume(number: int) -> SwapVolume:
    return SwapVolume("pool", number, str(number), 1, 1)


def test_all_events_come_in_order_with_the_time_they_came_at() -> None:
    outlet = Outlet("chain")
    events: list[Event] = [account("a", 5), SlotUpdate(6), account("a", 4), PriceUpdate("p", 1.0, 0.0, 0.0), volume(1)]
    for event in events:
        outlet.put(event)
    assert len(outlet) == 5
    drained = outlet.drain()
    assert [event for _, event in drained] == events
    assert all(recv_ns > 0 for recv_ns, _ in drained)
    assert outlet.last_event_ns == drained[-1][0]
    assert outlet.updates == 5
    assert outlet.conflated == 0
    assert outlet.drain() == []


def test_a_slow_consumer_gets_the_newest_state_of_each_account() -> None:
    outlet = Outlet("chain", limit=100)
    for slot in range(5_000):
        outlet.put(account(f"a{slot % 7}", slot, str(slot)))
        outlet.put(SlotUpdate(slot))
        assert len(outlet) <= 100
    drained = [event for _, event in outlet.drain()]
    assert {e.address: e.slot for e in drained if isinstance(e, AccountUpdate)} == {
        f"a{s % 7}": s for s in range(4_993, 5_000)
    }
    assert drained[-1] == SlotUpdate(4_999)
    assert outlet.conflated == outlet.updates - len(drained)
    assert outlet.lost == 0


def test_a_late_older_state_never_replaces_a_newer_one() -> None:
    outlet = Outlet("chain", limit=2)
    for event in (account("a", 9), account("b", 9), account("a", 8), account("b", 9, "written later in that slot")):
        outlet.put(event)
    assert [event for _, event in outlet.drain()] == [account("a", 9), account("b", 9, "written later in that slot")]


def test_the_end_of_a_slot_never_replaces_what_was_read_from_the_next_block() -> None:
    outlet = Outlet("chain", limit=1)
    later = AccountUpdate(8, "a", "owner", "from the block of slot 9", "raw", is_later=True)
    for event in (account("a", 8), later, account("a", 8)):
        outlet.put(event)
    assert [event for _, event in outlet.drain()] == [later]


def test_of_what_cannot_be_conflated_the_oldest_goes_and_is_counted() -> None:
    outlet = Outlet("chain", limit=50)
    outlet.put(account("a", 1))
    for number in range(1_000):
        outlet.put(volume(number))
    drained = [event for _, event in outlet.drain()]
    assert drained[0] == account("a", 1)
    assert drained[1:] == [volume(number) for number in range(951, 1_000)]
    assert outlet.lost == 951


def test_more_accounts_than_the_limit_are_bounded_too() -> None:
    outlet = Outlet("chain", limit=10)
    for number in range(1_000):
        outlet.put(account(f"a{number}", number))
    assert [event.address for _, event in outlet.drain() if isinstance(event, AccountUpdate)] == [
        f"a{number}" for number in range(990, 1_000)
    ]
    assert outlet.lost == 990


def test_once_drained_it_keeps_everything_again() -> None:
    outlet = Outlet("chain", limit=3)
    for slot in range(10):
        outlet.put(account("a", slot))
    assert len(outlet.drain()) == 1
    for slot in range(3):
        outlet.put(account("a", slot))
    assert len(outlet.drain()) == 3


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 20)), max_size=200), st.integers(1, 30))
def test_newest_slot_of_each_account_always_survives(writes: list[tuple[int, int]], limit: int) -> None:
    outlet = Outlet("chain", limit=max(limit, 5))
    for address, slot in writes:
        outlet.put(account(str(address), slot))
    newest = {str(address): max(s for a, s in writes if a == address) for address, _ in writes}
    seen: dict[str, int] = {}
    for _, event in outlet.drain():
        assert isinstance(event, AccountUpdate)
        seen[event.address] = max(seen.get(event.address, -1), event.slot)
    assert seen == newest


def test_refusals_are_counted_by_cause_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    outlet = Outlet("prices")
    with caplog.at_level(logging.INFO):
        for number in range(500):
            outlet.refuse("malformed", f"message {number}")
        outlet.refuse("foreign_pool", "x" * 10_000 + "\x1b[2J")
        outlet.note("reconnects")
    assert outlet.refused == {"malformed": 500, "foreign_pool": 1}
    assert outlet.notes == {"reconnects": 1}
    assert len(caplog.records) == 2
    assert "message 0" in caplog.messages[0]
    assert len(caplog.messages[1]) < 400


def test_foreign_control_characters_never_reach_the_log(caplog: pytest.LogCaptureFixture) -> None:
    outlet = Outlet("prices")
    with caplog.at_level(logging.INFO):
        outlet.refuse("malformed", "\x1b[2Jforged\nline")
        outlet.note("disconnects", "line\nbreak")
    assert all(message.isprintable() for message in caplog.messages)
    assert len(caplog.messages) == 2
