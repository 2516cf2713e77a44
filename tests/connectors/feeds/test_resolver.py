"""Names are looked up away from the reactor, and a lookup that hangs holds nothing up."""

import socket
import threading
from functools import partial

import pytest

from connectors.feeds.reactor import Reactor
from connectors.feeds.resolver import Addresses, Resolver
from tests.connectors.feeds.peers import run_until

Answers = list[tuple[Addresses, str]]


def test_a_numeric_address_needs_no_thread(reactor: Reactor) -> None:
    answers: Answers = []
    threads = threading.active_count()
    Resolver(reactor, "127.0.0.1", 80).look_up(lambda *answer: answers.append(answer))
    assert threading.active_count() == threads
    assert answers == []
    run_until(reactor, lambda: bool(answers))
    assert answers == [([(socket.AF_INET, ("127.0.0.1", 80))], "")]


def test_the_systems_names_are_found(reactor: Reactor) -> None:
    answers: Answers = []
    Resolver(reactor, "localhost", 80).look_up(lambda *answer: answers.append(answer))
    run_until(reactor, lambda: bool(answers))
    assert ("127.0.0.1", 80) in [address for _, address in answers[0][0]]


def test_a_name_that_cannot_be_is_a_reason(reactor: Reactor) -> None:
    answers: Answers = []
    Resolver(reactor, "x" * 64 + ".example", 80).look_up(lambda *answer: answers.append(answer))
    run_until(reactor, lambda: bool(answers))
    assert answers[0][0] == []
    assert "no address for xxxx" in answers[0][1]


def test_while_a_lookup_hangs_the_reactor_turns_and_only_the_last_to_ask_is_answered(
    reactor: Reactor, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go, lookups = threading.Event(), []

    def hang(host: str, port: int, **options: int) -> list[tuple[int, int, int, str, tuple[str, int]]]:
        if options["flags"]:
            raise socket.gaierror(socket.EAI_NONAME, "not numeric")
        lookups.append(host)
        let_go.wait()
        return [(socket.AF_INET, 1, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    resolver = Resolver(reactor, "slow.example", 80)
    answers: list[str] = []

    def remember(name: str, addresses: Addresses, reason: str) -> None:
        answers.append(name)

    for name in ("first", "second", "third"):
        resolver.look_up(partial(remember, name))
    rounds: list[int] = []
    reactor.call_in(0.01, lambda: rounds.append(1))
    run_until(reactor, lambda: bool(rounds))
    assert answers == []
    let_go.set()
    run_until(reactor, lambda: bool(answers))
    assert answers == ["third"]
    assert lookups == ["slow.example"]
