"""Gaps and the answers that close them: told at once, and asked again until an answer is provably new enough."""

from collections.abc import Iterator

import pytest

from connectors.feeds.outlet import Outlet
from connectors.feeds.reactor import Reactor
from connectors.feeds.rpc_node import RpcNode
from connectors.feeds.slot_guard import SlotGuard
from connectors.feeds.snapshots import Snapshots
from connectors.wire.events import AccountUpdate
from tests.connectors.feeds.nodes import Ledger, RpcPeer, address
from tests.connectors.feeds.peers import run_until

A, B = address(0), address(1)


class Asked:
    """Snapshots of a scripted node, and what they told."""

    def __init__(self, reactor: Reactor, commitment: str = "confirmed") -> None:
        self.reactor = reactor
        self.ledger = Ledger(100)
        self.ledger.accounts = {A: b"a", B: b"b"}
        self.peer = RpcPeer(reactor, self.ledger.answer)
        self.outlet = Outlet("chain")
        self.told: list[AccountUpdate] = []
        self.guard = SlotGuard()
        node = RpcNode(reactor, self.peer.url, self.outlet, timeout_s=10.0)
        self.snapshots = Snapshots(reactor, node, self.outlet, self.guard, commitment, self.told.append)

    def until_asked(self, times: int) -> None:
        run_until(self.reactor, lambda: len(self.peer.calls) >= times)

    def until_told(self, times: int) -> None:
        run_until(self.reactor, lambda: len(self.told) >= times)

    def until_closed(self) -> None:
        run_until(self.reactor, lambda: not self.snapshots.open)


@pytest.fixture
def asked(reactor: Reactor) -> Iterator[Asked]:
    asked = Asked(reactor)
    yield asked
    asked.snapshots.stop()
    asked.peer.close()


def test_accounts_that_are_needed_one_after_the_other_are_asked_for_at_once(asked: Asked) -> None:
    asked.snapshots.need([A])
    asked.snapshots.need([B])
    asked.until_told(2)
    assert [(u.address, u.slot) for u in asked.told] == [(A, 100), (B, 100)]
    assert len(asked.peer.calls) == 1


def test_a_gap_stays_open_until_a_state_is_as_of_a_slot_that_began_after_it(asked: Asked) -> None:
    asked.snapshots.need([A, B])
    asked.until_told(2)
    assert asked.snapshots.open == {A, B}  # who knows whether the node that answered is behind
    asked.snapshots.slot_began(102)
    asked.until_told(4)
    assert asked.snapshots.open == {A, B}
    assert asked.outlet.notes["resnapshots"] == 0
    asked.ledger.slot = 102
    asked.until_closed()
    assert asked.outlet.notes["resnapshots"] == 1
    assert asked.told[-1].slot == 102


def test_a_gap_opened_again_is_not_closed_by_what_closed_the_first(asked: Asked) -> None:
    asked.snapshots.need([A])
    asked.snapshots.slot_began(100)
    asked.snapshots.need([A])
    asked.until_told(1)
    assert asked.snapshots.open == {A}
    asked.snapshots.slot_began(100)
    asked.until_closed()


def test_at_processed_a_state_is_told_as_of_the_slot_before(reactor: Reactor) -> None:
    asked = Asked(reactor, "processed")
    asked.snapshots.need([A])
    asked.snapshots.slot_began(100)
    asked.until_closed()
    assert [u.place for u in asked.told] == [(99, True)]
    asked.peer.close()


def test_a_look_is_told_once_and_opens_no_gap(asked: Asked) -> None:
    asked.snapshots.look([A])
    asked.until_told(1)
    assert asked.snapshots.open == frozenset()
    assert asked.outlet.notes["resnapshots"] == 0


def test_a_look_leaves_an_open_gap_as_it_is(asked: Asked) -> None:
    asked.snapshots.need([A])
    asked.snapshots.slot_began(100)
    asked.snapshots.look([A, B])
    asked.until_closed()
    assert [u.address for u in asked.told] == [A, B]
    assert asked.outlet.notes["resnapshots"] == 1


def test_states_older_than_a_notification_are_not_asked_for(asked: Asked) -> None:
    asked.snapshots.notified(97)
    asked.snapshots.notified(95)
    asked.snapshots.need([A])
    asked.until_asked(1)
    assert asked.peer.calls[0]["params"][1]["minContextSlot"] == 97


def test_all_have_their_turn_before_any_is_asked_for_again(asked: Asked) -> None:
    many = [address(i) for i in range(230)]
    asked.snapshots.need(many)
    asked.until_told(230)
    assert [u.address for u in asked.told[:230]] == many
    assert [len(call["params"][0]) for call in asked.peer.calls[:3]] == [100, 100, 30]


def test_what_is_not_wanted_any_more_is_not_told(asked: Asked) -> None:
    asked.snapshots.need([A, B])
    asked.until_asked(1)
    asked.snapshots.keep([B])
    asked.until_told(1)
    assert {u.address for u in asked.told} == {B}
    assert asked.snapshots.open == {B}


def test_an_account_needed_later_does_not_wait_for_the_second_look_at_others(asked: Asked) -> None:
    asked.snapshots.need([A])
    for _ in range(3):  # by now the next look at A would be far away
        asked.until_asked(len(asked.peer.calls) + 1)
    asked.snapshots.need([B])
    asked.until_told(len(asked.told) + 1)
    run_until(asked.reactor, lambda: any(u.address == B for u in asked.told))


def test_a_node_that_fails_is_asked_again(asked: Asked) -> None:
    asked.peer.script = lambda call: (503, {}, b"")
    asked.snapshots.need([A])
    run_until(asked.reactor, lambda: asked.outlet.notes["http_errors"] >= 2)
    asked.peer.script = asked.ledger.answer
    asked.snapshots.slot_began(100)
    asked.until_closed()


def test_a_slot_that_leaps_is_not_believed(asked: Asked) -> None:
    asked.guard.believes(100)
    asked.ledger.slot = 1 << 60
    asked.snapshots.need([A])
    run_until(asked.reactor, lambda: asked.outlet.refused["slot_leap"] > 0)
    assert asked.told == []


def test_what_is_forgotten_is_not_asked_for(asked: Asked) -> None:
    asked.snapshots.need([A])
    asked.snapshots.forget()
    asked.reactor.run_once(0.05)
    asked.reactor.run_once(0.05)
    assert asked.peer.calls == []
    asked.snapshots.need([B])
    asked.until_told(1)
    assert asked.told[0].address == B
