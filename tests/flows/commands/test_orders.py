"""`dlmm-hft orders`: what it prints, and how it ends."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from connectors.execution.order_journal import OrderJournal
from flows.cli import main
from tests.connectors.execution.journaled_orders import OTHER, WALLET, WHOLE_LIFE, intent


def run(*arguments: str, **environ: str | None) -> Result:
    return CliRunner().invoke(main, ("orders", *arguments), env={"HFT_CONFIG": None, **environ})


def write(folder: Path, wallet: str = WALLET) -> Path:
    journal = OrderJournal.open(folder, wallet)
    for entry in (*WHOLE_LIFE, intent(8)):
        journal.record(entry)
    journal.close()
    return folder


def test_orders_shows_those_of_the_folder(tmp_path: Path) -> None:
    result = run(str(write(tmp_path)))
    assert result.exit_code == 0, result.output
    assert f"orders of wallet {WALLET}" in result.stdout
    assert "2 orders, 1 open; the next is 9" in result.stdout
    assert " 7.0 " in result.stdout
    assert " 8.0 " in result.stdout
    assert OTHER not in result.stdout


def test_orders_can_show_only_the_open_ones(tmp_path: Path) -> None:
    result = run("--open", str(write(tmp_path)))
    assert result.exit_code == 0, result.output
    assert " 7.0 " not in result.stdout
    assert " 8.0 " in result.stdout


def test_without_a_folder_those_of_all_wallets_below_execution_folder_are_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for wallet in (WALLET, OTHER):
        write(tmp_path / "orders" / wallet, wallet)
    (tmp_path / "orders" / "no wallet").mkdir()
    monkeypatch.chdir(tmp_path)
    result = run()
    assert result.exit_code == 0, result.output
    assert result.stdout.count("2 orders") == 2
    shown = " ".join(result.stdout.split())  # a title as long as this folder's name has its line breaks anywhere
    assert f"orders of wallet {WALLET}" in shown
    assert f"orders of wallet {OTHER}" in shown


def test_the_settings_say_where_the_folders_are(tmp_path: Path) -> None:
    write(tmp_path / "kept" / WALLET)
    config = tmp_path / "my.toml"
    config.write_text('[execution]\nfolder = "kept"\n')
    assert "2 orders" in run(HFT_CONFIG=str(config)).stdout
    assert "2 orders" in run(HFT__EXECUTION__FOLDER=str(tmp_path / "kept")).stdout
    assert run(HFT__EXECUTION__FOLDERS="x").stderr.startswith("error: execution.folders: no such key")


def test_a_folder_that_is_named_may_hold_one_wallets_or_several(tmp_path: Path) -> None:
    write(tmp_path / WALLET)
    shown = run(str(tmp_path / WALLET)).stdout
    assert "2 orders" in shown
    assert run(str(tmp_path)).stdout == shown


def test_a_journal_that_cannot_be_read_keeps_no_other_from_being_shown(tmp_path: Path) -> None:
    write(tmp_path / WALLET)
    (tmp_path / OTHER).mkdir()
    (tmp_path / OTHER / "orders.journal").write_text("nonsense")
    result = run(str(tmp_path))
    assert result.exit_code == 1
    assert "2 orders" in result.stdout
    assert result.stderr == f"error: {tmp_path}/{OTHER}/orders.journal: is no order journal\n"


def test_a_folder_without_a_journal_ends_in_one_line(tmp_path: Path) -> None:
    result = run(str(tmp_path))
    assert result.exit_code == 1
    assert result.stderr == (
        f"error: {tmp_path}: there is no wallet's folder with an orders.journal; execution.folder says where to look\n"
    )
