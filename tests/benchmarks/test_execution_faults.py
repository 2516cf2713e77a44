"""Execution through faults: each order is on chain at most once, none gets lost, and the ledger equals the chain."""

import base64
from pathlib import Path

import pytest
from msgspec.structs import replace
from solders.hash import Hash
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.system_program import TransferParams, transfer
from solders.transaction import VersionedTransaction

from benchmarks.execution_faults.__main__ import TITLES, row
from benchmarks.execution_faults.black_hole import BlackHole
from benchmarks.execution_faults.cases import CASES, EVERYTHING, Case, NoSuchCaseError, Outage, chosen
from benchmarks.execution_faults.chain import NodeCalls
from benchmarks.execution_faults.run import Outcome, Terms, run
from benchmarks.execution_faults.verdict import Evidence, judge
from operators.orders.execution_reports import ExecutionReport
from sandbox.faults import KNOBS, Faults
from tests.processes import sandbox

TERMS = Terms(seconds=4.0)
LOST = Case("lost", "tx.drop=0.6,tx.delay=0:20", slot_ms=40)
CONFUSED = Case(
    "confused",
    "fork=0.2,ws.lose=0.3,ws.dup=0.3,http.5xx=0.1,http.reset=0.1,http.malformed=0.1,http.lag=2",
    slot_ms=50,
    outages=(Outage.BLACK_HOLE,),
)


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return run(LOST, TERMS, tmp_path_factory.mktemp("lost"))


def planted(evidence: Evidence, order: ExecutionReport) -> Evidence:
    """Plant a second landing of an order under a signature that was never booked."""
    first = next(one for one in evidence.chain if one.signature == order.signature)
    second = replace(first, signature="planted")
    signed = next(entry for entry in evidence.books.entries if getattr(entry, "signature", "") == order.signature)
    books = replace(evidence.books, entries=(*evidence.books.entries, replace(signed, signature="planted")))
    return replace(evidence, chain=(*evidence.chain, second), books=books)


def landed(evidence: Evidence) -> ExecutionReport:
    found = [one for one in evidence.books.reports if isinstance(one, ExecutionReport) and one.status == "landed"]
    return found[-1]


def test_what_is_lost_on_the_way_lands_once_or_never(outcome: Outcome) -> None:
    verdict = outcome.verdict
    assert (verdict.lost, verdict.doubled, verdict.differences) == ((), (), ())
    assert verdict.landed > 5
    assert verdict.booked == verdict.landed + verdict.failed
    assert verdict.sent == verdict.landed + verdict.failed + verdict.expired
    assert outcome.hits["tx.drop"] > 0
    assert len(row(outcome)) == len(TITLES)


def test_a_double_that_is_planted_is_found(outcome: Outcome) -> None:
    order = landed(outcome.evidence)
    found = judge(planted(outcome.evidence, order))
    assert [line for line in found.doubled if f"order {order.order} is on chain 2 times" in line]
    assert any("planted" in line for line in found.lost)


def test_a_loss_that_is_planted_is_found(outcome: Outcome) -> None:
    evidence, order = outcome.evidence, landed(outcome.evidence)
    books = replace(evidence.books, reports=tuple(one for one in evidence.books.reports if one is not order))
    found = judge(replace(evidence, books=books))
    assert any(order.signature in line for line in found.lost)
    assert found.differences


def test_answers_that_confuse_lose_nothing(tmp_path: Path) -> None:
    outcome = run(CONFUSED, TERMS, tmp_path)
    verdict = outcome.verdict
    assert (verdict.lost, verdict.doubled, verdict.differences) == ((), (), ())
    assert verdict.landed > 5
    assert (tmp_path / "wallet.json").stat().st_mode & 0o777 == 0o600


def test_a_black_hole_takes_transactions_and_passes_on_all_else() -> None:
    with sandbox("--slot-ms", "20", "--market", "off") as node:
        port = int(node.url.rpartition(":")[2])
        hole = BlackHole(port)
        try:
            calls = NodeCalls(int(hole.url.rpartition(":")[2]))
            assert calls.call("getGenesisHash") == node.facts["genesis_hash"]
            payer = Keypair()
            node.call("requestAirdrop", str(payer.pubkey()), 10**9)
            recent = Hash.from_string(node.call("getLatestBlockhash")["value"]["blockhash"])
            moved = transfer(TransferParams(from_pubkey=payer.pubkey(), to_pubkey=payer.pubkey(), lamports=1))
            signed = VersionedTransaction(MessageV0.try_compile(payer.pubkey(), [moved], [], recent), [payer])
            wire = base64.b64encode(bytes(signed)).decode()
            assert calls.call("sendTransaction", wire, {"encoding": "base64"}) == str(signed.signatures[0])
            node.call("sandbox_advance", 3)
            (status,) = node.call("getSignatureStatuses", [str(signed.signatures[0])])["value"]
            assert status is None
            assert hole.swallowed == 1
        finally:
            hole.close()


def test_every_fault_of_execution_has_its_case() -> None:
    spoilt = {part.partition("=")[0] for case in CASES for part in case.spec.split(",") if case.spec}
    assert {knob for knob in KNOBS if knob.startswith(("tx.", "fork", "slot."))} <= spoilt
    assert {outage for case in CASES for outage in case.outages} == {Outage.FROZEN, Outage.BLACK_HOLE}
    assert all(Faults(case.spec).spec == case.spec for case in CASES)
    assert set(Faults(EVERYTHING).values) >= {knob for knob in KNOBS if knob.startswith("tx.")}


def test_cases_are_chosen_by_how_their_names_begin() -> None:
    assert [case.name for case in chosen(("fork", "http 429"))] == ["http 429", "fork, processed", "fork, confirmed"]
    assert chosen(()) == CASES
    with pytest.raises(NoSuchCaseError, match="no case begins with 'nope'"):
        chosen(("nope",))
