"""The price feed against a scripted third party."""

import json
from collections.abc import Iterator

import pytest
from websockets.frames import Frame, Opcode

from connectors.feeds.outlet import Outlet
from connectors.feeds.prices import PriceFeed
from connectors.feeds.reactor import Reactor
from connectors.wire.events import PriceUpdate
from tests.connectors.feeds.peers import WebsocketPeer, run_until
from tests.connectors.wire.frames import OTHER_POOL, POOL


@pytest.fixture
def peer(reactor: Reactor) -> Iterator[WebsocketPeer]:
    with WebsocketPeer(reactor) as peer:
        yield peer


def price(pool: str, value: float) -> bytes:
    message = {"pool_address": pool, "price": value, "liquidity": 1e6, "volume_24h": 0}
    return Frame(Opcode.TEXT, json.dumps(message).encode()).serialize(mask=False)


def asked(peer: WebsocketPeer) -> list[tuple[str, str]]:
    calls = [json.loads(bytes(frame.data)) for frame in peer.frames if frame.opcode is Opcode.TEXT]
    return [(call["method"], call["params"]["pool_address"]) for call in calls]


def test_prices_of_followed_pools_are_told(reactor: Reactor, peer: WebsocketPeer) -> None:
    feed, outlet = PriceFeed("prices", peer.url), Outlet("prices")
    feed.follow({POOL: (POOL,)})
    feed.start(reactor, outlet)
    run_until(reactor, lambda: len(peer.frames) == 1)
    peer.visitors[0].send(price(POOL, 150.5) + price(OTHER_POOL, 1.0) + price(POOL, -1.0))
    run_until(reactor, lambda: outlet.refused.total() == 2)
    assert [event for _, event in outlet.drain()] == [PriceUpdate(POOL, 150.5, 1e6, 0.0)]
    assert outlet.refused == {"foreign_pool": 1, "price_shape": 1}
    feed.follow({OTHER_POOL: (OTHER_POOL,)})
    run_until(reactor, lambda: len(peer.frames) == 3)
    assert asked(peer) == [("subscribe", POOL), ("unsubscribe", POOL), ("subscribe", OTHER_POOL)]
    feed.stop()
    assert not outlet.connected


def test_pools_are_subscribed_to_on_each_connection(reactor: Reactor, peer: WebsocketPeer) -> None:
    feed, outlet = PriceFeed("prices", peer.url), Outlet("prices")
    feed.follow({POOL: (POOL,)})
    feed.start(reactor, outlet)
    run_until(reactor, lambda: len(peer.frames) == 1)
    peer.visitors[0].close(with_reset=True)
    run_until(reactor, lambda: len(peer.frames) == 2)
    assert asked(peer) == [("subscribe", POOL)] * 2
    peer.visitors[1].send(price(POOL, 150.5))
    run_until(reactor, lambda: len(outlet) == 1)
    feed.stop()


def test_a_silent_peer_is_left(reactor: Reactor, peer: WebsocketPeer) -> None:
    feed, outlet = PriceFeed("prices", peer.url, silent_s=0.1), Outlet("prices")
    feed.follow({POOL: (POOL,)})
    feed.start(reactor, outlet)
    run_until(reactor, lambda: outlet.notes["reconnects"] > 0)
    assert outlet.notes["timeouts"] > 0
    feed.stop()


def test_a_refused_pool_is_subscribed_to_again(
    reactor: Reactor, peer: WebsocketPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.feeds.prices.RETRY_S", 0.05)
    feed, outlet = PriceFeed("prices", peer.url), Outlet("prices")
    feed.follow({POOL: (POOL,), OTHER_POOL: (OTHER_POOL,)})
    feed.start(reactor, outlet)
    run_until(reactor, lambda: len(peer.frames) == 2)
    error = Frame(Opcode.TEXT, b'{"error":{"message":"unknown pool"}}').serialize(mask=False)
    peer.visitors[0].send(price(POOL, 150.5) + error)
    run_until(reactor, lambda: len(peer.frames) == 3)
    assert asked(peer)[-1] == ("subscribe", OTHER_POOL)
    assert outlet.refused == {"price_error": 1}
    feed.stop()
