"""Measure quotes of both venues, one at a time and in batches.

    python -m benchmarks.quotes [RUNS]

The pools are of the golden vectors, Meteora's with limit orders in it. Amounts are spread evenly over all that the pool
can sell, so a quote crosses half of the curve on average; `near` quotes stay within the first hundredth of it, as an
order of a usual size does. Each figure is the best of the runs; kernels are compiled before.
"""

import sys
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from dlmm.meteora.pool import MeteoraPool
from dlmm.meteora.terms import supports_orders
from dlmm.records import Clock, SwapRequest, Venue
from dlmm.saros.pool import SarosPool
from dlmm.swap import apply, quote_exact_in, quote_exact_out, quote_many
from tests.golden_pools import pools

Pool = MeteoraPool | SarosPool
CLOCK = Clock(slot=4_000_000_000, unix_timestamp=4_000_000_000, epoch=925)
SINGLE, MANY = 2_000, 200_000


def capacity(pool: Pool, *, swap_for_y: bool) -> int:
    """Return about the largest amount in that the pool takes, or 0."""
    tried = np.unique(np.geomspace(1, 1e18, 4_000).astype(np.uint64))
    answers = quote_many(pool, tried, exact_in=True, swap_for_y=swap_for_y, clock=CLOCK)
    fine = tried[answers["error"] == 0]
    return int(fine.max()) if len(fine) else 0


def busiest(venue: Venue) -> tuple[Pool, bool, int]:
    """Return the pool and side on which the largest swap crosses most bins, and that swap's amount."""
    found: list[tuple[int, Pool, bool, int]] = []
    for pool in pools(venue):
        if isinstance(pool, MeteoraPool) and not (
            supports_orders(pool.pair) and pool.arrays["bins"]["open_order"].any()
        ):
            continue
        for side in (True, False):
            most = capacity(pool, swap_for_y=side)
            if most < MANY:
                continue
            largest = quote_many(pool, np.array([most], np.uint64), exact_in=True, swap_for_y=side, clock=CLOCK)
            found.append((int(largest["bins"][0]), pool, side, most))
    bins, pool, side, most = max(found, key=lambda entry: entry[0])
    name = "X to Y" if side else "Y to X"
    print(f"{venue.value}: pool {pool.address}, {name}, up to {most} in over {bins} bins")
    return pool, side, most


def best(work: Callable[[], object], count: int, runs: int) -> float:
    """Return the most calls per second of several runs."""
    work()
    rates = []
    for _ in range(runs):
        begun = time.perf_counter()
        work()
        rates.append(count / (time.perf_counter() - begun))
    return max(rates)


def measure(venue: Venue, runs: int, table: Table) -> None:
    """Add one venue's figures to the table."""
    pool, side, most = busiest(venue)
    rng = np.random.default_rng(1)
    many: NDArray[np.uint64] = rng.integers(1, most, MANY).astype(np.uint64)
    spread, near = many[:SINGLE].tolist(), (many[:SINGLE] // np.uint64(100) + np.uint64(1)).tolist()
    most_out = int(quote_many(pool, many, exact_in=True, swap_for_y=side, clock=CLOCK)["amount_out"].max())
    outs: NDArray[np.uint64] = rng.integers(1, most_out, MANY).astype(np.uint64)

    def exact_in(amounts: list[int]) -> Callable[[], object]:
        return lambda: [quote_exact_in(pool, amount, swap_for_y=side, clock=CLOCK) for amount in amounts]

    def exact_out(amounts: list[int]) -> Callable[[], object]:
        return lambda: [quote_exact_out(pool, amount, swap_for_y=side, clock=CLOCK) for amount in amounts]

    cases: list[tuple[str, Callable[[], object], int]] = [
        ("quote, exact in, near", exact_in(near), SINGLE),
        ("quote, exact in, spread", exact_in(spread), SINGLE),
        ("quote, exact out, spread", exact_out(outs[:SINGLE].tolist()), SINGLE),
        ("apply, near", lambda: [apply(pool, SwapRequest(True, amount, side, 0), CLOCK) for amount in near], SINGLE),
        ("quote_many, exact in", lambda: quote_many(pool, many, exact_in=True, swap_for_y=side, clock=CLOCK), MANY),
        ("quote_many, exact out", lambda: quote_many(pool, outs, exact_in=False, swap_for_y=side, clock=CLOCK), MANY),
    ]
    for name, work, count in cases:
        table.add_row(venue.value, name, f"{best(work, count, runs):,.0f}")


def main(runs: int) -> None:
    """Print the table."""
    table = Table("venue", "what", "per second")
    table.columns[2].justify = "right"
    for venue in Venue:
        measure(venue, runs, table)
    Console().print(table)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
