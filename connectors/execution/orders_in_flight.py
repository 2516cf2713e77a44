"""The orders that anything may still become of: each is carried from its intent to its last report."""

import time
from collections.abc import Callable, Mapping
from functools import partial

from msgspec.structs import replace

from connectors.execution import order_entries as entries
from connectors.execution.building.pool_accounts import PoolAccounts
from connectors.execution.building.steps import BuildError, Step
from connectors.execution.building.swaps import pools_named
from connectors.execution.curable import is_curable
from connectors.execution.forks import Forks
from connectors.execution.links import Links
from connectors.execution.liquidity import LiquidityPlanner, Plan
from connectors.execution.order_journal import OrderJournal
from connectors.execution.order_life import Flight, OrderLife, Overdue, Stage, resumed
from connectors.execution.order_phases import ENDED, Order
from connectors.execution.outcomes import Expired, Outcome, Seen
from connectors.execution.reading import AccountReader
from connectors.execution.reporting import end_report, landed_report, simulated_reason
from connectors.execution.terms import ExecutionTerms
from connectors.execution.transactions import SignedTransaction
from connectors.execution.wallet import Wallet
from connectors.feeds.reactor import Timer
from connectors.wire.landed import Landed
from connectors.wire.refusal import Refusal
from connectors.wire.submissions import SendRefusal, Simulated
from operators.orders.commands import Approved, Swap, SwapRoute
from operators.orders.execution_reports import ExecutionReport, PositionState, encode_report

DAY_NS = 86_400_000_000_000
OVERDUE_S = 10.0
"""After which a landing that cannot be read is followed anew: a fork may have taken it back."""

WAIT_S = 0.5
"""Between two looks for a blockhash, for an order that has begun and shall not be left half done."""


class OrdersInFlight:
    """Carry orders: sign, journal, send, follow, read and tell.

    Counted in the outlet: the notes `refused_orders`, `send_refusals`, `expired`, `failed`, `undone`, `overdue`,
    `unreadable`, `unexplained_changes` and `bundle_refusals`.

    :arg accounts: The live view of a pool; raises `BuildError` for one that there is none of.

    :arg tell: Takes each report, once it is in the order journal.

    :ivar last_slot: The latest slot that anything of ours landed in.

    """

    def __init__(
        self,
        links: Links,
        journal: OrderJournal,
        wallet: Wallet,
        terms: ExecutionTerms,
        accounts: Callable[[str], PoolAccounts],
        tell: Callable[[ExecutionReport], None],
    ) -> None:
        self.last_slot = 0
        self._links = links
        self._outlet = links.outlet
        self._journal = journal
        self._terms = terms
        self._accounts = accounts
        self._listener = tell
        self._reader = AccountReader(links.reactor, links.chain)
        self._planner = LiquidityPlanner(self._reader, wallet, accounts, links.writer.fits)
        self._forks = Forks(links, journal, self._tell, self._send, self._read, self._close_if_over)
        self._lives: dict[str, OrderLife] = {}
        self._promised: dict[str, int] = {}
        self._timers: dict[str, Timer] = {}

    @property
    def keys(self) -> tuple[str, ...]:
        """The orders that have not been told to their end."""
        return tuple(key for key, life in self._lives.items() if not life.is_told)

    def stop(self) -> None:
        """Make no further call."""
        self._reader.stop()
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def take(self, approved: Approved, objection: str = "") -> None:
        """Begin an order that the journal does not know.

        :arg objection: Why it is not carried out, where it is not.

        """
        pools = self._pools_of(approved)
        slot = max([self._links.chain.slot, *[pool.slot for pool in pools.values()]])
        life = self._lives[approved.key] = OrderLife(approved)
        life.unwritten = entries.Intent(approved, slot, time.time_ns())
        if not life.is_swap or self._terms.is_dry_run:
            self._journal.record(life.unwritten)
            life.unwritten = None
        self._begin(life, pools, slot, objection)

    def resume(self, order: Order, *, sends: bool = True) -> None:
        """Go on with an order where the journal left it: what was signed is sent on and followed, as if never left.

        :arg sends: Whether to send at all; what was signed is followed to its end in any case.

        """
        life = self._lives[order.key] = resumed(order)
        life.may_send = sends
        for flight in life.flights:
            if flight.stage is Stage.FLYING:
                self._send(life, flight)
            elif flight.stage is Stage.LANDED:
                self._forks.watch(life, flight)
        if life.flights and not life.is_told:
            self._go_on(life)
        elif not life.flights:
            pools = self._pools_of(life.approved)
            self._begin(
                life, pools, self._slot_for(life.approved), "" if sends else "stopped: the emergency stop is on"
            )
        self._close_if_over(life)

    # signing and sending

    def _begin(self, life: OrderLife, pools: Mapping[str, PoolAccounts], slot: int, objection: str) -> None:
        """Sign an order's first transaction, unless something stands against it."""
        approved = life.approved
        command = approved.command
        if objection:
            self._refuse(life, objection)
        elif slot > approved.deadline_slot:
            self._refuse(life, f"too_late: slot {slot} is past {approved.deadline_slot}")
        elif isinstance(command, Swap | SwapRoute):
            spent = self._spent_today()
            signed = self._links.writer.swap(command, pools, urgency=approved.urgency, spent_today=spent)
            self._take_signed(life, 0, signed)
        else:
            self._planner.plan(command, 0, partial(self._planned, life))

    def _go_on(self, life: OrderLife) -> None:
        """Plan the next transaction of an order that has begun, unless an earlier one may still land."""
        command = life.approved.command
        if life.is_under_way:
            return
        if not life.may_send:
            self._refuse(life, "stopped: the emergency stop is on")
        elif isinstance(command, Swap | SwapRoute):
            self._refuse(life, "not_retried: it was signed once and can land no more")
        else:
            has_failed = life.tries[life.next_step] > 0
            self._planner.plan(command, life.next_step, partial(self._planned, life), is_apart=has_failed)

    def _planned(self, life: OrderLife, plan: Plan) -> None:
        """Take the plan of an order's next transaction."""
        if life.is_under_way or life.is_told:
            return  # a fork brought an earlier one back meanwhile
        if plan.step is None:
            self._end(life)
        elif isinstance(plan.step, Refusal):
            self._refuse(life, f"{plan.step.cause}: {plan.step.detail}")
        else:
            self._sign_step(life, plan.step)

    def _sign_step(self, life: OrderLife, step: Step) -> None:
        approved = life.approved
        spent = self._spent_today()
        signed = self._links.writer.step(approved.command, step, urgency=approved.urgency, spent_today=spent)
        if isinstance(signed, Refusal) and signed.cause == "no_blockhash" and life.flights:
            self._timers[life.key] = self._links.reactor.call_in(WAIT_S, partial(self._go_on, life))
            return
        self._take_signed(life, life.next_step, signed)

    def _take_signed(self, life: OrderLife, step: int, signed: SignedTransaction | Refusal) -> None:
        if isinstance(signed, Refusal):
            self._refuse(life, f"{signed.cause}: {signed.detail}")
            return
        if self._terms.is_dry_run:
            self._links.sender.simulate(signed.wire, partial(self._simulated, life))
            return
        try:
            self._record_first(
                life,
                entries.Signed(
                    key=life.key,
                    step=step,
                    signature=signed.signature,
                    transaction=signed.wire,
                    blockhash=signed.blockhash,
                    last_valid_block_height=signed.last_valid_block_height,
                    slot=self._links.chain.slot,
                    ts_ns=time.time_ns(),
                ),
            )
        except entries.EntryRefused as error:
            self._refuse(life, f"not_signed: {error}")
            return
        flight = Flight(step, signed.signature, signed.wire, signed.last_valid_block_height)
        life.flights.append(flight)
        self._promised[flight.signature] = signed.most_paid
        self._send(life, flight)

    def _record_first(self, life: OrderLife, entry: entries.Signed | entries.Refused) -> None:
        """Record what may be the first thing that comes of an order: a swap's intent is written together with it."""
        if life.unwritten is None:
            self._journal.record(entry)
        else:
            self._journal.begin(life.unwritten, entry)
            life.unwritten = None

    def _send(self, life: OrderLife, flight: Flight) -> None:
        links, bundles = self._links, self._terms.bundles
        if flight.wire and life.may_send and not self._terms.is_dry_run:
            is_only_way = bundles is not None and bundles.is_only_way
            written = partial(self._written, life, flight)
            if links.bundles is not None and (links.bundles.is_ready or is_only_way):
                links.bundles.send(flight.signature, [flight.wire], written, partial(self._bundle_refused, flight))
            if not is_only_way:
                links.sender.send(flight.signature, flight.wire, written, partial(self._send_refused, flight))
        heard = partial(self._heard, life, flight)
        links.confirmations.follow(flight.signature, flight.last_valid_block_height, heard)

    def _written(self, life: OrderLife, flight: Flight, at_ns: int) -> None:
        if flight.stage is Stage.FLYING:
            self._journal.record(entries.Sent(life.key, flight.step, flight.signature, at_ns))

    def _send_refused(self, flight: Flight, endpoint: str, refused: SendRefusal) -> None:
        flight.reason = f"{refused.kind}: {refused.detail}"
        self._outlet.note("send_refusals", f"{endpoint}: {flight.reason}")

    def _bundle_refused(self, flight: Flight, reason: str) -> None:
        flight.reason = reason
        self._outlet.note("bundle_refusals", reason)

    # what became of it

    def _heard(self, life: OrderLife, flight: Flight, outcome: Outcome) -> None:
        flight.hear(outcome)
        self._links.sender.forget(flight.signature)
        if self._links.bundles is not None:
            self._links.bundles.forget(flight.signature)
        if isinstance(outcome, Seen):
            self._read(life, flight)
            return
        self._outlet.note("expired")
        self._promised.pop(flight.signature, None)
        life.tries[flight.step] += 1
        if not life.is_swap and life.tries[flight.step] < self._terms.most_tries:
            self._record_expired(life, flight, outcome, b"")
            self._go_on(life)
            return
        reason = flight.reason or f"not landed by block {outcome.block_height}"
        report = end_report(life.approved, "expired", reason, slot=outcome.slot, signature=flight.signature)
        self._record_expired(life, flight, outcome, encode_report(report))
        self._tell_last(life, report)

    def _record_expired(self, life: OrderLife, flight: Flight, outcome: Expired, report: bytes) -> None:
        self._journal.record(
            entries.Expired(life.key, flight.step, flight.signature, outcome.slot, time.time_ns(), report)
        )

    def _read(self, life: OrderLife, flight: Flight) -> None:
        self._timers[flight.signature] = self._links.reactor.call_in(OVERDUE_S, partial(self._overdue, life, flight))
        self._links.confirmations.fetch(flight.signature, partial(self._fetched, life, flight))

    def _overdue(self, life: OrderLife, flight: Flight) -> None:
        """Follow a landing anew that could not be read in time: it may be gone."""
        self._outlet.note("overdue", f"{flight.signature} was seen, but cannot be read")
        self._links.confirmations.forget(flight.signature)
        flight.hear(Overdue())
        self._send(life, flight)

    def _fetched(self, life: OrderLife, flight: Flight, landed: Landed | Refusal) -> None:
        if isinstance(landed, Refusal):
            self._outlet.note("unreadable", f"{flight.signature}: {landed.cause}: {landed.detail}")
            return  # when it is overdue it is followed and read anew
        self._timers.pop(flight.signature).cancel()
        flight.hear(landed)
        self.last_slot = max(self.last_slot, landed.slot)
        if landed.unexplained:
            self._outlet.note("unexplained_changes", f"{flight.signature}: {landed.unexplained}")
        self._forks.watch(life, flight)
        command = life.approved.command
        if isinstance(command, Swap | SwapRoute):
            self._tell_landed(life, flight, landed, is_final=True)
        elif landed.error is None:
            then = partial(self._planned_after, life, flight, landed)
            self._planner.plan(command, life.next_step, then, wire=flight.wire, slot=landed.slot)
        else:
            life.tries[flight.step] += 1
            is_final = not is_curable(landed.error, command) or life.tries[flight.step] >= self._terms.most_tries
            self._tell_landed(life, flight, landed, is_final=is_final)
            if not is_final:
                self._go_on(life)

    def _planned_after(self, life: OrderLife, flight: Flight, landed: Landed, plan: Plan) -> None:
        """Tell a landing together with the positions after it, and go on with the next transaction."""
        if flight.slot != landed.slot or flight.report is not None:
            return  # a fork took it back meanwhile
        is_over = plan.step is None and not life.is_under_way
        self._tell_landed(life, flight, landed, is_final=is_over, positions=plan.positions)
        if not is_over:
            self._planned(life, plan)

    def _tell_landed(
        self,
        life: OrderLife,
        flight: Flight,
        landed: Landed,
        *,
        is_final: bool,
        positions: tuple[PositionState, ...] = (),
    ) -> None:
        report = landed_report(life.approved, landed, is_final=is_final, positions=positions)
        flight.report = report
        kind = entries.Landed if landed.error is None else entries.Failed
        self._journal.record(
            kind(life.key, flight.step, flight.signature, landed.slot, time.time_ns(), encode_report(report))
        )
        self._promised.pop(flight.signature, None)
        if landed.error is not None:
            self._outlet.note("failed")
        if is_final:
            self._tell_last(life, report)
        else:
            self._tell(report)

    # the end of an order

    def _refuse(self, life: OrderLife, reason: str) -> None:
        self._outlet.note("refused_orders", f"{life.key}: {reason}")
        report = end_report(life.approved, "refused", reason, slot=self._slot_for(life.approved))
        self._record_first(life, entries.Refused(life.key, report.reason, time.time_ns(), encode_report(report)))
        self._tell_last(life, report)

    def _end(self, life: OrderLife) -> None:
        """End an order that has nothing left to send and whose last report is still due."""
        report = end_report(life.approved, "landed", "", slot=self._slot_for(life.approved))
        self._journal.record(entries.Done(life.key, time.time_ns(), encode_report(report)))
        self._tell_last(life, report)

    def _simulated(self, life: OrderLife, outcome: Simulated | SendRefusal | Refusal) -> None:
        slot = outcome.slot if isinstance(outcome, Simulated) else self._slot_for(life.approved)
        report = end_report(life.approved, "simulated", simulated_reason(outcome), slot=slot)
        self._journal.record(entries.Simulated(life.key, time.time_ns(), encode_report(report)))
        self._tell_last(life, report)

    def _tell(self, report: ExecutionReport) -> None:
        """Tell what the journal has just been told, by the number that it has there."""
        order = self._journal.order(f"{report.order}.{report.attempt}")
        assert order is not None, f"a report on order {report.order} that the journal does not know"
        self._listener(replace(report, number=len(order.reports) - 1))

    def _tell_last(self, life: OrderLife, report: ExecutionReport) -> None:
        life.is_told = True
        self._tell(report)
        self._close_if_over(life)

    def _close_if_over(self, life: OrderLife) -> None:
        if life.is_over:
            if self._journal.phase(life.key) not in ENDED:
                self._journal.record(entries.Done(life.key, time.time_ns()))
            self._lives.pop(life.key, None)

    def _pools_of(self, approved: Approved) -> dict[str, PoolAccounts]:
        """Return the pools of a command as they were last seen, as far as they are known."""
        found = {}
        for name in pools_named(approved.command):
            try:
                found[name] = self._accounts(name)
            except BuildError:  # whoever needs it refuses the order by name
                continue
        return found

    def _slot_for(self, approved: Approved) -> int:
        """Return the newest slot that anybody has told of."""
        return max([self._links.chain.slot, *[pool.slot for pool in self._pools_of(approved).values()]])

    def _spent_today(self) -> int:
        return self._journal.fees_since(time.time_ns() - DAY_NS) + sum(self._promised.values())
