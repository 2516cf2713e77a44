"""From settings and a list of pools to the parameters of the trading graph."""

from hashlib import sha256

import msgspec

from dlmm.errors import DlmmError
from flows.planned_strategies import indices_of, planned_strategies
from flows.settings.tree import Settings
from flows.trading import TradingParams
from operators.books.accounts import budget_shares
from operators.desk import DeskParams
from operators.market.volatility import VolatilityParams
from operators.pools import PoolInfo
from operators.portfolio_records import PortfolioParams, RiskLimits
from operators.strategies.rounds import find_rounds


def watched_pools(settings: Settings, pools: tuple[PoolInfo, ...]) -> frozenset[int]:
    """Return the indices of the pools that the settings choose of those there are.

    :raises DlmmError: None of them is there, or one quotes in another currency than the portfolio without being of use
        to a round of statistical arbitrage.

    """
    chosen = indices_of(settings.target_pools.pools, pools)
    if not chosen:
        raise DlmmError(
            f"target_pools.pools: none of {', '.join(settings.target_pools.pools)} is in the recording, which has"
            f" {', '.join(info.pool for info in pools)}"
        )
    foreign = [pools[index] for index in sorted(chosen - _at_home(settings, pools) - _passed(settings, pools, chosen))]
    if foreign:
        raise DlmmError(
            f"portfolio.quote: the portfolio is measured in {settings.portfolio.quote}, but"
            f" {', '.join(f'{info.pool} quotes in {info.quote}' for info in foreign)};"
            " set portfolio.quote, or choose pools with target_pools.pools"
        )
    return chosen


def traded_pools(settings: Settings, pools: tuple[PoolInfo, ...]) -> frozenset[int]:
    """Return the indices of those chosen pools that have a budget: they quote in the portfolio's currency.

    The others that were chosen are passed through by rounds of statistical arbitrage, and used for nothing else.

    :raises DlmmError: As `watched_pools` does.

    """
    return watched_pools(settings, pools) & _at_home(settings, pools)


def _at_home(settings: Settings, pools: tuple[PoolInfo, ...]) -> frozenset[int]:
    return frozenset(index for index, info in enumerate(pools) if info.quote == settings.portfolio.quote)


def _passed(settings: Settings, pools: tuple[PoolInfo, ...], chosen: frozenset[int]) -> frozenset[int]:
    """Return the chosen pools in other currencies that rounds pass through, where these are looked for.

    They close a triangle of pools at home, or have the two tokens of such a pool the other way about.
    """
    arbitrage = settings.strategies.statistical_arbitrage
    if not arbitrage.enabled:
        return frozenset()
    mine = chosen & indices_of(arbitrage.pools, pools)
    rounds = find_rounds(pools, mine, settings.portfolio.quote, triangles=arbitrage.triangles)
    return frozenset[int]().union(*(one.pools for one in rounds)) - _at_home(settings, pools)


def plan(settings: Settings, pools: tuple[PoolInfo, ...]) -> TradingParams:
    """Plan the trading of a recording's or a cluster's pools.

    :raises DlmmError: No pool or no strategy is left to trade, a strategy cannot be loaded or has no pool, two have one
        name, or those of one pool want more than its budget.

    """
    traded = traded_pools(settings, pools)
    strategies = tuple(planned_strategies(settings, pools, traded))
    names = [planned.name for planned in strategies]
    if not strategies:
        raise DlmmError("strategies: none is enabled; set strategies.market_making.enabled or add strategies.custom")
    if len(set(names)) < len(names):
        raise DlmmError(f"strategies: two have the same name among {', '.join(names)}; set the name of a custom one")
    idle = [planned.name for planned in strategies if not planned.pools]
    if idle:
        raise DlmmError(
            f"strategies: none of the pools of {', '.join(idle)} is traded; the traded ones are "
            f"{', '.join(pools[index].pool for index in sorted(traded))}"
        )
    budget_shares(strategies, pools)  # more than a pool has is refused here, before anything is opened
    limits, volatility = settings.risk_limits, settings.volatility
    paper, results = settings.paper, settings.results
    fingerprint = _fingerprint(settings, pools)
    return TradingParams(
        name=settings.portfolio.name,
        desk=DeskParams(
            pools=pools,
            volatility=VolatilityParams(
                **{name: getattr(volatility, name) for name in VolatilityParams.__struct_fields__}
            ),
            strategies=strategies,
            default_liquidity=paper.default_liquidity,
            fingerprint=fingerprint,
        ),
        portfolio=PortfolioParams(
            pools=pools,
            strategies=strategies,
            limits=RiskLimits(
                max_position_size=settings.trading.max_position_size,
                max_pool_exposure=limits.max_pool_exposure,
                max_total_exposure=limits.max_total_exposure,
                max_drawdown=limits.max_drawdown,
                emergency_stop_loss=limits.emergency_stop_loss,
                max_open_orders=limits.max_open_orders,
                max_value_at_risk=limits.max_value_at_risk,
                correlation_limit=limits.correlation_limit,
                max_feed_age_slots=limits.max_feed_age_slots,
                max_orders_per_slot=limits.max_orders_per_slot,
                min_lamports=round(limits.min_sol * 1e9),
                var_sample_s=limits.var_sample_s,
                var_horizon_s=limits.var_horizon_s,
                default_volatility=limits.default_volatility,
                emergency_slippage=limits.emergency_slippage_bps / 10_000.0,
                unwind_retry_slots=limits.unwind_retry_slots,
            ),
            capital=settings.portfolio.capital,
            latency_slots=paper.latency_slots,
            slippage_bps=paper.slippage_bps,
            equity_interval_s=results.equity_interval_s,
            depth_bins=paper.synthetic_depth_bins,
            transaction_cost=settings.trading.transaction_cost,
            name=settings.portfolio.name,
            follows_reports=settings.execution.mode != "paper",
            fingerprint=fingerprint,
        ),
    )


def unknown_pools(settings: Settings, pools: tuple[PoolInfo, ...]) -> list[str]:
    """Name the pools that the settings speak of and that are not there, a line each."""
    known = {info.pool for info in pools}
    named = {
        "target_pools.pools": settings.target_pools.pools,
        "strategies.market_making.pools": settings.strategies.market_making.pools,
        "strategies.statistical_arbitrage.pools": settings.strategies.statistical_arbitrage.pools,
        "strategies.momentum_trading.pools": settings.strategies.momentum_trading.pools,
        **{f"strategies.custom ({custom.label})": custom.pools for custom in settings.strategies.custom},
    }
    return [
        f"{path}: {pool} is not in the recording"
        for path, names in named.items()
        for pool in names
        if pool not in known
    ]


def _fingerprint(settings: Settings, pools: tuple[PoolInfo, ...]) -> str:
    """Digest all settings that decide something: not where rows come from or are cut, nor where results go.

    Of execution the mode alone decides; how its orders reach the chain comes back in its reports.
    """
    deciding = (
        settings.trading,
        settings.target_pools,
        settings.portfolio,
        settings.volatility,
        settings.strategies,
        settings.risk_limits,
        settings.execution.mode,
        settings.paper,
        settings.results.equity_interval_s,
    )
    return sha256(msgspec.json.encode((deciding, pools))).hexdigest()
