import msgspec
import pytest
from solders.account import Account
from solders.hash import Hash
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from dlmm.records import Clock
from sandbox.chain import Chain
from sandbox.engine import Engine
from sandbox.market.market import Market
from sandbox.market.pool_access import access
from sandbox.market.spec import MarketSpec
from sandbox.market.traders import whole_price
from sandbox.pools.genesis import plant
from sandbox.pools.plans import PoolFacts
from sandbox.real import RealEngine
from tests.sandbox.true_programs import programs

CLOCK = Clock(400_000_000, 1_735_700_000)


class Block:
    """A block whose hash never changes."""

    hash = Hash.default()


class StillChain:
    """A chain that takes transactions and executes none."""

    head = Block()
    processed = CLOCK.slot

    def __init__(self) -> None:
        self.engine: Engine = RealEngine()
        self.taken: list[VersionedTransaction] = []

    def now(self) -> int:
        return CLOCK.unix_timestamp

    def get(self, key: Pubkey) -> Account | None:
        return self.engine.get(key)

    def set_account(self, key: Pubkey, account: Account | None) -> None:
        self.engine.set(key, account)

    def submit(self, tx: VersionedTransaction, *, verified: bool = False) -> Signature:
        self.taken.append(tx)
        return tx.signatures[0]


def traded(spec: MarketSpec, steps: int = 10) -> tuple[Market, StillChain, list[PoolFacts]]:
    chain = StillChain()
    pools = plant(chain.engine)
    market = Market(chain, pools, spec)
    for _ in range(steps):
        market.step()
    return market, chain, pools


def test_a_seed_decides_what_is_sent() -> None:
    once, again = (traded(MarketSpec())[1].taken for _ in range(2))
    assert once
    assert once == again
    assert traded(MarketSpec(seed=2))[1].taken != once


def test_what_is_sent_is_signed_small_and_never_the_same_twice() -> None:
    taken = traded(MarketSpec(rate=3.0), steps=20)[1].taken
    assert all(all(tx.verify_with_results()) for tx in taken)
    assert max(len(bytes(tx)) for tx in taken) <= 1232
    assert len({tx.signatures[0] for tx in taken}) == len(taken)


def test_every_pool_is_traded() -> None:
    _, chain, pools = traded(MarketSpec(rate=2.0))
    named = {key for tx in chain.taken for key in tx.message.account_keys}
    assert {facts.address for facts in pools} <= named


def test_the_board_is_a_step_late_and_near_the_pools() -> None:
    chain = StillChain()
    pools = plant(chain.engine)
    market = Market(chain, pools, MarketSpec())
    market.step()
    assert not market.board.prices
    market.step()
    for facts in pools:
        said = market.board.prices[str(facts.address)]
        assert said.price == pytest.approx(facts.price, rel=2e-4)
        assert said.price != facts.price
        assert said.liquidity > 100_000
        assert said.volume_24h > said.liquidity


def test_a_market_without_pools_does_nothing() -> None:
    chain = StillChain()
    market = Market(chain, [], MarketSpec())
    market.step()
    assert chain.taken == []


def test_a_pool_that_is_gone_is_counted_and_the_others_go_on() -> None:
    chain = StillChain()
    pools = plant(chain.engine)
    market = Market(chain, pools, MarketSpec(rate=5.0))
    chain.engine.set(pools[0].address, None)
    market.step()
    market.step()
    assert market.counts["unreadable"] == 2
    assert market.counts["noise"] > 0


def test_a_size_below_one_unit_is_declined() -> None:
    chain = StillChain()
    market = Market(chain, plant(chain.engine), MarketSpec(usd=1e-6, spread=0.0, watch=0.0, rate=5.0))
    market.step()
    assert chain.taken == []
    assert market.counts["declined"] > 0


def test_tokens_without_worth_fit_a_wallet() -> None:
    chain = StillChain()
    worthless = [msgspec.structs.replace(facts, price=1e-12) for facts in plant(chain.engine)]
    Market(chain, worthless, MarketSpec()).step()
    assert chain.taken


def test_true_pools_follow_the_fair_price() -> None:
    engine = RealEngine(programs())
    facts = plant(engine)
    seconds = [float(CLOCK.unix_timestamp)]
    chain = Chain(engine, now=lambda: seconds[0])
    market = Market(chain, facts, MarketSpec(watch=1.0, sigma=0.004))
    failed = landed = 0
    moved: set[tuple[int, int]] = set()
    for _ in range(150):
        market.step()
        block = chain.advance()
        assert block is not None
        landed += len(block.landed)
        failed += sum(one.execution.error is not None for one in block.landed)
        seconds[0] += 0.4
        for number, one in enumerate(facts):
            pool_access = access(one, chain.get)
            pool = pool_access.read()
            moved.add((number, pool.active_id))
            assert whole_price(pool_access, pool) == pytest.approx(market.fair[one.pair], rel=0.02)
    assert landed > 400
    assert failed < 0.15 * landed
    assert len(moved) > 5 * len(facts)
