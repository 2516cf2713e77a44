"""Transactions to all endpoints, whatever these do with them."""

import base64
import time
from collections.abc import Iterator

import pytest

from connectors.execution.sending import Sender
from connectors.feeds.outlet import Outlet
from connectors.feeds.reactor import Reactor
from connectors.wire.refusal import Refusal
from connectors.wire.submissions import SendRefusal, Simulated
from tests.connectors.execution.scripted_chain import GENESIS_HASH, ScriptedChain, send_error, signature
from tests.connectors.execution.transfers import FEE, LAMPORTS, Payer
from tests.connectors.feeds.nodes import Reply
from tests.connectors.feeds.peers import Visitor, run_until
from tests.processes import SandboxNode

ONE = signature(1)
WIRE = b"\1" + bytes(300)
QUICK_S = 0.05
EXPIRED = "blockhash_not_found"


class Client:
    def __init__(
        self,
        reactor: Reactor,
        urls: list[str],
        *,
        rebroadcast_s: float = 60.0,
        skip_preflight: bool = True,
        genesis_hash: str | None = None,
        connections: int = 2,
        timeout_s: float = 5.0,
    ) -> None:
        self.reactor = reactor
        self.outlet = Outlet("test")
        self.written = 0
        self.begun_ns = time.time_ns()
        self.refused: list[tuple[str, str]] = []
        self.sender = Sender(
            reactor,
            urls,
            self.outlet,
            rebroadcast_s=rebroadcast_s,
            skip_preflight=skip_preflight,
            genesis_hash=genesis_hash,
            connections=connections,
            timeout_s=timeout_s,
        )
        self.sender.start()

    def ready(self, endpoints: int) -> None:
        run_until(self.reactor, lambda: self.sender.ready_endpoints == endpoints)

    def send(self, name: str = ONE, wire: bytes = WIRE) -> None:
        self.sender.send(name, wire, self._wrote, self._refuse)

    def _wrote(self, at_ns: int) -> None:
        assert self.begun_ns <= at_ns <= time.time_ns()
        self.written += 1

    def _refuse(self, label: str, why: SendRefusal) -> None:
        self.refused.append((label, why.kind))

    def turn(self, seconds: float = 0.1) -> None:
        until = self.reactor.now() + seconds
        run_until(self.reactor, lambda: self.reactor.now() > until)


@pytest.fixture
def chains(reactor: Reactor) -> Iterator[list[ScriptedChain]]:
    chains = [ScriptedChain(reactor) for _ in range(3)]
    yield chains
    for chain in chains:
        chain.peer.close()


def urls(chains: list[ScriptedChain]) -> list[str]:
    return [chain.url for chain in chains]


def label(chain: ScriptedChain) -> str:
    return f"127.0.0.1:{chain.peer.port}"


def sent(chains: list[ScriptedChain]) -> list[int]:
    return [len(chain.sent) for chain in chains]


def test_every_endpoint_gets_the_transaction_at_once(reactor: Reactor, chains: list[ScriptedChain]) -> None:
    client = Client(reactor, urls(chains))
    client.ready(3)
    client.send()
    assert client.written == 0
    run_until(reactor, lambda: sent(chains) == [1, 1, 1])
    wire, options = chains[2].sent[0]
    assert base64.b64decode(wire) == WIRE
    assert options == {
        "encoding": "base64",
        "skipPreflight": True,
        "preflightCommitment": "confirmed",
        "maxRetries": 0,
    }
    assert client.written == 1
    assert client.outlet.notes == {"sends": 1}
    client.sender.stop()


def test_a_signature_under_way_is_not_sent_twice(reactor: Reactor, chains: list[ScriptedChain]) -> None:
    client = Client(reactor, urls(chains[:1]))
    client.ready(1)
    client.send()
    client.send()
    client.turn()
    assert sent(chains[:1]) == [1]
    assert client.written == 1


def test_what_is_sent_before_a_connection_stands_goes_out_when_it_does(
    reactor: Reactor, chains: list[ScriptedChain]
) -> None:
    client = Client(reactor, urls(chains), genesis_hash=GENESIS_HASH)
    client.send()
    run_until(reactor, lambda: sent(chains) == [1, 1, 1])
    assert client.written == 1


def test_it_is_sent_again_until_it_is_forgotten(reactor: Reactor, chains: list[ScriptedChain]) -> None:
    client = Client(reactor, urls(chains), rebroadcast_s=QUICK_S)
    client.send()
    run_until(reactor, lambda: min(sent(chains)) >= 3)
    assert client.written == 1
    assert client.outlet.notes["rebroadcasts"] >= 2
    client.sender.forget(ONE)
    client.turn(QUICK_S)  # what is on its way arrives
    before = sent(chains)
    client.turn(3 * QUICK_S)
    assert sent(chains) == before


def test_preflight_comes_once_for_each_endpoint_that_takes_it(reactor: Reactor, chains: list[ScriptedChain]) -> None:
    client = Client(reactor, urls(chains[:2]), rebroadcast_s=QUICK_S, skip_preflight=False)
    chains[1].send_error = send_error(-32002, "Transaction simulation failed: Blockhash not found")
    client.send()
    run_until(reactor, lambda: min(sent(chains[:2])) >= 3)
    skipped = [[options["skipPreflight"] for _, options in chain.sent][:3] for chain in chains[:2]]
    assert skipped == [[False, True, True], [False, False, False]]


def test_a_refusal_is_told_once_for_each_endpoint_and_kind(reactor: Reactor, chains: list[ScriptedChain]) -> None:
    client = Client(reactor, urls(chains[:2]), rebroadcast_s=QUICK_S)
    err = {"err": "BlockhashNotFound", "logs": []}
    chains[0].send_error = send_error(-32002, "Transaction simulation failed: Blockhash not found", err)
    client.send()
    run_until(reactor, lambda: len(chains[0].sent) >= 4)
    assert client.refused == [(label(chains[0]), "blockhash_not_found")]
    chains[0].send_error = send_error(-32003, "Transaction signature verification failure")
    run_until(reactor, lambda: len(client.refused) == 2)
    assert client.refused[1] == (label(chains[0]), "signature_failure")
    assert client.outlet.notes["refused_sends"] == 2


def test_what_was_processed_already_was_taken(reactor: Reactor, chains: list[ScriptedChain]) -> None:
    client = Client(reactor, urls(chains[:1]), rebroadcast_s=QUICK_S, skip_preflight=False)
    err = {"err": "AlreadyProcessed", "logs": []}
    message = "Transaction simulation failed: This transaction has already been processed"
    chains[0].send_error = send_error(-32002, message, err)
    client.send()
    run_until(reactor, lambda: len(chains[0].sent) >= 3)
    assert not client.refused
    assert [options["skipPreflight"] for _, options in chains[0].sent][:2] == [False, True]


@pytest.mark.parametrize(
    ("reply", "noted"),
    [
        ((429, {}, b"slow down"), "rate_limited"),
        ((502, {}, b"<html></html>"), "http_errors"),
        ((200, {}, b'{"id":1,"error":{"code":-32005,"message":"Node is behind"}}'), "nodes_behind"),
    ],
)
def test_an_endpoint_that_fails_rests_and_the_others_go_on(
    reactor: Reactor, chains: list[ScriptedChain], reply: Reply, noted: str
) -> None:
    client = Client(reactor, urls(chains[:2]))
    client.ready(2)
    chains[0].refusal = reply
    client.send()
    run_until(reactor, lambda: client.outlet.notes[noted] == 1 and sent(chains[:2]) == [0, 1])
    assert client.sender.ready_endpoints == 1
    client.send(signature(2))
    run_until(reactor, lambda: sent(chains[:2]) == [0, 2])
    chains[0].refusal = None
    run_until(reactor, lambda: sent(chains[:2]) == [2, 2])
    assert not client.refused


def test_malformed_answers_are_refused_by_name(reactor: Reactor, chains: list[ScriptedChain]) -> None:
    client = Client(reactor, urls(chains[:1]))
    chains[0].refusal = (200, {}, b'{"jsonrpc":"2.0","resu')
    client.send()
    run_until(reactor, lambda: client.outlet.refused["not_json"] > 0)
    chains[0].refusal = None
    run_until(reactor, lambda: sent(chains[:1]) == [1])


def test_an_endpoint_that_hangs_holds_up_nobody(reactor: Reactor, chains: list[ScriptedChain]) -> None:
    client = Client(reactor, urls(chains[:2]), connections=1, timeout_s=0.1)
    client.ready(2)
    chains[0].is_deaf = True
    for number in range(1, 5):
        client.send(signature(number))
    run_until(reactor, lambda: sent(chains[:2]) == [0, 4])
    run_until(reactor, lambda: client.outlet.notes["timeouts"] > 0)
    chains[0].is_deaf = False
    run_until(reactor, lambda: len({wire for wire, _ in chains[0].sent}) == 1 and len(chains[0].sent) >= 4)


def test_an_endpoint_that_is_down_gets_it_when_it_is_back(reactor: Reactor, chains: list[ScriptedChain]) -> None:
    client = Client(reactor, urls(chains[:2]))
    client.ready(2)
    port = chains[0].peer.port
    chains[0].peer.close()
    client.turn()
    client.send()
    run_until(reactor, lambda: sent(chains[1:2]) == [1])
    back = ScriptedChain(reactor, port=port)
    run_until(reactor, lambda: sent([back]) == [1])
    back.peer.close()
    assert client.outlet.notes["rpc_failures"] > 0


def test_an_endpoint_of_another_cluster_gets_nothing(reactor: Reactor, chains: list[ScriptedChain]) -> None:
    client = Client(reactor, urls(chains[:1]), genesis_hash=GENESIS_HASH[::-1])
    client.send()
    run_until(reactor, lambda: client.outlet.refused["wrong_cluster"] == 1)
    client.turn()
    assert sent(chains[:1]) == [0]
    assert client.written == 0


def test_new_transactions_go_before_those_that_are_repeated(reactor: Reactor, chains: list[ScriptedChain]) -> None:
    client = Client(reactor, urls(chains[:1]), connections=1, rebroadcast_s=QUICK_S)
    client.ready(1)
    client.send(signature(1), b"\1")
    run_until(reactor, lambda: sent(chains[:1]) == [1])
    held: list[Visitor] = []
    answering = chains[0].peer.on_data
    chains[0].peer.on_data = lambda visitor, data: held.append(visitor)
    client.send(signature(2), b"\2")  # keeps the one connection busy
    client.turn(2 * QUICK_S)
    client.send(signature(3), b"\3")
    chains[0].peer.on_data = answering
    held[0].close()
    run_until(reactor, lambda: len(chains[0].sent) >= 4)
    order = [base64.b64decode(wire) for wire, _ in chains[0].sent]
    assert set(order[1:3]) == {b"\2", b"\3"}
    assert order[3] == b"\1"


def test_nothing_is_told_after_the_end(reactor: Reactor, chains: list[ScriptedChain]) -> None:
    client = Client(reactor, urls(chains), rebroadcast_s=QUICK_S)
    client.ready(3)
    client.send()
    client.sender.stop()
    client.turn()
    assert client.written == 0
    assert max(sent(chains)) <= 1


FAULTS = {
    "nothing": "",
    "lost": "tx.drop=0.7",
    "errors": "http.429=0.1,http.5xx=0.2,http.malformed=0.2,http.unhealthy=0.1,http.reset=0.2",
    "late": "tx.delay=1:5,fork=0.3",
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_transaction_lands_once_whatever_goes_wrong(reactor: Reactor, node: SandboxNode, name: str) -> None:
    payer = Payer(node)
    silent = ScriptedChain(reactor)  # takes everything, and passes nothing on
    client = Client(reactor, [silent.url, node.url, node.url], rebroadcast_s=QUICK_S, timeout_s=0.5)
    client.ready(3)
    transfers = [payer.transfer() for _ in range(3)]
    node.call("sandbox_setFaults", FAULTS[name])
    for one in transfers:
        client.send(one.signature, one.wire)
    left = LAMPORTS - sum(one.lamports + FEE for one in transfers)

    def have_landed() -> bool:
        client.turn(QUICK_S)
        return bool(node.call("sandbox_accountAt", payer.address)["lamports"] == left)

    run_until(reactor, have_landed)
    node.call("sandbox_setFaults", "")
    node.call("sandbox_advance", 3)
    assert have_landed()
    client.sender.stop()
    silent.peer.close()
    assert client.written == 3
    assert {kind for _, kind in client.refused} <= {"already_processed"}


def test_what_preflight_refuses_at_first_lands_once_it_is_taken(reactor: Reactor, node: SandboxNode) -> None:
    payer = Payer(node)
    client = Client(reactor, [node.url], rebroadcast_s=QUICK_S, skip_preflight=False)
    client.ready(1)
    node.call("sandbox_setFaults", "tx.expire=1")
    one = payer.transfer()
    client.send(one.signature, one.wire)
    run_until(reactor, lambda: client.refused == [(f"127.0.0.1:{node.facts['rpc_url'].rsplit(':')[-1]}", EXPIRED)])
    node.call("sandbox_setFaults", "")
    left = LAMPORTS - one.lamports - FEE

    def has_landed() -> bool:
        client.turn(QUICK_S)
        return bool(node.call("sandbox_accountAt", payer.address)["lamports"] == left)

    run_until(reactor, has_landed)
    assert len(client.refused) == 1
    client.sender.stop()


def test_a_simulation_tells_what_would_happen(reactor: Reactor, node: SandboxNode) -> None:
    payer = Payer(node)
    broken = ScriptedChain(reactor)
    broken.refusal = (502, {}, b"")
    client = Client(reactor, [broken.url, node.url])
    told: list[Simulated | SendRefusal | Refusal] = []
    for number, lamports in enumerate((None, 10**12), start=1):
        client.sender.simulate(payer.transfer(lamports).wire, told.append)
        run_until(reactor, lambda count=number: len(told) == count)  # type: ignore[misc]  # the loop's own number
    fine, poor = told
    assert isinstance(fine, Simulated)
    assert fine.error_json is None
    assert isinstance(poor, Simulated)
    assert poor.error_json is not None
    assert "Custom" in poor.error_json
    spoiled = bytearray(payer.transfer().wire)
    spoiled[5] ^= 1
    client.sender.simulate(bytes(spoiled), told.append)
    run_until(reactor, lambda: len(told) == 3)
    assert isinstance(told[2], SendRefusal)
    assert told[2].kind == "signature_failure"
    broken.peer.close()


def test_where_no_endpoint_answers_a_simulation_says_so(reactor: Reactor, chains: list[ScriptedChain]) -> None:
    client = Client(reactor, urls(chains[:2]))
    for chain in chains[:2]:
        chain.refusal = (429, {}, b"")
    told: list[Simulated | SendRefusal | Refusal] = []
    client.sender.simulate(WIRE, told.append)
    run_until(reactor, lambda: bool(told))
    assert isinstance(told[0], Refusal)
    assert told[0].cause == "rate_limited"
