"""Kill a live run that trades for real again and again, and hold what it did against the chain.

    python -m benchmarks.kills [--kills N] [--seed S] [--slot-ms MS] [--folder DIR] [--settings FILE] [--workers N]

A sandbox runs in a process of its own, and the flow in another, with signed transactions and recovery switched on. It
makes swaps at once and swaps that rest, goes through every liquidity command on both venues, and is killed (SIGKILL) at
seeded moments: at any time after its start, while it trades, and while it ends; each time it is started again on the
same state. The last one is ended with SIGINT. Then the node alone says what is true: every transaction of the wallet
belongs to one attempt in the order journal, no order landed twice, every swap that landed is in the fills with the
balances' amounts, every look at the wallet in the recording is what the chain held in that slot and what the reports
before it add up to, the ledger never differed from the wallet, and in the end they are equal to the unit.

With `--settings` it trades as the file says: the strategies in it take the place of those two.
"""

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

import msgspec

from benchmarks.kills.run import Death, KillRunError, Terms, run
from benchmarks.strategies.__main__ import OURS_ALONE


def main() -> int:
    """Run as the command line has it, and print what came of it."""
    usual = Terms()
    parser = argparse.ArgumentParser(description="Kill a run that trades, again and again.")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=usual.seed)
    parser.add_argument("--slot-ms", type=int, default=usual.slot_ms)
    parser.add_argument("--folder", type=Path, help="empty or not there yet; what the run leaves stays in it")
    parser.add_argument("--settings", type=Path, metavar="FILE", help="settings of the strategies")
    parser.add_argument("--workers", type=int, default=usual.workers)
    options = parser.parse_args()
    terms = Terms(kills=options.kills, seed=options.seed, slot_ms=options.slot_ms, workers=options.workers)
    if options.settings is not None:
        settings = {"HFT_CONFIG": str(options.settings.resolve())}
        terms = msgspec.structs.replace(terms, market=OURS_ALONE, strategies="[]", settings=settings)
    with tempfile.TemporaryDirectory() as scratch:
        folder: Path = options.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        try:
            outcome = run(terms, folder, _tell)
        except KillRunError as error:
            print(error, file=sys.stderr)
            return 1
    moments = Counter(death.moment.value for death in outcome.deaths)
    print(
        f"{len(outcome.deaths)} kills ({', '.join(f'{count} {moment}' for moment, count in moments.items())}),"
        f" {outcome.openings} starts that traded, {outcome.portfolios} portfolios"
    )
    print(
        f"{outcome.orders} orders, {outcome.landed} landed, {outcome.failed} failed on chain;"
        f" {outcome.missed} landed unseen and were booked at the next start"
    )
    for line in outcome.wrong:
        print(f"wrong: {line}")
    print(f"{len(outcome.wrong)} wrong")
    return int(bool(outcome.wrong))


def _tell(death: Death) -> None:
    print(
        f"{death.moment:9} after {death.lived_s:6.2f} s, {death.wrote:6} bytes of orders", file=sys.stderr, flush=True
    )


if __name__ == "__main__":
    sys.exit(main())
