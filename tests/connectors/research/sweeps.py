"""A small sweep made by hand, for the tests of what is concluded from one."""

from connectors.recordings.excerpt import Stretch
from connectors.research.trials import Figures, Market, Part, RunId, RunRow, SweepPlan
from connectors.research.windows import Fold, Window
from operators.books.baselines import NAMES, Baseline

KEY, OTHER = "strategies.market_making.spread_target", "paper.latency_slots"


def window(start: int, minutes: float) -> Window:
    return Window(Stretch(start, start + 10), start * 1_000, minutes * 60.0)


def plan(candidates: int = 3, folds: int = 2) -> SweepPlan:
    """A plan whose train windows last an hour, and its test windows half of that."""
    cut = tuple(Fold(window(20 * fold, 60.0), window(20 * fold + 10, 30.0)) for fold in range(folds))
    return SweepPlan(
        version=1,
        base="",
        keys=(KEY,),
        candidates=tuple({KEY: 0.001 * (number + 1)} for number in range(candidates)),
        ranges={},
        markets=(Market("somewhere/tape.parquet", 100, cut),),
    )


def figures(profit: float, sharpe: float | None = None, drawdown: float = 0.01) -> Figures:
    baselines = tuple(Baseline(name, float(place), 0.0, 0.0, 0) for place, name in enumerate(NAMES))
    return Figures(profit, sharpe, drawdown, 5, 10, 0.5, 100, "USDC", baselines)


def run(candidate: int, fold: int, part: Part, made: float | None, sharpe: float | None = None) -> RunRow:
    """A run that made so much, or failed."""
    name = RunId(candidate, 0, fold, part)
    return RunRow(name, None, "it broke") if made is None else RunRow(name, figures(made, sharpe))
