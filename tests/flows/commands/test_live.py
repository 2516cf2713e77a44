"""`dlmm-hft live`: what it hands over to Bytewax's runner."""

import os
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from flows.cli import main
from flows.settings.load import load_settings
from flows.settings.tree import Settings


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


def settings_of(handed: list[Handed]) -> Settings:
    ((_, environ),) = handed
    return load_settings({name: value for name, value in environ.items() if name.startswith("HFT_")})


def test_its_options_become_settings(handed: list[Handed]) -> None:
    run("--dry-run", "--log-level", "debug", "--pools", "one, two,,")
    settings = settings_of(handed)
    assert settings.trading.dry_run
    assert settings.execution.mode is None
    assert settings.monitoring.log_level == "debug"
    assert settings.target_pools.pools == ("one", "two")


def test_paper_is_a_mode_of_its_own(handed: list[Handed], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HFT__EXECUTION__MODE", "signed")
    run("--paper")
    settings = settings_of(handed)
    assert settings.execution.mode == "paper"
    assert settings.trading.dry_run is None


def test_a_dry_run_signs_where_the_settings_sign(handed: list[Handed], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HFT__EXECUTION__MODE", "signed")
    run("--dry-run")
    settings = settings_of(handed)
    assert (settings.execution.mode, settings.trading.dry_run) == ("signed", True)


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


NODE = "http://127.0.0.1:8899"


@pytest.mark.parametrize("is_there", [False, True])
def test_recovery_makes_its_folder_and_hands_it_on(
    handed: list[Handed], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, is_there: bool
) -> None:
    monkeypatch.setenv("HFT__NETWORK__RPC_URL", NODE)
    folder = tmp_path / "runs" / "state"
    if is_there:
        folder.mkdir(parents=True)
    run("--recovery", str(folder), "--dry-run")
    assert handed[0][0][3:] == ["flows.live", "-r", str(folder), "-s", "5", "-b", "0"]
    assert [path.name for path in folder.iterdir()] == ["part-0.sqlite3"]


def test_recovery_leaves_sol_wrapped_for_the_run_that_goes_on(
    handed: list[Handed], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HFT__NETWORK__RPC_URL", NODE)
    run("--recovery", str(tmp_path / "state"))
    ((_, environ),) = handed
    assert environ["HFT__WALLET__UNWRAP_AT_END"] == "false"


def test_recovery_leaves_the_state_of_an_earlier_run_as_it_is(
    handed: list[Handed], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HFT__NETWORK__RPC_URL", NODE)
    run("--recovery", str(tmp_path))
    (part,) = tmp_path.iterdir()
    before = (part.read_bytes(), part.stat().st_mtime_ns)
    run("--recovery", str(tmp_path))
    assert (part.read_bytes(), part.stat().st_mtime_ns) == before
    assert len(handed) == 2


def test_options_of_the_runner_go_before_those_of_recovery(
    handed: list[Handed], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HFT__NETWORK__RPC_URL", NODE)
    run("--recovery", str(tmp_path), "-s", "20")
    assert handed[0][0][-4:] == ["-b", "0", "-s", "20"]  # the runner takes the last one


def test_recovery_on_the_embedded_sandbox_is_refused(handed: list[Handed], tmp_path: Path) -> None:
    result = run("--recovery", str(tmp_path / "state"))
    assert result.exit_code == 1
    assert result.stderr.startswith("error: --recovery: the embedded sandbox ends with its run, and its key with it")
    assert "network.rpc_url" in result.stderr
    assert not (tmp_path / "state").exists()
    assert handed == []


def test_recovery_asks_the_settings_that_the_run_will_have(handed: list[Handed], tmp_path: Path) -> None:
    config = tmp_path / "my.toml"
    config.write_text(f'[network]\nrpc_url = "{NODE}"\n')
    run("--config", str(config), "--recovery", str(tmp_path / "state"))
    assert len(handed) == 1
    config.write_text("[network]\nrpc = 1\n")
    result = run("--config", str(config), "--recovery", str(tmp_path / "state"))
    assert result.stderr.startswith("error: network.rpc: no such key")


def test_recovery_without_a_recording_is_refused(
    handed: list[Handed], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HFT__NETWORK__RPC_URL", NODE)
    monkeypatch.setenv("HFT__RECORDING__RECORD", "false")
    result = run("--recovery", str(tmp_path))
    assert result.stderr.startswith("error: --recovery: recording.record is off")
    assert handed == []


def test_a_recovery_folder_that_is_none_is_refused(
    handed: list[Handed], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HFT__NETWORK__RPC_URL", NODE)
    (tmp_path / "notes.txt").write_text("mine")
    assert f"error: {tmp_path}: holds something else" in run("--recovery", str(tmp_path)).stderr
    file = tmp_path / "notes.txt"
    assert run("--recovery", str(file)).stderr == f"error: {file}: cannot be used: File exists\n"
    assert handed == []


def test_a_level_that_is_none_is_refused_before_anything_starts(handed: list[Handed]) -> None:
    result = run("--log-level", "loud")
    assert result.exit_code == 2
    assert "loud" in result.stderr
    assert handed == []
