"""What a sweep found, for people: tables on a terminal, and a report that stays in its folder."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.table import Table

from connectors.research.heat_map import as_svg, heat_maps, shown
from connectors.research.ranking import Pick, Score, Verdict
from connectors.research.trials import RunRow, SweepPlan

REPORT, HEAT_MAP = "report.md", "heat_map.svg"
SHOWN = 20
"""Candidates on a terminal; the report has all."""
BASELINES = {"hold": "hold", "rebalanced": "50/50 rebalanced", "passive_lp": "passive LP"}

SOURCE = (
    "Bailey, D. H. and López de Prado, M.: The Deflated Sharpe Ratio: Correcting for Selection Bias, Backtest"
    " Overfitting and Non-Normality. Journal of Portfolio Management 40 (5), 2014"
)


def unit_of(verdict: Verdict) -> str:
    """Return what the metric is measured in."""
    return "Sharpe ratio" if verdict.metric == "sharpe" else f"{verdict.quote} an hour"


def ranked_table(plan: SweepPlan, verdict: Verdict) -> Table:
    """Show the best candidates, and the baselines below them; totals and failures where there are any to tell of."""
    columns = _columns(plan)
    left_out = {"P&L train", "P&L test"} | ({"failed"} if not any(score.failed for score in verdict.scores) else set())
    places = [place for place, column in enumerate(columns) if column not in left_out]
    table = Table(title=f"{unit_of(verdict)}, best on train first", title_justify="left", box=box.SIMPLE_HEAD)
    for place in places:
        table.add_column(columns[place], justify="right" if place else "left", overflow="fold")
    for rank, score in enumerate(verdict.scores[:SHOWN], 1):
        row = _score_row(plan, rank, score)
        table.add_row(*[row[place] for place in places])
    for row in _baseline_rows(plan, verdict):
        table.add_row(*[row[place] for place in places], style="dim")
    if len(verdict.scores) > SHOWN:
        table.caption = f"{len(verdict.scores) - SHOWN} more are in {REPORT}"
    return table


def _columns(plan: SweepPlan) -> list[str]:
    keys = [_short(key, plan.keys) for key in plan.keys]
    return ["#", *keys, "train", "test", "change", "P&L train", "P&L test", "fills", "drawdown", "Sharpe", "failed"]


def _short(key: str, keys: Sequence[str]) -> str:
    """Leave out of a key what tells nothing apart."""
    last = key.rpartition(".")[2]
    return last if sum(each.rpartition(".")[2] == last for each in keys) == 1 else key


def _score_row(plan: SweepPlan, place: int, score: Score) -> list[str]:
    values = [shown(plan.candidates[score.candidate][key]) for key in plan.keys]
    train, test = score.profits
    return [
        str(place),
        *values,
        _figure(score.train),
        _figure(score.test),
        change(score.train, score.test),
        f"{train:+,.2f}",
        f"{test:+,.2f}",
        f"{score.fills:,}",
        f"{score.max_drawdown:.3%}",
        _figure(score.sharpe) if score.sharpe is not None else "-",
        str(score.failed or ""),
    ]


def _baseline_rows(plan: SweepPlan, verdict: Verdict) -> list[list[str]]:
    """Show what the baselines made an hour; they have no Sharpe ratio."""
    unit = "" if verdict.metric == "pnl" else f" {verdict.quote}/h"
    return [
        [
            BASELINES[name],
            *[""] * len(plan.keys),
            _figure(train) + unit,
            _figure(test) + unit,
            change(train, test) + unit,
            *[""] * (len(_columns(plan)) - len(plan.keys) - 4),
        ]
        for name, (train, test) in verdict.baselines.items()
    ]


def _figure(value: float | None) -> str:
    return "failed" if value is None else f"{value:+,.2f}"


def change(train: float | None, test: float | None) -> str:
    """Say by how much test is above train, also as a part of train where that was a gain."""
    if train is None or test is None:
        return "-"
    return f"{test - train:+,.2f}" + (f" ({(test - train) / train:+.0%})" if train > 0.0 else "")


def sentences(plan: SweepPlan, verdict: Verdict) -> list[str]:
    """Say plainly what was found, how much worse it was on other data, and how little it may mean."""
    winner, unit = verdict.winner, unit_of(verdict)
    if winner is None:
        return ["No candidate came through its runs; nothing can be concluded."]
    values = ", ".join(f"{key} = {shown(value)}" for key, value in plan.candidates[winner.candidate].items())
    said = [f"Best of {verdict.trials} candidates on what they were chosen on: {values}."]
    if winner.test is None:
        said.append(f"It made {_figure(winner.train)} {unit} there. On other data its runs failed.")
    else:
        assert winner.train is not None
        better = "better" if winner.test >= winner.train else "WORSE"
        said.append(
            f"It made {_figure(winner.train)} {unit} there, and {_figure(winner.test)} on the data that it was not"
            f" chosen on: {change(winner.train, winner.test)}, which is {better}."
        )
    said += _walked(verdict.picks, unit)
    if verdict.by_luck is not None and winner.train is not None:
        is_above = winner.train > verdict.by_luck
        said.append(
            f"Many were tried: the best of {verdict.trials} candidates without any skill, with the spread that these"
            f" have, would be expected to show {_figure(verdict.by_luck)} {unit} on train. The winner is"
            f" {'above' if is_above else 'NOT above'} that"
            + ("; that alone does not make it good." if is_above else ": luck would do as well.")
        )
    elif verdict.trials == 1:
        said.append("One candidate was tried: nothing was chosen.")
    best = max((test for _, test in verdict.baselines.values() if test is not None), default=None)
    mine = _profit_an_hour(plan, winner)
    if best is not None:
        better = "more" if mine > best else "LESS"
        said.append(
            f"On the data it was not chosen on it made {mine:+,.2f} {verdict.quote} an hour, {better} than the best of"
            f" hold, 50/50 and passive LP with {best:+,.2f}."
        )
    return said


def _profit_an_hour(plan: SweepPlan, score: Score) -> float:
    seconds = sum(fold.test.seconds for market in plan.markets for fold in market.folds)
    return score.profits[1] / (seconds / 3_600.0)


def _walked(picks: Sequence[Pick], unit: str) -> list[str]:
    """Say what choosing anew in each fold would have come to."""
    pairs = [(pick.train, pick.test) for pick in picks if pick.train is not None and pick.test is not None]
    if not pairs:
        return ["Walking forward gave nothing: in no fold did both runs of the one that was chosen end well."]
    train = sum(pair[0] for pair in pairs) / len(pairs)
    test = sum(pair[1] for pair in pairs) / len(pairs)
    return [
        f"Walking forward, each fold's best on its train window made {_figure(train)} {unit} there and {_figure(test)}"
        f" in the window that followed, on average over {len(pairs)} folds: {change(train, test)}."
    ]


def write_report(folder: Path, plan: SweepPlan, rows: Sequence[RunRow], verdict: Verdict) -> Path:
    """Write the report, and the heat map beside it where two keys were swept."""
    maps = heat_maps(plan, verdict)
    if maps:
        (folder / HEAT_MAP).write_text(as_svg(maps, unit_of(verdict)))
    failures = Counter(row.failure for row in rows if row.figures is None)
    table = [_score_row(plan, place, score) for place, score in enumerate(verdict.scores, 1)]
    lines = [
        "# Sweep",
        "",
        *[f"* {sentence}" for sentence in sentences(plan, verdict)],
        f"* {len(rows)} runs, of which {sum(failures.values())} failed.",
        "",
        "## Candidates",
        "",
        f"Train and test are {unit_of(verdict)}; `change` is test less train. Drawdown is the largest of all runs,"
        " Sharpe the mean over the test windows, a year's worth.",
        "",
        *_markdown(_columns(plan), table + _baseline_rows(plan, verdict)),
        "",
        *([f"![{maps[0].keys[0]} and {maps[0].keys[1]}]({HEAT_MAP})", ""] if maps else []),
        *(
            ["Other keys were swept too: a cell is the mean over their values.", ""]
            if maps and len(plan.keys) > len(maps[0].keys)
            else []
        ),
        "## Walking forward",
        "",
        *_markdown(["recording", "fold", "chosen", "train", "test", "change"], _pick_rows(plan, verdict)),
        "",
        *(["## Failed runs", ""] if failures else []),
        *[f"* {count} times: {reason}" for reason, count in failures.most_common()],
        *([""] if failures else []),
        "## On choosing the best of many",
        "",
        "The best of many tries is good by chance alone. What luck would give is the expected maximum of as many"
        f" independent normal values about zero with the spread of the candidates ({SOURCE}). Candidates that resemble"
        " each other count for fewer than they are, and each further sweep over the same recordings counts as further"
        " tries: after enough of them the test windows were chosen on too.",
        "",
    ]
    path = folder / REPORT
    path.write_text("\n".join(lines))
    return path


def _pick_rows(plan: SweepPlan, verdict: Verdict) -> list[list[str]]:
    return [
        [
            Path(plan.markets[pick.market].path).name,
            str(pick.fold + 1),
            "all failed"
            if pick.candidate is None
            else ", ".join(shown(plan.candidates[pick.candidate][key]) for key in plan.keys) or "the only one",
            _figure(pick.train),
            _figure(pick.test),
            change(pick.train, pick.test),
        ]
        for pick in verdict.picks
    ]


def _markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [
        f"| {' | '.join(columns)} |",
        f"|{' --- |' * len(columns)}",
        *[f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows],
    ]
