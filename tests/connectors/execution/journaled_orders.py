"""Entries of an order's life, with figures that tell where they come from."""

from connectors.execution.order_entries import (
    Done,
    Entry,
    Expired,
    Failed,
    Intent,
    Landed,
    Refused,
    Sent,
    Signed,
    Simulated,
    Undone,
)
from operators.orders.commands import Approved, Swap
from operators.orders.execution_reports import ExecutionReport, encode_report

WALLET = "9B5XszUGdMaxCZ7uSQhPzdks5ZQSmWxrmzCSvtJ6Ns6g"
OTHER = "4Nd1mBQtrMJVYVfKf2PJy9NZUZdTAsp7D4xWLs4gDB4T"
POOL = "5rCf1DM8LjKTw4YqhnoLcngyZYeNnQqztScTogYHAS6"
START_NS = 1_700_000_000 * 10**9
NETWORK_FEE, TIP = 5_025, 1_000


def approved(order: int = 7, attempt: int = 0) -> Approved:
    swap = Swap(POOL, exact_in=True, swap_for_y=True, amount=1_000_000, threshold=149_000, compute_units=60_000)
    return Approved("main", order, attempt, swap, deadline_slot=150, urgency=1, decided_slot=100)


def intent(order: int = 7, attempt: int = 0, ts_ns: int = START_NS) -> Intent:
    return Intent(approved(order, attempt), 100, ts_ns)


def signed(key: str = "7.0", step: int = 0, signature: str = "A", ts_ns: int = START_NS + 1) -> Signed:
    return Signed(key, step, signature, f"transaction {signature}".encode(), "blockhash", 250, 101, ts_ns)


def sent(key: str = "7.0", step: int = 0, signature: str = "A") -> Sent:
    return Sent(key, step, signature, START_NS + 2)


def report(key: str, status: str = "landed", signature: str = "A") -> bytes:
    order, attempt = (int(part) for part in key.split("."))
    is_final = status != "undone"
    told = ExecutionReport(order, attempt, status, is_final, 104, signature, network_fee=NETWORK_FEE, tip=TIP)  # type: ignore[arg-type]  # tests name every status
    return encode_report(told)


def landed(key: str = "7.0", step: int = 0, signature: str = "A", ts_ns: int = START_NS + 3) -> Landed:
    return Landed(key, step, signature, 104, ts_ns, report(key, "landed", signature))


def failed(key: str = "7.0", step: int = 0, signature: str = "A", ts_ns: int = START_NS + 3) -> Failed:
    return Failed(key, step, signature, 104, ts_ns, report(key, "failed", signature))


def expired(key: str = "7.0", step: int = 0, signature: str = "A", told: bytes = b"") -> Expired:
    return Expired(key, step, signature, 260, START_NS + 3, told)


def undone(key: str = "7.0", step: int = 0, signature: str = "A", ts_ns: int = START_NS + 4) -> Undone:
    return Undone(key, step, signature, 108, ts_ns, report(key, "undone", signature))


def refused(key: str = "7.0") -> Refused:
    return Refused(key, "deadline_passed", START_NS + 5, report(key, "refused", ""))


def simulated(key: str = "7.0") -> Simulated:
    return Simulated(key, START_NS + 5, report(key, "simulated", ""))


def done(key: str = "7.0") -> Done:
    return Done(key, START_NS + 5)


WHOLE_LIFE: list[Entry] = [intent(), signed(), sent(), landed(), done()]
"""An order that went as orders should."""
