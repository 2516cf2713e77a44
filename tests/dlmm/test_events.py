"""Landed swaps are read from the events that the programs send to themselves."""

import json
import struct
from pathlib import Path
from typing import Any

import pytest
from solders.pubkey import Pubkey

from dlmm.errors import DlmmError
from dlmm.events import EVENT_TAG, SAROS_BIN_SWAP, EventError, SwapEvent, swaps_of
from dlmm.meteora.layout import PROGRAM as METEORA
from dlmm.records import Venue
from dlmm.saros.layout import DEVNET_PROGRAM_ID
from dlmm.saros.layout import PROGRAM_ID as SAROS
from tests.shared import need_shared

METEORA_SELL = bytes.fromhex(
    "e445a52e51cb9a1d516ce3becdd00ac463d3ae8f96313afd2c31767e39fba7ee2be2d03ee811bf7ca707663ddb362e73644b8bc17649ea19"
    "eae819afe7f09c4fb2ffe2c9a8fbf146dd7c4df8ee889d8a97f8ffff97f8ffff00ca9a3b000000009ef6f0080000000001e0510f00000000"
    "003088010000000000e0510f000000000000000000000000000000000000000000"
)
METEORA_SELL_TOLD_AGAIN = bytes.fromhex(
    "e445a52e51cb9a1d2e7452d7941b544d63d3ae8f96313afd2c31767e39fba7ee2be2d03ee811bf7ca707663ddb362e73644b8bc17649ea19"
    "eae819afe7f09c4fb2ffe2c9a8fbf146dd7c4df8ee889d8a97f8ffff97f8ffff01e0510f0000000000000000000000000000ca9a3b000000"
    "0000000000000000009ef6f00800000000b0c90d00000000003088010000000000000000000000000000000000000000000101"
)
SAROS_BUY = bytes.fromhex(
    "e445a52e51cb9a1d372ac0c2e6f30948a8d17a331394d12fca0f7de8aada0fd67af4bb063f16448539a5906f50dcdf1800385e0000000000"
    "0097f87f0080d1f00800000000a73f7e3b000000001027000018d7010000000000"
)
PAIR = Pubkey.from_bytes(bytes(range(32)))
ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def saros_bin(
    bin_id: int, *, for_y: bool = True, amount_in: int = 100, amount_out: int = 90, pair: Pubkey = PAIR
) -> bytes:
    fields = struct.pack("<32sBQIQQIQ", bytes(pair), for_y, 2, bin_id, amount_in, amount_out, 10_000, 5)
    return EVENT_TAG + SAROS_BIN_SWAP + fields


def base58(text: str) -> bytes:
    number = 0
    for character in text:
        number = number * 58 + ALPHABET.index(character)
    return bytes(len(text) - len(text.lstrip("1"))) + number.to_bytes((number.bit_length() + 7) // 8, "big")


def inner_of(path: Path, program: str) -> list[bytes]:
    answer: dict[str, Any] = json.loads(path.read_text())
    result = answer.get("result", answer)
    meta, message = result["meta"], result["transaction"]["message"]
    loaded = meta.get("loadedAddresses") or {"writable": [], "readonly": []}
    keys = [*message["accountKeys"], *loaded["writable"], *loaded["readonly"]]
    return [
        base58(instruction["data"])
        for group in meta["innerInstructions"]
        for instruction in group["instructions"]
        if keys[instruction["programIdIndex"]] == program
    ]


def test_a_meteora_swap_counts_once_though_it_is_told_twice() -> None:
    assert swaps_of(METEORA, [METEORA_SELL, METEORA_SELL_TOLD_AGAIN]) == [
        SwapEvent(
            venue=Venue.METEORA,
            pool="7igaKyHZmpYJXquix8LDYJgVgZMfiSenTkGJxV4UimWz",
            amount_x=1_000_000_000,
            amount_y=150_009_502,
            swap_for_y=True,
            fee=1_004_000,
            protocol_fee=100_400,
            start_bin=-1897,
            end_bin=-1897,
        )
    ]


def test_a_saros_buy_pays_y_for_x() -> None:
    assert swaps_of(SAROS, [SAROS_BUY]) == [
        SwapEvent(
            venue=Venue.SAROS,
            pool="CMzkrLqMH658DS98QHFAEYyVqgVARqFzLCB2uLzcmhY3",
            amount_x=998_129_575,
            amount_y=150_000_000,
            swap_for_y=False,
            fee=120_600,
            protocol_fee=24_120,
            start_bin=8_386_711,
            end_bin=8_386_711,
            bins=1,
        )
    ]


def test_neighbouring_saros_bins_are_one_swap() -> None:
    events = [saros_bin(1000), saros_bin(999, amount_in=0, amount_out=0), saros_bin(998, amount_in=7, amount_out=6)]
    (swap,) = swaps_of(DEVNET_PROGRAM_ID, events)
    assert (swap.amount_x, swap.amount_y, swap.fee, swap.protocol_fee) == (107, 96, 15, 6)
    assert (swap.start_bin, swap.end_bin, swap.bins) == (1000, 998, 3)


def test_saros_walks_up_when_y_comes_in() -> None:
    (swap,) = swaps_of(SAROS, [saros_bin(1000, for_y=False), saros_bin(1001, for_y=False)])
    assert (swap.amount_x, swap.amount_y, swap.end_bin) == (180, 200, 1001)


@pytest.mark.parametrize(
    "second",
    [saros_bin(1000), saros_bin(1001, for_y=False), saros_bin(999, pair=Pubkey.from_bytes(bytes(32)))],
    ids=["the same bin again", "the other direction", "another pair"],
)
def test_two_saros_swaps_of_one_transaction_stay_two(second: bytes) -> None:
    assert [swap.bins for swap in swaps_of(SAROS, [saros_bin(1000), second])] == [1, 1]


def test_other_instructions_and_events_are_passed_over() -> None:
    other_event = EVENT_TAG + bytes(8) + b"anything"
    assert swaps_of(SAROS, [b"", b"short", other_event, METEORA_SELL]) == []
    assert swaps_of(METEORA, [EVENT_TAG, other_event, SAROS_BUY]) == []


@pytest.mark.parametrize("program", [METEORA, SAROS])
@pytest.mark.parametrize("change", [-1, 1])
def test_an_event_of_another_length_is_refused_by_name(program: str, change: int) -> None:
    whole = METEORA_SELL if program == METEORA else SAROS_BUY
    data = whole[:change] if change < 0 else whole + bytes(change)
    with pytest.raises(EventError, match=rf"event of {program}: a swap of {len(whole) - 16 + change} bytes"):
        swaps_of(program, [data])


def test_a_direction_that_is_no_boolean_is_refused_by_name() -> None:
    garbled = bytearray(SAROS_BUY)
    garbled[48] = 2
    with pytest.raises(EventError, match="a direction of 2"):
        swaps_of(SAROS, [bytes(garbled)])


def test_a_foreign_program_is_refused_by_name() -> None:
    with pytest.raises(DlmmError, match=f"event of {PAIR}: not one of the two venues' programs"):
        swaps_of(str(PAIR), [])


@pytest.mark.parametrize("side", ["buy", "sell"])
@pytest.mark.parametrize(("pool", "program"), [("meteora_10", METEORA), ("meteora_4", METEORA), ("saros_10", SAROS)])
def test_a_recorded_swap_moves_what_its_transfers_move(pool: str, program: str, side: str) -> None:
    path = need_shared(f"data/tx/localnet/getTransaction_{pool}_{side}_json.json")
    (swap,) = swaps_of(program, inner_of(path, program))
    meta = json.loads(path.read_text())["result"]["meta"]
    moved: dict[str, int] = {}
    for sign, balances in ((1, meta["postTokenBalances"]), (-1, meta["preTokenBalances"])):
        for balance in balances:
            if balance["owner"] == swap.pool:
                moved[balance["mint"]] = moved.get(balance["mint"], 0) + sign * int(balance["uiTokenAmount"]["amount"])
    sold = sorted([swap.amount_x, -swap.amount_y] if swap.swap_for_y else [-swap.amount_x, swap.amount_y])
    assert sorted(moved.values()) == sold
    assert swap.swap_for_y == (side == "sell")


def test_recorded_mainnet_swaps_are_read() -> None:
    path = need_shared("data/tx/mainnet/meteora_dlmm_ok_141.json")
    first, second = swaps_of(METEORA, inner_of(path, METEORA))
    assert first.amount_x == second.amount_x == 484_593_140  # what one pool gave, the next took
    assert first.pool != second.pool
