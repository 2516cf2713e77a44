"""Accounts to pools that can be traded, and the reasons why the others cannot."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from solders.pubkey import Pubkey

from connectors.clusters.pool_loading import LoadedPool, load_pool, needed_accounts
from connectors.clusters.venue_accounts import VENUES
from dlmm.meteora.layout import LB_PAIR
from dlmm.records import Account, Venue
from dlmm.tokens import TOKEN_2022_PROGRAM, TOKEN_PROGRAM
from flows.planted import planted_pools
from sandbox.pools.plans import DEFAULT_PLANS

POOLS = planted_pools(slot=1_000, arrays_around=2)
METEORA = next(pool for pool in POOLS if pool.info.venue is Venue.METEORA)
SAROS = next(pool for pool in POOLS if pool.info.venue is Venue.SAROS)
SYSTEM = "11111111111111111111111111111111"
HOOK = Pubkey.from_bytes(bytes(range(32)))
YEAR_2100 = 4_102_444_800

each_venue = pytest.mark.parametrize("pool", [METEORA, SAROS], ids=["meteora", "saros"])
Accounts = dict[str, Account]


def its_own(pool: LoadedPool) -> Account:
    return pool.accounts[pool.info.pool]


def with_fields(pool: LoadedPool, **fields: Any) -> Accounts:
    """Return a pool's accounts with other values in the pair."""
    pair = np.frombuffer(its_own(pool).data, VENUES[pool.info.venue].pair).copy()
    for name, value in fields.items():
        pair[name] = value
    return {**pool.accounts, pool.info.pool: Account(its_own(pool).owner, pair.tobytes())}


def without(pool: LoadedPool, is_gone: Callable[[str, Account], bool]) -> Accounts:
    return {key: account for key, account in pool.accounts.items() if not is_gone(key, account)}


def is_bin_array(key: str, account: Account) -> bool:
    del key
    return account.data[:8] == VENUES[Venue.METEORA].array_discriminator


def reason(pool: LoadedPool, accounts: Accounts, slot: int = 1_000) -> str:
    answer = load_pool(pool.info.pool, accounts, slot)
    assert isinstance(answer, str)
    return answer


def test_every_planted_pool_loads_as_it_was_planned() -> None:
    for pool, plan in zip(POOLS, DEFAULT_PLANS, strict=True):
        info = pool.info
        assert (info.venue, info.base, info.quote) == (plan.venue, plan.token_x.symbol, plan.token_y.symbol)
        assert (info.mint_x, info.mint_y) == (str(plan.token_x.mint), str(plan.token_y.mint))
        assert (info.decimals_x, info.decimals_y) == (plan.token_x.decimals, plan.token_y.decimals)
        assert (info.bin_step, info.base_factor) == (plan.bin_step, plan.fees.base_factor)
        assert (info.protocol_share, info.filter_period) == (plan.fees.protocol_share, plan.fees.filter_period)
        assert pool.price == pytest.approx(plan.start_price)
        assert pool.active_id - info.zero_bin == plan.exponent
        assert pool.base_fee == pytest.approx(plan.fees.base_factor * plan.bin_step * 10 / 1e9)
        assert pool.slot == 1_000


@each_venue
def test_a_pool_needs_its_mints_and_the_arrays_around_its_price(pool: LoadedPool) -> None:
    need = needed_accounts(pool.info.pool, its_own(pool), 2)
    assert need[:2] == [pool.info.mint_x, pool.info.mint_y]
    has_extension = pool.info.venue is Venue.METEORA
    assert len(need) == 2 + 5 + has_extension
    assert pool.accounts.keys() <= {pool.info.pool, *need}
    assert len(needed_accounts(pool.info.pool, its_own(pool), 1)) == len(need) - 2


@pytest.mark.parametrize(
    ("account", "said"),
    [
        (None, "no such account"),
        (Account(SYSTEM, b""), f"its owner {SYSTEM} is neither Meteora nor Saros"),
        (METEORA.accounts[METEORA.info.mint_x], f"its owner {TOKEN_PROGRAM} is neither"),
        (next(each for each in METEORA.accounts.values() if is_bin_array("", each)), "another account of meteora"),
        (Account(its_own(METEORA).owner, b""), "another account of meteora, 0 bytes long"),
        (Account(its_own(METEORA).owner, its_own(METEORA).data[:-1]), "another account of meteora, 903 bytes long"),
        (Account(its_own(SAROS).owner, its_own(METEORA).data), "another account of saros"),
    ],
)
def test_what_is_no_pool_is_said_to_be_none(account: Account | None, said: str) -> None:
    answer = needed_accounts(METEORA.info.pool, account, 1)
    assert isinstance(answer, str)
    assert said in answer


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"status": 1}, "it is disabled (status 1)"),
        ({"pair_type": 1, "activation_type": 0, "activation_point": 1_001}, "not active before slot 1001"),
        ({"pair_type": 2, "activation_type": 1, "activation_point": YEAR_2100}, "not active before unix time 4102444"),
        ({"bin_step": 0}, "a bin step of 0"),
        ({"bin_step": 10_001}, "a bin step of 10001"),
        ({"active_id": 1 << 30}, "1073741824"),
    ],
)
def test_a_meteora_pool_in_which_no_swap_succeeds_is_refused(fields: dict[str, int], said: str) -> None:
    assert said in reason(METEORA, with_fields(METEORA, **fields))


@pytest.mark.parametrize(
    "fields",
    [
        {"pair_type": 1, "activation_type": 0, "activation_point": 1_000},
        {"pair_type": 2, "activation_type": 1, "activation_point": 1_700_000_000},
        {"pair_type": 0, "activation_type": 0, "activation_point": 5_000},
    ],
)
def test_a_meteora_pool_that_is_active_by_now_is_traded(fields: dict[str, int]) -> None:
    assert isinstance(load_pool(METEORA.info.pool, with_fields(METEORA, **fields), 1_000), LoadedPool)


@each_venue
def test_a_pool_whose_token_runs_a_transfer_hook_is_refused(pool: LoadedPool) -> None:
    mint = pool.accounts[pool.info.mint_y].data
    extension = (14).to_bytes(2, "little") + (64).to_bytes(2, "little") + bytes(32) + bytes(HOOK)
    hooked = Account(TOKEN_2022_PROGRAM, mint + bytes(165 - len(mint)) + b"\x01" + extension)
    text = reason(pool, {**pool.accounts, pool.info.mint_y: hooked})
    assert text == f"its token {pool.info.mint_y} runs a transfer hook, program {HOOK}"


@each_venue
def test_a_pool_that_lacks_something_is_refused(pool: LoadedPool) -> None:
    assert "no such account" in reason(pool, without(pool, lambda key, _: key == pool.info.pool))
    assert pool.info.mint_x in reason(pool, without(pool, lambda key, _: key == pool.info.mint_x))
    assert "no bins around its price" in reason(pool, without(pool, is_bin_array))


@each_venue
def test_an_account_that_is_not_what_it_should_be_is_named(pool: LoadedPool) -> None:
    key, array = next((key, account) for key, account in pool.accounts.items() if is_bin_array(key, account))
    shrunk = reason(pool, {**pool.accounts, key: Account(array.owner, array.data[:-1])})
    assert key in shrunk
    other = next(each for each in POOLS if each.info.venue is pool.info.venue and each is not pool)
    foreign = next(account for account_key, account in other.accounts.items() if is_bin_array(account_key, account))
    assert key in reason(pool, {**pool.accounts, key: foreign})
    taken_over = {**pool.accounts, pool.info.pool: Account(SYSTEM, its_own(pool).data)}
    assert pool.info.pool in reason(pool, taken_over)


def test_a_token_that_nobody_knows_goes_by_its_mint() -> None:
    mint = Pubkey.from_bytes(bytes([3]) * 32)
    accounts = with_fields(METEORA, mint_x=np.frombuffer(bytes(mint), LB_PAIR["mint_x"].base))
    accounts[str(mint)] = METEORA.accounts[METEORA.info.mint_x]
    pool = load_pool(METEORA.info.pool, accounts, 1)
    assert isinstance(pool, LoadedPool)
    assert (pool.info.base, pool.info.quote) == (str(mint), "USDC")
