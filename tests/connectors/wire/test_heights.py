"""Slots and block heights as nodes tell them."""

import json

import pytest

from connectors.wire.heights import Height, get_heights, read_heights
from connectors.wire.refusal import Refusal


def epoch(number: int, slot: object, height: object) -> dict[str, object]:
    result = {"absoluteSlot": slot, "blockHeight": height, "epoch": 1, "slotIndex": 2, "slotsInEpoch": 432_000}
    return {"jsonrpc": "2.0", "id": number, "result": result}


def test_the_question_is_a_batch_of_one_for_each_commitment() -> None:
    asked = json.loads(get_heights(7, ("confirmed", "finalized")))
    assert [(one["id"], one["method"], one["params"]) for one in asked] == [
        (7, "getEpochInfo", [{"commitment": "confirmed"}]),
        (8, "getEpochInfo", [{"commitment": "finalized"}]),
    ]


def test_heights_come_in_the_order_of_the_question() -> None:
    body = json.dumps([epoch(8, 70, 60), epoch(7, 101, 91)]).encode()
    assert read_heights(200, body, 7, 2) == [Height(101, 91), Height(70, 60)]


@pytest.mark.parametrize(
    ("answers", "cause"),
    [
        ([epoch(7, 101, 91)], "unanswered"),
        ([epoch(7, 101, 91), epoch(8, 70, -1)], "answer_shape"),
        ([epoch(7, 101, 91), {"id": 8, "error": {"code": -32005, "message": "behind"}}], "node_behind"),
    ],
)
def test_a_part_that_is_missing_spoils_the_whole(answers: list[object], cause: str) -> None:
    read = read_heights(200, json.dumps(answers).encode(), 7, 2)
    assert isinstance(read, Refusal)
    assert read.cause == cause
