"""Bundles to a scripted block engine."""

from collections.abc import Iterator
from typing import Any

import pytest
from solders.pubkey import Pubkey
from solders.system_program import decode_transfer

from connectors.execution.bundles import BundleOutcome, Bundles, outcome_of, tip_accounts_of
from connectors.feeds.outlet import Outlet
from connectors.feeds.reactor import Reactor
from connectors.wire.bundles import InflightBundle
from connectors.wire.refusal import Refusal
from tests.connectors.feeds.nodes import Reply, RpcPeer, ok
from tests.connectors.feeds.peers import run_until
from tests.connectors.wire.frames import answer, failure

TIPPED = [str(Pubkey.new_unique()) for _ in range(8)]
PAYER = Pubkey.new_unique()
QUICK_S = 0.02


class Engine:
    """What a block engine knows of bundles."""

    def __init__(self, reactor: Reactor) -> None:
        self.statuses: dict[str, tuple[str, int | None]] = {}
        self.tipped: object = TIPPED
        self.is_full = False
        self.peer = RpcPeer(reactor, self._reply)

    def _reply(self, call: Any) -> Reply:
        number, params = call["id"], call.get("params", [])
        match call["method"]:
            case "getTipAccounts":
                return ok(answer(number, self.tipped))
            case "sendBundle" if self.is_full:
                return ok(failure(number, -32097, "Rate limit exceeded"))
            case "sendBundle":
                return ok(answer(number, f"bundle{len(params[0])}"))
            case "getInflightBundleStatuses":
                value = [
                    {"bundle_id": one, "status": self.statuses[one][0], "landed_slot": self.statuses[one][1]}
                    for one in params[0]
                    if one in self.statuses
                ]
                return ok(answer(number, {"context": {"slot": 5}, "value": value}))
        return ok(failure(number, -32601))

    def asked(self, method: str) -> int:
        return sum(call["method"] == method for call in self.peer.calls)


class Client:
    def __init__(self, reactor: Reactor, engine: Engine, patience_s: float = 60.0) -> None:
        self.reactor = reactor
        self.outlet = Outlet("test")
        self.taken: list[str | Refusal] = []
        self.outcomes: list[BundleOutcome] = []
        self.bundles = Bundles(
            reactor,
            engine.peer.url,
            self.outlet,
            poll_s=QUICK_S,
            patience_s=patience_s,
            refresh_s=QUICK_S,
        )
        self.bundles.start()

    def send(self, count: int = 1) -> None:
        self.bundles.send([b"wire"] * count, self.taken.append, self.outcomes.append)


@pytest.fixture
def engine(reactor: Reactor) -> Iterator[Engine]:
    engine = Engine(reactor)
    yield engine
    engine.peer.close()


def test_tips_go_to_each_of_the_accounts_in_turn(reactor: Reactor, engine: Engine) -> None:
    client = Client(reactor, engine)
    assert client.bundles.tip(PAYER, 1_000) is None
    assert not client.bundles.is_ready
    run_until(reactor, lambda: client.bundles.is_ready)
    tipped = set()
    for _ in range(8):
        instruction = client.bundles.tip(PAYER, 1_000)
        assert instruction is not None
        paid = decode_transfer(instruction)
        assert (paid["from_pubkey"], paid["lamports"]) == (PAYER, 1_000)
        tipped.add(str(paid["to_pubkey"]))
    assert tipped == set(TIPPED)


def test_tip_accounts_are_refreshed(reactor: Reactor, engine: Engine) -> None:
    client = Client(reactor, engine)
    run_until(reactor, lambda: client.bundles.is_ready and engine.asked("getTipAccounts") >= 3)
    engine.tipped = TIPPED[:1]

    def is_fresh() -> bool:
        paid = [client.bundles.tip(PAYER, 1) for _ in range(8)]
        return len({decode_transfer(one)["to_pubkey"] for one in paid if one is not None}) == 1

    run_until(reactor, is_fresh)


@pytest.mark.parametrize("told", [[], ["0" * 40]])
def test_tip_accounts_that_are_none_are_refused(reactor: Reactor, engine: Engine, told: list[str]) -> None:
    engine.tipped = told
    client = Client(reactor, engine)
    run_until(reactor, lambda: client.outlet.refused["tip_account"] > 0)
    assert not client.bundles.is_ready
    assert isinstance(tip_accounts_of(told), Refusal)


def test_a_bundle_is_sent_once_and_asked_after_until_it_landed(reactor: Reactor, engine: Engine) -> None:
    client = Client(reactor, engine)
    client.send(2)
    run_until(reactor, lambda: client.taken == ["bundle2"])
    engine.statuses["bundle2"] = "Pending", None
    asked = engine.asked("getInflightBundleStatuses")
    run_until(reactor, lambda: engine.asked("getInflightBundleStatuses") > asked + 2)
    assert not client.outcomes
    engine.statuses["bundle2"] = "Landed", 77
    run_until(reactor, lambda: bool(client.outcomes))
    assert client.outcomes == [BundleOutcome("bundle2", "landed", 77)]
    assert engine.asked("sendBundle") == 1
    assert client.outlet.notes == {"bundles": 1, "bundles_landed": 1}


def test_a_bundle_that_no_leader_took_is_told(reactor: Reactor, engine: Engine) -> None:
    client = Client(reactor, engine)
    engine.statuses["bundle1"] = "Failed", None
    client.send()
    run_until(reactor, lambda: client.outcomes == [BundleOutcome("bundle1", "failed")])


def test_a_bundle_that_the_engine_refuses_is_not_sent_again(reactor: Reactor, engine: Engine) -> None:
    engine.is_full = True
    client = Client(reactor, engine)
    client.send()
    run_until(reactor, lambda: bool(client.taken))
    assert isinstance(client.taken[0], Refusal)
    reactor.run_once(QUICK_S)
    assert engine.asked("sendBundle") == 1
    assert not client.outcomes


def test_a_bundle_of_which_nothing_is_told_is_given_up(reactor: Reactor, engine: Engine) -> None:
    client = Client(reactor, engine, patience_s=0.1)
    engine.statuses["bundle1"] = "Invalid", None
    client.send()
    run_until(reactor, lambda: client.outcomes == [BundleOutcome("bundle1", "unknown")])


def test_more_bundles_than_one_question_holds_are_all_asked_after(reactor: Reactor, engine: Engine) -> None:
    client = Client(reactor, engine)
    for count in range(1, 8):
        client.send(count)
    run_until(reactor, lambda: len(client.taken) == 7)
    engine.statuses["bundle7"] = "Landed", 1
    run_until(reactor, lambda: bool(client.outcomes))


def test_nothing_is_asked_after_the_end(reactor: Reactor, engine: Engine) -> None:
    client = Client(reactor, engine)
    client.send()
    run_until(reactor, lambda: bool(client.taken))
    client.bundles.stop()
    calls = len(engine.peer.calls)
    for _ in range(4):
        reactor.run_once(QUICK_S)
    assert len(engine.peer.calls) <= calls + 1
    assert not client.outcomes


def test_an_engine_calls_invalid_what_it_does_not_know_yet() -> None:
    assert outcome_of(InflightBundle("one", "Invalid", None)) is None
    assert outcome_of(InflightBundle("one", "Landed", None)) == BundleOutcome("one", "landed", 0)
