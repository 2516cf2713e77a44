"""`dlmm-hft stop` and `dlmm-hft clear`: what they leave in the wallets' folders, what they print, and how they end."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from connectors.execution.order_journal import OrderJournal
from flows.cli import main
from tests.connectors.execution.journaled_orders import OTHER, WALLET


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "orders"
    for wallet in (WALLET, OTHER):
        OrderJournal.open(folder / wallet, wallet).close()
    monkeypatch.delenv("HFT_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    return folder


def run(*arguments: str, **environ: str) -> Result:
    return CliRunner().invoke(main, arguments, env=environ)


def stops_in(folder: Path) -> dict[str, str]:
    return {path.parent.name: path.read_text() for path in folder.glob("*/STOP*")}


def test_stop_stops_every_wallet_for_a_reason_and_says_which(folder: Path) -> None:
    result = run("stop", "the", "market is", "on fire")
    assert result.exit_code == 0, result.output
    reason = "the market is on fire\n"
    assert stops_in(folder) == {WALLET: reason, OTHER: reason}
    assert sorted(result.stdout.splitlines()) == sorted(f"on: {folder / wallet}/STOP" for wallet in (WALLET, OTHER))


def test_stop_needs_no_reason(folder: Path) -> None:
    assert run("stop").exit_code == 0
    assert set(stops_in(folder).values()) == {"no reason given\n"}


def test_stop_of_one_wallet_leaves_the_others_alone(folder: Path) -> None:
    result = run("stop", "--wallet", OTHER, "enough")
    assert result.stdout == f"on: {folder / OTHER}/STOP\n"
    assert stops_in(folder) == {OTHER: "enough\n"}


def test_a_stop_that_is_on_keeps_its_reason(folder: Path) -> None:
    run("stop", "--wallet", OTHER, "first")
    result = run("stop", "second")
    assert result.exit_code == 0
    assert f"on already: {folder / OTHER}/STOP: first" in result.stdout
    assert stops_in(folder) == {WALLET: "second\n", OTHER: "first\n"}


def test_clear_ends_a_stop_and_says_what_it_was_for(folder: Path) -> None:
    run("stop", "--wallet", OTHER, "enough")
    result = run("clear")
    assert result.exit_code == 0, result.output
    assert set(result.stdout.splitlines()) == {
        f"cleared: {folder / OTHER}/STOP: enough",
        f"not on: {folder / WALLET}/STOP",
    }
    assert stops_in(folder) == {}


def test_clear_of_one_wallet_leaves_the_others_stopped(folder: Path) -> None:
    run("stop", "enough")
    assert run("clear", "--wallet", WALLET).exit_code == 0
    assert stops_in(folder) == {OTHER: "enough\n"}


@pytest.mark.parametrize("command", ["stop", "clear"])
def test_a_folder_without_wallets_is_named(tmp_path: Path, command: str) -> None:
    result = run(command, HFT__EXECUTION__FOLDER=str(tmp_path / "none"))
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr == (
        f"error: {tmp_path}/none: there is no wallet's folder with an orders.journal;"
        " execution.folder says where to look\n"
    )


@pytest.mark.parametrize("command", ["stop", "clear"])
def test_a_wallet_that_has_no_folder_is_named(folder: Path, command: str) -> None:
    result = run(command, "--wallet", "nobody")
    assert result.exit_code == 1
    assert result.stderr == f"error: {folder}: there is no folder of wallet nobody\n"
    assert stops_in(folder) == {}


def test_the_settings_say_where_the_folders_are(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "my.toml"
    config.write_text('[execution]\nfolder = "orders"\n')
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert run("stop", HFT_CONFIG=str(config)).exit_code == 0
    assert set(stops_in(folder)) == {WALLET, OTHER}


def test_a_wallet_that_cannot_be_cleared_keeps_no_other_from_being_cleared(folder: Path) -> None:
    (folder / WALLET / "STOP").mkdir()
    run("stop", "--wallet", OTHER)
    result = run("clear")
    assert result.exit_code == 1
    assert result.stdout == f"cleared: {folder / OTHER}/STOP: no reason given\n"
    assert result.stderr == f"error: {folder / WALLET}/STOP: cannot be removed: Is a directory\n"
