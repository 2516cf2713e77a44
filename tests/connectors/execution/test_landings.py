"""What landed becomes known, however often it has to be asked for."""

import base64
from collections.abc import Iterator
from typing import Any

import pytest

from connectors.execution.endpoints import Endpoints
from connectors.execution.landings import Landings
from connectors.feeds.outlet import Outlet
from connectors.feeds.reactor import Reactor
from connectors.wire.landed import Landed
from connectors.wire.refusal import Refusal
from tests.connectors.execution.scripted_chain import ScriptedChain
from tests.connectors.execution.transfers import FEE, Payer, Transfer
from tests.connectors.feeds.peers import run_until
from tests.processes import SandboxNode


class Known:
    """A transfer that landed in a sandbox, and what a node tells of it."""

    def __init__(self, node: SandboxNode) -> None:
        payer = Payer(node)
        self.wallet = payer.address
        self.transfer: Transfer = payer.transfer()
        encoded = base64.b64encode(self.transfer.wire).decode()
        node.call("sendTransaction", encoded, {"encoding": "base64", "skipPreflight": True})
        node.call("sandbox_advance", 3)
        options = {"encoding": "json", "commitment": "confirmed", "maxSupportedTransactionVersion": 0}
        self.result: Any = node.call("getTransaction", self.transfer.signature, options)


@pytest.fixture(scope="module")
def known(started_node: SandboxNode) -> Known:
    return Known(started_node)


class Client:
    def __init__(self, reactor: Reactor, chains: list[ScriptedChain], known: Known) -> None:
        self.reactor = reactor
        self.known = known
        self.outlet = Outlet("test")
        self.told: list[Landed | Refusal] = []
        endpoints = Endpoints(reactor, [chain.url for chain in chains], self.outlet, timeout_s=0.3)
        self.landings = Landings(reactor, endpoints, self.outlet, "confirmed", known.wallet, {})

    def fetch(self) -> None:
        self.landings.fetch(self.known.transfer.signature, self.told.append)

    def wait(self) -> Landed | Refusal:
        run_until(self.reactor, lambda: bool(self.told))
        return self.told[0]


@pytest.fixture
def chains(reactor: Reactor) -> Iterator[list[ScriptedChain]]:
    chains = [ScriptedChain(reactor), ScriptedChain(reactor)]
    yield chains
    for chain in chains:
        chain.peer.close()


def test_a_landing_is_read_as_the_wallet_sees_it(reactor: Reactor, chains: list[ScriptedChain], known: Known) -> None:
    client = Client(reactor, chains, known)
    for chain in chains:
        chain.transactions[known.transfer.signature] = known.result
    client.fetch()
    landed = client.wait()
    assert isinstance(landed, Landed)
    assert landed.signature == known.transfer.signature
    assert landed.slot == known.result["slot"]
    assert (landed.error, landed.fee, landed.lamports) == (None, FEE, -known.transfer.lamports)
    assert not client.outlet.notes


def test_it_is_asked_for_until_it_is_known_at_one_endpoint(
    reactor: Reactor, chains: list[ScriptedChain], known: Known
) -> None:
    client = Client(reactor, chains, known)
    chains[0].refusal = (502, {}, b"")
    client.fetch()
    run_until(reactor, lambda: client.outlet.notes["unknown_landings"] >= 2)
    assert not client.told
    chains[1].transactions[known.transfer.signature] = known.result
    assert isinstance(client.wait(), Landed)


def test_what_one_endpoint_garbles_another_one_tells(
    reactor: Reactor, chains: list[ScriptedChain], known: Known
) -> None:
    client = Client(reactor, chains, known)
    chains[0].transactions[known.transfer.signature] = {"slot": "?"}
    chains[1].transactions[known.transfer.signature] = known.result
    client.fetch()
    assert isinstance(client.wait(), Landed)
    assert set(client.outlet.refused) <= {"answer_shape"}


def test_what_nobody_tells_in_a_form_that_can_be_read_is_refused(
    reactor: Reactor, chains: list[ScriptedChain], known: Known
) -> None:
    client = Client(reactor, chains, known)
    for chain in chains:
        chain.transactions[known.transfer.signature] = {"slot": "?"}
    client.fetch()
    refused = client.wait()
    assert isinstance(refused, Refusal)
    assert refused.cause == "answer_shape"
    assert client.outlet.refused["answer_shape"] == 4


@pytest.mark.parametrize("is_all", [False, True])
def test_what_is_forgotten_is_asked_for_no_more(
    reactor: Reactor, chains: list[ScriptedChain], known: Known, is_all: bool
) -> None:
    client = Client(reactor, chains, known)
    client.fetch()
    run_until(reactor, lambda: client.outlet.notes["unknown_landings"] == 1)
    if is_all:
        client.landings.stop()
    else:
        client.landings.forget(known.transfer.signature)
    for chain in chains:
        chain.transactions[known.transfer.signature] = known.result
    until = reactor.now() + 0.3
    run_until(reactor, lambda: reactor.now() > until)
    assert not client.told


def test_what_lands_while_a_question_is_under_way_is_asked_for_together(
    reactor: Reactor, chains: list[ScriptedChain], known: Known
) -> None:
    client = Client(reactor, chains, known)
    others = [f"{known.transfer.signature[:-2]}{digits}" for digits in ("11", "12", "13", "14", "15")]
    for chain in chains:
        chain.transactions[known.transfer.signature] = known.result
        chain.transactions[others[0]] = {"slot": "?"}  # what cannot be read spoils nothing beside it
    told: list[Landed | Refusal] = []
    for signature in others:
        client.landings.fetch(signature, told.append)
    client.fetch()
    assert isinstance(client.wait(), Landed)
    asked = [[call["params"][0] for call in batch] for chain in chains for batch in chain.peer.calls]
    assert sorted(map(len, asked))[:2] == [1, 1]
    assert [*others[2:], known.transfer.signature] in asked
    client.landings.stop()
