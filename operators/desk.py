"""A pool's desk: the straight line every row of a pool walks, in one stateful step.

    arbitrate -> pool view -> volatility -> strategies

The stages are plain classes, each in a file of its own; they are composed in one step because a step of its own would
cost each of them several microseconds an update.
"""

import bytewax.operators as op
import msgspec
from bytewax.dataflow import operator
from bytewax.operators import KeyedStream, StatefulBatchLogic

from dlmm.errors import DlmmError
from dlmm.records import Record
from dlmm.struct_arrays import taken
from operators.blocks import REPORT, STATE, Block
from operators.market.arbitrate import NONE_DROPPED, Arbiter
from operators.market.pool_view import PoolView
from operators.market.volatility import Volatility, VolatilityParams
from operators.pools import PoolInfo
from operators.strategies.interface import GroupStrategy, PlannedStrategy
from operators.strategies.runner import run, runner_of

STATE_VERSION = 2


class DeskParams(Record, frozen=True):
    """What every desk is built from.

    :arg pools: All pools, in the order of the recording's list.

    :arg strategies: All strategies, in the order that breaks ties.

    :arg default_liquidity: Quote currency to assume in a pool whose feed does not say.

    :arg fingerprint: Of the settings; a snapshot taken under others is refused.

    """

    pools: tuple[PoolInfo, ...]
    volatility: VolatilityParams
    strategies: tuple[PlannedStrategy, ...]
    default_liquidity: float
    fingerprint: str = ""


class DeskState(Record, frozen=True):
    """A desk's snapshot: one value for each stage."""

    version: int
    fingerprint: str
    arbiter: bytes
    view: bytes
    volatility: bytes
    strategies: tuple[bytes, ...]


class Desk:
    """All that looks at one pool alone."""

    def __init__(self, pool: int, params: DeskParams) -> None:
        """Start with nothing seen."""
        info = params.pools[pool]
        self._pool = pool
        self._fingerprint = params.fingerprint
        self._arbiter = Arbiter()
        self._view = PoolView(params.default_liquidity)
        self._volatility = Volatility(params.volatility)
        self._runners = [
            (index, runner_of(planned.strategy, info, params.pools))
            for index, planned in enumerate(params.strategies)
            if pool in planned.pools and not isinstance(planned.strategy, GroupStrategy)
        ]

    def walk(self, block: Block) -> Block:
        """Take a block through every stage."""
        rows, dropped = self._arbiter.pass_on(block.rows)
        writes = block.writes
        if writes and dropped != NONE_DROPPED:  # what a dropped row brought is as old as the row
            passed = frozenset(rows["seq"].tolist())
            writes = tuple([write for write in writes if write.seq in passed])
        rows = self._view.complete(rows)
        kinds = rows["kind"]
        # Asked of the bytes: for the few rows of a live block numpy's comparison takes four times as long.
        seen = kinds.tobytes()
        decisive = taken(rows, kinds < STATE) if STATE in seen or REPORT in seen else rows
        self._volatility.estimate(decisive)
        signals = run(self._runners, decisive, self._pool)
        return msgspec.structs.replace(block, rows=rows, writes=writes, dropped=dropped, signals=signals)

    def snapshot(self) -> DeskState:
        """Return the state of every stage."""
        return DeskState(
            version=STATE_VERSION,
            fingerprint=self._fingerprint,
            arbiter=self._arbiter.snapshot(),
            view=self._view.snapshot(),
            volatility=self._volatility.snapshot(),
            strategies=tuple(runner.snapshot() for _, runner in self._runners),
        )

    def restore(self, state: DeskState) -> None:
        """Go on from a snapshot.

        :raises DlmmError: The snapshot was made by another version of this step, or with other strategies.

        """
        if state.version != STATE_VERSION:
            raise DlmmError(f"pool desk state has version {state.version}, this program reads {STATE_VERSION}")
        if state.fingerprint != self._fingerprint or len(state.strategies) != len(self._runners):
            raise DlmmError("pool desk state was saved under other settings; go back to them, or start anew")
        self._arbiter.restore(state.arbiter)
        self._view.restore(state.view)
        self._volatility.restore(state.volatility)
        for (_, runner), saved in zip(self._runners, state.strategies, strict=True):
            runner.restore(saved)


class _DeskLogic(StatefulBatchLogic[Block, Block, DeskState]):
    """Build the desk at the first block, which says for which pool."""

    def __init__(self, params: DeskParams, state: DeskState | None) -> None:
        self._params = params
        self._state = state
        self._desk: Desk | None = None

    def on_batch(self, values: list[Block]) -> tuple[list[Block], bool]:
        if self._desk is None:
            self._desk = Desk(values[0].pool, self._params)
            if self._state is not None:
                self._desk.restore(self._state)
        return [self._desk.walk(block) for block in values], StatefulBatchLogic.RETAIN

    def snapshot(self) -> DeskState:
        if self._desk is not None:
            return self._desk.snapshot()
        assert self._state is not None, "a desk is only built for a block or from a snapshot"
        return self._state


@operator
def pool_desk(step_id: str, up: KeyedStream[Block], params: DeskParams) -> KeyedStream[Block]:
    """Arbitrate, complete, measure and decide, pool by pool.

    :arg step_id: Unique ID.

    :arg up: Blocks, keyed by pool.

    :arg params: The same for every pool.

    :returns: The blocks with their rows completed and the strategies' signals.

    """
    return op.stateful_batch("desk", up, lambda state: _DeskLogic(params, state))
