"""What may follow in an order's life, and what may not."""

import re
from functools import reduce

import pytest

from connectors.execution.order_entries import (
    Entry,
    OrderKnown,
    OrderUnknown,
    OutOfPhase,
    ReportUnreadable,
    SignatureKnown,
    SignatureUnknown,
    StepLanded,
    StillPending,
)
from connectors.execution.order_phases import (
    ORDER_PHASES,
    PHASE_AFTER,
    TRANSACTION_PHASES,
    Order,
    Phase,
    adopt,
    advance,
)
from dlmm.records import MAX_U64
from operators.orders.execution_reports import WalletReport, encode_report
from tests.connectors.execution.journaled_orders import (
    NETWORK_FEE,
    START_NS,
    TIP,
    WHOLE_LIFE,
    approved,
    done,
    expired,
    failed,
    intent,
    landed,
    refused,
    report,
    sent,
    signed,
    simulated,
    undone,
)
from tests.shared import ROOT


def after(*entries: Entry) -> Order:
    order = reduce(advance, entries, None)
    assert order is not None
    return order


def test_an_order_goes_from_intent_to_done() -> None:
    phases = [after(*WHOLE_LIFE[:count]).phase for count in range(1, 6)]
    assert phases == ["intent", "signed", "sent", "landed", "done"]
    order = after(*WHOLE_LIFE)
    assert (order.approved, order.slot, order.first_ns, order.ts_ns) == (approved(), 104, START_NS, START_NS + 5)
    assert order.reports == (report("7.0"),)
    assert not order.is_open
    (one,) = order.transactions
    assert (one.phase, one.slot, one.transaction, one.last_valid_block_height) == ("landed", 104, b"transaction A", 250)
    assert one.fee == NETWORK_FEE + TIP


def test_a_second_intent_is_refused() -> None:
    for count in range(1, 6):
        with pytest.raises(OrderKnown):
            after(*WHOLE_LIFE[:count], intent())


@pytest.mark.parametrize(
    "entry", [signed(), sent(), landed(), done(), refused()], ids=lambda entry: type(entry).__name__
)
def test_nothing_happens_to_an_order_without_an_intent(entry: Entry) -> None:
    with pytest.raises(OrderUnknown):
        advance(None, entry)


@pytest.mark.parametrize("way", [(signed(),), (signed(), sent()), (signed(), landed(), undone())])
def test_a_step_is_not_signed_anew_while_its_signature_can_land(way: tuple[Entry, ...]) -> None:
    with pytest.raises(StillPending, match="signature A of step 0"):
        after(intent(), *way, signed(signature="B"))


@pytest.mark.parametrize("fate", [failed(), expired()], ids=["failed", "expired"])
def test_a_step_is_signed_anew_once_its_signature_can_land_no_more(fate: Entry) -> None:
    order = after(intent(), signed(), sent(), fate, signed(signature="B"))
    assert [(one.signature, one.is_pending) for one in order.transactions] == [("A", False), ("B", True)]
    assert (order.phase, [one.signature for one in order.pending]) == ("signed", ["B"])


def test_a_step_that_landed_is_not_signed_anew() -> None:
    with pytest.raises(StepLanded):
        after(intent(), signed(), landed(), signed(signature="B"))


def test_steps_follow_each_other() -> None:
    first = (signed(), sent(), landed())
    second = (signed(step=1, signature="B"), sent(step=1, signature="B"), landed(step=1, signature="B"))
    assert after(intent(), *first).landed == 1
    order = after(intent(), *first, *second, done())
    assert (order.landed, order.phase, len(order.reports)) == (2, "done", 2)


def test_a_signature_is_signed_once() -> None:
    with pytest.raises(SignatureKnown):
        after(intent(), signed(), expired(), signed())


def test_an_entry_of_a_signature_that_was_never_signed_is_refused() -> None:
    for entry in (sent(signature="B"), landed(step=1), expired(signature="B")):
        with pytest.raises(SignatureUnknown):
            after(intent(), signed(), entry)


def test_an_expired_transaction_may_have_landed_after_all() -> None:
    order = after(intent(), signed(), sent(), expired(), landed())
    assert (order.phase, order.transactions[0].phase) == ("landed", "landed")
    again = after(intent(), signed(), sent(), expired(told=report("7.0", "expired")), done(), landed())
    assert again.is_open
    assert after(intent(), signed(), expired(), done(), landed(), done()).phase == "done"


def test_a_landing_that_a_fork_took_back_may_land_again_fail_or_expire() -> None:
    way = (intent(), signed(), sent(), landed(), done(), undone())
    assert after(*way).phase == "undone"
    assert after(*way).transactions[0].fee == 0
    assert after(*way, sent(), landed(), done()).phase == "done"
    assert after(*way, failed()).phase == "failed"
    assert after(*way, expired(), signed(signature="B")).phase == "signed"


def test_an_order_does_not_end_while_something_of_it_can_land() -> None:
    for way in ((signed(),), (signed(), sent()), (signed(), landed(), signed(step=1, signature="B"))):
        for end in (done(), refused(), simulated()):
            with pytest.raises(StillPending):
                after(intent(), *way, end)


def test_what_was_never_sent_ends_at_once() -> None:
    assert after(intent(), refused()).reason == "deadline_passed"
    assert after(intent(), simulated()).phase == "simulated"
    assert after(intent(), done()).phase == "done"  # nothing was there to do
    assert after(intent(), signed(), landed(), refused()).phase == "refused"  # what was left of it


@pytest.mark.parametrize(
    "way",
    [
        (signed(), landed(), landed()),
        (signed(), undone()),
        (signed(), expired(), expired()),
        (signed(), expired(), sent()),
        (signed(), landed(), expired()),
        (done(), signed()),
        (refused(), done()),
        (simulated(), refused()),
        (signed(), expired(), simulated()),
    ],
)
def test_what_contradicts_the_last_entry_is_refused(way: tuple[Entry, ...]) -> None:
    with pytest.raises(OutOfPhase, match="cannot follow"):
        after(intent(), *way)


def test_a_report_must_be_one_of_an_execution() -> None:
    wallet = encode_report(WalletReport("opening", "", 1, 1, (), (), 1))
    for told in (b"", b"\xc1", wallet):
        with pytest.raises(ReportUnreadable):
            after(intent(), signed(), type(landed())("7.0", 0, "A", 104, START_NS, told))


def test_what_lost_its_beginning_is_taken_as_it_comes() -> None:
    order = adopt(None, sent())
    (one,) = order.transactions
    assert (order.approved, order.phase, one.is_pending) == (None, "sent", True)
    assert one.last_valid_block_height == MAX_U64  # nobody may think it expired
    assert adopt(order, intent()).approved == approved()
    assert adopt(after(*WHOLE_LIFE), landed()).phase == "landed"


def test_the_tables_agree_about_what_an_entry_makes() -> None:
    for table in (TRANSACTION_PHASES, ORDER_PHASES):
        for follows in table.values():
            assert all(PHASE_AFTER[kind] is phase for kind, phase in follows.items())
            assert set(follows.values()) <= set(table)
    assert set(ORDER_PHASES) == set(Phase)
    assert set(PHASE_AFTER) == set(Entry.__args__)


def test_the_documented_diagram_is_the_table() -> None:
    text = (ROOT / "docs/decisions/0007-order-journal.md").read_text()
    found = re.search(r"stateDiagram-v2\n(.*?)\n```", text, re.DOTALL)
    assert found is not None
    arrows = [
        f"    {phase} --> {to}: {kind.__name__}"
        for phase, follows in TRANSACTION_PHASES.items()
        for kind, to in follows.items()
    ]
    assert found[1].splitlines() == arrows
