"""The table of a transaction's stages, and an order's life made anew from the journal."""

import pytest

from connectors.execution.order_entries import Expired as ExpiredEntry
from connectors.execution.order_entries import Failed, Intent, Landed, Sent, Signed, Undone
from connectors.execution.order_life import (
    NEXT,
    Finalized,
    Flight,
    OrderLife,
    Overdue,
    Stage,
    TransitionError,
    resumed,
)
from connectors.execution.order_phases import Order, advance
from connectors.execution.outcomes import Expired, Seen
from connectors.execution.outcomes import Undone as UndoneOutcome
from operators.orders.commands import Approved, CreatePosition, Swap
from operators.orders.execution_reports import ExecutionReport, encode_report

SWAP = Swap(pool="pool", exact_in=True, swap_for_y=True, amount=1, threshold=0)
APPROVED = Approved(portfolio="p", order=3, attempt=1, command=SWAP, deadline_slot=9, urgency=0, decided_slot=1)
SEEN = Seen(slot=5, error_json=None, commitment="confirmed")


def flight(step: int = 0, stage: Stage = Stage.FLYING) -> Flight:
    return Flight(step, f"signature {step}", b"wire", 100, stage)


def order_after(*entries: object) -> Order:
    order: Order | None = None
    for entry in entries:
        order = advance(order, entry)  # type: ignore[arg-type]  # entries of all kinds
    assert order is not None
    return order


def report(status: str, *, is_final: bool, signature: str = "s") -> bytes:
    return encode_report(ExecutionReport(3, 1, status, is_final, signature=signature))  # type: ignore[arg-type]  # a literal


SIGNED = Signed("3.1", 0, "s", b"wire", "hash", 100, 5, 1)


def test_every_stage_has_a_row_and_an_expired_one_may_land_after_all() -> None:
    assert set(NEXT) == set(Stage)
    late = flight(stage=Stage.EXPIRED)
    late.hear(SEEN)
    assert late.stage is Stage.READING


@pytest.mark.parametrize(
    ("stage", "event"),
    [(Stage.FINAL, UndoneOutcome()), (Stage.FLYING, Finalized()), (Stage.EXPIRED, Overdue())],
)
def test_what_cannot_follow_is_an_error_with_its_values(
    stage: Stage, event: UndoneOutcome | Finalized | Overdue
) -> None:
    with pytest.raises(TransitionError, match=type(event).__name__) as raised:
        flight(stage=stage).hear(event)
    assert raised.value.stage is stage


def test_an_order_is_over_once_it_is_told_and_nothing_can_change() -> None:
    life = OrderLife(APPROVED)
    life.flights.append(flight())
    assert life.is_under_way
    life.flights[0].hear(Expired(101, 9))
    assert not life.is_under_way
    assert not life.is_over
    life.is_told = True
    assert life.is_over


def test_the_next_step_is_the_first_that_does_not_stand_on_chain() -> None:
    life = OrderLife(APPROVED)
    for step in (0, 1, 2):
        life.flights.append(flight(step, Stage.LANDED))
        life.flights[-1].is_success = step != 1
    assert life.next_step == 1


def test_a_life_goes_on_where_the_journal_left_it() -> None:
    begun = Intent(APPROVED, 5, 1)
    assert resumed(order_after(begun)).flights == []
    flying = resumed(order_after(begun, SIGNED, Sent("3.1", 0, "s", 2)))
    assert [one.stage for one in flying.flights] == [Stage.FLYING]
    assert flying.flights[0].wire == b"wire"
    landed = resumed(order_after(begun, SIGNED, Landed("3.1", 0, "s", 7, 2, report("landed", is_final=True))))
    assert landed.is_told
    assert landed.flights[0].stage is Stage.LANDED
    assert landed.flights[0].slot == 7
    assert landed.flights[0].is_success
    assert landed.flights[0].report is not None


def test_a_failure_an_expiry_and_a_landing_undone_are_taken_up_as_such() -> None:
    begun = Intent(APPROVED, 5, 1)
    failed = resumed(order_after(begun, SIGNED, Failed("3.1", 0, "s", 7, 2, report("failed", is_final=False))))
    assert not failed.is_told
    assert not failed.flights[0].is_success
    expired = resumed(order_after(begun, SIGNED, ExpiredEntry("3.1", 0, "s", 7, 2)))
    assert expired.tries[0] == 1
    assert not expired.is_told
    undone = resumed(
        order_after(
            begun,
            SIGNED,
            Landed("3.1", 0, "s", 7, 2, report("landed", is_final=True)),
            Undone("3.1", 0, "s", 8, 3, report("undone", is_final=False)),
        )
    )
    assert not undone.is_told
    assert undone.is_under_way


def test_an_order_whose_approval_was_lost_is_followed_as_a_swap() -> None:
    order = Order(
        key="7.2", approved=None, phase=order_after(Intent(APPROVED, 5, 1)).phase, slot=1, first_ns=1, ts_ns=1
    )
    life = resumed(order)
    assert (life.approved.order, life.approved.attempt, life.is_swap) == (7, 2, True)


def test_liquidity_commands_are_no_swaps() -> None:
    command = CreatePosition(pool="pool", position=1, lower=0, upper=5)
    approved = Approved(portfolio="p", order=1, attempt=0, command=command, deadline_slot=9, urgency=0, decided_slot=1)
    assert not OrderLife(approved).is_swap
