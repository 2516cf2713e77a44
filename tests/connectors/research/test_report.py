"""The report says how much worse the winner did where it was not chosen, and what luck would have done."""

from pathlib import Path

import pytest
from rich.console import Console

from connectors.research.ranking import Metric, judge
from connectors.research.report import HEAT_MAP, change, ranked_table, sentences, write_report
from connectors.research.trials import RunRow
from tests.connectors.research.sweeps import plan, run


def rows(candidates: int = 3, *, failing: int = -1) -> list[RunRow]:
    """Runs in which the last candidate is best on train, and worst on test."""
    found = []
    for candidate in range(candidates):
        for fold in range(2):
            made = None if candidate == failing else 10.0 * candidate
            found += [run(candidate, fold, "train", made), run(candidate, fold, "test", -1.0 * candidate)]
    return found


def text_of(found: list[RunRow], candidates: int = 3, metric: Metric = "pnl") -> str:
    made = plan(candidates)
    return "\n".join(sentences(made, judge(made, found, metric)))


def test_it_says_how_much_worse_the_winner_did() -> None:
    text = text_of(rows())
    assert "Best of 3 candidates" in text
    assert "spread_target = 0.003" in text
    assert "made +20.00 USDC an hour there, and -4.00" in text
    assert "-24.00 (-120%), which is WORSE" in text


def test_it_says_what_luck_would_have_shown() -> None:
    assert "without any skill" in text_of(rows())
    assert "nothing was chosen" in text_of(rows(1), 1)


def test_it_says_whether_the_baselines_did_better() -> None:
    assert "LESS than the best of hold, 50/50 and passive LP with +4.00" in text_of(rows())


def test_it_says_so_where_nothing_can_be_said() -> None:
    assert text_of([run(0, 0, "train", None)], 1) == "No candidate came through its runs; nothing can be concluded."


def test_a_winner_that_failed_on_test_is_told_of() -> None:
    found = [row for row in rows() if not (row.run.candidate == 2 and row.run.part == "test")]
    assert "On other data its runs failed." in text_of([*found, *[run(2, fold, "test", None) for fold in range(2)]])


@pytest.mark.parametrize("metric", ["pnl", "sharpe"])
def test_the_report_holds_every_candidate_the_baselines_and_the_source(tmp_path: Path, metric: Metric) -> None:
    made, found = plan(), rows(failing=1)
    text = write_report(tmp_path, made, found, judge(made, found, metric)).read_text()
    for words in ("| 3 |", "hold", "50/50 rebalanced", "passive LP", "Deflated Sharpe Ratio", "2 times: it broke"):
        assert words in text
    tables = [line for line in text.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in tables[:8]} == {tables[0].count("|")}
    assert not (tmp_path / HEAT_MAP).exists()  # one key was swept


def test_a_terminal_gets_the_first_of_many() -> None:
    made, found = plan(30), rows(30)
    console = Console(width=200)
    with console.capture() as captured:
        console.print(ranked_table(made, judge(made, found, "pnl")))
    assert "10 more are in report.md" in captured.get()
    assert "hold" in captured.get()


def test_changes_are_told_as_a_part_of_gains_alone() -> None:
    assert change(10.0, 5.0) == "-5.00 (-50%)"
    assert change(-10.0, 5.0) == "+15.00"
    assert change(None, 5.0) == "-"
