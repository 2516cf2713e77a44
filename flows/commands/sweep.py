"""`dlmm-hft sweep`: try settings on recordings, and judge the best on data that it was not chosen on."""

import os
import shlex
import signal
import sys
from datetime import datetime
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as ProgressBar
from rich.text import Text

from connectors.research.heat_map import as_tables, heat_maps
from connectors.research.report import ranked_table, sentences
from connectors.research.trials import RunsFile, SweepPlan
from connectors.results.run_folder import usable_runs_dir
from dlmm.errors import DlmmError
from flows.research.spec import Metric, read_spec
from flows.research.sweep import Progress, conclude, plan_sweep, run_sweep
from flows.settings.load import load_settings

INTERRUPTED = 130
"""Exit status of a command that Ctrl-C ended."""


@click.command("sweep")
@click.argument("spec_file", metavar="SPEC")
@click.option(
    "--resume", type=click.Path(path_type=Path), help="Folder of a sweep that was cut short; it goes on there."
)
@click.option("--workers", type=click.IntRange(1, 1_024), help="Runs at a time.  [default: one a core]")
@click.option("--metric", type=click.Choice(["pnl", "sharpe"]), help="What is ranked by; instead of the spec's.")
def sweep_command(spec_file: str, resume: Path | None, workers: int | None, metric: Metric | None) -> None:
    """Try every candidate of the file SPEC on every recording that it names.

    The settings in force (HFT_CONFIG, HFT__SECTION__KEY) are those of all runs, but for the keys that SPEC sweeps.
    docs/research.md walks through it.
    """
    spec = read_spec(spec_file)
    settings = load_settings(os.environ)
    plan = plan_sweep(spec, settings)
    folder = resume if resume is not None else _new_folder(usable_runs_dir(settings.results.runs_dir))
    runs = RunsFile(folder, plan, goes_on=resume is not None)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    count = workers if workers is not None else len(os.sched_getaffinity(0))
    try:
        _run(plan, runs, count)
    except KeyboardInterrupt:
        again = shlex.join(["dlmm-hft", "sweep", spec_file, "--resume", str(folder)])
        click.echo(f"interrupted: {len(runs.rows)} of {len(plan.runs())} runs are done; go on with: {again}", err=True)
        raise click.exceptions.Exit(INTERRUPTED) from None
    finally:
        runs.close()
    _show(plan, runs, metric or spec.metric)


def _new_folder(runs_dir: Path) -> Path:
    stem = f"{datetime.now().astimezone():%Y%m%d-%H%M%S}-sweep"
    return next(
        folder
        for number in range(1_000_000)
        if not (folder := runs_dir / (stem if number == 0 else f"{stem}-{number}")).exists()
    )


def _run(plan: SweepPlan, runs: RunsFile, workers: int) -> None:
    columns = (
        TextColumn("sweep"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("runs, {task.fields[failed]} failed"),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    click.echo(f"{len(plan.candidates)} candidates, {len(plan.runs())} runs, results in {runs.folder}", err=True)
    if console.is_terminal:
        click.echo("the first run loads the kernels, or compiles them, before the others begin", err=True)
    with ProgressBar(*columns, console=console, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("sweep", total=len(plan.runs()), failed=0)

        def show(progress: Progress) -> None:
            bar.update(task, completed=progress.done, failed=progress.failed)

        run_sweep(plan, runs, workers, show)


def _show(plan: SweepPlan, runs: RunsFile, metric: Metric) -> None:
    verdict, report = conclude(plan, runs, metric)
    console = Console()
    if not console.is_terminal:
        console = Console(width=200)
    console.print(ranked_table(plan, verdict))
    for table in as_tables(heat_maps(plan, verdict)):
        console.print(table)
    for sentence in sentences(plan, verdict):
        console.print(Text(sentence), soft_wrap=True)
    failed = [row.failure for row in runs.rows if row.figures is None]
    if failed:
        console.print(Text(f"{len(failed)} runs failed, the first: {failed[0]}", style="red"), soft_wrap=True)
    console.print(Text(f"report in {report}"), soft_wrap=True)
    if verdict.winner is None:
        raise DlmmError(f"no candidate came through its runs: {failed[0] if failed else 'none has run'}")
