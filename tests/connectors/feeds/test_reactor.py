"""The reactor: sockets, timers and posted calls in one thread, and what happens when they meet in one round."""

import select
import socket
import threading
from collections.abc import Iterator

import pytest

from connectors.feeds.reactor import Reactor, Timer
from tests.connectors.feeds.peers import run_until


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_a_readable_socket_is_called_until_it_is_read(
    reactor: Reactor, pair: tuple[socket.socket, socket.socket]
) -> None:
    ours, theirs = pair
    seen: list[int] = []
    reactor.watch(ours.fileno(), select.EPOLLIN, seen.append)
    assert not reactor.run_once(0)
    theirs.send(b"x")
    assert reactor.run_once(1)
    assert reactor.run_once(1)
    ours.recv(1)
    assert not reactor.run_once(0)
    assert seen == [select.EPOLLIN, select.EPOLLIN]


def test_a_forgotten_socket_is_not_called(reactor: Reactor, pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    reactor.watch(ours.fileno(), select.EPOLLIN, lambda _: pytest.fail("called"))
    theirs.send(b"x")
    reactor.forget(ours.fileno())
    reactor.forget(ours.fileno())
    assert not reactor.run_once(0)


def test_an_event_of_a_closed_descriptor_never_reaches_its_numbers_next_owner(reactor: Reactor) -> None:
    first, second = socket.socketpair(), socket.socketpair()
    seen: list[str] = []
    extra: list[socket.socket] = []

    def replace(other: socket.socket) -> None:
        """Close the other socket, whose event waits in this round, and watch a new one under its number."""
        if extra:
            return
        number = other.fileno()
        reactor.forget(number)
        other.close()
        new, peer = socket.socketpair()
        extra.extend((new, peer))
        assert number in (new.fileno(), peer.fileno())
        reactor.watch(number, select.EPOLLIN, lambda _: seen.append("wrong"))

    reactor.watch(first[0].fileno(), select.EPOLLIN, lambda _: replace(second[0]))
    reactor.watch(second[0].fileno(), select.EPOLLIN, lambda _: replace(first[0]))
    first[1].send(b"x")
    second[1].send(b"x")
    reactor.run_once(1)
    assert seen == []
    assert extra
    for each in (*first, *second, *extra):
        each.close()


def test_timers_run_in_the_order_they_are_due(reactor: Reactor) -> None:
    seen: list[str] = []
    reactor.call_in(0.02, lambda: seen.append("later"))
    reactor.call_in(0.001, lambda: seen.append("sooner"))
    run_until(reactor, lambda: len(seen) == 2)
    assert seen == ["sooner", "later"]


def test_a_cancelled_timer_is_never_called(reactor: Reactor) -> None:
    done: list[bool] = []
    timer = reactor.call_in(0.001, lambda: pytest.fail("called"))
    timer.cancel()
    timer.cancel()
    assert not timer.is_pending
    reactor.call_in(0.01, lambda: done.append(True))
    run_until(reactor, lambda: bool(done))


def test_cancelled_timers_take_no_room(reactor: Reactor) -> None:
    kept: list[Timer] = []
    for _ in range(100):
        for _ in range(100):
            reactor.call_in(60.0, lambda: None).cancel()
        kept.append(reactor.call_in(60.0, lambda: None))
        reactor.run_once(0)
    assert len(reactor._timers) < 500
    assert all(timer.is_pending for timer in kept)


def test_a_timer_that_sets_itself_again_lets_the_round_end(reactor: Reactor) -> None:
    calls: list[int] = []

    def again() -> None:
        calls.append(0)
        reactor.call_in(-1.0, again)

    again()
    reactor.run_once(0)
    assert len(calls) == 2


def test_a_soon_call_comes_in_the_next_round(reactor: Reactor) -> None:
    seen: list[int] = []

    def first() -> None:
        seen.append(1)
        reactor.call_soon(lambda: seen.append(2))

    reactor.call_soon(first)
    assert reactor.run_once(60.0)
    assert seen == [1]
    assert reactor.run_once(60.0)
    assert seen == [1, 2]


def test_other_threads_wake_the_reactor(reactor: Reactor) -> None:
    seen: list[int] = []
    threads = [threading.Thread(target=reactor.post, args=(lambda n=n: seen.append(n),)) for n in range(50)]
    for thread in threads:
        thread.start()
    run_until(reactor, lambda: len(seen) == 50, wait_s=60.0)
    for thread in threads:
        thread.join()
    assert sorted(seen) == list(range(50))


def test_posting_to_a_closed_reactor_does_nothing() -> None:
    reactor = Reactor()
    reactor.close()
    reactor.close()
    reactor.post(lambda: pytest.fail("called"))


def test_an_exception_of_a_call_loses_nothing_else(reactor: Reactor, pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    seen: list[str] = []

    def fail() -> None:
        raise LookupError

    reactor.watch(ours.fileno(), select.EPOLLIN, lambda _: seen.append("socket"))
    reactor.call_soon(fail)
    reactor.call_soon(lambda: seen.append("soon"))
    reactor.post(fail)
    reactor.post(lambda: seen.append("posted"))
    for _ in range(2):
        with pytest.raises(LookupError):
            reactor.run_once(0)
    theirs.send(b"x")
    run_until(reactor, lambda: set(seen) == {"socket", "soon", "posted"})
