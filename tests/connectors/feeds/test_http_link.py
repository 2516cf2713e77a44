"""The HTTP link against a server on loopback: answers in every form, and every way in which one can fail to come."""

import ssl
from collections.abc import Callable, Mapping

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.feeds.http_link import HttpLink, LinkBusyError
from connectors.feeds.link import LinkFailure
from connectors.feeds.reactor import Reactor
from tests.connectors.feeds.peers import Peer, Visitor, run_until

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\n[1,2]"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[1\r\n3;x=y\r\n,2]\r\n0\r\nTrailer: t\r\n\r\n"


class Client:
    """A link, and what came of its requests."""

    def __init__(self, reactor: Reactor, url: str, max_body: int = 1 << 20, tls: ssl.SSLContext | None = None) -> None:
        self.reactor = reactor
        self.answers: list[tuple[int, bytes]] = []
        self.headers: list[Mapping[str, str]] = []
        self.failures: list[LinkFailure] = []
        self.then: Callable[[], None] | None = None
        self.link = HttpLink(reactor, url, headers={"X-Token": "t"}, max_body=max_body, tls=tls)

    def ask(self, body: bytes = b"{}", timeout_s: float = 20.0, target: str | None = None) -> None:
        headers = {"Content-Type": "application/json"}
        self.link.request("POST", target, headers, body, self._answer, self._fail, timeout_s)

    def _answer(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        assert not self.link.is_busy
        self.answers.append((status, body))
        self.headers.append(headers)
        if self.then is not None:
            self.then()

    def _fail(self, failure: LinkFailure) -> None:
        assert not self.link.is_busy
        self.failures.append(failure)

    def until_told(self, times: int = 1) -> None:
        run_until(self.reactor, lambda: len(self.answers) + len(self.failures) >= times)

    def outcome(self, body: bytes = b"{}") -> str | tuple[int, bytes]:
        """Ask, and return the answer or the failure's cause."""
        answers, failures = len(self.answers), len(self.failures)
        self.ask(body)
        self.until_told(answers + failures + 1)
        return self.answers[-1] if len(self.answers) > answers else self.failures[-1].cause


def served(reactor: Reactor, *answers: bytes, then_close: bool = False) -> tuple[Peer, Client]:
    """A peer that gives these answers in turn, and a client of it."""
    left = list(answers)

    def answer(visitor: Visitor, data: bytes) -> None:
        visitor.send(left.pop(0))
        if then_close:
            visitor.close()

    peer = Peer(reactor, answer)
    return peer, Client(reactor, f"http://127.0.0.1:{peer.port}/rpc?api-key=k")


def test_requests_share_a_connection(reactor: Reactor) -> None:
    peer, client = served(reactor, OK, CHUNKED, OK)
    with peer:
        for _ in range(3):
            assert client.outcome() == (200, b"[1,2]")
        assert len(peer.visitors) == 1
        first = peer.visitors[0].received
        assert first.startswith(b"POST /rpc?api-key=k HTTP/1.1\r\n")
        for line in (b"Host: 127.0.0.1:%d" % peer.port, b"X-Token: t", b"Content-Length: 2", b"\r\n\r\n{}"):
            assert line in first
        assert client.headers[0]["content-type"] == "application/json"
        client.link.close()


def test_a_request_may_name_its_own_target(reactor: Reactor) -> None:
    peer, client = served(reactor, OK)
    with peer:
        client.ask(target="/health")
        client.until_told()
        assert peer.visitors[0].received.startswith(b"POST /health HTTP/1.1\r\n")
        client.link.close()


def test_it_speaks_tls(reactor: Reactor, server_tls: ssl.SSLContext, client_tls: ssl.SSLContext) -> None:
    with Peer(reactor, lambda visitor, _: visitor.send(OK), server_tls) as peer:
        client = Client(reactor, f"https://localhost:{peer.port}", tls=client_tls)
        assert client.outcome() == (200, b"[1,2]")
        assert client.outcome() == (200, b"[1,2]")
        assert len(peer.visitors) == 1
        client.link.close()


@pytest.mark.parametrize("answer", [OK, CHUNKED], ids=["length", "chunked"])
def test_an_answer_in_two_parts_arrives_whole_wherever_it_is_cut(reactor: Reactor, answer: bytes) -> None:
    cut = [0]

    def in_two(visitor: Visitor, data: bytes) -> None:
        visitor.send(answer[: cut[0]])
        for _ in range(2):
            reactor.run_once(0)
        visitor.send(answer[cut[0] :])
        cut[0] += 1

    with Peer(reactor, in_two) as peer:
        client = Client(reactor, f"http://127.0.0.1:{peer.port}")
        for _ in range(len(answer) + 1):
            assert client.outcome() == (200, b"[1,2]")
        assert len(peer.visitors) == 1
        client.link.close()


@pytest.mark.parametrize("answer", [OK, CHUNKED], ids=["length", "chunked"])
def test_a_connection_that_ends_inside_an_answer_is_a_cut_wherever_it_ends(reactor: Reactor, answer: bytes) -> None:
    sent = [0]

    def part(visitor: Visitor, data: bytes) -> None:
        visitor.send(answer[: sent[0]])
        visitor.close()

    with Peer(reactor, part) as peer:
        client = Client(reactor, f"http://127.0.0.1:{peer.port}")
        for length in range(len(answer)):
            sent[0] = length
            assert client.outcome() == "cut"
        sent[0] = len(answer)
        assert client.outcome() == (200, b"[1,2]")
        client.link.close()


def test_the_end_of_the_connection_may_be_the_end_of_the_body(reactor: Reactor) -> None:
    peer, client = served(reactor, b"HTTP/1.1 200 OK\r\n\r\n[1,", OK, then_close=True)
    with peer:
        assert client.outcome() == (200, b"[1,")
        assert client.outcome() == (200, b"[1,2]")
        client.link.close()


@pytest.mark.parametrize("status", [429, 500, 503, 404])
def test_any_status_is_an_answer(reactor: Reactor, status: int) -> None:
    answer = b"HTTP/1.1 %d x\r\nRetry-After: 3\r\nContent-Length: 0\r\n\r\n" % status
    peer, client = served(reactor, answer, OK)
    with peer:
        assert client.outcome() == (status, b"")
        assert client.headers[0]["retry-after"] == "3"
        assert client.outcome() == (200, b"[1,2]")
        client.link.close()


def test_a_word_in_between_is_no_answer(reactor: Reactor) -> None:
    peer, client = served(reactor, b"HTTP/1.1 100 Continue\r\n\r\n" + OK)
    with peer:
        assert client.outcome() == (200, b"[1,2]")
        client.link.close()


def test_a_peer_that_says_goodbye_with_its_answer_is_visited_anew(reactor: Reactor) -> None:
    goodbye = OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    peer, client = served(reactor, goodbye, OK)
    with peer:
        assert client.outcome() == (200, b"[1,2]")
        assert client.outcome() == (200, b"[1,2]")
        assert len(peer.visitors) == 2
        client.link.close()


def test_a_connection_closed_while_idle_is_no_failure(reactor: Reactor) -> None:
    peer, client = served(reactor, OK, OK)
    with peer:
        assert client.outcome() == (200, b"[1,2]")
        peer.visitors[0].close()
        assert client.outcome() == (200, b"[1,2]")
        assert client.failures == []
        client.link.close()


def test_a_request_that_meets_the_close_of_an_idle_connection_is_sent_once_more(reactor: Reactor) -> None:
    requests: list[bytes] = []

    def second_is_cut(visitor: Visitor, data: bytes) -> None:
        requests.append(data)
        if len(requests) == 2:
            visitor.close()
        else:
            visitor.send(OK)

    with Peer(reactor, second_is_cut) as peer:
        client = Client(reactor, f"http://127.0.0.1:{peer.port}")
        assert client.outcome(b"1") == (200, b"[1,2]")
        assert client.outcome(b"2") == (200, b"[1,2]")
        assert [each[-1:] for each in requests] == [b"1", b"2", b"2"]
        client.link.close()


def test_a_new_connection_that_is_cut_is_not_tried_again(reactor: Reactor) -> None:
    with Peer(reactor, lambda visitor, _: visitor.close()) as peer:
        client = Client(reactor, f"http://127.0.0.1:{peer.port}")
        assert client.outcome() == "cut"
        assert len(peer.visitors) == 1


def test_nobody_listening_fails_the_request_and_not_the_link(reactor: Reactor) -> None:
    with Peer(reactor) as peer:
        port = peer.port
    client = Client(reactor, f"http://127.0.0.1:{port}")
    assert client.outcome() == "connect"
    with Peer(reactor, lambda visitor, _: visitor.send(OK), port=port):
        assert client.outcome() == (200, b"[1,2]")
        client.link.close()


def test_a_late_answer_is_never_taken_for_the_next_one(reactor: Reactor) -> None:
    with Peer(reactor) as peer:
        client = Client(reactor, f"http://127.0.0.1:{peer.port}")
        client.ask(timeout_s=0.02)
        client.until_told()
        assert [failure.cause for failure in client.failures] == ["timeout"]
        peer.on_data = lambda visitor, _: visitor.send(OK.replace(b"[1,2]", b"[3,4]"))
        for visitor in peer.visitors:
            visitor.send(OK)
        assert client.outcome() == (200, b"[3,4]")
        client.link.close()


def test_an_answer_said_twice_is_taken_once(reactor: Reactor) -> None:
    other = OK.replace(b"[1,2]", b"[3,4]")
    peer, client = served(reactor, OK + OK, other)
    with peer:
        assert client.outcome() == (200, b"[1,2]")
        assert client.outcome() == (200, b"[3,4]")
        assert len(peer.visitors) == 2
        client.link.close()


def test_words_that_nobody_asked_for_end_the_connection(reactor: Reactor) -> None:
    peer, client = served(reactor, OK, OK)
    with peer:
        assert client.outcome() == (200, b"[1,2]")
        peer.visitors[0].send(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
        run_until(reactor, lambda: peer.visitors[0].is_gone)
        assert client.outcome() == (200, b"[1,2]")
        client.link.close()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1e8480\r\n" + bytes(1_100_000),
        b"HTTP/1.1 200 OK\r\n\r\n" + bytes(1_100_000),
    ],
    ids=["announced", "chunked", "endless"],
)
def test_too_large_an_answer_is_refused(reactor: Reactor, answer: bytes) -> None:
    peer, client = served(reactor, answer, OK)
    with peer:
        assert client.outcome() == "oversized"
        assert "1048576 are allowed" in client.failures[0].detail
        assert client.outcome() == (200, b"[1,2]")
        client.link.close()


def test_an_answer_as_large_as_allowed_arrives(reactor: Reactor) -> None:
    body = bytes(range(256)) * 4096
    peer, client = served(reactor, b"HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\n" + body)
    with peer:
        assert client.outcome() == (200, body)
        client.link.close()


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"\x15\x03\x01\x00\x02\x02\x28\r\n\r\n",
        b"HTTP/1.1 999999 x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200_000,
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
    ],
)
def test_garbage_is_a_named_failure_and_the_next_request_works(reactor: Reactor, answer: bytes) -> None:
    peer, client = served(reactor, answer, OK)
    with peer:
        assert client.outcome() == "garbage"
        assert client.outcome() == (200, b"[1,2]")
        client.link.close()


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200), st.sampled_from([b"", b"HTTP/1.1 200 OK\r\n", OK[:-5], CHUNKED[:60]]))
def test_no_answer_is_an_exception(reactor: Reactor, data: bytes, start: bytes) -> None:
    peer, client = served(reactor, start + data, then_close=True)
    with peer:
        client.outcome()
        client.link.close()


def test_one_request_at_a_time(reactor: Reactor) -> None:
    peer, client = served(reactor, OK)
    with peer:
        client.ask()
        with pytest.raises(LinkBusyError, match="a request is under way"):
            client.ask()
        client.until_told()
        assert client.answers == [(200, b"[1,2]")]
        client.link.close()


def test_an_answer_may_be_followed_by_a_request_at_once(reactor: Reactor) -> None:
    peer, client = served(reactor, *[OK] * 5)
    with peer:
        client.then = lambda: client.ask() if len(client.answers) < 5 else None
        client.ask()
        client.until_told(5)
        assert client.answers == [(200, b"[1,2]")] * 5
        client.link.close()


def test_after_close_no_call_comes(reactor: Reactor) -> None:
    peer, client = served(reactor, OK)
    with peer:
        client.ask(timeout_s=0.01)
        run_until(reactor, lambda: bool(peer.visitors))
        client.link.close()
        run_until(reactor, lambda: peer.visitors[0].is_gone)
        assert client.answers == []
        assert client.failures == []
        assert not client.link.is_busy


def test_no_failure_shows_the_provider_key(reactor: Reactor) -> None:
    for answers in ([b"garbage\r\n\r\n"], [b""]):
        peer, client = served(reactor, *answers, then_close=True)
        with peer:
            client.outcome()
            assert "api-key" not in str(client.failures[0])
