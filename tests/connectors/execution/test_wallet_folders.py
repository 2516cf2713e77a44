"""The wallets' folders and the stop in them, as a run finds it."""

from pathlib import Path

import pytest

from connectors.execution.order_journal import OrderJournal
from connectors.execution.stop_file import StopFile
from connectors.execution.wallet_folders import WalletFolderError, clear_stop, folder_of, raise_stop, wallet_folders
from connectors.feeds.reactor import Reactor
from operators.orders.execution_reports import OperatorCommand
from tests.connectors.execution.journaled_orders import OTHER, WALLET
from tests.connectors.feeds.peers import run_until


def test_folders_with_an_order_journal_are_those_of_wallets(tmp_path: Path) -> None:
    for wallet in (WALLET, OTHER):
        OrderJournal.open(tmp_path / wallet, wallet).close()
    (tmp_path / "another").mkdir()
    (tmp_path / "file").write_text("")
    assert wallet_folders(tmp_path) == tuple(sorted([tmp_path / WALLET, tmp_path / OTHER]))
    assert wallet_folders(tmp_path / WALLET) == (tmp_path / WALLET,)
    assert folder_of(wallet_folders(tmp_path), OTHER) == tmp_path / OTHER


@pytest.mark.parametrize("name", ["none", "empty", "file"])
def test_a_folder_without_wallets_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    with pytest.raises(WalletFolderError, match="there is no wallet's folder"):
        wallet_folders(tmp_path / name)


def test_a_run_hears_of_the_stop_and_of_its_end(tmp_path: Path) -> None:
    told: list[OperatorCommand] = []
    reactor = Reactor()
    watcher = StopFile(reactor, tmp_path / "STOP", told.append)
    watcher.start()
    assert raise_stop(tmp_path, "two\nlines") is None
    run_until(reactor, lambda: len(told) == 1)
    assert clear_stop(tmp_path) == "two lines"
    run_until(reactor, lambda: len(told) == 2)
    watcher.stop()
    assert told[0] == OperatorCommand("stop", "two lines")
    assert told[1].kind == "clear"


def test_a_stop_is_raised_once_and_cleared_once(tmp_path: Path) -> None:
    assert raise_stop(tmp_path, "first") is None
    assert raise_stop(tmp_path, "second") == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["STOP"]
    assert clear_stop(tmp_path) == "first"
    assert clear_stop(tmp_path) is None


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "no reason given"), (b"\xff\x1b[1m", "\\ufffd\\x1b[1m"), (b"a" * 1000, "a" * 200)],
)
def test_what_somebody_else_wrote_is_shown_without_harm(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "STOP").write_bytes(content)
    assert clear_stop(tmp_path) == reason


def test_a_reason_that_is_no_text_stops_all_the_same(tmp_path: Path) -> None:
    assert raise_stop(tmp_path, "\udc80") is None
    assert clear_stop(tmp_path) == "\\udc80"


def test_a_folder_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(WalletFolderError, match=r"gone/STOP: cannot be written: No such file"):
        raise_stop(tmp_path / "gone", "")
