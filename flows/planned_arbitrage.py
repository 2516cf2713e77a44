"""From settings to the strategies that look at several pools at once."""

from collections.abc import Iterable

from dlmm.errors import DlmmError
from flows.settings.tree import Settings
from operators.pools import PoolInfo
from operators.strategies.interface import PlannedStrategy, Policy
from operators.strategies.statistical_arbitrage import StatisticalArbitrage

SECTION = "strategies.statistical_arbitrage"


def planned_arbitrage(
    settings: Settings, pools: tuple[PoolInfo, ...], traded: frozenset[int], passes: frozenset[int]
) -> Iterable[PlannedStrategy]:
    """Return what statistical arbitrage comes to with these pools.

    :arg traded: Indices of the pools that have a budget, of those that the strategy may use.

    :arg passes: Indices of those without one.

    :raises DlmmError: No two of the pools have the same tokens, and no three close a triangle.

    """
    chosen = settings.strategies.statistical_arbitrage
    strategy = StatisticalArbitrage(
        min_deviation_threshold=chosen.min_deviation_threshold,
        lookback_period_minutes=chosen.lookback_period_minutes,
        confidence_threshold=chosen.confidence_threshold,
        entry_zscore=chosen.entry_zscore,
        triangles=chosen.triangles,
        quote=settings.portfolio.quote,
    )
    joined = frozenset[int]().union(*strategy.groups(pools, traded | passes))
    if not joined:
        names = ", ".join(f"{pools[index].pool} {pools[index].base}/{pools[index].quote}" for index in sorted(traded))
        raise DlmmError(
            f"{SECTION}: no two pools have the same tokens{', no three close a triangle' * chosen.triangles}, with"
            f" {settings.portfolio.quote} to begin with, among {names or 'none'}; add pools, or do not enable it"
        )
    yield PlannedStrategy(
        strategy=strategy,
        pools=traded & joined,
        policy=Policy(
            kelly_fraction=chosen.kelly_fraction,
            budget=chosen.budget,
            # The exact size answers for its impact: bringing prices together is what it is for.
            max_liquidity_share=1.0,
            inventory_target=0.0,  # a round begins with quote currency and holds nothing
            max_inventory_deviation=1.0,
            min_profit=chosen.min_profit,
        ),
        passes=passes & joined,
    )
