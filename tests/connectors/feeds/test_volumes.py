"""Volumes of swaps: each transaction fetched once, at a bounded rate, and given up by name."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from connectors.feeds.outlet import Outlet
from connectors.feeds.reactor import Reactor
from connectors.feeds.rpc_node import RpcNode
from connectors.feeds.volumes import BATCH, MOST_WAITING, VolumeFetcher
from connectors.wire.events import SwapVolume
from tests.connectors.feeds.nodes import Ledger, RpcPeer, ok
from tests.connectors.feeds.peers import run_until
from tests.connectors.wire.frames import answer, failure, recorded

POOL = "7igaKyHZmpYJXquix8LDYJgVgZMfiSenTkGJxV4UimWz"
SIGNATURE = "S" * 88


class Fetching:
    """A fetcher at a scripted node."""

    def __init__(self, reactor: Reactor) -> None:
        self.reactor = reactor
        self.ledger = Ledger()
        self.peer = RpcPeer(reactor, self.ledger.answer)
        self.outlet = Outlet("chain")
        self.pools = {POOL}
        self.node = RpcNode(reactor, self.peer.url, self.outlet, timeout_s=10.0)
        self.fetcher = VolumeFetcher(reactor, self.node, self.outlet, lambda pool: pool in self.pools)

    def until_asked(self, times: int) -> None:
        run_until(self.reactor, lambda: len(self.peer.calls) >= times)

    def volumes(self) -> list[SwapVolume]:
        run_until(self.reactor, lambda: len(self.outlet) > 0)
        return [event for _, event in self.outlet.drain() if isinstance(event, SwapVolume)]


@pytest.fixture
def fetching(reactor: Reactor) -> Iterator[Fetching]:
    fetching = Fetching(reactor)
    yield fetching
    fetching.fetcher.stop()
    fetching.peer.close()


@pytest.fixture
def transaction() -> Any:
    return json.loads(recorded("getTransaction_meteora_10_buy_json.json"))["result"]


def test_a_swap_is_told_once(fetching: Fetching, transaction: Any) -> None:
    fetching.ledger.transactions[SIGNATURE] = transaction
    fetching.fetcher.want(SIGNATURE)
    fetching.fetcher.want(SIGNATURE)
    assert fetching.volumes() == [SwapVolume(POOL, 400_000_013, SIGNATURE, 997_929_788, 150_000_000)]
    fetching.fetcher.want(SIGNATURE)
    assert len(fetching.peer.calls) == 1


def test_swaps_in_other_pools_are_not_told(fetching: Fetching, transaction: Any) -> None:
    fetching.ledger.transactions[SIGNATURE] = transaction
    fetching.pools.clear()
    fetching.fetcher.want(SIGNATURE)
    run_until(fetching.reactor, lambda: len(fetching.peer.calls) == 1 and fetching.node.is_ready)
    assert len(fetching.outlet) == 0


def test_a_transaction_that_is_not_known_yet_is_asked_for_again(fetching: Fetching, transaction: Any) -> None:
    fetching.fetcher.want(SIGNATURE)
    fetching.until_asked(2)
    fetching.ledger.transactions[SIGNATURE] = transaction
    assert [volume.pool for volume in fetching.volumes()] == [POOL]


def test_a_transaction_that_never_comes_is_given_up(fetching: Fetching) -> None:
    fetching.fetcher.want(SIGNATURE)
    run_until(fetching.reactor, lambda: fetching.outlet.notes["volumes_missing"] == 1)
    assert len(fetching.peer.calls) == 6


def test_batches_are_bounded_and_the_oldest_are_skipped_when_too_many_wait(fetching: Fetching) -> None:
    for number in range(MOST_WAITING + 5):
        fetching.fetcher.want(f"{number:088d}")
    assert fetching.outlet.notes["volumes_skipped"] == 5
    fetching.until_asked(1)
    asked = [call["params"][0] for call in fetching.peer.calls[0]]
    assert asked == [f"{number:088d}" for number in range(5, 5 + BATCH)]


def test_a_node_that_limits_is_left_alone_and_asked_again(fetching: Fetching, transaction: Any) -> None:
    fetching.peer.script = lambda call: (429, {"Retry-After": "0"}, b"")
    fetching.fetcher.want(SIGNATURE)
    run_until(fetching.reactor, lambda: fetching.outlet.notes["rate_limited"] == 1)
    fetching.peer.script = lambda call: ok(b"[" + failure(call[0]["id"], 429) + b"]")
    run_until(fetching.reactor, lambda: fetching.outlet.notes["rate_limited"] == 2)
    fetching.peer.script = fetching.ledger.answer
    fetching.ledger.transactions[SIGNATURE] = transaction
    assert [volume.pool for volume in fetching.volumes()] == [POOL]


def test_a_transaction_of_another_shape_is_refused_and_not_asked_for_again(fetching: Fetching) -> None:
    fetching.peer.script = lambda call: ok(b"[" + answer(call[0]["id"], {"slot": "five"}) + b"]")
    fetching.fetcher.want(SIGNATURE)
    run_until(fetching.reactor, lambda: fetching.outlet.refused["answer_shape"] == 1)
    for _ in range(5):
        fetching.reactor.run_once(0.1)
    assert len(fetching.peer.calls) == 1
