"""From what the chain says to what the portfolio is told: execution reports and wallet reports."""

from collections.abc import Iterable
from typing import Literal

from msgspec.structs import replace

from connectors.execution.order_phases import Order
from connectors.wire.error_names import failure_of, named_error
from connectors.wire.landed import Landed
from connectors.wire.refusal import Refusal
from connectors.wire.submissions import SendRefusal, Simulated
from operators.orders.commands import Approved
from operators.orders.execution_reports import ExecutionReport, PoolFlow, PositionState, TokenChange, decode_report

LONGEST_REASON = 200


def landed_report(
    approved: Approved, landed: Landed, *, is_final: bool, positions: tuple[PositionState, ...] = ()
) -> ExecutionReport:
    """Tell what one transaction did: `landed`, or `failed` where it stands on chain with an error.

    :arg positions: Those that it touched, as they are after it.

    """
    return ExecutionReport(
        order=approved.order,
        attempt=approved.attempt,
        status="landed" if landed.error is None else "failed",
        is_final=is_final,
        slot=landed.slot,
        signature=landed.signature,
        changes=landed.changes,
        flows=landed.flows,
        lamports=landed.lamports,
        network_fee=landed.fee,
        tip=landed.tip,
        rent=landed.rent,
        positions=positions,
        reason="" if landed.error is None else named_error(landed.error),
    )


def reports_of(order: Order) -> list[ExecutionReport]:
    """Return all reports on an order that the order journal has, each with its number."""
    reports = [decode_report(data) for data in order.reports]
    return [
        replace(report, number=number) for number, report in enumerate(reports) if isinstance(report, ExecutionReport)
    ]


def undone_report(report: ExecutionReport, slot: int) -> ExecutionReport:
    """Take a landing back: what it changed with the signs turned. What becomes of the transaction is told later.

    Fees, tip and rent stay as they were: that they were not paid after all is what the status says.

    :arg slot: In which that was seen.

    """
    flows = tuple(PoolFlow(flow.pool, -flow.x, -flow.y, flow.fee, flow.fee_in_x) for flow in report.flows)
    return replace(
        report,
        status="undone",
        is_final=False,
        slot=slot,
        changes=tuple(TokenChange(change.mint, -change.amount) for change in report.changes),
        flows=flows,
        lamports=-report.lamports,
        positions=(),
        reason="a fork took it back",
    )


def end_report(
    approved: Approved,
    status: Literal["landed", "expired", "refused", "simulated"],
    reason: str,
    *,
    slot: int,
    signature: str = "",
) -> ExecutionReport:
    """Tell that an attempt ends without a transaction on chain to tell of.

    :arg reason: Its first word names it; foreign text is cut and escaped.

    """
    text = reason[:LONGEST_REASON]
    return ExecutionReport(
        order=approved.order,
        attempt=approved.attempt,
        status=status,
        is_final=True,
        slot=slot,
        signature=signature,
        reason=text if text.isprintable() else ascii(text)[1:-1],
    )


def simulated_reason(outcome: Simulated | SendRefusal | Refusal) -> str:
    """Say what a dry run came to: `ok`, or why it would have failed, and the compute units."""
    if isinstance(outcome, Refusal):
        return f"{outcome.cause}: {outcome.detail}"
    if isinstance(outcome, SendRefusal):
        return f"{outcome.kind}: {outcome.detail}"
    units = "" if outcome.compute_units is None else f", {outcome.compute_units} compute units"
    if outcome.error_json is None:
        return f"ok{units}"
    failure = failure_of(outcome.error_json, logs=outcome.logs)
    return f"{failure.detail if isinstance(failure, Refusal) else named_error(failure)}{units}"


def token_amounts(accounts: Iterable[tuple[str, int]], mints: Iterable[str]) -> tuple[TokenChange, ...]:
    """Sum what is held of each mint, zeros included for those named; in the order of the mints' addresses.

    :arg accounts: Mint and raw units of each token account.

    """
    held = dict.fromkeys(mints, 0)
    for mint, amount in accounts:
        held[mint] = held.get(mint, 0) + amount
    return tuple(TokenChange(mint, held[mint]) for mint in sorted(held))
