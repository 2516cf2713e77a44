"""The life of one order: its transactions, each a small state machine, and what they come to together.

A transaction's life is the table `NEXT`; an order ends when its last transaction has, and begins again where a fork
takes a landing back.
"""

from collections import Counter
from enum import StrEnum

from connectors.execution.order_entries import Intent
from connectors.execution.order_phases import Order, Phase
from connectors.execution.outcomes import Expired, Seen, Turned, Undone
from connectors.wire.landed import Landed
from dlmm.errors import DlmmError
from dlmm.records import Record
from operators.orders.commands import Approved, Swap, SwapRoute
from operators.orders.execution_reports import ExecutionReport, decode_report


class Stage(StrEnum):
    """Where a signed transaction stands."""

    FLYING = "flying"
    """It may land."""
    READING = "reading"
    """It is on chain, and is read from there."""
    LANDED = "landed"
    """It is on chain, with an error or without, and was told; a fork may take it back."""
    EXPIRED = "expired"
    """It can land no more."""
    FINAL = "final"
    """It is on chain for good."""


class Overdue(Record, frozen=True):
    """A landing could not be read: it may be gone."""


class Finalized(Record, frozen=True):
    """The cluster will not take a landing back any more."""


NEXT: dict[Stage, dict[type, Stage]] = {
    Stage.FLYING: {Seen: Stage.READING, Expired: Stage.EXPIRED},
    Stage.READING: {Landed: Stage.LANDED, Overdue: Stage.FLYING, Undone: Stage.FLYING},
    Stage.LANDED: {Undone: Stage.FLYING, Turned: Stage.READING, Finalized: Stage.FINAL},
    Stage.EXPIRED: {Seen: Stage.READING},  # an endpoint may have hidden it from us
    Stage.FINAL: {},
}
"""What follows each stage by what was heard; everything else is a broken invariant."""

STAGES = {
    Phase.SIGNED: Stage.FLYING,
    Phase.SENT: Stage.FLYING,
    Phase.UNDONE: Stage.FLYING,
    Phase.LANDED: Stage.LANDED,
    Phase.FAILED: Stage.LANDED,
    Phase.EXPIRED: Stage.EXPIRED,
}
"""Where a transaction is taken up again, by what the order journal last told of it."""

UNDER_WAY = frozenset({Stage.FLYING, Stage.READING})


class TransitionError(DlmmError):
    """Something was heard of a transaction that cannot be at the stage it is at."""

    def __init__(self, signature: str, stage: Stage, heard: type) -> None:
        """Keep all three."""
        super().__init__(f"transaction {signature}: {heard.__name__} while {stage}")
        self.signature = signature
        self.stage = stage
        self.heard = heard


class Flight:
    """One signed transaction of an order.

    :ivar step: Which transaction of the order it is, from 0.

    :ivar wire: The signed bytes; empty where a damaged journal lost them.

    :ivar slot: That it stands in; 0 while it does not.

    :ivar is_success: Whether it stands on chain without an error.

    :ivar report: What was told of its standing there.

    :ivar reason: Why an endpoint refused it last.

    """

    __slots__ = (
        "is_success",
        "last_valid_block_height",
        "reason",
        "report",
        "signature",
        "slot",
        "stage",
        "step",
        "wire",
    )

    def __init__(
        self, step: int, signature: str, wire: bytes, last_valid_block_height: int, stage: Stage = Stage.FLYING
    ) -> None:
        self.step = step
        self.signature = signature
        self.wire = wire
        self.last_valid_block_height = last_valid_block_height
        self.stage = stage
        self.slot = 0
        self.is_success = False
        self.report: ExecutionReport | None = None
        self.reason = ""

    def hear(self, event: Seen | Expired | Landed | Overdue | Undone | Turned | Finalized) -> None:
        """Go on to the next stage.

        :raises TransitionError: There is none after that.

        """
        stage = NEXT[self.stage].get(type(event))
        if stage is None:
            raise TransitionError(self.signature, self.stage, type(event))
        self.stage = stage
        if stage in UNDER_WAY:
            self.slot, self.is_success, self.report = 0, False, None
        elif isinstance(event, Landed):
            self.slot, self.is_success = event.slot, event.error is None


class OrderLife:
    """An approved order while anything may still become of it.

    :ivar tries: How often each step came to nothing, expired or failed.

    :ivar is_told: Whether the report that ends it was told.

    :ivar may_send: Whether anything of it is sent from now on.

    :ivar unwritten: Its intent, until the order journal has it.

    """

    __slots__ = ("approved", "flights", "is_told", "may_send", "tries", "unwritten")

    def __init__(self, approved: Approved) -> None:
        self.approved = approved
        self.flights: list[Flight] = []
        self.tries: Counter[int] = Counter()
        self.is_told = False
        self.may_send = True
        self.unwritten: Intent | None = None

    @property
    def key(self) -> str:
        """Name of it in the order journal."""
        return self.approved.key

    @property
    def is_swap(self) -> bool:
        """Whether it is one transaction that is tried once."""
        return isinstance(self.approved.command, Swap | SwapRoute)

    @property
    def is_under_way(self) -> bool:
        """Whether a transaction of it may land, or is being read."""
        return any(flight.stage in UNDER_WAY for flight in self.flights)

    @property
    def is_over(self) -> bool:
        """Whether nothing can become of it any more."""
        return self.is_told and all(flight.stage in (Stage.EXPIRED, Stage.FINAL) for flight in self.flights)

    @property
    def next_step(self) -> int:
        """The first step that does not stand on chain."""
        done = {flight.step for flight in self.flights if flight.is_success}
        step = 0
        while step in done:
            step += 1
        return step


def resumed(order: Order) -> OrderLife:
    """Make an order's life anew from what the journal knows of it.

    :arg order: One whose approval a damaged journal lost is taken for a swap: what was signed is followed to its end.

    """
    life = OrderLife(_lost(order.key) if order.approved is None else order.approved)
    reports = [report for data in order.reports if isinstance(report := decode_report(data), ExecutionReport)]
    told = {report.signature: report for report in reports if report.status in ("landed", "failed")}
    for one in order.transactions:
        flight = Flight(one.step, one.signature, one.transaction, one.last_valid_block_height, STAGES[one.phase])
        if flight.stage is Stage.LANDED:
            flight.slot, flight.is_success = one.slot, one.phase is Phase.LANDED
            flight.report = told.get(one.signature)
        elif flight.stage is Stage.EXPIRED:
            life.tries[one.step] += 1
        life.flights.append(flight)
    life.is_told = bool(reports) and reports[-1].is_final
    return life


def _lost(key: str) -> Approved:
    order, _, attempt = key.partition(".")
    swap = Swap(pool="", exact_in=True, swap_for_y=True, amount=0, threshold=0)
    return Approved(
        portfolio="",
        order=int(order),
        attempt=int(attempt),
        command=swap,
        deadline_slot=0,
        urgency=0,
        decided_slot=0,
    )
