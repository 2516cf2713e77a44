"""Show how the feeds get through faults, and whether anything untrue is ever passed on.

    python -m benchmarks.faults [--seconds 60] [--only NAME ...] [--commitment processed|confirmed] [--slot-ms 400]

Each run starts a sandbox as a process of its own and follows its pools with the real feeds, all three at once, through
the real inbox into a journal, without a trading graph behind it. A fault is switched on for a while and off again, and
then the recording is held against what the sandbox says was true. Every account that the inbox passed on must be, to
the byte, a state that it had as of that slot, and never an older one after a newer one; what a fork undid may be passed
on only at `processed`, and only until the next slot (see `benchmarks.faults.verdict`).

*Staleness* is the longest time for which a newer state of a pool's own account existed than the newest passed on (or,
at `processed`, for which the one passed on was undone: *on a dead state* is that part, of all accounts). Refusals are
the feeds', drops the inbox's; duplicates, superseded prices and bin
arrays that do not exist are no faults, and left out.
"""

import argparse
import logging
import os
import sys
from collections.abc import Mapping

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.faults.cases import CASES, NoSuchCaseError, chosen
from benchmarks.faults.node import COMMITMENTS
from benchmarks.faults.run import Outcome, Terms, run

USUAL = frozenset({"duplicate", "superseded", "duplicate_swap", "account_closed"})
SHOWN_NOTES = (
    "disconnects",
    "connect_failures",
    "timeouts",
    "rate_limited",
    "http_errors",
    "rpc_failures",
    "nodes_behind",
    "slots_behind",
    "resubscribes",
    "missed_writes",
    "forks",
    "slot_resets",
    "conflated",
    "lost",
)
TITLES = (
    "fault",
    "spec",
    "at",
    "reconnects",
    "resnapshots",
    "longest staleness s",
    "on a dead state s",
    "refused and dropped",
    "noted",
    "states passed on",
    "wrong",
    "true at the end",
    "load",
)


def listed(counts: Mapping[str, int]) -> str:
    """Write counts, the largest first."""
    found = sorted(((count, name) for name, count in counts.items() if count), key=lambda pair: (-pair[0], pair[1]))
    return ", ".join(f"{name} {count}" for count, name in found) or "-"


def row(outcome: Outcome) -> list[str]:
    """Write the cells of an outcome, in the order of `TITLES`."""
    dropped = {name: count for name, count in outcome.dropped.items() if name not in USUAL}
    spec = outcome.case.spec or str(outcome.case.outage) or "-"
    return [
        outcome.case.name,
        spec if len(spec) < len(outcome.case.name) + 30 else "all of the above, milder",
        outcome.commitment,
        str(outcome.notes.get("reconnects", 0)),
        str(outcome.notes.get("resnapshots", 0)),
        f"{outcome.staleness_s:.2f}",
        f"{outcome.on_dead_s:.2f}" if outcome.commitment == "processed" else "-",
        listed({**outcome.refused, **{f"{name} (inbox)": count for name, count in dropped.items()}}),
        listed({name: outcome.notes.get(name, 0) for name in SHOWN_NOTES}),
        str(outcome.states),
        listed(outcome.wrong) if outcome.wrong else "0",
        "yes" if outcome.is_true_at_end else "NO",
        f"{outcome.load:.1f}",
    ]


def _line(cells: list[str] | tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def main() -> int:
    """Run the cases that the command line chooses, and print a line of the table after each."""
    parser = argparse.ArgumentParser(description="Hold the feeds against faults.")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long each fault lasts")
    parser.add_argument("--only", nargs="*", default=[], metavar="NAME", help=", ".join(case.name for case in CASES))
    parser.add_argument("--commitment", choices=COMMITMENTS, default="confirmed")
    parser.add_argument("--slot-ms", type=int, default=400)
    options = parser.parse_args()
    logging.getLogger("connectors").setLevel(logging.ERROR)  # what the feeds warn of is what the table counts
    try:
        cases = chosen(tuple(options.only))
    except NoSuchCaseError as error:
        parser.error(str(error))
    terms = Terms(seconds=options.seconds, slot_ms=options.slot_ms, commitment=options.commitment)
    print(f"{options.seconds:g} s each, {options.slot_ms} ms a slot, {os.cpu_count()} cores, load {os.getloadavg()}\n")
    print(_line(TITLES))
    print(_line(["---"] * len(TITLES)), flush=True)
    has_failed = False
    columns = (TextColumn("{task.description:26}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("", total=len(cases))
        for case in cases:
            progress.update(task, description=case.name)
            outcome = run(case, terms)
            has_failed |= bool(outcome.wrong) or not outcome.is_true_at_end
            print(_line(row(outcome)), flush=True)
            progress.advance(task)
    return int(has_failed)


if __name__ == "__main__":
    sys.exit(main())
