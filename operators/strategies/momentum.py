"""Momentum: follow a rise for a while, and leave by the clock, by its turn or by a stop.

Time is cut into `GRID` steps a window. With p(k) the price that stood at the k-th border between two steps, the last of
them c, and p the price now:

    return = p / p(c - GRID) - 1        volatility^2 = sum over the window's steps of log(p(k) / p(k-1))^2
    z-score = return / volatility       volume ratio = volume since p(c - GRID) / usual volume of as many steps

So the volatility is the standard deviation of a step's return (around zero: a trend is a move, not a mean to be taken
off) scaled to the window by the root of time. A single jump has a z-score of about 1 and a straight ramp one of
sqrt(GRID). The usual volume is a moving average over what has left the window: a burst is not measured by itself.

It buys where return and z-score reach their bounds, the volume confirms them, and the return is more than the two base
fees of getting in and out; it sells all that it holds. There is no selling first: a spot wallet has nothing to sell
short. It has one position at a time, and after it the return has to fall below its bound before the next one.
"""

import math
from typing import ClassVar

import numpy as np

from dlmm.jit import kernel
from dlmm.records import Record
from operators.blocks import TAKE, TICK, Fields, Rows
from operators.pools import PoolInfo
from operators.strategies.interface import Kernel

GRID = 60
USUAL_WINDOWS = 12
"""Windows over which the usual volume is averaged; after one of them there is an average at all."""
LARGEST_FEE = 1.0 - 1e-9
"""A pool that takes everything still leaves a limit that is a number."""
MEDIUM, HIGH = 1, 2
ENTRY, HOLDING_PERIOD, REVERSAL, TRAILING_STOP = range(4)

PARAMETERS = np.dtype(
    [
        ("momentum_threshold", "f8"),
        ("min_zscore", "f8"),
        ("volume_ratio", "f8"),
        ("trailing_stop", "f8"),
        ("fee", "f8"),
        ("step_ns", "i8"),
        ("holding_ns", "i8"),
    ]
)
STATE = np.dtype(
    [
        ("step", "i8"),  # that the last row lies in, counted from the epoch
        ("borders", "i8"),  # whose price is known, GRID + 1 at most
        ("price", "f8"),  # 0 before the first
        ("volume", "f8"),  # of the step so far
        ("window_volume", "f8"),  # of the GRID steps before it
        ("volatility", "f8"),
        ("usual", "f8"),  # volume of one step
        ("usual_steps", "i8"),  # that it is an average of
        ("is_in", "i8"),
        ("is_spent", "i8"),  # 1 while the move that was followed last goes on
        ("entered_ns", "i8"),
        ("high", "f8"),  # since the entry
        ("stop", "f8"),  # fall from there that ends it, as a fraction
        ("prices", "f8", (GRID + 1,)),  # at the borders
        ("squares", "f8", (GRID,)),  # of the steps' log returns
        ("volumes", "f8", (GRID,)),  # of the steps
    ]
)


@kernel
def _go_on(state: Fields, step: int) -> None:
    """Cross the borders up to a step, with the price that has stood since the last row."""
    while state.step < step:
        state.step += 1
        place = state.step % GRID
        if state.borders > 0:
            move = math.log(state.price / state.prices[(state.step - 1) % (GRID + 1)])
            state.squares[place] = move * move
        if state.borders > GRID:
            state.usual_steps = min(state.usual_steps + 1, USUAL_WINDOWS * GRID)
            state.usual += (state.volumes[place] - state.usual) / state.usual_steps
        state.volumes[place] = state.volume
        state.volume = 0.0
        state.prices[state.step % (GRID + 1)] = state.price
        state.borders = min(state.borders + 1, GRID + 1)
    squares = 0.0
    volume = 0.0
    for place in range(GRID):
        squares += state.squares[place]
        volume += state.volumes[place]
    state.volatility = math.sqrt(squares)
    state.window_volume = volume


@kernel
def follow(rows: Rows, state: Rows, parameters: Rows, signals: Rows) -> int:
    """Write a purchase where a rise begins to count, and a sale of it all where it ends."""
    p = parameters[0]
    s = state[0]
    count = 0
    for index in range(rows.shape[0]):
        row = rows[index]
        is_tick = row.kind == TICK
        if not row.price > 0.0:
            continue
        step = row.ts_event_ns // p.step_ns
        if s.price == 0.0 or step - s.step > GRID:  # nothing yet, or a window of silence: there is no past to judge by
            s.step = step
            s.borders = 0
            s.volume = 0.0
            s.volatility = 0.0
            s.usual = 0.0
            s.usual_steps = 0
        elif step > s.step:
            _go_on(s, step)
        if not is_tick or s.price == 0.0:
            s.price = row.price
        if not is_tick:
            s.volume += row.volume
        is_known = s.borders > GRID
        gain = s.price / s.prices[(s.step - GRID) % (GRID + 1)] - 1.0 if is_known else 0.0
        has_moved = is_known and s.volatility > 0.0
        z_score = gain / s.volatility if has_moved else 0.0
        is_rise = has_moved and gain >= p.momentum_threshold and z_score >= p.min_zscore
        volume_ratio = math.nan
        if is_known and s.usual_steps >= GRID and s.usual > 0.0:
            volume_ratio = (s.window_volume + s.volume) / (s.usual * GRID)
        reason = ENTRY
        if s.is_in != 0:
            s.high = max(s.high, s.price)
            if 1.0 - s.price / s.high >= s.stop:
                reason = TRAILING_STOP
            elif is_known and gain < 0.0:
                reason = REVERSAL
            elif row.ts_event_ns - s.entered_ns >= p.holding_ns:
                reason = HOLDING_PERIOD
            else:
                continue
            s.is_in = 0
        else:
            if not is_rise:
                s.is_spent = 0
                continue
            if is_tick or s.is_spent != 0 or gain <= 2.0 * p.fee:
                continue
            if p.volume_ratio > 0.0 and not volume_ratio >= p.volume_ratio:
                continue
            s.is_in = 1
            s.is_spent = 1
            s.entered_ns = row.ts_event_ns
            s.high = s.price
            s.stop = p.trailing_stop * s.volatility
        signal = signals[count]
        signal.row = index
        signal.kind = TAKE
        signal.reason = reason
        signal.fair = s.price
        signal.figures[0] = gain
        signal.figures[1] = z_score
        signal.figures[2] = volume_ratio
        signal.figures[3] = s.volatility
        if reason == ENTRY:
            signal.bid = s.price / (1.0 - p.fee)
            signal.confidence = math.erf(z_score / math.sqrt(2.0))
            signal.urgency = MEDIUM
        else:
            signal.ask = s.price * (1.0 - p.fee)
            signal.fraction = 1.0
            signal.confidence = 1.0
            signal.urgency = HIGH if reason == TRAILING_STOP else MEDIUM
        count += 1
    return count


class Momentum(Record, frozen=True):
    """Buy a rise that goes on, confirmed by volume, and sell after a while, on reversal or by a trailing stop.

    Confidence is the probability that a normal variable lies within the z-score; a sale is sure of itself. It claims no
    profit: how far a rise will go is what it does not know.

    :arg momentum_threshold: Return over the window from which a move counts, as a fraction ..

    :arg min_zscore: .. and in units of the volatility over that window; above 7.7 (a straight ramp) nothing is traded.

    :arg window_minutes: That window. A pool that was silent for as long begins anew.

    :arg volume_ratio: Volume over the window against what is usual, which is known after two windows; 0: volume is not
        asked, and only so does it trade where no feed tells volume.

    :arg holding_period_minutes: After it the position is left in any case, by a tick if no trade comes.

    :arg trailing_stop: Fall from the highest price since the entry, in units of the volatility at the entry: a fall
        does not widen its own stop.

    """

    momentum_threshold: float = 0.005
    min_zscore: float = 2.0
    window_minutes: float = 5.0
    volume_ratio: float = 1.5
    holding_period_minutes: float = 2.0
    trailing_stop: float = 2.0
    name: str = "momentum_trading"

    reasons: ClassVar[tuple[str, ...]] = (
        "a rise that its volatility does not explain",
        "its holding period is over",
        "the rise has turned into a fall",
        "the price fell from its highest by the trailing stop",
    )
    figures: ClassVar[tuple[str, ...]] = ("return", "z-score", "volume ratio", "volatility")

    @property
    def state_dtype(self) -> np.dtype[np.void]:
        """The window, and the position."""
        return STATE

    @property
    def kernel(self) -> Kernel:
        """The decision."""
        return follow

    def parameters(self, pool: PoolInfo) -> Rows:
        """Return the kernel's constants; limits leave room for the pool's base fee."""
        fee = pool.base_fee
        values = (
            self.momentum_threshold,
            self.min_zscore,
            self.volume_ratio,
            self.trailing_stop,
            min(fee, LARGEST_FEE),
            max(round(self.window_minutes * 60e9 / GRID), 1),
            round(self.holding_period_minutes * 60e9),
        )
        return np.array([values], PARAMETERS)
