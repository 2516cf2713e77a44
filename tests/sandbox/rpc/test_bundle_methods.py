"""Bundles on both engines: together and in order, or not at all, and what is told of them."""

import base64
import hashlib
from typing import Any

import pytest
from solders.account import Account
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer
from solders.transaction import VersionedTransaction

from dlmm.programs import SYSTEM_PROGRAM
from sandbox.chain import Chain
from sandbox.ledger.blockhashes import MAX_AGE
from sandbox.ledger.bundles import LEAST_TIP, REMEMBERED_S, TIP_ACCOUNTS
from sandbox.rpc import base58
from sandbox.rpc.dispatch import Dispatcher
from sandbox.rpc.view import View
from tests.sandbox.nodes import ENGINES, SOL, Watch, payment

PAYER = Keypair.from_seed(bytes(32))
TARGET = Keypair.from_seed(bytes([1]) * 32)
TARGET_KEY = TARGET.pubkey()
FEE = 5_000
BASE64 = {"encoding": "base64"}


class Engine:
    """A block engine without a socket, on a chain of its own."""

    def __init__(self, name: str) -> None:
        self.watch = Watch()
        self.chain = Chain(ENGINES[name](), now=self.watch)
        self._dispatcher = Dispatcher(View(self.chain))

    def answer(self, method: str, *params: object) -> Any:
        return self._dispatcher.answer({"jsonrpc": "2.0", "id": 3, "method": method, "params": list(params)})

    def result(self, method: str, *params: object) -> Any:
        answer = self.answer(method, *params)
        assert "error" not in answer, answer
        return answer["result"]

    def refusal(self, *txs: VersionedTransaction) -> str:
        error = self.answer("sendBundle", encoded(*txs), BASE64)["error"]
        assert error["code"] == -32602
        return str(error["message"])

    def send(self, *txs: VersionedTransaction) -> str:
        return str(self.result("sendBundle", encoded(*txs), BASE64))

    def status(self, bundle_id: str) -> str:
        (told,) = self.result("getInflightBundleStatuses", [bundle_id])["value"]
        assert told["bundle_id"] == bundle_id
        assert (told["landed_slot"] is not None) == (told["status"] == "Landed")
        return str(told["status"])

    def lamports(self, key: Pubkey) -> int:
        account = self.chain.get(key)
        return account.lamports if account is not None else 0

    def pay(self, lamports: int, to: Pubkey = TARGET_KEY, wallet: Keypair = PAYER) -> VersionedTransaction:
        return payment(wallet, self.chain.head.hash, lamports, to)

    def tip(self, lamports: int = LEAST_TIP, to: Pubkey = TIP_ACCOUNTS[0]) -> VersionedTransaction:
        return self.pay(lamports, to)


def encoded(*txs: VersionedTransaction) -> list[str]:
    return [base64.b64encode(bytes(tx)).decode() for tx in txs]


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Engine:
    engine = Engine(request.param)
    engine.chain.set_account(PAYER.pubkey(), Account(100 * SOL, b"", SYSTEM_PROGRAM, False, 0))
    engine.chain.advance()
    return engine


def test_the_tip_accounts_are_those_of_mainnet_and_hold_what_keeps_them_alive(engine: Engine) -> None:
    told = engine.result("getTipAccounts")
    assert told == [str(key) for key in TIP_ACCOUNTS]
    assert len(set(told)) == 8
    assert all(engine.lamports(key) for key in TIP_ACCOUNTS)


def test_a_bundle_lands_in_order_in_one_slot(engine: Engine) -> None:
    fund, spend, tip = engine.pay(SOL), engine.pay(SOL // 2, Keypair().pubkey(), TARGET), engine.tip()
    bundle_id = engine.send(fund, spend, tip)
    joined = ",".join(str(tx.signatures[0]) for tx in (fund, spend, tip))
    assert bundle_id == hashlib.sha256(joined.encode()).hexdigest()
    assert engine.status(bundle_id) == "Pending"
    assert engine.result("getBundleStatuses", [bundle_id])["value"] == [None]
    block = engine.chain.advance()
    assert block is not None
    assert [one.signature for one in block.landed] == [tx.signatures[0] for tx in (fund, spend, tip)]
    assert engine.lamports(TARGET_KEY) == SOL - SOL // 2 - FEE
    assert engine.status(bundle_id) == "Landed"
    answer = engine.result("getBundleStatuses", [bundle_id, "unknown"])
    assert answer["context"] == {"slot": block.slot}
    assert answer["value"] == [
        {
            "bundle_id": bundle_id,
            "transactions": joined.split(","),
            "slot": block.slot,
            "confirmation_status": "processed",
            "err": {"Ok": None},
        },
        None,
    ]
    engine.chain.advance()
    (told,) = engine.result("getBundleStatuses", [bundle_id])["value"]
    assert told["confirmation_status"] == "confirmed"


def test_nothing_of_a_bundle_lands_where_one_of_it_fails(engine: Engine) -> None:
    before = {key: engine.lamports(key) for key in (PAYER.pubkey(), TARGET_KEY, TIP_ACCOUNTS[0])}
    bundle_id = engine.send(engine.tip(), engine.pay(SOL), engine.pay(1_000 * SOL))
    block = engine.chain.advance()
    assert block is not None
    assert not block.landed
    assert not block.changed
    assert {key: engine.lamports(key) for key in before} == before
    assert engine.status(bundle_id) == "Failed"
    assert engine.result("getBundleStatuses", [bundle_id])["value"] == [None]
    engine.chain.advance()
    assert engine.lamports(TARGET_KEY) == 0


def test_a_tip_that_is_too_low_wins_nothing(engine: Engine) -> None:
    bundle_id = engine.send(engine.tip(LEAST_TIP - 1))
    engine.chain.advance()
    assert engine.status(bundle_id) == "Failed"
    assert engine.send(engine.tip(LEAST_TIP // 2), engine.tip(LEAST_TIP // 2, TIP_ACCOUNTS[7])) != bundle_id
    block = engine.chain.advance()
    assert block is not None
    assert len(block.landed) == 2


def test_bundles_go_before_others_and_what_lands_in_one_does_not_land_again(engine: Engine) -> None:
    first, both = engine.pay(SOL), engine.tip()
    for tx in (first, both):
        engine.chain.submit(tx)
    engine.send(both)
    block = engine.chain.advance()
    assert block is not None
    assert [one.signature for one in block.landed] == [both.signatures[0], first.signatures[0]]
    engine.chain.advance()
    assert engine.lamports(TIP_ACCOUNTS[0]) - engine.lamports(TIP_ACCOUNTS[1]) == LEAST_TIP
    assert engine.chain.waiting == 0


def test_a_transaction_of_two_bundles_lands_in_one(engine: Engine) -> None:
    tip = engine.tip()
    first, second = engine.send(tip), engine.send(tip, engine.pay(SOL))
    engine.chain.advance()
    assert (engine.status(first), engine.status(second)) == ("Landed", "Failed")
    assert engine.lamports(TARGET_KEY) == 0


def test_a_bundle_that_failed_may_be_sent_again(engine: Engine) -> None:
    engine.chain.faults.set("bundle.lose=1")
    tip = engine.tip()
    bundle_id = engine.send(tip)
    engine.chain.advance()
    assert engine.status(bundle_id) == "Failed"
    engine.chain.faults.set("")
    assert engine.send(tip) == bundle_id
    assert engine.status(bundle_id) == "Pending"
    engine.chain.advance()
    assert engine.status(bundle_id) == "Landed"


def test_a_bundle_that_is_dropped_stays_pending_until_it_is_forgotten(engine: Engine) -> None:
    engine.chain.faults.set("bundle.drop=1")
    bundle_id = engine.send(engine.tip())
    for _ in range(3):
        block = engine.chain.advance()
        assert block is not None
        assert not block.landed
    assert engine.status(bundle_id) == "Pending"
    engine.watch.now += REMEMBERED_S + 1
    assert engine.status(bundle_id) == "Invalid"
    assert engine.status("nobody's") == "Invalid"


def test_bundles_are_passed_on_where_transactions_are_not(engine: Engine) -> None:
    engine.chain.faults.set("tx.drop=1")
    tip = engine.tip()
    engine.result("sendTransaction", encoded(tip)[0], {**BASE64, "skipPreflight": True})
    engine.chain.advance()
    assert engine.chain.blocks.landed(tip.signatures[0]) is None
    assert engine.status(engine.send(tip)) == "Pending"
    engine.chain.advance()
    assert engine.chain.blocks.landed(tip.signatures[0]) is not None


def test_a_late_bundle_lands_later(engine: Engine) -> None:
    engine.chain.faults.set("tx.delay=2")
    bundle_id = engine.send(engine.tip())
    statuses = []
    for _ in range(3):
        engine.chain.advance()
        statuses.append(engine.status(bundle_id))
    assert statuses == ["Pending", "Pending", "Landed"]


def test_a_fork_takes_a_bundle_apart(engine: Engine) -> None:
    engine.chain.faults.set("fork=1")
    bundle_id = engine.send(engine.tip())
    engine.chain.advance()
    assert engine.status(bundle_id) == "Pending"
    engine.chain.faults.set("")
    engine.chain.advance()
    assert engine.status(bundle_id) == "Landed"


def test_a_bundle_whose_blockhash_expires_while_it_waits_fails(engine: Engine) -> None:
    engine.chain.faults.set(f"tx.delay={MAX_AGE + 1}")
    bundle_id = engine.send(engine.tip())
    for _ in range(MAX_AGE + 2):
        engine.chain.advance()
    assert engine.status(bundle_id) == "Failed"


def test_what_is_wrong_with_a_bundle_is_told_as_the_engine_does(engine: Engine) -> None:
    tip, other = engine.tip(), engine.pay(SOL)
    forged = VersionedTransaction.populate(tip.message, [Keypair().sign_message(b"else")])
    assert engine.refusal() == "bundle contains no transactions"
    assert engine.refusal(*[tip] * 6).startswith("bundle exceeds max transaction length")
    for refused in ((tip, tip), (forged,)):
        assert engine.refusal(*refused).startswith("bundles must not contain any duplicate transactions")
    expected = "Bundles must write lock at least one tip account to be eligible for the auction."
    assert engine.refusal(other) == expected
    only_read = MessageV0.try_compile(
        PAYER.pubkey(),
        [_reading(transfer(TransferParams(from_pubkey=PAYER.pubkey(), to_pubkey=TIP_ACCOUNTS[0], lamports=1)))],
        [],
        engine.chain.head.hash,
    )
    assert engine.refusal(VersionedTransaction(only_read, [PAYER])) == expected
    engine.send(tip)
    engine.chain.advance()
    assert engine.refusal(tip, other) == "bundle contains an already processed transaction"
    old = engine.tip(2 * LEAST_TIP)
    for _ in range(MAX_AGE + 1):
        engine.chain.advance()
    assert engine.refusal(old) == "bundle contains an expired blockhash"


def _reading(instruction: Any) -> Any:
    metas = [type(meta)(meta.pubkey, meta.is_signer, False) for meta in instruction.accounts]
    return type(instruction)(instruction.program_id, bytes(instruction.data), metas)


def test_both_encodings_are_read_and_base58_is_meant_where_none_is_named(engine: Engine) -> None:
    one, two = engine.tip(), engine.tip(2 * LEAST_TIP)
    engine.result("sendBundle", [base58.encode(bytes(one))])
    engine.result("sendBundle", [base58.encode(bytes(two))], {"encoding": "base58"})
    block = engine.chain.advance()
    assert block is not None
    assert len(block.landed) == 2
    for params in (
        (encoded(one),),
        ([base58.encode(bytes(one))], BASE64),
        (["AAAA"], BASE64),
    ):
        assert engine.answer("sendBundle", *params)["error"]["message"] == "transaction #0 could not be decoded"
    assert engine.answer("sendBundle", encoded(one), {"encoding": "rot13"})["error"]["code"] == -32602
    assert engine.answer("sendBundle", "text")["error"]["code"] == -32602


@pytest.mark.parametrize("method", ["getBundleStatuses", "getInflightBundleStatuses"])
def test_an_engine_answers_for_five_bundles_at_a_time(engine: Engine, method: str) -> None:
    assert len(engine.result(method, ["one"] * 5)["value"]) == 5
    assert engine.answer(method, ["one"] * 6)["error"]["code"] == -32602
