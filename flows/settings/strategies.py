"""Settings of the strategies: ours, each in its own section, and the user's in a list."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from dlmm.shapes import Shape
from flows.settings.values import (
    Amount,
    BasisPoints,
    Count,
    Fraction,
    Name,
    PoolName,
    PositiveFraction,
    Section,
    StrategyPath,
)

Minutes = Annotated[float, Meta(gt=0, le=10_080)]


class MarketMaking(Section, frozen=True):
    """Bids and asks around the price: spread = `spread_target` x (1 + `volatility_multiplier` x volatility).

    :arg quote_with: `liquidity`: Y in bins below the price and X in bins above it, which earn the swap fee; `swaps`:
        buys and sells with a price limit.

    :arg spread_target: Distance of bid and ask in calm, as a fraction of the price.

    :arg inventory_target: Share of the strategy's worth in the pool that is held in the base token.

    :arg max_inventory_deviation: How far that share may stray from its target before one side stops quoting, or
        before the ladder is placed anew.

    :arg fair_half_life_s: Of the moving average that swaps are quoted around; 0: around the price itself.

    :arg ladder_bins: Bins on either side of a ladder.

    :arg ladder_shape: How liquidity is spread over them, from the price outwards.

    :arg skew_bins: Bins by which both sides move away from the price's side of which there is too much, at the largest
        deviation of the inventory.

    :arg volatility_regime: Factor by which volatility must have changed for the ladder to be placed anew.

    :arg min_rebalance_s: Market time between two placements at the least.

    :arg requote_price_bps: Requote once the price moved this far from where the quotes were made.

    :arg requote_spread_change: Requote once the spread changed by this part of itself.

    :arg order_expiry_slots: Slots after which a resting quote is withdrawn.

    :arg kelly_fraction: Part of the Kelly size that an order takes.

    :arg max_liquidity_share: Largest order, as a part of the liquidity that stands near the price.

    :arg budget: Part of a pool's budget that it may use; None: an even share of what the other strategies leave.

    :arg pools: Pools to quote in; none named means all.

    """

    enabled: bool = True
    quote_with: Literal["liquidity", "swaps"] = "swaps"
    spread_target: Annotated[float, Meta(gt=0, lt=1)] = 0.001
    inventory_target: Fraction = 0.5
    max_inventory_deviation: Fraction = 0.2
    volatility_multiplier: Annotated[float, Meta(ge=0, le=1e6)] = 10.0
    fair_half_life_s: Annotated[float, Meta(ge=0, le=86_400)] = 0.0
    ladder_bins: Annotated[int, Meta(ge=1, le=64)] = 10
    ladder_shape: Shape = Shape.SPOT
    skew_bins: Annotated[float, Meta(ge=0, le=64)] = 2.0
    volatility_regime: Annotated[float, Meta(gt=1, le=100)] = 2.0
    min_rebalance_s: Annotated[float, Meta(ge=0, le=86_400)] = 5.0
    requote_price_bps: BasisPoints = 5.0
    requote_spread_change: Annotated[float, Meta(ge=0, le=100)] = 0.25
    order_expiry_slots: Count = 150
    kelly_fraction: PositiveFraction = 0.25
    max_liquidity_share: PositiveFraction = 0.01
    budget: PositiveFraction | None = None
    pools: tuple[PoolName, ...] = ()


class StatisticalArbitrage(Section, frozen=True):
    """Prices of one token pair that strayed from each other, and of tokens that move together.

    :arg min_deviation_threshold: Distance of the pools' price ratio from its expected value, as a fraction.

    :arg lookback_period_minutes: Window on which the expected ratio and its deviation are estimated.

    :arg confidence_threshold: Below it nothing is traded.

    :arg entry_zscore: Standard deviations from which a deviation is traded.

    :arg exit_zscore: Within so many a position in a cointegrated pair is closed with its profit ..

    :arg stop_zscore: .. and beyond so many with its loss ..

    :arg max_holding_minutes: .. and after so long in any case.

    :arg cointegrated: Pairs of pools whose tokens move together, such as mSOL/USDC and SOL/USDC.

    :arg triangles: Whether rounds over three pools are looked for.

    :arg min_profit: Least profit for which a transaction is sent, in quote currency, all costs taken off.

    :arg kelly_fraction: Part of the Kelly size that a position in a cointegrated pair takes.

    :arg budget: Part of a pool's budget that it may use, half of it for rounds and half for cointegrated pairs where
        there are both; None: an even share of what the other strategies leave.

    :arg pools: Pools to trade; none named means all.

    """

    enabled: bool = False
    min_deviation_threshold: PositiveFraction = 0.002
    lookback_period_minutes: Minutes = 5
    confidence_threshold: Fraction = 0.7
    entry_zscore: Annotated[float, Meta(gt=0, le=100)] = 2.0
    exit_zscore: Annotated[float, Meta(ge=0, le=100)] = 0.5
    stop_zscore: Annotated[float, Meta(gt=0, le=1_000)] = 4.0
    max_holding_minutes: Minutes = 60
    cointegrated: tuple[tuple[PoolName, PoolName], ...] = ()
    triangles: bool = True
    min_profit: Amount = 0.01
    kelly_fraction: PositiveFraction = 0.25
    budget: PositiveFraction | None = None
    pools: tuple[PoolName, ...] = ()


class MomentumTrading(Section, frozen=True):
    """Following a move for a while.

    :arg momentum_threshold: Return over the window from which a move counts, as a fraction ..

    :arg min_zscore: .. and in units of the volatility over that window.

    :arg window_minutes: That window.

    :arg volume_ratio: Volume over the window against what is usual, from which a move is believed; 0: volume is not
        asked.

    :arg holding_period_minutes: After it the position is left in any case.

    :arg trailing_stop: Fall from the highest price since the entry at which the position is left, in units of the
        volatility over the window.

    :arg kelly_fraction: Part of the Kelly size that an order takes.

    :arg max_liquidity_share: Largest order, as a part of the liquidity that stands near the price.

    :arg budget: Part of a pool's budget that it may use; None: an even share of what the other strategies leave.

    :arg pools: Pools to trade; none named means all.

    """

    enabled: bool = False
    momentum_threshold: PositiveFraction = 0.005
    min_zscore: Annotated[float, Meta(ge=0, le=100)] = 2.0
    window_minutes: Minutes = 5
    volume_ratio: Annotated[float, Meta(ge=0, le=1_000)] = 1.5
    holding_period_minutes: Minutes = 2
    trailing_stop: Annotated[float, Meta(gt=0, le=1_000)] = 2.0
    kelly_fraction: PositiveFraction = 0.25
    max_liquidity_share: PositiveFraction = 0.01
    budget: PositiveFraction | None = None
    pools: tuple[PoolName, ...] = ()


class CustomStrategy(Section, frozen=True):
    """One strategy of the user's own.

    :arg class_path: Where its class is, under the key `class`; or the name of an installed one.

    :arg name: How reports call it; None: the class's name.

    :arg params: Handed to the class as they are.

    :arg budget: Part of a pool's budget that it may use; None: an even share of what the other strategies leave.

    :arg pools: Pools it runs in; none named means all.

    """

    class_path: StrategyPath = msgspec.field(name="class")
    name: Name | None = None
    params: dict[str, object] = msgspec.field(default_factory=dict)
    budget: PositiveFraction | None = None
    pools: tuple[PoolName, ...] = ()

    @property
    def label(self) -> str:
        """Its name in reports."""
        return self.name or self.class_path.rpartition(":")[2]


class Strategies(Section, frozen=True):
    """The strategies, ours by name and the user's own in a list."""

    market_making: MarketMaking = MarketMaking()
    statistical_arbitrage: StatisticalArbitrage = StatisticalArbitrage()
    momentum_trading: MomentumTrading = MomentumTrading()
    custom: tuple[CustomStrategy, ...] = ()
