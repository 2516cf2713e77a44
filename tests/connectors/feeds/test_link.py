"""TCP and TLS on loopback: what opens a link, what ends it, and that it never holds more than it may."""

import socket
import ssl

import pytest

from connectors.feeds.endpoint import Endpoint
from connectors.feeds.link import Link, LinkFailure
from connectors.feeds.reactor import Reactor
from connectors.feeds.resolver import Addresses, Answer, Resolver
from tests.connectors.feeds.peers import Peer, Visitor, run_until


class Client:
    """A link and all that it said."""

    def __init__(
        self,
        reactor: Reactor,
        url: str,
        *,
        resolver: Resolver | None = None,
        tls: ssl.SSLContext | None = None,
        connect_timeout_s: float = 20.0,
        write_limit: int = 1 << 20,
    ) -> None:
        endpoint = Endpoint.parse(url)
        self.opened = 0
        self.received = b""
        self.failures: list[LinkFailure] = []
        self.link = Link(
            reactor,
            endpoint,
            resolver or Resolver(reactor, endpoint.host, endpoint.port),
            on_open=self._open,
            on_bytes=self._take,
            on_closed=self.failures.append,
            tls=tls,
            connect_timeout_s=connect_timeout_s,
            write_limit=write_limit,
        )
        self.link.open()
        assert not self.opened
        assert not self.failures

    def _open(self) -> None:
        self.opened += 1

    def _take(self, data: bytes) -> None:
        self.received += data


class FixedResolver(Resolver):
    """Answers with the addresses it was made with."""

    def __init__(self, reactor: Reactor, addresses: Addresses) -> None:
        super().__init__(reactor, "fixed", 0)
        self._fixed = addresses
        self._turn = reactor

    def look_up(self, answer: Answer) -> None:
        self._turn.call_soon(lambda: answer(self._fixed, ""))


def echo(visitor: Visitor, data: bytes) -> None:
    visitor.send(data)


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def test_bytes_go_both_ways_without_delay(reactor: Reactor) -> None:
    with Peer(reactor, echo) as peer:
        client = Client(reactor, f"ws://127.0.0.1:{peer.port}")
        client.link.send(b"before it is open")
        run_until(reactor, lambda: client.opened == 1)
        assert client.link._peer().getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        client.link.send(b"hello")
        run_until(reactor, lambda: client.received == b"hello")
        client.link.close()
        assert not client.link.is_open


def test_a_large_message_arrives_whole_though_the_socket_takes_it_in_parts(reactor: Reactor) -> None:
    data = bytes(range(256)) * 40_000
    with Peer(reactor) as peer:
        client = Client(reactor, f"ws://127.0.0.1:{peer.port}", write_limit=1 << 24)
        run_until(reactor, lambda: client.opened == 1)
        client.link.send(data[:1_000_000])
        client.link.send(data[1_000_000:])
        run_until(reactor, lambda: len(peer.visitors[0].received) == len(data))
        assert peer.visitors[0].received == data
        client.link.send(b"end")
        run_until(reactor, lambda: peer.visitors[0].received.endswith(b"end"))
        client.link.close()


def test_a_peer_that_does_not_read_ends_the_link_before_memory_does(reactor: Reactor) -> None:
    with Peer(reactor) as peer:
        client = Client(reactor, f"ws://127.0.0.1:{peer.port}", write_limit=100_000)
        run_until(reactor, lambda: client.opened == 1 and bool(peer.visitors))
        peer.visitors[0].ignore()
        for _ in range(10_000):
            client.link.send(bytes(10_000))
        assert client.failures == []
        run_until(reactor, lambda: bool(client.failures))
        assert [failure.cause for failure in client.failures] == ["write_full"]
        assert len(client.link._unsent) < 120_000


def test_nobody_listening_is_said_with_host_and_port_only(reactor: Reactor) -> None:
    port = unused_port()
    client = Client(reactor, f"ws://127.0.0.1:{port}/?api-key=secret")
    run_until(reactor, lambda: bool(client.failures))
    (failure,) = client.failures
    assert str(failure) == f"connect: 127.0.0.1:{port}: Connection refused"
    assert client.opened == 0


@pytest.mark.parametrize("with_reset", [False, True])
def test_a_peer_that_closes_or_resets_is_a_cut(reactor: Reactor, with_reset: bool) -> None:
    with Peer(reactor) as peer:
        client = Client(reactor, f"ws://127.0.0.1:{peer.port}")
        run_until(reactor, lambda: client.opened == 1 and bool(peer.visitors))
        if not with_reset:
            peer.visitors[0].send(b"last words")
        peer.visitors[0].close(with_reset=with_reset)
        run_until(reactor, lambda: bool(client.failures))
        assert [failure.cause for failure in client.failures] == ["cut"]
        assert client.received == (b"" if with_reset else b"last words")
        client.link.send(b"to nobody")


def test_after_close_no_call_comes_even_if_the_end_was_on_its_way(reactor: Reactor) -> None:
    with Peer(reactor) as peer:
        client = Client(reactor, f"ws://127.0.0.1:{peer.port}", write_limit=0)
        run_until(reactor, lambda: client.opened == 1 and bool(peer.visitors))
        peer.visitors[0].ignore()
        for _ in range(1_000):
            client.link.send(bytes(100_000))
        assert not client.link.is_open
        client.link.close()
        for _ in range(3):
            reactor.run_once(0)
        assert client.failures == []


def test_of_several_addresses_the_first_that_answers_is_taken(reactor: Reactor) -> None:
    with Peer(reactor, echo) as peer:
        bad: Addresses = [(socket.AF_INET, ("127.0.0.1", unused_port())), (socket.AF_INET6, ("::1", 1, 0, 0))]
        good: Addresses = [(socket.AF_INET, ("127.0.0.1", peer.port))]
        client = Client(reactor, "ws://fixed", resolver=FixedResolver(reactor, bad + good))
        run_until(reactor, lambda: client.opened == 1)
        client.link.send(b"x")
        run_until(reactor, lambda: client.received == b"x")
        client.link.close()


def test_no_name_no_connection(reactor: Reactor) -> None:
    client = Client(reactor, "ws://" + "x" * 64 + ".example")
    run_until(reactor, lambda: bool(client.failures))
    assert [failure.cause for failure in client.failures] == ["dns"]


def test_a_link_closed_during_the_lookup_stays_closed(reactor: Reactor) -> None:
    with Peer(reactor) as peer:
        client = Client(reactor, f"ws://127.0.0.1:{peer.port}")
        client.link.close()
        for _ in range(3):
            reactor.run_once(0.001)
        assert peer.visitors == []
        assert client.failures == []


def test_a_peer_that_never_finishes_the_tls_handshake_runs_into_the_timeout(
    reactor: Reactor, client_tls: ssl.SSLContext
) -> None:
    with Peer(reactor) as peer:
        client = Client(reactor, f"wss://127.0.0.1:{peer.port}", tls=client_tls, connect_timeout_s=0.05)
        run_until(reactor, lambda: bool(client.failures))
        assert [failure.cause for failure in client.failures] == ["connect_timeout"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_tls_carries_bytes_both_ways(
    reactor: Reactor, server_tls: ssl.SSLContext, client_tls: ssl.SSLContext, host: str
) -> None:
    data = bytes(range(256)) * 4_000
    with Peer(reactor, echo, server_tls) as peer:
        client = Client(reactor, f"wss://{host}:{peer.port}", tls=client_tls, write_limit=1 << 24)
        run_until(reactor, lambda: client.opened == 1)
        client.link.send(data)
        run_until(reactor, lambda: len(client.received) == len(data))
        assert client.received == data
        peer.visitors[0].close()
        run_until(reactor, lambda: bool(client.failures))
        assert [failure.cause for failure in client.failures] == ["cut"]


def test_a_certificate_that_nobody_vouches_for_is_refused(reactor: Reactor, server_tls: ssl.SSLContext) -> None:
    with Peer(reactor, echo, server_tls) as peer:
        client = Client(reactor, f"wss://127.0.0.1:{peer.port}")
        run_until(reactor, lambda: bool(client.failures))
        (failure,) = client.failures
        assert failure.cause == "tls"
        assert "certificate" in failure.detail
        assert client.opened == 0


def test_a_certificate_for_another_name_is_refused(
    reactor: Reactor, server_tls: ssl.SSLContext, client_tls: ssl.SSLContext
) -> None:
    with Peer(reactor, echo, server_tls) as peer:
        addresses: Addresses = [(socket.AF_INET, ("127.0.0.1", peer.port))]
        client = Client(reactor, "wss://other.example", tls=client_tls, resolver=FixedResolver(reactor, addresses))
        run_until(reactor, lambda: bool(client.failures))
        assert client.failures[0].cause == "tls"
        assert client.opened == 0


def test_a_peer_that_does_not_speak_tls_is_refused(reactor: Reactor, client_tls: ssl.SSLContext) -> None:
    with Peer(reactor, lambda visitor, _: visitor.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as peer:
        client = Client(reactor, f"wss://127.0.0.1:{peer.port}", tls=client_tls)
        run_until(reactor, lambda: bool(client.failures))
        assert client.failures[0].cause == "tls"


def test_a_record_garbled_after_the_handshake_ends_the_link(
    reactor: Reactor, server_tls: ssl.SSLContext, client_tls: ssl.SSLContext
) -> None:
    with Peer(reactor, echo, server_tls) as peer:
        client = Client(reactor, f"wss://127.0.0.1:{peer.port}", tls=client_tls)
        run_until(reactor, lambda: client.opened == 1)
        peer.visitors[0].socket.send(b"\x17\x03\x03\x00\x20" + bytes(32))
        run_until(reactor, lambda: bool(client.failures))
        assert client.failures[0].cause == "tls"
        assert client.received == b""
