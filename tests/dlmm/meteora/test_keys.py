"""A pool's addresses are read from its account."""

import numpy as np
import pytest
from solders.pubkey import Pubkey

from dlmm.errors import AccountError
from dlmm.meteora.keys import PoolKeys
from dlmm.meteora.layout import LB_PAIR, LB_PAIR_DISCRIMINATOR, PROGRAM
from dlmm.meteora.pdas import bitmap_extension_address
from dlmm.programs import TOKEN_2022_PROGRAM, TOKEN_PROGRAM
from dlmm.records import Account

POOL, MINT = (Pubkey.from_bytes(bytes([number] * 32)) for number in (1, 2))


def account() -> Account:
    pair = np.zeros(1, LB_PAIR)
    pair["discriminator"] = np.frombuffer(LB_PAIR_DISCRIMINATOR, np.uint8)
    pair["mint_x"] = np.frombuffer(bytes(MINT), np.uint8)
    pair["mint_y_program"] = 1
    return Account(PROGRAM, pair.tobytes())


def test_mints_and_their_programs_are_read_from_the_pair() -> None:
    keys = PoolKeys.of(POOL, account(), has_bitmap_extension=False)
    assert keys.mint_x == MINT
    assert (keys.token_program_x, keys.token_program_y) == (TOKEN_PROGRAM, TOKEN_2022_PROGRAM)
    assert keys.bitmap_extension is None


def test_an_extension_is_named_where_there_is_one() -> None:
    keys = PoolKeys.of(POOL, account(), has_bitmap_extension=True)
    assert keys.bitmap_extension == bitmap_extension_address(POOL)


def test_another_account_is_refused() -> None:
    with pytest.raises(AccountError, match="owner"):
        PoolKeys.of(POOL, Account(str(MINT), account().data), has_bitmap_extension=False)
