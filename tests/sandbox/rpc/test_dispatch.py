"""Every method by name, without a socket: what it answers, and how it refuses."""

import base64
import json
import struct
from typing import Any

import pytest
from solders.account import Account
from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.hash import Hash
from solders.keypair import Keypair
from solders.message import Message, MessageV0
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer
from solders.transaction import VersionedTransaction

from dlmm.programs import SYSTEM_PROGRAM, TOKEN_PROGRAM, WRAPPED_SOL
from sandbox.chain import Chain
from sandbox.ledger.keys import LOOKUP_TABLE_PROGRAM
from sandbox.rpc import base58
from sandbox.rpc.dispatch import Dispatcher, encode
from sandbox.rpc.view import View
from sandbox.wallets import ChainLedger, fund, mint_bytes
from tests.sandbox.nodes import ENGINES, SOL, chain_of, payment

PAYER = Keypair.from_seed(bytes(32))
TARGET = Keypair.from_seed(bytes([1]) * 32).pubkey()
PROCESSED, CONFIRMED = {"commitment": "processed"}, {"commitment": "confirmed"}
ANY_VERSION = {**CONFIRMED, "maxSupportedTransactionVersion": 0}


class Node:
    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self._dispatcher = Dispatcher(View(chain))

    def answer(self, method: str, *params: object) -> Any:
        request = {"jsonrpc": "2.0", "id": 3, "method": method, "params": list(params)}
        return json.loads(encode(self._dispatcher.answer(request)))

    def result(self, method: str, *params: object) -> Any:
        answer = self.answer(method, *params)
        assert "error" not in answer, answer
        return answer["result"]

    def code(self, method: str, *params: object) -> int:
        return int(self.answer(method, *params)["error"]["code"])

    def land(self, tx: VersionedTransaction) -> str:
        signature = self.chain.submit(tx)
        self.chain.advance()
        self.chain.advance()
        return str(signature)


@pytest.fixture(params=ENGINES)
def node(request: pytest.FixtureRequest) -> Node:
    chain = chain_of(ENGINES[request.param]())
    chain.set_account(PAYER.pubkey(), Account(100 * SOL, b"", SYSTEM_PROGRAM, False, 0))
    chain.set_account(WRAPPED_SOL, Account(1_461_600, mint_bytes(9, 0, None), TOKEN_PROGRAM, False, 0))
    chain.advance()
    return Node(chain)


def sent(tx: VersionedTransaction) -> str:
    return base64.b64encode(bytes(tx)).decode()


def legacy(blockhash: Hash) -> VersionedTransaction:
    paid = transfer(TransferParams(from_pubkey=PAYER.pubkey(), to_pubkey=TARGET, lamports=SOL))
    return VersionedTransaction(Message.new_with_blockhash([paid], PAYER.pubkey(), blockhash), [PAYER])


def test_a_transaction_of_a_newer_version_is_shown_only_to_clients_that_know_it(node: Node) -> None:
    signature = node.land(payment(PAYER, node.chain.head.hash, SOL, TARGET))
    assert node.code("getTransaction", signature, CONFIRMED) == -32015
    slot = node.result("getTransaction", signature, ANY_VERSION)["slot"]
    assert node.code("getBlock", slot, CONFIRMED) == -32015
    assert node.result("getBlock", slot, ANY_VERSION)["transactions"][0]["version"] == 0
    old = node.land(legacy(node.chain.head.hash))
    assert "version" not in node.result("getTransaction", old, CONFIRMED)
    assert node.result("getTransaction", old, ANY_VERSION)["version"] == "legacy"


def test_a_transaction_is_written_in_each_encoding(node: Node) -> None:
    tx = payment(PAYER, node.chain.head.hash, SOL, TARGET)
    signature = node.land(tx)
    shown = {
        e: node.result("getTransaction", signature, {**ANY_VERSION, "encoding": e})
        for e in ("json", "jsonParsed", "base64", "base58")
    }
    assert base64.b64decode(shown["base64"]["transaction"][0]) == bytes(tx)
    assert base58.decode(shown["base58"]["transaction"][0]) == bytes(tx)
    message = shown["json"]["transaction"]["message"]
    assert message["accountKeys"] == [str(PAYER.pubkey()), str(TARGET), str(SYSTEM_PROGRAM)]
    assert message["header"] == {
        "numReadonlySignedAccounts": 0,
        "numReadonlyUnsignedAccounts": 1,
        "numRequiredSignatures": 1,
    }
    (parsed,) = shown["jsonParsed"]["transaction"]["message"]["instructions"]
    assert parsed["parsed"] == {
        "info": {"source": str(PAYER.pubkey()), "destination": str(TARGET), "lamports": SOL},
        "type": "transfer",
    }
    assert parsed["stackHeight"] == 1
    meta = shown["json"]["meta"]
    assert (meta["err"], meta["status"], meta["fee"], meta["computeUnitsConsumed"]) == (None, {"Ok": None}, 5000, 150)
    assert meta["postBalances"][1] == SOL
    assert "loadedAddresses" in meta
    assert "loadedAddresses" not in shown["jsonParsed"]["meta"]
    assert node.code("getTransaction", signature, {**ANY_VERSION, "encoding": "rot13"}) == -32602
    assert node.code("getTransaction", signature, {**ANY_VERSION, **PROCESSED}) == -32602
    assert node.result("getTransaction", signature, "base64") is None  # which asks for finalized


def test_keys_of_lookup_tables_are_resolved_and_shown(node: Node) -> None:
    table = Keypair().pubkey()
    header = struct.pack("<IQQ", 1, 2**64 - 1, 0)  # a table that nobody has closed
    data = header.ljust(56, b"\0") + bytes(TARGET)
    node.chain.set_account(table, Account(10**7, data, LOOKUP_TABLE_PROGRAM, False, 0))
    node.chain.advance()
    paid = transfer(TransferParams(from_pubkey=PAYER.pubkey(), to_pubkey=TARGET, lamports=SOL))
    lookup = AddressLookupTableAccount(table, [TARGET])
    message = MessageV0.try_compile(PAYER.pubkey(), [paid], [lookup], node.chain.head.hash)
    assert TARGET not in message.account_keys
    signature = node.land(VersionedTransaction(message, [PAYER]))
    shown = node.result("getTransaction", signature, ANY_VERSION)
    assert shown["meta"]["loadedAddresses"] == {"readonly": [], "writable": [str(TARGET)]}
    assert node.result("getBalance", str(TARGET), PROCESSED)["value"] == SOL


@pytest.mark.parametrize(
    ("data", "owner", "error"),
    [
        (None, LOOKUP_TABLE_PROGRAM, "AddressLookupTableNotFound"),
        (bytes(88), SYSTEM_PROGRAM, "InvalidAddressLookupTableOwner"),
        (bytes(40), LOOKUP_TABLE_PROGRAM, "InvalidAddressLookupTableData"),
        (bytes(56), LOOKUP_TABLE_PROGRAM, "InvalidAddressLookupTableIndex"),
    ],
)
def test_a_bad_lookup_table_is_named(node: Node, data: bytes | None, owner: Pubkey, error: str) -> None:
    table = Keypair().pubkey()
    if data is not None:
        node.chain.set_account(table, Account(10**7, data, owner, False, 0))
        node.chain.advance()
    paid = transfer(TransferParams(from_pubkey=PAYER.pubkey(), to_pubkey=TARGET, lamports=SOL))
    lookup = AddressLookupTableAccount(table, [TARGET])
    tx = VersionedTransaction(MessageV0.try_compile(PAYER.pubkey(), [paid], [lookup], node.chain.head.hash), [PAYER])
    answer = node.answer("sendTransaction", sent(tx), {"encoding": "base64", "preflightCommitment": "processed"})
    assert answer["error"]["code"] == -32002
    assert answer["error"]["data"]["err"] == error
    node.land(tx)
    assert node.chain.counts["rejected"] == 1


def test_blocks_that_are_not_there_say_why(node: Node) -> None:
    node.chain.faults.set("slot.skip=1")
    node.chain.advance()
    node.chain.faults.set("fork=1")
    node.chain.advance()
    node.chain.faults.set("")
    node.chain.advance()
    node.chain.advance()
    slot = node.chain.processed
    assert node.code("getBlock", slot - 2, CONFIRMED) == -32007
    assert node.code("getBlock", slot - 3, CONFIRMED) == -32007
    assert node.code("getBlock", slot, CONFIRMED) == -32004
    assert node.code("getBlock", slot + 9, CONFIRMED) == -32004
    assert node.code("getBlockTime", slot + 9) == -32004
    assert node.result("getBlockTime", slot) == node.chain.head.time
    assert node.result("getBlocks", slot - 9, slot, CONFIRMED) == [*range(slot - 5, slot - 3), slot - 1]
    assert node.result("getBlocks", slot - 1, PROCESSED) == [slot - 1, slot]
    assert node.code("getBlocks", 0, CONFIRMED) == -32602
    block = node.result("getBlock", slot - 1, {**ANY_VERSION, "transactionDetails": "signatures"})
    assert (block["parentSlot"], block["signatures"]) == (slot - 4, [])
    assert node.result("getBlock", slot - 1, {**ANY_VERSION, "transactionDetails": "none"}).keys() == (
        block.keys() - {"signatures"}
    )


def test_accounts_of_a_program_are_filtered(node: Node) -> None:
    keys = [Keypair.from_seed(bytes([i]) * 32).pubkey() for i in (7, 8, 9)]
    for i, key in enumerate(keys):
        node.chain.set_account(key, Account(10**7, bytes([i, 5, 6, *bytes(i)]), TOKEN_PROGRAM, False, 0))
    node.chain.advance()
    options: dict[str, object] = {**PROCESSED, "encoding": "base64"}

    def found(*filters: object) -> list[str]:
        return sorted(
            one["pubkey"]
            for one in node.result("getProgramAccounts", str(TOKEN_PROGRAM), {**options, "filters": filters})
        )

    assert found({"dataSize": 4}) == [str(keys[1])]
    middle = base58.encode(bytes([5, 6]))
    assert found({"memcmp": {"offset": 1, "bytes": middle}}) == sorted(map(str, keys))
    assert found({"memcmp": {"offset": 1, "bytes": "BQY=", "encoding": "base64"}}, {"dataSize": 5}) == [str(keys[2])]
    assert found({"memcmp": {"offset": 0, "bytes": [0, 5]}}) == [str(keys[0])]
    with_context = node.result("getProgramAccounts", str(TOKEN_PROGRAM), {**options, "withContext": True})
    assert with_context["context"]["slot"] == node.chain.processed
    assert node.result("getProgramAccounts", str(TOKEN_PROGRAM), {**options, "commitment": "finalized"}) == []
    for bad in ({"memcmp": {"offset": -1, "bytes": ""}}, {"memcmp": {"offset": 1, "bytes": "0"}}, {"dataSize": "4"}):
        assert node.code("getProgramAccounts", str(TOKEN_PROGRAM), {"filters": [bad]}) == -32602


def test_many_accounts_are_read_at_once_in_order(node: Node) -> None:
    keys = [str(PAYER.pubkey()), str(TARGET), str(WRAPPED_SOL)]
    answer = node.result("getMultipleAccounts", keys, {**PROCESSED, "encoding": "base64"})
    assert [value and value["lamports"] for value in answer["value"]] == [100 * SOL, None, 1_461_600]
    assert answer["context"]["slot"] == node.chain.processed
    assert node.code("getMultipleAccounts", keys * 34) == -32602


def test_data_beyond_base58_is_refused(node: Node) -> None:
    node.chain.set_account(TARGET, Account(10**7, bytes(129), TOKEN_PROGRAM, False, 0))
    node.chain.advance()
    for encoding in ("base58", None):
        assert node.code("getAccountInfo", str(TARGET), {**PROCESSED, "encoding": encoding}) == -32600
    part = {**PROCESSED, "encoding": "base58", "dataSlice": {"offset": 100, "length": 5}}
    assert node.result("getAccountInfo", str(TARGET), part)["value"]["data"] == ["11111", "base58"]
    assert node.code("getAccountInfo", str(TARGET), {**PROCESSED, "encoding": "rot13"}) == -32602


def test_tokens_are_counted(node: Node) -> None:
    account = fund(ChainLedger(node.chain), PAYER.pubkey(), WRAPPED_SOL, 1_500_000_000)
    node.chain.advance()
    assert node.result("getTokenAccountBalance", str(account), PROCESSED)["value"]["uiAmountString"] == "1.5"
    assert node.result("getTokenSupply", str(WRAPPED_SOL), PROCESSED)["value"]["amount"] == "0"
    for which in ({"mint": str(WRAPPED_SOL)}, {"programId": str(TOKEN_PROGRAM)}):
        options = {**PROCESSED, "encoding": "jsonParsed"}
        (one,) = node.result("getTokenAccountsByOwner", str(PAYER.pubkey()), which, options)["value"]
        assert one["pubkey"] == str(account)
        info = one["account"]["data"]["parsed"]["info"]
        assert (info["isNative"], info["tokenAmount"]["uiAmount"], info["state"]) == (True, 1.5, "initialized")
    parsed = node.result("getAccountInfo", str(WRAPPED_SOL), {**PROCESSED, "encoding": "jsonParsed"})
    assert parsed["value"]["data"]["parsed"]["info"] == {
        "decimals": 9,
        "freezeAuthority": None,
        "isInitialized": True,
        "mintAuthority": None,
        "supply": "0",
    }
    assert node.code("getTokenAccountBalance", str(TARGET), PROCESSED) == -32602
    assert node.code("getTokenSupply", str(TARGET), PROCESSED) == -32602


def test_signatures_of_an_account_come_newest_first_in_pages(node: Node) -> None:
    signatures = [node.land(payment(PAYER, node.chain.head.hash, SOL + i, TARGET)) for i in range(4)][::-1]

    def listed(**options: object) -> list[str]:
        found = node.result("getSignaturesForAddress", str(TARGET), {**CONFIRMED, **options})
        return [one["signature"] for one in found]

    assert listed() == signatures
    assert listed(limit=2) == signatures[:2]
    assert listed(before=signatures[1]) == signatures[2:]
    assert listed(until=signatures[2]) == signatures[:2]
    assert node.code("getSignaturesForAddress", str(TARGET), {"limit": 0}) == -32602
    assert node.code("getSignaturesForAddress", str(TARGET), PROCESSED) == -32602


def test_fees_follow_the_message_and_the_recent_bids(node: Node) -> None:
    message = payment(PAYER, node.chain.head.hash, SOL, TARGET).message
    encoded = base64.b64encode(bytes(VersionedTransaction(message, [PAYER]))[65:]).decode()
    assert node.result("getFeeForMessage", encoded, PROCESSED)["value"] == 5000
    stale = payment(PAYER, Hash.new_unique(), SOL, TARGET)
    encoded = base64.b64encode(bytes(stale)[65:]).decode()
    assert node.result("getFeeForMessage", encoded, PROCESSED)["value"] is None
    assert node.code("getFeeForMessage", "AAAA") == -32602
    assert node.code("getFeeForMessage", "?") == -32602
    fees = node.result("getRecentPrioritizationFees", [str(TARGET)])
    assert fees[-1] == {"prioritizationFee": 0, "slot": node.chain.processed}


def test_statuses_go_from_processed_to_finalized(node: Node) -> None:
    signature = str(node.chain.submit(payment(PAYER, node.chain.head.hash, 1_000 * SOL, TARGET)))
    assert node.result("getSignatureStatuses", [signature])["value"] == [None]
    levels = []
    for _ in range(33):
        node.chain.advance()
        (status,) = node.result("getSignatureStatuses", [signature])["value"]
        levels.append((status["confirmationStatus"], status["confirmations"]))
    assert levels[:2] == [("processed", 0), ("confirmed", 1)]
    assert levels[-1] == ("finalized", None)
    error = {"InstructionError": [0, {"Custom": 1}]}
    assert (status["err"], status["status"]) == (error, {"Err": error})
    assert node.code("getSignatureStatuses", [signature] * 257) == -32602
    assert node.code("getSignatureStatuses", ["nope"]) == -32602


def test_a_simulation_can_replace_the_blockhash_or_check_signatures(node: Node) -> None:
    tx = payment(PAYER, Hash.new_unique(), SOL, TARGET)
    options = {**PROCESSED, "encoding": "base64"}
    assert node.result("simulateTransaction", sent(tx), options)["value"]["err"] == "BlockhashNotFound"
    replaced = node.result("simulateTransaction", sent(tx), {**options, "replaceRecentBlockhash": True})["value"]
    assert replaced["replacementBlockhash"]["blockhash"] == str(node.chain.head.hash)
    both = {**options, "replaceRecentBlockhash": True, "sigVerify": True}
    assert node.code("simulateTransaction", sent(tx), both) == -32602
    forged = VersionedTransaction.populate(tx.message, [Keypair().sign_message(b"x")])
    assert node.code("simulateTransaction", sent(forged), {**options, "sigVerify": True}) == -32003
    failing = payment(PAYER, node.chain.head.hash, 1_000 * SOL, TARGET)
    wanted = {"addresses": [str(TARGET)], "encoding": "base64"}
    failed = node.result("simulateTransaction", sent(failing), {**options, "accounts": wanted})["value"]
    assert (failed["err"], failed["accounts"]) == ({"InstructionError": [0, {"Custom": 1}]}, [None])
    assert any("insufficient lamports" in line for line in failed["logs"])


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("getAccountInfo", []),
        ("getAccountInfo", [7]),
        ("getAccountInfo", ["xyz"]),
        ("getAccountInfo", ["0" * 44]),
        ("getAccountInfo", [str(TARGET), 7]),
        ("getBalance", [str(TARGET), {"commitment": "soon"}]),
        ("getBalance", [str(TARGET), {"minContextSlot": "x"}]),
        ("getSlot", ["processed"]),
        ("isBlockhashValid", ["x"]),
        ("requestAirdrop", [str(TARGET)]),
        ("requestAirdrop", [str(TARGET), -1]),
        ("sendTransaction", ["AAAA", {"encoding": "base64"}]),
        ("sendTransaction", ["0OIl"]),
        ("sendTransaction", ["AAAA", {"encoding": "json"}]),
        ("sendTransaction", [base64.b64encode(bytes(1233)).decode(), {"encoding": "base64"}]),
        ("getTransaction", ["xyz"]),
        ("getBlock", ["x"]),
        ("getMinimumBalanceForRentExemption", [-1]),
        ("getMinimumBalanceForRentExemption", [2**64]),
        ("getProgramAccounts", [str(TARGET), {"filters": [7]}]),
    ],
)
def test_bad_parameters_are_refused(node: Node, method: str, params: list[object]) -> None:
    assert node.code(method, *params) == -32602


def test_a_missing_parameter_is_counted(node: Node) -> None:
    message = node.answer("getBalance")["error"]["message"]
    assert message == "`params` should have at least 1 argument(s)"
    assert node.answer("getBalance", "xyz")["error"]["message"] == "Invalid param: WrongSize"
    assert node.answer("getBalance", "!")["error"]["message"] == "Invalid param: Invalid"


def test_a_status_may_lie_once_of_a_failed_transaction(node: Node) -> None:
    node.chain.faults.set("status.lie=1")
    failed = node.land(payment(PAYER, node.chain.head.hash, 1_000 * SOL, TARGET))
    landed = node.land(payment(PAYER, node.chain.head.hash, SOL, TARGET))
    asked = [node.result("getSignatureStatuses", [failed, landed])["value"] for _ in range(3)]
    truth = {"InstructionError": [0, {"Custom": 1}]}
    assert [first["err"] for first, _ in asked] == [None, truth, truth]
    assert [first["status"] for first, _ in asked] == [{"Ok": None}, {"Err": truth}, {"Err": truth}]
    assert [second["err"] for _, second in asked] == [None] * 3
    assert node.result("getTransaction", failed, ANY_VERSION)["meta"]["err"] == truth
    assert node.chain.faults.hits["status.lie"] == 1
