"""Measure what an entry of the order journal costs, and what it would cost in SQLite.

    python -m benchmarks.order_journal [FOLDER]

A swap's life is five entries, of which one holds a signed transaction of 600 bytes. They come back to back, and at up
to 500 orders a second with the processor idle in between, as in a run. Figures are microseconds an entry over all five
kinds, and over the signed ones, which stand between a decision and the socket. SQLite gets the same bytes after the
same checks, each entry a transaction. FOLDER says which disk is measured; what is written there is removed.
"""

import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from solders.keypair import Keypair

from connectors.execution.known_orders import KnownOrders
from connectors.execution.order_entries import Done, Entry, Intent, Landed, Sent, Signed, encode_entry
from connectors.execution.order_journal import OrderJournal
from connectors.execution.wallet import Wallet
from operators.orders.commands import Approved, Swap
from operators.orders.execution_reports import ExecutionReport, PoolFlow, TokenChange, encode_report

ORDERS, SLOW_ORDERS = 4_000, 400
PAUSE_S = 0.002
"""Between orders."""
POOL = "5rCf1DM8LjKTw4YqhnoLcngyZYeNnQqztScTogYHAS6"
WALLET = "9B5XszUGdMaxCZ7uSQhPzdks5ZQSmWxrmzCSvtJ6Ns6g"

Write = Callable[[Entry], object]


def life(order: int) -> tuple[Entry, ...]:
    """Return the entries of one swap that lands."""
    swap = Swap(POOL, exact_in=True, swap_for_y=True, amount=1_000_000_000, threshold=149_000_000, compute_units=60_000)
    approved = Approved("main", order, 0, swap, 350_000_150, 1, 350_000_000, time.time_ns())
    signature = f"{order:088}"
    changes = (TokenChange(WALLET, -1_000_000_000), TokenChange(POOL, 149_500_000))
    flow = PoolFlow(POOL, -1_000_000_000, 149_500_000, 1_000_000, fee_in_x=True)
    report = ExecutionReport(order, 0, "landed", True, 350_000_003, signature, changes, (flow,), network_fee=5_025)
    now = time.time_ns()
    return (
        Intent(approved, 350_000_000, now),
        Signed(approved.key, 0, signature, os.urandom(600), WALLET, 330_000_150, 350_000_001, now),
        Sent(approved.key, 0, signature, now),
        Landed(approved.key, 0, signature, 350_000_003, now, encode_report(report)),
        Done(approved.key, now),
    )


def measure(write: Write, first: int, orders: int, pause_s: float) -> NDArray[np.float64]:
    """Return microseconds of each entry, a line for an order."""
    took = np.empty((orders, 5))
    for order in range(orders):
        for place, entry in enumerate(life(first + order)):
            start = time.perf_counter_ns()
            write(entry)
            took[order, place] = (time.perf_counter_ns() - start) / 1e3
        if pause_s:
            time.sleep(pause_s)
    return took


@contextmanager
def own(folder: Path, *, fsync: bool) -> Iterator[Write]:
    """Write the order journal itself."""
    journal = OrderJournal.open(folder, WALLET, fsync=fsync)
    yield journal.record
    journal.close()


@contextmanager
def own_threaded(folder: Path) -> Iterator[Write]:
    """Write the order journal, and have a thread ask the disk after each entry, all that wait at once."""
    journal = OrderJournal.open(folder, WALLET)
    fd = os.open(folder / "orders.journal", os.O_WRONLY)
    wanted: SimpleQueue[bool] = SimpleQueue()

    def sync() -> None:
        while wanted.get():
            os.fdatasync(fd)

    thread = Thread(target=sync)
    thread.start()

    def write(entry: Entry) -> None:
        journal.record(entry)
        if wanted.empty():
            wanted.put(True)

    yield write
    wanted.put(False)
    thread.join()
    os.close(fd)
    journal.close()


@contextmanager
def own_always(folder: Path) -> Iterator[Write]:
    """Write the order journal, and wait for the disk at each entry."""
    journal = OrderJournal.open(folder, WALLET)
    fd = os.open(folder / "orders.journal", os.O_WRONLY)

    def write(entry: Entry) -> None:
        journal.record(entry)
        os.fdatasync(fd)

    yield write
    os.close(fd)
    journal.close()


@contextmanager
def sqlite(folder: Path, synchronous: str) -> Iterator[Write]:
    """Write the same bytes into a table of SQLite."""
    folder.mkdir()
    orders = KnownOrders()
    database = sqlite3.connect(folder / "orders.sqlite", isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute(f"PRAGMA synchronous = {synchronous}")
    database.execute("CREATE TABLE entries (key TEXT NOT NULL, entry BLOB NOT NULL)")
    database.execute("CREATE INDEX keys ON entries (key)")

    def write(entry: Entry) -> None:
        order = orders.check(entry)
        database.execute("INSERT INTO entries VALUES (?, ?)", (entry.key, encode_entry(entry)))
        orders.keep(order, entry)

    yield write
    database.close()


def reading(folder: Path) -> str:
    """Return how long a journal takes to open."""
    start = time.perf_counter()
    journal = OrderJournal.open(folder, WALLET)
    took = time.perf_counter() - start
    count = 5 * (journal.next_order - 1)
    size = (folder / "orders.journal").stat().st_size
    journal.close()
    return (
        f"opening one of {count:,} entries ({size / 1e6:.1f} MB): {took * 1e3:.0f} ms, {took / count * 1e6:.1f} us each"
    )


def signing() -> str:
    """Return how long signatures take."""
    wallet, message = Wallet.ephemeral(), bytes(536)
    keypair = Keypair()
    figures = []
    for name, sign in (("Wallet.sign", wallet.sign), ("solders' sign_message", keypair.sign_message)):
        took = []
        for _ in range(5_000):
            start = time.perf_counter_ns()
            sign(message)
            took.append((time.perf_counter_ns() - start) / 1e3)
        figures.append(f"{name} p50 {np.percentile(took, 50):.1f} us, p99 {np.percentile(took, 99):.1f} us")
    return "; ".join(figures)


def main(parent: Path | None) -> None:
    """Measure all and print a table."""
    table = Table(title="order journal, microseconds an entry")
    for name in ("journal", "back to back p50", "p99", "500 orders/s p50", "p99", "signed p50", "p99"):
        table.add_column(name, justify="left" if name == "journal" else "right")
    with tempfile.TemporaryDirectory(dir=parent) as made:
        folder = Path(made)
        cases = (
            ("own, disk asked once a second", ORDERS, own(folder / "own", fsync=False)),
            ("own, a thread asks the disk at each entry", ORDERS, own_threaded(folder / "threaded")),
            ("own, fdatasync at what is signed", SLOW_ORDERS, own(folder / "fsync", fsync=True)),
            ("own, fdatasync at each entry", SLOW_ORDERS, own_always(folder / "always")),
            ("SQLite WAL, synchronous OFF", ORDERS, sqlite(folder / "off", "OFF")),
            ("SQLite WAL, synchronous NORMAL", ORDERS, sqlite(folder / "normal", "NORMAL")),
            ("SQLite WAL, synchronous FULL", SLOW_ORDERS, sqlite(folder / "full", "FULL")),
        )
        for name, orders, journal in cases:
            with journal as write:
                hot = measure(write, 1, orders, 0.0)
                took = measure(write, 1 + orders, orders, PAUSE_S)
            figures = (np.percentile(part, level) for part in (hot, took, took[:, 1]) for level in (50, 99))
            table.add_row(name, *(f"{figure:,.1f}" for figure in figures))
        opened = reading(folder / "own")
    console = Console(width=130)
    console.print(table)
    console.print(opened)
    console.print(signing())


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
