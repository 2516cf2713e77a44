"""`dlmm-hft explain`: which run it asks, what it prints, and how it ends."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from flows.cli import main
from tests.connectors.results.told_run import write_run


def run(*arguments: str, **environ: str | None) -> Result:
    return CliRunner().invoke(main, ("explain", *arguments), env={"HFT_CONFIG": None, **environ})


def test_an_order_of_the_newest_run_is_explained(tmp_path: Path) -> None:
    write_run(tmp_path)
    result = run("1", HFT__RESULTS__RUNS_DIR=str(tmp_path))
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("Order 1: buy, immediate in sol")
    assert "following asked for it (take): it rose." in result.stdout


def test_without_a_number_the_last_orders_are_listed(tmp_path: Path) -> None:
    folder = write_run(tmp_path)
    for result in (run(HFT__RESULTS__RUNS_DIR=str(tmp_path)), run(str(folder))):
        assert result.exit_code == 0, result.output
        assert "last orders" in result.stdout
        assert "stale_feed" in result.stdout


def test_a_folder_can_be_named(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "elsewhere")
    assert "stale_feed: Its pool had not been heard of for 31 slots" in run("4", str(folder)).stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("99",), "has no order 99"),
        (("1", "nowhere"), "nowhere: is no run folder"),
        (("nowhere",), "nowhere: is no run folder"),
    ],
)
def test_what_cannot_be_explained_ends_in_one_line(arguments: tuple[str, ...], said: str, tmp_path: Path) -> None:
    write_run(tmp_path)
    result = run(*arguments, HFT__RESULTS__RUNS_DIR=str(tmp_path))
    assert result.exit_code == 1
    assert result.stdout == ""
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_where_there_is_no_run_it_says_where_it_looked(tmp_path: Path) -> None:
    result = run("1", HFT__RESULTS__RUNS_DIR=str(tmp_path))
    assert result.exit_code == 1
    assert result.stderr == f"error: {tmp_path}: there is no run with a result; results.runs_dir says where to look\n"


def test_a_number_that_is_none_is_refused(tmp_path: Path) -> None:
    result = run("first", str(write_run(tmp_path)))
    assert result.exit_code == 2
    assert "'first' is no order's number" in result.stderr
