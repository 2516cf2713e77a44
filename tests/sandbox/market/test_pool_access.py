import pytest

from dlmm import swap
from dlmm.errors import AccountError
from dlmm.meteora.pdas import bin_array_index as meteora_index
from dlmm.meteora.pool import MeteoraPool
from dlmm.records import Clock, SwapQuote, Venue
from dlmm.saros.pdas import swap_arrays
from sandbox.market.pool_access import METEORA_ARRAYS, PoolAccess, access, read_account
from sandbox.pools.facts import facts_of, is_pool, symbol_of
from sandbox.pools.genesis import plant
from sandbox.pools.plans import DEFAULT_PLANS, SOL, PoolFacts
from sandbox.real import RealEngine
from sandbox.wallets import keypair_of

CLOCK = Clock(400_000_000, 1_735_700_000)
USER = keypair_of(1, "user").pubkey()
POOLS = range(len(DEFAULT_PLANS))


@pytest.fixture(scope="module")
def engine() -> RealEngine:
    return RealEngine()


@pytest.fixture(scope="module")
def pools(engine: RealEngine) -> list[PoolAccess]:
    return [access(facts, engine.get) for facts in plant(engine)]


@pytest.mark.parametrize("number", POOLS)
@pytest.mark.parametrize("swap_for_y", [True, False])
def test_a_request_passes_the_arrays_that_a_client_chooses(
    pools: list[PoolAccess], number: int, swap_for_y: bool
) -> None:
    pool = pools[number].read()
    wanted = pools[number].request(pool, 10**7, swap_for_y=swap_for_y, exact_in=True, threshold=0)
    assert wanted.arrays is not None
    if isinstance(pool, MeteoraPool):
        first, step = meteora_index(pool.active_id), -1 if swap_for_y else 1
        assert wanted.arrays == tuple(first + step * place for place in range(METEORA_ARRAYS))
    else:
        assert wanted.arrays == swap_arrays(pool.active_id)
    chosen = swap.quote_exact_in(pool, 10**7, swap_for_y=swap_for_y, clock=CLOCK)
    passed = swap.quote(pool, wanted, CLOCK)
    assert isinstance(passed, SwapQuote)
    assert passed == chosen


@pytest.mark.parametrize("number", POOLS)
@pytest.mark.parametrize("exact_in", [True, False])
def test_a_swap_names_its_pool_and_its_user(pools: list[PoolAccess], number: int, exact_in: bool) -> None:
    pool_access = pools[number]
    wanted = pool_access.request(pool_access.read(), 10**7, swap_for_y=True, exact_in=exact_in, threshold=10**7)
    instruction = pool_access.swap(USER, wanted)
    assert instruction.program_id == pool_access.facts.program
    assert instruction.accounts[0].pubkey == pool_access.facts.address
    assert [meta.pubkey for meta in instruction.accounts if meta.is_signer] == [USER]


def test_a_pool_that_is_not_there_cannot_be_opened(pools: list[PoolAccess]) -> None:
    for one in pools:
        with pytest.raises(AccountError, match="missing"):
            access(one.facts, RealEngine().get)


@pytest.mark.parametrize("number", POOLS)
def test_facts_are_read_from_the_accounts(engine: RealEngine, pools: list[PoolAccess], number: int) -> None:
    planted = pools[number].facts
    read = facts_of(engine.get, planted.address)
    assert read.provider is None
    assert read.price == pytest.approx(planted.price)
    for name in set(PoolFacts.__struct_fields__) - {"provider", "price"}:
        assert getattr(read, name) == getattr(planted, name)


def test_a_pool_is_known_by_its_kind(engine: RealEngine, pools: list[PoolAccess]) -> None:
    facts = pools[0].facts
    found = {key for key, account in engine.owned_by(facts.program) if is_pool(account)}
    assert found == {one.facts.address for one in pools if one.facts.venue is Venue.METEORA}
    for key in (facts.vault_x, facts.mint_y):
        account = engine.get(key)
        assert account is not None
        assert not is_pool(account)
        with pytest.raises(AccountError, match="neither"):
            facts_of(engine.get, key)


def test_unknown_tokens_are_called_by_their_address() -> None:
    assert symbol_of(SOL.mint) == "SOL"
    assert str(USER).startswith(symbol_of(USER))


def test_a_missing_account_is_named() -> None:
    with pytest.raises(AccountError, match=str(USER)):
        read_account(RealEngine().get, USER)
