"""`dlmm-hft live`: what it hands over to Bytewax's runner."""

import os
import sys

import pytest
from click.testing import CliRunner, Result

from flows.cli import main
from flows.settings.load import load_settings


class HandedOver(Exception):
    """Stands where the process would become another."""


Handed = tuple[list[str], dict[str, str]]


@pytest.fixture
def handed(monkeypatch: pytest.MonkeyPatch) -> list[Handed]:
    calls: list[Handed] = []

    def execve(program: str, command: list[str], environ: dict[str, str]) -> None:
        assert program == sys.executable
        calls.append((command, environ))
        raise HandedOver

    monkeypatch.setattr(os, "execve", execve)
    for name in [name for name in os.environ if name.startswith("HFT_")]:
        monkeypatch.delenv(name)
    return calls


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["live", *arguments])


def test_it_hands_over_to_the_runner_and_leaves_the_settings_alone(handed: list[Handed]) -> None:
    assert isinstance(run().exception, HandedOver)
    ((command, environ),) = handed
    assert command == [sys.executable, "-m", "bytewax.run", "flows.live"]
    assert environ == dict(os.environ)


def test_its_options_become_settings(handed: list[Handed]) -> None:
    run("--dry-run", "--log-level", "debug", "--pools", "one, two,,")
    settings = load_settings({name: value for name, value in handed[0][1].items() if name.startswith("HFT_")})
    assert settings.trading.dry_run
    assert settings.execution.mode == "paper"
    assert settings.monitoring.log_level == "debug"
    assert settings.target_pools.pools == ("one", "two")


def test_an_option_goes_before_the_environment(handed: list[Handed], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HFT_CONFIG", "/elsewhere.toml")
    monkeypatch.setenv("HFT__TRADING__DRY_RUN", "false")
    run("--config", "mine.toml", "--dry-run")
    ((_, environ),) = handed
    assert environ["HFT_CONFIG"] == "mine.toml"
    assert environ["HFT__TRADING__DRY_RUN"] == "true"


def test_a_name_with_quotes_in_it_stays_one_name(handed: list[Handed]) -> None:
    run("--pools", 'a"],b\\')
    settings = load_settings({"HFT__TARGET_POOLS__POOLS": handed[0][1]["HFT__TARGET_POOLS__POOLS"]})
    assert settings.target_pools.pools == ('a"]', "b\\")


def test_options_of_the_runner_are_passed_on(handed: list[Handed]) -> None:
    run("-r", "/state", "--dry-run", "--snapshot-interval", "5")
    assert handed[0][0][4:] == ["-r", "/state", "--snapshot-interval", "5"]


def test_a_level_that_is_none_is_refused_before_anything_starts(handed: list[Handed]) -> None:
    result = run("--log-level", "loud")
    assert result.exit_code == 2
    assert "loud" in result.stderr
    assert handed == []
