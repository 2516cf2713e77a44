"""`dlmm-hft import` and `inspect`: what they print, and how they end."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from connectors.recordings.recording import Recording
from flows.cli import Program
from flows.commands.recordings import import_command, inspect_command
from tests.shared import need_shared

PRICES = "time,price\n1700000000,150\n1700000001,151\n1700000002,-3\n"


def run(*arguments: str) -> Result:
    program = Program(commands={"import": import_command, "inspect": inspect_command})
    return CliRunner().invoke(program, arguments)


@pytest.fixture
def prices(tmp_path: Path) -> Path:
    path = tmp_path / "prices.csv"
    path.write_text(PRICES)
    return path


def test_an_import_ends_with_its_summary(prices: Path, tmp_path: Path) -> None:
    out = tmp_path / "market.parquet"
    result = run("import", str(prices), str(out), "--pool", "SOL-test", "--base", "SOL", "--decimals", "9", "6",
                 "--bin-step", "10", "--fee-bps", "2.5", "--venue", "saros")  # fmt: skip
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        f"{out}: 2 rows, 2023-11-14 22:13:20 UTC to 2023-11-14 22:13:21 UTC (table)",
        "  SOL-test  2 rows",
        "  refused: 1 rows, price_not_positive",
        "  note: the table has no slots: they are made of the time, 0.4 s each",
    ]
    (info,) = Recording.open(out).pools
    assert (info.bin_step, info.base_factor * 100, info.venue) == (10, 250_000, "saros")


def test_inspect_shows_the_recording(prices: Path, tmp_path: Path) -> None:
    out = tmp_path / "market.parquet"
    run("import", str(prices), str(out))
    result = run("inspect", str(out))
    assert result.exit_code == 0, result.output
    assert "2 rows, 0 refused" in result.stdout
    assert "Nothing to object to." in result.stdout


def test_our_own_errors_are_one_line(tmp_path: Path, prices: Path) -> None:
    result = run("import", str(prices), str(tmp_path / "out.parquet"), "--price", "cost")
    assert result.exit_code == 1
    assert result.stderr == f"error: {prices}: has no column 'cost' for the price; its columns are time, price\n"
    result = run("inspect", str(prices))
    assert result.exit_code == 1
    assert result.stderr.startswith(f"error: {prices}: cannot be read as Parquet: ")
    assert len(result.stderr.splitlines()) == 1


def test_an_option_of_another_kind_is_refused(tmp_path: Path, prices: Path) -> None:
    result = run("import", str(prices), str(tmp_path / "out.parquet"), "--kind", "ticks", "--base", "SOL")
    assert result.exit_code == click.UsageError.exit_code
    assert "--base does not apply to the kind 'ticks'" in result.stderr


def test_swap_tables_are_recognised(tmp_path: Path) -> None:
    out = tmp_path / "market.parquet"
    source = need_shared("data/onchain/whirlpool_swaps_20220406.parquet")
    result = run("import", str(source), str(out), "--pools", "SOL/USDC", "--pools", "mSOL/USDC", "--quote", "USDC")
    assert result.exit_code == 0, result.output
    assert "(whirlpool)" in result.stdout
    assert [info.base for info in Recording.open(out).pools] == ["SOL", "mSOL"]
