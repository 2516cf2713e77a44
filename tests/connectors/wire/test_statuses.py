"""Statuses, heights, blockhashes and priority fees, as nodes answer."""

import json

import pytest

from connectors.wire.refusal import Refusal
from connectors.wire.statuses import (
    BlockhashValidity,
    LatestBlockhash,
    PriorityFee,
    Status,
    Statuses,
    get_block_height,
    get_blockhash_validity,
    get_latest_blockhash,
    get_recent_prioritization_fees,
    get_signature_statuses,
    read_block_height,
    read_blockhash_validity,
    read_latest_blockhash,
    read_recent_prioritization_fees,
    read_signature_statuses,
)
from tests.connectors.wire.frames import answer, failure

HASH = "J7rBdM6AecPDEZp8aPq5iPSNKVkU5Q76F3oAV4eW5wsW"


def asked(body: bytes) -> tuple[str, list[object]]:
    call = json.loads(body)
    return call["method"], call["params"]


def with_context(value: object, slot: int = 82) -> bytes:
    return answer(5, {"context": {"slot": slot, "apiVersion": "2.3.1"}, "value": value})


def test_the_questions() -> None:
    options = {"commitment": "confirmed"}
    behind = {**options, "minContextSlot": 7}
    assert asked(get_signature_statuses(5, ["a", "b"])) == (
        "getSignatureStatuses",
        [["a", "b"], {"searchTransactionHistory": False}],
    )
    assert asked(get_signature_statuses(5, ["a"], search_history=True))[1][1] == {"searchTransactionHistory": True}
    assert asked(get_latest_blockhash(5, "confirmed")) == ("getLatestBlockhash", [options])
    assert asked(get_block_height(5, "confirmed", 7)) == ("getBlockHeight", [behind])
    assert asked(get_blockhash_validity(5, HASH, "confirmed", 7)) == ("isBlockhashValid", [HASH, behind])
    assert asked(get_recent_prioritization_fees(5, ["p"])) == ("getRecentPrioritizationFees", [["p"]])


def test_statuses_keep_the_order_of_the_question() -> None:
    value = [
        {"slot": 72, "confirmations": 10, "err": None, "status": {"Ok": None}, "confirmationStatus": "confirmed"},
        None,
        {"slot": 48, "confirmations": None, "err": {"InstructionError": [0, {"Custom": 1}]}, "status": {"Err": 1}},
    ]
    assert read_signature_statuses(200, with_context(value), 5, 3) == Statuses(
        82,
        (
            Status(72, None, "confirmed"),
            None,
            Status(48, '{"InstructionError": [0, {"Custom": 1}]}', "finalized"),
        ),
    )


def test_a_status_that_tells_no_commitment_is_processed_at_least() -> None:
    value = [{"slot": 72, "confirmations": 3, "err": None}]
    assert read_signature_statuses(200, with_context(value), 5, 1) == Statuses(82, (Status(72, None, "processed"),))


def test_another_number_of_statuses_is_refused() -> None:
    refused = read_signature_statuses(200, with_context([None]), 5, 2)
    assert isinstance(refused, Refusal)
    assert refused.cause == "answer_count"


def test_blockhashes_and_heights() -> None:
    value = {"blockhash": HASH, "lastValidBlockHeight": 3090}
    assert read_latest_blockhash(200, with_context(value), 5) == LatestBlockhash(HASH, 3090, 82)
    assert read_block_height(200, answer(5, 1233), 5) == 1233
    assert read_blockhash_validity(200, with_context(False), 5) == BlockhashValidity(82, False)
    fees = [{"slot": 348125, "prioritizationFee": 0}, {"slot": 348126, "prioritizationFee": 1000}]
    assert read_recent_prioritization_fees(200, answer(5, fees), 5) == (
        PriorityFee(348125, 0),
        PriorityFee(348126, 1000),
    )


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        (failure(5, -32005), "node_behind"),
        (failure(5, -32016), "slot_behind"),
        (answer(6, 1), "foreign_answer"),
        (answer(5, -1), "answer_shape"),
        (answer(5, "high"), "answer_shape"),
        (b"{", "not_json"),
    ],
)
def test_what_is_no_height_is_refused_by_name(body: bytes, cause: str) -> None:
    refused = read_block_height(200, body, 5)
    assert isinstance(refused, Refusal)
    assert refused.cause == cause


@pytest.mark.parametrize("value", [None, [], {"blockhash": HASH}, {"blockhash": "x", "lastValidBlockHeight": 1}])
def test_what_is_no_blockhash_is_refused(value: object) -> None:
    refused = read_latest_blockhash(200, with_context(value), 5)
    assert isinstance(refused, Refusal)
    assert refused.cause == "answer_shape"
