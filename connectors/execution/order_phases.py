"""Phases of an order and of its transactions, and what each entry of the order journal makes of them.

Two tables say which entry may follow in which phase; a missing one is an error. An order whose transaction expired here
may still land there: the tables have that arrow, and an order that had ended is open again by it.
"""

from enum import StrEnum

import msgspec
from msgspec.structs import replace

from connectors.execution.order_entries import (
    Done,
    Entry,
    Expired,
    Failed,
    Intent,
    Landed,
    OfTransaction,
    OrderKnown,
    OrderUnknown,
    OutOfPhase,
    Refused,
    ReportUnreadable,
    Sent,
    SignatureKnown,
    SignatureUnknown,
    Signed,
    Simulated,
    StepLanded,
    StillPending,
    Undone,
)
from dlmm.records import MAX_U64, Record
from operators.orders.commands import Approved
from operators.orders.execution_reports import ExecutionReport, decode_report


class Phase(StrEnum):
    """Where an order or a transaction stands: what was last told of it."""

    INTENT = "intent"
    SIGNED = "signed"
    SENT = "sent"
    LANDED = "landed"
    FAILED = "failed"
    EXPIRED = "expired"
    UNDONE = "undone"
    REFUSED = "refused"
    SIMULATED = "simulated"
    DONE = "done"


Table = dict[Phase, dict[type[Entry], Phase]]

_FATES: dict[type[Entry], Phase] = {Landed: Phase.LANDED, Failed: Phase.FAILED, Expired: Phase.EXPIRED}
_ENDS: dict[type[Entry], Phase] = {Refused: Phase.REFUSED, Done: Phase.DONE}
_STEPS: dict[type[Entry], Phase] = {Signed: Phase.SIGNED, Sent: Phase.SENT, **_FATES, Undone: Phase.UNDONE}
_LATE: dict[type[Entry], Phase] = {Landed: Phase.LANDED, Failed: Phase.FAILED, Undone: Phase.UNDONE}

TRANSACTION_PHASES: Table = {
    Phase.SIGNED: {Sent: Phase.SENT, **_FATES},  # found on chain by a process that died before it wrote `Sent`
    Phase.SENT: {Sent: Phase.SENT, **_FATES},
    Phase.LANDED: {Undone: Phase.UNDONE},
    Phase.FAILED: {Undone: Phase.UNDONE},
    Phase.EXPIRED: {Landed: Phase.LANDED, Failed: Phase.FAILED},  # it landed after all
    Phase.UNDONE: {Sent: Phase.SENT, **_FATES},
}
"""What may follow of one signed transaction."""

ORDER_PHASES: Table = {
    Phase.INTENT: {Signed: Phase.SIGNED, **_ENDS, Simulated: Phase.SIMULATED},
    Phase.SIGNED: _STEPS,  # of this step or another one
    Phase.SENT: _STEPS,
    Phase.LANDED: {**_STEPS, **_ENDS},
    Phase.FAILED: {**_STEPS, **_ENDS},
    Phase.EXPIRED: {**_STEPS, **_ENDS},
    Phase.UNDONE: _STEPS,
    Phase.REFUSED: _LATE,  # of a transaction that had expired, or that a fork took back
    Phase.DONE: _LATE,
    Phase.SIMULATED: {},
}
"""What may follow of an order; entries of its transactions must be allowed by both tables."""

PHASE_AFTER: dict[type[Entry], Phase] = {
    Intent: Phase.INTENT,
    **_STEPS,
    **_ENDS,
    Simulated: Phase.SIMULATED,
}
"""What an entry makes of what it names, wherever it may follow."""

PENDING = frozenset({Phase.SIGNED, Phase.SENT, Phase.UNDONE})
"""Phases of a transaction that can still land."""

ENDED = frozenset({Phase.REFUSED, Phase.SIMULATED, Phase.DONE})
"""Phases of an order that is not open."""

_WITHOUT_REPORT = (Signed, Sent)


class Transaction(Record, frozen=True):
    """One signature of one step of an order, and what came of it.

    :arg transaction: All of it, as it goes to a node; empty for orders that had ended when the journal was opened.

    :arg last_valid_block_height: Block height up to which it can land; the largest number where a damaged file lost it.

    :arg slot: Slot of its signing, or of what came of it.

    :arg ts_ns: Time of the last entry about it.

    :arg fee: Lamports that it paid as far as is known: network fee and tip.

    """

    step: int
    signature: str
    phase: Phase
    transaction: bytes
    blockhash: str
    last_valid_block_height: int
    slot: int
    ts_ns: int
    fee: int = 0

    @property
    def is_pending(self) -> bool:
        """Whether it can still land."""
        return self.phase in PENDING


class Order(Record, frozen=True):
    """One attempt of an order, as the journal has it.

    :arg approved: What was approved; `None` where a damaged file lost it.

    :arg slot: Slot of its arrival, or the latest that its transactions name.

    :arg first_ns: Time of its intent.

    :arg ts_ns: Time of the last entry about it.

    :arg transactions: All that were signed for it, in that order.

    :arg reports: Encoded reports on it, in the order in which they were made.

    :arg reason: Why it was refused, if it was.

    """

    key: str
    approved: Approved | None
    phase: Phase
    slot: int
    first_ns: int
    ts_ns: int
    transactions: tuple[Transaction, ...] = ()
    reports: tuple[bytes, ...] = ()
    reason: str = ""

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return self.phase not in ENDED

    @property
    def pending(self) -> tuple[Transaction, ...]:
        """Its transactions that can still land."""
        return tuple(one for one in self.transactions if one.phase in PENDING)

    @property
    def landed(self) -> int:
        """How many of its transactions are on chain without an error: the next step's index."""
        return sum(one.phase is Phase.LANDED for one in self.transactions)


def advance(order: Order | None, entry: Entry) -> Order:
    """Return an order as it is after an entry.

    :arg order: As it is before, `None` where it is not known.

    :raises EntryRefused: The entry cannot follow; one of its subclasses says why.

    """
    if isinstance(entry, Intent):
        if order is not None:
            raise OrderKnown(entry.key)
        return adopt(None, entry)
    if order is None:
        raise OrderUnknown(entry.key)
    if isinstance(entry, Signed):
        _refuse_signing(order, entry)
    elif isinstance(entry, OfTransaction):
        place = _place(order, entry)
        if place == len(order.transactions):
            raise SignatureUnknown(entry.key, entry.step, entry.signature)
        one = order.transactions[place]
        if type(entry) not in TRANSACTION_PHASES[one.phase]:
            raise OutOfPhase(entry.key, f"signature {one.signature}", one.phase, _kind(entry))
    else:
        for one in order.transactions:
            if one.phase in PENDING:
                raise StillPending(entry.key, entry.key, one.step, one.signature)
    if type(entry) not in ORDER_PHASES[order.phase]:
        raise OutOfPhase(entry.key, "it", order.phase, _kind(entry))
    return adopt(order, entry)


def adopt(order: Order | None, entry: Entry) -> Order:
    """Return an order as an entry has it, whether it may follow or not: what it follows may be lost.

    :raises ReportUnreadable: Its report is none of an execution.

    """
    if isinstance(entry, Intent):
        if order is None:
            return Order(entry.key, entry.approved, Phase.INTENT, entry.slot, entry.ts_ns, entry.ts_ns)
        return replace(order, approved=entry.approved, first_ns=entry.ts_ns)
    if order is None:
        order = Order(entry.key, None, Phase.INTENT, 0, entry.ts_ns, entry.ts_ns)
    phase = PHASE_AFTER[type(entry)]
    told = b"" if isinstance(entry, _WITHOUT_REPORT) else entry.report
    reports = (*order.reports, told) if told else order.reports
    if not isinstance(entry, OfTransaction):
        reason = entry.reason if isinstance(entry, Refused) else order.reason
        return replace(order, phase=phase, ts_ns=entry.ts_ns, reports=reports, reason=reason)
    before = order.transactions
    place = _place(order, entry)
    one = _after(before[place] if place < len(before) else None, entry, phase)
    transactions = (*before[:place], one, *before[place + 1 :])
    slot = max(order.slot, one.slot)
    return replace(order, phase=phase, slot=slot, ts_ns=entry.ts_ns, transactions=transactions, reports=reports)


def _refuse_signing(order: Order, entry: Signed) -> None:
    for one in order.transactions:
        if one.signature == entry.signature:
            raise SignatureKnown(entry.key, one.signature, order.key)
        if one.step != entry.step:
            continue
        if one.phase in PENDING:
            raise StillPending(entry.key, order.key, one.step, one.signature)
        if one.phase is Phase.LANDED:
            raise StepLanded(entry.key, one.step, one.signature)


def _place(order: Order, entry: OfTransaction) -> int:
    """Return where an entry's transaction stands among the order's, or how many there are if it is none of them."""
    for place, one in enumerate(order.transactions):
        if one.signature == entry.signature and one.step == entry.step:
            return place
    return len(order.transactions)


def _after(one: Transaction | None, entry: OfTransaction, phase: Phase) -> Transaction:
    if isinstance(entry, Signed):
        height = entry.last_valid_block_height
        return Transaction(
            entry.step, entry.signature, phase, entry.transaction, entry.blockhash, height, entry.slot, entry.ts_ns
        )
    if one is None:
        # Until when it can land is lost with its signing: it is waited for until somebody has looked.
        one = Transaction(entry.step, entry.signature, phase, b"", "", MAX_U64, 0, entry.ts_ns)
    if isinstance(entry, Sent):
        return replace(one, phase=phase, ts_ns=entry.ts_ns)
    fee = _fee_of(entry) if isinstance(entry, Landed | Failed) else 0
    return replace(one, phase=phase, slot=entry.slot, ts_ns=entry.ts_ns, fee=fee)


def _fee_of(entry: Landed | Failed) -> int:
    try:
        report = decode_report(entry.report)
    except msgspec.DecodeError:
        raise ReportUnreadable(entry.key, entry.signature) from None
    if not isinstance(report, ExecutionReport):
        raise ReportUnreadable(entry.key, entry.signature)
    return report.network_fee + report.tip


def _kind(entry: Entry) -> str:
    return str(entry.__struct_config__.tag)
