"""Fees that positions earn are told apart from their profit, which they leave as it is."""

import msgspec
import numpy as np
import pytest

from dlmm.liquidity import LiquidityChange, liquidity_of
from dlmm.meteora.liquidity import claim_fees
from dlmm.saros.layout import POSITION
from operators.blocks import CLOSE
from operators.books.strategy_totals import strategy_totals
from operators.orders.execution_reports import PositionState
from operators.positions.bin_conversions import FeesEarned
from operators.positions.bin_positions import BinPositions
from tests.operators.paper.chain_pool import CLOCK, RECORDED, ChainPool
from tests.operators.paper.paper_market import PaperMarket, wish
from tests.operators.paper.test_recorded import BOTH, REACH, begun, token_x, truly
from tests.operators.paper.test_synthetic import asks, bid, position, price, providers_fee

PROVIDERS = 0.8
"""What the protocol leaves of a fee."""


def rate(chain: ChainPool) -> float:
    return chain.info.base_factor * chain.info.bin_step * 10 / 1e9


def raw(chain: ChainPool, pool: int, worth: float, *, is_x: bool) -> int:
    """Raw units worth so many whole Y at the origin's price."""
    return round(worth * 10**chain.info.decimals_x / (137.0, 0.61)[pool]) if is_x else round(worth * 10**6)


def x_bins(pool: int) -> int:
    """Bins over which the position's X is spread: on Saros the active one takes both tokens."""
    return REACH + (pool == 1)


def earned(made: PaperMarket, pool: int) -> float:
    """What the pool's book says, which is what the strategy's account says."""
    assert made.book(pool)["fees_earned"] == made.account(0, pool)["fees_earned"]
    return float(made.book(pool)["fees_earned"])


@pytest.mark.parametrize("pool", [0, 1])
def test_a_ladder_crossed_up_and_back_earned_the_fees_of_both_ways_at_the_price_of_each(pool: int) -> None:
    made = asks(pool)
    begun_with = position(made)["x"][:10].tolist()
    made.row(pool, 11)
    up = [int(x) * price(pool, 1 + place) >> 64 for place, x in enumerate(begun_with)]
    fees_up = [providers_fee(pool, y) for y in up]
    assert earned(made, pool) == pytest.approx(sum(fees_up) * 1e-6, rel=1e-12)
    made.row(pool, 0)
    # On Saros the fee stays in the bin, and turns with it.
    stands = [y + fee for y, fee in zip(up, fees_up, strict=True)] if pool == 1 else up
    fees_down = sum(providers_fee(pool, (y << 64) // price(pool, 1 + place)) for place, y in enumerate(stands))
    book = made.book(pool)
    both = sum(fees_up) * book["unit_y"] + fees_down * book["unit_x"] * book["price"]
    assert earned(made, pool) == pytest.approx(both, rel=1e-12)
    made.row(pool, 0, wish(CLOSE))
    made.row(pool, 0)
    assert earned(made, pool) == pytest.approx(both, rel=1e-12)  # what is taken home was earned before
    tables = made.portfolio._tables
    (told,) = strategy_totals(tables.accounts, tables.books, made.portfolio._policies)
    assert told.fees_earned == earned(made, pool)


@pytest.mark.parametrize("pool", [0, 1])
def test_volume_in_the_bin_earned_what_the_position_grew_by(pool: int) -> None:
    made = bid(pool)
    before = int(made.book(pool)["position_y"])
    made.row(pool, 0, volume=50_000.0, liquidity=610_000)
    grown = (int(made.book(pool)["position_y"]) - before) * 1e-6
    assert earned(made, pool) == pytest.approx(grown, rel=1e-12)
    assert grown > 0.01


@BOTH
@pytest.mark.parametrize("for_y", [True, False])
def test_a_recorded_swap_inside_a_bin_earned_our_part_of_the_providers_fee(pool: int, for_y: bool) -> None:
    chain = ChainPool(pool)
    made = begun(chain, pool, x=token_x(pool), y=12.0)
    (held,) = made.portfolio._paper_positions._held.values()
    at_price = chain.pool.price_x64
    ours, there = (
        liquidity_of(amounts, at_price) / 2**64 / 1e6
        for amounts in (held.bins[REACH].worth, held.bins[REACH].seen.reserves)
    )
    assert earned(made, pool) == 0.0
    assert chain.swap(raw(chain, pool, 3_000.0, is_x=for_y), for_y=for_y)
    assert chain.bins == 0
    made.row(pool, 0, accounts=chain.accounts)
    worth = raw(chain, pool, 3_000.0, is_x=for_y) * (at_price / 2**64 if for_y else 1.0) / 1e6
    expected = worth * rate(chain) * PROVIDERS * ours / (ours + there)
    assert earned(made, pool) == pytest.approx(expected, rel=2e-3, abs=2e-6)
    made.row(pool, 0, accounts=chain.accounts)
    assert earned(made, pool) == pytest.approx(expected, rel=2e-3, abs=2e-6)


@BOTH
def test_recorded_bins_crossed_up_and_back_earned_what_the_equity_gained(pool: int) -> None:
    chain = ChainPool(pool)
    made = begun(chain, pool, x=token_x(pool), y=12.0)
    made.row(pool, 0)
    start = float(made.ledger["equity"])
    for bins in (REACH + 3, -REACH - 3, 0):
        chain.reach(bins)
        made.row(pool, chain.bins, accounts=chain.accounts)
    made.row(pool, 0)
    # All bins but the active one hold what they held; what was earned in X has moved by up to eight bins since.
    assert earned(made, pool) == pytest.approx(float(made.ledger["equity"]) - start, rel=0.02)


@BOTH
def test_a_bin_without_recorded_supply_earned_the_fee_of_turning(pool: int) -> None:
    chain = ChainPool(pool, half_width=2)
    made = begun(chain, pool, x=token_x(pool), y=12.0)
    pair = chain.pool.pair.copy()
    pair["active_id"] = chain.origin + REACH + 3
    told = msgspec.structs.replace(chain.accounts[chain.info.pool], data=pair.tobytes())
    made.row(pool, REACH + 3, accounts={chain.info.pool: told})
    turned = 3 * 2.0 * REACH / x_bins(pool)  # the three bins without supply
    fee = turned * rate(chain) / (1.0 - rate(chain)) * PROVIDERS
    assert earned(made, pool) == pytest.approx(fee, rel=0.02)


FIXED = {
    ("synthetic", 0): (200005.2795996369, 18.169512977969028, 365796616441, 50003088116),
    ("synthetic", 1): (200000.00234018444, 0.03479389704711197, 82415474678, 50000000000),
    ("recorded", 0): (200000.06735938683, 0.03383245663192369, 365793940147, 49998241709),
    ("recorded", 1): (200000.00675309918, -0.001896089866669115, 82418157969, 49998376508),
}
"""Equity, realised profit and raw tokens of a fixed market, from before fees earned were counted."""


@pytest.mark.parametrize(("kind", "pool"), FIXED)
def test_counting_them_moves_no_profit(kind: str, pool: int) -> None:
    if kind == "synthetic":
        made = asks(pool)
        for bins in (4, 11, 2, 2, 0):
            made.row(pool, bins, volume=40_000.0, liquidity=610_000)
    else:
        chain = ChainPool(pool)
        made = begun(chain, pool, x=token_x(pool), y=12.0)
        for bins in (8, -8, 0):
            chain.reach(bins)
            made.row(pool, chain.bins, accounts=chain.accounts)
    made.row(pool, 0, wish(CLOSE))
    made.row(pool, 0)
    made.row(pool, 0)
    book = made.book(pool)
    equity, realised, base, quote = FIXED[kind, pool]
    assert (int(book["base"]), int(book["quote"])) == (base, quote)
    assert float(made.ledger["equity"]) == pytest.approx(equity, abs=1e-9)
    assert float(book["realised"]) == pytest.approx(realised, abs=1e-9)
    assert earned(made, pool) > 0.0


class Chain:
    """A true position in a pool, as the wallet's positions see it.

    :arg strategy: Whose it is.

    """

    def __init__(self, pool: int, strategy: int = 0) -> None:
        self.pool, self.chain = pool, ChainPool(pool)
        truly(self.chain, x=token_x(pool), y=12.0)
        self.positions = BinPositions(RECORDED)
        self.take(strategy)

    def take(self, strategy: int = 0) -> None:
        lower, upper = self.chain.origin - REACH, self.chain.origin + REACH
        state = PositionState(1, self.chain.info.pool, "position", lower, upper, self.chain.position)
        self.positions.take((state,), strategy)

    def earned(self, strategy: int = 0) -> FeesEarned:
        worth, earned = self.positions.follow(self.pool, self.chain.accounts)
        assert worth[strategy] == self.positions.value(self.pool, self.chain.accounts)
        return earned.get(strategy, FeesEarned())


@BOTH
def test_a_true_position_earned_its_part_of_the_fee_between_two_valuations(pool: int) -> None:
    true = Chain(pool)
    assert true.earned() == FeesEarned()
    assert true.chain.swap(raw(true.chain, pool, 3_000.0, is_x=False), for_y=False)
    ours = 2.0 + (0.0 if pool == 0 else 2.0 * REACH / x_bins(pool))  # in the active bin, beside ten thousand
    expected = 3_000.0 * rate(true.chain) * PROVIDERS * ours / (ours + 10_000.0)
    now = true.earned()
    assert now.x == 0
    assert now.y * 1e-6 == pytest.approx(expected, rel=2e-3, abs=2e-6)
    assert true.earned() == FeesEarned()


def test_on_meteora_what_was_earned_before_a_claim_and_after_adds_up_to_the_unit() -> None:
    true = Chain(0)
    total = true.earned()
    claimed = FeesEarned()
    for bins in (REACH + 3, -REACH - 3, 2):
        true.chain.reach(bins)
        state = true.chain._state(true.chain.position)
        lower, upper = true.chain.origin - REACH, true.chain.origin + REACH
        change = claim_fees(
            state, min_bin_id=lower, max_bin_id=upper, tokens=true.chain.tokens, time=CLOCK.unix_timestamp
        )
        assert isinstance(change, LiquidityChange)
        if bins != 2:
            true.chain._take(change.after)
            true.take()
        claimed += FeesEarned(change.user.x, change.user.y)
        total += true.earned()
    assert total == claimed
    assert min(total.x, total.y) > 0


@BOTH
def test_what_a_position_earned_before_the_run_is_not_the_runs(pool: int) -> None:
    true = Chain(pool, strategy=-1)
    assert true.chain.swap(raw(true.chain, pool, 3_000.0, is_x=False), for_y=False)
    assert true.earned(-1) == FeesEarned()
    assert true.chain.swap(raw(true.chain, pool, 3_000.0, is_x=False), for_y=False)
    assert true.earned(-1).y > 0.0


def test_on_saros_a_share_that_came_in_between_earned_nothing_before() -> None:
    true = Chain(1)
    true.earned()
    assert true.chain.swap(raw(true.chain, 1, 3_000.0, is_x=False), for_y=False)
    held = true.positions.snapshot()
    as_it_was = true.earned()
    true.positions.restore(held)
    rows = np.frombuffer(true.chain.position, POSITION).copy()
    rows["liquidity_shares"][0, : 2 * REACH + 1, 0] += np.uint64(10**6)
    true.chain.position = rows.tobytes()
    true.take()
    assert true.earned() == as_it_was
