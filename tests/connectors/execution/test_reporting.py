"""Reports say what the chain says, and nothing foreign unescaped."""

from connectors.execution.reporting import (
    end_report,
    landed_report,
    simulated_reason,
    token_amounts,
    undone_report,
)
from connectors.wire.error_names import Failure
from connectors.wire.landed import Landed
from connectors.wire.refusal import Refusal
from connectors.wire.submissions import SendRefusal, Simulated
from operators.orders import execution_reports as reports
from operators.orders.commands import Approved, Swap
from operators.orders.execution_reports import PoolFlow, TokenChange

SWAP = Swap(pool="pool", exact_in=True, swap_for_y=True, amount=1, threshold=0)
APPROVED = Approved(portfolio="p", order=3, attempt=1, command=SWAP, deadline_slot=9, urgency=0, decided_slot=1)
LANDED = Landed(
    signature="s",
    slot=7,
    block_time=None,
    error=None,
    fee=5_300,
    tip=1_000,
    lamports=-20,
    rent=30,
    changes=(TokenChange("x", -10), TokenChange("y", 20)),
    swaps=(),
    flows=(PoolFlow("pool", -10, 20, 1, True),),
    unexplained=(),
    logs=(),
    compute_units=None,
)


def test_a_landing_is_told_with_all_that_it_moved() -> None:
    report = landed_report(APPROVED, LANDED, is_final=True)
    assert (report.order, report.attempt, report.status, report.is_final) == (3, 1, "landed", True)
    assert report.changes == (reports.TokenChange("x", -10), reports.TokenChange("y", 20))
    assert report.flows == (reports.PoolFlow("pool", -10, 20, 1, True),)
    assert (report.network_fee, report.tip, report.lamports, report.rent) == (5_300, 1_000, -20, 30)


def test_a_landing_taken_back_turns_what_it_changed_and_keeps_what_it_paid() -> None:
    report = undone_report(landed_report(APPROVED, LANDED, is_final=True), 9)
    assert (report.status, report.is_final, report.slot) == ("undone", False, 9)
    assert report.changes == (reports.TokenChange("x", 10), reports.TokenChange("y", -20))
    assert report.flows == (reports.PoolFlow("pool", 10, -20, 1, True),)
    assert (report.network_fee, report.tip, report.lamports, report.rent) == (5_300, 1_000, 20, 30)


def test_a_failure_on_chain_is_told_by_its_name() -> None:
    failure = Failure(instruction=None, name="InsufficientFundsForFee")
    failed = Landed(
        **{name: getattr(LANDED, name) for name in LANDED.__struct_fields__ if name != "error"}, error=failure
    )
    report = landed_report(APPROVED, failed, is_final=False)
    assert (report.status, report.reason) == ("failed", "InsufficientFundsForFee")


def test_foreign_text_in_a_reason_is_cut_and_escaped() -> None:
    report = end_report(APPROVED, "expired", "blockhash\x1b[31m" + "a" * 500, slot=1)
    assert report.reason.startswith("blockhash\\x1b[31m")
    assert len(report.reason) < 250
    assert report.is_final


def test_a_dry_run_says_ok_or_why_not() -> None:
    fine = Simulated(slot=1, error_json=None, logs=(), compute_units=70_000)
    assert simulated_reason(fine) == "ok, 70000 compute units"
    short = Simulated(slot=1, error_json='"InsufficientFundsForFee"', logs=(), compute_units=None)
    assert simulated_reason(short) == "InsufficientFundsForFee"
    assert simulated_reason(Refusal("timeout", "no answer")) == "timeout: no answer"
    assert simulated_reason(SendRefusal("too_large", "1300 bytes")) == "too_large: 1300 bytes"


def test_holdings_are_summed_by_mint_with_zeros_for_those_named() -> None:
    held = token_amounts([("b", 1), ("c", 5), ("b", 2)], ("a", "b"))
    assert held == (reports.TokenChange("a", 0), reports.TokenChange("b", 3), reports.TokenChange("c", 5))
