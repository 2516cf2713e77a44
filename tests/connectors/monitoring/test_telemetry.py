"""What a run counts about itself, from the reports of its decisions."""

import time

import numpy as np

from connectors.monitoring.telemetry import LATENCY_BOUNDS_NS, Telemetry
from operators.books.ledger import EQUITY, LEDGER
from operators.orders.records import FILL, FILLED, MAX_POSITION_SIZE, ORDER, REFUSED
from operators.portfolio_records import Report


def report(orders: int = 0, fills: int = 0, recv_ns: int = 0, slot: int = 7) -> Report:
    ended = np.zeros(orders, ORDER)
    ended["status"] = FILLED
    if orders:
        ended[0]["status"], ended[0]["rule"] = REFUSED, MAX_POSITION_SIZE
    ledger = np.zeros(1, LEDGER)
    ledger["slot"] = slot
    return Report(0, ended, np.zeros(fills, FILL), np.zeros(0, EQUITY), ledger, recv_ns)


def test_orders_fills_and_objections_add_up() -> None:
    telemetry = Telemetry()
    for _ in range(2):
        given = report(orders=3, fills=2)
        assert telemetry.observe(given) is given
    assert telemetry.orders == {"filled": 4, "refused": 2}
    assert telemetry.refusals == {"max_position_size": 2}
    assert telemetry.fills == 4
    assert telemetry.ledger["slot"].tolist() == [7]


def test_a_slice_counts_in_the_bucket_of_its_latency() -> None:
    telemetry = Telemetry()
    telemetry.observe(report(recv_ns=time.time_ns()))
    telemetry.observe(report(recv_ns=time.time_ns() - 5_000_000_000))
    assert sum(telemetry.latencies) == 2
    assert telemetry.latencies[-1] >= 1
    assert telemetry.latency_sum_ns >= 5_000_000_000
    assert len(telemetry.latencies) == len(LATENCY_BOUNDS_NS) + 1


def test_slices_without_a_row_or_read_back_from_a_journal_have_no_latency() -> None:
    telemetry = Telemetry()
    telemetry.observe(report(recv_ns=0))
    telemetry.observe(report(recv_ns=time.time_ns() - 3_600_000_000_000))
    assert sum(telemetry.latencies) == 0
