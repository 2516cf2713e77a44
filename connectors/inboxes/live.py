"""The inbox in its live form: one source that turns all feeds into one numbered, journaled order of events.

Each turn of `next_batch` lets the reactor read what has arrived, waits at most half a millisecond when there is
nothing, and hands on what the feeds brought as one slice. A slice is in the journal before anybody acts on it. So what
follows is a function of the journal alone: replayed, it decides the same; after a crash, the journal is read back from
where the last snapshot stood, and then the feeds go on.
"""

import gc
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition

from connectors.clusters.pool_loading import LoadedPool
from connectors.execution.executor import Executor
from connectors.execution.reconciling import Opening
from connectors.feeds.feed import Feed
from connectors.feeds.outlet import Outlet
from connectors.feeds.reactor import Reactor
from connectors.inboxes.intake import Intake
from connectors.inboxes.slices import blocks_of, writes_by_pool
from connectors.monitoring.telemetry import Telemetry
from connectors.recordings.inspection import Inspector
from connectors.recordings.journal import Journal
from connectors.recordings.recording import Recording
from connectors.stopping import Stop
from dlmm.errors import DlmmError
from dlmm.records import Record
from dlmm.struct_arrays import taken
from operators.blocks import ROW, AccountWrite, Block, Rows
from operators.orders.execution_reports import OperatorCommand, Report
from operators.pools import PoolInfo

LONGEST_WAIT_S = 0.0005
WARM_EVERY_S = 0.005
"""While nothing happens an empty slice walks the graph so often: code that did not run for long runs slowly. At 20
updates a second the median is a fifth lower than without, for 3 % of a processor; more often brings little more."""
TIDY_EVERY_S = 30.0
REREAD_ROWS = 10_000
_log = logging.getLogger(__name__)
_AT_ONCE = datetime(2000, 1, 1, tzinfo=UTC)


class LiveState(Record, frozen=True):
    """Where a live run stands in its journal.

    :arg rows: Rows of the journal that were handed on.

    """

    folder: str
    rows: int
    slice_no: int
    inspector: bytes


@dataclass(frozen=True)
class JournalTerms:
    """Where a run keeps its journal.

    :arg folder: Of this run alone.

    """

    folder: Path
    source: str
    segment_seconds: float


@dataclass(frozen=True)
class Execution:
    """The execution connector as the inbox knows it.

    :arg executor: Takes orders and reports on them.

    :arg opening: What it found on chain before the feeds began.

    """

    executor: Executor
    opening: Opening


@dataclass(frozen=True)
class LiveSource(FixedPartitionedSource[tuple[str, Block], LiveState]):
    """Follow pools through feeds: keys are pools, values their blocks.

    :arg pools: As loaded; their order is that of the recording.

    :arg traded: Indices of those that are handed on; all are recorded.

    :arg feeds: Makes the feeds, once the worker that runs them is there.

    :arg journal: Where to keep the journal; without, the run cannot be taken up again.

    :arg spin_s: For how long after something happened to look for the next thing without sleeping.

    :arg execution: What carries out orders, where any are real: a feed too, whose events are its reports.

    """

    pools: tuple[LoadedPool, ...]
    traded: frozenset[int]
    feeds: Callable[[], Sequence[Feed]]
    arrays_around: int
    journal: JournalTerms | None
    stop: Stop
    telemetry: Telemetry
    spin_s: float = 0.0
    execution: Execution | None = None

    def list_parts(self) -> list[str]:
        return ["inbox"]

    def build_part(self, step_id: str, for_part: str, resume_state: LiveState | None) -> "_Inbox":
        del step_id, for_part
        return _Inbox(self, resume_state)


class _Inbox(StatefulSourcePartition[tuple[str, Block], LiveState]):
    def __init__(self, source: LiveSource, state: LiveState | None) -> None:
        self._stop = source.stop
        self._telemetry = source.telemetry
        infos = tuple(pool.info for pool in source.pools)
        self._is_traded = np.array([index in source.traded for index in range(len(infos))])
        self._trades_all = bool(self._is_traded.all())
        self._inspector = Inspector(infos)
        self._slice_no = self._rows = self._reread_to = 0
        self._failure = ""
        self._journal: Journal | None = None
        self._recording: Recording | None = None
        try:
            self._open_journal(source.journal, infos, state)
        except DlmmError as error:
            self._failure = str(error)  # to be said as any other end of the input
        last_seq = self._journal.last_seq if self._journal is not None else 0
        self._execution = source.execution
        self._is_resumed = state is not None
        self._is_closing = self._is_winding_down = False
        executors = (self._execution.executor,) if self._execution is not None else ()
        self._feeds = (*source.feeds(), *executors)
        outlets = [Outlet(feed.name) for feed in self._feeds]
        report_pool = min(source.traded, default=0)
        self._intake = Intake(source.pools, outlets, source.arrays_around, max(last_seq, 0), report_pool)
        for executor in executors:
            executor.attach(self._intake.accounts_of)
        self._reactor = Reactor()
        self._outlets = outlets
        self._telemetry.attach(outlets, self._intake)
        self._is_started = self._is_ended = False
        self._spin_s = source.spin_s
        self._warm_at = self._tidy_at = self._spin_until = 0.0

    def _open_journal(self, terms: JournalTerms | None, infos: tuple[PoolInfo, ...], state: LiveState | None) -> None:
        """Begin the journal, or take it up where a snapshot stood.

        :raises DlmmError: It cannot be written, or is not the one that the snapshot was taken with.

        """
        if terms is None:
            if state is not None:
                raise DlmmError("recording.record is off: without its journal a live run cannot be taken up again")
            return
        if state is None:
            self._journal = Journal.create(terms.folder, infos, terms.source, rotate_s=terms.segment_seconds)
            return
        self._journal = Journal.resume(state.folder, infos, terms.source, rotate_s=terms.segment_seconds)
        if state.rows > self._journal.count:
            raise DlmmError(
                f"{state.folder}: has {self._journal.count} rows, and the run to be taken up had seen {state.rows};"
                " the machine must have died before the disk had them. Start anew"
            )
        self._rows, self._slice_no, self._reread_to = state.rows, state.slice_no, self._journal.count
        self._inspector.restore(state.inspector)
        if self._reread_to > self._rows:
            self._recording = Recording.open(self._journal.folder)

    def next_batch(self) -> list[tuple[str, Block]]:
        if self._is_ended:
            raise StopIteration
        try:
            return self._turn()
        except DlmmError as error:
            # An exception would end the process in the runner's own words; the end of the input is said in ours.
            return self._end(str(error))

    def _turn(self) -> list[tuple[str, Block]]:
        if self._failure:
            return self._end(self._failure)
        if self._recording is not None:
            return self._reread(self._recording)
        if self._stop.is_requested and (self._execution is None or not self._is_started):
            return self._end("")
        if not self._is_started:
            return self._start()
        was_called = self._reactor.run_once(0.0 if self._reactor.now() < self._spin_until else LONGEST_WAIT_S)
        now_ns = time.time_ns()
        self._telemetry.turned(now_ns)
        if self._stop.is_requested and self._execution is not None:
            is_over = self._close(self._execution.executor)
        else:
            is_over = False
        brought = self._intake.collect(now_ns)
        if brought is None:
            if is_over:
                return self._end("")
            return [] if was_called else self._rest()
        self._spin_until = self._reactor.now() + self._spin_s
        wanted = self._intake.follow()
        if wanted is not None:
            for feed in self._feeds:
                feed.follow(wanted)
        return self._journaled(*brought)

    def _start(self) -> list[tuple[str, Block]]:
        """Hand on what was loaded, and let the feeds begin."""
        self._is_started = True
        for feed, outlet in zip(self._feeds, self._outlets, strict=True):
            feed.follow(self._intake.wanted)
            feed.start(self._reactor, outlet)
        gc.collect()
        gc.freeze()
        gc.disable()
        return self._journaled(*self._intake.first(time.time_ns(), self._opening()))

    def _opening(self) -> tuple[Report, ...]:
        """Return what execution found on chain: the wallet, and in a run that is taken up again what it has missed."""
        if self._execution is None:
            return ()
        opening = self._execution.opening
        missed = (*opening.earlier, *opening.reports) if self._is_resumed else ()
        return (*missed, *opening.commands, opening.wallet)

    def _close(self, executor: Executor) -> bool:
        """Have the portfolio send nothing more, then wait for what is on its way; return whether all is settled."""
        if not self._is_closing:
            self._is_closing = True
            _log.info("ending: waiting for what is on its way, then for a last look at the wallet")
            self._outlets[-1].put(OperatorCommand("close", self._stop.reason))
        elif executor.is_closing and not self._is_winding_down:
            # The portfolio, perhaps another worker's, has seen the command: what it approved is with the executor.
            self._is_winding_down = True
            executor.wind_down()
        return self._is_winding_down and executor.is_wound_down

    def _rest(self) -> list[tuple[str, Block]]:
        """Use a moment in which nothing happens."""
        now = self._reactor.now()
        if now >= self._tidy_at:
            self._tidy_at = now + TIDY_EVERY_S
            gc.collect()
        if now < self._warm_at:
            return []
        self._warm_at = now + WARM_EVERY_S
        return self._blocks(np.zeros(0, ROW), {})

    def _journaled(self, rows: Rows, writes: list[AccountWrite]) -> list[tuple[str, Block]]:
        if self._journal is not None and len(rows):
            self._journal.append(rows, writes)
        return self._checked(rows, writes)

    def _checked(self, rows: Rows, writes: list[AccountWrite]) -> list[tuple[str, Block]]:
        self._rows += len(rows)
        is_good = self._inspector.check(rows)
        if not self._trades_all:
            is_good &= self._is_traded[rows["pool"]]
        if not all(is_good.tolist()):
            rows = taken(rows, is_good)
        return self._blocks(rows, writes_by_pool(rows, writes)) if len(rows) else []

    def _reread(self, recording: Recording) -> list[tuple[str, Block]]:
        """Hand on what the journal holds beyond the last snapshot."""
        start, count = self._rows, min(REREAD_ROWS, self._reread_to - self._rows)
        rows, writes = recording.rows(start, count), list(recording.writes(start, count))
        if self._rows + count >= self._reread_to:
            self._recording = None
        return self._checked(rows, writes)

    def _end(self, failure: str) -> list[tuple[str, Block]]:
        self._is_ended = True
        return self._blocks(np.zeros(0, ROW), {}, is_last=True, failure=failure)

    def _blocks(
        self, rows: Rows, writes: dict[int, list[AccountWrite]], *, is_last: bool = False, failure: str = ""
    ) -> list[tuple[str, Block]]:
        found = self._inspector.findings if is_last else []
        findings = tuple((finding.kind, finding.is_refused, finding.count) for finding in found)
        slice_no = self._slice_no
        self._slice_no += 1
        return blocks_of(
            rows, writes, len(self._is_traded), slice_no, is_last=is_last, findings=findings, failure=failure
        )

    def next_awake(self) -> datetime:
        return _AT_ONCE  # never wait in the runner: `next_batch` waits on the sockets

    def snapshot(self) -> LiveState:
        folder = str(self._journal.folder) if self._journal is not None else ""
        return LiveState(folder, self._rows, self._slice_no, self._inspector.snapshot())

    def close(self) -> None:
        if self._is_started:
            gc.enable()
            gc.unfreeze()
            for feed in self._feeds:
                feed.stop()
        self._reactor.close()
        if self._journal is not None:
            self._journal.close()
