"""Landed transactions: what is refused, what is made of several, and what no recording has."""

import json
from typing import Any

import pytest

from connectors.wire.error_names import Failure
from connectors.wire.landed import Landed, get_transaction, landed_of, read_landed
from connectors.wire.refusal import Refusal
from dlmm.programs import WRAPPED_SOL
from operators.orders.execution_reports import PoolFlow, TokenChange
from sandbox.rpc import base58
from tests.connectors.wire.frames import answer, failure, recorded

METEORA = "getTransaction_meteora_10_buy_json.json"
SAROS = "getTransaction_saros_10_sell_json.json"
METEORA_POOL = "7igaKyHZmpYJXquix8LDYJgVgZMfiSenTkGJxV4UimWz"
SOL, USDC = str(WRAPPED_SOL), "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"
POOLS = {METEORA_POOL: (SOL, USDC)}


def result(name: str) -> dict[str, Any]:
    transaction: dict[str, Any] = json.loads(recorded(name))["result"]
    return transaction


def names_of(transaction: dict[str, Any]) -> tuple[str, str]:
    return transaction["transaction"]["signatures"][0], transaction["transaction"]["message"]["accountKeys"][0]


def read(transaction: dict[str, Any]) -> Landed:
    landed = landed_of(json.dumps(transaction).encode(), *names_of(transaction), POOLS)
    assert isinstance(landed, Landed)
    return landed


def cause(transaction: object, signature: str = "s", wallet: str = "w" * 32) -> str:
    refused = landed_of(json.dumps(transaction).encode(), signature, wallet)
    assert isinstance(refused, Refusal)
    return refused.cause


def test_a_swap_as_the_wallet_sees_it() -> None:
    landed = read(result(METEORA))
    assert landed.changes == (TokenChange(SOL, 997_929_788), TokenChange(USDC, -150_000_000))
    assert landed.flows == (PoolFlow(METEORA_POOL, 997_929_788, -150_000_000, landed.swaps[0][1].fee, False),)
    assert (landed.fee, landed.tip, landed.rent, landed.lamports) == (5_901, 0, 0, 0)
    assert (landed.slot, landed.error, landed.unexplained) == (400_000_013, None, ())
    assert len(landed.swaps) == 1
    assert landed.compute_units is not None


def test_pools_that_are_not_asked_for_have_no_flow() -> None:
    transaction = result(METEORA)
    landed = landed_of(json.dumps(transaction).encode(), *names_of(transaction))
    assert isinstance(landed, Landed)
    assert landed.flows == ()
    assert landed.unexplained == landed.changes


def test_another_wallet_sees_nothing_of_it() -> None:
    transaction = result(METEORA)
    stranger = "4Nd1mBQtrMJVYVfKf2PJy9NZUZdTAsp7D4xWLs4gDB4T"
    landed = landed_of(json.dumps(transaction).encode(), names_of(transaction)[0], stranger, POOLS)
    assert isinstance(landed, Landed)
    assert (landed.changes, landed.flows, landed.fee, landed.lamports) == ((), (), 0, 0)
    assert len(landed.swaps) == 1


def test_the_answers_of_a_batch_keep_the_order_of_the_question() -> None:
    first, second = result(METEORA), result(SAROS)
    signatures = [names_of(first)[0], "unknown", "behind", names_of(second)[0]]
    asked = json.loads(get_transaction(5, signatures))
    assert [(call["id"], call["method"], call["params"][0]) for call in asked] == [
        (5 + place, "getTransaction", signature) for place, signature in enumerate(signatures)
    ]
    parts = [answer(8, second), failure(7, -32005), answer(6, None), answer(5, first)]
    told = read_landed(200, b"[" + b",".join(parts) + b"]", 5, signatures, names_of(first)[1], POOLS)
    assert isinstance(told, list)
    assert told[0] == read(first)
    assert told[1] is None
    assert isinstance(told[2], Refusal)
    assert told[2].cause == "node_behind"
    assert isinstance(told[3], Landed)
    refused = read_landed(503, b"", 5, signatures, names_of(first)[1])
    assert isinstance(refused, Refusal)
    assert refused.cause == "http_status"


def test_a_failed_transaction_did_nothing_but_pay() -> None:
    transaction = result(METEORA)
    meta = transaction["meta"]
    meta["err"] = {"InstructionError": [2, {"Custom": 6003}]}
    meta["postTokenBalances"] = meta["preTokenBalances"]
    landed = read(transaction)
    assert isinstance(landed.error, Failure)
    assert landed.error.code == 6003
    assert landed.fee == 5_901
    assert (landed.changes, landed.flows, landed.swaps, landed.unexplained) == ((), (), (), ())
    assert (landed.lamports, landed.rent, landed.tip) == (0, 0, 0)


def test_what_the_flows_do_not_explain_is_told() -> None:
    transaction = result(METEORA)
    for one in transaction["meta"]["postTokenBalances"]:
        if one["owner"] == names_of(transaction)[1] and one["mint"] == USDC:
            one["uiTokenAmount"]["amount"] = str(int(one["uiTokenAmount"]["amount"]) + 3)
    landed = read(transaction)
    assert landed.changes[1] == TokenChange(USDC, -149_999_997)
    assert landed.flows[0].y == -150_000_000
    assert landed.unexplained == (TokenChange(USDC, 3),)


def test_tokens_that_were_not_there_before_count_in_full() -> None:
    transaction = result(METEORA)
    wallet = names_of(transaction)[1]
    meta = transaction["meta"]
    held = {
        one["mint"]: int(one["uiTokenAmount"]["amount"]) for one in meta["postTokenBalances"] if one["owner"] == wallet
    }
    meta["preTokenBalances"] = [one for one in meta["preTokenBalances"] if one["owner"] != wallet]
    assert {change.mint: change.amount for change in read(transaction).changes} == held
    meta["preTokenBalances"], meta["postTokenBalances"] = meta["postTokenBalances"], meta["preTokenBalances"]
    assert {change.mint: -change.amount for change in read(transaction).changes} == held


def test_lists_that_a_node_leaves_out_are_empty() -> None:
    transaction = result(METEORA)
    for name in ("innerInstructions", "preTokenBalances", "postTokenBalances", "logMessages", "loadedAddresses"):
        transaction["meta"][name] = None
    transaction["meta"]["computeUnitsConsumed"] = None
    landed = read(transaction)
    assert (landed.changes, landed.swaps, landed.logs, landed.compute_units) == ((), (), (), None)


@pytest.mark.parametrize("gone", ["slot", "meta", "transaction"])
def test_a_transaction_that_lacks_a_part_is_refused(gone: str) -> None:
    transaction = result(METEORA)
    del transaction[gone]
    assert cause(transaction) == "answer_shape"


def test_another_transaction_than_was_asked_for_is_refused() -> None:
    assert cause(result(METEORA), "another", names_of(result(METEORA))[1]) == "foreign_answer"


def broken(change: str) -> dict[str, Any]:
    transaction = result(METEORA)
    message, meta = transaction["transaction"]["message"], transaction["meta"]
    inner = meta["innerInstructions"][0]
    match change:
        case "keys":
            message["accountKeys"] = message["accountKeys"][:-2]
        case "balances":
            meta["postBalances"] = meta["postBalances"][:-1]
        case "token account":
            meta["postTokenBalances"][0]["accountIndex"] = 200
        case "program":
            inner["instructions"][0]["programIdIndex"] = 200
        case "account":
            message["instructions"][-1]["accounts"][0] = 200
        case "group":
            inner["index"] = 9
        case "base58":
            inner["instructions"][0]["data"] = "0OIl"
        case "cut event":
            event = next(one for one in inner["instructions"] if len(one["accounts"]) == 1)
            event["data"] = base58.encode(base58.decode(event["data"])[:-1])
        case "cut transfer":
            transfer = next(one for one in inner["instructions"] if len(one["accounts"]) == 4)
            transfer["data"] = "D"
        case "amount":
            meta["postTokenBalances"][0]["uiTokenAmount"]["amount"] = "-5"
        case "lamports":
            meta["postBalances"][0] = -1
        case "error":
            meta["err"] = {}
    return transaction


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("keys", "key_index"),
        ("balances", "key_index"),
        ("token account", "key_index"),
        ("program", "key_index"),
        ("account", "key_index"),
        ("group", "key_index"),
        ("base58", "instruction_data"),
        ("cut event", "swap_event"),
        ("cut transfer", "instruction_data"),
        ("amount", "answer_shape"),
        ("lamports", "answer_shape"),
        ("error", "error_shape"),
    ],
)
def test_a_transaction_that_contradicts_itself_is_refused_by_name(change: str, expected: str) -> None:
    transaction = broken(change)
    assert cause(transaction, *names_of(transaction)) == expected


def test_an_answer_cut_anywhere_is_refused() -> None:
    transaction = result(SAROS)
    body = json.dumps(transaction).encode()
    for length in range(0, len(body) - 1, 31):
        refused = landed_of(body[:length], *names_of(transaction))
        assert isinstance(refused, Refusal)
        assert refused.cause == "not_json"
