"""Everything a wallet holds, as one answer of one slot."""

import json
from typing import Any

import pytest

from connectors.wire.refusal import Refusal
from connectors.wire.wallet_holdings import IDS, Holdings, get_holdings, read_holdings
from tests.connectors.wire.frames import OWNER


def part(number: int, value: object, slot: int = 70) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "result": {"context": {"slot": slot}, "value": value}}


def whole() -> list[dict[str, Any]]:
    return [part(7, 500), part(8, []), part(9, [])]


def read(parts: list[dict[str, Any]]) -> Holdings | Refusal:
    return read_holdings(200, json.dumps(parts).encode(), 7)


def test_the_question_is_one_batch() -> None:
    asked = json.loads(get_holdings(7, OWNER, "confirmed", 60))
    assert [one["id"] for one in asked] == [7, 8, 9]
    assert len(asked) == IDS
    methods = ["getBalance", "getTokenAccountsByOwner", "getTokenAccountsByOwner"]
    assert [one["method"] for one in asked] == methods
    assert all(one["params"][0] == OWNER and one["params"][-1]["minContextSlot"] == 60 for one in asked)


def test_holdings_of_one_slot_are_read() -> None:
    assert read(whole()) == Holdings(70, 500, ())
    assert read(whole()[::-1]) == Holdings(70, 500, ())


@pytest.mark.parametrize("slot", [69, 71])
@pytest.mark.parametrize("place", range(IDS))
def test_parts_of_different_slots_are_refused(place: int, slot: int) -> None:
    parts = whole()
    parts[place]["result"]["context"]["slot"] = slot
    refused = read(parts)
    assert isinstance(refused, Refusal)
    assert (refused.cause, refused.code) == ("mixed_slots", max(slot, 70))


@pytest.mark.parametrize("place", range(IDS))
def test_a_part_that_is_missing_spoils_the_whole(place: int) -> None:
    refused = read([one for index, one in enumerate(whole()) if index != place])
    assert isinstance(refused, Refusal)
    assert refused.cause == "unanswered"


def test_lamports_that_are_none_are_refused() -> None:
    parts = whole()
    parts[0]["result"]["value"] = -1
    refused = read(parts)
    assert isinstance(refused, Refusal)
    assert refused.cause == "answer_shape"
