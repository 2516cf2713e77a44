"""What the wallet holds in positions, as reports tell it."""

from pathlib import Path

from connectors.execution.order_entries import Intent, Landed, Signed
from connectors.execution.order_journal import OrderJournal
from connectors.execution.positions_held import PositionsHeld
from dlmm.records import Account
from operators.orders.commands import Approved, CreatePosition
from operators.orders.execution_reports import ExecutionReport, PositionState, encode_report

HERE = PositionState(1, "pool", "here", 0, 5, b"bytes")
GONE = PositionState(1, "pool", "gone", 6, 9, b"bytes")
CLOSED = PositionState(1, "pool", "gone", 6, 9, b"")


def told(*positions: PositionState) -> ExecutionReport:
    return ExecutionReport(1, 0, "landed", True, signature="s", positions=positions)


def test_positions_are_held_from_the_report_that_shows_them_to_the_one_that_shows_them_gone() -> None:
    held = PositionsHeld()
    held.take(told(HERE, GONE))
    assert list(held.addresses) == ["here", "gone"]
    held.take(told(CLOSED))
    assert list(held.addresses) == ["here"]
    assert held.states({"here": Account("program", b"now")}) == (PositionState(1, "pool", "here", 0, 5, b"now"),)
    assert held.states({"here": None}) == ()


def test_the_journal_knows_what_earlier_runs_opened(tmp_path: Path) -> None:
    journal = OrderJournal.open(tmp_path, "wallet")
    command = CreatePosition(pool="pool", position=1, lower=0, upper=5)
    approved = Approved("p", 1, 0, command, deadline_slot=9, urgency=0, decided_slot=1, strategy="market_making")
    journal.record(Intent(approved, 5, 1))
    journal.record(Signed("1.0", 0, "s", b"wire", "hash", 100, 5, 1))
    journal.record(Landed("1.0", 0, "s", 7, 2, encode_report(told(HERE))))
    held = PositionsHeld.of(journal)
    held.take(told(HERE), "another one, that put something in")
    journal.close()
    (state,) = held.states({"here": Account("program", b"now")})
    assert (state.position, state.data, state.strategy) == (1, b"now", "market_making")
