"""What the vectors do not show: bin arrays, hook set-up and impossible numbers."""

import pytest
from solders.pubkey import Pubkey

from dlmm.anchor import reader, writer, writing_signer
from dlmm.errors import RangeError
from dlmm.saros.instructions import (
    PositionAccounts,
    SwapAccounts,
    decrease_position,
    initialize_bin_array,
    initialize_hook_bin_array,
    initialize_hook_position,
    swap_exact_in,
)
from dlmm.saros.keys import PairKeys
from dlmm.saros.pdas import (
    HOOK_PROGRAM,
    PROGRAM,
    bin_array_address,
    hook_bin_array_address,
    hook_position_address,
    position_address,
)

PAIR, MINT_X, MINT_Y, HOOK, USER, NFT = (Pubkey.from_bytes(bytes([number] * 32)) for number in range(1, 7))
PLAIN = PairKeys(PAIR, MINT_X, MINT_Y)
HOOKED = PairKeys(PAIR, MINT_X, MINT_Y, hook=HOOK)


def test_a_bin_array_is_made_at_its_address() -> None:
    built = initialize_bin_array(keys=PLAIN, index=32768, user=USER)
    assert bytes(built.data).hex() == "235613b94ed44bd3" + "00800000"
    assert built.accounts[:3] == [reader(PAIR), writer(bin_array_address(PAIR, 32768)), writing_signer(USER)]
    assert built.program_id == PROGRAM


def test_the_hook_keeps_its_own_arrays_and_positions() -> None:
    array = initialize_hook_bin_array(keys=HOOKED, index=7, user=USER)
    assert array.program_id == HOOK_PROGRAM
    assert array.accounts[:2] == [reader(HOOK), writer(hook_bin_array_address(HOOK, 7))]
    position = initialize_hook_position(keys=HOOKED, position_mint=NFT, user=USER)
    assert position.accounts[2] == writer(hook_position_address(HOOK, position_address(NFT)))


def test_without_a_hook_there_is_nothing_to_set_up() -> None:
    with pytest.raises(RangeError, match="no hook"):
        initialize_hook_bin_array(keys=PLAIN, index=7, user=USER)
    with pytest.raises(RangeError, match="no hook"):
        initialize_hook_position(keys=PLAIN, position_mint=NFT, user=USER)


def test_a_swap_with_a_hook_passes_the_hooks_arrays_last() -> None:
    taken = SwapAccounts(HOOKED, USER, True, (4, 5))
    accounts = swap_exact_in(taken, amount_in=1, min_amount_out=0).accounts
    assert accounts[13:15] == [writer(HOOK), reader(HOOK_PROGRAM)]
    assert accounts[17:] == [writer(hook_bin_array_address(HOOK, index)) for index in (4, 5)]


def test_shares_are_128_bit() -> None:
    accounts = PositionAccounts(PLAIN, USER, NFT, lower_bin_id=256 * 32768, active_arrays=(32768, 32769))
    data = bytes(decrease_position(accounts, shares=[(1 << 128) - 1]).data)
    assert data[8:].hex() == "01000000" + "ff" * 16
    with pytest.raises(RangeError, match="u128"):
        decrease_position(accounts, shares=[1 << 128])
