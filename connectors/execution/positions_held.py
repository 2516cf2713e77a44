"""Which positions the wallet holds, as far as orders of ours made them."""

from collections.abc import Mapping

from msgspec.structs import replace

from connectors.execution.order_journal import OrderJournal
from connectors.execution.reporting import reports_of
from dlmm.records import Account
from operators.orders.execution_reports import ExecutionReport, PositionState


class PositionsHeld:
    """The positions that reports told of, and that none told to be gone since."""

    def __init__(self) -> None:
        self._held: dict[str, PositionState] = {}

    @classmethod
    def of(cls, journal: OrderJournal) -> "PositionsHeld":
        """Read the reports of an order journal."""
        held = cls()
        for key in journal.last_reports():
            order = journal.order(key)
            strategy = order.approved.strategy if order is not None and order.approved is not None else ""
            for report in () if order is None else reports_of(order):
                held.take(report, strategy)
        return held

    def take(self, report: ExecutionReport, strategy: str = "") -> None:
        """Learn from a report.

        :arg strategy: Whose order it is about.

        """
        for state in report.positions:
            if state.data:
                before = self._held.get(state.address)
                opened_by = before.strategy if before is not None else strategy
                self._held[state.address] = replace(state, data=b"", strategy=opened_by)
            else:
                self._held.pop(state.address, None)

    @property
    def addresses(self) -> tuple[str, ...]:
        """Accounts to look at."""
        return tuple(self._held)

    def states(self, accounts: Mapping[str, Account | None]) -> tuple[PositionState, ...]:
        """Return the positions with their bytes; those without an account are left out.

        :arg accounts: What stands at the addresses.

        """
        found = ((state, accounts.get(address)) for address, state in self._held.items())
        return tuple(replace(state, data=account.data) for state, account in found if account is not None)
