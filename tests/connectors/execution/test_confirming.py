"""The fate of signatures: seen, expired, undone; by notifications, by asking, and through faults."""

import base64
from collections.abc import Iterator

import pytest

from connectors.execution.confirming import Confirmations
from connectors.execution.outcomes import Expired, Outcome, Reversal, Seen, Turned, Undone
from connectors.feeds.outlet import Outlet
from connectors.feeds.reactor import Reactor
from connectors.wire.landed import Landed
from connectors.wire.refusal import Refusal
from tests.connectors.execution.scripted_chain import BEHIND, ScriptedChain, signature
from tests.connectors.execution.transfers import FEE, Payer, Transfer
from tests.connectors.feeds.peers import run_until
from tests.processes import SandboxNode

ONE, TWO = signature(1), signature(2)
NOBODY = "ws://127.0.0.1:1/"
QUICK_S = 0.02
NEVER_S = 3600.0
LAST = 1_000 - BEHIND
WALLET = "7igaKyHZmpYJXquix8LDYJgVgZMfiSenTkGJxV4UimWz"


class Client:
    def __init__(
        self,
        reactor: Reactor,
        urls: list[str],
        ws_url: str = NOBODY,
        *,
        commitment: str = "confirmed",
        wallet: str = WALLET,
        silent_s: float = QUICK_S,
        poll_s: float = QUICK_S,
    ) -> None:
        self.reactor = reactor
        self.outlet = Outlet("test")
        self.told: list[Outcome] = []
        self.confirmations = Confirmations(
            reactor,
            ws_url,
            urls,
            self.outlet,
            commitment=commitment,
            genesis_hash=None,
            wallet_address=wallet,
            pools={},
            poll_s=poll_s,
            silent_s=silent_s,
            finality_s=QUICK_S,
            timeout_s=0.3,
        )
        self.confirmations.start()

    def follow(self, name: str = ONE, last: int = LAST) -> None:
        self.confirmations.follow(name, last, self.told.append)

    def wait(self, count: int = 1) -> Outcome:
        run_until(self.reactor, lambda: len(self.told) >= count)
        return self.told[-1]

    def turn(self, seconds: float = 0.2) -> None:
        until = self.reactor.now() + seconds
        run_until(self.reactor, lambda: self.reactor.now() > until)


# with scripted endpoints


@pytest.fixture
def chains(reactor: Reactor) -> Iterator[list[ScriptedChain]]:
    chains = [ScriptedChain(reactor), ScriptedChain(reactor)]
    yield chains
    for chain in chains:
        chain.peer.close()


@pytest.fixture
def client(reactor: Reactor, chains: list[ScriptedChain]) -> Iterator[Client]:
    client = Client(reactor, [chain.url for chain in chains])
    yield client
    client.confirmations.stop()


def looks(chain: ScriptedChain) -> int:
    return sum(params[1]["searchTransactionHistory"] for params in chain.asked("getSignatureStatuses"))


def test_what_any_endpoint_knows_is_seen(chains: list[ScriptedChain], client: Client) -> None:
    chains[1].statuses[ONE] = 995, None, "confirmed"
    client.follow()
    assert client.wait() == Seen(995, None, "confirmed")
    assert client.outlet.notes["seen_by_asking"] == 1


def test_a_failure_is_seen_with_its_error(chains: list[ScriptedChain], client: Client) -> None:
    chains[0].statuses[ONE] = 995, {"InstructionError": [2, {"Custom": 6003}]}, "finalized"
    client.follow()
    assert client.wait() == Seen(995, '{"InstructionError": [2, {"Custom": 6003}]}', "finalized")


def test_below_the_commitment_nothing_is_seen(chains: list[ScriptedChain], client: Client) -> None:
    chains[0].statuses[ONE] = 995, None, "processed"
    client.follow()
    client.turn()
    assert not client.told
    chains[0].statuses[ONE] = 995, None, "confirmed"
    client.wait()


def test_at_the_last_valid_height_nothing_has_expired(chains: list[ScriptedChain], client: Client) -> None:
    client.follow()
    client.turn()
    assert not client.told
    assert looks(chains[0]) == 0


def test_past_it_a_signature_expires_once_every_endpoint_was_asked(chains: list[ScriptedChain], client: Client) -> None:
    client.follow()
    client.follow(TWO, LAST + 1)
    for chain in chains:
        chain.slot += 1
    assert client.wait() == Expired(LAST + 1, 1_001)
    assert looks(chains[0]) == looks(chains[1]) == 1
    client.turn()
    assert len(client.told) == 1  # the other one may still land
    assert client.outlet.notes["expired_signatures"] == 1


def test_what_landed_at_the_last_moment_has_not_expired(chains: list[ScriptedChain], client: Client) -> None:
    client.follow()
    client.turn(QUICK_S)
    for chain in chains:
        chain.slot += 1
    chains[1].statuses[ONE] = 1_000, None, "confirmed"
    assert client.wait() == Seen(1_000, None, "confirmed")


def test_what_is_in_a_block_that_is_not_confirmed_has_not_expired(chains: list[ScriptedChain], client: Client) -> None:
    chains[1].statuses[ONE] = 1_000, None, "processed"
    client.follow()
    for chain in chains:
        chain.slot += 5
    client.turn()
    assert not client.told
    del chains[1].statuses[ONE]
    assert client.wait() == Expired(LAST + 5, 1_005)


def test_endpoints_that_have_not_come_so_far_do_not_count(chains: list[ScriptedChain], client: Client) -> None:
    for chain in chains:
        chain.slot, chain.status_slot = 1_002, 1_000
    client.follow()
    client.turn()
    assert not client.told
    assert looks(chains[0]) > 0
    chains[1].status_slot = 1_002
    assert client.wait() == Expired(LAST + 2, 1_002)


def test_an_endpoint_that_is_down_does_not_hold_up_expiry(chains: list[ScriptedChain], client: Client) -> None:
    chains[0].refusal = (502, {}, b"")
    chains[1].slot += 1
    client.follow()
    assert client.wait() == Expired(LAST + 1, 1_001)


def test_while_nobody_answers_nothing_expires(chains: list[ScriptedChain], client: Client) -> None:
    client.follow()
    for chain in chains:
        chain.slot += 1
        chain.refusal = (502, {}, b"")
    client.turn()
    assert not client.told


def test_a_height_that_leaps_expires_nothing_by_itself(chains: list[ScriptedChain], client: Client) -> None:
    client.follow()
    client.turn(3 * QUICK_S)
    chains[0].slot = 5_000_000
    run_until(client.reactor, lambda: client.outlet.refused["slot_leap"] > 0)
    assert not client.told


def test_at_processed_a_signature_still_expires_by_confirmed_blocks(
    reactor: Reactor, chains: list[ScriptedChain]
) -> None:
    client = Client(reactor, [chains[0].url], commitment="processed")
    client.follow()
    run_until(reactor, lambda: bool(chains[0].asked("getEpochInfo")))
    assert chains[0].asked("getEpochInfo")[0] == [{"commitment": "confirmed"}]
    client.confirmations.stop()


def test_more_signatures_than_one_question_holds_are_all_asked_for(chains: list[ScriptedChain], client: Client) -> None:
    names = [f"{number:088d}" for number in range(300)]
    for name in names:
        client.follow(name, LAST + 1_000)
        chains[0].statuses[name] = chains[1].statuses[name] = 999, None, "confirmed"
    client.wait(300)


def test_what_is_forgotten_is_told_no_more(chains: list[ScriptedChain], client: Client) -> None:
    client.follow()
    client.turn(2 * QUICK_S)
    client.confirmations.forget(ONE)
    chains[0].statuses[ONE] = chains[1].statuses[ONE] = 995, None, "confirmed"
    client.turn()
    assert not client.told


def test_who_is_told_may_follow_anew(chains: list[ScriptedChain], client: Client) -> None:
    outcomes: list[Outcome] = []

    def again(outcome: Outcome) -> None:
        outcomes.append(outcome)
        if len(outcomes) < 3:
            client.confirmations.follow(ONE, LAST, again)

    for chain in chains:
        chain.statuses[ONE] = 995, None, "confirmed"
    client.confirmations.follow(ONE, LAST, again)
    run_until(client.reactor, lambda: len(outcomes) == 3)


# with a sandbox


def submit(node: SandboxNode, transfer: Transfer) -> None:
    node.call(
        "sendTransaction", base64.b64encode(transfer.wire).decode(), {"encoding": "base64", "skipPreflight": True}
    )


def sandboxed(reactor: Reactor, node: SandboxNode, payer: Payer, **options: float | str) -> Client:
    client = Client(reactor, [node.url], node.facts["ws_url"], wallet=payer.address, **options)  # type: ignore[arg-type]  # options of the tests
    run_until(reactor, lambda: client.outlet.connected)
    return client


def test_a_landing_is_notified(reactor: Reactor, node: SandboxNode) -> None:
    payer = Payer(node)
    client = sandboxed(reactor, node, payer, silent_s=NEVER_S)
    transfers = [payer.transfer() for _ in range(3)]
    for one in transfers:
        client.follow(one.signature, one.last_valid_block_height)
        submit(node, one)
    outcome = client.wait(3)
    assert isinstance(outcome, Seen)
    assert outcome.error_json is None
    assert client.outlet.notes["seen_by_notification"] == 3
    assert not client.outlet.refused
    client.confirmations.stop()


FAULTS = {
    "lost": "ws.lose=1",
    "deaf": "ws.deaf=1",
    "mute": "ws.mute=1",
    "doubled": "ws.dup=1,ws.reorder=0.3,ws.stray=0.5,ws.malformed=0.5,ws.delay=0:60",
    "cut": "ws.drop=0.2,ws.refuse=0.5",
    "answers": "ws.lose=0.5,http.429=0.1,http.5xx=0.2,http.malformed=0.2,http.unhealthy=0.1,http.reset=0.1",
    "hanging": "ws.lose=0.5,http.hang=0.2",
    "lag": "http.lag=3,ws.lose=0.5",
}


@pytest.mark.parametrize("name", FAULTS)
def test_each_landing_is_seen_once_and_read_whatever_goes_wrong(reactor: Reactor, node: SandboxNode, name: str) -> None:
    payer = Payer(node)
    client = sandboxed(reactor, node, payer, silent_s=0.1)
    transfers = [payer.transfer() for _ in range(4)]
    for one in transfers:
        submit(node, one)
    node.call("sandbox_setFaults", FAULTS[name])
    landed: list[Landed | Refusal] = []
    for one in transfers:
        client.follow(one.signature, one.last_valid_block_height)
        client.confirmations.fetch(one.signature, landed.append)
    client.wait(4)
    run_until(reactor, lambda: len(landed) == 4)
    node.call("sandbox_setFaults", "")
    client.turn(0.1)
    assert len(client.told) == 4
    assert all(isinstance(outcome, Seen) for outcome in client.told)
    told = {one.signature: (one.fee, one.lamports) for one in landed if isinstance(one, Landed)}
    assert told == {one.signature: (FEE, -one.lamports) for one in transfers}
    client.confirmations.stop()


def test_a_deaf_websocket_is_made_anew(reactor: Reactor, node: SandboxNode) -> None:
    payer = Payer(node)
    client = sandboxed(reactor, node, payer)
    node.call("sandbox_setFaults", "ws.deaf=1")
    for _ in range(3):
        one = payer.transfer()
        client.follow(one.signature, one.last_valid_block_height)
        submit(node, one)
    client.wait(3)
    run_until(reactor, lambda: client.outlet.notes["reconnects"] == 1)
    assert client.outlet.notes["missed_notifications"] > 0
    client.confirmations.stop()


def test_what_was_never_sent_expires_in_its_time(reactor: Reactor, node: SandboxNode) -> None:
    payer = Payer(node)
    client = sandboxed(reactor, node, payer)
    one = payer.transfer()
    client.follow(one.signature, one.last_valid_block_height)
    node.call("sandbox_pause")
    confirmed = node.call("getBlockHeight", {"commitment": "confirmed"})
    node.call("sandbox_advance", one.last_valid_block_height - confirmed)
    client.turn()
    assert not client.told
    node.call("sandbox_advance", 1)
    outcome = client.wait()
    assert isinstance(outcome, Expired)
    assert outcome.block_height == one.last_valid_block_height + 1
    client.confirmations.stop()


def test_a_landing_in_the_last_valid_block_is_seen(reactor: Reactor, node: SandboxNode) -> None:
    payer = Payer(node)
    client = sandboxed(reactor, node, payer, silent_s=NEVER_S)
    node.call("sandbox_setFaults", "ws.lose=1")
    one = payer.transfer()
    node.call("sandbox_pause")
    processed = node.call("getBlockHeight", {"commitment": "processed"})
    node.call("sandbox_advance", one.last_valid_block_height - processed - 1)
    submit(node, one)
    node.call("sandbox_advance", 3)
    client.confirmations.stop()
    late = sandboxed(reactor, node, payer)
    late.follow(one.signature, one.last_valid_block_height)
    outcome = late.wait()
    assert isinstance(outcome, Seen)
    assert outcome.error_json is None
    late.confirmations.stop()


def test_a_landing_becomes_final(reactor: Reactor, node: SandboxNode) -> None:
    payer = Payer(node)
    client = sandboxed(reactor, node, payer)
    one = payer.transfer()
    client.follow(one.signature, one.last_valid_block_height)
    submit(node, one)
    client.wait()
    landed: list[Landed | Refusal] = []
    client.confirmations.fetch(one.signature, landed.append)
    run_until(reactor, lambda: bool(landed))
    assert isinstance(landed[0], Landed)
    told: list[Reversal | str] = []
    client.confirmations.watch_finality(one.signature, landed[0].slot, None, told.append, lambda: told.append("final"))
    node.call("sandbox_advance", 40)
    run_until(reactor, lambda: bool(told))
    assert told == ["final"]
    client.confirmations.stop()


class Forked:
    """A transfer that was seen in a slot which a fork abandoned; nothing came after it yet."""

    def __init__(self, reactor: Reactor, node: SandboxNode) -> None:
        self.payer = Payer(node)
        self.client = sandboxed(reactor, node, self.payer, commitment="processed", silent_s=NEVER_S)
        self.transfer = self.payer.transfer()
        self.told: list[Reversal | str] = []
        node.call("sandbox_pause")
        self.follow()
        self.client.turn(0.1)
        node.call("sandbox_setFaults", "fork=1")
        submit(node, self.transfer)
        node.call("sandbox_advance", 1)
        node.call("sandbox_setFaults", "")
        seen = self.client.wait()
        assert isinstance(seen, Seen)
        assert seen.commitment == "processed"
        self.slot = seen.slot
        self.client.confirmations.watch_finality(
            self.transfer.signature, seen.slot, None, self.told.append, lambda: self.told.append("final")
        )

    def follow(self) -> None:
        self.client.follow(self.transfer.signature, self.transfer.last_valid_block_height)


def test_a_landing_that_a_fork_takes_back_is_undone(reactor: Reactor, node: SandboxNode) -> None:
    forked = Forked(reactor, node)
    forked.client.turn()
    assert not forked.told  # the node is one slot back, and cannot know yet
    node.call("sandbox_setAccount", forked.payer.address, None)  # so that it cannot land again
    node.call("sandbox_advance", 1)
    run_until(reactor, lambda: bool(forked.told))
    assert forked.told == [Undone()]
    forked.client.confirmations.stop()


def test_a_landing_that_a_fork_moves_has_turned_and_is_seen_anew(reactor: Reactor, node: SandboxNode) -> None:
    forked = Forked(reactor, node)
    node.call("sandbox_advance", 1)
    run_until(reactor, lambda: bool(forked.told))
    assert forked.told == [Turned(forked.slot + 1, None)]
    forked.follow()
    again = forked.client.wait(2)
    assert isinstance(again, Seen)
    landed: list[Landed | Refusal] = []
    forked.client.confirmations.fetch(forked.transfer.signature, landed.append)
    node.call("sandbox_advance", 1)
    run_until(reactor, lambda: bool(landed))
    assert isinstance(landed[0], Landed)
    assert landed[0].slot == forked.slot + 1
    forked.client.confirmations.stop()
