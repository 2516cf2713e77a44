"""The chain feed against a scripted node: subscriptions, snapshots, and what it does when either goes wrong."""

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.frames import Frame, Opcode

from connectors.feeds.chain import ChainFeed
from connectors.feeds.outlet import Outlet
from connectors.feeds.reactor import Reactor
from connectors.wire.events import AccountUpdate, Event, SlotUpdate
from tests.connectors.feeds.nodes import Ledger, NodePeer, RpcPeer, address, states
from tests.connectors.feeds.peers import run_until
from tests.connectors.wire.frames import account_notification, answer, failure, slot_notification, zstd

PAIR, BINS, MORE = address(0), address(1), address(2)
FOLLOWED = {PAIR: (PAIR, BINS)}
SIGNATURE = "S" * 88


class Listening:
    """A feed at a scripted node, and what it told."""

    def __init__(self, reactor: Reactor, **options: Any) -> None:
        self.reactor = reactor
        self.ledger = Ledger(100)
        self.ledger.accounts = {PAIR: b"pair", BINS: b"bins"}
        self.rpc = RpcPeer(reactor, self.ledger.answer)
        self.node = NodePeer(reactor)
        self.outlet = Outlet("chain")
        self.feed = ChainFeed("chain", self.node.url, self.rpc.url, **options)
        self.feed.follow(FOLLOWED)
        self.events: list[tuple[int, Event]] = []

    def start(self) -> None:
        self.feed.start(self.reactor, self.outlet)

    def settle(self, slot: int = 100) -> None:
        """Turn until everything is subscribed to, and the gap before is closed by a first slot."""
        before = self.outlet.notes["resnapshots"]
        self.until_live("logsSubscribe", PAIR)
        self.node.begin_slot(slot)
        run_until(self.reactor, lambda: self.outlet.notes["resnapshots"] > before)
        self.take()

    def take(self) -> list[tuple[int, Event]]:
        """Return the events since the last call."""
        self.events.extend(self.outlet.drain())
        taken, self.events = self.events, []
        return taken

    def until_live(self, method: str, key: str) -> None:
        run_until(self.reactor, lambda: (method, key) in self.node.live)

    def until_told(self, is_it: Any) -> None:
        def told() -> bool:
            self.events.extend(self.outlet.drain())
            return any(is_it(event) for _, event in self.events)

        run_until(self.reactor, told)

    def until(self, count: str, times: int = 1) -> None:
        run_until(self.reactor, lambda: (self.outlet.notes + self.outlet.refused)[count] >= times)

    def close(self) -> None:
        self.feed.stop()
        self.node.close()
        self.rpc.close()


@pytest.fixture
def listening(reactor: Reactor) -> Iterator[Listening]:
    listening = Listening(reactor)
    listening.start()
    listening.settle()
    yield listening
    listening.close()


def test_what_is_followed_is_subscribed_to_and_asked_for(reactor: Reactor) -> None:
    listening = Listening(reactor)
    listening.start()
    listening.until_told(lambda event: isinstance(event, AccountUpdate) and event.address == BINS)
    assert states(listening.take()) == [(PAIR, 100, zstd(b"pair")), (BINS, 100, zstd(b"bins"))]
    assert [call["method"] for call in listening.node.calls] == [
        "slotSubscribe",
        "accountSubscribe",
        "accountSubscribe",
        "logsSubscribe",
    ]
    assert listening.outlet.connected
    listening.close()


def test_notifications_are_passed_on_in_their_order(listening: Listening) -> None:
    listening.node.begin_slot(101)
    listening.node.write(PAIR, 100, b"pair 2")
    listening.node.write(BINS, 100, b"bins 2")
    listening.node.begin_slot(102)
    listening.until_told(lambda event: event == SlotUpdate(102))
    events = listening.take()
    assert [event.slot for _, event in events if isinstance(event, SlotUpdate)] == [101, 102]
    assert states(events) == [(PAIR, 100, zstd(b"pair 2")), (BINS, 100, zstd(b"bins 2"))]
    assert not listening.outlet.refused


def test_slots_told_twice_or_late_are_passed_over(listening: Listening) -> None:
    for slot in (101, 101, 99, 102):
        listening.node.begin_slot(slot)
    listening.until_told(lambda event: event == SlotUpdate(102))
    assert [event for _, event in listening.take()] == [SlotUpdate(101), SlotUpdate(102)]
    assert listening.outlet.notes["forks"] == 0


def test_new_accounts_are_subscribed_to_and_asked_for_and_old_ones_ended(listening: Listening) -> None:
    listening.ledger.accounts[MORE] = b"more"
    listening.feed.follow({PAIR: (PAIR, MORE)})
    listening.until_told(lambda event: isinstance(event, AccountUpdate) and event.address == MORE)
    assert {key for key, _, _ in states(listening.take())} == {MORE}
    methods = [call["method"] for call in listening.node.calls[4:]]
    assert methods == ["accountUnsubscribe", "accountSubscribe"]
    listening.node.write(BINS, 101, b"late")
    listening.node.begin_slot(101)
    listening.until_told(lambda event: event == SlotUpdate(101))
    assert BINS not in {key for key, _, _ in states(listening.take())}
    assert not listening.outlet.refused


def test_after_a_disconnection_everything_is_subscribed_to_and_asked_for_anew(listening: Listening) -> None:
    listening.ledger.slot, listening.ledger.accounts[PAIR] = 105, b"written meanwhile"
    listening.node.live.clear()
    listening.node.visitor.close(with_reset=True)
    listening.settle(105)
    assert listening.outlet.notes["reconnects"] == 1
    assert listening.outlet.notes["resnapshots"] == 2
    listening.node.write(PAIR, 106, b"and again")
    listening.until_told(lambda event: isinstance(event, AccountUpdate) and event.slot == 106)


def test_what_was_written_during_the_gap_is_told(reactor: Reactor) -> None:
    listening = Listening(reactor)
    listening.start()
    listening.settle()
    listening.ledger.slot, listening.ledger.accounts[PAIR] = 105, b"written meanwhile"
    listening.node.visitor.close()
    listening.until_told(lambda event: isinstance(event, AccountUpdate) and event.data == zstd(b"written meanwhile"))
    listening.close()


def test_an_answer_from_a_node_that_is_behind_closes_no_gap(reactor: Reactor) -> None:
    listening = Listening(reactor)
    listening.ledger.slot, listening.ledger.accounts[PAIR] = 95, b"old"
    listening.start()
    listening.until_live("logsSubscribe", PAIR)
    listening.node.begin_slot(101)
    listening.until_told(lambda event: isinstance(event, AccountUpdate) and event.data == zstd(b"old"))
    assert listening.outlet.notes["resnapshots"] == 0
    listening.ledger.slot, listening.ledger.accounts[PAIR] = 101, b"new"
    listening.until_told(lambda event: isinstance(event, AccountUpdate) and event.data == zstd(b"new"))
    listening.until("resnapshots")
    listening.close()


def test_a_slot_that_was_abandoned_has_all_accounts_asked_for_anew(listening: Listening) -> None:
    listening.node.begin_slot(101)
    listening.node.write(PAIR, 101, b"undone")
    listening.ledger.slot = 102
    listening.node.begin_slot(102, parent=100)
    listening.until("forks")
    listening.until("resnapshots", 2)
    assert states(listening.take())[-2:] == [(PAIR, 102, zstd(b"pair")), (BINS, 102, zstd(b"bins"))]


def test_a_silent_connection_is_made_anew(reactor: Reactor) -> None:
    listening = Listening(reactor, silent_s=0.1)
    listening.start()
    listening.until("timeouts")
    listening.until("reconnects")
    listening.close()


def test_a_connection_without_slots_is_made_anew(reactor: Reactor) -> None:
    listening = Listening(reactor, silent_s=1.0, answer_s=0.1)
    listening.start()
    listening.settle()

    def reconnects_while_accounts_are_written() -> bool:
        if listening.outlet.connected and ("accountSubscribe", PAIR) in listening.node.live:
            listening.node.write(PAIR, 101, b"pair")
        return listening.outlet.notes["reconnects"] > 0

    run_until(reactor, reconnects_while_accounts_are_written)
    assert listening.outlet.notes["timeouts"] == 0
    listening.close()


def test_an_unanswered_subscription_is_asked_for_again_and_then_the_connection_made_anew(reactor: Reactor) -> None:
    listening = Listening(reactor, answer_s=0.05)
    listening.node.is_mute = lambda call: call["params"][:1] == [BINS]
    listening.start()
    listening.until("reconnects")
    asked = [call for call in listening.node.calls if call["params"][:1] == [BINS]]
    assert len({call["id"] for call in asked}) == len(asked) >= 3
    assert listening.outlet.notes["resubscribes"] == 2
    listening.node.is_mute = lambda call: False
    listening.until_live("accountSubscribe", BINS)
    listening.close()


def test_a_refused_subscription_is_asked_for_again_on_the_same_connection(reactor: Reactor) -> None:
    listening = Listening(reactor, answer_s=0.05)
    listening.node.is_mute = lambda call: call["params"][:1] == [BINS]
    listening.start()
    run_until(reactor, lambda: any(call["params"][:1] == [BINS] for call in listening.node.calls))
    asked = next(call for call in listening.node.calls if call["params"][:1] == [BINS])
    listening.node.is_mute = lambda call: False
    listening.node.text(failure(asked["id"], -32602, "Invalid params"))
    listening.until("subscription_refused")
    listening.until_live("accountSubscribe", BINS)
    listening.until_told(lambda event: isinstance(event, AccountUpdate) and event.address == BINS)
    assert listening.outlet.notes["reconnects"] == 0
    listening.close()


def test_a_write_that_was_not_notified_is_found_and_its_subscription_made_anew(reactor: Reactor) -> None:
    listening = Listening(reactor, refresh_s=0.1)
    listening.start()
    listening.settle()
    deaf = listening.node.live["accountSubscribe", BINS]
    listening.ledger.accounts[BINS] = b"nobody said so"
    listening.until("missed_writes")
    assert states(listening.take())[-1][2] == zstd(b"nobody said so")
    run_until(reactor, lambda: listening.node.live["accountSubscribe", BINS] != deaf)
    listening.node.write(BINS, 101, b"heard")
    listening.until_told(lambda event: isinstance(event, AccountUpdate) and event.data == zstd(b"heard"))
    assert listening.outlet.notes["missed_writes"] == 1
    listening.close()


def test_stray_and_malformed_frames_are_refused_and_the_rest_goes_on(listening: Listening) -> None:
    listening.node.text(account_notification(9_999, 101))
    listening.node.text(account_notification(listening.node.live["slotSubscribe", ""], 101))
    listening.node.text(b"{")
    listening.node.text(slot_notification(listening.node.live["slotSubscribe", ""], 101)[:-20])
    listening.node.text(answer(12_345, 1))
    listening.node.visitor.send(Frame(Opcode.BINARY, b"\0\1").serialize(mask=False))
    listening.node.write(PAIR, 101, b"good")
    listening.until_told(lambda event: isinstance(event, AccountUpdate) and event.data == zstd(b"good"))
    assert listening.outlet.refused == {
        "unknown_subscription": 1,
        "subscription_kind": 1,
        "not_json": 2,
        "unknown_answer": 1,
        "binary_message": 1,
    }
    assert listening.outlet.notes["reconnects"] == 0


def test_a_persistent_stray_subscription_is_ended(listening: Listening) -> None:
    for _ in range(3):
        listening.node.text(account_notification(9_999, 101))
    run_until(listening.reactor, lambda: listening.node.calls[-1]["method"] == "accountUnsubscribe")
    assert listening.node.calls[-1]["params"] == [9_999]


def test_a_message_of_any_size_ends_its_connection_and_not_the_feed(listening: Listening) -> None:
    with contextlib.suppress(ConnectionError):  # whoever sends so much is left in the middle of it
        listening.node.text(b'{"x":"' + b"y" * (5 << 20) + b'"}')
    listening.until("oversized_message")
    listening.until("reconnects")


def test_a_slot_that_leaps_is_refused(listening: Listening) -> None:
    listening.node.begin_slot(1 << 60)
    listening.until("slot_leap")
    listening.node.write(PAIR, 1 << 50, b"from the future")
    listening.until("slot_leap", 2)
    listening.node.begin_slot(101)
    listening.until_told(lambda event: event == SlotUpdate(101))
    assert states(listening.take()) == []


def test_swaps_are_fetched_and_others_and_failed_ones_are_not(listening: Listening) -> None:
    swap = ["Program log: Instruction: Swap2"]
    listening.node.log(PAIR, 101, "F" * 88, swap, err={"InstructionError": [0, {"Custom": 6003}]})
    listening.node.log(PAIR, 101, "O" * 88, ["Program log: Instruction: AddLiquidity2"])
    listening.node.log(PAIR, 101, SIGNATURE, swap)
    run_until(listening.reactor, lambda: any(isinstance(call, list) for call in listening.rpc.calls))
    batch = next(call for call in listening.rpc.calls if isinstance(call, list))
    assert [call["params"][0] for call in batch] == [SIGNATURE]


def test_a_cluster_of_another_genesis_is_not_asked_for_states(reactor: Reactor) -> None:
    listening = Listening(reactor, genesis_hash="EtWTRABZaYq6iMfeYKouRu166VU2xqa1wcaWoxPkrZBG")
    listening.start()
    listening.until("wrong_cluster")
    assert {call["method"] for call in listening.rpc.calls} == {"getGenesisHash"}
    assert states(listening.take()) == []
    listening.close()


def test_a_stopped_feed_is_silent(listening: Listening) -> None:
    listening.feed.stop()
    assert not listening.outlet.connected
    calls = len(listening.rpc.calls)
    for _ in range(5):
        listening.reactor.run_once(0.05)
    assert len(listening.rpc.calls) == calls
    assert listening.take() == []


def test_a_node_that_is_down_at_the_start_is_waited_for(reactor: Reactor) -> None:
    listening = Listening(reactor)
    listening.node.close()
    listening.start()
    listening.until("connect_failures")
    assert not listening.outlet.connected
    listening.close()
