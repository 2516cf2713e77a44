"""The `mm` workload's strategy, written as a user writes one: quotes that follow the price and its volatility.

On every update: r = ln(price / last price); sigma = population standard deviation of the last 64 returns (0 before 16);
half = clip(5 bps + 2 sigma, at most 100 bps). Requote when the price moved 8 bps or `half` changed by 75 %.
"""

import math

import numpy as np

from dlmm.jit import kernel
from dlmm.records import Record
from operators.blocks import QUOTE, Rows
from operators.pools import PoolInfo
from operators.strategies.interface import Kernel

WINDOW = 64
STATE = np.dtype(
    [
        ("last", "f8"),
        ("ring", "f8", (WINDOW,)),
        ("next", "i8"),
        ("count", "i8"),
        ("total", "f8"),
        ("squares", "f8"),
        ("quoted_price", "f8"),
        ("quoted_half", "f8"),
    ]
)
PARAMETERS = np.dtype([("size", "f8")])


@kernel
def follow(rows: Rows, state: Rows, parameters: Rows, signals: Rows) -> int:
    """Write a quote for each row at which the price or the spread moved enough."""
    z = state[0]
    ring = z.ring
    written = 0
    for index in range(rows.shape[0]):
        price = rows[index].price
        if z.last != 0.0:
            move = math.log(price / z.last)
            old = ring[z.next]
            ring[z.next] = move
            z.next = (z.next + 1) % WINDOW
            if z.count < WINDOW:
                z.count += 1
            z.total += move - old
            z.squares += move * move - old * old
        z.last = price
        sigma = 0.0
        if z.count >= 16:
            mean = z.total / z.count
            variance = z.squares / z.count - mean * mean
            if variance > 1e-16:
                sigma = math.sqrt(variance)
        half = min(5e-4 + 2.0 * sigma, 1e-2)
        if (
            z.quoted_price == 0.0
            or abs(price / z.quoted_price - 1.0) >= 8e-4
            or abs(half - z.quoted_half) >= 0.75 * z.quoted_half
        ):
            z.quoted_price = price
            z.quoted_half = half
            signal = signals[written]
            signal.row = index
            signal.kind = QUOTE
            signal.bid = price * (1.0 - half)
            signal.ask = price * (1.0 + half)
            signal.bid_size = parameters[0].size
            signal.ask_size = parameters[0].size
            signal.fair = price
            written += 1
    return written


class MmVol(Record, frozen=True):
    """The workload's strategy.

    :arg size: Whole tokens of X on either side.

    """

    size: float = 10.0
    name: str = "mm_vol"

    @property
    def state_dtype(self) -> np.dtype[np.void]:
        """The ring of returns, its sums, and the last quote."""
        return STATE

    @property
    def kernel(self) -> Kernel:
        """The decision."""
        return follow

    def parameters(self, pool: PoolInfo) -> Rows:
        """Return the kernel's constants."""
        return np.array([(self.size,)], PARAMETERS)
