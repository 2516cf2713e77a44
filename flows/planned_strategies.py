"""From settings to strategies, each with its pools and the policy for its wishes."""

from collections.abc import Iterable

from flows.planned_arbitrage import planned_arbitrage
from flows.settings.tree import Settings
from operators.pools import PoolInfo
from operators.strategies.interface import PlannedStrategy, Policy
from operators.strategies.ladder_making import LadderMaking
from operators.strategies.loading import load_strategy
from operators.strategies.momentum import Momentum
from operators.strategies.swap_quotes import SwapQuotes


def indices_of(names: Iterable[str], pools: tuple[PoolInfo, ...]) -> frozenset[int]:
    """Return the indices of the pools of these names; of all pools where none is named."""
    wanted = frozenset(names)
    return frozenset(index for index, info in enumerate(pools) if not wanted or info.pool in wanted)


def planned_strategies(
    settings: Settings, pools: tuple[PoolInfo, ...], traded: frozenset[int]
) -> Iterable[PlannedStrategy]:
    """Return what is enabled, in the order that breaks ties.

    :raises DlmmError: One cannot be loaded, or finds no pools that it could trade.

    """
    if settings.strategies.market_making.enabled:
        yield _market_making(settings, pools, traded)
    if settings.strategies.statistical_arbitrage.enabled:
        mine = indices_of(settings.strategies.statistical_arbitrage.pools, pools)
        passes = indices_of(settings.target_pools.pools, pools) - traded
        yield from planned_arbitrage(settings, pools, traded & mine, passes & mine)
    if settings.strategies.momentum_trading.enabled:
        yield _momentum(settings, pools, traded)
    for custom in settings.strategies.custom:
        yield PlannedStrategy(
            strategy=load_strategy(custom.class_path, custom.params),
            pools=traded & indices_of(custom.pools, pools),
            policy=Policy(budget=custom.budget),
            label=custom.name or "",
        )


def _market_making(settings: Settings, pools: tuple[PoolInfo, ...], traded: frozenset[int]) -> PlannedStrategy:
    chosen = settings.strategies.market_making
    return PlannedStrategy(
        strategy=_ladders(settings) if chosen.quote_with == "liquidity" else _swap_quotes(settings),
        pools=traded & indices_of(chosen.pools, pools),
        policy=Policy(
            kelly_fraction=chosen.kelly_fraction,
            budget=chosen.budget,
            max_liquidity_share=chosen.max_liquidity_share,
            inventory_target=chosen.inventory_target,
            max_inventory_deviation=chosen.max_inventory_deviation,
            skew_bins=chosen.skew_bins,
            min_rebalance_s=chosen.min_rebalance_s,
        ),
    )


def _swap_quotes(settings: Settings) -> SwapQuotes:
    chosen = settings.strategies.market_making
    return SwapQuotes(
        spread_target=chosen.spread_target,
        volatility_multiplier=chosen.volatility_multiplier,
        requote_price_bps=chosen.requote_price_bps,
        requote_spread_change=chosen.requote_spread_change,
        order_expiry_slots=chosen.order_expiry_slots,
        fair_half_life_s=chosen.fair_half_life_s,
    )


def _ladders(settings: Settings) -> LadderMaking:
    chosen = settings.strategies.market_making
    return LadderMaking(
        spread_target=chosen.spread_target,
        volatility_multiplier=chosen.volatility_multiplier,
        ladder_bins=chosen.ladder_bins,
        ladder_shape=chosen.ladder_shape,
        volatility_regime=chosen.volatility_regime,
        min_rebalance_s=chosen.min_rebalance_s,
        min_updates=settings.volatility.min_samples,
        repeat_slots=chosen.order_expiry_slots,
    )


def _momentum(settings: Settings, pools: tuple[PoolInfo, ...], traded: frozenset[int]) -> PlannedStrategy:
    chosen = settings.strategies.momentum_trading
    return PlannedStrategy(
        strategy=Momentum(
            momentum_threshold=chosen.momentum_threshold,
            min_zscore=chosen.min_zscore,
            window_minutes=chosen.window_minutes,
            volume_ratio=chosen.volume_ratio,
            holding_period_minutes=chosen.holding_period_minutes,
            trailing_stop=chosen.trailing_stop,
        ),
        pools=traded & indices_of(chosen.pools, pools),
        policy=Policy(
            kelly_fraction=chosen.kelly_fraction,
            budget=chosen.budget,
            max_liquidity_share=chosen.max_liquidity_share,
            inventory_target=0.0,  # it holds nothing until it buys
            max_inventory_deviation=1.0,
        ),
    )
