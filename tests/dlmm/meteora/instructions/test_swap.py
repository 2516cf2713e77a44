"""What a swap may add to the form that the vectors hold: hosts, own accounts, transfer hooks."""

import msgspec
import pytest
from solders.pubkey import Pubkey

from dlmm.anchor import reader, writer
from dlmm.errors import RangeError
from dlmm.meteora.instructions.swap import SwapAccounts, swap, swap2, swap_exact_out2
from dlmm.meteora.keys import TRANSFER_HOOK_X, PoolKeys, TransferHook
from dlmm.meteora.pdas import PROGRAM_ID, bin_array_address
from dlmm.programs import TOKEN_2022_PROGRAM

KEYS = [Pubkey.from_bytes(bytes([number] * 32)) for number in range(1, 12)]
POOL = msgspec.structs.replace(PoolKeys(*KEYS[:6]), token_program_x=TOKEN_2022_PROGRAM)
USER, HOST, EXTRA = KEYS[6], KEYS[7], KEYS[8]


def test_the_users_accounts_tell_the_direction() -> None:
    down = swap(SwapAccounts(POOL, USER, True, (0,)), amount_in=1, min_amount_out=2)
    up = swap(SwapAccounts(POOL, USER, False, (0,)), amount_in=1, min_amount_out=2)
    assert down.data == up.data
    assert [meta.pubkey for meta in down.accounts[4:6]] == [POOL.user_token_x(USER), POOL.user_token_y(USER)]
    assert [meta.pubkey for meta in up.accounts[4:6]] == [POOL.user_token_y(USER), POOL.user_token_x(USER)]


def test_without_host_or_extension_the_program_stands_in() -> None:
    accounts = swap2(SwapAccounts(POOL, USER, True, ()), amount_in=1, min_amount_out=0).accounts
    assert accounts[1] == accounts[9] == reader(PROGRAM_ID)


def test_host_and_own_accounts_are_passed_as_given() -> None:
    taken = SwapAccounts(POOL, USER, True, (), user_token_in=KEYS[9], user_token_out=KEYS[10], host_fee_in=HOST)
    accounts = swap_exact_out2(taken, max_amount_in=1, amount_out=1).accounts
    assert [accounts[index] for index in (4, 5, 9)] == [writer(KEYS[9]), writer(KEYS[10]), writer(HOST)]


def test_transfer_hooks_come_before_the_bin_arrays_and_are_counted() -> None:
    hook = TransferHook(TRANSFER_HOOK_X, (reader(EXTRA), writer(EXTRA)))
    built = swap2(SwapAccounts(POOL, USER, True, (-1, -2)), amount_in=1, min_amount_out=0, hooks=[hook])
    assert bytes(built.data)[24:].hex() == "01000000" + "0002"
    arrays = [writer(bin_array_address(POOL.lb_pair, index)) for index in (-1, -2)]
    assert built.accounts[16:] == [reader(EXTRA), writer(EXTRA), *arrays]


def test_an_amount_beyond_u64_is_refused() -> None:
    with pytest.raises(RangeError):
        swap2(SwapAccounts(POOL, USER, True, ()), amount_in=1 << 64, min_amount_out=0)
