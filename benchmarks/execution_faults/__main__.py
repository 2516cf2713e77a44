"""Show how execution gets orders through faults, and whether any is ever lost or carried out twice.

    python -m benchmarks.execution_faults [--seconds 60] [--slot-ms MS] [--keep DIR] [CASE ...]

Each run starts a sandbox as a process of its own and the whole flow as another, with a wallet of its own and signed
transactions: a market maker, and a strategy that swaps in every pool every few slots. A fault is switched on while it
trades and off again, the run is ended as a person ends it, and then the chain is asked alone what became of the orders
(`chain`), and what the run booked is held against that (`verdict`).

*sent* are the transactions that were signed: each has landed, failed on chain, or expired. *refused* are orders that
were never signed, *again* the attempts after an order's first, *undone* landings told and taken back. *booked* are the
transactions on chain of which every unit was told to the portfolio, once. *lost* is what is on chain and was not
booked, or was approved and never ended; *doubled* is what is on chain twice, or was booked twice. The ledger equals
the chain where no token and no lamport is missing, at the end and at every look before.
"""

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.execution_faults.cases import CASES, EVERYTHING, NoSuchCaseError, chosen
from benchmarks.execution_faults.run import Outcome, RunFailedError, Terms, run

TITLES = (
    "case",
    "fault",
    "slot ms",
    "hits",
    "sent",
    "landed",
    "failed",
    "expired",
    "refused",
    "again",
    "undone",
    "booked",
    "lost",
    "doubled",
    "ledger = chain",
    "longest order s",
    "settled in s",
    "load",
)
SHOWN = 5


def listed(counts: Mapping[str, int]) -> str:
    """Write counts, the largest first."""
    found = sorted(((count, name) for name, count in counts.items() if count), key=lambda pair: (-pair[0], pair[1]))
    return ", ".join(f"{name} {count}" for count, name in found) or "-"


def row(outcome: Outcome) -> list[str]:
    """Write the cells of an outcome, in the order of `TITLES`."""
    case, verdict = outcome.case, outcome.verdict
    faults = ["all of the above, milder" if case.spec == EVERYTHING else case.spec, *map(str, case.outages)]
    hits = outcome.hits if case.spec != EVERYTHING else {"all": sum(outcome.hits.values())}
    return [
        case.name,
        ", ".join(fault for fault in faults if fault) or "-",
        str(outcome.slot_ms),
        listed(hits),
        str(verdict.sent),
        str(verdict.landed),
        str(verdict.failed),
        str(verdict.expired),
        str(verdict.refused),
        str(verdict.again),
        str(verdict.undone),
        str(verdict.booked),
        str(len(verdict.lost)),
        str(len(verdict.doubled)),
        "NO" if verdict.differences else "yes",
        f"{verdict.longest_s:.1f}",
        f"{outcome.settling_s:.1f}",
        f"{outcome.load:.1f}",
    ]


def _line(cells: list[str] | tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def main() -> int:
    """Run the cases that the command line chooses, and print a line of the table after each."""
    parser = argparse.ArgumentParser(description="Hold execution against faults.")
    parser.add_argument("cases", nargs="*", metavar="CASE", help="; ".join(case.name for case in CASES))
    parser.add_argument("--seconds", type=float, default=60.0, help="how long each run trades")
    parser.add_argument("--slot-ms", type=int, help="length of a slot, in place of each case's own")
    parser.add_argument("--keep", type=Path, help="folder that keeps what the runs write, keys of the sandbox included")
    options = parser.parse_args()
    try:
        cases = chosen(tuple(options.cases))
    except NoSuchCaseError as error:
        parser.error(str(error))
    terms = Terms(seconds=options.seconds, slot_ms=options.slot_ms)
    print(f"{options.seconds:g} s each, {os.cpu_count()} cores; load {os.getloadavg()[0]:.1f}\n")
    print(_line(TITLES))
    print(_line(["---"] * len(TITLES)), flush=True)
    has_failed = False
    columns = (TextColumn("{task.description:26}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("", total=len(cases))
        for number, case in enumerate(cases):
            progress.update(task, description=case.name)
            folder = None if options.keep is None else options.keep / f"{number:02}-{case.name.replace(' ', '-')}"
            if folder is not None:
                folder.mkdir(parents=True)
            try:
                outcome = run(case, terms, folder)
            except RunFailedError as error:
                has_failed = True
                print(_line([case.name, f"FAILED: {error}"]), flush=True)
            else:
                has_failed |= not outcome.verdict.is_clean
                print(_line(row(outcome)), flush=True)
                tell(outcome)
            progress.advance(task)
    return int(has_failed)


def tell(outcome: Outcome) -> None:
    """Write the first of what is wrong to standard error."""
    verdict = outcome.verdict
    for kind, lines in (("lost", verdict.lost), ("doubled", verdict.doubled), ("different", verdict.differences)):
        for line in lines[:SHOWN]:
            print(f"{outcome.case.name}: {kind}: {line}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
