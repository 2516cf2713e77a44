"""What a live run knows about itself: one object that the flow's parts write into and metrics are read from.

Everything here is a plain number or a small array that one thread writes; readers in other threads may see a moment's
mixture of old and new, never anything broken.
"""

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from connectors.feeds.outlet import Outlet
from operators.books.ledger import LEDGER
from operators.orders.records import RULES, STATUSES
from operators.portfolio_records import Report

LATENCY_BOUNDS_NS = tuple(
    int(us * 1_000) for us in (25, 50, 75, 100, 150, 200, 300, 500, 1_000, 2_000, 5_000, 10_000, 50_000, 100_000, 1e6)
)
"""Upper bounds of the latency histogram's buckets; beyond the last there is one more."""
LONGEST_LATENCY_NS = 60_000_000_000
"""What took longer was read back from a journal."""


class RowCounts(Protocol):
    """What the inbox's intake counts."""

    @property
    def passed(self) -> Counter[str]:
        """Rows, by name of the feed."""
        ...

    @property
    def dropped(self) -> Counter[tuple[str, str]]:
        """Events that became no row, by name of the feed and cause."""
        ...

    @property
    def wanted(self) -> Mapping[str, tuple[str, ...]]:
        """Accounts that are followed, by pool."""
        ...


class Telemetry:
    """Counters of one process.

    :ivar outlets: The feeds' own counters.

    :ivar intake: Rows and drops by feed.

    :ivar turned_ns: When the inbox last turned, nanoseconds since 1970.

    :ivar latencies: Slices by the time from receiving their newest row to their decisions, one count a bucket.

    :ivar orders: Orders that ended, by status.

    :ivar refusals: Orders that a rule withheld or refused, by rule.

    :ivar ledger: `LEDGER` (1,) after the newest slice.

    """

    def __init__(self) -> None:
        """Start from nothing."""
        self.outlets: Sequence[Outlet] = ()
        self.intake: RowCounts | None = None
        self.turned_ns = 0
        self.latencies = [0] * (len(LATENCY_BOUNDS_NS) + 1)
        self.latency_sum_ns = 0
        self.orders: Counter[str] = Counter()
        self.refusals: Counter[str] = Counter()
        self.fills = 0
        self.ledger = np.zeros(1, LEDGER)

    def attach(self, outlets: Sequence[Outlet], intake: RowCounts) -> None:
        """Take over where the inbox counts."""
        self.outlets, self.intake = outlets, intake

    def turned(self, now_ns: int) -> None:
        """Note that the inbox is alive."""
        self.turned_ns = now_ns

    def observe(self, report: Report) -> Report:
        """Take what came of a slice, and hand it on."""
        self.ledger = report.ledger
        if report.ts_recv_ns:
            latency_ns = time.time_ns() - report.ts_recv_ns
            if latency_ns < LONGEST_LATENCY_NS:
                self.latencies[bisect_left(LATENCY_BOUNDS_NS, latency_ns)] += 1
                self.latency_sum_ns += latency_ns
        if len(report.orders):
            self.orders.update(STATUSES[status] for status in report.orders["status"].tolist())
            self.refusals.update(RULES[rule] for rule in report.orders["rule"].tolist() if rule)
        self.fills += len(report.fills)
        return report
