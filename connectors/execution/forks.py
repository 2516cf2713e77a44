"""Landings until they are final, and what is told of those that a fork takes back."""

import time
from collections.abc import Callable
from functools import partial
from typing import assert_never

from connectors.execution import order_entries as entries
from connectors.execution.links import Links
from connectors.execution.order_journal import OrderJournal
from connectors.execution.order_life import Finalized, Flight, OrderLife
from connectors.execution.outcomes import Reversal, Turned, Undone
from connectors.execution.reporting import undone_report
from operators.orders.execution_reports import ExecutionReport, encode_report

UNNAMED_ERROR = '"error"'
"""Stands for a landing's error where finality is watched: that there is one is what counts."""


class Forks:
    """Watch landings; the note `undone` counts those that were taken back.

    :arg tell: Takes the report, once it is in the order journal.

    :arg send: Sends a transaction anew that may land again, and follows it.

    :arg read: Reads a transaction that has landed elsewhere.

    :arg close: Looks whether anything can become of an order, once a landing is final.

    """

    def __init__(
        self,
        links: Links,
        journal: OrderJournal,
        tell: Callable[[ExecutionReport], None],
        send: Callable[[OrderLife, Flight], None],
        read: Callable[[OrderLife, Flight], None],
        close: Callable[[OrderLife], None],
    ) -> None:
        self._links = links
        self._journal = journal
        self._tell = tell
        self._send = send
        self._read = read
        self._close = close

    def watch(self, life: OrderLife, flight: Flight) -> None:
        """Watch a landing until it is final."""
        undone, final = partial(self._undone, life, flight), partial(self._final, life, flight)
        error_json = None if flight.is_success else UNNAMED_ERROR
        self._links.confirmations.watch_finality(flight.signature, flight.slot, error_json, undone, final)

    def _undone(self, life: OrderLife, flight: Flight, reversal: Reversal) -> None:
        report = flight.report
        flight.hear(reversal)
        self._links.outlet.note("undone", f"a fork took {flight.signature} back")
        if report is not None:
            undone = undone_report(report, self._links.chain.slot)
            self._journal.record(
                entries.Undone(
                    life.key, flight.step, flight.signature, undone.slot, time.time_ns(), encode_report(undone)
                )
            )
            life.is_told = False
            self._tell(undone)
        match reversal:
            case Undone():
                self._send(life, flight)
            case Turned():
                self._read(life, flight)
            case _:
                assert_never(reversal)

    def _final(self, life: OrderLife, flight: Flight) -> None:
        flight.hear(Finalized())
        self._close(life)
