"""Market making with swaps: a buy and a sell with a price limit on either side of what X is thought to be worth.

    spread = target * (1 + multiplier * volatility)        bid, ask = fair * (1 -+ spread / 2)

The fair value is the price itself, or its moving average over time: a price weighs by the time since the row before,
and half as much once the half-life has passed. A new pair of quotes replaces the old when the fair value or the spread
moved enough, or when the old pair expired.
"""

import math
from typing import ClassVar

import numpy as np

from dlmm.jit import kernel
from dlmm.records import Record
from operators.blocks import QUOTE, Rows
from operators.pools import PoolInfo
from operators.strategies.interface import Kernel

FIRST, MOVED, WIDTH, EXPIRED = range(4)
REASONS = ("first quote", "fair value moved", "spread changed", "quote expired")
FIGURES = ("spread", "volatility")

PARAMETERS = np.dtype(
    [
        ("spread_target", "f8"),
        ("volatility_multiplier", "f8"),
        ("requote_price", "f8"),
        ("requote_spread", "f8"),
        ("expiry_slots", "i8"),
        ("decay_per_ns", "f8"),  # of a price's weight in the average; 0: no average is taken
    ]
)
STATE = np.dtype(
    [
        ("fair", "f8"),  # of the last quote
        ("spread", "f8"),
        ("slot", "i8"),
        ("average", "f8"),  # of the price; 0 before the first
        ("ts_event_ns", "i8"),
    ]
)


@kernel
def quote_around(rows: Rows, state: Rows, parameters: Rows, signals: Rows) -> int:
    """Write a quote for each row at which the last one no longer fits."""
    p = parameters[0]
    last = state[0]
    count = 0
    for index in range(rows.shape[0]):
        row = rows[index]
        fair = row.price
        if p.decay_per_ns > 0.0:
            if last.average > 0.0:
                keep = math.exp(-p.decay_per_ns * max(row.ts_event_ns - last.ts_event_ns, 0))
                fair = keep * last.average + (1.0 - keep) * row.price
            last.average = fair
            last.ts_event_ns = max(row.ts_event_ns, last.ts_event_ns)
        spread = p.spread_target * (1.0 + p.volatility_multiplier * row.volatility)
        if not last.fair > 0.0:
            reason = FIRST
        elif not abs(fair / last.fair - 1.0) < p.requote_price:
            reason = MOVED
        elif not abs(spread / last.spread - 1.0) < p.requote_spread:
            reason = WIDTH
        elif p.expiry_slots != 0 and row.slot >= last.slot + p.expiry_slots:
            reason = EXPIRED
        else:
            continue
        last.fair = fair
        last.spread = spread
        last.slot = row.slot
        signal = signals[count]
        signal.row = index
        signal.kind = QUOTE
        signal.bid = fair * (1.0 - spread / 2.0)
        signal.ask = fair * (1.0 + spread / 2.0)
        signal.fair = fair
        signal.expiry_slots = p.expiry_slots
        signal.reason = reason
        signal.figures[0] = spread
        signal.figures[1] = row.volatility
        count += 1
    return count


class SwapQuotes(Record, frozen=True):
    """Quote both sides of a pool with swaps.

    :arg spread_target: Spread at zero volatility, as a fraction of the fair value.

    :arg volatility_multiplier: How much volatility widens it.

    :arg requote_price_bps: Move of the fair value after which to quote anew, in basis points.

    :arg requote_spread_change: Relative change of the spread after which to quote anew.

    :arg order_expiry_slots: Slots after which a quote ends; 0 means never.

    :arg fair_half_life_s: Of the average that is quoted around; 0: around the price itself.

    """

    reasons: ClassVar[tuple[str, ...]] = REASONS
    figures: ClassVar[tuple[str, ...]] = FIGURES

    spread_target: float = 0.001
    volatility_multiplier: float = 10.0
    requote_price_bps: float = 5.0
    requote_spread_change: float = 0.25
    order_expiry_slots: int = 150
    fair_half_life_s: float = 0.0
    name: str = "market_making"

    @property
    def state_dtype(self) -> np.dtype[np.void]:
        """The last quote, and the average of the price."""
        return STATE

    @property
    def kernel(self) -> Kernel:
        """The decision."""
        return quote_around

    def parameters(self, pool: PoolInfo) -> Rows:
        """Return the kernel's constants."""
        values = (
            self.spread_target,
            self.volatility_multiplier,
            self.requote_price_bps / 10_000.0,
            self.requote_spread_change,
            self.order_expiry_slots,
            math.log(2.0) / (self.fair_half_life_s * 1e9) if self.fair_half_life_s > 0.0 else 0.0,
        )
        return np.array([values], PARAMETERS)
