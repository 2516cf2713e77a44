"""What has run stays written down, once, and only for the sweep that it belongs to."""

from pathlib import Path

import msgspec
import pytest

from connectors.research.trials import PLAN, RUNS, RunsFile
from dlmm.errors import DlmmError
from tests.connectors.research.sweeps import plan, run


def written(folder: Path) -> RunsFile:
    runs = RunsFile(folder / "sweep", plan(), goes_on=False)
    for candidate in range(3):
        runs.append(run(candidate, 0, "train", None if candidate == 1 else 10.0))
    runs.close()
    return runs


def test_a_plan_names_each_run_once() -> None:
    runs = plan(candidates=3, folds=2).runs()
    assert len(runs) == len(set(runs)) == 3 * 2 * 2


def test_what_ended_is_there_when_it_goes_on(tmp_path: Path) -> None:
    first = written(tmp_path)
    again = RunsFile(tmp_path / "sweep", plan(), goes_on=True)
    assert again.rows == first.rows
    assert len(again.ended) == 3
    again.close()


@pytest.mark.parametrize("cut", [1, 20])
def test_a_line_that_was_cut_off_runs_again(tmp_path: Path, cut: int) -> None:
    written(tmp_path)
    path = tmp_path / "sweep" / RUNS
    path.write_bytes(path.read_bytes()[:-cut])
    again = RunsFile(tmp_path / "sweep", plan(), goes_on=True)
    assert len(again.rows) == 2
    again.append(run(2, 0, "train", 10.0))
    again.close()
    assert len(path.read_text().splitlines()) == 3


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    written(tmp_path)
    path = tmp_path / "sweep" / RUNS
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], "{nonsense", lines[2], ""]))
    with pytest.raises(DlmmError, match="line 2 is damaged"):
        RunsFile(tmp_path / "sweep", plan(), goes_on=True)


def test_another_sweeps_folder_is_refused_by_what_differs(tmp_path: Path) -> None:
    written(tmp_path)
    with pytest.raises(DlmmError, match=r"belongs to another sweep; what differs: candidates$"):
        RunsFile(tmp_path / "sweep", plan(candidates=4), goes_on=True)
    with pytest.raises(DlmmError, match="what differs: the settings in force"):
        RunsFile(tmp_path / "sweep", msgspec.structs.replace(plan(), base="a = 1"), goes_on=True)


def test_a_folder_that_is_no_sweeps_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DlmmError, match=rf"has no {PLAN}"):
        RunsFile(tmp_path, plan(), goes_on=True)
    (tmp_path / PLAN).write_text("{}")
    with pytest.raises(DlmmError, match="cannot be read"):
        RunsFile(tmp_path, plan(), goes_on=True)
