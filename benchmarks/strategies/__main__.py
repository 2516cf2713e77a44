"""Show that the three strategies trade side by side: what each sent, what landed, what it earned and what that cost.

    python -m benchmarks.strategies [--program ID=FILE ...] [--minutes 10] [--market SPEC]

A sandbox runs as a process of its own, with the true programs where they are given, and `flows.live` trades on it with
signed transactions, all three strategies on in all four pools. The sandbox's own arbitrageurs look away, so that the
pools of one pair are held together by ours alone; at the end the gap between them is told beside their fees. What was
booked is held against what the node says, as in `benchmarks.rehearsal`. A difference, a strategy of which nothing
landed, or a gap of more than the fees and one step of the bins makes the exit status 1.
"""

import argparse
import math
import os
import sys
import tempfile
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.rehearsal.run import Rehearsed, Terms, rehearse
from benchmarks.rehearsal.verdict import differences
from connectors.recordings.recording import Recording
from dlmm.errors import DlmmError
from dlmm.meteora.pool import MeteoraPool
from dlmm.records import Account, Clock, Record, SwapQuote, Venue
from dlmm.saros.pool import SarosPool
from dlmm.swap import Pool, quote_exact_in
from operators.blocks import MARKET
from operators.paper.pools import clock_of
from operators.pools import PoolInfo

SETTINGS = Path(__file__).with_name("settings.toml")
STRATEGIES = ("market_making", "statistical_arbitrage", "momentum_trading")
OURS_ALONE = "watch=0,sigma=0.004,rate=0.5,usd=400"
"""Nobody else arbitrates; prices move so much that the pools of a pair part again and again."""


MINUTE_S = 60.0
LITTLE = 1_000_000
"""Raw units, worth so little that one bin holds them."""
FIGURES = ("signals", "orders", "fills", "volume", "fees", "fees_earned", "realised", "pnl")


class Gap(Record, frozen=True):
    """How far the prices of two pools of one pair are apart at the end.

    :arg pair: Symbols of both tokens.

    :arg distance: Log of the ratio of their prices, positive.

    :arg largest: The largest that it ever was.

    :arg fees: Base fees of both pools.

    :arg total_fees: Base and variable fees, as a swap of a little would pay them then: what it takes to carry tokens
        from one pool to the other.

    :arg step: The finer pool's step from bin to bin: nearer than that, prices tell nothing.

    :arg share_within: Part of the last minute in which the distance was within the fees.

    """

    pair: str
    distance: float
    largest: float
    fees: float
    total_fees: float
    step: float
    share_within: float


def gaps(recording: Recording) -> list[Gap]:
    """Read the prices of pools of one pair, and their fees at the end, off what the run recorded."""
    rows = recording.rows()
    clock = clock_of(int(rows["slot"][-1]), int(rows["ts_event_ns"][-1]))
    accounts: list[dict[str, Account]] = [{} for _ in recording.pools]
    for row in recording.newest_writes(len(recording)):
        for write in recording.writes(row, 1):
            accounts[rows["pool"][row]][write.address] = Account(write.owner, write.data)
    found = []
    for one, other in combinations(range(len(recording.pools)), 2):
        first, second = recording.pools[one], recording.pools[other]
        if (first.mint_x, first.mint_y) != (second.mint_x, second.mint_y):
            continue
        last: dict[int, float] = {}
        times, distances = [], []
        for row in rows[(rows["kind"] == MARKET) & ((rows["pool"] == one) | (rows["pool"] == other))]:
            last[int(row["pool"])] = math.log(row["price"])
            if len(last) > 1:
                times.append(row["ts_event_ns"] * 1e-9)
                distances.append(abs(last[one] - last[other]))
        is_first_dear = last[one] > last[other]
        total = fee_of(first, accounts[one], clock, swap_for_y=is_first_dear)
        total += fee_of(second, accounts[other], clock, swap_for_y=not is_first_dear)
        lasted = np.diff(times, append=rows["ts_event_ns"][-1] * 1e-9)
        is_late = np.array(times) > times[-1] - MINUTE_S
        is_within = np.array(distances) <= total
        found.append(
            Gap(
                pair=f"{first.base}/{first.quote}",
                distance=distances[-1],
                largest=max(distances),
                fees=first.base_fee + second.base_fee,
                total_fees=total,
                step=min(first.bin_step, second.bin_step) / 10_000,
                share_within=float(lasted[is_late & is_within].sum() / max(lasted[is_late].sum(), 1e-9)),
            )
        )
    return found


def fee_of(info: PoolInfo, accounts: Mapping[str, Account], clock: Clock, *, swap_for_y: bool) -> float:
    """Return the fee that a swap of a millionth of a token's worth pays, as a fraction of what goes in."""
    kind = SarosPool if info.venue is Venue.SAROS else MeteoraPool
    pool: Pool = kind.from_accounts(info.pool, accounts)
    quote = quote_exact_in(pool, LITTLE, swap_for_y=swap_for_y, clock=clock)
    assert isinstance(quote, SwapQuote), quote
    return quote.fee / quote.amount_in


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
        f"{gap.pair}: prices are {gap.distance:.4%} apart, and the fees are {gap.total_fees:.4%}"
        for gap in found
        if gap.distance > gap.total_fees + gap.step
    ]
    return lines


def _show(rehearsed: Rehearsed, found: list[Gap]) -> None:
    summary = rehearsed.results.summary
    print(f"{rehearsed.seconds:.0f} s, engine {rehearsed.engine}; P&L {summary['profit']:+.2f} {summary['quote']}\n")
    with pl.Config(tbl_rows=-1, tbl_cols=-1, tbl_hide_dataframe_shape=True, tbl_width_chars=110):
        print(landed(rehearsed.results.orders))
        made = summary["strategies"]
        print(pl.DataFrame([{"figure": figure, **{name: made[name][figure] for name in made}} for figure in FIGURES]))
    print(f"objections {summary['objections']}; {len(rehearsed.chain.moved)} transactions on chain")
    for gap in found:
        print(
            f"{gap.pair}: {gap.distance:.4%} apart at the end, {gap.largest:.4%} at most;"
            f" base fees {gap.fees:.4%}, with variable ones {gap.total_fees:.4%}, one step {gap.step:.4%};"
            f" within the fees for {gap.share_within:.0%} of the last minute"
        )


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
