"""A pool is its accounts' bytes, and takes no others."""

import numpy as np
import pytest
from solders.pubkey import Pubkey

from dlmm.errors import AccountError
from dlmm.price import price_x64
from dlmm.records import Account, Venue
from dlmm.saros.layout import BIN_ARRAY, DEVNET_PROGRAM_ID, MIDDLE_BIN_ID, PAIR, PROGRAM_ID
from dlmm.saros.pool import SarosPool
from dlmm.tokens import TOKEN_2022_PROGRAM, TOKEN_PROGRAM
from tests.dlmm.saros.pools import LOWER, saros_pool

PAIR_KEY, MINT_X, MINT_Y = (Pubkey.from_bytes(bytes([number]) * 32) for number in (7, 8, 9))
PLAIN_MINT = bytes(44) + b"\x06\x01" + bytes(36)
EXTENDED_MINT = PLAIN_MINT + bytes(83) + b"\x01" + bytes(4)


def accounts(program: str = PROGRAM_ID) -> dict[str, Account]:
    fields = {"volatility_accumulator": 3_000, "variable_fee_control": 40_000}
    pool = saros_pool({90: (0, 5), 300: (7, 0)}, fields=fields)
    pool.pair["mint_x"], pool.pair["mint_y"] = (np.frombuffer(bytes(key), np.uint8) for key in (MINT_X, MINT_Y))
    pool.arrays["pair"] = np.frombuffer(bytes(PAIR_KEY), np.uint8)
    held = {
        str(PAIR_KEY): Account(program, pool.pair.tobytes()),
        str(MINT_X): Account(TOKEN_PROGRAM, PLAIN_MINT),
        str(MINT_Y): Account(TOKEN_2022_PROGRAM, EXTENDED_MINT),
        "upper": Account(program, pool.arrays[1].tobytes()),
        "lower": Account(program, pool.arrays[0].tobytes()),
    }
    return held | {"another": Account("11111111111111111111111111111111", b"")}


def changed(name: str, layout: np.dtype[np.void], **fields: int) -> dict[str, Account]:
    held = accounts()
    record = np.frombuffer(bytearray(held[name].data), layout)
    for field, value in fields.items():
        record[field] = value
    return held | {name: Account(PROGRAM_ID, record.tobytes())}


@pytest.mark.parametrize("program", [PROGRAM_ID, DEVNET_PROGRAM_ID])
def test_a_pool_reads_its_accounts_and_gives_the_same_bytes_back(program: str) -> None:
    held = accounts(program)
    pool = SarosPool.from_accounts(str(PAIR_KEY), held)
    assert pool.venue is Venue.SAROS
    assert pool.arrays["index"].tolist() == [LOWER, LOWER + 1]
    assert pool.array_addresses == ("lower", "upper")
    assert (pool.mint_x.address, pool.mint_y.address) == (str(MINT_X), str(MINT_Y))
    assert (pool.extended_x, pool.extended_y) == (False, True)
    assert pool.to_accounts() == {key: held[key] for key in (str(PAIR_KEY), "lower", "upper")}


def test_what_a_pool_tells_is_what_its_bytes_say() -> None:
    pool = SarosPool.from_accounts(str(PAIR_KEY), accounts())
    assert (pool.active_id, pool.bin_step) == (MIDDLE_BIN_ID + 100, 20)
    assert pool.price_x64 == price_x64(100, 20)
    assert pool.base_fee_rate == 8_000 * 20 * 10
    assert pool.fee_rate == pool.base_fee_rate + -(-((3_000 * 20) ** 2) * 40_000 // 10**11)
    assert (pool.has_hook, pool.hook) == (False, "")


def test_a_pool_tells_its_hook() -> None:
    held = changed(str(PAIR_KEY), PAIR, has_hook=1, hook=3)
    pool = SarosPool.from_accounts(str(PAIR_KEY), held)
    assert pool.has_hook
    assert pool.hook == str(Pubkey.from_bytes(bytes([3]) * 32))


def test_reading_copies_so_that_a_swap_may_write() -> None:
    pool = SarosPool.from_accounts(str(PAIR_KEY), accounts())
    assert pool.pair.flags.writeable
    assert pool.arrays.flags.writeable


@pytest.mark.parametrize("missing", [str(PAIR_KEY), str(MINT_X), str(MINT_Y)])
def test_a_missing_account_is_named(missing: str) -> None:
    held = accounts()
    del held[missing]
    with pytest.raises(AccountError, match="is missing") as caught:
        SarosPool.from_accounts(str(PAIR_KEY), held)
    assert caught.value.account == missing


def test_an_array_of_another_pair_is_refused() -> None:
    with pytest.raises(AccountError, match="belongs to pair"):
        SarosPool.from_accounts(str(PAIR_KEY), changed("lower", BIN_ARRAY, pair=5))


def test_an_array_that_is_there_twice_is_refused() -> None:
    with pytest.raises(AccountError, match="there twice"):
        SarosPool.from_accounts(str(PAIR_KEY), changed("lower", BIN_ARRAY, index=LOWER + 1))


@pytest.mark.parametrize("name", [str(PAIR_KEY), "lower", str(MINT_X), str(MINT_Y)])
def test_a_truncated_account_is_refused(name: str) -> None:
    held = accounts()
    cut = Account(held[name].owner, held[name].data[:81])
    with pytest.raises(AccountError) as caught:
        SarosPool.from_accounts(str(PAIR_KEY), held | {name: cut})
    assert caught.value.account == name
