"""Statistical arbitrage trades the pools that make rounds, and says so where there are none."""

from typing import Any

import msgspec
import pytest

from dlmm.errors import DlmmError
from dlmm.records import Venue
from flows.planned_arbitrage import planned_arbitrage
from flows.planned_strategies import planned_strategies
from flows.settings.tree import Settings
from operators.pools import PoolInfo
from operators.strategies.cointegration import Cointegration
from operators.strategies.interface import PlannedStrategy
from operators.strategies.statistical_arbitrage import StatisticalArbitrage

HERE = PoolInfo("here", Venue.METEORA, "SOL", "USDC", 4, 6_250)
THERE = PoolInfo("there", Venue.SAROS, "SOL", "USDC", 10, 2_000)
JUP = PoolInfo("jup", Venue.SAROS, "JUP", "USDC", 10, 2_000)
MSOL = PoolInfo("msol", Venue.METEORA, "mSOL", "USDC", 10, 2_000)
MSOL_SOL = PoolInfo("msol-sol", Venue.METEORA, "mSOL", "SOL", 1, 6_250)


def planned(
    pools: tuple[PoolInfo, ...], passes: frozenset[int] = frozenset(), **keys: Any
) -> tuple[PlannedStrategy, ...]:
    settings = msgspec.convert({"strategies": {"statistical_arbitrage": keys}}, Settings)
    return tuple(planned_arbitrage(settings, pools, frozenset(range(len(pools))) - passes, passes))


def test_it_trades_the_pools_of_pairs_and_no_other() -> None:
    (plan,) = planned((HERE, JUP, THERE), entry_zscore=3.0, min_profit=0.5, budget=0.3, kelly_fraction=0.1)
    assert plan.pools == {0, 2}
    assert plan.strategy == StatisticalArbitrage(entry_zscore=3.0, quote="USDC")
    assert (plan.policy.min_profit, plan.policy.budget, plan.policy.kelly_fraction) == (0.5, 0.3, 0.1)
    assert (plan.policy.inventory_target, plan.policy.max_liquidity_share) == (0.0, 1.0)


def test_a_pool_of_another_currency_is_passed_through_without_a_budget() -> None:
    (plan,) = planned((HERE, MSOL, MSOL_SOL, JUP), frozenset({2}))
    assert plan.pools == {0, 1}
    assert plan.passes == {2}


@pytest.mark.parametrize(
    ("pools", "triangles", "names"),
    [((HERE, JUP), True, "here SOL/USDC, jup JUP/USDC"), ((HERE,), True, "here"), ((HERE, MSOL, MSOL_SOL), False, "")],
)
def test_a_pair_whose_pools_are_one_pool_is_refused_by_name(
    pools: tuple[PoolInfo, ...], triangles: bool, names: str
) -> None:
    with pytest.raises(DlmmError) as error:
        planned(pools, triangles=triangles)
    text = str(error.value)
    assert text.startswith("strategies.statistical_arbitrage: no two pools have the same tokens")
    assert ("triangle" in text) == triangles
    assert names in text


def test_named_pairs_are_a_strategy_of_their_own_with_half_of_the_budget() -> None:
    pairs = [["msol", "here"]]
    rounds, spread = planned((HERE, MSOL, THERE), cointegrated=pairs, budget=0.4, stop_zscore=5.0, kelly_fraction=0.1)
    assert (rounds.name, spread.name) == ("statistical_arbitrage", "cointegration")
    assert rounds.pools == {0, 2}
    assert spread.pools == {0, 1}
    assert spread.strategy == Cointegration((("msol", "here"),), stop_zscore=5.0)
    assert rounds.policy.budget == spread.policy.budget == 0.2
    assert spread.policy.inventory_target == 0.5
    (alone,) = planned((HERE, MSOL), cointegrated=pairs, budget=0.4)
    assert (alone.name, alone.policy.budget) == ("cointegration", 0.4)


@pytest.mark.parametrize(
    ("keys", "complaint"),
    [
        ({"cointegrated": [["here", "here"]]}, "the two pools of a pair are one pool, here"),
        ({"cointegrated": [["here", "bonk"]]}, "bonk is not traded"),
        (
            {"cointegrated": [["here", "msol"]], "stop_zscore": 1.5},
            "exit_zscore 0.5, entry_zscore 2 and stop_zscore 1.5",
        ),
    ],
)
def test_a_pair_that_cannot_be_traded_is_refused_by_name(keys: dict[str, Any], complaint: str) -> None:
    with pytest.raises(DlmmError, match=complaint):
        planned((HERE, MSOL), **keys)


def test_pools_that_are_not_named_are_not_traded() -> None:
    section = {"enabled": True, "pools": ["here", "jup"]}
    settings = msgspec.convert({"strategies": {"statistical_arbitrage": section}}, Settings)
    with pytest.raises(DlmmError, match="no two pools have the same tokens"):
        tuple(planned_strategies(settings, (HERE, THERE, JUP), frozenset(range(3))))
    both = msgspec.convert({"strategies": {"statistical_arbitrage": {"enabled": True}}}, Settings)
    names = [plan.name for plan in planned_strategies(both, (HERE, THERE, JUP), frozenset(range(3)))]
    assert names == ["market_making", "statistical_arbitrage"]
