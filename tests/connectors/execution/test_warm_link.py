"""A connection that stands before it is needed, whatever its peer does."""

import ssl
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import pytest

from connectors.execution.warm_link import WarmLink
from connectors.feeds.backoff import Backoff
from connectors.feeds.link import LinkFailure
from connectors.feeds.reactor import Reactor
from tests.connectors.feeds.peers import Peer, Visitor, run_until

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Server(Peer):
    """Answers each request with the next of some bytes; `None`: not at all, the empty ones: by closing."""

    def __init__(self, reactor: Reactor) -> None:
        super().__init__(reactor, self._take)
        self.answers: list[bytes | None] = []
        self.requests: list[bytes] = []

    def _take(self, visitor: Visitor, data: bytes) -> None:
        self.requests.append(data)
        answer = self.answers.pop(0) if self.answers else ANSWER
        if answer == b"":
            visitor.close()
        elif answer is not None:
            visitor.send(answer)
            if b"\r\nConnection: close" in answer or not answer.startswith(b"HTTP"):
                visitor.close()


class Client:
    def __init__(self, reactor: Reactor, url: str, tls: ssl.SSLContext | None = None) -> None:
        self.reactor = reactor
        self.told: list[tuple[int, Mapping[str, str], bytes] | LinkFailure] = []
        self.lost: list[LinkFailure] = []
        self.times_free = 0
        self.link = WarmLink(
            reactor,
            url,
            on_free=self._freed,
            on_lost=self.lost.append,
            backoff=Backoff(0.01, 0.02, 1.0, np.random.default_rng(1)),
            tls=tls,
        )
        self.link.start()

    def _freed(self) -> None:
        self.times_free += 1

    def ask(self, timeout_s: float = 5.0) -> bytes | str:
        """Ask once it is free, and return the body or the cause of the failure."""
        run_until(self.reactor, lambda: self.link.is_free)
        before = len(self.told)
        self.link.post(b"{}", lambda *answer: self.told.append(answer), self.told.append, timeout_s)
        assert not self.link.is_free
        run_until(self.reactor, lambda: len(self.told) > before)
        told = self.told[-1]
        return told.cause if isinstance(told, LinkFailure) else told[2]


@pytest.fixture
def server(reactor: Reactor) -> Iterator[Server]:
    with Server(reactor) as server:
        yield server


@pytest.fixture
def client(reactor: Reactor, server: Server) -> Iterator[Client]:
    client = Client(reactor, f"http://127.0.0.1:{server.port}/rpc?key=1%25")
    yield client
    client.link.close()


def test_it_connects_before_anything_is_asked(reactor: Reactor, server: Server, client: Client) -> None:
    run_until(reactor, lambda: client.link.is_free)
    assert len(server.visitors) == 1
    assert not server.requests
    assert client.times_free == 1


def test_requests_follow_each_other_on_one_connection(server: Server, client: Client) -> None:
    assert [client.ask() for _ in range(5)] == [b"ok"] * 5
    assert len(server.visitors) == 1
    head = b"POST /rpc?key=1%%25 HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n" % server.port
    assert server.requests[0] == head + b"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


def test_the_bytes_are_with_the_socket_when_post_returns(reactor: Reactor, server: Server, client: Client) -> None:
    run_until(reactor, lambda: client.link.is_free and bool(server.visitors))
    client.link.post(b"{}", lambda *answer: None, client.told.append, 5.0)
    server.visitors[0].socket.setblocking(True)
    assert server.visitors[0].socket.recv(4096).endswith(b"{}")


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok",
    ],
)
def test_every_form_of_answer_is_read_and_another_can_follow(server: Server, client: Client, answer: bytes) -> None:
    server.answers = [answer]
    assert client.ask() == b"ok"
    assert client.ask() == b"ok"
    assert not client.lost


def test_status_and_headers_are_handed_on(server: Server, client: Client) -> None:
    server.answers = [b"HTTP/1.1 429 Too Many\r\nRetry-After: 3\r\nContent-Length: 0\r\n\r\n"]
    assert client.ask() == b""
    told = client.told[0]
    assert not isinstance(told, LinkFailure)
    assert told[0] == 429
    assert told[1]["retry-after"] == "3"


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (b"what?\r\n\r\n", "garbage"),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 9\r\n\r\nok", "cut"),
        (b"", "cut"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\n" + bytes(1_048_577), "oversized"),
    ],
)
def test_failures_are_named_and_another_connection_is_made(
    server: Server, client: Client, answer: bytes, cause: str
) -> None:
    server.answers = [answer]
    assert client.ask() == cause
    assert client.ask() == b"ok"
    assert len(server.visitors) == 2


def test_an_answer_that_does_not_come_is_given_up(server: Server, client: Client) -> None:
    server.answers = [None]
    assert client.ask(timeout_s=0.05) == "timeout"
    assert client.ask() == b"ok"


def test_a_close_that_crosses_a_request_is_nobodys_fault(server: Server, client: Client) -> None:
    assert client.ask() == b"ok"
    server.answers = [b""]
    assert client.ask() == "closed_idle"
    assert client.ask() == b"ok"


def test_a_connection_that_was_closed_while_idle_is_made_anew(reactor: Reactor, server: Server, client: Client) -> None:
    client.ask()
    server.visitors[0].close()
    run_until(reactor, lambda: len(server.visitors) == 2 and client.link.is_free)
    assert not client.lost
    assert client.ask() == b"ok"


def test_bytes_that_nobody_asked_for_end_the_connection(reactor: Reactor, server: Server, client: Client) -> None:
    client.ask()
    server.visitors[0].send(ANSWER)
    run_until(reactor, lambda: len(server.visitors) == 2 and client.link.is_free)
    assert client.ask() == b"ok"


def test_a_peer_that_is_down_is_tried_again_until_it_is_back(reactor: Reactor, server: Server) -> None:
    server.close()
    client = Client(reactor, f"http://127.0.0.1:{server.port}/")
    run_until(reactor, lambda: len(client.lost) >= 2)
    assert {failure.cause for failure in client.lost} == {"connect"}
    with Peer(reactor, lambda visitor, data: visitor.send(ANSWER), port=server.port):
        assert client.ask() == b"ok"
        client.link.close()


@pytest.mark.parametrize("is_asking", [False, True])
def test_nothing_is_told_after_the_end(reactor: Reactor, server: Server, client: Client, is_asking: bool) -> None:
    run_until(reactor, lambda: client.link.is_free)
    if is_asking:
        client.link.post(b"{}", lambda *answer: client.told.append(answer), client.told.append, 0.01)
    client.link.close()
    run_until(reactor, lambda: server.visitors[0].is_gone)
    for _ in range(3):
        reactor.run_once(0.02)
    assert not client.told
    assert not client.lost
    assert len(server.visitors) == 1


def test_who_is_told_of_an_answer_may_end_it(reactor: Reactor, server: Server, client: Client) -> None:
    run_until(reactor, lambda: client.link.is_free)
    told: list[int] = []

    def end(status: int, headers: Mapping[str, str], body: bytes) -> None:
        told.append(status)
        client.link.close()

    client.link.post(b"{}", end, client.told.append, 5.0)
    run_until(reactor, lambda: bool(told))
    reactor.run_once(0.01)
    assert not client.link.is_free
    assert len(server.visitors) == 1


def test_it_speaks_tls(reactor: Reactor, server_tls: ssl.SSLContext, client_tls: ssl.SSLContext) -> None:
    answer: Callable[[Visitor, bytes], None] = lambda visitor, data: visitor.send(ANSWER)  # noqa: E731  # shortest
    with Peer(reactor, answer, server_tls) as server:
        client = Client(reactor, f"https://localhost:{server.port}/", client_tls)
        assert client.ask() == b"ok"
        client.link.close()
