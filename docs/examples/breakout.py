"""An example strategy with a kernel: buy what breaks out of its recent range, sell it all when it breaks down."""

import numpy as np

from dlmm.jit import kernel
from dlmm.records import Record
from operators.blocks import TAKE, TICK, Rows
from operators.pools import PoolInfo

STATE = np.dtype([("high", "f8"), ("low", "f8"), ("rows", "i8")])
PARAMETERS = np.dtype([("forget", "f8"), ("warm_up", "i8")])


@kernel
def break_out(rows: Rows, state: Rows, parameters: Rows, signals: Rows) -> int:
    """Take in the direction of a break; the range closes in on the price a little with every row."""
    s, p, count = state[0], parameters[0], 0
    for index in range(rows.shape[0]):
        price = rows[index].price
        if rows[index].kind == TICK:
            continue
        if s.rows == 0:
            s.high = s.low = price
        if s.rows >= p.warm_up and (price > s.high or price < s.low):
            signal = signals[count]
            signal.row, signal.kind, signal.figures[0] = index, TAKE, s.high / s.low - 1.0
            if price > s.high:
                signal.bid, signal.reason = price, 0
            else:
                signal.ask, signal.fraction, signal.reason = price, 1.0, 1
            count += 1
        s.high = max(price, s.high - p.forget * (s.high - price))
        s.low = min(price, s.low + p.forget * (price - s.low))
        s.rows += 1
    return count


class Breakout(Record, frozen=True):
    """Trade breaks of a range that forgets `forget` of its width with every row, after `warm_up` rows."""

    forget: float = 0.01
    warm_up: int = 50
    name: str = "breakout"
    state_dtype, kernel = STATE, staticmethod(break_out)
    reasons, figures = ("out of its range", "down from its range"), ("width of the range",)

    def parameters(self, pool: PoolInfo) -> Rows:
        """Return the kernel's constants, the same for every pool."""
        return np.array([(self.forget, self.warm_up)], PARAMETERS)
