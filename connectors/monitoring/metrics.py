"""What Prometheus is told: a run's telemetry as metric families, read at the moment somebody asks."""

import time
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from connectors.feeds.outlet import Outlet
from connectors.monitoring.telemetry import LATENCY_BOUNDS_NS, Telemetry

LEDGER_GAUGES = {
    "slot": "Newest slot that decisions know of.",
    "equity": "Worth of the portfolio, in its quote currency.",
    "drawdown": "How far equity is below its peak, as a fraction.",
    "max_drawdown": "The deepest fall below a peak so far, as a fraction.",
    "start": "Equity that the run began with.",
    "open_orders": "Orders that rest or are on their way.",
    "in_flight": "Orders whose transaction is on its way.",
    "lamports": "Native SOL of the wallet, with signed execution.",
    "rent": "Lamports locked in accounts that the run made.",
    "stopped": "1 once the emergency stop is on.",
}
LEDGER_COUNTERS = {
    "updates": "Rows that reached the portfolio.",
    "signals": "Signals of the strategies.",
    "orders": "Orders made, whatever became of them.",
    "fills": "Orders filled.",
    "volume": "Quote currency traded.",
    "network_fees": "Lamports paid to the cluster and in tips.",
}
FEED_COUNTERS = {
    "updates": "Events that a feed brought.",
    "conflated": "Events that a newer state replaced while the inbox was slow.",
    "lost": "Events that went because too many were pending.",
}


class TelemetryCollector(Collector):
    """Read a run's counters on each scrape. Register it with a registry of its own, never the default one.

    A scrape runs in another thread than the one that writes: counters are copied in one step before they are walked
    through, and two figures may be a moment apart.

    """

    def __init__(self, telemetry: Telemetry) -> None:
        """Read from this telemetry."""
        self._telemetry = telemetry

    def collect(self) -> Iterator[Metric]:
        """Yield the metric families."""
        now_ns = time.time_ns()
        outlets = tuple(self._telemetry.outlets)
        yield from _of_feeds(outlets, now_ns)
        yield from self._of_intake()
        yield from self._of_decisions()
        turned_ns = self._telemetry.turned_ns
        if turned_ns:
            yield GaugeMetricFamily(
                "dlmm_inbox_age_seconds", "Time since the inbox last turned.", _seconds_between(turned_ns, now_ns)
            )

    def _of_intake(self) -> Iterator[Metric]:
        intake = self._telemetry.intake
        passed = dict(intake.passed) if intake is not None else {}
        dropped = dict(intake.dropped) if intake is not None else {}
        yield _counters("dlmm_rows", "Rows made of a feed's events.", ("feed",), _by_one(passed))
        yield _counters("dlmm_dropped", "Events that became no row, by cause.", ("feed", "cause"), dropped.items())

    def _of_decisions(self) -> Iterator[Metric]:
        telemetry = self._telemetry
        ledger = telemetry.ledger[0]
        for name, text in LEDGER_GAUGES.items():
            yield GaugeMetricFamily(f"dlmm_{name}", text, float(ledger[name]))
        for name, text in LEDGER_COUNTERS.items():
            yield CounterMetricFamily(f"dlmm_{name}", text, float(ledger[name]))
        orders, refusals = dict(telemetry.orders), dict(telemetry.refusals)
        yield _counters("dlmm_orders_ended", "Orders that ended, by status.", ("status",), _by_one(orders))
        yield _counters("dlmm_refusals", "Orders that a rule objected to, by rule.", ("rule",), _by_one(refusals))
        yield HistogramMetricFamily(
            "dlmm_decision_latency_seconds",
            "Time from receiving the newest row of a slice to its decisions.",
            buckets=_cumulative(telemetry.latencies),
            sum_value=telemetry.latency_sum_ns * 1e-9,
        )


def _of_feeds(outlets: tuple[Outlet, ...], now_ns: int) -> Iterator[Metric]:
    for name, text in FEED_COUNTERS.items():
        counts = {outlet.feed: int(getattr(outlet, name)) for outlet in outlets}
        yield _counters(f"dlmm_feed_{name}", text, ("feed",), _by_one(counts))
    refused = [((outlet.feed, cause), n) for outlet in outlets for cause, n in dict(outlet.refused).items()]
    yield _counters("dlmm_feed_refused", "Messages that a feed refused, by cause.", ("feed", "cause"), refused)
    notes = [((outlet.feed, what), n) for outlet in outlets for what, n in dict(outlet.notes).items()]
    yield _counters("dlmm_feed_notes", "What else happened to a feed, by name.", ("feed", "what"), notes)
    connected = GaugeMetricFamily("dlmm_feed_connected", "Whether a feed has its connection.", labels=("feed",))
    age = GaugeMetricFamily("dlmm_feed_age_seconds", "Time since a feed's last event.", labels=("feed",))
    for outlet in outlets:
        connected.add_metric((outlet.feed,), float(outlet.connected))
        if outlet.last_event_ns:
            age.add_metric((outlet.feed,), _seconds_between(outlet.last_event_ns, now_ns))
    yield connected
    yield age


def _counters(
    name: str, text: str, labels: tuple[str, ...], counts: Iterable[tuple[tuple[str, ...], int]]
) -> CounterMetricFamily:
    family = CounterMetricFamily(name, text, labels=labels)
    for values, count in counts:
        family.add_metric(values, count)
    return family


def _by_one(counts: Mapping[str, int]) -> Iterator[tuple[tuple[str], int]]:
    """Turn counts by a name into counts by a tuple of labels."""
    return (((name,), count) for name, count in counts.items())


def _cumulative(latencies: list[int]) -> list[tuple[str, float]]:
    bounds = [repr(bound_ns / 1e9) for bound_ns in LATENCY_BOUNDS_NS]
    return list(zip([*bounds, "+Inf"], accumulate(list(latencies)), strict=True))


def _seconds_between(then_ns: int, now_ns: int) -> float:
    return max(now_ns - then_ns, 0) * 1e-9
