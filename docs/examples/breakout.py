"""An example strategy with a kernel: buy what breaks out of its recent range, sell what breaks down."""

import numpy as np

from dlmm.jit import kernel
from dlmm.records import Record
from operators.blocks import TAKE, Rows
from operators.pools import PoolInfo
from operators.strategies.interface import Kernel

STATE = np.dtype([("high", "f8"), ("low", "f8"), ("rows", "i8")])
PARAMETERS = np.dtype([("forget", "f8"), ("warm_up", "i8")])


@kernel
def break_out(rows: Rows, state: Rows, parameters: Rows, signals: Rows) -> int:
    """Take in the direction of a break; the range closes in on the price a little with every row."""
    range_, p = state[0], parameters[0]
    count = 0
    for index in range(rows.shape[0]):
        price = rows[index].price
        if range_.rows == 0:
            range_.high = range_.low = price
        if range_.rows >= p.warm_up and (price > range_.high or price < range_.low):
            signal = signals[count]
            signal.row = index
            signal.kind = TAKE
            if price > range_.high:
                signal.bid = price
            else:
                signal.ask = price
            count += 1
        range_.high = max(price, range_.high - p.forget * (range_.high - price))
        range_.low = min(price, range_.low + p.forget * (price - range_.low))
        range_.rows += 1
    return count


class Breakout(Record, frozen=True):
    """Trade breaks of a range that forgets `forget` of its width with every row, after `warm_up` rows."""

    forget: float = 0.01
    warm_up: int = 50
    name: str = "breakout"

    @property
    def state_dtype(self) -> np.dtype[np.void]:
        """The range so far."""
        return STATE

    @property
    def kernel(self) -> Kernel:
        """The decision."""
        return break_out

    def parameters(self, pool: PoolInfo) -> Rows:
        """Return the kernel's constants, the same for every pool."""
        return np.array([(self.forget, self.warm_up)], PARAMETERS)
