"""Statistical arbitrage: pools whose prices strayed from each other, traded round and back in one transaction.

For two pools of one pair of tokens, on either venue and with either token as X, let *x* be the logarithm of what a unit
of quote currency becomes when it buys in one pool and sells in the other at the pools' prices, fees aside; for three
pools that close a triangle, of what it becomes in going round. The true ratio of two prices of the same thing is 1, so
*x* belongs at 0, but nothing brings it there while it lies within the fees of the swaps, F: there it may rest anywhere.

What is expected is therefore the mean of *x* over the window, where a sample beyond the fees counts as if it lay just
at their edge: out there is no place of rest, but money that nobody took yet, and that it lay there often or for long is
no reason to leave it. The samples are pooled with `PRIOR` more, F from parity on either side, each gone with the next:
with little or no history prices are expected to agree, give or take the fees, and a variance of zero arises only where
swaps are free, so that any gap is unusual. A round is wanted where all of this holds:

* It pays at the base fees: x > F. The size, the variable fees and what the transaction costs are not for prices to
  tell; the portfolio walks the pools' bins and lets no round pass that loses.
* It is a deviation: the ratio e^x is more than `min_deviation_threshold` above the expected one.
* It is an unusual one: x lies at least `entry_zscore` standard deviations above the mean.
* It is believed: `operators.strategies.price_grid.confidence` of the z-score and of the half-life that deviations had
  in the window comes to `confidence_threshold`. Gaps that take long to close, say because a price is stale or nothing
  stands behind it, are believed less.

What was wanted once is wanted again when the gap has changed by a quarter of the threshold, after it was closed, or
`AGAIN_SLOTS` later: the transaction may have failed to land. At most one round a row, the one with the largest edge.
What it will earn depends on the bins, so a signal makes no claim; the order has the exact figure.
"""

import math

import numpy as np
from numpy.typing import NDArray

from dlmm.jit import kernel
from dlmm.records import Record
from operators.blocks import ARBITRAGE, Fields, Rows
from operators.pools import PoolInfo
from operators.strategies.interface import GroupKernel
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
from operators.strategies.rounds import ROUNDS, Round, find_rounds, groups_of, log_cost

PRIOR = 10.0
"""Samples around parity that the window is pooled with."""

AGAIN_SLOTS = 4
"""Slots after which a round whose gap stands unchanged is wanted again; by then its transaction would have landed."""

HIGH = 2
PAIR, TRIANGLE = 0, 1

PARAMETERS = np.dtype(
    [
        ("min_deviation", "f8"),  # as a logarithm, as gaps are
        ("min_zscore", "f8"),
        ("min_confidence", "f8"),
        ("interval_ns", "i8"),
        ("pool", "i8", (POOLS,)),  # index of the pool in each place
        ("start", "i8", (POOLS + 1,)),  # where in `rounds` those of a place begin
        ("rounds", "i8", (LEGS * ROUNDS,)),
        ("legs", "i8", (ROUNDS,)),
        ("place", "i8", (ROUNDS, LEGS)),
        ("sign", "f8", (ROUNDS, LEGS)),  # 1 where X goes in, -1 where it comes out
        ("cost", "f8", (ROUNDS,)),
    ]
)
STATE = np.dtype(
    [
        ("grid", GRID),
        ("measured", "i8", (ROUNDS,)),  # interval of the grid that the next three are of, plus 1; 0: none
        ("mean", "f8", (ROUNDS,)),
        ("deviation", "f8", (ROUNDS,)),
        ("half_life", "f8", (ROUNDS,)),
        ("said_slot", "i8", (ROUNDS,)),  # in which the round was wanted last, plus 1; 0: not since the gap opened
        ("said", "f8", (ROUNDS,)),  # its gap then
    ]
)


@kernel
def _gap(group: Fields, parameters: Fields, number: int) -> float:
    """Return the logarithm of what one becomes in going round; 0 where a price is not known yet."""
    total = 0.0
    for leg in range(parameters.legs[number]):
        place = parameters.place[number, leg]
        if group.grid.price[place] == 0.0:
            return 0.0
        total += parameters.sign[number, leg] * group.grid.log_price[place]
    return total


@kernel
def _is_repeated(group: Fields, number: int, gap: float, slot: int, min_deviation: float) -> bool:
    """Tell whether a round was wanted just now at much the same gap."""
    if group.said_slot[number] == 0 or slot >= group.said_slot[number] - 1 + AGAIN_SLOTS:
        return False
    return bool(abs(gap - group.said[number]) <= min_deviation / 4.0)


@kernel
def _measure(group: Fields, parameters: Fields, number: int) -> None:
    """Bring a round's mean, deviation and half-life up to the present window."""
    if group.measured[number] == group.grid.interval + 1:
        return
    cost = parameters.cost[number]
    window = window_of(group.grid, parameters.place[number], parameters.sign[number], parameters.legs[number])
    group.mean[number], group.deviation[number] = mean_and_deviation(window, cost, PRIOR)
    group.half_life[number] = half_life(window, PRIOR * cost * cost)
    group.measured[number] = group.grid.interval + 1


@kernel
def _compare(group: Fields, number: int, gap: float) -> tuple[float, float]:
    """Return the expected gap the same way round, and the standard deviations from there to the present one."""
    expected = group.mean[number] if gap > 0.0 else -group.mean[number]
    deviation = group.deviation[number]
    return expected, (abs(gap) - expected) / deviation if deviation > 0.0 else math.inf


@kernel
def _is_wanted(group: Fields, parameters: Fields, number: int, gap: float) -> bool:
    """Tell whether a gap beyond the fees is unusual, large and to be believed."""
    _measure(group, parameters, number)
    expected, z_score = _compare(group, number, gap)
    return bool(
        z_score >= parameters.min_zscore
        and abs(gap) - expected > parameters.min_deviation
        and confidence(z_score, group.half_life[number] / SAMPLES) >= parameters.min_confidence
    )


@kernel
def _write(signal: Fields, group: Fields, parameters: Fields, number: int, gap: float) -> None:
    """Write the route that profits from a gap: forwards where it is positive, else backwards."""
    expected, z_score = _compare(group, number, gap)
    legs = parameters.legs[number]
    signal.directions = 0
    for leg in range(legs):
        at = leg if gap > 0.0 else legs - 1 - leg
        pool = parameters.pool[parameters.place[number, at]]
        if (parameters.sign[number, at] > 0.0) == (gap > 0.0):
            signal.directions |= 1 << leg
        if leg == 0:
            signal.pool = pool
        elif leg == 1:
            signal.other_pool = pool
        else:
            signal.third_pool = pool
    signal.kind = ARBITRAGE
    signal.urgency = HIGH
    signal.confidence = confidence(z_score, group.half_life[number] / SAMPLES)
    signal.reason = PAIR if legs == 2 else TRIANGLE
    signal.figures[0] = math.exp(abs(gap) - expected) - 1.0
    signal.figures[1] = z_score
    signal.figures[2] = group.half_life[number] * parameters.interval_ns * 1e-9
    signal.figures[3] = math.exp(expected)


@kernel
def seek_rounds(
    rows: Rows, order: NDArray[np.int64], members: Rows, state: Rows, parameters_: Rows, signals: Rows
) -> int:
    """Write a route for each row at which the pools of a round are too far from each other."""
    count = 0
    for index in range(order.shape[0]):
        row = rows[order[index]]
        member = members[row.pool]
        if member.group < 0:
            continue
        group = state[member.group]
        parameters = parameters_[member.group]
        note_price(group.grid, member.place, row.price, row.ts_event_ns, parameters.interval_ns)
        best = -1
        best_edge = 0.0
        best_gap = 0.0
        for entry in range(parameters.start[member.place], parameters.start[member.place + 1]):
            number = parameters.rounds[entry]
            gap = _gap(group, parameters, number)
            edge = abs(gap) - parameters.cost[number]
            if edge <= 0.0:
                group.said_slot[number] = 0
            elif (
                edge > best_edge
                and not _is_repeated(group, number, gap, row.slot, parameters.min_deviation)
                and _is_wanted(group, parameters, number, gap)
            ):
                best, best_edge, best_gap = number, edge, gap
        if best >= 0:
            group.said_slot[best] = row.slot + 1
            group.said[best] = best_gap
            signals[count].row = order[index]
            signals[count].fair = row.price
            _write(signals[count], group, parameters, best, best_gap)
            count += 1
    return count


class StatisticalArbitrage(Record, frozen=True):
    """Trade rounds through two or three pools whose prices strayed from each other.

    :arg min_deviation_threshold: Distance of the ratio from its expected value, as a fraction.

    :arg lookback_period_minutes: Window on which the expected value is estimated.

    :arg confidence_threshold: Least confidence, 0 to 1.

    :arg entry_zscore: Least distance in standard deviations.

    :arg triangles: Whether rounds over three pools count.

    :arg quote: Symbol of the currency that rounds begin and end with.

    """

    min_deviation_threshold: float = 0.002
    lookback_period_minutes: float = 5.0
    confidence_threshold: float = 0.7
    entry_zscore: float = 2.0
    triangles: bool = True
    quote: str = "USDC"
    name: str = "statistical_arbitrage"

    reasons = ("two pools of one pair are apart", "the way round a triangle pays")
    figures = ("deviation", "z_score", "half_life_s", "expected_ratio")

    @property
    def state_dtype(self) -> np.dtype[np.void]:
        """Prices on a grid of time, and what was made of them for each round."""
        return STATE

    @property
    def group_kernel(self) -> GroupKernel:
        """The decision."""
        return seek_rounds

    def rounds(self, pools: tuple[PoolInfo, ...], traded: frozenset[int]) -> tuple[Round, ...]:
        """Return the rounds that there are through some pools."""
        return find_rounds(pools, traded, self.quote, triangles=self.triangles)

    def groups(self, pools: tuple[PoolInfo, ...], traded: frozenset[int]) -> tuple[tuple[int, ...], ...]:
        """Return the pools that are joined by rounds.

        :raises StrategyError: More of them than the kernel follows.

        """
        return groups_of(self.rounds(pools, traded), pools)

    def group_parameters(self, pools: tuple[PoolInfo, ...], groups: tuple[tuple[int, ...], ...]) -> Rows:
        """Return the kernel's constants for each group, its rounds among them."""
        made = np.zeros(len(groups), PARAMETERS)
        made["min_deviation"] = math.log1p(self.min_deviation_threshold)
        made["min_zscore"] = self.entry_zscore
        made["min_confidence"] = self.confidence_threshold
        made["interval_ns"] = max(round(self.lookback_period_minutes * 60e9 / SAMPLES), 1)
        for record, group in zip(made, groups, strict=True):
            rounds = self.rounds(pools, frozenset(group))
            record["pool"][: len(group)] = group
            for number, one in enumerate(rounds):
                legs = len(one.pools)
                record["legs"][number] = legs
                record["place"][number, :legs] = [group.index(pool) for pool in one.pools]
                record["sign"][number, :legs] = [1.0 if gives_x else -1.0 for gives_x in one.gives_x]
                record["cost"][number] = sum(log_cost(pools[pool]) for pool in one.pools)
            of_place = [[number for number, one in enumerate(rounds) if pool in one.pools] for pool in group]
            ends = np.cumsum([len(numbers) for numbers in of_place])
            record["start"][1 : len(group) + 1] = ends
            record["rounds"][: ends[-1]] = np.concatenate(of_place)
        return made
