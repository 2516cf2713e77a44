"""One endpoint: what its failures are called, and how long it is left alone for them."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from connectors.feeds.backoff import Backoff
from connectors.feeds.outlet import Outlet
from connectors.feeds.reactor import Reactor
from connectors.feeds.rpc_node import RpcNode
from connectors.wire.refusal import Refusal, refusal
from connectors.wire.rpc import SLOTS, get_slot
from tests.connectors.feeds.nodes import Ledger, Reply, RpcPeer, ok
from tests.connectors.feeds.peers import run_until
from tests.connectors.wire.frames import failure

QUICK_S = 0.01


class Client:
    """A node that is asked for its slot, and what came of it."""

    def __init__(self, reactor: Reactor, peer: RpcPeer, *, timeout_s: float = 10.0, genesis: str | None = None) -> None:
        self.reactor = reactor
        self.outlet = Outlet("test")
        backoff = Backoff(QUICK_S, QUICK_S * 4, 1.0, np.random.default_rng(1))
        self.node = RpcNode(reactor, peer.url, self.outlet, timeout_s=timeout_s, genesis_hash=genesis, backoff=backoff)
        self.then: Callable[[], None] = lambda: None
        self.told: list[int | Refusal] = []

    def _tell(self, slot: int | Refusal) -> None:
        self.told.append(slot)
        self.then()

    def ask(self) -> int | str:
        """Ask once the node is ready, and return the slot or the cause of the refusal."""
        run_until(self.reactor, lambda: self.node.is_ready)
        before = len(self.told)
        self.node.ask(lambda number: get_slot(number, "confirmed"), SLOTS.read, self._tell)
        assert not self.node.is_ready
        run_until(self.reactor, lambda: len(self.told) > before)
        told = self.told[-1]
        return told.cause if isinstance(told, Refusal) else told


@pytest.fixture
def peer(reactor: Reactor) -> Iterator[RpcPeer]:
    with RpcPeer(reactor, Ledger(7).answer) as peer:
        yield peer


def test_answers_are_told_and_leave_the_node_ready(reactor: Reactor, peer: RpcPeer) -> None:
    client = Client(reactor, peer)
    assert [client.ask() for _ in range(3)] == [7, 7, 7]
    assert client.node.is_ready
    assert len(peer.visitors) == 1
    assert [call["id"] for call in peer.calls] == [1, 2, 3]
    assert not client.outlet.notes
    assert not client.outlet.refused


@pytest.mark.parametrize(
    ("reply", "cause", "noted"),
    [
        ((429, {}, b"slow down"), "rate_limited", "rate_limited"),
        (ok(failure(1, 429)), "rate_limited", "rate_limited"),
        ((502, {}, b"<html></html>"), "http_status", "http_errors"),
        (ok(failure(1, -32005)), "node_behind", "nodes_behind"),
        (ok(failure(1, -32016)), "slot_behind", "slots_behind"),
    ],
)
def test_a_node_that_cannot_answer_rests(reactor: Reactor, peer: RpcPeer, reply: Reply, cause: str, noted: str) -> None:
    client = Client(reactor, peer)
    peer.script = lambda call: reply
    assert client.ask() == cause
    assert not client.node.is_ready
    assert not client.node.is_well
    assert client.outlet.notes == {noted: 1}
    assert not client.outlet.refused
    peer.script = Ledger(8).answer
    assert client.ask() == 8
    assert client.node.is_well


@pytest.mark.parametrize(
    ("reply", "cause"),
    [
        (ok(b"<html></html>"), "not_json"),
        (ok(b'{"jsonrpc":"2.0","result":7,"id"'), "not_json"),
        (ok(b'{"id":1,"result":"seven"}'), "answer_shape"),
        (ok(b'{"id":99,"result":7}'), "foreign_answer"),
        (ok(failure(1, -32602)), "rpc_error"),
    ],
)
def test_what_is_malformed_is_refused_by_name(reactor: Reactor, peer: RpcPeer, reply: Reply, cause: str) -> None:
    client = Client(reactor, peer)
    peer.script = lambda call: reply
    assert client.ask() == cause
    assert client.outlet.refused == {cause: 1}
    peer.script = Ledger(8).answer
    assert client.ask() == 8


def test_a_node_that_hangs_is_given_up(reactor: Reactor, peer: RpcPeer) -> None:
    client = Client(reactor, peer, timeout_s=0.05)
    peer.script = lambda call: None
    assert client.ask() == "timeout"
    assert client.outlet.notes == {"timeouts": 1}
    peer.script = Ledger(8).answer
    assert client.ask() == 8


def test_a_node_that_is_gone_is_asked_again(reactor: Reactor, peer: RpcPeer) -> None:
    client = Client(reactor, peer)
    peer.close()
    assert client.ask() == "connect"
    assert client.outlet.notes == {"rpc_failures": 1}
    assert client.ask() == "connect"


def test_retry_after_is_heeded(reactor: Reactor, peer: RpcPeer) -> None:
    client = Client(reactor, peer)
    peer.script = lambda call: (429, {"Retry-After": "30"}, b"")
    client.ask()
    assert 25.0 < client.node.ready_in_s <= 30.0


def test_failures_in_a_row_make_the_rest_longer_and_an_answer_ends_the_row(reactor: Reactor, peer: RpcPeer) -> None:
    client = Client(reactor, peer)
    peer.script = lambda call: (500, {}, b"")
    rests = []
    client.then = lambda: rests.append(client.node.ready_in_s)
    for _ in range(3):
        client.ask()
    assert rests[0] <= QUICK_S < rests[2]
    peer.script = Ledger(8).answer
    client.ask()
    peer.script = lambda call: (500, {}, b"")
    client.ask()
    assert rests[4] <= QUICK_S


def test_an_answer_that_its_owner_doubts_counts_as_a_failure(reactor: Reactor, peer: RpcPeer) -> None:
    client = Client(reactor, peer)
    client.then = lambda: client.node.fail(refusal("stale_answer", "old"))
    assert client.ask() == 7
    assert not client.node.is_well
    assert client.outlet.refused == {"stale_answer": 1}


def test_the_cluster_is_checked_once_before_the_first_answer(reactor: Reactor, peer: RpcPeer) -> None:
    client = Client(reactor, peer, genesis=Ledger().genesis_hash)
    assert [client.ask(), client.ask()] == [7, 7]
    assert [call["method"] for call in peer.calls] == ["getGenesisHash", "getSlot", "getSlot"]


def test_a_node_of_another_cluster_is_refused(reactor: Reactor, peer: RpcPeer) -> None:
    client = Client(reactor, peer, genesis="EtWTRABZaYq6iMfeYKouRu166VU2xqa1wcaWoxPkrZBG")
    assert client.ask() == "wrong_cluster"
    assert [call["method"] for call in peer.calls] == ["getGenesisHash"]
    assert client.outlet.refused == {"wrong_cluster": 1}
    assert client.node.ready_in_s > 50.0


def test_a_cluster_that_cannot_be_checked_is_not_asked(reactor: Reactor, peer: RpcPeer) -> None:
    client = Client(reactor, peer, genesis=Ledger().genesis_hash)
    peer.script = lambda call: (500, {}, b"")
    assert client.ask() == "http_status"
    peer.script = Ledger(7).answer
    assert client.ask() == 7
    assert [call["method"] for call in peer.calls] == ["getGenesisHash", "getGenesisHash", "getSlot"]
