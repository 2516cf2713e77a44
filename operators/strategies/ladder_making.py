"""Market making with liquidity: Y in bins below the price and X in bins above it, which earn the swap fee.

    spread = target * (1 + multiplier * volatility)        offset = ceil(spread / 2 / log step), one bin at least

Bids stand in so many bins from `offset` below the active one downwards, asks in as many from `offset` above it upwards;
the active bin itself is in neither. The ladder is wished anew when the active bin has left it, and when volatility has
changed by a factor since it was wished; a volatility of less than one bin counts as one bin, for finer moves a ladder
cannot tell apart. How much stands in it, how it leans with the inventory and whether it pays, the portfolio decides
(`operators.ladders.keeper`): so that what it withheld or what failed is not lost, the wish is repeated now and then.

A ladder is left when a Brownian motion that starts in its middle first leaves a band of half width
w = (offset + bins) * log step: after w^2 / variance on average, of which it spends (bins / (offset + bins))^2 in the
ladder's bins. What a unit of quote currency placed in it earns meanwhile is

    volume per second * LPs' part of the base fee * that time * how dense it stands / liquidity near the price

where the density is that of a unit over the ladder's bins against one over the bins that count as near.
"""

import math
from typing import ClassVar

import numpy as np

from dlmm.jit import kernel
from dlmm.price import BASIS_POINTS
from dlmm.records import Record
from dlmm.shapes import Shape
from operators.blocks import REBALANCE, SHAPES, TICK, Rows
from operators.pools import PoolInfo
from operators.strategies.interface import Kernel

NEAR_BINS = 71
"""Bins over which a row's `liquidity` stands: the active one, and 35 on either side."""

MOST_REACH = 70
"""Outermost bins lie closer to the active one than this, so that a ladder spans 140 bins at most."""

RATES_HALF_LIFE_S = 60.0
"""Of the averages of volume and of updates a second."""

LONGEST_LIFE_S = 3_600.0
"""What is beyond, a ladder is not believed to live, however calm the market."""

FIRST, LEFT, REGIME, REPEATED = range(4)
REASONS = ("first ladder", "price left it", "volatility regime", "wanted still")
FIGURES = ("spread", "volatility", "volume_per_s", "life_s")

PARAMETERS = np.dtype(
    [
        ("spread_target", "f8"),
        ("volatility_multiplier", "f8"),
        ("regime", "f8"),
        ("log_step", "f8"),
        ("fee_rate", "f8"),  # what liquidity providers get of a swap, as a fraction
        ("bins", "i8"),
        ("shape", "i8"),
        ("min_rebalance_ns", "i8"),
        ("min_updates", "i8"),
        ("repeat_slots", "i8"),
    ]
)
STATE = np.dtype(
    [
        ("updates", "i8"),
        ("ts_event_ns", "i8"),
        ("volume", "f8"),  # since time last moved on
        ("moves", "i8"),
        ("volume_rate", "f8"),  # averages, each short by the same weight of what was before the first row
        ("update_rate", "f8"),
        ("weight", "f8"),
        ("lower", "i8"),  # the ladder as it was wished last
        ("bid_upper", "i8"),
        ("ask_lower", "i8"),
        ("upper", "i8"),
        ("volatility", "f8"),
        ("wished_ns", "i8"),
        ("slot", "i8"),
        ("is_wished", "i8"),
    ]
)


@kernel
def lay_ladders(rows: Rows, state: Rows, parameters: Rows, signals: Rows) -> int:
    """Write a wish for each row at which the last ladder no longer fits."""
    p = parameters[0]
    last = state[0]
    decay = math.log(2.0) / RATES_HALF_LIFE_S
    count = 0
    for index in range(rows.shape[0]):
        row = rows[index]
        if row.kind != TICK:
            if last.updates > 0:  # over which time the first row's volume was traded, nobody knows
                last.moves += 1
                if row.volume > 0.0:
                    last.volume += row.volume
            last.updates += 1
        if last.ts_event_ns == 0:
            last.ts_event_ns = row.ts_event_ns
        elif row.ts_event_ns > last.ts_event_ns:
            seconds = (row.ts_event_ns - last.ts_event_ns) * 1e-9
            new = -math.expm1(-decay * seconds)
            last.volume_rate += new * (last.volume / seconds - last.volume_rate)
            last.update_rate += new * (last.moves / seconds - last.update_rate)
            last.weight += new * (1.0 - last.weight)
            last.ts_event_ns = row.ts_event_ns
            last.volume = 0.0
            last.moves = 0
        if last.updates < p.min_updates:
            continue
        is_repeated = False
        if last.is_wished == 0:
            reason = FIRST
        else:
            before = max(last.volatility, p.log_step)
            change = max(row.volatility, p.log_step) / before
            if row.active_id < last.lower or row.active_id > last.upper:
                reason = LEFT
            elif change >= p.regime or change * p.regime <= 1.0:
                reason = REGIME
            elif p.repeat_slots > 0 and row.slot >= last.slot + p.repeat_slots:
                reason = REPEATED
                is_repeated = True
            else:
                continue
            if row.ts_event_ns < last.wished_ns + p.min_rebalance_ns:
                continue
        spread = p.spread_target * (1.0 + p.volatility_multiplier * row.volatility)
        offset = max(math.ceil(min(spread / 2.0 / p.log_step, MOST_REACH - 1.0)), 1)
        bins = min(p.bins, MOST_REACH - offset)
        if not is_repeated:
            last.is_wished = 1
            last.bid_upper = row.active_id - offset
            last.ask_lower = row.active_id + offset
            last.lower = last.bid_upper - bins + 1
            last.upper = last.ask_lower + bins - 1
            last.volatility = row.volatility
        last.wished_ns = row.ts_event_ns
        last.slot = row.slot

        reach = (offset + bins) * p.log_step
        life = LONGEST_LIFE_S
        volume_rate = 0.0
        if last.weight > 0.0:
            volume_rate = last.volume_rate / last.weight
            variance = row.volatility * row.volatility * last.update_rate / last.weight
            if variance * LONGEST_LIFE_S > reach * reach:
                life = reach * reach / variance
        time_in_bins = life * (bins / (offset + bins)) ** 2
        density = NEAR_BINS / (2.0 * bins)
        signal = signals[count]
        signal.row = index
        signal.kind = REBALANCE
        signal.lower = last.lower
        signal.bid_upper = last.bid_upper
        signal.ask_lower = last.ask_lower
        signal.upper = last.upper
        signal.shape = p.shape
        signal.fair = row.price
        signal.reason = reason
        signal.expected_profit = volume_rate * p.fee_rate * time_in_bins * density / max(row.liquidity, 1.0)
        signal.figures[0] = spread
        signal.figures[1] = row.volatility
        signal.figures[2] = volume_rate
        signal.figures[3] = life
        count += 1
    return count


class LadderMaking(Record, frozen=True):
    """Quote both sides of a pool with liquidity in its bins.

    :arg spread_target: Distance of the innermost bid and ask at zero volatility, as a fraction of the price.

    :arg volatility_multiplier: How much volatility widens it.

    :arg ladder_bins: Bins on either side; fewer where the spread leaves no room within 70 bins of the price.

    :arg ladder_shape: How liquidity is spread over them, from the price outwards.

    :arg volatility_regime: Factor by which volatility must have changed for a new ladder.

    :arg min_rebalance_s: Market time between two wishes at the least.

    :arg min_updates: Updates of the price before the first ladder, two at the least: as many as the volatility stage
        needs for an estimate.

    :arg repeat_slots: Slots after which the wish is repeated while the ladder fits; 0 means never.

    """

    reasons: ClassVar[tuple[str, ...]] = REASONS
    figures: ClassVar[tuple[str, ...]] = FIGURES

    spread_target: float = 0.001
    volatility_multiplier: float = 10.0
    ladder_bins: int = 10
    ladder_shape: Shape = Shape.SPOT
    volatility_regime: float = 2.0
    min_rebalance_s: float = 5.0
    min_updates: int = 10
    repeat_slots: int = 150
    name: str = "market_making"

    @property
    def state_dtype(self) -> np.dtype[np.void]:
        """The ladder wished last, and the averages that tell what one may earn."""
        return STATE

    @property
    def kernel(self) -> Kernel:
        """The decision."""
        return lay_ladders

    def parameters(self, pool: PoolInfo) -> Rows:
        """Return the kernel's constants."""
        values = (
            self.spread_target,
            self.volatility_multiplier,
            self.volatility_regime,
            math.log1p(pool.bin_step / BASIS_POINTS),
            pool.base_fee * (1.0 - pool.protocol_share / BASIS_POINTS),
            self.ladder_bins,
            SHAPES.index(self.ladder_shape),
            round(self.min_rebalance_s * 1e9),
            max(self.min_updates, 2),
            self.repeat_slots,
        )
        return np.array([values], PARAMETERS)
