"""A pair's addresses are read from its account."""

import numpy as np
import pytest
from solders.pubkey import Pubkey

from dlmm.errors import AccountError
from dlmm.programs import TOKEN_2022_PROGRAM, TOKEN_PROGRAM, associated_token_account
from dlmm.records import Account
from dlmm.saros.keys import PairKeys
from dlmm.saros.layout import DEVNET_PROGRAM_ID, PAIR, PAIR_DISCRIMINATOR, PROGRAM_ID
from dlmm.saros.pdas import DEVNET_HOOK_PROGRAM

ADDRESS, MINT, HOOK = (Pubkey.from_bytes(bytes([number] * 32)) for number in (1, 2, 3))


def keys(owner: str = PROGRAM_ID, *, with_hook: bool = False, cut: int = 0) -> PairKeys:
    pair = np.zeros(1, PAIR)
    pair["discriminator"] = np.frombuffer(PAIR_DISCRIMINATOR, np.uint8)
    pair["mint_y"] = np.frombuffer(bytes(MINT), np.uint8)
    pair["hook"] = np.frombuffer(bytes(HOOK), np.uint8)
    pair["has_hook"] = with_hook
    data = pair.tobytes()[: PAIR.itemsize - cut]
    return PairKeys.of(ADDRESS, Account(owner, data), token_program_x=TOKEN_PROGRAM, token_program_y=TOKEN_2022_PROGRAM)


def test_vaults_are_the_pairs_associated_accounts() -> None:
    assert keys().vault_y == associated_token_account(ADDRESS, MINT, TOKEN_2022_PROGRAM)


def test_a_hook_counts_only_when_the_flag_is_set() -> None:
    assert keys().hook is None
    assert keys(with_hook=True).hook == HOOK
    assert keys().hook_bin_arrays((1, 2)) == []


def test_the_cluster_follows_from_the_owner() -> None:
    assert keys(DEVNET_PROGRAM_ID).hook_program == DEVNET_HOOK_PROGRAM


def test_other_accounts_are_refused() -> None:
    with pytest.raises(AccountError, match="owner"):
        keys(str(MINT))
    with pytest.raises(AccountError, match="length"):
        keys(cut=1)
