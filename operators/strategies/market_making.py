"""Market making around the price, with a spread that widens with volatility.

    spread = target * (1 + multiplier * volatility)        bid, ask = price * (1 -+ spread / 2)

A new pair of quotes replaces the old when the price or the spread moved enough, or when the old pair expired. In this
form the quotes are swaps with a price limit.
"""

import numpy as np

from dlmm.jit import kernel
from dlmm.records import Record
from operators.blocks import QUOTE, Rows
from operators.pools import PoolInfo
from operators.strategies.interface import Kernel

PARAMETERS = np.dtype(
    [
        ("spread_target", "f8"),
        ("volatility_multiplier", "f8"),
        ("requote_price", "f8"),
        ("requote_spread", "f8"),
        ("expiry_slots", "i8"),
    ]
)
STATE = np.dtype([("price", "f8"), ("spread", "f8"), ("slot", "i8")])


@kernel
def quote_around(rows: Rows, state: Rows, parameters: Rows, signals: Rows) -> int:
    """Write a quote for each row at which the last one no longer fits."""
    p = parameters[0]
    last = state[0]
    count = 0
    for index in range(rows.shape[0]):
        row = rows[index]
        spread = p.spread_target * (1.0 + p.volatility_multiplier * row.volatility)
        fits = (
            last.price > 0.0
            and abs(row.price / last.price - 1.0) < p.requote_price
            and abs(spread / last.spread - 1.0) < p.requote_spread
            and (p.expiry_slots == 0 or row.slot < last.slot + p.expiry_slots)
        )
        if fits:
            continue
        last.price = row.price
        last.spread = spread
        last.slot = row.slot
        signal = signals[count]
        signal.row = index
        signal.kind = QUOTE
        signal.bid = row.price * (1.0 - spread / 2.0)
        signal.ask = row.price * (1.0 + spread / 2.0)
        signal.fair = row.price
        signal.expiry_slots = p.expiry_slots
        count += 1
    return count


class MarketMaking(Record, frozen=True):
    """Quote both sides of a pool.

    :arg spread_target: Spread at zero volatility, as a fraction of the price.

    :arg volatility_multiplier: How much volatility widens it.

    :arg requote_price_bps: Move of the price after which to quote anew, in basis points.

    :arg requote_spread_change: Relative change of the spread after which to quote anew.

    :arg order_expiry_slots: Slots after which a quote ends; 0 means never.

    """

    spread_target: float = 0.001
    volatility_multiplier: float = 10.0
    requote_price_bps: float = 5.0
    requote_spread_change: float = 0.25
    order_expiry_slots: int = 150
    name: str = "market_making"

    @property
    def state_dtype(self) -> np.dtype[np.void]:
        """Price, spread and slot of the last quote."""
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
        )
        return np.array([values], PARAMETERS)
