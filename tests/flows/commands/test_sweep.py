"""`dlmm-hft sweep`: from a file to a report, through death, Ctrl-C and bad files."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from connectors.recordings.recording import write_recording
from connectors.research.trials import RUNS
from flows.cli import main
from flows.research.spec import read_spec
from flows.research.sweep import plan_sweep
from flows.research.swept_keys import with_values
from flows.research.worker import Job, answer
from flows.settings.tree import Settings
from tests.processes import children_of, is_alive, wait_until
from tests.shared import ROOT
from tests.tapes import tape

SPEC = """
recordings = ["tape.parquet"]
[walk_forward]
folds = 2
[grid]
"strategies.market_making.spread_target" = [0.0005, 0.001, 0.002]
"strategies.market_making.inventory_target" = [0.3, 0.5]
"""
LISTENS = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
"""A job in the background of a script has Ctrl-C ignored, and so has what it starts."""

PROGRAM = (sys.executable, "-c", f"{LISTENS}; from flows.cli import main; main()", "sweep")


def prepared(folder: Path) -> Path:
    rows, pools = tape(1_200)
    write_recording(folder / "tape.parquet", rows, pools, "seeded tape of the tests")
    (folder / "sweep.toml").write_text(SPEC)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return prepared(tmp_path)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """The folder of a sweep that nobody disturbed, and what it said."""
    folder = prepared(tmp_path_factory.mktemp("unbroken"))
    return folder, run(folder, str(folder / "sweep.toml"), "--workers", "1")


def environ(folder: Path) -> dict[str, str]:
    return {
        "HFT__RESULTS__RUNS_DIR": str(folder / "runs"),
        "HFT__STRATEGIES__MARKET_MAKING__ORDER_EXPIRY_SLOTS": "10",
        "COLUMNS": "200",
    }


def run(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ("sweep", *arguments), env={"HFT_CONFIG": None, **environ(folder)})


def sweeps(folder: Path) -> list[Path]:
    return sorted((folder / "runs").glob("*-sweep*"))


def lines(sweep: Path) -> list[str]:
    path = sweep / RUNS
    return path.read_text().splitlines() if path.exists() else []


def end(folder: Path, number: signal.Signals, *arguments: str) -> tuple[int, str, list[str]]:
    """Start a sweep as a process, end it once it has done some runs more, and return what it left behind."""
    before = len(lines(sweeps(folder)[0])) if sweeps(folder) else 0
    process = subprocess.Popen(
        [*PROGRAM, str(folder / "sweep.toml"), "--workers", "1", *arguments],
        cwd=ROOT,
        env={**os.environ, **environ(folder)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until(lambda: bool(sweeps(folder)) and len(lines(sweeps(folder)[0])) > before, "one more run is done")
    workers = children_of(process.pid)
    process.send_signal(number)
    _, said = process.communicate()
    if number is not signal.SIGKILL:
        assert not any(is_alive(pid) for pid in workers)
    wait_until(lambda: not any(is_alive(pid) for pid in workers), "its workers have ended")
    done = lines(sweeps(folder)[0])
    assert before < len(done) < 24
    return process.returncode, said, done


def test_a_sweep_ends_with_a_ranking_a_map_and_a_report(unbroken: tuple[Path, Result]) -> None:
    folder, result = unbroken
    assert result.exit_code == 0, result.output
    (sweep,) = sweeps(folder)
    assert len(lines(sweep)) == 6 * 2 * 2
    assert "Best of 6 candidates" in result.stdout
    assert "passive LP" in result.stdout
    assert "across, strategies.market_making.inventory_target down" in result.stdout
    report = (sweep / "report.md").read_text()
    assert "24 runs, of which 0 failed" in report
    assert "(heat_map.svg)" in report
    assert (sweep / "heat_map.svg").read_text().startswith("<svg")


def test_a_sweep_that_is_done_is_judged_anew_without_a_run(unbroken: tuple[Path, Result], tmp_path: Path) -> None:
    folder, first = unbroken
    sweep = Path(shutil.copytree(sweeps(folder)[0], tmp_path / "sweep"))
    report = (sweep / "report.md").read_text()
    again = run(folder, str(folder / "sweep.toml"), "--resume", str(sweep))
    assert again.stdout.replace(str(sweep), str(sweeps(folder)[0])) == first.stdout
    assert (sweep / "report.md").read_text() == report
    assert len(lines(sweep)) == 24
    by_sharpe = run(folder, str(folder / "sweep.toml"), "--resume", str(sweep), "--metric", "sharpe")
    assert "Sharpe ratio, best on train first" in by_sharpe.stdout


def test_a_sweep_that_was_killed_and_interrupted_goes_on_and_gives_the_same_table(
    folder: Path, unbroken: tuple[Path, Result]
) -> None:
    _, _, survived = end(folder, signal.SIGKILL)
    (sweep,) = sweeps(folder)
    status, said, done = end(folder, signal.SIGINT, "--resume", str(sweep))
    assert done[: len(survived)] == survived
    assert status == 130
    assert re.search(rf"\d+ of 24 runs are done; go on with: .*--resume {re.escape(str(sweep))}", said)
    assert "Traceback" not in said

    resumed = run(folder, str(folder / "sweep.toml"), "--resume", str(sweep), "--workers", "1")
    assert resumed.exit_code == 0, resumed.output
    assert lines(sweep)[: len(done)] == done
    runs = [json.dumps(json.loads(line)["run"]) for line in lines(sweep)]
    assert len(runs) == len(set(runs)) == 24
    assert (sweep / "report.md").read_text() == (sweeps(unbroken[0])[0] / "report.md").read_text()


def test_a_supervisors_signal_ends_a_sweep_as_ctrl_c_does(unbroken: tuple[Path, Result]) -> None:
    assert unbroken[1].exit_code == 0
    assert signal.getsignal(signal.SIGTERM) is signal.default_int_handler


def test_candidates_that_are_not_allowed_are_counted_and_the_others_go_on(folder: Path) -> None:
    grid = '[grid]\n"volatility.window" = [20]\n"volatility.min_samples" = [10, 30]\n'
    (folder / "sweep.toml").write_text(SPEC.partition("[grid]")[0] + grid)
    result = run(folder, str(folder / "sweep.toml"), "--workers", "1")
    assert result.exit_code == 0, result.output
    assert "4 runs failed, the first: volatility.min_samples" in result.stdout
    assert "Best of 1 candidates" in result.stdout


def test_a_sweep_of_which_all_fails_ends_as_one_that_failed(folder: Path) -> None:
    grid = '[grid]\n"target_pools.pools" = [["nobody"]]\n'
    (folder / "sweep.toml").write_text(SPEC.partition("[grid]")[0] + grid)
    result = run(folder, str(folder / "sweep.toml"), "--workers", "1")
    assert result.exit_code == 1
    assert "no candidate came through its runs: target_pools.pools: none of nobody is in the recording" in result.stderr


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("spread_target", "spread_targt", "did you mean strategies.market_making.spread_target"),
        ("[0.3, 0.5]", "[]", "an empty list"),
        ("folds = 2", "folds = 2\nwindow_minutes = 60", "but .*tape.parquet is 2 minutes long"),
        ("tape.parquet", "nowhere.parquet", "does not exist"),
        ('"strategies.market_making.inventory_target"', '"strategies.custom[0].name"', "the list has 0 items"),
    ],
)
def test_a_bad_file_is_refused_in_one_line(folder: Path, old: str, new: str, said: str) -> None:
    text = SPEC.replace(old, new).replace('[0].name" = [0.3, 0.5]', '[0].name" = ["a"]')
    (folder / "sweep.toml").write_text(text)
    result = run(folder, str(folder / "sweep.toml"))
    assert result.exit_code == 1
    assert re.search(said, result.stderr)
    assert len(result.stderr.splitlines()) == 1
    assert sweeps(folder) == []


def test_the_example_of_the_documentation_runs(tmp_path: Path) -> None:
    example = ROOT / "docs" / "examples" / "sweep.toml"
    assert example.read_text() in (ROOT / "docs" / "research.md").read_text()
    plan = plan_sweep(read_spec(str(example)), Settings())
    allowed = [with_values(plan.base, candidate) for candidate in plan.candidates]
    assert [problem for _, problem in allowed if problem] == []
    (market,) = plan.markets
    said = answer(Job(allowed[0][0], market.path, market.folds[0].test.stretch), tmp_path)
    assert said.figures is not None, said.failure
