"""Several endpoints: who is asked, and who instead when one cannot answer."""

from collections.abc import Iterator

import pytest

from connectors.execution.endpoints import Endpoints
from connectors.feeds.outlet import Outlet
from connectors.feeds.reactor import Reactor
from connectors.wire.refusal import Refusal
from connectors.wire.rpc import TEXTS, get_health
from dlmm.errors import DlmmError
from tests.connectors.execution.scripted_chain import GENESIS_HASH, ScriptedChain
from tests.connectors.feeds.nodes import Reply
from tests.connectors.feeds.peers import run_until

DOWN: Reply = (500, {}, b"down")


class Client:
    def __init__(self, reactor: Reactor, chains: list[ScriptedChain], **options: object) -> None:
        self.reactor = reactor
        self.outlet = Outlet("test")
        self.told: list[str | Refusal] = []
        urls = [chain.url for chain in chains]
        self.endpoints = Endpoints(reactor, urls, self.outlet, timeout_s=0.3, **options)  # type: ignore[arg-type]  # options of the tests

    def ask(self, count: int = 1, **options: int) -> None:
        for _ in range(count):
            self.endpoints.ask(get_health, TEXTS.read, self.told.append, **options)

    def wait(self, count: int) -> None:
        run_until(self.reactor, lambda: len(self.told) >= count)


@pytest.fixture
def chains(reactor: Reactor) -> Iterator[list[ScriptedChain]]:
    chains = [ScriptedChain(reactor) for _ in range(3)]
    yield chains
    for chain in chains:
        chain.peer.close()


def counts(chains: list[ScriptedChain]) -> list[int]:
    return [len(chain.asked("getHealth")) for chain in chains]


def test_the_first_endpoint_is_asked(reactor: Reactor, chains: list[ScriptedChain]) -> None:
    client = Client(reactor, chains)
    for count in range(1, 4):
        client.ask()
        client.wait(count)
    assert client.told == ["ok"] * 3
    assert counts(chains) == [3, 0, 0]


def test_who_counts_up_asks_all_in_turn(reactor: Reactor, chains: list[ScriptedChain]) -> None:
    client = Client(reactor, chains)
    for turn in range(6):
        client.ask(beginning=turn)
        client.wait(turn + 1)
    assert counts(chains) == [2, 2, 2]


def test_what_one_cannot_answer_goes_to_the_next(reactor: Reactor, chains: list[ScriptedChain]) -> None:
    client = Client(reactor, chains)
    chains[0].refusal = DOWN
    chains[1].is_deaf = True
    client.ask()
    client.wait(1)
    assert client.told == ["ok"]
    assert counts(chains) == [1, 1, 1]
    assert client.outlet.notes == {"http_errors": 1, "timeouts": 1}


def test_questions_wait_for_a_free_connection(reactor: Reactor, chains: list[ScriptedChain]) -> None:
    client = Client(reactor, chains[:1], lanes=2)
    client.ask(count=7)
    client.wait(7)
    assert client.told == ["ok"] * 7
    assert len(chains[0].peer.visitors) == 2


def test_while_all_rest_a_question_waits_for_the_first_that_is_back(
    reactor: Reactor, chains: list[ScriptedChain]
) -> None:
    client = Client(reactor, chains[:2])
    for chain in chains[:2]:
        chain.refusal = DOWN
    client.ask(tries=2)
    client.wait(1)
    assert isinstance(client.told[0], Refusal)
    for chain in chains[:2]:
        chain.refusal = None
    client.ask()
    client.wait(2)
    assert client.told[1] == "ok"


def test_after_its_tries_the_last_refusal_is_handed_on(reactor: Reactor, chains: list[ScriptedChain]) -> None:
    client = Client(reactor, chains[:1])
    chains[0].refusal = DOWN
    client.ask()
    client.wait(1)
    refused = client.told[0]
    assert isinstance(refused, Refusal)
    assert refused.cause == "http_status"
    assert counts(chains) == [2, 0, 0]


def test_each_endpoint_is_asked_once_and_those_that_fail_say_so(reactor: Reactor, chains: list[ScriptedChain]) -> None:
    client = Client(reactor, chains)
    chains[1].refusal = DOWN
    answers: list[list[str | Refusal]] = []
    client.endpoints.ask_each(get_health, TEXTS.read, answers.append)
    run_until(reactor, lambda: len(answers) == 1)
    assert [one.cause if isinstance(one, Refusal) else one for one in answers[0]] == ["ok", "http_status", "ok"]
    client.endpoints.ask_each(get_health, TEXTS.read, answers.append)
    run_until(reactor, lambda: len(answers) == 2)
    assert [one.cause if isinstance(one, Refusal) else one for one in answers[1]] == ["ok", "resting", "ok"]
    assert counts(chains) == [2, 1, 2]


def test_where_all_rest_each_says_so(reactor: Reactor, chains: list[ScriptedChain]) -> None:
    client = Client(reactor, chains[:1])
    chains[0].refusal = (429, {"Retry-After": "30"}, b"")
    client.ask(tries=1)
    client.wait(1)
    answers: list[list[str | Refusal]] = []
    client.endpoints.ask_each(get_health, TEXTS.read, answers.append)
    assert not answers
    run_until(reactor, lambda: len(answers) == 1)
    assert [one.cause for one in answers[0] if isinstance(one, Refusal)] == ["resting"]


def test_an_endpoint_of_another_cluster_is_passed_over(reactor: Reactor, chains: list[ScriptedChain]) -> None:
    client = Client(reactor, chains, genesis_hash=GENESIS_HASH[::-1])
    client.ask(tries=3)
    client.wait(1)
    assert isinstance(client.told[0], Refusal)
    assert client.outlet.refused == {"wrong_cluster": 3}
    assert counts(chains) == [0, 0, 0]


def test_nothing_is_told_after_the_end(reactor: Reactor, chains: list[ScriptedChain]) -> None:
    client = Client(reactor, chains[:1])
    client.ask(count=2)
    run_until(reactor, lambda: bool(chains[0].peer.calls))
    client.endpoints.close()
    reactor.run_once(0.02)
    reactor.run_once(0.02)
    assert not client.told


def test_without_endpoints_there_is_nothing_to_ask(reactor: Reactor) -> None:
    with pytest.raises(DlmmError, match="no endpoint"):
        Endpoints(reactor, (), Outlet("test"), timeout_s=1.0)
