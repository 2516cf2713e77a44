"""What is lost, what is doubled, and where books and chain differ."""

from typing import Any

from msgspec.structs import replace

from benchmarks.execution_faults.chain import Holdings, OnChain
from benchmarks.execution_faults.verdict import Books, Evidence, Verdict, judge
from connectors.execution.order_entries import Entry, Intent, Landed, Signed
from operators.orders.commands import Approved, Swap
from operators.orders.execution_reports import ExecutionReport, Report, TokenChange, WalletReport, encode_report

FEE = 5_000
S = 1_000_000_000
OPENING = WalletReport("opening", "wallet", 100, 1_000_000, (TokenChange("X", 50), TokenChange("Y", 900)), (), 1)


def on_chain(order: int, *, slot: int = 110, x: int = 10, y: int = -90) -> OnChain:
    return OnChain(f"signature {order}", slot, False, {"X": x, "Y": y}, -FEE)


def report(order: int, *, x: int = 10, y: int = -90, attempt: int = 0) -> ExecutionReport:
    changes = (TokenChange("X", x), TokenChange("Y", y))
    name = f"signature {order}"
    return ExecutionReport(order, attempt, "landed", True, 110, name, changes, network_fee=FEE)


def entries(order: int, *, attempt: int = 0, signature: str = "") -> tuple[Entry, ...]:
    """What the order journal says of an order that landed after two seconds."""
    swap = Swap("pool", True, False, 90, 9)
    name = signature or f"signature {order}"
    key = f"{order}.{attempt}"
    return (
        Intent(Approved("main", order, attempt, swap, 200, 0, 105), 105, order * S),
        Signed(key, 0, name, b"", "", 300, 105, order * S),
        Landed(key, 0, name, 110, (order + 2) * S, encode_report(report(order, attempt=attempt))),
    )


def wallet(x: int, y: int, lamports: int) -> dict[str, Any]:
    return {
        "tokens": {"X": {"ledger": x}, "Y": {"ledger": y}},
        "lamports": {"ledger": lamports},
        "differences": [],
        "unknown_reports": 0,
        "is_closed": True,
    }


SET_UP = OnChain("set-up", 99, False, {"X": 50}, -2_000_000)
TWO = Evidence(
    chain=(SET_UP, on_chain(1), on_chain(2)),
    holdings=Holdings(1_000_000 - 2 * FEE, {"X": 70, "Y": 720}),
    books=Books(
        entries=(*entries(1), *entries(2)),
        reports=(OPENING, report(1), report(2)),
        attempts={1: 1, 2: 1},
        fills={1: 1, 2: 1},
        wallet=wallet(70, 720, 1_000_000 - 2 * FEE),
    ),
)


def told(*reports: Report) -> Verdict:
    """Judge as if the portfolio had been told these instead."""
    return judge(replace(TWO, books=replace(TWO.books, reports=(OPENING, *reports))))


def test_what_was_booked_as_it_happened_is_clean() -> None:
    found = judge(TWO)
    assert found.is_clean
    assert (found.sent, found.landed, found.failed, found.expired, found.booked) == (2, 2, 0, 0, 2)
    assert found.longest_s == 2.0


def test_a_landing_that_was_not_told_is_lost_and_missing_in_the_ledger() -> None:
    found = told(report(1))
    assert found.booked == 1
    assert found.lost == (
        "signature 2 of order 2.0 is on chain, and the portfolio was not told",
        "order 2.0 was approved and never ended",
    )
    assert any(line.startswith("X: 60 by the reports, 70 on chain") for line in found.differences)


def test_a_transaction_that_the_journal_does_not_know_is_lost() -> None:
    found = judge(replace(TWO, chain=(*TWO.chain, on_chain(3))))
    assert found.lost == ("signature 3 is on chain, and the order journal does not know it",)


def test_an_order_that_never_arrived_is_lost() -> None:
    found = judge(replace(TWO, books=replace(TWO.books, attempts={1: 1, 2: 2, 3: 1})))
    assert found.lost == (
        "order 2 was approved 2 times, and arrived 1 times",
        "order 3 was approved 1 times, and arrived 0 times",
    )


def test_a_landing_without_a_fill_is_lost() -> None:
    found = judge(replace(TWO, books=replace(TWO.books, fills={1: 1})))
    assert found.lost == ("signature 2 of order 2.0 is on chain, and there is no fill",)


def test_two_attempts_of_one_order_on_chain_are_doubled() -> None:
    again = entries(1, attempt=1, signature="signature 2")
    books = replace(
        TWO.books, entries=(*entries(1), *again), reports=(OPENING, report(1), replace(report(2), order=1, attempt=1))
    )
    found = judge(replace(TWO, books=books))
    assert found.doubled == ("step 0 of order 1 is on chain 2 times: signature 1, signature 2",)


def test_what_was_told_twice_is_doubled() -> None:
    found = told(report(1), report(2), report(2))
    assert found.doubled == ("signature 2 was booked 2 times",)
    assert found.booked == 1
    assert found.differences


def test_two_fills_of_one_order_are_doubled() -> None:
    found = judge(replace(TWO, books=replace(TWO.books, fills={1: 2, 2: 1})))
    assert found.doubled == ("order 1 has 2 fills",)


def test_a_landing_that_was_taken_back_counts_no_more() -> None:
    second = replace(report(2), status="undone", is_final=False, changes=(TokenChange("X", -10), TokenChange("Y", 90)))
    assert told(report(1), report(2), second, report(2)).is_clean
    lost = told(report(1), report(2), second)
    assert lost.undone == 1
    assert lost.lost == ("signature 2 of order 2.0 is on chain, and the portfolio was not told",)


def test_other_amounts_and_landings_that_are_not_there_differ() -> None:
    assert any("was booked as" in line for line in told(report(1), report(2, x=11)).differences)
    gone = judge(replace(TWO, chain=TWO.chain[:2]))
    assert gone.expired == 1
    assert "signature 2 was booked, and is not on chain" in gone.differences


def test_the_ledger_is_held_against_the_wallet_to_the_unit() -> None:
    for wrong in (wallet(71, 720, 990_000), wallet(70, 719, 990_000), wallet(70, 720, 990_001)):
        (line,) = judge(replace(TWO, books=replace(TWO.books, wallet=wrong))).differences
        assert "in the ledger" in line
    seen = {**wallet(70, 720, 990_000), "differences": [{"mint": "X", "amount": 1}], "is_closed": False}
    assert len(judge(replace(TWO, books=replace(TWO.books, wallet=seen))).differences) == 2
