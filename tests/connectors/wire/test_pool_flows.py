"""Flows by pool, their fees, and transfer fees that nobody tells."""

import struct

from connectors.wire.pool_flows import (
    METEORA_SWAP_2,
    LandedSwap,
    flows_of,
    net_of_withheld,
    pools_called,
    swaps_in,
)
from connectors.wire.token_moves import TokenMove
from connectors.wire.transaction_json import Call
from dlmm.events import EVENT_TAG, METEORA_SWAP, SwapEvent
from dlmm.meteora.layout import PROGRAM as METEORA
from dlmm.records import Venue
from operators.orders.execution_reports import PoolFlow

KEYS = ["pool a", "pool b", "wallet", "router"]
POOLS = {"pool a": ("x", "y"), "pool b": ("x", "z")}
PAIR = bytes([7]) * 32


def swap(top: int, pool: str, fee: int, *, fee_in_x: bool) -> LandedSwap:
    return LandedSwap(top, SwapEvent(Venue.METEORA, pool, 1, 1, True, fee, 0, 0, 0), fee_in_x)


def gave(top: int, mint: str, amount: int, account: int = 9, *, may_be_withheld: bool = False) -> TokenMove:
    return TokenMove(top, account, mint, amount, "transfer", may_be_withheld)


def first_event(for_y: bool, fee: int) -> bytes:
    figures = struct.pack("<32s32siiQQ?QQ16sQ", PAIR, bytes(32), 5, 5, 100, 90, for_y, fee, 1, bytes(16), 0)
    return EVENT_TAG + METEORA_SWAP + figures


def second_event(for_y: bool, *, fee_on_input: bool, fee_in_x: bool) -> bytes:
    head = struct.pack("<32s32sii?16s", PAIR, bytes(32), 5, 5, for_y, bytes(16))
    return EVENT_TAG + METEORA_SWAP_2 + head + bytes(56) + struct.pack("<??", fee_on_input, fee_in_x)


def inner(data: bytes, top: int = 1, program: str = METEORA) -> Call:
    return Call(top, program, (), data, is_inner=True)


def test_the_pool_of_an_instruction_is_the_first_one_asked_for_that_it_names() -> None:
    calls = [
        Call(0, METEORA, (2, 1, 0), b"", is_inner=False),
        Call(1, "another", (0,), b"", is_inner=False),
        Call(1, METEORA, (0,), b"", is_inner=True),
        Call(2, METEORA, (2, 3), b"", is_inner=False),
    ]
    assert pools_called(calls, KEYS, POOLS) == {0: "pool b"}


def test_each_swap_is_read_once_with_the_token_of_its_fee() -> None:
    calls = [
        inner(first_event(True, 4)),
        inner(second_event(True, fee_on_input=False, fee_in_x=False)),
        inner(first_event(False, 5), top=2),
        inner(second_event(False, fee_on_input=True, fee_in_x=False), top=2),
        inner(first_event(True, 6), top=3),
        inner(first_event(True, 7), top=4, program="another"),
    ]
    told = [(one.instruction, one.event.fee, one.fee_in_x) for one in swaps_in(calls)]
    assert told == [(1, 4, False), (2, 5, False), (3, 6, True)]


def test_instructions_of_one_pool_make_one_flow() -> None:
    called = {0: "pool a", 1: "pool b", 2: "pool a"}
    moves = [gave(0, "x", -5), gave(0, "y", 7), gave(1, "z", 3), gave(2, "y", 1), gave(3, "x", 99)]
    assert flows_of(moves, [swap(0, "pool a", 2, fee_in_x=False)], called, POOLS) == (
        PoolFlow("pool a", -5, 8, 2, False),
        PoolFlow("pool b", 0, 3),
    )


def test_fees_in_both_tokens_of_a_pool_are_not_mixed() -> None:
    swaps = [swap(0, "pool a", 2, fee_in_x=True), swap(1, "pool a", 3, fee_in_x=False)]
    moves = [gave(0, "x", -5), gave(0, "y", 7), gave(1, "y", -7), gave(1, "x", 4)]
    assert flows_of(moves, swaps, {0: "pool a", 1: "pool a"}, POOLS) == (
        PoolFlow("pool a", -5, 7, 2, True),
        PoolFlow("pool a", 4, -7, 3, False),
    )


def test_other_mints_supply_and_own_transfers_are_no_flow() -> None:
    moves = [
        gave(0, "reward", 5),
        TokenMove(0, 9, "x", 1, "supply"),
        TokenMove(0, 9, "x", 1, "own"),
    ]
    assert flows_of(moves, [], {0: "pool a"}, POOLS) == ()


def test_a_withheld_transfer_fee_is_laid_to_the_pool_that_paid() -> None:
    moves = [gave(0, "x", 100, may_be_withheld=True), gave(0, "x", 50, may_be_withheld=True), gave(0, "y", -7, 8)]
    net = net_of_withheld(moves, {9: 60, 8: -7}, {0: "pool a"})
    assert sum(move.amount for move in net if move.account == 9) == 60
    assert flows_of(net, [], {0: "pool a"}, POOLS) == (PoolFlow("pool a", 60, -7),)


def test_a_withheld_transfer_fee_of_two_pools_is_laid_to_none() -> None:
    moves = [gave(0, "x", 100, may_be_withheld=True), gave(1, "x", 50, may_be_withheld=True)]
    assert net_of_withheld(moves, {9: 140}, {0: "pool a", 1: "pool b"}) == moves


def test_what_a_wallet_spends_in_the_same_account_is_no_transfer_fee() -> None:
    moves = [gave(0, "x", 100, may_be_withheld=True), gave(1, "x", -100)]
    net = net_of_withheld(moves, {9: -2}, {0: "pool a", 1: "pool b"})
    assert [move.amount for move in net] == [98, -100]
