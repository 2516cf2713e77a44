"""A pool is its accounts' bytes, and refuses what does not belong to it."""

import numpy as np
import pytest

from dlmm.errors import AccountError
from dlmm.meteora.pool import MAX_FEE_RATE, MeteoraPool
from dlmm.records import MAX_U64, Account, Venue
from tests.golden_pools import meteora_pools, vectors


def accounts() -> tuple[str, dict[str, Account]]:
    vector = next(v for v in vectors() if v.venue is Venue.METEORA and "bitmap_ext" in v.state)
    held = {account.pubkey: Account(account.owner, account.data) for account in vector.state.values()}
    return vector.state["lb_pair"].pubkey, held


def test_bytes_come_back_as_they_were() -> None:
    address, held = accounts()
    given = MeteoraPool.from_accounts(address, held).to_accounts()
    assert len(given) >= 3
    assert all(held[key] == account for key, account in given.items())


def test_arrays_are_sorted_whatever_the_order_of_accounts() -> None:
    address, held = accounts()
    forwards = MeteoraPool.from_accounts(address, held)
    backwards = MeteoraPool.from_accounts(address, dict(reversed(held.items())))
    assert forwards.arrays.tobytes() == backwards.arrays.tobytes()
    assert forwards.array_addresses == backwards.array_addresses
    assert np.all(np.diff(forwards.arrays["index"]) > 0)


def test_vaults_and_arrays_may_be_unknown_but_not_pair_and_mints() -> None:
    address, held = accounts()
    whole = MeteoraPool.from_accounts(address, held)
    assert whole.vault_x < MAX_U64
    least = {key: held[key] for key in (address, whole.mint_x.address, whole.mint_y.address)}
    pool = MeteoraPool.from_accounts(address, least)
    assert (len(pool.arrays), len(pool.extension), pool.vault_x, pool.vault_y) == (0, 0, MAX_U64, MAX_U64)
    for key in least:
        with pytest.raises(AccountError, match=f"account {key}: is missing"):
            MeteoraPool.from_accounts(address, {other: held[other] for other in least if other != key})


def test_an_array_of_another_pair_is_refused() -> None:
    address, held = accounts()
    key = MeteoraPool.from_accounts(address, held).array_addresses[0]
    data = held[key].data
    strange = Account(held[key].owner, data[:24] + bytes(32) + data[56:])
    with pytest.raises(AccountError, match="belongs to pair 1111"):
        MeteoraPool.from_accounts(address, {**held, key: strange})


def test_an_array_that_is_there_twice_is_refused() -> None:
    address, held = accounts()
    key = MeteoraPool.from_accounts(address, held).array_addresses[0]
    with pytest.raises(AccountError, match="is there twice"):
        MeteoraPool.from_accounts(address, {**held, "again": held[key]})


def test_a_vault_that_is_no_token_account_is_refused() -> None:
    address, held = accounts()
    pool = MeteoraPool.from_accounts(address, held)
    vault = next(v for v in vectors() if v.state.get("lb_pair") and v.state["lb_pair"].pubkey == address)
    key = vault.state["reserve_x"].pubkey
    with pytest.raises(AccountError, match="no token account"):
        MeteoraPool.from_accounts(address, {**held, key: Account(pool.mint_x.program, b"short")})


def test_properties_read_the_bytes() -> None:
    for pool in meteora_pools():
        me = pool.pair[0]
        assert pool.venue is Venue.METEORA
        assert (pool.active_id, pool.bin_step) == (int(me["active_id"]), int(me["bin_step"]))
        place = np.flatnonzero(pool.arrays["index"] == pool.active_id // 70)
        if len(place):
            stored = pool.arrays[place[0]]["bins"][pool.active_id % 70]
            assert pool.price_x64 == int(stored["price_high"]) << 64 | int(stored["price_low"])
        assert pool.base_fee_rate >= 0
        assert 0 <= pool.fee_rate <= MAX_FEE_RATE
