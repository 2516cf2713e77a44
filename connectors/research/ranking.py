"""Rank the candidates of a sweep, and judge the best on data that it was not chosen on.

All money is per hour of market time: the windows that are chosen on and those that are judged on differ in length.
"""

import math
from collections.abc import Callable, Sequence
from statistics import NormalDist, fmean, stdev
from typing import Literal

from connectors.research.trials import Figures, Part, RunRow, SweepPlan
from dlmm.records import Record
from operators.books.baselines import NAMES

Metric = Literal["pnl", "sharpe"]
EULER = 0.5772156649015329


class Score(Record, frozen=True):
    """How one candidate did, over all markets and folds.

    :arg train: Its metric on what was chosen on; `None` where a run there failed.

    :arg test: The same on what was not.

    :arg profits: Profit in all on either, in quote currency.

    :arg fills: On both.

    :arg max_drawdown: The largest of all its runs, as a fraction.

    :arg sharpe: Mean over the test windows that have one.

    :arg failed: Runs that failed.

    """

    candidate: int
    train: float | None
    test: float | None
    profits: tuple[float, float]
    fills: int
    max_drawdown: float
    sharpe: float | None
    failed: int


class Pick(Record, frozen=True):
    """What walking forward chose in one fold, knowing that fold's train window alone, and what came of it.

    :arg candidate: `None` where every run on the train window failed.

    """

    market: int
    fold: int
    candidate: int | None
    train: float | None
    test: float | None


class Verdict(Record, frozen=True):
    """What may be concluded.

    :arg scores: Best on train first; those that failed there last.

    :arg baselines: By name: profit an hour on train and on test, beside the runs of the best candidate.

    :arg by_luck: Metric on train that the best of as many candidates would be expected to have without any skill.

    :arg trials: Candidates that were compared.

    """

    metric: Metric
    quote: str
    scores: tuple[Score, ...]
    picks: tuple[Pick, ...]
    baselines: dict[str, tuple[float | None, float | None]]
    by_luck: float | None
    trials: int

    @property
    def winner(self) -> Score | None:
        """The candidate that did best on what was chosen on."""
        best = self.scores[0] if self.scores else None
        return best if best is not None and best.train is not None else None


def judge(plan: SweepPlan, rows: Sequence[RunRow], metric: Metric) -> Verdict:
    """Rank what has been run.

    :arg rows: Runs that ended; where some of a candidate's are missing it counts as failed there.

    """
    by_run = {row.run: row for row in rows}
    seconds = {
        (market, fold, part): getattr(windows, part).seconds
        for market, each in enumerate(plan.markets)
        for fold, windows in enumerate(each.folds)
        for part in ("train", "test")
    }
    of_candidate: list[list[RunRow]] = [[] for _ in plan.candidates]
    for row in by_run.values():
        of_candidate[row.run.candidate].append(row)
    scores = [_score(candidate, of_candidate[candidate], seconds, metric) for candidate in range(len(plan.candidates))]
    scores.sort(key=lambda score: (score.train is None, -(score.train or 0.0), score.candidate))
    found = [row.figures for row in rows if row.figures is not None]
    trials = [score.train for score in scores if score.train is not None]
    best = scores[0].candidate if trials else None
    return Verdict(
        metric=metric,
        quote=found[0].quote if found else "",
        scores=tuple(scores),
        picks=tuple(_picks(plan, rows, seconds, metric)),
        baselines=_baselines(of_candidate[best], seconds) if best is not None else {},
        by_luck=best_by_luck(trials),
        trials=len(trials),
    )


def best_by_luck(values: Sequence[float]) -> float | None:
    """Return the largest of as many values that may be expected where all of them are chance.

    They are taken to be independent, normal and about zero, with the spread that they have. What candidates that
    resemble each other come to is not independent, and their number then says too much; nor is the spread all chance.

    :returns: `None` for less than two values.

    Source: Bailey and Lopez de Prado, The Deflated Sharpe Ratio, 2014, the expected maximum of N trials.

    >>> round(best_by_luck([-1.0, 1.0] * 50), 2)
    2.54

    """
    count = len(values)
    if count < 2:  # noqa: PLR2004 - what has no spread
        return None
    quantile = NormalDist().inv_cdf
    return stdev(values) * (
        (1.0 - EULER) * quantile(1.0 - 1.0 / count) + EULER * quantile(1.0 - 1.0 / (count * math.e))
    )


Seconds = dict[tuple[int, int, str], float]


def _metric(
    rows: Sequence[RunRow],
    seconds: Seconds,
    profit: Callable[[Figures], float],
    sharpe: Callable[[Figures], float] | None,
) -> float | None:
    """Profit an hour, or the mean of the Sharpe ratios; `None` where a run failed or there is none."""
    figures = [row.figures for row in rows]
    if not figures or any(each is None for each in figures):
        return None
    known = [each for each in figures if each is not None]
    if sharpe is not None:
        return fmean(map(sharpe, known))
    hours = sum(seconds[row.run.market, row.run.fold, row.run.part] for row in rows) / 3_600.0
    return sum(map(profit, known)) / hours


def _own(rows: Sequence[RunRow], seconds: Seconds, metric: Metric) -> float | None:
    # A flat curve has no Sharpe ratio; as nothing was won or lost, it ranks as zero.
    sharpe = (lambda figures: figures.sharpe or 0.0) if metric == "sharpe" else None
    return _metric(rows, seconds, lambda figures: figures.profit, sharpe)


def _score(candidate: int, rows: Sequence[RunRow], seconds: Seconds, metric: Metric) -> Score:
    def on(part: Part) -> list[RunRow]:
        return [row for row in rows if row.run.part == part]

    windows = len(seconds) // 2
    train, test = (_own(on(part), seconds, metric) if len(on(part)) == windows else None for part in ("train", "test"))
    figures = [row.figures for row in rows if row.figures is not None]
    sharpes = [row.figures.sharpe for row in on("test") if row.figures is not None and row.figures.sharpe is not None]
    return Score(
        candidate=candidate,
        train=train,
        test=test,
        profits=_profits(on("train"), on("test")),
        fills=sum(each.fills for each in figures),
        max_drawdown=max((each.max_drawdown for each in figures), default=0.0),
        sharpe=fmean(sharpes) if sharpes else None,
        failed=sum(row.figures is None for row in rows),
    )


def _profits(train: Sequence[RunRow], test: Sequence[RunRow]) -> tuple[float, float]:
    in_train, in_test = (sum(row.figures.profit for row in rows if row.figures is not None) for rows in (train, test))
    return in_train, in_test


def _picks(plan: SweepPlan, rows: Sequence[RunRow], seconds: Seconds, metric: Metric) -> list[Pick]:
    by_window: dict[tuple[int, int, str], list[RunRow]] = {}
    for row in rows:
        by_window.setdefault((row.run.market, row.run.fold, row.run.part), []).append(row)
    picks = []
    for market, each in enumerate(plan.markets):
        for fold in range(len(each.folds)):
            trained = [
                (_own([row], seconds, metric), -row.run.candidate) for row in by_window.get((market, fold, "train"), [])
            ]
            ranked = sorted([(value, place) for value, place in trained if value is not None], reverse=True)
            if not ranked:
                picks.append(Pick(market, fold, None, None, None))
                continue
            train, place = ranked[0]
            tested = [row for row in by_window.get((market, fold, "test"), []) if row.run.candidate == -place]
            picks.append(Pick(market, fold, -place, train, _own(tested, seconds, metric)))
    return picks


def _baselines(rows: Sequence[RunRow], seconds: Seconds) -> dict[str, tuple[float | None, float | None]]:
    """Return what the baselines made an hour. They have no Sharpe ratio: this stands beside either metric."""

    def profit_of(name: str) -> Callable[[Figures], float]:
        return lambda figures: next(each.profit for each in figures.baselines if each.name == name)

    return {
        name: (
            _metric([row for row in rows if row.run.part == "train"], seconds, profit_of(name), None),
            _metric([row for row in rows if row.run.part == "test"], seconds, profit_of(name), None),
        )
        for name in NAMES
    }
