"""Volumes of landed swaps, read from recorded transactions."""

import json
from typing import Any

import pytest

from connectors.wire.base58 import decode
from connectors.wire.events import SwapVolume
from connectors.wire.refusal import Refusal
from connectors.wire.transactions import LONGEST_EVENT, get_transactions, read_transactions
from tests.connectors.wire.frames import answer, failure, recorded

METEORA = "getTransaction_meteora_10_buy_json.json"
SAROS = "getTransaction_saros_10_sell_json.json"
METEORA_POOL = "7igaKyHZmpYJXquix8LDYJgVgZMfiSenTkGJxV4UimWz"
SAROS_POOL = "CMzkrLqMH658DS98QHFAEYyVqgVARqFzLCB2uLzcmhY3"


def result(name: str) -> dict[str, Any]:
    transaction: dict[str, Any] = json.loads(recorded(name))["result"]
    return transaction


def read(*results: object) -> list[Any]:
    body = b"[" + b",".join(answer(5 + i, r) for i, r in enumerate(results)) + b"]"
    answered = read_transactions(200, body, 5, [f"signature {i}" for i in range(len(results))])
    assert isinstance(answered, list)
    return answered


def cause(transaction: dict[str, Any]) -> str:
    refused = read(transaction)[0]
    assert isinstance(refused, Refusal)
    return refused.cause


def base58(data: bytes) -> str:
    number, text = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"[digit] + text
    return text


def test_the_question_is_a_batch() -> None:
    asked = json.loads(get_transactions(5, ["one", "two"]))
    assert [(call["id"], call["method"], call["params"][0]) for call in asked] == [
        (5, "getTransaction", "one"),
        (6, "getTransaction", "two"),
    ]
    assert asked[0]["params"][1] == {
        "encoding": "json",
        "commitment": "confirmed",
        "maxSupportedTransactionVersion": 0,
    }


def test_swaps_of_both_venues_tell_their_volume() -> None:
    assert read(result(METEORA), result(SAROS)) == [
        (SwapVolume(METEORA_POOL, 400_000_013, "signature 0", 997_929_788, 150_000_000),),
        (SwapVolume(SAROS_POOL, 400_000_013, "signature 1", 1_000_000_000, 150_039_534),),
    ]


def test_several_swaps_in_one_pool_are_one_volume() -> None:
    transaction = result(METEORA)
    inner = transaction["meta"]["innerInstructions"]
    inner.append(inner[0])
    assert read(transaction) == [(SwapVolume(METEORA_POOL, 400_000_013, "signature 0", 1_995_859_576, 300_000_000),)]


def test_programs_may_come_from_a_lookup_table() -> None:
    transaction = result(METEORA)
    message, meta = transaction["transaction"]["message"], transaction["meta"]
    keys = message["accountKeys"]
    message["accountKeys"] = keys[:5]
    meta["loadedAddresses"] = {"writable": keys[5:8], "readonly": keys[8:]}
    assert read(transaction) == read(result(METEORA))


def test_failed_transactions_moved_nothing() -> None:
    transaction = result(METEORA)
    transaction["meta"]["err"] = {"InstructionError": [2, {"Custom": 6003}]}
    assert read(transaction) == [()]


def test_transactions_without_inner_instructions_swapped_nothing() -> None:
    transaction = result(METEORA)
    transaction["meta"]["innerInstructions"] = []
    assert read(transaction) == [()]
    transaction["meta"]["innerInstructions"] = None
    assert read(transaction) == [()]


def test_unknown_transactions_are_told_from_refused_ones() -> None:
    body = b"[" + answer(5, None) + b"," + failure(6, -32005) + b"]"
    first, second, third = read_transactions(200, body, 5, ["a", "b", "c"])  # type: ignore[misc]  # a list, not a refusal
    assert first is None
    assert isinstance(second, Refusal)
    assert isinstance(third, Refusal)
    assert (second.cause, third.cause) == ("node_behind", "unanswered")


@pytest.mark.parametrize("data", ["0", "not base58!"])
def test_instruction_data_that_is_no_base58_is_refused(data: str) -> None:
    transaction = result(METEORA)
    transaction["meta"]["innerInstructions"][0]["instructions"][0]["data"] = data
    assert cause(transaction) == "swap_event"


def test_a_cut_event_is_refused() -> None:
    transaction = result(METEORA)
    event = transaction["meta"]["innerInstructions"][0]["instructions"][0]
    event["data"] = base58(decode(event["data"], LONGEST_EVENT)[:-1])
    assert cause(transaction) == "swap_event"


def test_a_program_beyond_the_keys_is_refused() -> None:
    transaction = result(METEORA)
    transaction["transaction"]["message"]["accountKeys"] = transaction["transaction"]["message"]["accountKeys"][:3]
    assert cause(transaction) == "swap_event"


def test_long_instruction_data_is_passed_over() -> None:
    transaction = result(METEORA)
    transaction["meta"]["innerInstructions"][0]["instructions"].append({"programIdIndex": 11, "data": "z" * 100_000})
    assert read(transaction) == read(result(METEORA))


@pytest.mark.parametrize("gone", ["slot", "meta", "transaction"])
def test_a_transaction_that_lacks_a_part_is_refused(gone: str) -> None:
    transaction = result(METEORA)
    del transaction[gone]
    assert cause(transaction) == "answer_shape"


def test_an_answer_cut_anywhere_is_refused() -> None:
    body = b"[" + recorded(SAROS) + b"]"
    for length in range(0, len(body) - 1, 31):
        refused = read_transactions(200, body[:length], 1, ["a"])
        assert isinstance(refused, Refusal)
        assert refused.cause == "not_json"
