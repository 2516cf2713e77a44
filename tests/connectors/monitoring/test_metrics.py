"""Metric families made of a run's telemetry."""

import time

from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from connectors.feeds.outlet import Outlet
from connectors.inboxes.intake import Intake
from connectors.monitoring.metrics import TelemetryCollector
from connectors.monitoring.telemetry import Telemetry
from connectors.wire.events import SlotUpdate


def scraped(telemetry: Telemetry) -> dict[tuple[str, tuple[str, ...]], float]:
    """Each sample by its name and the values of its labels, in the order of the labels' names."""
    registry = CollectorRegistry()
    registry.register(TelemetryCollector(telemetry))
    text = generate_latest(registry).decode()
    return {
        (sample.name, tuple(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def busy() -> Telemetry:
    telemetry = Telemetry()
    chain, prices = Outlet("chain"), Outlet("prices")
    chain.put(SlotUpdate(1))
    chain.put(SlotUpdate(2))
    chain.set_connected(True)
    chain.note("reconnects")
    chain.conflated = 3
    prices.refuse("malformed", "x")
    intake = Intake((), (chain, prices), 1)
    intake.passed["chain"] = 11
    intake.dropped["prices", "not_followed"] = 4
    telemetry.attach((chain, prices), intake)
    telemetry.turned(time.time_ns())
    telemetry.orders["filled"] = 6
    telemetry.refusals["balance"] = 2
    telemetry.ledger["equity"], telemetry.ledger["drawdown"], telemetry.ledger["slot"] = 100.5, 0.25, 99
    telemetry.ledger["signals"], telemetry.ledger["fills"] = 8, 6
    telemetry.latencies[0], telemetry.latencies[2], telemetry.latencies[-1] = 5, 2, 1
    telemetry.latency_sum_ns = 2_000_000_000
    return telemetry


def test_every_counter_of_a_run_is_there() -> None:
    found = scraped(busy())
    expected = {
        ("dlmm_feed_updates_total", ("chain",)): 2,
        ("dlmm_feed_updates_total", ("prices",)): 0,
        ("dlmm_feed_conflated_total", ("chain",)): 3,
        ("dlmm_feed_lost_total", ("chain",)): 0,
        ("dlmm_feed_refused_total", ("malformed", "prices")): 1,
        ("dlmm_feed_notes_total", ("chain", "reconnects")): 1,
        ("dlmm_feed_connected", ("chain",)): 1,
        ("dlmm_feed_connected", ("prices",)): 0,
        ("dlmm_rows_total", ("chain",)): 11,
        ("dlmm_dropped_total", ("not_followed", "prices")): 4,
        ("dlmm_orders_ended_total", ("filled",)): 6,
        ("dlmm_refusals_total", ("balance",)): 2,
        ("dlmm_equity", ()): 100.5,
        ("dlmm_drawdown", ()): 0.25,
        ("dlmm_slot", ()): 99,
        ("dlmm_signals_total", ()): 8,
        ("dlmm_fills_total", ()): 6,
    }
    assert {key: found[key] for key in expected} == expected


def test_ages_are_those_of_what_was_heard() -> None:
    found = scraped(busy())
    assert 0.0 <= found["dlmm_feed_age_seconds", ("chain",)] < 60.0
    assert ("dlmm_feed_age_seconds", ("prices",)) not in found
    assert 0.0 <= found["dlmm_inbox_age_seconds", ()] < 60.0


def test_the_latency_histogram_is_cumulative_in_seconds() -> None:
    found = scraped(busy())
    buckets = {labels[0]: value for (name, labels), value in found.items() if name.endswith("seconds_bucket")}
    assert buckets["2.5e-05"] == 5
    assert buckets["7.5e-05"] == 7
    assert buckets["1.0"] == 7
    assert buckets["+Inf"] == 8 == found["dlmm_decision_latency_seconds_count", ()]
    assert found["dlmm_decision_latency_seconds_sum", ()] == 2.0


def test_a_run_that_has_not_begun_can_be_scraped() -> None:
    found = scraped(Telemetry())
    assert found["dlmm_equity", ()] == 0.0
    assert ("dlmm_inbox_age_seconds", ()) not in found


def test_the_default_registry_stays_as_it_was() -> None:
    before = generate_latest(REGISTRY).decode()
    scraped(busy())
    assert "dlmm_" not in before
    assert "dlmm_" not in generate_latest(REGISTRY).decode()
