"""The operator's file: told when it appears and vanishes, whatever is in it."""

from pathlib import Path

import pytest

from connectors.execution.stop_file import StopFile
from connectors.feeds.reactor import Reactor
from operators.orders.execution_reports import OperatorCommand
from tests.connectors.feeds.peers import run_until


@pytest.fixture
def reactor() -> Reactor:
    return Reactor()


def test_a_file_that_appears_stops_and_one_that_vanishes_clears(reactor: Reactor, tmp_path: Path) -> None:
    told: list[OperatorCommand] = []
    path = tmp_path / "STOP"
    watcher = StopFile(reactor, path, told.append)
    watcher.start()
    assert told == []
    path.write_text("the market is on fire\nsecond line\n")
    run_until(reactor, lambda: len(told) == 1)
    path.unlink()
    run_until(reactor, lambda: len(told) == 2)
    assert told[0] == OperatorCommand("stop", "the market is on fire")
    assert told[1].kind == "clear"
    watcher.stop()


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "no reason given"), (b"\xff\x00", "\\ufffd\\x00"), (b"a" * 1000, "a" * 200), (b"\n\n", "no reason given")],
)
def test_a_file_at_the_start_stops_whatever_is_in_it(
    reactor: Reactor, tmp_path: Path, content: bytes, reason: str
) -> None:
    told: list[OperatorCommand] = []
    path = tmp_path / "STOP"
    path.write_bytes(content)
    StopFile(reactor, path, told.append).start()
    assert told == [OperatorCommand("stop", reason)]


def test_a_folder_of_that_name_stops_too(reactor: Reactor, tmp_path: Path) -> None:
    told: list[OperatorCommand] = []
    path = tmp_path / "STOP"
    path.mkdir()
    StopFile(reactor, path, told.append).start()
    assert [command.kind for command in told] == ["stop"]
