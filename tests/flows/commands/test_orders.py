"""`dlmm-hft orders`: what it prints, and how it ends."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from connectors.execution.order_journal import OrderJournal
from flows.cli import main
from tests.connectors.execution.journaled_orders import OTHER, WALLET, WHOLE_LIFE, intent


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ("orders", *arguments))


def write(folder: Path) -> Path:
    journal = OrderJournal.open(folder, WALLET)
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


def test_the_folder_is_orders_where_none_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "orders")
    monkeypatch.chdir(tmp_path)
    result = run()
    assert result.exit_code == 0, result.output
    assert "2 orders" in result.stdout


def test_a_folder_without_a_journal_ends_in_one_line(tmp_path: Path) -> None:
    result = run(str(tmp_path))
    assert result.exit_code == 1
    assert result.stderr == f"error: {tmp_path}/orders.journal: there is no order journal\n"
