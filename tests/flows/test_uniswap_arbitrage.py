"""A real day of two pools of one pair: the arbitrages between them are all found, at the size that earns most.

The two Uniswap pools are imported as DLMM pools, and at each swap of the day both ways round are sized as the trading
system sizes them. The oracle beside it knows nothing of `dlmm.routes` or of the programs' walks: it lays out the bins
of the flat profile by its definition, swaps in Python's own integers, and tries sizes.
"""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import msgspec
import numpy as np
import pytest

from connectors.importers.uniswap import import_uniswap
from connectors.recordings.recording import Recording
from dlmm.price import price_x64
from dlmm.profile import synthetic_pool
from dlmm.records import MAX_U64
from dlmm.routes import best_route
from dlmm.swap import Pool
from operators.blocks import Rows
from operators.paper.pools import clock_of, terms_of
from operators.pools import PoolInfo
from operators.strategies.groups import GroupRunner
from operators.strategies.statistical_arbitrage import StatisticalArbitrage
from tests.exact import exact_cost
from tests.shared import need_shared

EVENTS = "data/onchain/uniswap_v3_usdc_weth_two_pools_20240105.parquet"
HALF_WIDTH = 35
RATE_ONE = 10**9
FOUND = 54
"""Swaps of the day after which there is something to earn, at pool fees of 0.05 % and 0.3 %."""


class Market(msgspec.Struct, frozen=True):
    """What one pool showed last."""

    active_id: int
    liquidity: float


def markets(rows: Rows) -> Iterator[tuple[np.void, Market, Market]]:
    """Yield each row with what both pools have shown by then, once both have."""
    shown: dict[int, Market] = {}
    for row in rows:
        shown[int(row["pool"])] = Market(int(row["active_id"]), float(row["liquidity"]))
        if len(shown) == 2:
            yield row, shown[0], shown[1]


class Bin(msgspec.Struct, frozen=True):
    """What one bin gives: at most `out`, for `cost` with its fee."""

    price: int
    out: int
    cost: int


class Swap(msgspec.Struct, frozen=True):
    """One way through one pool, bin after bin."""

    to_y: bool
    fee: int
    bins: tuple[Bin, ...]

    def out(self, amount: int) -> int | None:
        """Return what comes out for an amount in, or `None` where the bins do not take all of it."""
        got = 0
        for one in self.bins:
            if amount >= one.cost:
                amount, got = amount - one.cost, got + one.out
                if not amount:
                    return got
                continue
            net = amount - -(-amount * self.fee // RATE_ONE)
            return got + (net * one.price >> 64 if self.to_y else (net << 64) // one.price)
        return None


@lru_cache(maxsize=1024)
def swap_through(active_id: int, liquidity: float, fee: int, bin_step: int, to_y: bool) -> Swap:
    """Lay out a flat profile: 71 bins of one value, X above the active bin, Y below it, half of each in it."""
    value = int(liquidity / 1e-6) // (2 * HALF_WIDTH + 1)
    bins = []
    for step in range(HALF_WIDTH + 1):
        price = price_x64(active_id - step if to_y else active_id + step, bin_step)
        y = value if step else value // 2
        out = y if to_y else ((value if step else value - value // 2) << 64) // price
        net = exact_cost(out, price, swap_for_y=to_y)
        bins.append(Bin(price, out, net + -(-net * fee // (RATE_ONE - fee))))
    return Swap(to_y, fee, tuple(bins))


def profit_of(buy: Swap, sell: Swap, size: int) -> int:
    bought = buy.out(size)
    sold = None if bought is None else sell.out(bought)
    return -size if sold is None else sold - size


def oracle(buy: Swap, sell: Swap) -> tuple[int, int]:
    """Return the best size and its profit, zeros where nothing earns, by trying sizes ever closer together."""
    if buy.bins[0].price * RATE_ONE**2 >= sell.bins[0].price * (RATE_ONE - buy.fee) * (RATE_ONE - sell.fee):
        return 0, 0  # the first unit costs more than it brings, and each one after it more than that
    low, high = 1, sum(one.cost for one in buy.bins)
    while True:
        step = max((high - low) // 24, 1)
        sizes = range(low, high + 1, step)
        best = max(sizes, key=lambda size: profit_of(buy, sell, size))
        if step == 1:
            break
        low, high = max(best - step, 1), best + step
    profit = profit_of(buy, sell, best)
    return (best, profit) if profit > 0 else (0, 0)


def way_through(shown: Market, info: PoolInfo, to_y: bool) -> Swap:
    return swap_through(shown.active_id, shown.liquidity, fee_of(info), info.bin_step, to_y)


def standing(info: PoolInfo, shown: Market) -> Pool:
    """Return what stands in for a pool at a row."""
    value_y = int(shown.liquidity / 10.0**-info.decimals_y)
    return synthetic_pool(terms_of(info), shown.active_id, value_y, HALF_WIDTH)


def fee_of(info: PoolInfo) -> int:
    return int(info.base_factor * info.bin_step * 10 * 10**info.base_fee_power_factor)


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    source: Path = need_shared(EVENTS)
    out = tmp_path_factory.mktemp("uniswap") / "market.parquet"
    import_uniswap(source, out)
    return Recording.open(out)


def test_the_arbitrages_of_a_day_are_those_of_an_oracle_in_number_and_size(recording: Recording) -> None:
    pools = recording.pools
    assert [fee_of(info) for info in pools] == [500_000, 3_000_000]
    found, sought = {}, {}
    for row, *shown in markets(recording.rows()):
        clock = clock_of(int(row["slot"]), int(row["ts_event_ns"]))
        for through in ((0, False), (1, True)), ((1, False), (0, True)):
            legs = tuple((standing(pools[pool], shown[pool]), to_y) for pool, to_y in through)
            best = best_route(legs, clock, cap_in=MAX_U64)
            buy, sell = (way_through(shown[pool], pools[pool], to_y) for pool, to_y in through)
            size, profit = oracle(buy, sell)
            key = int(row["seq"]), through[0][0]
            if best is not None:
                found[key] = best.amount_in, best.profit
                assert profit_of(buy, sell, best.amount_in) == best.profit
            if size:
                sought[key] = size, profit
    assert len(found) == FOUND
    assert found.keys() == sought.keys()
    for key, (size, profit) in found.items():
        # Around the top a raw unit of profit more or less, which is rounding, is worth some thousand units of size.
        assert profit == pytest.approx(sought[key][1], abs=4)
        assert size == pytest.approx(sought[key][0], rel=1e-5)


def test_the_strategy_wants_them_all_but_those_that_lie_between_the_price_and_its_bin(recording: Recording) -> None:
    # It goes by the rows' prices, and these pools' prices lie within their bins: a few of the smallest it cannot see.
    rows, pools = recording.rows(), recording.pools
    eager = StatisticalArbitrage(min_deviation_threshold=1e-9, entry_zscore=1e-9, confidence_threshold=0.0)
    signals = GroupRunner(eager, pools, frozenset({0, 1})).decide(rows, np.arange(len(rows)))
    wanted = {int(signal["seq"]): signal for signal in signals}
    earns = 0
    for row, *shown in markets(rows):
        signal = wanted.get(int(row["seq"]))
        if signal is None:
            continue
        buy, sell = int(signal["pool"]), int(signal["other_pool"])
        legs = (standing(pools[buy], shown[buy]), False), (standing(pools[sell], shown[sell]), True)
        clock = clock_of(int(row["slot"]), int(row["ts_event_ns"]))
        earns += best_route(legs, clock, cap_in=MAX_U64) is not None
    assert (len(wanted), earns) == (51, 50)
