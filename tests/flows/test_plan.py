"""A plan is what the settings say of the pools there are, or a refusal that names the setting."""

from typing import Any

import msgspec
import pytest

from dlmm.errors import DlmmError
from dlmm.records import Venue
from dlmm.shapes import Shape
from flows.plan import plan, traded_pools, watched_pools
from flows.settings.tree import Settings
from operators.books.accounts import inventory_targets
from operators.books.ledger import open_books
from operators.pools import PoolInfo
from operators.strategies.interface import StrategyError
from operators.strategies.ladder_making import LadderMaking
from operators.strategies.momentum import Momentum
from operators.strategies.swap_quotes import SwapQuotes

SOL = PoolInfo("sol", Venue.METEORA, "SOL", "USDC", 4, 6_250)
JUP = PoolInfo("jup", Venue.SAROS, "JUP", "USDC", 10, 2_000)
MSOL = PoolInfo("msol", Venue.METEORA, "mSOL", "SOL", 1, 6_250)
POOLS = (SOL, JUP)
USERS = "tests.operators.strategies.test_runner:EverySecond"


def chosen(**sections: dict[str, Any]) -> Settings:
    return msgspec.convert(sections, Settings)


def making(**keys: object) -> dict[str, Any]:
    return {"market_making": keys}


def refusal(settings: Settings, pools: tuple[PoolInfo, ...] = POOLS) -> str:
    with pytest.raises(DlmmError) as error:
        plan(settings, pools)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_without_a_choice_every_pool_is_traded() -> None:
    assert traded_pools(Settings(), POOLS) == {0, 1}


def test_chosen_pools_are_found_by_name() -> None:
    assert traded_pools(chosen(target_pools={"pools": ["jup", "elsewhere"]}), POOLS) == {1}


def test_no_chosen_pool_in_the_recording_is_refused_with_both_lists() -> None:
    text = refusal(chosen(target_pools={"pools": ["bonk", "wif"]}))
    assert "target_pools.pools" in text
    for name in ("bonk", "wif", "sol", "jup"):
        assert name in text


def test_a_pool_that_quotes_in_another_currency_is_refused_by_name() -> None:
    text = refusal(Settings(), (*POOLS, MSOL))
    assert "portfolio.quote" in text
    assert "msol quotes in SOL" in text
    assert "sol quotes in USDC" not in text.replace("msol quotes in SOL", "")


def test_a_foreign_pool_may_be_there_if_it_is_not_chosen() -> None:
    assert traded_pools(chosen(target_pools={"pools": ["sol"]}), (*POOLS, MSOL)) == {0}
    assert traded_pools(chosen(target_pools={"pools": ["msol"]}, portfolio={"quote": "SOL"}), (*POOLS, MSOL)) == {2}


MSOL_USDC = PoolInfo("msol-usdc", Venue.METEORA, "mSOL", "USDC", 4, 6_250)
TURNED = PoolInfo("turned", Venue.METEORA, "USDC", "SOL", 4, 6_250, decimals_x=6, decimals_y=9)
ARBITRAGE = {"statistical_arbitrage": {"enabled": True}}


def test_a_foreign_pool_that_closes_a_triangle_is_passed_through_without_a_budget() -> None:
    pools = (SOL, MSOL, MSOL_USDC)
    settings = chosen(strategies=ARBITRAGE)
    assert watched_pools(settings, pools) == {0, 1, 2}
    assert traded_pools(settings, pools) == {0, 2}
    portfolio = plan(settings, pools).portfolio
    assert {planned.name: (planned.pools, planned.passes) for planned in portfolio.strategies} == {
        "market_making": (frozenset({0, 2}), frozenset()),
        "statistical_arbitrage": (frozenset({0, 2}), frozenset({1})),
    }
    assert open_books(pools, inventory_targets(portfolio.strategies, pools), 100.0)["budget"].tolist() == [50, 0, 50]


@pytest.mark.parametrize("triangles", [False, True])
def test_a_pool_with_the_tokens_of_another_the_other_way_about_is_passed_through(triangles: bool) -> None:
    pools = (TURNED, SOL, JUP)
    settings = chosen(strategies={"statistical_arbitrage": {"enabled": True, "triangles": triangles}})
    assert watched_pools(settings, pools) == {0, 1, 2}
    assert traded_pools(settings, pools) == {1, 2}
    portfolio = plan(settings, pools).portfolio
    assert {planned.name: (planned.pools, planned.passes) for planned in portfolio.strategies} == {
        "market_making": (frozenset({1, 2}), frozenset()),
        "statistical_arbitrage": (frozenset({1}), frozenset({0})),
    }
    assert open_books(pools, inventory_targets(portfolio.strategies, pools), 100.0)["budget"].tolist() == [0, 50, 50]


@pytest.mark.parametrize(
    ("section", "pools"),
    [
        ({"enabled": False}, (SOL, MSOL, MSOL_USDC)),
        ({"enabled": True, "triangles": False}, (SOL, MSOL, MSOL_USDC)),
        ({"enabled": True, "pools": ["sol", "msol-usdc"]}, (SOL, MSOL, MSOL_USDC)),
        ({"enabled": True}, (SOL, MSOL, JUP)),
        ({"enabled": True}, (JUP, MSOL_USDC, TURNED)),
        ({"enabled": True, "pools": ["sol", "msol-usdc"]}, (SOL, MSOL_USDC, TURNED)),
    ],
)
def test_a_foreign_pool_that_no_round_passes_is_refused(section: dict[str, Any], pools: tuple[PoolInfo, ...]) -> None:
    text = refusal(chosen(strategies={"statistical_arbitrage": section}), pools)
    assert text.startswith("portfolio.quote: the portfolio is measured in USDC")
    assert "quotes in SOL" in text


def test_no_strategy_is_refused() -> None:
    assert refusal(chosen(strategies=making(enabled=False))).startswith("strategies: none is enabled")


def test_two_strategies_of_one_name_are_refused() -> None:
    text = refusal(chosen(strategies={"custom": [{"class": USERS}, {"class": USERS}]}))
    assert "same name" in text
    assert "every_second" in text
    assert "market_making" in refusal(chosen(strategies={"custom": [{"class": USERS, "name": "market_making"}]}))


def test_a_name_in_the_settings_tells_two_of_one_class_apart() -> None:
    settings = chosen(strategies={"custom": [{"class": USERS}, {"class": USERS, "name": "again"}]})
    assert [planned.name for planned in plan(settings, POOLS).desk.strategies] == [
        "market_making",
        "every_second",
        "again",
    ]


def test_a_strategy_that_cannot_be_loaded_is_refused() -> None:
    with pytest.raises(StrategyError, match="no_such_module"):
        plan(chosen(strategies={"custom": [{"class": "no_such_module:Thing"}]}), POOLS)


@pytest.mark.parametrize(
    "strategies",
    [making(pools=["typo"]), {"custom": [{"class": USERS, "pools": ["typo"]}]}],
    ids=["market_making", "every_second"],
)
def test_a_strategy_left_without_a_pool_is_refused(strategies: dict[str, Any], request: Any) -> None:
    text = refusal(chosen(strategies=strategies))
    assert request.node.callspec.id in text
    assert "sol, jup" in text


def test_strategies_that_fight_over_one_pools_budget_are_refused_by_name() -> None:
    fight = {"market_making": {"budget": 0.7}, "custom": [{"class": USERS, "budget": 0.6, "pools": ["jup"]}]}
    assert refusal(chosen(strategies=fight)) == (
        "strategies: budget of pool jup: market_making 0.7, every_second 0.6 add up to 1.3, allowed: at most 1"
    )
    all_taken = {"market_making": {"budget": 1.0}, "custom": [{"class": USERS, "pools": ["sol"]}]}
    assert "nothing is left for every_second" in refusal(chosen(strategies=all_taken))


def test_in_different_pools_two_strategies_may_each_use_all() -> None:
    apart = {
        "market_making": {"budget": 1.0, "pools": ["sol"]},
        "custom": [{"class": USERS, "budget": 1.0, "pools": ["jup"]}],
    }
    assert len(plan(chosen(strategies=apart), POOLS).desk.strategies) == 2


def test_a_strategys_pools_are_those_of_its_own_that_are_traded() -> None:
    settings = chosen(
        target_pools={"pools": ["sol"]}, strategies={"custom": [{"class": USERS, "pools": ["sol", "jup"]}]}
    )
    assert [planned.pools for planned in plan(settings, POOLS).desk.strategies] == [{0}, {0}]


def test_the_market_maker_quotes_with_what_it_is_told_to() -> None:
    swaps = plan(chosen(strategies=making(fair_half_life_s=7.0)), POOLS).desk.strategies[0].strategy
    assert isinstance(swaps, SwapQuotes)
    assert swaps.fair_half_life_s == 7.0
    told = {"spread_target": 0.02, "volatility_multiplier": 3.0, "ladder_bins": 7, "ladder_shape": "curve"}
    told |= {"volatility_regime": 3.0, "min_rebalance_s": 8.0, "order_expiry_slots": 9}
    settings = chosen(
        strategies=making(quote_with="liquidity", skew_bins=4.0, **told), volatility={"min_samples": 12, "window": 30}
    )
    (planned,) = plan(settings, POOLS).desk.strategies
    assert planned.strategy == LadderMaking(0.02, 3.0, 7, Shape.CURVE, 3.0, 8.0, min_updates=12, repeat_slots=9)
    assert (planned.policy.skew_bins, planned.policy.min_rebalance_s) == (4.0, 8.0)


def test_every_setting_arrives_where_it_acts() -> None:
    settings = chosen(
        portfolio={"name": "mine", "capital": 5_000.0},
        trading={"max_position_size": 77.0},
        volatility={"window": 30, "estimator": "ewma", "half_life_updates": 4.0},
        strategies=making(spread_target=0.02, order_expiry_slots=9, inventory_target=0.3, kelly_fraction=0.5),
        risk_limits={"max_pool_exposure": 1.0, "max_total_exposure": 2.0, "max_drawdown": 0.3, "max_open_orders": 4},
        paper={"latency_slots": 3, "slippage_bps": 12.0, "synthetic_depth_bins": 8, "default_liquidity": 9.0},
    )
    made = plan(settings, POOLS)
    (planned,) = made.desk.strategies
    assert isinstance(planned.strategy, SwapQuotes)
    assert (planned.strategy.spread_target, planned.strategy.order_expiry_slots) == (0.02, 9)
    assert (planned.policy.inventory_target, planned.policy.max_inventory_deviation) == (0.3, 0.2)
    assert planned.policy.kelly_fraction == 0.5
    assert (made.name, made.portfolio.capital, made.desk.default_liquidity) == ("mine", 5_000.0, 9.0)
    assert (made.desk.volatility.window, made.desk.volatility.half_life_updates) == (30, 4.0)
    limits = made.portfolio.limits
    assert (limits.max_position_size, limits.max_pool_exposure, limits.max_total_exposure) == (77.0, 1.0, 2.0)
    assert (limits.max_drawdown, limits.emergency_stop_loss, limits.max_open_orders) == (0.3, 0.1, 4)
    assert (made.portfolio.latency_slots, made.portfolio.slippage_bps, made.portfolio.depth_bins) == (3, 12.0, 8)
    assert made.desk.strategies == made.portfolio.strategies
    assert made.desk.pools == made.portfolio.pools == POOLS


def test_the_settings_of_momentum_arrive_where_they_act() -> None:
    keys: dict[str, object] = {
        "momentum_threshold": 0.01,
        "min_zscore": 1.5,
        "window_minutes": 3.0,
        "volume_ratio": 0.0,
        "holding_period_minutes": 4.0,
        "trailing_stop": 1.0,
    }
    momentum = {"enabled": True, "kelly_fraction": 0.5, "budget": 0.3, "pools": ["sol"], **keys}
    (planned,) = plan(chosen(strategies={**making(enabled=False), "momentum_trading": momentum}), POOLS).desk.strategies
    assert planned.strategy == Momentum(**keys)  # type: ignore[arg-type]  # each has its own type
    assert (planned.name, sorted(planned.pools)) == ("momentum_trading", [0])
    assert (planned.policy.kelly_fraction, planned.policy.budget, planned.policy.inventory_target) == (0.5, 0.3, 0.0)


def test_an_interval_of_less_than_a_millisecond_is_refused_before_it_divides_by_zero() -> None:
    with pytest.raises(msgspec.ValidationError, match="equity_interval_s"):
        chosen(results={"equity_interval_s": 1e-10})


def test_a_run_may_be_taken_up_with_other_terms_of_execution_but_in_no_other_mode() -> None:
    def fingerprint(**execution: Any) -> str:
        return plan(chosen(execution=execution), POOLS).portfolio.fingerprint

    signed = fingerprint(mode="signed")
    assert fingerprint(mode="signed", folder="/elsewhere", fee_cap=1_000_000, fsync=True) == signed
    assert fingerprint(mode="paper") != signed
