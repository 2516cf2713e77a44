"""A sweep from its file to its report: plan it, run what has not run yet, and judge what came of it."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from connectors.recordings.recording import Recording
from connectors.research.ranking import Verdict, judge
from connectors.research.report import write_report
from connectors.research.trials import Market, RunId, RunRow, RunsFile, SweepPlan
from connectors.research.windows import cut_folds
from dlmm.errors import DlmmError
from dlmm.records import Record
from flows.research.spec import Metric, SweepSpec, candidates_of, ranges_of, swept_keys
from flows.research.swept_keys import base_of, with_values
from flows.research.worker import Answer, Job
from flows.research.workers import run_jobs
from flows.settings.tree import Settings


class Progress(Record, frozen=True):
    """How far a sweep is.

    :arg failed: Of the runs that are done.

    """

    done: int
    total: int
    failed: int


def plan_sweep(spec: SweepSpec, settings: Settings) -> SweepPlan:
    """Say which runs a sweep is made of.

    :arg settings: Those in force; a candidate changes some of them.

    :raises DlmmError: A recording cannot be read or is too short, there are too many candidates, or none of them makes
        settings that are allowed.

    """
    cut = spec.walk_forward
    markets = []
    for path in spec.recordings or (settings.replay.recording,):
        recording = Recording.open(path)
        folds = cut_folds(recording, cut.folds, cut.train, cut.window_minutes)
        markets.append(Market(str(recording.path), len(recording), tuple(folds)))
    base, candidates = base_of(settings), candidates_of(spec)
    problems = [with_values(base, candidate)[1] for candidate in candidates]
    if all(problems):
        raise DlmmError(problems[0])
    return SweepPlan(
        version=1,
        base=base,
        keys=swept_keys(spec),
        candidates=tuple(candidates),
        ranges=ranges_of(spec),
        markets=tuple(markets),
    )


def run_sweep(plan: SweepPlan, runs: RunsFile, workers: int, show: Callable[[Progress], None]) -> None:
    """Run what has not run yet, and write each run down as it ends."""
    ended = runs.ended
    total = len(plan.runs())
    failed = sum(row.figures is None for row in runs.rows)

    def note(run: RunId, answer: Answer) -> None:
        nonlocal failed
        runs.append(RunRow(run, answer.figures, answer.failure))
        failed += answer.figures is None
        show(Progress(len(runs.rows), total, failed))

    show(Progress(len(runs.rows), total, failed))
    jobs: list[tuple[RunId, Job]] = []
    for run, job in _jobs(plan):
        if run in ended:
            continue
        if isinstance(job, str):
            note(run, Answer(None, job))
        else:
            jobs.append((run, job))
    with closing(run_jobs(jobs, workers, runs.folder)) as answers:
        for run, answer in answers:
            note(run, answer)


def _jobs(plan: SweepPlan) -> Iterator[tuple[RunId, Job | str]]:
    """Turn each run into a job, or into the reason why it cannot be one."""
    changed = [with_values(plan.base, candidate) for candidate in plan.candidates]
    for run in plan.runs():
        settings, problem = changed[run.candidate]
        market = plan.markets[run.market]
        fold = market.folds[run.fold]
        window = fold.train if run.part == "train" else fold.test
        yield run, problem or Job(settings, market.path, window.stretch)


def conclude(plan: SweepPlan, runs: RunsFile, metric: Metric) -> tuple[Verdict, Path]:
    """Judge what has run, and write the report."""
    verdict = judge(plan, runs.rows, metric)
    return verdict, write_report(runs.folder, plan, runs.rows, verdict)
