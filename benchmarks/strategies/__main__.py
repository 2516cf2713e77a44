"""Show that the three strategies trade side by side: what each sent, what landed, what it earned and what that cost.

    python -m benchmarks.strategies [--program ID=FILE ...] [--minutes 10] [--market SPEC]

A sandbox runs as a process of its own, with the true programs where they are given, and `flows.live` trades on it with
signed transactions, all three strategies on in all four pools. The sandbox's own arbitrageurs look away, so that the
pools of one pair are held together by ours alone; at the end the gap between them is told beside their fees. What was
booked is held against what the node says, as in `benchmarks.rehearsal`. A difference, a strategy of which nothing
landed, or a gap beyond the fees makes the exit status 1.
"""

import argparse
import math
import os
import sys
import tempfile
from itertools import combinations
from pathlib import Path

import polars as pl

from benchmarks.rehearsal.run import Rehearsed, Terms, rehearse
from benchmarks.rehearsal.verdict import differences
from connectors.recordings.recording import Recording
from dlmm.errors import DlmmError
from dlmm.records import Record
from operators.blocks import MARKET

SETTINGS = Path(__file__).with_name("settings.toml")
STRATEGIES = ("market_making", "statistical_arbitrage", "momentum_trading")
OURS_ALONE = "watch=0,sigma=0.004,rate=0.5,usd=400"
"""Nobody else arbitrates; prices move so much that the pools of a pair part again and again."""


class Gap(Record, frozen=True):
    """How far the prices of two pools of one pair are apart at the end.

    :arg pair: Symbols of both tokens.

    :arg distance: Log of the ratio of their prices, positive.

    :arg largest: The largest that it ever was.

    :arg fees: Base fees of both pools: what it takes to carry tokens from one to the other.

    """

    pair: str
    distance: float
    largest: float
    fees: float


def gaps(recording: Recording) -> list[Gap]:
    """Read the prices of pools of one pair off what the run recorded."""
    rows = recording.rows()
    found = []
    for one, other in combinations(range(len(recording.pools)), 2):
        first, second = recording.pools[one], recording.pools[other]
        if (first.mint_x, first.mint_y) != (second.mint_x, second.mint_y):
            continue
        last: dict[int, float] = {}
        distances = []
        for row in rows[(rows["kind"] == MARKET) & ((rows["pool"] == one) | (rows["pool"] == other))]:
            last[int(row["pool"])] = math.log(row["price"])
            if len(last) > 1:
                distances.append(abs(last[one] - last[other]))
        fees = sum(
            info.base_factor * info.bin_step * 10 ** (1 + info.base_fee_power_factor) for info in (first, second)
        )
        found.append(Gap(f"{first.base}/{first.quote}", distances[-1], max(distances), fees / 1e9))
    return found


def landed(orders: pl.DataFrame) -> pl.DataFrame:
    """Count orders by strategy, action and status."""
    return orders.group_by("strategy", "action", "status").len().sort("strategy", "action", "status")


def shortfalls(rehearsed: Rehearsed, found: list[Gap]) -> list[str]:
    """Name what is not as it should be, a line each."""
    results = rehearsed.results
    filled = set(results.orders.filter(pl.col("status") == "filled")["strategy"].cast(str).unique())
    lines = differences(results, rehearsed.chain, rehearsed.pools)
    lines += [f"no order of {name} landed" for name in STRATEGIES if name not in filled]
    lines += [
        f"{gap.pair}: prices are {gap.distance:.4%} apart, and the fees are {gap.fees:.4%}"
        for gap in found
        if gap.distance > gap.fees
    ]
    return lines


def _show(rehearsed: Rehearsed, found: list[Gap]) -> None:
    summary = rehearsed.results.summary
    print(f"{rehearsed.seconds:.0f} s, engine {rehearsed.engine}; P&L {summary['profit']:+.2f} {summary['quote']}\n")
    with pl.Config(tbl_rows=-1, tbl_hide_dataframe_shape=True, fmt_str_lengths=40):
        print(landed(rehearsed.results.orders))
        print(pl.DataFrame([{"strategy": name, **made} for name, made in summary["strategies"].items()]))
    print(f"objections {summary['objections']}; {len(rehearsed.chain.moved)} transactions on chain")
    for gap in found:
        print(f"{gap.pair}: {gap.distance:.4%} apart at the end, {gap.largest:.4%} at most; fees {gap.fees:.4%}")


def main() -> int:
    """Let them trade, and print what came of it."""
    parser = argparse.ArgumentParser(description="Let the three strategies trade side by side on a sandbox.")
    parser.add_argument("--program", action="append", default=[], metavar="ID=FILE", help="run a true program")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--slot-ms", type=int, default=400)
    parser.add_argument(
        "--market", default=OURS_ALONE, metavar="SPEC", help="prices and traders, as the sandbox has them"
    )
    parser.add_argument("--keep", type=Path, metavar="DIR", help="new folder for what the run leaves behind")
    options = parser.parse_args()
    terms = Terms(
        programs=tuple(options.program),
        slot_ms=options.slot_ms,
        market=options.market,
        settings=SETTINGS,
        seconds=options.minutes * 60,
    )
    print(
        f"{terms.slot_ms} ms a slot, market {terms.market}, {os.cpu_count()} cores, load {os.getloadavg()}\n",
        flush=True,
    )
    try:
        with tempfile.TemporaryDirectory() as folder:
            kept = options.keep or Path(folder)
            kept.mkdir(parents=True, exist_ok=options.keep is None)
            rehearsed = rehearse(terms, kept)
            (recording,) = (kept / "recordings").iterdir()
            found = gaps(Recording.open(recording))
    except (DlmmError, FileExistsError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    _show(rehearsed, found)
    wrong = shortfalls(rehearsed, found)
    print(f"\n{len(wrong)} things are not as they should be")
    for line in wrong:
        print(line)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
