"""Follow a live market and trade on it: `python -m bytewax.run flows.live`.

The settings are read from `HFT_CONFIG` and `HFT__SECTION__KEY`; without any, the embedded sandbox cluster is started
and its pools are traded on paper. Ctrl-C ends the run with its results.
"""

import atexit
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import bytewax.operators as op
import numpy as np
from bytewax.dataflow import Dataflow

from connectors.clusters.pool_loading import LoadedPool
from connectors.execution.sink import ExecutionSink
from connectors.feeds.feed import Feed
from connectors.inboxes.live import Execution, JournalTerms, LiveSource
from connectors.monitoring.logs import start_logging
from connectors.monitoring.metrics_server import MetricsServer
from connectors.monitoring.status_line import StatusLine
from connectors.monitoring.telemetry import Telemetry
from connectors.recordings.inspection import Inspector
from connectors.results.run_folder import Outcome, RunFolderSink, usable_runs_dir
from connectors.results.run_labels import RunLabels, wordings_of
from connectors.stopping import Stop
from flows.execution import LiveExecution, prepare_execution
from flows.feeds import make_feeds
from flows.market import Market, find_market, load_market
from flows.plan import plan, watched_pools
from flows.running import wire
from flows.settings.dump import dump_settings, without_secrets
from flows.settings.tree import Settings
from flows.trading import TradingParams, trade
from operators.blocks import ROW
from operators.warm_up import warm_up


@dataclass(frozen=True)
class Run:
    """What a run shares with whoever watches it.

    :arg outcome: How it ended.

    """

    stop: Stop = field(default_factory=Stop)
    telemetry: Telemetry = field(default_factory=Telemetry)
    outcome: Outcome = field(default_factory=Outcome)


Feeds = Callable[[], Sequence[Feed]]
"""Makes the feeds; called by the worker that runs them."""


def live(
    settings: Settings,
    source: str,
    pools: tuple[LoadedPool, ...],
    feeds: Feeds,
    run: Run,
    execute: Callable[[TradingParams], LiveExecution | None] = lambda _: None,
) -> Dataflow:
    """Wire a live run.

    :arg source: Where its rows come from, for people.

    :arg pools: As loaded.

    :arg execute: Prepares the execution connector for the plan; without one, all orders stay on paper.

    :raises DlmmError: The settings do not allow one.

    """
    infos = tuple(pool.info for pool in pools)
    params = plan(settings, infos)
    if sys.stdout.isatty():
        print("loading kernels (the first run compiles them) ..", flush=True)
    warm_up(params.desk, params.portfolio)
    Inspector(infos).check(np.zeros(0, ROW))
    journal = journal_terms(settings, source, "live")
    execution = execute(params)
    flow = Dataflow("live")
    inbox = live_source(settings, pools, feeds, run, journal, watched_pools(settings, infos), execution)
    blocks = op.input("inbox", flow, inbox)
    reports = trade("trade", blocks, params)
    if execution is not None:
        sink = ExecutionSink(params.name, execution.executor, execution.incidents)
        op.output("execution", reports, sink)
    observed = op.map("observe", reports, lambda keyed: (keyed[0], run.telemetry.observe(keyed[1])))
    labels = RunLabels(
        name="live",
        infos=infos,
        strategies=tuple(planned.name for planned in params.desk.strategies),
        quote=settings.portfolio.quote,
        capital=settings.portfolio.capital,
        equity_interval_s=settings.results.equity_interval_s,
        configuration=dump_settings(without_secrets(settings)),
        recording=str(journal.folder) if journal is not None else "",
        wordings=wordings_of(params.desk.strategies),
    )
    results = RunFolderSink(Path(settings.results.runs_dir), labels, run.outcome, goes_on=True)
    op.output("result", observed, results)
    return flow


def live_source(
    settings: Settings,
    pools: tuple[LoadedPool, ...],
    feeds: Feeds,
    run: Run,
    journal: JournalTerms | None,
    traded: frozenset[int],
    execution: LiveExecution | None = None,
) -> LiveSource:
    """Return the source that follows the market's pools."""
    return LiveSource(
        pools=pools,
        traded=traded,
        feeds=feeds,
        arrays_around=settings.feeds.arrays_around,
        journal=journal,
        stop=run.stop,
        telemetry=run.telemetry,
        spin_s=settings.feeds.spin_us / 1e6,
        execution=Execution(execution.executor, execution.opening) if execution is not None else None,
    )


def journal_terms(settings: Settings, source: str, name: str) -> JournalTerms | None:
    """Return where a run that begins now keeps its journal, if it is to keep one."""
    if not settings.recording.record:
        return None
    folder = Path(settings.recording.folder) / f"{datetime.now().astimezone():%Y%m%d-%H%M%S}-{os.getpid()}-{name}"
    return JournalTerms(folder, source, settings.recording.segment_seconds)


def begin(settings: Settings, run: Run) -> tuple[Market, tuple[LoadedPool, ...], Feeds]:
    """Start what a run on a live market needs around its flow, and look at the market.

    :returns: The market, its pools, and what makes its feeds.

    """
    start_logging(settings.monitoring.log_level)
    run.stop.on_signals()
    market = find_market(settings, run.stop)
    pools = load_market(market, settings, run.stop)
    feeds = make_feeds(settings, market)  # here, since what a source raises while it is built ends in a panic's text
    if settings.monitoring.metrics_port:
        server = MetricsServer(run.telemetry, settings.monitoring.metrics_port, settings.monitoring.metrics_host)
        atexit.register(server.close)
    status = StatusLine(run.telemetry, settings.portfolio.quote)
    status.start()
    atexit.register(status.stop)
    return market, pools, lambda: feeds


def __getattr__(name: str) -> Dataflow:
    return wire(name, _build)


def _build(settings: Settings, outcome: Outcome) -> Dataflow:
    run = Run(outcome=outcome)
    usable_runs_dir(settings.results.runs_dir)
    market, pools, feeds = begin(settings, run)
    return live(
        settings,
        market.source,
        pools,
        feeds,
        run,
        lambda params: prepare_execution(settings, market, pools, params, run.stop),
    )
