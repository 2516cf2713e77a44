"""The feed in the documentation of `Feed`, as a user would copy it, against a server on loopback."""

import textwrap

import msgspec
from websockets.frames import Frame, Opcode

from connectors.feeds.feed import Feed
from connectors.feeds.outlet import Outlet
from connectors.feeds.reactor import Reactor
from connectors.wire.events import PriceUpdate
from tests.connectors.feeds.peers import WebsocketPeer, run_until


def documented_feed() -> type[Feed]:
    text = Feed.__doc__ or ""
    code = text.partition(".. code-block:: python\n")[2]
    names: dict[str, object] = {"__name__": "documented"}
    exec(textwrap.dedent(code), names)
    feed = names["TickerFeed"]
    assert isinstance(feed, type)
    assert issubclass(feed, Feed)
    return feed


def tick(pool: str, price: float) -> bytes:
    payload = msgspec.json.encode({"pool_address": pool, "price": price})
    return Frame(Opcode.TEXT, payload).serialize(mask=False)


def test_the_documented_feed_follows_pools_and_comes_back(reactor: Reactor) -> None:
    outlet = Outlet("ticker", limit=50)
    with WebsocketPeer(reactor) as peer:
        feed = documented_feed()("ticker", peer.url)  # type: ignore[call-arg]  # its own constructor
        feed.follow({"A": ("A",)})
        feed.start(reactor, outlet)
        run_until(reactor, lambda: len(peer.frames) == 1)
        feed.follow({"A": ("A",), "B": ("B",)})
        run_until(reactor, lambda: len(peer.frames) == 3)
        peer.visitors[0].send(tick("A", 1.5) + tick("C", 1.0) + Frame(Opcode.TEXT, b"{").serialize(mask=False))
        run_until(reactor, lambda: outlet.refused.total() == 2)
        assert [event for _, event in outlet.drain()] == [PriceUpdate("A", 1.5, 0.0, 0.0)]
        assert outlet.refused == {"foreign_pool": 1, "malformed": 1}
        peer.visitors[0].close()
        run_until(reactor, lambda: len(peer.frames) == 5)
        assert outlet.notes["reconnects"] == 1
        feed.stop()
        assert not outlet.connected


def test_a_consumer_that_takes_nothing_for_thousands_of_messages_gets_the_newest(reactor: Reactor) -> None:
    outlet = Outlet("ticker", limit=50)
    with WebsocketPeer(reactor) as peer:
        feed = documented_feed()("ticker", peer.url)  # type: ignore[call-arg]  # its own constructor
        feed.follow({pool: (pool,) for pool in "AB"})
        feed.start(reactor, outlet)
        run_until(reactor, lambda: len(peer.frames) == 2)
        for number in range(5_000):
            peer.visitors[0].send(tick("AB"[number % 2], number))
        run_until(reactor, lambda: outlet.updates == 5_000)
        assert len(outlet) <= 50
        drained = [event for _, event in outlet.drain()]
        assert drained[-2:] == [PriceUpdate("A", 4_998.0, 0.0, 0.0), PriceUpdate("B", 4_999.0, 0.0, 0.0)]
        assert outlet.conflated == 5_000 - len(drained)
        feed.stop()
