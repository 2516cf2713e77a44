"""The settings tree: every section and key, with its default and its bounds.

Bounds live in the types, so that the tree is also what `flows.settings.check` explains to the user. Every number is
bounded on both sides, which is what refuses NaN and infinity. A key that is added here needs nothing anywhere else to
be read, overridden, shown and refused.
"""

from typing import Annotated, Literal

from msgspec import Meta

from flows.settings.execution import Execution, Wallet
from flows.settings.inputs import Feeds, Monitoring, Network, Recording, Sandbox
from flows.settings.strategies import Strategies
from flows.settings.values import (
    Amount,
    BasisPoints,
    Currency,
    FilePath,
    Fraction,
    Name,
    PoolName,
    PositiveFraction,
    Section,
)


class Paper(Section, frozen=True):
    """How simulated orders land and fill, live and in replay.

    :arg latency_slots: Slots between an order's decision and its landing.

    :arg slippage_bps: How much worse than its limit an order may still land.

    :arg synthetic_depth_bins: Half width of the liquidity that stands in where a recording has no bins.

    :arg default_liquidity: What stands in a pool near the price, in quote currency, where the feed is silent.

    """

    latency_slots: Annotated[int, Meta(ge=1, le=100_000)] = 1
    slippage_bps: BasisPoints = 50.0
    synthetic_depth_bins: Annotated[int, Meta(ge=0, le=127)] = 35
    default_liquidity: Amount = 1_000_000.0


class Results(Section, frozen=True):
    """What a run leaves behind.

    :arg runs_dir: Folder that receives each run's results.

    :arg equity_interval_s: Market time between two points of the equity curve.

    """

    runs_dir: FilePath = "runs"
    equity_interval_s: Annotated[float, Meta(ge=0.001, le=86_400)] = 60.0


class Trading(Section, frozen=True):
    """What holds for every order.

    :arg dlmm_program_id: Address of the program that the pools belong to.

    :arg max_position_size: Largest order, in quote currency.

    :arg dry_run: With signed execution, whether transactions are simulated by the cluster in the place of being sent.
        None: they are sent on the embedded sandbox, and simulated on every other cluster until this is set to false.

    :arg transaction_cost: What one transaction costs, in quote currency: expected profits are held against it, and on
        paper each order that reaches its pool pays it.

    """

    dlmm_program_id: str = "LBUZKhRxPF3XUpBCjp4YzTKgLccjZhTSDM9YuVaPwxo"
    max_position_size: Amount = 10_000.0
    dry_run: bool | None = None
    transaction_cost: Annotated[float, Meta(ge=0, le=1_000)] = 0.002


class TargetPools(Section, frozen=True):
    """Which pools to trade; none named means every pool of the recording."""

    pools: tuple[PoolName, ...] = ()


class Portfolio(Section, frozen=True):
    """The ledger that the orders are booked in.

    :arg quote: Currency that capital, limits and results are measured in.

    :arg capital: What the portfolio starts with, in quote currency.

    """

    name: Name = "main"
    quote: Currency = "USDC"
    capital: Annotated[float, Meta(gt=0, le=1e12)] = 100_000.0


class Volatility(Section, frozen=True):
    """Short-term volatility of each pool's price, per update.

    :arg window: Updates that the rolling estimator looks back on.

    :arg min_samples: Updates until which `default` stands in for an estimate.

    :arg default: Standard deviation of a log return, as a fraction: 0.02 is 2 %.

    :arg half_life_updates: Updates after which the EWMA estimator has forgotten half.

    """

    estimator: Literal["rolling", "ewma"] = "rolling"
    window: Annotated[int, Meta(ge=2, le=512)] = 20
    min_samples: Annotated[int, Meta(ge=1, le=512)] = 10
    default: Annotated[float, Meta(ge=0, le=10)] = 0.02
    half_life_updates: Annotated[float, Meta(gt=0, le=1e6)] = 10.0


class RiskLimits(Section, frozen=True):
    """What the risk gate holds every order against; amounts in quote currency, fractions of the portfolio.

    :arg max_value_at_risk: At 95 %, over `var_horizon_s`: by the returns of the past, and by `default_volatility` until
        there are enough of them.

    :arg var_sample_s: Market time between two samples of those returns.

    :arg default_volatility: Standard deviation of a log return between two samples, as a fraction.

    :arg correlation_limit: Pools whose returns correlate more than this count as one for `max_pool_exposure`.

    :arg max_feed_age_slots: Slots without a word about a pool after which it takes no new risk.

    :arg max_orders_per_slot: Of those that add risk.

    :arg min_sol: Native SOL that is kept for getting out.

    :arg max_drawdown: Fall from the highest equity at which no new risk is taken.

    :arg emergency_stop_loss: Fall at which everything is unwound.

    :arg emergency_slippage_bps: How much worse than the price the emergency stop sells.

    :arg unwind_retry_slots: Slots between two attempts of it to sell or close the same thing.

    :arg max_open_orders: Resting orders, per pool.

    """

    max_pool_exposure: Amount = 50_000.0
    max_total_exposure: Amount = 100_000.0
    max_value_at_risk: Amount = 5_000.0
    max_drawdown: PositiveFraction = 0.05
    emergency_stop_loss: PositiveFraction = 0.10
    emergency_slippage_bps: BasisPoints = 200.0
    unwind_retry_slots: Annotated[int, Meta(ge=1, le=100_000)] = 10
    correlation_limit: Fraction = 0.8
    var_sample_s: Annotated[float, Meta(ge=0.001, le=86_400)] = 10.0
    var_horizon_s: Annotated[float, Meta(ge=1, le=31_536_000)] = 3_600.0
    default_volatility: Annotated[float, Meta(ge=0, le=1)] = 0.001
    max_feed_age_slots: Annotated[int, Meta(ge=1, le=1_000_000)] = 25
    max_orders_per_slot: Annotated[int, Meta(ge=1, le=1_000_000)] = 64
    min_sol: Annotated[float, Meta(ge=0, le=1_000_000)] = 0.01
    max_open_orders: Annotated[int, Meta(ge=1, le=10_000)] = 64


class Replay(Section, frozen=True):
    """How a recording is replayed.

    :arg recording: Parquet file, or folder of such files.

    :arg block_rows: Rows of one pool that travel together at most; it changes the speed, never the result.

    :arg name: Of the run, in the name of its results' folder.

    """

    recording: FilePath = "replay_data/sandbox.parquet"
    block_rows: Annotated[int, Meta(ge=1, le=1_000_000)] = 20_000
    name: Name = "replay"


class Settings(Section, frozen=True):
    """Everything a user can set. What is built in code is not checked: decode it, as `flows.settings.load` does."""

    network: Network = Network()
    feeds: Feeds = Feeds()
    recording: Recording = Recording()
    sandbox: Sandbox = Sandbox()
    execution: Execution = Execution()
    wallet: Wallet = Wallet()
    trading: Trading = Trading()
    target_pools: TargetPools = TargetPools()
    portfolio: Portfolio = Portfolio()
    volatility: Volatility = Volatility()
    strategies: Strategies = Strategies()
    risk_limits: RiskLimits = RiskLimits()
    paper: Paper = Paper()
    results: Results = Results()
    replay: Replay = Replay()
    monitoring: Monitoring = Monitoring()
