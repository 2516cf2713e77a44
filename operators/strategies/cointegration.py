"""Cointegrated pairs: two pools whose base tokens move together, such as mSOL/USDC and SOL/USDC, as mean reversion.

    spread = log(price of the first) - log(price of the second)        z = (spread - mean) / deviation, over the window

The account holds both tokens. When z strays to `entry_zscore` the dear token is sold and the cheap one bought for the
proceeds, in one transaction; the same amount goes back when the spread has returned to within `exit_zscore`, strayed
on beyond `stop_zscore`, or `max_holding_minutes` have passed. There is no selling what is not held.

The ratio is fixed at one to one. A fitted one would be steadier on paper, but both swaps exchange equal values, which a
market that moves both tokens leaves untouched only in that ratio; and over minutes a fit says more about noise than
about two tokens of which one is so much of the other.

An entry needs a whole window, so that a window longer than the recording, or prices that never move, trade nothing; and

* the spread at least `min_deviation_threshold` from its mean, and the way back to where it is left for longer than the
  base fees of all four swaps: otherwise the round costs more than it can bring;
* a half-life, fitted in the window, within `max_holding_minutes`: a spread that shows no pull is not waited for;
* `operators.strategies.price_grid.confidence` of at least `confidence_threshold`;
* z less than `stop_zscore`, and below `entry_zscore` at some time since the last position: one stray, one position.

Mean and deviation are kept as they were at the entry until the position is left: with a window that moves on, a spread
that stays away would count as returned. Whether a transaction landed is not known here. An exit is therefore said again
a few times, after `AGAIN_SLOTS` and then after twice as many each time, and at once where a spread that had returned or
took too long strays beyond the stop; a new position ends it. Where nothing is left to go back, the portfolio makes no
order of it.
"""

import math

import numpy as np
from numpy.typing import NDArray

from dlmm.jit import kernel
from dlmm.records import Record
from operators.blocks import ARBITRAGE, Fields, Rows
from operators.pools import PoolInfo
from operators.strategies.interface import GroupKernel, StrategyError
from operators.strategies.price_grid import (
    GRID,
    LEGS,
    POOLS,
    SAMPLES,
    confidence,
    half_life,
    mean_and_deviation,
    note_price,
    window_of,
)
from operators.strategies.rounds import log_cost, tokens_of

PAIRS = 16
"""Pairs in a group at most."""

EXIT_TRIES = 5
AGAIN_SLOTS = 8
"""How often an exit is said, and how many slots lie between the first two times: twice as many between the next ones.
By the second time it is known what came of the first one; the last time is 120 slots after that."""

SELL_THEN_BUY = 0b01
MEDIUM, HIGH = 1, 2
STRAYED, RETURNED, STOPPED, TIMED_OUT = range(4)

PARAMETERS = np.dtype(
    [
        ("min_deviation", "f8"),  # as a logarithm
        ("entry_zscore", "f8"),
        ("exit_zscore", "f8"),
        ("stop_zscore", "f8"),
        ("min_confidence", "f8"),
        ("interval_ns", "i8"),
        ("max_holding_ns", "i8"),
        ("pairs", "i8"),
        ("pool", "i8", (POOLS,)),  # index of the pool in each place
        ("place", "i8", (PAIRS, LEGS)),
        ("sign", "f8", (PAIRS, LEGS)),
        ("cost", "f8", (PAIRS,)),  # of the two swaps of an entry
    ]
)
STATE = np.dtype(
    [
        ("grid", GRID),
        ("now_ns", "i8"),
        ("measured", "i8", (PAIRS,)),  # interval of the grid that the next three are of, plus 1; 0: none
        ("mean", "f8", (PAIRS,)),  # NaN while the window is not full
        ("deviation", "f8", (PAIRS,)),
        ("half_life", "f8", (PAIRS,)),
        ("side", "i8", (PAIRS,)),  # 1: the first was sold, -1: the second was, 0: neither
        ("entered_ns", "i8", (PAIRS,)),
        ("entry_mean", "f8", (PAIRS,)),
        ("entry_deviation", "f8", (PAIRS,)),
        ("is_spent", "i8", (PAIRS,)),  # 1 from an entry on until the spread has been calm
        ("left_side", "i8", (PAIRS,)),  # of the exit that was said last, ..
        ("left_why", "i8", (PAIRS,)),
        ("left_slot", "i8", (PAIRS,)),
        ("tries", "i8", (PAIRS,)),  # .. and how often it still may be
    ]
)


@kernel
def _measure(group: Fields, parameters: Fields, pair: int) -> None:
    """Bring a pair's mean, deviation and half-life up to the present window."""
    if group.measured[pair] == group.grid.interval + 1:
        return
    group.measured[pair] = group.grid.interval + 1
    window = window_of(group.grid, parameters.place[pair], parameters.sign[pair], 2)
    group.mean[pair] = math.nan
    if window.shape[0] == SAMPLES:
        group.mean[pair], group.deviation[pair] = mean_and_deviation(window, math.inf, 0.0)
        group.half_life[pair] = half_life(window, 0.0)


@kernel
def _may_enter(group: Fields, parameters: Fields, pair: int, off: float, z_score: float) -> bool:
    """Tell whether a spread that strayed this far is worth a position."""
    way_back = abs(off) - parameters.exit_zscore * group.deviation[pair]
    lasting = group.half_life[pair] * parameters.interval_ns
    return bool(
        group.is_spent[pair] == 0
        and abs(z_score) < parameters.stop_zscore
        and abs(off) >= parameters.min_deviation
        and way_back > 2.0 * parameters.cost[pair]
        and lasting <= parameters.max_holding_ns
        and confidence(z_score, group.half_life[pair] / SAMPLES) >= parameters.min_confidence
    )


@kernel
def _write(
    signal: Fields, group: Fields, parameters: Fields, pair: int, side: int, why: int, figures: tuple[float, float]
) -> None:
    """Write an exchange: an entry on a side, or the exit from it.

    :arg figures: Distance from the mean, and in standard deviations.

    """
    off, z_score = figures
    is_first_sold = (side > 0) == (why == STRAYED)
    sold = parameters.place[pair, 0 if is_first_sold else 1]
    bought = parameters.place[pair, 1 if is_first_sold else 0]
    signal.kind = ARBITRAGE
    signal.pool = parameters.pool[sold]
    signal.other_pool = parameters.pool[bought]
    signal.directions = SELL_THEN_BUY
    signal.ask = group.grid.price[sold]
    signal.bid = group.grid.price[bought]
    signal.reason = why
    signal.urgency = HIGH if why in (STOPPED, TIMED_OUT) else MEDIUM
    signal.confidence = 1.0
    if why == STRAYED:
        signal.confidence = confidence(z_score, group.half_life[pair] / SAMPLES)
    else:
        signal.fraction = 1.0
    signal.figures[0] = math.exp(off) - 1.0
    signal.figures[1] = z_score
    signal.figures[2] = group.half_life[pair] * parameters.interval_ns * 1e-9
    signal.figures[3] = math.exp(group.entry_mean[pair])


@kernel
def _say_exit(
    group: Fields, parameters: Fields, pair: int, side: int, why: int, spread: float, slot: int, signal: Fields
) -> None:
    """Say an exit from a side, for the first time."""
    group.side[pair] = 0
    group.left_side[pair] = side
    group.left_why[pair] = why
    group.left_slot[pair] = slot
    group.tries[pair] = EXIT_TRIES - 1
    off = spread - group.entry_mean[pair]
    _write(signal, group, parameters, pair, side, why, (off, off / group.entry_deviation[pair]))


@kernel
def _leave(group: Fields, parameters: Fields, pair: int, spread: float, slot: int, signal: Fields) -> bool:
    """Leave a position where its time has come; return whether it had."""
    side = group.side[pair]
    z_score = side * (spread - group.entry_mean[pair]) / group.entry_deviation[pair]
    if z_score <= parameters.exit_zscore:
        why = RETURNED
    elif z_score >= parameters.stop_zscore:
        why = STOPPED
    elif group.now_ns - group.entered_ns[pair] >= parameters.max_holding_ns:
        why = TIMED_OUT
    else:
        return False
    _say_exit(group, parameters, pair, side, why, spread, slot, signal)
    return True


@kernel
def _say_again(group: Fields, parameters: Fields, pair: int, spread: float, slot: int, signal: Fields) -> bool:
    """Say an exit again that may not have landed; return whether it is time."""
    if group.tries[pair] == 0:
        return False
    side, why = group.left_side[pair], group.left_why[pair]
    off = spread - group.entry_mean[pair]
    z_score = off / group.entry_deviation[pair]
    if why != STOPPED and side * z_score >= parameters.stop_zscore:
        group.is_spent[pair] = 1  # what is given up is not entered right away
        _say_exit(group, parameters, pair, side, STOPPED, spread, slot, signal)
        return True
    if slot < group.left_slot[pair] + (AGAIN_SLOTS << (EXIT_TRIES - 1 - group.tries[pair])):
        return False
    group.left_slot[pair] = slot
    group.tries[pair] -= 1
    _write(signal, group, parameters, pair, side, why, (off, z_score))
    return True


@kernel
def _enter(group: Fields, parameters: Fields, pair: int, spread: float, signal: Fields) -> bool:
    """Enter where the spread strayed enough; return whether it did."""
    _measure(group, parameters, pair)
    if not group.deviation[pair] > 0.0 or math.isnan(group.mean[pair]):
        return False
    off = spread - group.mean[pair]
    z_score = off / group.deviation[pair]
    if abs(z_score) < parameters.entry_zscore:
        group.is_spent[pair] = 0
        return False
    if not _may_enter(group, parameters, pair, off, z_score):
        return False
    group.side[pair] = 1 if off > 0.0 else -1
    group.is_spent[pair] = 1
    group.tries[pair] = 0
    group.entered_ns[pair] = group.now_ns
    group.entry_mean[pair] = group.mean[pair]
    group.entry_deviation[pair] = group.deviation[pair]
    _write(signal, group, parameters, pair, group.side[pair], STRAYED, (off, z_score))
    return True


@kernel
def exchange(rows: Rows, order: NDArray[np.int64], members: Rows, state: Rows, parameters_: Rows, signals: Rows) -> int:
    """Write an exchange for each row at which a pair is to be entered or left."""
    count = 0
    for index in range(order.shape[0]):
        row = rows[order[index]]
        member = members[row.pool]
        if member.group < 0:
            continue
        group = state[member.group]
        parameters = parameters_[member.group]
        note_price(group.grid, member.place, row.price, row.ts_event_ns, parameters.interval_ns)
        group.now_ns = max(group.now_ns, row.ts_event_ns)
        for pair in range(parameters.pairs):
            first, second = parameters.place[pair, 0], parameters.place[pair, 1]
            is_known = group.grid.price[first] > 0.0 and group.grid.price[second] > 0.0
            if not is_known or (member.place != first and member.place != second):
                continue
            spread = group.grid.log_price[first] - group.grid.log_price[second]
            signal = signals[count]
            if group.side[pair] != 0:
                has_spoken = _leave(group, parameters, pair, spread, row.slot, signal)
            else:
                has_spoken = _enter(group, parameters, pair, spread, signal) or _say_again(
                    group, parameters, pair, spread, row.slot, signal
                )
            if has_spoken:
                signal.row = order[index]
                signal.fair = row.price
                count += 1
                break  # one signal a row: what another pair has to say waits for the next one
    return count


class Cointegration(Record, frozen=True):
    """Trade the spread between pools whose tokens move together.

    :arg pairs: Pools by name, two and two.

    :arg entry_zscore: Standard deviations from which the spread is traded ..

    :arg exit_zscore: .. within which it is left again ..

    :arg stop_zscore: .. and beyond which it is given up.

    :arg max_holding_minutes: After which it is left in any case.

    :arg min_deviation_threshold: Least distance of the ratio from its mean, as a fraction.

    :arg confidence_threshold: Least confidence, 0 to 1.

    """

    pairs: tuple[tuple[str, str], ...]
    lookback_period_minutes: float = 5.0
    entry_zscore: float = 2.0
    exit_zscore: float = 0.5
    stop_zscore: float = 4.0
    max_holding_minutes: float = 60.0
    min_deviation_threshold: float = 0.002
    confidence_threshold: float = 0.7
    name: str = "cointegration"

    reasons = ("the ratio strayed from its mean", "it came back", "it strayed too far", "it took too long")
    figures = ("deviation", "z_score", "half_life_s", "expected_ratio")

    @property
    def state_dtype(self) -> np.dtype[np.void]:
        """Prices on a grid of time, and for each pair its window's figures and its position."""
        return STATE

    @property
    def group_kernel(self) -> GroupKernel:
        """The decision."""
        return exchange

    def groups(self, pools: tuple[PoolInfo, ...], traded: frozenset[int]) -> tuple[tuple[int, ...], ...]:
        """Return the pools that are joined by pairs.

        :raises StrategyError: A pair is one pool or one token, is there twice or names a pool that is not traded; or
            there are too many of them.

        """
        groups: list[frozenset[int]] = []
        for pair in self._indices(pools, traded):
            joined = [group for group in groups if group & frozenset(pair)]
            groups = [group for group in groups if group not in joined] + [frozenset(pair).union(*joined)]
        if any(len(group) > POOLS for group in groups) or len(self.pairs) > PAIRS:
            raise StrategyError(f"cointegrated: {PAIRS} pairs of {POOLS} pools at most, here are {len(self.pairs)}")
        return tuple(sorted(tuple(sorted(group)) for group in groups))

    def _indices(self, pools: tuple[PoolInfo, ...], traded: frozenset[int]) -> list[tuple[int, int]]:
        index = {pools[number].pool: number for number in sorted(traded)}
        if len({frozenset(pair) for pair in self.pairs}) < len(self.pairs):
            raise StrategyError("cointegrated: two pairs are of the same pools")
        for first, second in self.pairs:
            if first == second:
                raise StrategyError(f"cointegrated: the two pools of a pair are one pool, {first}")
            for name in (first, second):
                if name not in index:
                    raise StrategyError(f"cointegrated: {name} is not traded; traded are {', '.join(index)}")
            if len({tokens_of(pools[index[name]])[0] for name in (first, second)}) == 1:
                raise StrategyError(f"cointegrated: {first} and {second} trade one token, whose pools arbitrage is for")
        return [(index[first], index[second]) for first, second in self.pairs]

    def group_parameters(self, pools: tuple[PoolInfo, ...], groups: tuple[tuple[int, ...], ...]) -> Rows:
        """Return the kernel's constants for each group, its pairs among them."""
        made = np.zeros(len(groups), PARAMETERS)
        made["min_deviation"] = math.log1p(self.min_deviation_threshold)
        made["min_confidence"] = self.confidence_threshold
        for field in ("entry_zscore", "exit_zscore", "stop_zscore"):
            made[field] = getattr(self, field)
        made["interval_ns"] = max(round(self.lookback_period_minutes * 60e9 / SAMPLES), 1)
        made["max_holding_ns"] = round(self.max_holding_minutes * 60e9)
        made["sign"][:, :, :2] = 1.0, -1.0
        for record, group in zip(made, groups, strict=True):
            record["pool"][: len(group)] = group
            pairs = [pair for pair in self._indices(pools, frozenset().union(*groups)) if pair[0] in group]
            record["pairs"] = len(pairs)
            for number, pair in enumerate(pairs):
                record["place"][number, :2] = [group.index(pool) for pool in pair]
                record["cost"][number] = sum(log_cost(pools[pool]) for pool in pair)
        return made
