"""The websocket link against a server on loopback: what ends a connection, what it says then, and how it comes back."""

import contextlib
import logging
import ssl
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from connectors.feeds.backoff import Backoff
from connectors.feeds.link import LinkFailure
from connectors.feeds.outlet import Outlet
from connectors.feeds.reactor import Reactor
from connectors.feeds.websocket_link import WebsocketLimits, WebsocketLink, usual_backoff
from tests.connectors.feeds.peers import Peer, Visitor, WebsocketPeer, run_until

PATIENT = WebsocketLimits(connect_timeout_s=20.0, handshake_timeout_s=20.0, ping_s=60.0, pong_s=60.0, silent_s=None)


@pytest.fixture
def peer(reactor: Reactor) -> Iterator[WebsocketPeer]:
    with WebsocketPeer(reactor) as peer:
        yield peer


def frame(payload: bytes, opcode: Opcode = Opcode.TEXT, *, fin: bool = True) -> bytes:
    return Frame(opcode, payload, fin).serialize(mask=False)


class QuickBackoff(Backoff):
    """Short delays, and a memory of what peers asked for."""

    def __init__(self) -> None:
        super().__init__(first_s=0.004, longest_s=0.01, generator=np.random.default_rng(1))
        self.wishes: list[float] = []

    def delay(self, lived_s: float = 0.0, at_least_s: float = 0.0) -> float:
        self.wishes.append(at_least_s)
        return super().delay(lived_s)


class Client:
    """A link and all that it said."""

    def __init__(
        self,
        reactor: Reactor,
        url: str,
        limits: WebsocketLimits = PATIENT,
        tls: ssl.SSLContext | None = None,
        on_text: Callable[["Client", bytes], None] | None = None,
    ) -> None:
        self.reactor = reactor
        self.outlet = Outlet("test")
        self.backoff = QuickBackoff()
        self.connections = 0
        self.texts: list[bytes] = []
        self.failures: list[LinkFailure] = []
        self._then = on_text
        self.link = WebsocketLink(
            reactor,
            url,
            self.outlet,
            on_connected=self._connected,
            on_text=self._take,
            on_disconnected=self.failures.append,
            limits=limits,
            headers={"X-Token": "t"},
            backoff=self.backoff,
            tls=tls,
        )
        self.link.start()
        self.link.start()

    def _connected(self, send: Callable[[str | bytes], bool]) -> None:
        self.connections += 1
        assert send(f"subscribe {self.connections}")

    def _take(self, data: bytes | bytearray) -> None:
        self.texts.append(bytes(data))
        if self._then is not None:
            self._then(self, bytes(data))

    def until_connected(self, times: int = 1) -> None:
        run_until(self.reactor, lambda: self.connections >= times)

    def until_failed(self, times: int = 1) -> list[str]:
        run_until(self.reactor, lambda: len(self.failures) >= times)
        return [failure.cause for failure in self.failures]


def connected(reactor: Reactor, peer: WebsocketPeer, **options: Any) -> Client:
    client = Client(reactor, peer.url, **options)
    client.until_connected()
    return client


def until_texts(client: Client, *texts: bytes) -> None:
    run_until(client.reactor, lambda: len(client.texts) >= len(texts))
    assert client.texts == list(texts)


def test_text_goes_both_ways(reactor: Reactor, peer: WebsocketPeer) -> None:
    client = Client(reactor, peer.url)
    assert not client.link.send("too early")
    client.until_connected()
    assert client.outlet.connected
    assert client.link.send(b"more")
    run_until(reactor, lambda: len(peer.frames) == 2)
    assert [bytes(each.data) for each in peer.frames] == [b"subscribe 1", b"more"]
    assert b"GET /market?api-key=secret HTTP/1.1" in peer.visitors[0].received
    assert b"X-Token: t" in peer.visitors[0].received
    assert b"permessage-deflate" not in peer.visitors[0].received
    peer.visitors[0].send(frame(b"one") + frame(b"two") + frame(b"two"))
    until_texts(client, b"one", b"two", b"two")
    client.link.stop()


def test_it_speaks_tls(reactor: Reactor, server_tls: ssl.SSLContext, client_tls: ssl.SSLContext) -> None:
    with WebsocketPeer(reactor, server_tls) as peer:
        client = Client(reactor, peer.url, tls=client_tls)
        client.until_connected()
        peer.visitors[0].send(frame(b"x" * 100_000))
        until_texts(client, b"x" * 100_000)
        client.link.stop()


def test_messages_cut_at_every_byte_arrive_whole(reactor: Reactor, peer: WebsocketPeer) -> None:
    client = connected(reactor, peer)
    data = (
        frame(b"whole")
        + frame(b"a" * 130)
        + frame(b"in ", fin=False)
        + frame(b"ping", Opcode.PING)
        + frame(b"", Opcode.CONT, fin=False)
        + frame(b"parts", Opcode.CONT)
    )
    for cut in range(len(data) + 1):
        client.texts.clear()
        peer.visitors[0].send(data[:cut])
        for _ in range(3):
            reactor.run_once(0)
        peer.visitors[0].send(data[cut:])
        until_texts(client, b"whole", b"a" * 130, b"in parts")
    run_until(reactor, lambda: sum(each.opcode is Opcode.PONG for each in peer.frames) == len(data) + 1)
    assert client.failures == []
    client.link.stop()


def test_a_message_that_comes_with_the_handshake_is_not_lost(reactor: Reactor) -> None:
    with WebsocketPeer(reactor) as peer:
        answer = peer.on_data

        def at_once(visitor: Visitor, data: bytes) -> None:
            visitor.hold()
            answer(visitor, data)
            visitor.send(frame(b"early"))
            visitor.send(visitor.release())

        peer.on_data = at_once
        client = connected(reactor, peer)
        run_until(reactor, lambda: bool(client.texts))
        assert client.texts[0] == b"early"
        client.link.stop()


@pytest.mark.parametrize("with_reset", [False, True])
def test_a_cut_connection_comes_back_and_its_owner_subscribes_again(
    reactor: Reactor, peer: WebsocketPeer, with_reset: bool
) -> None:
    client = connected(reactor, peer)
    run_until(reactor, lambda: len(peer.frames) == 1)
    peer.visitors[0].send(frame(b"half a mess", fin=False))
    peer.visitors[0].close(with_reset=with_reset)
    client.until_connected(2)
    run_until(reactor, lambda: len(peer.frames) == 2)
    assert [bytes(each.data) for each in peer.frames] == [b"subscribe 1", b"subscribe 2"]
    assert [failure.cause for failure in client.failures] == ["cut"]
    assert client.outlet.notes == {"disconnects": 1, "reconnects": 1}
    peer.visitors[1].send(frame(b"anew"))
    until_texts(client, b"anew")
    client.link.stop()


def test_the_code_and_words_of_a_close_frame_are_the_reason(reactor: Reactor, peer: WebsocketPeer) -> None:
    client = connected(reactor, peer)
    peer.visitors[0].send(frame(b"last") + frame((1013).to_bytes(2) + b"too busy", Opcode.CLOSE) + frame(b"after"))
    client.until_connected(2)
    (failure,) = client.failures
    assert failure.cause == "closed"
    assert "1013" in failure.detail
    assert "too busy" in failure.detail
    assert client.texts == [b"last"]
    run_until(reactor, lambda: any(each.opcode is Opcode.CLOSE for each in peer.frames))
    client.link.stop()


def test_an_owner_that_sends_when_the_close_frame_is_in_already_is_told(reactor: Reactor, peer: WebsocketPeer) -> None:
    sent: list[bool] = []
    client = connected(reactor, peer, on_text=lambda client, _: sent.append(client.link.send("answer")))
    peer.visitors[0].send(frame(b"question") + frame((1000).to_bytes(2), Opcode.CLOSE))
    assert client.until_failed() == ["closed"]
    assert sent == [False]
    client.link.stop()


@pytest.mark.parametrize(
    "pieces",
    [
        [frame(b"x" * 1_001)],
        [b"\x81\x7f" + (1 << 40).to_bytes(8)],
        [frame(b"x" * 600, fin=False), frame(b"x" * 600, Opcode.CONT)],
    ],
    ids=["frame", "announcement", "fragments"],
)
def test_too_large_a_message_is_refused_and_the_connection_made_anew(
    reactor: Reactor, peer: WebsocketPeer, pieces: list[bytes]
) -> None:
    limits = WebsocketLimits(max_message=1_000, ping_s=60.0, silent_s=None)
    client = connected(reactor, peer, limits=limits)
    peer.visitors[0].send(frame(b"x" * 1_000))
    for piece in pieces:
        peer.visitors[0].send(piece)
    client.until_connected(2)
    assert client.texts == [b"x" * 1_000]
    assert client.outlet.refused == {"oversized_message": 1}
    assert [failure.cause for failure in client.failures] == ["oversized_message"]
    client.link.stop()


def test_endless_empty_fragments_take_no_room(reactor: Reactor, peer: WebsocketPeer) -> None:
    client = connected(reactor, peer)
    peer.visitors[0].send(frame(b"a", fin=False) + frame(b"", Opcode.CONT, fin=False) * 20_000)
    peer.visitors[0].send(frame(b"b", Opcode.CONT))
    until_texts(client, b"ab")
    client.link.stop()


@pytest.mark.parametrize(
    "data",
    [
        b"\xc1\x00",  # a reserved bit
        b"\x83\x00",  # an opcode that nobody has defined
        b"\x81\x80\0\0\0\0",  # masked, which only a client's are
        b"\x80\x00",  # a continuation of nothing
        b"\x01\x01a\x81\x01b",  # a new message inside another
        b"\x89\x7e\x00\x7e" + bytes(126),  # a ping too long
        b"\x09\x00",  # a ping in fragments
        b"\x88\x01\x03",  # half a close code
        b"\x88\x02\x00\x01",  # a close code that does not exist
        b"\x88\x04\x03\xe8\xff\xfe",  # close words that are no UTF-8
    ],
)
def test_what_breaks_the_protocol_is_refused_and_the_connection_made_anew(
    reactor: Reactor, peer: WebsocketPeer, data: bytes
) -> None:
    client = connected(reactor, peer)
    peer.visitors[0].send(frame(b"good") + data)
    client.until_connected(2)
    assert client.texts == [b"good"]
    assert client.outlet.refused == {"protocol_error": 1}
    client.link.stop()


def test_a_binary_message_is_refused_and_the_connection_stays(reactor: Reactor, peer: WebsocketPeer) -> None:
    client = connected(reactor, peer)
    peer.visitors[0].send(frame(b"\x00", Opcode.BINARY) + frame(b"\x00", Opcode.BINARY, fin=False))
    peer.visitors[0].send(frame(b"\x00", Opcode.CONT) + frame(b"text"))
    until_texts(client, b"text")
    assert client.outlet.refused == {"binary_message": 2}
    assert client.failures == []
    client.link.stop()


GARBAGE = [
    (b"SSH-2.0-OpenSSH_9.2\r\n", "handshake"),
    (bytes(200) + b"\r\n", "handshake"),
    (b"HTTP/1.1 101 Switching Protocols\r\nx: " + b"y" * 9_000 + b"\r\n", "handshake"),
    (b"HTTP/1.1 101 Switching Protocols\r\n" + b"a: b\r\n" * 200 + b"\r\n", "handshake"),
    (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", "handshake"),
    (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n",
        "handshake",
    ),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "http_200"),
    (b"HTTP/1.1 301 Moved\r\nLocation: ws://127.0.0.1/\r\nContent-Length: 0\r\n\r\n", "http_301"),
    (b"HTTP/1.1 503 Down\r\nContent-Length: 0\r\n\r\n", "http_503"),
    (b"HTTP/1.1 401 No\r\n\r\nby the end of the connection", "http_401"),
]


@pytest.mark.parametrize(("answer", "cause"), GARBAGE, ids=range(len(GARBAGE)))
def test_an_opening_handshake_that_fails_is_named_and_tried_again(
    reactor: Reactor, answer: bytes, cause: str, caplog: pytest.LogCaptureFixture
) -> None:
    with WebsocketPeer(reactor) as peer:
        good = peer.on_data

        def bad_at_first(visitor: Visitor, data: bytes) -> None:
            if len(peer.visitors) > 2:
                good(visitor, data)
            else:
                visitor.send(answer)
                if cause == "http_401":
                    visitor.close()

        peer.on_data = bad_at_first
        with caplog.at_level(logging.DEBUG):
            client = connected(reactor, peer)
        assert client.outlet.notes == {"connect_failures": 2}
        assert any(cause in message for message in caplog.messages)
        ours = [record for record in caplog.records if record.name != "websockets.server"]
        assert not any("secret" in record.getMessage() for record in ours)
        assert client.outlet.refused == ({"handshake": 2} if cause == "handshake" else {})
        assert client.failures == []
        client.link.stop()


def test_a_peer_that_asks_to_wait_is_heard(reactor: Reactor) -> None:
    answer = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n"
    with Peer(reactor, lambda visitor, _: visitor.send(answer)) as peer:
        client = Client(reactor, f"ws://127.0.0.1:{peer.port}")
        run_until(reactor, lambda: bool(client.backoff.wishes))
        assert client.backoff.wishes[0] == 7.0
        assert client.outlet.notes["rate_limited"] == 1
        client.link.stop()


def test_a_handshake_cut_at_every_byte_is_a_failed_attempt(reactor: Reactor) -> None:
    with WebsocketPeer(reactor) as whole:
        connected(reactor, whole).link.stop()
    with WebsocketPeer(reactor) as peer:
        good, cut = peer.on_data, [0]

        def shorten(visitor: Visitor, data: bytes) -> None:
            visitor.hold()
            good(visitor, data)
            answer = visitor.release()
            visitor.send(answer[: cut[0]])
            cut[0] += 1
            if cut[0] <= len(answer):
                visitor.close()

        peer.on_data = shorten
        client = connected(reactor, peer)
        assert client.outlet.notes["connect_failures"] == cut[0] - 1 > 100
        client.link.stop()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(b"HTTP/1.1 101 \xff\r\nUpgrade: \xff,;=\r\nConnection: \x00\r\n\r\n")
@given(st.binary(min_size=1, max_size=300).map(lambda data: b"HTTP/1.1 101 x\r\n" + data + b"\r\n\r\n"))
def test_no_answer_to_the_handshake_is_an_exception(reactor: Reactor, answer: bytes) -> None:
    def once(visitor: Visitor, data: bytes) -> None:
        visitor.send(answer)
        visitor.close()

    with Peer(reactor, once) as peer:
        client = Client(reactor, f"ws://127.0.0.1:{peer.port}")
        run_until(reactor, lambda: client.outlet.notes["connect_failures"] > 0)
        client.link.stop()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(min_size=1, max_size=300))
def test_no_bytes_after_the_handshake_are_an_exception(reactor: Reactor, data: bytes) -> None:
    with WebsocketPeer(reactor) as peer:
        client = connected(reactor, peer)
        peer.visitors[0].send(data)
        peer.visitors[0].close()
        assert len(client.until_failed()) == 1
        client.link.stop()


def test_a_peer_that_never_answers_the_handshake_runs_into_the_timeout(reactor: Reactor) -> None:
    with Peer(reactor) as peer:
        limits = WebsocketLimits(connect_timeout_s=20.0, handshake_timeout_s=0.02)
        client = Client(reactor, f"ws://127.0.0.1:{peer.port}", limits=limits)
        run_until(reactor, lambda: len(peer.visitors) >= 2)
        assert client.outlet.notes["timeouts"] >= 1
        assert client.failures == []
        client.link.stop()


def test_a_connection_that_is_open_but_silent_is_made_anew(reactor: Reactor, peer: WebsocketPeer) -> None:
    limits = WebsocketLimits(ping_s=0.01, pong_s=10.0, silent_s=0.05)
    client = connected(reactor, peer, limits=limits)
    client.until_connected(3)
    assert {failure.cause for failure in client.failures} == {"silent"}
    assert client.outlet.notes["timeouts"] == len(client.failures)
    assert any(each.opcode is Opcode.CLOSE for each in peer.frames)
    client.link.stop()


def test_a_peer_without_a_sign_of_life_after_a_ping_is_given_up(reactor: Reactor, peer: WebsocketPeer) -> None:
    limits = WebsocketLimits(ping_s=0.02, pong_s=0.02, silent_s=None)
    client = connected(reactor, peer, limits=limits)
    peer.is_answering = False
    assert client.until_failed() == ["no_pong"]
    assert client.outlet.notes["pings"] >= 1
    peer.is_answering = True
    client.until_connected(2)
    client.link.stop()


def test_pings_go_on_as_long_as_there_are_signs_of_life(reactor: Reactor, peer: WebsocketPeer) -> None:
    client = connected(reactor, peer, limits=WebsocketLimits(ping_s=0.1, pong_s=0.1, silent_s=None))
    run_until(reactor, lambda: client.outlet.notes["pings"] >= 3)
    assert client.failures == []
    client.link.stop()


def test_a_peer_down_at_first_is_found_once_it_is_up(reactor: Reactor) -> None:
    with Peer(reactor) as peer:
        port = peer.port
    client = Client(reactor, f"ws://127.0.0.1:{port}")
    run_until(reactor, lambda: client.outlet.notes["connect_failures"] >= 3)
    assert not client.outlet.connected
    with WebsocketPeer(reactor, port=port):
        client.until_connected()
        client.link.stop()


def test_the_owner_may_give_a_connection_up_in_the_middle_of_a_read(reactor: Reactor, peer: WebsocketPeer) -> None:
    def give_up(client: Client, data: bytes) -> None:
        if data == b"bad":
            client.link.reconnect("wrong_cluster", "another genesis hash")
            client.link.reconnect("wrong_cluster", "said twice")

    client = connected(reactor, peer, on_text=give_up)
    peer.visitors[0].send(frame(b"good") + frame(b"bad") + frame(b"of the old connection"))
    client.until_connected(2)
    assert client.texts == [b"good", b"bad"]
    assert [str(failure) for failure in client.failures] == ["wrong_cluster: another genesis hash"]
    client.link.stop()


def test_once_stopped_nothing_is_said_or_tried_again(reactor: Reactor, peer: WebsocketPeer) -> None:
    client = connected(reactor, peer, on_text=lambda client, _: client.link.stop())
    peer.visitors[0].send(frame(b"one") + frame(b"two"))
    run_until(reactor, lambda: peer.visitors[0].is_gone)
    assert client.texts == [b"one"]
    assert client.failures == []
    assert not client.outlet.connected
    assert not client.link.send("x")
    goodbye = peer.frames[-1]
    assert (goodbye.opcode, bytes(goodbye.data)) == (Opcode.CLOSE, (1000).to_bytes(2))
    rounds: list[int] = []
    reactor.call_in(0.05, lambda: rounds.append(1))
    run_until(reactor, lambda: bool(rounds))
    assert len(peer.visitors) == 1


def test_stopping_while_the_next_attempt_waits_cancels_it(reactor: Reactor, peer: WebsocketPeer) -> None:
    client = connected(reactor, peer)
    peer.visitors[0].close()
    client.until_failed()
    client.link.stop()
    rounds: list[int] = []
    reactor.call_in(0.05, lambda: rounds.append(1))
    run_until(reactor, lambda: bool(rounds))
    assert len(peer.visitors) == 1


def test_a_flood_of_pings_that_nobody_reads_the_answers_of_is_bounded(reactor: Reactor, peer: WebsocketPeer) -> None:
    client = connected(reactor, peer)
    visitor = peer.visitors[0]
    visitor.ignore()
    pings = frame(b"p" * 125, Opcode.PING) * 500
    for _ in range(2_000):
        if client.failures:
            break
        with contextlib.suppress(BlockingIOError, ConnectionError):
            visitor.socket.send(pings)
        reactor.run_once(0.001)
    assert client.until_failed() == ["write_full"]
    client.link.stop()


def test_a_peer_that_cuts_every_few_seconds_is_met_again_at_once() -> None:
    waits = usual_backoff()
    assert all(waits.delay(lived_s=2.0) <= 0.25 for _ in range(20))
    assert max(waits.delay() for _ in range(20)) > 1.0
    assert all(waits.delay() <= 8.0 for _ in range(20))
