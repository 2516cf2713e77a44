"""From settings to the strategies that look at several pools at once."""

from collections.abc import Iterable

from dlmm.errors import DlmmError
from flows.settings.strategies import StatisticalArbitrage as Section
from flows.settings.tree import Settings
from operators.pools import PoolInfo
from operators.strategies.cointegration import Cointegration
from operators.strategies.interface import PlannedStrategy, Policy
from operators.strategies.statistical_arbitrage import StatisticalArbitrage

SECTION = "strategies.statistical_arbitrage"


def planned_arbitrage(
    settings: Settings, pools: tuple[PoolInfo, ...], traded: frozenset[int], passes: frozenset[int]
) -> Iterable[PlannedStrategy]:
    """Return what statistical arbitrage comes to with these pools: rounds, cointegrated pairs, or both.

    :arg traded: Indices of the pools that have a budget, of those that the strategy may use.

    :arg passes: Indices of those without one.

    :raises DlmmError: No two of the pools have the same tokens, no three close a triangle, and no pair is named; or a
        pair cannot be traded.

    """
    chosen = settings.strategies.statistical_arbitrage
    rounds = StatisticalArbitrage(
        min_deviation_threshold=chosen.min_deviation_threshold,
        lookback_period_minutes=chosen.lookback_period_minutes,
        confidence_threshold=chosen.confidence_threshold,
        entry_zscore=chosen.entry_zscore,
        triangles=chosen.triangles,
        quote=settings.portfolio.quote,
    )
    joined = frozenset[int]().union(*rounds.groups(pools, traded | passes))
    if not joined and not chosen.cointegrated:
        names = ", ".join(f"{pools[index].pool} {pools[index].base}/{pools[index].quote}" for index in sorted(traded))
        raise DlmmError(
            f"{SECTION}: no two pools have the same tokens{', no three close a triangle' * chosen.triangles}, with"
            f" {settings.portfolio.quote} to begin with, among {names or 'none'}; add pools, or do not enable it"
        )
    # One budget for both of them.
    budget = chosen.budget / 2.0 if chosen.budget is not None and joined and chosen.cointegrated else chosen.budget
    if joined:
        policy = Policy(
            kelly_fraction=chosen.kelly_fraction,
            budget=budget,
            # The exact size answers for its impact: bringing prices together is what it is for.
            max_liquidity_share=1.0,
            inventory_target=0.0,  # a round begins with quote currency and holds nothing
            max_inventory_deviation=1.0,
            min_profit=chosen.min_profit,
        )
        yield PlannedStrategy(rounds, traded & joined, policy, passes=passes & joined)
    if chosen.cointegrated:
        pairs = _cointegration(chosen)
        policy = Policy(kelly_fraction=chosen.kelly_fraction, budget=budget, max_inventory_deviation=1.0)
        yield PlannedStrategy(pairs, frozenset[int]().union(*pairs.groups(pools, traded)), policy)


def _cointegration(chosen: Section) -> Cointegration:
    if not chosen.exit_zscore < chosen.entry_zscore < chosen.stop_zscore:
        raise DlmmError(
            f"{SECTION}: exit_zscore {chosen.exit_zscore:g}, entry_zscore {chosen.entry_zscore:g} and stop_zscore"
            f" {chosen.stop_zscore:g}: for cointegrated pairs each must be less than the next"
        )
    return Cointegration(
        pairs=chosen.cointegrated,
        lookback_period_minutes=chosen.lookback_period_minutes,
        entry_zscore=chosen.entry_zscore,
        exit_zscore=chosen.exit_zscore,
        stop_zscore=chosen.stop_zscore,
        max_holding_minutes=chosen.max_holding_minutes,
        min_deviation_threshold=chosen.min_deviation_threshold,
        confidence_threshold=chosen.confidence_threshold,
    )
