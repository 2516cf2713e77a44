import msgspec
import pytest
from solders.pubkey import Pubkey

from connectors.execution.building.pool_accounts import (
    PoolAccounts,
    meteora_keys,
    refuse_transfer_hooks,
    saros_keys,
)
from connectors.execution.building.steps import BuildError
from dlmm.meteora.pdas import bitmap_extension_address
from dlmm.records import Account, Clock
from flows.planted import planted_pools
from operators.paper.pools import clock_of

METEORA, SAROS = (PoolAccounts(loaded.info, loaded.accounts, 864_001, 77) for loaded in planted_pools()[:2])
each_venue = pytest.mark.parametrize("pool", [METEORA, SAROS], ids=["meteora", "saros"])


def changed(pool: PoolAccounts, address: str, account: Account | None) -> PoolAccounts:
    others = {key: other for key, other in pool.accounts.items() if key != address}
    return PoolAccounts(pool.info, others if account is None else {**others, address: account}, 1, 1)


@each_venue
def test_a_pool_names_its_address_its_program_and_its_active_bin(pool: PoolAccounts) -> None:
    assert str(pool.address) == pool.info.pool
    assert str(pool.program) == pool.accounts[pool.info.pool].owner
    assert pool.active_id == pool.pair["active_id"][0]
    assert pool.has(pool.address)
    assert not pool.has(Pubkey.from_bytes(bytes([3]) * 32))


def test_the_clock_has_the_epoch_that_paper_orders_meet() -> None:
    assert METEORA.clock == Clock(864_001, 77, 2) == clock_of(864_001, 77_000_000_000)


@each_venue
def test_a_pool_that_is_not_at_hand_or_cut_short_is_refused(pool: PoolAccounts) -> None:
    address = pool.info.pool
    with pytest.raises(BuildError, match=f"missing_account: {address}"):
        _ = changed(pool, address, None).active_id
    account = pool.account(address)
    for data in (account.data[:-1], bytes(8) + account.data[8:]):
        with pytest.raises(BuildError, match="malformed_account"):
            _ = changed(pool, address, Account(account.owner, data)).pair


def test_a_pool_on_no_chain_has_no_address() -> None:
    info = msgspec.structs.replace(METEORA.info, pool="made up")
    with pytest.raises(BuildError, match="no_address"):
        _ = PoolAccounts(info, {}, 1, 1).address


def test_keys_are_read_from_the_accounts() -> None:
    keys = meteora_keys(METEORA)
    assert (str(keys.lb_pair), str(keys.mint_x)) == (METEORA.info.pool, METEORA.info.mint_x)
    pair = saros_keys(SAROS)
    assert (str(pair.pair), str(pair.mint_y)) == (SAROS.info.pool, SAROS.info.mint_y)
    assert str(pair.token_program_x) == SAROS.account(SAROS.info.mint_x).owner


def test_the_bitmap_extension_is_passed_where_it_is_at_hand() -> None:
    extension = bitmap_extension_address(METEORA.address)
    there = changed(METEORA, str(extension), Account(str(METEORA.program), b""))
    assert meteora_keys(there).bitmap_extension == extension
    gone = changed(METEORA, str(extension), None)
    assert meteora_keys(gone).bitmap_extension is None


def test_keys_of_the_other_venues_account_are_refused() -> None:
    address = METEORA.info.pool
    saros_pair = SAROS.account(SAROS.info.pool)
    with pytest.raises(BuildError, match="malformed_account"):
        meteora_keys(changed(METEORA, address, saros_pair))
    with pytest.raises(BuildError, match="malformed_account"):
        saros_keys(changed(SAROS, SAROS.info.pool, METEORA.account(address)))


@each_venue
def test_plain_tokens_run_no_transfer_hook(pool: PoolAccounts) -> None:
    refuse_transfer_hooks(pool)
    with pytest.raises(BuildError, match="malformed_account"):
        refuse_transfer_hooks(changed(pool, pool.info.mint_x, Account("nobody", b"")))
