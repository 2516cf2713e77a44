"""The websocket link against a server on loopback: what ends a connection, what it says then, and how it comes back."""

from collections.abc import Iterator

import numpy as np
import pytest
from websockets.frames import Frame, Opcode

from connectors.feeds.backoff import Backoff
from connectors.feeds.link import LinkFailure
from connectors.feeds.outlet import Outlet
from connectors.feeds.reactor import Reactor
from connectors.feeds.websocket_link import WebsocketLimits, WebsocketLink
from tests.connectors.feeds.peers import WebsocketPeer, run_until


@pytest.fixture
def reactor() -> Iterator[Reactor]:
    reactor = Reactor()
    yield reactor
    reactor.close()


@pytest.fixture
def peer(reactor: Reactor) -> Iterator[WebsocketPeer]:
    with WebsocketPeer(reactor) as peer:
        yield peer


def frame(payload: bytes, opcode: Opcode = Opcode.TEXT, *, fin: bool = True) -> bytes:
    return Frame(opcode, payload, fin).serialize(mask=False)


class Client:
    """A link and all that it said."""

    def __init__(self, reactor: Reactor, url: str, limits: WebsocketLimits | None = None) -> None:
        self.reactor = reactor
        self.outlet = Outlet("test")
        self.connections = 0
        self.texts: list[bytes] = []
        self.failures: list[LinkFailure] = []
        self.link = WebsocketLink(
            reactor,
            url,
            self.outlet,
            on_connected=self._connected,
            on_text=lambda data: self.texts.append(bytes(data)),
            on_disconnected=self.failures.append,
            limits=limits,
            backoff=Backoff(first_s=0.01, longest_s=0.02, generator=np.random.default_rng(1)),
        )
        self.link.start()

    def _connected(self, send: object) -> None:
        self.connections += 1

    def until_connected(self, times: int = 1) -> None:
        run_until(self.reactor, lambda: self.connections >= times)


def test_text_goes_both_ways(reactor: Reactor, peer: WebsocketPeer) -> None:
    client = Client(reactor, peer.url)
    assert not client.link.send("too early")
    client.until_connected()
    assert client.outlet.connected
    assert client.link.send("subscribe")
    assert client.link.send(b"more")
    run_until(reactor, lambda: len(peer.frames) == 2)
    assert [bytes(each.data) for each in peer.frames] == [b"subscribe", b"more"]
    peer.visitors[0].send(frame(b"one") + frame(b"two"))
    run_until(reactor, lambda: len(client.texts) == 2)
    assert client.texts == [b"one", b"two"]
    client.link.stop()


def test_a_cut_connection_comes_back(reactor: Reactor, peer: WebsocketPeer) -> None:
    client = Client(reactor, peer.url)
    client.until_connected()
    peer.visitors[0].close(with_reset=True)
    client.until_connected(2)
    assert [failure.cause for failure in client.failures] == ["cut"]
    assert client.outlet.notes == {"disconnects": 1, "reconnects": 1}
    client.link.stop()
