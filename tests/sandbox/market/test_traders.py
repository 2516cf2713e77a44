import numpy as np
import pytest
from solders.hash import Hash
from solders.system_program import TransferParams, transfer

from dlmm import swap
from dlmm.records import Clock, SwapQuote
from sandbox.market.pool_access import PoolAccess, access
from sandbox.market.spec import MarketSpec
from sandbox.market.traders import Wallet, arbitrage, noise, whole_price
from sandbox.pools.genesis import plant
from sandbox.pools.plans import DEFAULT_PLANS
from sandbox.real import RealEngine
from sandbox.wallets import keypair_of

CLOCK = Clock(400_000_000, 1_735_700_000)
POOLS = range(len(DEFAULT_PLANS))


@pytest.fixture(scope="module")
def pools() -> list[PoolAccess]:
    engine = RealEngine()
    return [access(facts, engine.get) for facts in plant(engine)]


@pytest.mark.parametrize("number", POOLS)
def test_nobody_arbitrages_a_fair_price(pools: list[PoolAccess], number: int) -> None:
    pool = pools[number].read()
    assert arbitrage(pools[number], pool, CLOCK, whole_price(pools[number], pool), 0.0) is None


@pytest.mark.parametrize("number", POOLS)
@pytest.mark.parametrize("distance", [-0.01, 0.01])
def test_arbitrage_brings_a_pool_within_its_fee_of_the_fair_price(
    pools: list[PoolAccess], number: int, distance: float
) -> None:
    pool = pools[number].read()
    fair = whole_price(pools[number], pool) * (1.0 + distance)
    trade = arbitrage(pools[number], pool, CLOCK, fair, 0.05)
    assert trade is not None
    assert trade.request.swap_for_y == (distance < 0.0)
    done = swap.apply(pool, trade.request, CLOCK)
    assert isinstance(done, tuple)
    after = whole_price(pools[number], done[1])
    assert abs(after / fair - 1.0) < 0.5 * abs(distance) + pool.bin_step / 10_000
    assert arbitrage(pools[number], done[1], CLOCK, fair, 5.0) is None


def test_an_edge_keeps_small_gains_from_being_taken(pools: list[PoolAccess]) -> None:
    pool = pools[0].read()
    fair = whole_price(pools[0], pool) * 1.002
    assert arbitrage(pools[0], pool, CLOCK, fair, 0.0) is not None
    assert arbitrage(pools[0], pool, CLOCK, fair, 1e6) is None


@pytest.mark.parametrize("number", POOLS)
def test_noise_asks_for_what_the_pool_can_give(pools: list[PoolAccess], number: int) -> None:
    pool, generator = pools[number].read(), np.random.default_rng(5)
    trades = [noise(pools[number], pool, CLOCK, MarketSpec(wrong=0.0), generator) for _ in range(60)]
    requests = [trade.request for trade in trades if trade is not None]
    assert len(requests) > 50
    assert {request.swap_for_y for request in requests} == {True, False}
    assert {request.exact_in for request in requests} == {True, False}
    assert all(isinstance(swap.quote(pool, request, CLOCK), SwapQuote) for request in requests)


def test_who_is_wrong_fails(pools: list[PoolAccess]) -> None:
    pool, generator = pools[0].read(), np.random.default_rng(5)
    trades = [noise(pools[0], pool, CLOCK, MarketSpec(wrong=1.0), generator) for _ in range(20)]
    quotes = [swap.quote(pool, trade.request, CLOCK) for trade in trades if trade is not None]
    assert quotes
    assert not any(isinstance(quote, SwapQuote) for quote in quotes)


@pytest.mark.parametrize("number", POOLS)
def test_noise_is_cut_to_what_a_pool_can_bear(pools: list[PoolAccess], number: int) -> None:
    pool = pools[number].read()
    trade = noise(pools[number], pool, CLOCK, MarketSpec(usd=1e9, spread=0.0), np.random.default_rng(5))
    assert trade is not None
    assert 1_000.0 < trade.value < 100_000.0


def test_a_wallet_never_signs_the_same_twice() -> None:
    wallet = Wallet(keypair_of(1, "wallet"))
    me = wallet.key.pubkey()
    paid = transfer(TransferParams(from_pubkey=me, to_pubkey=me, lamports=1))
    signed = [wallet.sign(paid, units=100_000, unit_price=1, blockhash=Hash.default()) for _ in range(100)]
    assert len({tx.signatures[0] for tx in signed}) == 100
    assert all(all(tx.verify_with_results()) for tx in signed)
