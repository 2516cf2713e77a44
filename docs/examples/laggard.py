"""An example strategy over several pools: buy in the cheaper of two pools of one pair, sell in the dearer one."""

import numpy as np
from numpy.typing import NDArray

from dlmm.jit import kernel
from dlmm.records import Record
from operators.blocks import TAKE, TICK, Rows
from operators.pools import PoolInfo

STATE = np.dtype([("prices", "f8", (2,)), ("slot", "i8")])
PARAMETERS = np.dtype([("edge", "f8"), ("pause", "i8")])


@kernel
def follow_the_other(
    rows: Rows, order: NDArray[np.int64], members: Rows, state: Rows, parameters: Rows, signals: Rows
) -> int:
    """Take at a row's own pool where the pair's other pool has left it behind."""
    count = 0
    for place in range(order.shape[0]):
        row = rows[order[place]]
        member = members[row.pool]
        if member.group < 0 or row.kind == TICK:
            continue
        s, p = state[member.group], parameters[member.group]
        s.prices[member.place] = row.price
        ahead = s.prices[1 - member.place] / row.price - 1.0
        if ahead == -1.0 or abs(ahead) < p.edge or row.slot < s.slot + p.pause:
            continue  # the other has no price yet; or too near; or too soon
        signal = signals[count]
        signal.row, signal.pool, signal.kind, signal.figures[0] = order[place], row.pool, TAKE, ahead
        if ahead > 0.0:
            signal.bid = row.price
        else:
            signal.ask, signal.fraction = row.price, 1.0
        s.slot = row.slot
        count += 1
    return count


class Laggard(Record, frozen=True):
    """Trade where one of two pools is behind by `edge`, at most every `pause` slots."""

    edge: float = 0.003
    pause: int = 10
    name: str = "laggard"
    state_dtype, group_kernel = STATE, staticmethod(follow_the_other)
    figures = ("distance of the other pool",)

    def groups(self, pools: tuple[PoolInfo, ...], traded: frozenset[int]) -> tuple[tuple[int, ...], ...]:
        """Return the first two pools of each pair of tokens."""
        of_pair: dict[tuple[str, str], list[int]] = {}
        for index in sorted(traded):
            of_pair.setdefault((pools[index].base, pools[index].quote), []).append(index)
        return tuple((first, second) for first, second, *_ in filter(lambda each: len(each) > 1, of_pair.values()))

    def group_parameters(self, pools: tuple[PoolInfo, ...], groups: tuple[tuple[int, ...], ...]) -> Rows:
        """Return the kernel's constants, the same for every pair."""
        return np.array([(self.edge, self.pause)] * len(groups), PARAMETERS)
