"""Measure how long an approved swap takes to its signed bytes, into the order journal and to a socket.

    python -m benchmarks.execution [--orders 300] [--rate 20] [--runs 3] [--endpoints 1|3] [--fsync] [--folder FOLDER]

First the executor alone: a sandbox in a process of its own with its market at rest, and an executor in this one, whose
reactor is turned as the inbox turns it. Swaps of both venues, kinds and directions come at a Poisson rate, when the
code for them has not run for a while, and back to back, 4 ms apart. Microseconds since `submit` was called, which is
when the decision is made: until it is signed, until the order journal has intent and signed bytes, until the first
socket has it, and until `submit` has returned, when all sockets have it. Without `--endpoints` and `--fsync` all four
cases are measured; three endpoints are the same node three times.

Then the whole flow: `flows.live` on a sandbox of its own, with a strategy that takes in every pool every other slot.
Microseconds since the newest row that the decision saw was received: until it is decided, signed, and with the first
socket, as the order journal's entries say. With several orders of one moment the later ones wait for the earlier.

Every run is a row: what is told of a machine that does other things too is a range. FOLDER says which disk is measured;
what is written there is removed. Before each run the machine is waited for to be idle, at most `--quiet-s`.

One machine's figures: two cores that other work used as well (load 2 to 5), two runs of 100 orders a case, us, p50; p99
of what is signed in brackets. Before the intent was written together with the signed bytes, at a load as high, 20 a
second were signed within 300 to 340, and back to back within 150 to 240. The signature takes 40 of it, and 60 to 80
where the code is cold.

    endpoints  fsync  orders come   signed               journaled      first socket    all sockets
    1          no     20 a second   223-231 (340-4,251)  298-300        381-394         438-463
    1          no     back to back  156-186 (452-1,926)  205-242        298-614         312-418
    1          yes    20 a second   221-241 (394-1,216)  781-832        1,002-1,030     1,056-1,111
    1          yes    back to back  122-125 (273-330)    464-489        633-647         661-711
    3          no     20 a second   240-249 (473-486)    307-318        413-456         519-564
    3          no     back to back  152-156 (890-1,020)  199-200        329-347         323-330
    3          yes    20 a second   284-289 (526-755)    1,025-1,780    1,203-2,070     1,372-2,484
    3          yes    back to back  189-192 (437-812)    747-836        1,099-1,261     1,602-1,682

With 250 orders a second the first socket's p99 is the node's: while it makes a block it answers nobody, and a
connection carries one request at a time. Of the whole flow, on the same machine, p50 (p99 of the last) in ms since the
newest row of the slice: decided 3.8-5.3, signed 4.0-5.7, first socket 4.2-6.1 (9.5-22); with fsync 4.1, 4.2 and 5.1
(14). Four pools' orders are decided together. From the decision the first of them takes 140-170 us until it is signed
and as much again to the socket, the others 100-160 and 50-100.
"""

import argparse
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.execution.alone import Times, alone
from benchmarks.execution.flow import FlowTimes, measure_flow
from benchmarks.live.__main__ import wait_for_quiet
from dlmm.records import Record

ALONE = ("endpoints", "fsync", "orders come", "landed", "signed p50", "p99", "journaled p50", "p99")
ALONE_TITLES = (*ALONE, "written p50", "p99", "returned p50", "p99", "load")
FLOW_TITLES = ("fsync", "orders", "landed", "decided p50", "p99", "signed p50", "p99", "written p50", "p99", "load")


class Terms(Record, frozen=True):
    """What is measured.

    :arg rate: Orders a second.

    :arg runs: Of each case.

    """

    orders: int = 300
    rate: float = 20.0
    runs: int = 3
    endpoints: tuple[int, ...] = (1, 3)
    fsyncs: tuple[bool, ...] = (False, True)
    folder: Path | None = None
    quiet_s: float = 0.0


def rows_alone(terms: Terms) -> Iterator[tuple[str, ...]]:
    """Measure the executor alone; a row for each run.

    :raises DlmmError: An order does not end, or the sandbox does not start.

    """
    for endpoints in terms.endpoints:
        for fsync in terms.fsyncs:
            with alone(endpoints=endpoints, fsync=fsync, folder=terms.folder) as executor:
                for rate in (terms.rate, 0.0):
                    for _ in range(terms.runs):
                        wait_for_quiet(terms.quiet_s)
                        found = executor.measure(terms.orders, rate)
                        pace = f"{rate:g} a second" if rate else "back to back"
                        labels = str(endpoints), _word(fsync), pace, f"{found.landed}/{found.orders}"
                        yield *labels, *_figures(found.times), f"{os.getloadavg()[0]:.1f}"


def rows_flow(terms: Terms, slot_ms: int = 400) -> Iterator[tuple[str, ...]]:
    """Measure the whole flow; a row for each run.

    :raises DlmmError: The run does not go as it should.

    """
    for fsync in terms.fsyncs:
        for _ in range(terms.runs):
            wait_for_quiet(terms.quiet_s)
            found = measure_flow(terms.orders, fsync=fsync, slot_ms=slot_ms, folder=terms.folder)
            labels = _word(fsync), str(found.orders), str(found.landed)
            yield *labels, *_figures(found.times), f"{os.getloadavg()[0]:.1f}"


def _figures(times: Sequence[Times] | Sequence[FlowTimes]) -> list[str]:
    """Return p50 and p99 of each time, in the order of its fields."""
    names = times[0].__struct_fields__
    took_us = np.array([[getattr(one, name) for name in names] for one in times]) / 1e3
    return [f"{np.percentile(column, share):,.0f}" for column in took_us.T for share in (50, 99)]


def _word(is_so: bool) -> str:
    return "yes" if is_so else "no"


def _table(title: str, titles: Sequence[str], rows: Iterator[tuple[str, ...]]) -> Table:
    table = Table(title=title)
    for name in titles:
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(*row)
    return table


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=300, help="of each run, beside a few that are left out")
    parser.add_argument("--rate", type=float, default=20.0, help="orders a second, Poisson")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--endpoints", type=int, choices=(1, 3), help="both, if not given")
    parser.add_argument("--fsync", action=argparse.BooleanOptionalAction, help="both, if not given")
    parser.add_argument("--part", choices=("alone", "flow", "both"), default="both")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--quiet-s", type=float, default=30.0, help="longest wait for an idle machine before a run")
    given = parser.parse_args()
    terms = Terms(
        orders=given.orders,
        rate=given.rate,
        runs=given.runs,
        endpoints=(1, 3) if given.endpoints is None else (given.endpoints,),
        fsyncs=(False, True) if given.fsync is None else (given.fsync,),
        folder=given.folder,
        quiet_s=given.quiet_s,
    )
    console = Console(width=170)
    if given.part != "flow":
        title = "the executor alone: microseconds since submit"
        console.print(_table(title, ALONE_TITLES, rows_alone(terms)))
    if given.part != "alone":
        title = "the whole flow: microseconds since the newest row was received"
        console.print(_table(title, FLOW_TITLES, rows_flow(terms)))


if __name__ == "__main__":
    main()
