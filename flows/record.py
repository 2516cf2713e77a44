"""Record a live market without trading on it: `python -m bytewax.run flows.record`.

The settings are those of `flows.live`. Ctrl-C ends the recording; `flows.replay` and `dlmm-hft inspect` read it.
"""

import bytewax.operators as op
import numpy as np
from bytewax.dataflow import Dataflow
from bytewax.outputs import DynamicSink, StatelessSinkPartition

from connectors.clusters.pool_loading import LoadedPool
from connectors.recordings.inspection import Inspector
from connectors.results.run_folder import Outcome
from dlmm.errors import DlmmError
from flows.live import Feeds, Run, begin, journal_terms, live_source
from flows.running import wire
from flows.settings.tree import Settings
from operators.blocks import ROW, Block


class _Watcher(StatelessSinkPartition[tuple[str, Block]]):
    """Notice why the input ended; the recording itself is the inbox's journal."""

    def __init__(self, outcome: Outcome) -> None:
        self._outcome = outcome

    def write_batch(self, items: list[tuple[str, Block]]) -> None:
        for _, block in items:
            if block.failure:
                self._outcome.failure = block.failure


class _WatcherSink(DynamicSink[tuple[str, Block]]):
    def __init__(self, outcome: Outcome) -> None:
        self._outcome = outcome

    def build(self, step_id: str, worker_index: int, worker_count: int) -> _Watcher:
        del step_id, worker_index, worker_count
        return _Watcher(self._outcome)


def record(settings: Settings, source: str, pools: tuple[LoadedPool, ...], feeds: Feeds, run: Run) -> Dataflow:
    """Wire a recording.

    :raises DlmmError: The settings do not allow one.

    """
    journal = journal_terms(settings, source, "record")
    if journal is None:
        raise DlmmError("recording.record is off, and to record is all that this flow does")
    Inspector(tuple(pool.info for pool in pools)).check(np.zeros(0, ROW))
    flow = Dataflow("record")
    inbox = live_source(settings, pools, feeds, run, journal, frozenset(range(len(pools))))
    op.output("watcher", op.input("inbox", flow, inbox), _WatcherSink(run.outcome))
    print(f"recording to {journal.folder}", flush=True)
    return flow


def __getattr__(name: str) -> Dataflow:
    return wire(name, _build)


def _build(settings: Settings, outcome: Outcome) -> Dataflow:
    run = Run(outcome=outcome)
    market, pools, feeds = begin(settings, run)
    return record(settings, market.source, pools, feeds, run)
