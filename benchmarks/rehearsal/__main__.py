"""Show that every command lands on both venues, and that what was booked is what moved, to the last unit.

    python -m benchmarks.rehearsal [--program ID=FILE ...] [--orders 500] [--slot-ms 200] ...

A sandbox runs as a process of its own, with the true programs where they are given, and `flows.live` trades on it with
signed transactions: the strategy of `docs/examples/rehearsal.py` goes through every command in each pool. When so many
orders have ended the run is ended, too, and its results are held against what the node alone says
(`benchmarks.chain_oracle`, `benchmarks.rehearsal.verdict`): every transaction's report, every fill, every book, the
ledger and the wallet. Each difference is a line, and makes the exit status 1.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.rehearsal.run import Rehearsed, Terms, rehearse
from benchmarks.rehearsal.verdict import Tally, differences, missing, tallies
from dlmm.errors import DlmmError

TITLES = ("venue", "command", *Tally.__struct_fields__)


def table(rehearsed: Rehearsed) -> list[list[str]]:
    """Write the counts by venue and command, those of all commands last."""
    counts = tallies(rehearsed.results.journal, rehearsed.pools)
    rows = [[str(venue), name, *_cells(tally)] for (venue, name), tally in counts.items()]
    total = Tally(*(sum(getattr(tally, name) for tally in counts.values()) for name in Tally.__struct_fields__))
    return [*rows, ["both", "all", *_cells(total)]]


def _cells(tally: Tally) -> list[str]:
    return [str(getattr(tally, name)) for name in Tally.__struct_fields__]


def verdict(rehearsed: Rehearsed) -> list[str]:
    """Name everything that is wrong, a line each."""
    results, pools = rehearsed.results, rehearsed.pools
    return [*differences(results, rehearsed.chain, pools), *missing(results.journal, pools)]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _show(rehearsed: Rehearsed) -> None:
    results = rehearsed.results
    print(_line(TITLES))
    print(_line(["---"] * len(TITLES)))
    for row in table(rehearsed):
        print(_line(row))
    wallet = results.summary["wallet"]
    print(
        f"\n{len(results.journal)} orders in {rehearsed.seconds:.0f} s, engine {rehearsed.engine}; the wallet's"
        f" {len(rehearsed.chain.moved)} transactions on chain, {len(results.fills)} fills; by status:"
        f" {results.summary['orders_by_status']}, objections {results.summary['objections']}"
    )
    for mint, held in {**wallet["tokens"], "lamports": wallet["lamports"]}.items():
        print(f"{mint}: {held['opening']} at first, {held['ledger']} in the ledger, {held['chain']} on chain")


def main() -> int:
    """Rehearse what the command line says, and print what came of it."""
    parser = argparse.ArgumentParser(description="Land every command on both venues, and check what was booked.")
    parser.add_argument("--program", action="append", default=[], metavar="ID=FILE", help="run a true program")
    parser.add_argument("--orders", type=int, default=500, help="how many end before the run is ended")
    parser.add_argument("--slot-ms", type=int, default=200)
    parser.add_argument("--market", default="", metavar="SPEC", help="prices and traders, as the sandbox takes them")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="new folder for what the run leaves behind")
    options = parser.parse_args()
    terms = Terms(tuple(options.program), options.orders, options.slot_ms, options.market)
    market = terms.market or "as it is"
    print(f"{terms.slot_ms} ms a slot, market {market}, {os.cpu_count()} cores, load {os.getloadavg()}\n", flush=True)
    try:
        if options.keep is not None:
            options.keep.mkdir(parents=True)
            rehearsed = rehearse(terms, options.keep)
        else:
            with tempfile.TemporaryDirectory() as folder:
                rehearsed = rehearse(terms, Path(folder))
    except (DlmmError, FileExistsError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    _show(rehearsed)
    wrong = verdict(rehearsed)
    print(f"\n{len(wrong)} differences")
    for line in wrong:
        print(line)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
