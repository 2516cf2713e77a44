"""Sending and simulating: the questions, and each way in which a node says no."""

import base64
import json

import pytest
from solders.account import Account
from solders.hash import Hash
from solders.keypair import Keypair
from solders.transaction import VersionedTransaction

from connectors.wire.error_names import Failure, failure_of, named_error
from connectors.wire.events import AccountUpdate
from connectors.wire.submissions import (
    SendRefusal,
    Simulated,
    read_send_transaction,
    read_simulate_transaction,
    send_transaction,
    simulate_transaction,
)
from dlmm.programs import SYSTEM_PROGRAM
from sandbox.rpc.dispatch import Dispatcher, encode
from sandbox.rpc.view import View
from tests.connectors.wire.frames import OWNER, POOL, SIGNATURE, account_json, answer, failure
from tests.sandbox.nodes import ENGINES, SOL, chain_of, payment

PAYER = Keypair.from_seed(bytes(32))
TARGET = Keypair.from_seed(bytes([1]) * 32).pubkey()


class Node:
    """A sandbox without a socket."""

    def __init__(self) -> None:
        self.chain = chain_of(ENGINES["model"]())
        self.chain.set_account(PAYER.pubkey(), Account(100 * SOL, b"", SYSTEM_PROGRAM, False, 0))
        self.chain.advance()
        self._dispatcher = Dispatcher(View(self.chain))

    def answer(self, body: bytes) -> bytes:
        return encode(self._dispatcher.answer(json.loads(body)))

    def send(self, tx: VersionedTransaction | bytes) -> str | SendRefusal:
        body = send_transaction(5, bytes(tx), skip_preflight=False, preflight_commitment="processed")
        return read_send_transaction(200, self.answer(body), 5)

    def simulate(self, tx: VersionedTransaction, **options: bool) -> Simulated | SendRefusal:
        accounts = [str(TARGET)]
        body = simulate_transaction(5, bytes(tx), "processed", accounts=accounts, **options)
        return read_simulate_transaction(200, self.answer(body), 5, accounts)


def refused(body: bytes, status: int = 200) -> SendRefusal:
    said = read_send_transaction(status, body, 5)
    assert isinstance(said, SendRefusal)
    return said


def preflight(err: object) -> bytes:
    value = {"err": err, "logs": ["said"], "unitsConsumed": 7, "accounts": None, "returnData": None}
    error = {"code": -32002, "message": "Transaction simulation failed: so", "data": value}
    return json.dumps({"jsonrpc": "2.0", "error": error, "id": 5}).encode()


def test_the_questions() -> None:
    call = json.loads(send_transaction(5, b"wire", skip_preflight=True, min_context_slot=9))
    assert call["method"] == "sendTransaction"
    assert call["params"] == [
        base64.b64encode(b"wire").decode(),
        {
            "encoding": "base64",
            "skipPreflight": True,
            "preflightCommitment": "confirmed",
            "maxRetries": 0,
            "minContextSlot": 9,
        },
    ]
    assert "maxRetries" not in json.loads(send_transaction(5, b"", skip_preflight=True, max_retries=None))["params"][1]
    call = json.loads(simulate_transaction(5, b"wire", "processed", replace_blockhash=True, accounts=["a"]))
    assert call["method"] == "simulateTransaction"
    assert call["params"][1] == {
        "encoding": "base64",
        "commitment": "processed",
        "sigVerify": False,
        "replaceRecentBlockhash": True,
        "accounts": {"encoding": "base64", "addresses": ["a"]},
    }


def test_a_node_that_takes_a_transaction_tells_its_signature() -> None:
    node = Node()
    tx = payment(PAYER, node.chain.head.hash, SOL, TARGET)
    assert node.send(tx) == str(tx.signatures[0])


@pytest.mark.parametrize("kind", ["signature_failure", "blockhash_not_found", "account_not_found", "sanitize"])
def test_a_nodes_refusals_are_told_apart(kind: str) -> None:
    node = Node()
    tx = payment(PAYER, node.chain.head.hash, SOL, TARGET)
    unsigned = VersionedTransaction.populate(tx.message, [payment(PAYER, Hash.default(), 1, TARGET).signatures[0]])
    sent: dict[str, VersionedTransaction | bytes] = {
        "signature_failure": unsigned,
        "blockhash_not_found": payment(PAYER, Hash.default(), SOL, TARGET),
        "account_not_found": payment(Keypair.from_seed(bytes([9]) * 32), node.chain.head.hash, SOL, TARGET),
        "sanitize": b"no transaction",
    }
    said = node.send(sent[kind])
    assert isinstance(said, SendRefusal)
    assert said.kind == kind


def test_one_that_landed_already_is_told_so() -> None:
    node = Node()
    tx = payment(PAYER, node.chain.head.hash, SOL, TARGET)
    node.send(tx)
    node.chain.advance()
    said = node.send(tx)
    assert isinstance(said, SendRefusal)
    assert said.kind == "already_processed"


def test_one_that_is_too_large_is_told_so() -> None:
    said = Node().send(bytes(1300))
    assert isinstance(said, SendRefusal)
    assert said.kind == "too_large"


def test_the_preflights_error_comes_with_its_logs() -> None:
    node = Node()
    said = node.send(payment(PAYER, node.chain.head.hash, 1000 * SOL, TARGET))
    assert isinstance(said, SendRefusal)
    assert said.kind == "simulation_failed"
    assert said.code == -32002
    assert said.error_json is not None
    assert said.compute_units == 150
    error = failure_of(said.error_json, (), said.logs)
    assert isinstance(error, Failure)
    assert named_error(error) == "1 ResultWithNegativeLamports"


@pytest.mark.parametrize(
    ("err", "kind"),
    [
        ("InsufficientFundsForFee", "insufficient_funds_for_fee"),
        ("AddressLookupTableNotFound", "lookup_table"),
        ("AccountInUse", "simulation_failed"),
        ({"InsufficientFundsForRent": {"account_index": 0}}, "simulation_failed"),
    ],
)
def test_errors_of_a_preflight_are_told_apart(err: object, kind: str) -> None:
    said = refused(preflight(err))
    assert (said.kind, said.logs, said.compute_units) == (kind, ("said",), 7)
    assert said.error_json is not None
    assert json.loads(said.error_json) == err


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        (failure(5, -32005), 200, "node_behind"),
        (failure(5, -32016), 200, "slot_behind"),
        (failure(5, -32602, "something else"), 200, "rpc_error"),
        (failure(5, -32002), 200, "simulation_failed"),
        (failure(5, -32003), 500, "signature_failure"),
        (failure(5, 7), 200, "rpc_error"),
        (b"slow down", 429, "rate_limited"),
        (b"<html>", 502, "http_status"),
        (answer(6, SIGNATURE), 200, "foreign_answer"),
        (answer(5, "short"), 200, "answer_shape"),
        (answer(5, None), 200, "answer_shape"),
        (b"", 200, "not_json"),
    ],
)
def test_other_refusals_keep_their_names(body: bytes, status: int, kind: str) -> None:
    assert refused(body, status).kind == kind


def test_foreign_text_is_cut_to_size() -> None:
    assert len(refused(failure(5, -32602, "x" * 5000)).detail) == 160


def test_a_simulation_tells_what_would_be() -> None:
    node = Node()
    done = node.simulate(payment(PAYER, node.chain.head.hash, SOL, TARGET), verify_signatures=True)
    assert isinstance(done, Simulated)
    assert (done.error_json, done.compute_units, done.slot) == (None, 150, node.chain.processed)
    assert done.logs[-1].endswith("success")
    assert done.accounts == (AccountUpdate(done.slot, str(TARGET), str(SYSTEM_PROGRAM), "", "base64"),)


def test_a_simulation_that_fails_is_a_result() -> None:
    node = Node()
    failed = node.simulate(payment(PAYER, node.chain.head.hash, 1000 * SOL, TARGET))
    assert isinstance(failed, Simulated)
    assert failed.error_json is not None
    assert json.loads(failed.error_json) == {"InstructionError": [0, {"Custom": 1}]}
    assert failed.accounts == (None,)
    expired = payment(PAYER, Hash.default(), SOL, TARGET)
    unknown = node.simulate(expired)
    assert isinstance(unknown, Simulated)
    assert unknown.error_json == '"BlockhashNotFound"'
    replaced = node.simulate(expired, replace_blockhash=True)
    assert isinstance(replaced, Simulated)
    assert replaced.error_json is None


def simulated(**value: object) -> bytes:
    result = {"err": None, "logs": None, "unitsConsumed": None, **value}
    return answer(5, {"context": {"slot": 3}, "value": result})


def test_what_a_program_returned_is_decoded() -> None:
    body = simulated(returnData={"programId": OWNER, "data": ["Kg==", "base64"]})
    assert read_simulate_transaction(200, body, 5) == Simulated(3, None, (), None, (OWNER, b"*"))


def test_accounts_that_were_not_asked_for_or_cannot_be_read_are_refused() -> None:
    garbled = simulated(returnData={"programId": OWNER, "data": ["?", "base64"]})
    account = account_json()
    account["data"] = ["", "base58"]
    for body, accounts, kind in (
        (simulated(accounts=[None]), (), "answer_count"),
        (simulated(accounts=[account]), (POOL,), "account_encoding"),
        (garbled, (), "answer_shape"),
        (failure(5, -32602, "sigVerify may not be used with replaceRecentBlockhash"), (), "rpc_error"),
    ):
        said = read_simulate_transaction(200, body, 5, accounts)
        assert isinstance(said, SendRefusal)
        assert said.kind == kind
