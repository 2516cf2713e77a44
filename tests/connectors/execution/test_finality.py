"""Landings until they are final, and forks that take them back."""

from collections.abc import Callable, Iterator

import pytest

from connectors.execution.endpoints import Endpoints
from connectors.execution.finality import FinalityWatch, Watched
from connectors.execution.outcomes import Reversal, Turned, Undone
from connectors.feeds.outlet import Outlet
from connectors.feeds.reactor import Reactor
from tests.connectors.execution.scripted_chain import ScriptedChain, signature
from tests.connectors.feeds.peers import run_until

QUICK_S = 0.01
ONE = signature(1)
FAILED = {"InstructionError": [0, {"Custom": 6003}]}


class Client:
    def __init__(self, reactor: Reactor, chains: list[ScriptedChain], commitment: str = "confirmed") -> None:
        self.reactor = reactor
        self.chains = chains
        self.outlet = Outlet("test")
        self.told: list[Reversal | str] = []
        endpoints = Endpoints(reactor, [chain.url for chain in chains], self.outlet, timeout_s=0.3)
        self.watch = FinalityWatch(reactor, endpoints, self.outlet, commitment=commitment, interval_s=QUICK_S)

    def begin(self, slot: int = 990, *, is_failed: bool = False) -> None:
        self.watch.watch(ONE, Watched(slot, is_failed, self.told.append, lambda: self.told.append("final")))

    def wait(self) -> Reversal | str:
        run_until(self.reactor, lambda: bool(self.told))
        assert len(self.watch) == 0
        return self.told[0]

    def turn(self, times: int = 3) -> None:
        """Let it ask some more."""
        asked = [len(chain.asked("getSignatureStatuses")) for chain in self.chains]

        def has_asked() -> bool:
            now = [len(chain.asked("getSignatureStatuses")) for chain in self.chains]
            return all(after - before >= times for after, before in zip(now, asked, strict=True))

        run_until(self.reactor, has_asked)


@pytest.fixture
def chains(reactor: Reactor) -> Iterator[list[ScriptedChain]]:
    chains = [ScriptedChain(reactor), ScriptedChain(reactor)]
    yield chains
    for chain in chains:
        chain.peer.close()


def know(chains: list[ScriptedChain], slot: int, error: object, commitment: str) -> None:
    for chain in chains:
        chain.statuses[ONE] = slot, error, commitment


def test_a_landing_is_watched_until_it_is_final(reactor: Reactor, chains: list[ScriptedChain]) -> None:
    client = Client(reactor, chains)
    know(chains, 990, None, "confirmed")
    client.begin()
    client.turn()
    assert not client.told
    know(chains, 990, None, "finalized")
    assert client.wait() == "final"
    assert not client.outlet.notes


def test_what_nobody_knows_any_more_is_undone(reactor: Reactor, chains: list[ScriptedChain]) -> None:
    client = Client(reactor, chains)
    client.begin()
    assert client.wait() == Undone()
    looks = [params[1]["searchTransactionHistory"] for params in chains[1].asked("getSignatureStatuses")]
    assert looks.count(True) == 2
    assert client.outlet.notes["undone_landings"] == 1


def test_as_long_as_one_endpoint_knows_it_nothing_is_undone(reactor: Reactor, chains: list[ScriptedChain]) -> None:
    client = Client(reactor, chains)
    know(chains[1:], 990, None, "confirmed")
    client.begin()
    client.turn(8)
    assert not client.told


def test_nodes_that_are_behind_the_landing_undo_nothing(reactor: Reactor, chains: list[ScriptedChain]) -> None:
    client = Client(reactor, chains)
    for chain in chains:
        chain.slot = 989
    client.begin()
    client.turn(8)
    assert not client.told
    chains[0].slot = 990
    assert client.wait() == Undone()


def test_a_moment_of_not_knowing_undoes_nothing(reactor: Reactor, chains: list[ScriptedChain]) -> None:
    client = Client(reactor, chains[:1])
    client.begin()
    run_until(reactor, lambda: len(chains[0].asked("getSignatureStatuses")) == 2)
    know(chains, 990, None, "confirmed")
    client.turn(4)
    assert not client.told


@pytest.mark.parametrize(
    ("slot", "error", "turned"),
    [
        (995, None, Turned(995, None)),
        (995, FAILED, Turned(995, '{"InstructionError": [0, {"Custom": 6003}]}')),
        (990, FAILED, Turned(990, '{"InstructionError": [0, {"Custom": 6003}]}')),
    ],
)
@pytest.mark.parametrize("commitment", ["confirmed", "finalized"])
def test_another_landing_is_told_as_such(
    reactor: Reactor, chains: list[ScriptedChain], slot: int, error: object, turned: Turned, commitment: str
) -> None:
    client = Client(reactor, chains)
    know(chains, slot, error, commitment)
    client.begin()
    assert client.wait() == turned


def test_a_failure_stays_one(reactor: Reactor, chains: list[ScriptedChain]) -> None:
    client = Client(reactor, chains)
    know(chains, 990, FAILED, "finalized")
    client.begin(is_failed=True)
    assert client.wait() == "final"


def test_a_fork_that_is_not_confirmed_turns_nothing(reactor: Reactor, chains: list[ScriptedChain]) -> None:
    client = Client(reactor, chains)
    know(chains, 995, None, "processed")
    client.begin()
    client.turn(8)
    assert not client.told
    know(chains, 995, None, "confirmed")
    assert client.wait() == Turned(995, None)


def test_of_two_answers_the_higher_commitment_counts(reactor: Reactor, chains: list[ScriptedChain]) -> None:
    client = Client(reactor, chains)
    know(chains[:1], 990, None, "confirmed")
    know(chains[1:], 995, None, "finalized")
    client.begin()
    assert client.wait() == Turned(995, None)


def test_while_no_endpoint_answers_nothing_is_told(reactor: Reactor, chains: list[ScriptedChain]) -> None:
    client = Client(reactor, chains)
    for chain in chains:
        chain.refusal = (500, {}, b"")
    client.begin()
    run_until(reactor, lambda: client.outlet.notes["http_errors"] >= 4)
    assert not client.told
    for chain in chains:
        chain.refusal = None
    know(chains, 990, None, "finalized")
    assert client.wait() == "final"


@pytest.mark.parametrize("end", [lambda watch: watch.forget(ONE), lambda watch: watch.stop()])
def test_nothing_is_told_of_what_is_forgotten(
    reactor: Reactor, chains: list[ScriptedChain], end: Callable[[FinalityWatch], None]
) -> None:
    client = Client(reactor, chains)
    client.begin()
    run_until(reactor, lambda: bool(chains[0].peer.calls or chains[1].peer.calls))
    end(client.watch)
    for _ in range(5):
        reactor.run_once(QUICK_S)
    assert not client.told
