"""Run strategies that look at several pools over the rows of a slice, and put what they want among the rest.

It happens in the portfolio's step, which alone has the rows of all pools in their one order.
"""

import numpy as np
from numpy.typing import NDArray

from dlmm.struct_arrays import copied, join, plain, taken
from operators.blocks import ARBITRAGE, NO_SIGNALS, REPORT, STATE, Rows
from operators.pools import PoolInfo
from operators.strategies.interface import MEMBER, GroupStrategy, PlannedStrategy, StrategyError
from operators.strategies.runner import BLANK


class GroupRunner:
    """Call one strategy's kernel on the rows of all its groups.

    :arg pools: All pools, in the order that rows and signals count them.

    :arg traded: Indices of those that the strategy may look at.

    :raises StrategyError: Its groups share a pool, hold one that it may not trade, or have no constants of their own.

    """

    def __init__(self, strategy: GroupStrategy, pools: tuple[PoolInfo, ...], traded: frozenset[int]) -> None:
        """Start from a state of zeros in each group."""
        self._name = strategy.name
        self._kernel = strategy.group_kernel
        groups = strategy.groups(pools, traded)
        self._members = np.full(len(pools), -1, np.dtype("i2")).repeat(2).view(MEMBER)
        for number, group in enumerate(groups):
            for place, pool in enumerate(group):
                if pool not in traded or self._members[pool]["group"] >= 0:
                    raise StrategyError(
                        f"strategy {self._name}: its groups must hold pools that it trades, each once, unlike {pool}"
                    )
                self._members[pool] = number, place
        self._parameters = strategy.group_parameters(pools, groups)
        if len(self._parameters) != len(groups):
            raise StrategyError(
                f"strategy {self._name}: {len(self._parameters)} sets of constants for {len(groups)} groups"
            )
        self._state = np.zeros(len(groups), strategy.state_dtype)
        self._scratch = BLANK.repeat(0)

    def decide(self, rows: Rows, order: NDArray[np.int64]) -> Rows:
        """Return the strategy's signals in order of `seq`.

        :arg order: Indices of the rows that strategies may see, in order of `seq`.

        :raises StrategyError: The kernel broke the rules.

        """
        if not len(self._state) or not len(order):
            return NO_SIGNALS
        if len(self._scratch) < len(order):
            self._scratch = BLANK.repeat(len(order))
        count = int(self._kernel(rows, order, self._members, self._state, self._parameters, self._scratch))
        if count == 0:
            return NO_SIGNALS
        if not 0 < count <= len(order):
            raise StrategyError(f"strategy {self._name}: its kernel returned {count} signals for {len(order)} rows")
        signals = copied(self._scratch[:count])
        plain(self._scratch)[:count] = plain(BLANK)
        places = signals["row"]
        if places.min() < 0 or places.max() >= len(rows):
            raise StrategyError(f"strategy {self._name}: signals at rows {places[:5].tolist()}, of {len(rows)}")
        signals["seq"] = rows["seq"][places]
        if not (signals["seq"][1:] > signals["seq"][:-1]).all():
            raise StrategyError(
                f"strategy {self._name}: its kernel must write at most one signal a row, in order of seq"
            )
        for field in ("pool", "other_pool", "third_pool"):
            named = signals if field == "pool" else signals[signals["kind"] == ARBITRAGE]
            self._check(named[field][named[field] >= 0] if field == "third_pool" else named[field])
        return signals

    def _check(self, pools: NDArray[np.int16]) -> None:
        """Refuse signals about pools that are in none of the groups."""
        strange = (pools < 0) | (pools >= len(self._members))
        strange[~strange] = self._members["group"][pools[~strange]] < 0
        if strange.any():
            raise StrategyError(f"strategy {self._name}: a signal names pool {pools[strange][0]}, which is in no group")

    def snapshot(self) -> bytes:
        """Return the state as bytes."""
        return self._state.tobytes()

    def restore(self, state: bytes) -> None:
        """Go on from a snapshot."""
        self._state = np.frombuffer(state, self._state.dtype).copy()


def group_runners(
    strategies: tuple[PlannedStrategy, ...], pools: tuple[PoolInfo, ...]
) -> list[tuple[int, GroupRunner]]:
    """Return what runs those of the strategies that look at several pools, each with its index.

    :raises StrategyError: As `GroupRunner` does.

    """
    return [
        (index, GroupRunner(planned.strategy, pools, planned.pools | planned.passes))
        for index, planned in enumerate(strategies)
        if isinstance(planned.strategy, GroupStrategy)
    ]


def add_group_signals(
    runners: list[tuple[int, GroupRunner]], rows: Rows, order: NDArray[np.int64], signals: Rows
) -> Rows:
    """Run strategies over a slice and merge their signals with the desks'.

    :arg order: Indices of all rows in order of `seq`; account writes and reports among them are no rows for strategies.

    :arg signals: `SIGNAL` array in order of `seq`, then of strategy.

    :returns: The same with more in it, in the same order.

    """
    kinds = rows["kind"]
    seen = kinds.tobytes()
    decisive = order[kinds[order] < STATE] if STATE in seen or REPORT in seen else order
    parts = [signals] if len(signals) else []
    for index, runner in runners:
        said = runner.decide(rows, decisive)
        if len(said):
            said["strategy"] = index
            parts.append(said)
    if len(parts) < 2:
        return parts[0] if parts else NO_SIGNALS
    together = join(parts)
    return taken(together, np.lexsort((together["strategy"], together["seq"])))
