"""Bundles to a scripted block engine."""

from collections.abc import Iterator
from typing import Any

import pytest
from solders.pubkey import Pubkey
from solders.system_program import decode_transfer

from connectors.execution.bundles import LANES, BundleOutcome, Bundles, outcome_of, tip_accounts_of
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


NO_TIP = "Bundles must write lock at least one tip account to be eligible for the auction."
PROCESSED = "bundle contains an already processed transaction"


class Engine:
    """What a block engine knows of bundles."""

    def __init__(self, reactor: Reactor) -> None:
        self.statuses: dict[str, tuple[str, int | None]] = {}
        self.tipped: object = TIPPED
        self.refuses: tuple[int, int, str] | None = None
        self.is_mute = False
        self.peer = RpcPeer(reactor, self._reply)

    def _reply(self, call: Any) -> Reply | None:
        number, params = call["id"], call.get("params", [])
        match call["method"]:
            case "getTipAccounts":
                return ok(answer(number, self.tipped))
            case "sendBundle" if self.refuses is not None:
                status, code, message = self.refuses
                return status, {"Content-Type": "application/json"}, failure(number, code, message)
            case "sendBundle":
                return ok(answer(number, f"bundle{len(params[0])}"))
            case "getInflightBundleStatuses" if self.is_mute:
                return None
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
        self.taken: list[str] = []
        self.refused: list[str] = []
        self.bundles = Bundles(
            reactor,
            engine.peer.url,
            self.outlet,
            poll_s=QUICK_S,
            again_s=QUICK_S,
            patience_s=patience_s,
            refresh_s=QUICK_S,
        )
        self.bundles.start()

    def send(self, count: int = 1) -> None:
        name = f"bundle{count}"
        self.bundles.send(name, [b"wire"] * count, lambda at_ns: self.taken.append(name), self.refused.append)


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


def test_each_tip_that_may_be_paid_is_known_ahead(reactor: Reactor, engine: Engine) -> None:
    client = Client(reactor, engine)
    assert client.bundles.tips(PAYER, 7) == ()
    run_until(reactor, lambda: client.bundles.is_ready)
    paid = [client.bundles.tip(PAYER, 7) for _ in range(8)]
    assert sorted(map(str, paid)) == sorted(map(str, client.bundles.tips(PAYER, 7)))


def test_a_bundle_is_sent_once_and_asked_after_until_it_landed(reactor: Reactor, engine: Engine) -> None:
    client = Client(reactor, engine)
    client.send(2)
    client.send(2)
    run_until(reactor, lambda: client.taken == ["bundle2"])
    engine.statuses["bundle2"] = "Pending", None
    asked = engine.asked("getInflightBundleStatuses")
    run_until(reactor, lambda: engine.asked("getInflightBundleStatuses") > asked + 2)
    assert client.outlet.notes == {"bundles": 1}
    engine.statuses["bundle2"] = "Landed", 77
    run_until(reactor, lambda: client.outlet.notes["bundles_landed"] > 0)
    asked = engine.asked("getInflightBundleStatuses")
    run_until(reactor, lambda: engine.asked("getTipAccounts") > 20)
    assert engine.asked("getInflightBundleStatuses") <= asked + 1
    assert engine.asked("sendBundle") == 1
    assert not client.refused


def test_a_bundle_that_no_leader_took_is_sent_again_until_it_is_forgotten(reactor: Reactor, engine: Engine) -> None:
    client = Client(reactor, engine)
    engine.statuses["bundle1"] = "Failed", None
    client.send()
    run_until(reactor, lambda: len(client.refused) >= 3)
    assert set(client.refused) == {"bundle_failed: no leader took it"}
    assert client.taken == ["bundle1"]
    client.bundles.forget("bundle1")
    refused, sent = len(client.refused), engine.asked("sendBundle")
    asked = engine.asked("getTipAccounts")
    run_until(reactor, lambda: engine.asked("getTipAccounts") > asked + 5)
    assert len(client.refused) == refused
    assert engine.asked("sendBundle") <= sent + 1


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        ((429, -32097, "rate limited"), "rate_limited: rate limited"),
        ((200, -32097, "Network congested."), "rate_limited: -32097: Network congested."),
        ((500, -32000, "no"), "http_status: HTTP 500: no"),
        ((400, -32602, "bundle contains an expired blockhash"), "blockhash_not_found: bundle contains an expired"),
        ((400, -32602, "transaction #0 could not be decoded"), "undecodable: transaction #0"),
    ],
)
def test_a_bundle_that_the_engine_does_not_take_is_sent_again(
    reactor: Reactor, engine: Engine, refusal: tuple[int, int, str], said: str
) -> None:
    engine.refuses = refusal
    client = Client(reactor, engine)
    client.send()
    run_until(reactor, lambda: len(client.refused) >= 2)
    assert all(reason.startswith(said) for reason in client.refused)
    assert not client.taken
    engine.refuses = None
    run_until(reactor, lambda: client.taken == ["bundle1"])


@pytest.mark.parametrize(("message", "refusals"), [(NO_TIP, [f"no_tip: {NO_TIP}"]), (PROCESSED, [])])
def test_a_bundle_that_can_never_be_taken_is_not_sent_again(
    reactor: Reactor, engine: Engine, message: str, refusals: list[str]
) -> None:
    engine.refuses = 400, -32602, message
    client = Client(reactor, engine)
    client.send()
    run_until(reactor, lambda: engine.asked("sendBundle") == 1)
    asked = engine.asked("getTipAccounts")
    run_until(reactor, lambda: engine.asked("getTipAccounts") > asked + 5)  # the engine itself does not rest for it
    assert engine.asked("sendBundle") == 1
    assert client.refused == refusals
    assert not client.outlet.notes["http_errors"]
    assert not client.outlet.refused


def test_a_bundle_of_which_nothing_is_told_is_given_up(reactor: Reactor, engine: Engine) -> None:
    client = Client(reactor, engine, patience_s=0.1)
    engine.statuses["bundle1"] = "Invalid", None
    client.send()
    run_until(reactor, lambda: client.outlet.notes["bundles_unknown"] == 1)


def test_a_bundle_does_not_wait_for_what_is_told_of_another(reactor: Reactor, engine: Engine) -> None:
    engine.is_mute = True
    client = Client(reactor, engine)
    client.send(1)
    run_until(reactor, lambda: engine.asked("getInflightBundleStatuses") == 1)
    client.send(2)
    run_until(reactor, lambda: client.taken == ["bundle1", "bundle2"])


def test_more_bundles_than_one_question_holds_are_all_asked_after(reactor: Reactor, engine: Engine) -> None:
    client = Client(reactor, engine)
    for count in range(1, 8):
        client.send(count)
    run_until(reactor, lambda: len(client.taken) == 7)
    engine.statuses["bundle7"] = "Landed", 1
    run_until(reactor, lambda: client.outlet.notes["bundles_landed"] == 1)


def test_nothing_is_asked_after_the_end(reactor: Reactor, engine: Engine) -> None:
    client = Client(reactor, engine)
    client.send()
    run_until(reactor, lambda: bool(client.taken))
    client.bundles.stop()
    calls = len(engine.peer.calls)
    for _ in range(4):
        reactor.run_once(QUICK_S)
    assert len(engine.peer.calls) <= calls + LANES


def test_an_engine_calls_invalid_what_it_does_not_know_yet() -> None:
    assert outcome_of(InflightBundle("one", "Invalid", None)) is None
    assert outcome_of(InflightBundle("one", "Landed", None)) == BundleOutcome("one", "landed", 0)
