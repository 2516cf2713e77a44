"""Whether order journal, recording, fills and ledger say of a wallet what the node says that it did.

Amounts are the balances that `benchmarks.chain_oracle` reads: nothing goes through the connector's own reading.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.chain_oracle import Balances, Moved
from benchmarks.rehearsal.verdict import TradedPool, by_vaults
from connectors.execution.order_entries import Intent, Signed
from connectors.execution.order_journal_format import read_order_journal
from connectors.recordings.recording import Recording
from connectors.results.run_summary import SUMMARY
from connectors.wire.transaction_json import VENUES
from dlmm.records import Record
from operators.orders.commands import Command, Swap, SwapRoute
from operators.orders.execution_reports import REPORT_OWNER, ExecutionReport, WalletReport, decode_report

LAMPORTS = "lamports"
"""Name of native SOL among what a wallet holds."""
UNENDED = ("open", "sent")
BEFORE_THE_FEEDS = 0
"""Feed of the rows that a run begins with."""


class Attempt(Record, frozen=True):
    """What the order journal says of a signature.

    :arg order: Client order id.

    :arg step: Which of the order's transactions it is, from 0.

    """

    order: int
    step: int
    command: Command


class Orders(Record, frozen=True):
    """What an order journal says.

    :arg count: Orders in it.

    :arg attempts: By signature.

    :arg doubled: Signatures that belong to more than one attempt.

    """

    count: int
    attempts: dict[str, Attempt]
    doubled: tuple[str, ...]

    @classmethod
    def read(cls, path: Path) -> "Orders":
        """Read the file of an order journal."""
        commands: dict[str, Command] = {}
        attempts: dict[str, Attempt] = {}
        doubled = []
        for entry in read_order_journal(path).entries:
            if isinstance(entry, Intent):
                commands[entry.key] = entry.approved.command
            elif isinstance(entry, Signed):
                if entry.signature in attempts:
                    doubled.append(entry.signature)
                attempts[entry.signature] = Attempt(int(entry.key.partition(".")[0]), entry.step, commands[entry.key])
        return cls(len(commands), attempts, tuple(doubled))


class Told(Record, frozen=True):
    """What a recording tells of a wallet.

    :arg openings: Looks at the wallet before the first order of a run; the portfolio began with the first of them.

    :arg missed: Landings that a run learned of only from the chain, as it began.

    """

    wrong: tuple[str, ...]
    openings: tuple[WalletReport, ...]
    missed: int


def is_trade(moved: Moved) -> bool:
    """Tell whether a transaction calls a venue; what does not sets up token accounts and wraps SOL."""
    return not VENUES.isdisjoint(moved.keys)


def judge_orders(orders: Orders, moves: Iterable[Moved]) -> Iterator[str]:
    """Find what is on chain without an attempt in the order journal, and what landed more than once."""
    yield from (f"signature {signature} belongs to two attempts" for signature in orders.doubled)
    landed: Counter[tuple[int, int]] = Counter()
    for moved in moves:
        attempt = orders.attempts.get(moved.signature)
        if (attempt is None) is is_trade(moved):
            yield f"{moved.signature} of slot {moved.slot} is {attempt or 'no order'}, and calls {set(moved.keys)}"
        elif attempt is not None and not moved.is_failed:
            landed[attempt.order, attempt.step] += 1
    yield from (f"step {step} of order {order} landed {n} times" for (order, step), n in landed.items() if n > 1)


def judge_recording(folder: Path, moves: Sequence[Moved], held: Balances) -> Told:
    """Hold what a recording tells of the wallet against the chain.

    Every look at the wallet must be what the chain says of that slot, and must be what the reports before it, each
    transaction once, add up to.

    :arg held: What the wallet holds now.

    """
    wrong: list[str] = []
    openings: list[WalletReport] = []
    booked: Counter[str] = Counter()
    known: set[str] = set()
    missed = 0
    recording = Recording.open(folder)
    rows = recording.rows()
    feeds = dict(zip(rows["seq"].tolist(), rows["feed"].tolist(), strict=True))
    for write in recording.writes():
        report = decode_report(write.data) if write.owner == REPORT_OWNER else None
        if isinstance(report, WalletReport):
            told = _told(report)
            true = _held_at(report.slot, moves, held)
            booked.update(told if not openings else {})
            traded = told if not openings else _told(openings[0])
            for name, amount in told.items():
                if amount != true[name] or (name in traded and amount != booked[name]):
                    where = f"{report.occasion} at slot {report.slot}: {name}"
                    wrong.append(f"{where}: told {amount}, on chain {true[name]}, by the reports {booked[name]}")
            if report.occasion == "opening":
                openings.append(report)
        elif isinstance(report, ExecutionReport) and report.status in ("landed", "failed"):
            is_within = bool(openings) and report.order >= openings[0].next_order  # what was before is in the opening
            if is_within and report.signature and report.signature not in known:
                known.add(report.signature)
                booked.update({change.mint: change.amount for change in report.changes})
                booked[LAMPORTS] += report.lamports - report.network_fee - report.tip - report.rent
                missed += feeds[write.seq] == BEFORE_THE_FEEDS
    return Told(tuple(wrong), tuple(openings), missed)


def _told(report: WalletReport) -> dict[str, int]:
    return {token.mint: token.amount for token in report.tokens} | {LAMPORTS: report.lamports}


def _held_at(slot: int, moves: Iterable[Moved], held: Balances) -> Counter[str]:
    """Return what the wallet held after a slot: what it holds now, less what moved since."""
    found = Counter(held.tokens)
    found[LAMPORTS] = held.lamports
    for moved in moves:
        if moved.slot > slot:
            found.subtract(moved.tokens)
            found[LAMPORTS] -= moved.lamports
    return found


def judge_results(
    runs: Sequence[Path],
    orders: Orders,
    moves: Sequence[Moved],
    held: Balances,
    told: Told,
    pools: Mapping[str, TradedPool],
) -> Iterator[str]:
    """Hold the results of a portfolio against the chain: ledger, fees, and a fill for each swap with its amounts.

    :arg runs: Folders of the runs that were ended in order, oldest first; each goes on where the one before ended.

    :arg told: What their recording tells.

    :arg pools: Those of the sandbox, by address.

    """
    summary = json.loads((runs[-1] / SUMMARY).read_text())
    wallet: dict[str, Any] = summary["wallet"]
    if summary["failure"]:
        yield f"the run failed: {summary['failure']}"
    yield from (f"ledger and chain differed: {found}" for found in wallet["differences"])
    if wallet["compared"] < len(told.openings):  # the first opens the books, and the closing is one too
        yield f"compared {wallet['compared']} times, with {len(told.openings)} openings"
    if not wallet["is_closed"] or wallet["unknown_reports"]:
        yield f"is_closed {wallet['is_closed']}, unknown_reports {wallet['unknown_reports']}"
    amounts: Mapping[str, int] = {**held.tokens, LAMPORTS: held.lamports}
    for name, found in {**wallet["tokens"], LAMPORTS: wallet[LAMPORTS]}.items():
        if not found["ledger"] == found["chain"] == amounts.get(name, 0):
            yield f"{name}: {found}, the node has {amounts.get(name, 0)}"
    ours = [moved for moved in moves if moved.slot > told.openings[0].slot]
    fees = sum(moved.fee for moved in ours)
    if wallet["network_fees_lamports"] != fees:
        yield f"fees of {wallet['network_fees_lamports']} lamports booked, {fees} paid"
    left = {status: count for status, count in summary["orders_by_status"].items() if status in UNENDED}
    if left:
        yield f"orders that have not ended: {left}"
    swaps = Counter(_swaps(ours, orders, pools))
    fills = Counter(_fills(runs))
    yield from (f"no fill for {swap}" for swap in swaps - fills)
    yield from (f"a fill for nothing: {fill}" for fill in fills - swaps)


def _swaps(
    moves: Iterable[Moved], orders: Orders, pools: Mapping[str, TradedPool]
) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Give each swap's order and amounts, what was paid (negative) first; of a route each swap's, by the vaults."""
    for moved in moves:
        attempt = orders.attempts.get(moved.signature)
        if attempt is None or moved.is_failed:
            continue
        if isinstance(attempt.command, Swap):
            yield attempt.order, tuple(sorted(moved.tokens.values()))
        elif isinstance(attempt.command, SwapRoute):
            for leg in attempt.command.legs:
                paid, got = by_vaults(leg, pools[leg.pool], moved)
                yield attempt.order, (-paid, got)


def _fills(runs: Sequence[Path]) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Give each fill likewise; a run that was taken up from before its end tells some of them twice."""
    told: set[tuple[int, int]] = set()
    for run in runs:
        table = pl.read_parquet(run / "fills.parquet").select("order", "seq", "amount_in", "amount_out")
        rows = [row for row in table.iter_rows() if row[:2] not in told]
        told.update(row[:2] for row in rows)
        yield from ((order, (-paid, got)) for order, _, paid, got in rows)
