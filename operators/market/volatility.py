"""Short-term volatility of a pool's price, written into every row.

Both estimators work on log returns between updates, so their unit is the standard deviation of one update's move. Until
`min_samples` updates are there they answer the configured default.
"""

import math
from typing import Literal

import numpy as np

from dlmm.jit import kernel
from dlmm.records import Record
from operators.blocks import TICK, Rows

MAX_WINDOW = 512

RETURNS = np.dtype(
    [
        ("price", "f8"),
        ("updates", "i8"),
        ("next", "i8"),
        ("variance", "f8"),
        ("ring", "f8", (MAX_WINDOW,)),
    ]
)


@kernel
def _rolling(rows: Rows, state: Rows, window: int, min_samples: int, default: float) -> None:
    """Take the population standard deviation of the returns between the last `window` updates, anew at every row."""
    z = state[0]
    ring = z.ring
    size = window - 1
    for index in range(rows.shape[0]):
        row = rows[index]
        if row.kind != TICK:
            if z.updates > 0:
                ring[z.next] = math.log(row.price / z.price)
                z.next = z.next + 1 if z.next + 1 < size else 0
            z.price = row.price
            z.updates += 1
            count = min(z.updates - 1, size)
            if z.updates < min_samples or count < 1:
                z.variance = default * default
            else:
                total = 0.0
                squares = 0.0
                for k in range(count):
                    total += ring[k]
                    squares += ring[k] * ring[k]
                mean = total / count
                z.variance = max(squares / count - mean * mean, 0.0)
        row.volatility = math.sqrt(z.variance)


@kernel
def _ewma(rows: Rows, state: Rows, keep: float, min_samples: int, default: float) -> None:
    """Take the root of the exponentially weighted mean of squared returns; `keep` is the weight of the past."""
    z = state[0]
    for index in range(rows.shape[0]):
        row = rows[index]
        if row.kind != TICK:
            if z.updates > 0:
                move = math.log(row.price / z.price)
                square = move * move
                z.variance = square if z.updates == 1 else keep * z.variance + (1.0 - keep) * square
            z.price = row.price
            z.updates += 1
        row.volatility = default if z.updates < max(min_samples, 2) else math.sqrt(z.variance)


class VolatilityParams(Record, frozen=True):
    """How to estimate.

    :arg estimator: `rolling` over a window of updates, or `ewma` with a half-life.

    :arg window: Updates in the window, so one return fewer; at most 512.

    :arg min_samples: Updates needed before the estimate is used; never before there is a return.

    :arg default: What to answer until then, as a fraction.

    :arg half_life_updates: Updates after which a return weighs half (ewma).

    """

    estimator: Literal["rolling", "ewma"] = "rolling"
    window: int = 20
    min_samples: int = 10
    default: float = 0.02
    half_life_updates: float = 10.0


class Volatility:
    """Estimate one pool's volatility.

    >>> from operators.blocks import ROW
    >>> rows = np.zeros(3, ROW)
    >>> rows["price"] = 100.0, 101.0, 100.0
    >>> Volatility(VolatilityParams(min_samples=3)).estimate(rows)
    >>> [round(float(v), 6) for v in rows["volatility"]]
    [0.02, 0.02, 0.00995]

    """

    def __init__(self, params: VolatilityParams) -> None:
        """Start with no update seen."""
        self._params = params
        self._state = np.zeros(1, RETURNS)

    def estimate(self, rows: Rows) -> None:
        """Write `volatility` into every row, in place."""
        p = self._params
        if p.estimator == "ewma":
            keep = math.exp(-math.log(2.0) / p.half_life_updates)
            _ewma(rows, self._state, keep, p.min_samples, p.default)
        else:
            _rolling(rows, self._state, p.window, p.min_samples, p.default)

    def snapshot(self) -> bytes:
        """Return the state as bytes."""
        return self._state.tobytes()

    def restore(self, state: bytes) -> None:
        """Go on from a snapshot."""
        self._state = np.frombuffer(state, RETURNS).copy()
