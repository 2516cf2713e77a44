"""The command line: what it prints, where, and with which exit code."""

import tomllib
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from dlmm.errors import AccountError
from flows.cli import Program, main
from flows.settings.check import check
from tests.shared import ROOT


def run(*arguments: str, **environ: str | None) -> Result:
    return CliRunner().invoke(main, arguments, env={"HFT_CONFIG": None, **environ})


def test_check_passes_the_seed_configuration() -> None:
    file = str(ROOT / "tests/golden/seed_config.toml")
    result = run("config", "check", file)
    assert result.exit_code == 0
    assert result.stdout == f"{file}: ok\n"
    assert result.stderr == ""


def test_check_prints_every_problem_on_a_line_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "bad.toml"
    file.write_text("[risk_limits]\nmax_drawdown = 2\nmax_drawdwn = 0.1\n")
    result = run("config", "check", str(file))
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        f"error: {file}: risk_limits.max_drawdown: found 2, allowed: a number above 0 and at most 1",
        f"error: {file}: risk_limits.max_drawdwn: no such key; did you mean risk_limits.max_drawdown?",
    ]


def test_check_looks_at_the_file_alone(tmp_path: Path) -> None:
    file = tmp_path / "good.toml"
    file.write_text("")
    assert run("config", "check", str(file), HFT__NONSENSE="1").exit_code == 0


def test_check_of_a_missing_file_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "none.toml"
    result = run("config", "check", str(file))
    assert result.exit_code == 1
    assert result.stderr == f"error: {file}: cannot be read: No such file or directory\n"


def test_show_prints_what_is_in_force(tmp_path: Path) -> None:
    file = tmp_path / "good.toml"
    file.write_text("[paper]\nlatency_slots = 3\n[network]\nrpc_url = 'https://node.example/SECRET'\n")
    result = run("config", "show", HFT_CONFIG=str(file), HFT__PORTFOLIO__CAPITAL="5000")
    assert result.exit_code == 0
    settings, problems = check(tomllib.loads(result.stdout))
    assert problems == []
    assert settings.paper.latency_slots == 3
    assert settings.portfolio.capital == 5_000.0
    assert "SECRET" not in result.output


@pytest.mark.parametrize("environ", [{"HFT_CONFIG": "/does/not/exist"}, {"HFT__TRADING__DRY_RUN": "maybe"}])
def test_show_refuses_in_one_line(environ: dict[str, str]) -> None:
    result = run("config", "show", **environ)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert len(result.stderr.splitlines()) == 1


def test_our_errors_end_any_command_without_a_traceback() -> None:
    @click.group(cls=Program)
    def program() -> None: ...

    @program.command()
    def fail() -> None:
        raise AccountError("pool", "first line\nsecond line")

    result = CliRunner().invoke(program, ["fail"])
    assert result.exit_code == 1
    assert result.stderr == "error: account pool: first line second line\n"
