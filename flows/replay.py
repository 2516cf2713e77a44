"""Replay a recording through the trading graph: `python -m bytewax.run flows.replay`.

The settings are read from `HFT_CONFIG` and `HFT__SECTION__KEY`; without any, the recording in `replay_data/` is
replayed.
"""

import sys

import bytewax.operators as op
import numpy as np
from bytewax.dataflow import Dataflow

from connectors.inboxes.replay import ReplaySource
from connectors.recordings.excerpt import Stretch
from connectors.recordings.inspection import Inspector
from connectors.recordings.recording import Recording
from connectors.results.run_folder import Outcome, RunFolderSink, usable_runs_dir
from connectors.results.run_labels import RunLabels, wordings_of
from flows.plan import plan, unknown_pools, watched_pools
from flows.running import wire
from flows.settings.dump import dump_settings, without_secrets
from flows.settings.tree import Settings
from flows.trading import trade
from operators.blocks import ROW
from operators.warm_up import warm_up


def replay(settings: Settings, outcome: Outcome | None = None, *, stretch: Stretch | None = None) -> Dataflow:
    """Wire a replay.

    :arg outcome: Where the run says how it ended, if somebody wants to know.

    :arg stretch: The rows of the recording to replay, if not all of them.

    :raises DlmmError: The recording or the settings do not allow one; of the recording, only metadata is read here.

    """
    recording = Recording.open(settings.replay.recording)
    params = plan(settings, recording.pools)
    recording.read_ahead()
    if sys.stdout.isatty():
        print("loading kernels (the first run compiles them) ..", flush=True)
    warm_up(params.desk, params.portfolio)
    Inspector(recording.pools).check(np.zeros(0, ROW))
    flow = Dataflow("replay")
    chosen = watched_pools(settings, recording.pools)
    source = ReplaySource(recording, settings.replay.block_rows, chosen, stretch)
    blocks = op.input("inbox", flow, source)
    reports = trade("trade", blocks, params)
    labels = RunLabels(
        name=settings.replay.name,
        infos=recording.pools,
        strategies=tuple(planned.name for planned in params.desk.strategies),
        quote=settings.portfolio.quote,
        capital=settings.portfolio.capital,
        equity_interval_s=settings.results.equity_interval_s,
        configuration=dump_settings(without_secrets(settings)),
        recording=str(recording.path),
        wordings=wordings_of(params.desk.strategies),
        notes=(*recording.notes, *unknown_pools(settings, recording.pools)),
    )
    runs_dir = usable_runs_dir(settings.results.runs_dir)
    op.output("result", reports, RunFolderSink(runs_dir, labels, outcome or Outcome()))
    return flow


def __getattr__(name: str) -> Dataflow:
    return wire(name, replay)
