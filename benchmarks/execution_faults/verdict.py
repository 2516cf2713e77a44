"""Whether what execution booked is what happened on chain: each order once, none lost, and the ledger to the unit."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.execution_faults.chain import Holdings, OnChain
from connectors.execution.order_entries import Entry, Intent, Signed
from connectors.execution.order_entries import Expired as ExpiredEntry
from connectors.execution.order_entries import Failed as FailedEntry
from connectors.execution.order_entries import Landed as LandedEntry
from dlmm.records import Record
from operators.orders.commands import Swap, SwapRoute
from operators.orders.execution_reports import ExecutionReport, Report, WalletReport, decode_report

LAMPORTS = "lamports"


class Books(Record, frozen=True):
    """What a run wrote.

    :arg entries: Of its order journal.

    :arg reports: That the portfolio was told, in that order.

    :arg attempts: How often the portfolio sent each order that it sent at all, by the run's orders.

    :arg fills: Rows of the run's fills by order.

    :arg wallet: Of the run's summary.

    """

    entries: tuple[Entry, ...]
    reports: tuple[Report, ...]
    attempts: Mapping[int, int]
    fills: Mapping[int, int]
    wallet: Mapping[str, Any]


class Evidence(Record, frozen=True):
    """What a verdict on a run rests on.

    :arg chain: All transactions of the wallet.

    :arg holdings: Of the wallet, after the last of them.

    """

    chain: tuple[OnChain, ...]
    holdings: Holdings
    books: Books


class Verdict(Record, frozen=True):
    """What is to be said of a run.

    :arg sent: Transactions that were signed.

    :arg landed: Of those, on chain without an error; `failed`: with one; `expired`: not on chain.

    :arg refused: Attempts that ended unsigned.

    :arg again: Attempts after the first of an order.

    :arg booked: Transactions on chain whose every unit was told to the portfolio, once.

    :arg undone: Landings that were taken back after they had been told.

    :arg lost: What happened on chain and was not booked, or was approved and never ended; a line each.

    :arg doubled: What happened twice on chain, or was booked twice.

    :arg differences: Where ledger and chain differ.

    :arg longest_s: Longest time from an order's arrival to the report that ends it.

    """

    sent: int
    landed: int
    failed: int
    expired: int
    refused: int
    again: int
    booked: int
    undone: int
    lost: tuple[str, ...]
    doubled: tuple[str, ...]
    differences: tuple[str, ...]
    longest_s: float

    @property
    def is_clean(self) -> bool:
        """Whether nothing is lost, doubled or different."""
        return not (self.lost or self.doubled or self.differences)


class _Told(Record, frozen=True):
    """All that was told of one transaction: how often it landed less how often it was undone, and what it moved."""

    times: int
    tokens: dict[str, int]
    lamports: int


def judge(evidence: Evidence) -> Verdict:
    """Hold what a run wrote against the chain."""
    holdings, books = evidence.holdings, evidence.books
    opening = next(one for one in books.reports if isinstance(one, WalletReport) and one.occasion == "opening")
    ours = [one for one in evidence.chain if one.slot > opening.slot]  # before it the wallet's accounts were set up
    signed = {entry.signature: entry for entry in books.entries if isinstance(entry, Signed)}
    told = _told(books.reports)
    expired = signed.keys() - {one.signature for one in ours}
    return Verdict(
        sent=len(signed),
        landed=sum(not one.is_failed for one in ours),
        failed=sum(one.is_failed for one in ours),
        expired=len(expired),
        refused=sum(isinstance(one, ExecutionReport) and one.status == "refused" for one in books.reports),
        again=sum(isinstance(entry, Intent) and entry.approved.attempt > 0 for entry in books.entries),
        booked=sum(_is_booked(one, told) for one in ours),
        undone=sum(isinstance(one, ExecutionReport) and one.status == "undone" for one in books.reports),
        lost=(*_lost(ours, signed, told, books), *_unended(books)),
        doubled=_doubled(ours, signed, told, books),
        differences=(*_wrong(ours, told, expired), *_off(opening, told, holdings), *_unlike(holdings, books.wallet)),
        longest_s=_longest_s(books.entries),
    )


def _told(reports: Sequence[Report]) -> dict[str, _Told]:
    found: dict[str, _Told] = {}
    for report in reports:
        if not isinstance(report, ExecutionReport) or report.status not in ("landed", "failed", "undone"):
            continue
        if not report.signature:
            continue  # the end of an order whose transactions were all told before
        sign = -1 if report.status == "undone" else 1
        one = found.get(report.signature, _Told(0, {}, 0))
        tokens = Counter(one.tokens)
        for change in report.changes:
            tokens[change.mint] += change.amount
        paid = report.network_fee + report.tip + report.rent
        lamports = one.lamports + report.lamports - sign * paid
        left = {mint: amount for mint, amount in tokens.items() if amount}
        found[report.signature] = _Told(one.times + sign, left, lamports)
    return found


def _is_booked(one: OnChain, told: Mapping[str, _Told]) -> bool:
    return told.get(one.signature) == _Told(1, one.tokens, one.lamports)


def _lost(
    ours: Sequence[OnChain], signed: Mapping[str, Signed], told: Mapping[str, _Told], books: Books
) -> tuple[str, ...]:
    swaps = {
        entry.key
        for entry in books.entries
        if isinstance(entry, Intent) and isinstance(entry.approved.command, Swap | SwapRoute)
    }
    found = []
    for one in ours:
        entry = signed.get(one.signature)
        if entry is None:
            found.append(f"{one.signature} is on chain, and the order journal does not know it")
        elif one.signature not in told or told[one.signature].times < 1:
            found.append(f"{one.signature} of order {entry.key} is on chain, and the portfolio was not told")
        elif not one.is_failed and entry.key in swaps and not books.fills.get(_order(entry.key)):
            found.append(f"{one.signature} of order {entry.key} is on chain, and there is no fill")
    return tuple(found)


def _unended(books: Books) -> tuple[str, ...]:
    intents = [entry.key for entry in books.entries if isinstance(entry, Intent)]
    ended = {f"{one.order}.{one.attempt}" for one in books.reports if isinstance(one, ExecutionReport) and one.is_final}
    arrived = Counter(map(_order, intents))
    return (
        *(f"order {key} was approved and never ended" for key in intents if key not in ended),
        *(
            f"order {order} was approved {count} times, and arrived {arrived[order]} times"
            for order, count in books.attempts.items()
            if arrived[order] < count
        ),
    )


def _doubled(
    ours: Sequence[OnChain], signed: Mapping[str, Signed], told: Mapping[str, _Told], books: Books
) -> tuple[str, ...]:
    effects: dict[tuple[int, int], list[str]] = defaultdict(list)
    for one in ours:
        if one.signature in signed and not one.is_failed:
            entry = signed[one.signature]
            effects[_order(entry.key), entry.step].append(one.signature)
    return (
        *(
            f"step {step} of order {order} is on chain {len(found)} times: {', '.join(found)}"
            for (order, step), found in effects.items()
            if len(found) > 1
        ),
        *(f"{signature} was booked {one.times} times" for signature, one in told.items() if one.times > 1),
        *(f"order {order} has {count} fills" for order, count in books.fills.items() if count > 1),
    )


def _wrong(ours: Sequence[OnChain], told: Mapping[str, _Told], expired: set[str]) -> tuple[str, ...]:
    """Name what was booked in other amounts than the chain's, or is not on chain at all."""
    return (
        *(
            f"{one.signature} was booked as {told[one.signature]}, and is {one}"
            for one in ours
            if one.signature in told and told[one.signature].times == 1 and not _is_booked(one, told)
        ),
        *(
            f"{signature} was booked, and is not on chain"
            for signature in sorted(expired)
            if signature in told and told[signature] != _Told(0, {}, 0)
        ),
    )


def _off(opening: WalletReport, told: Mapping[str, _Told], holdings: Holdings) -> tuple[str, ...]:
    """Name where the opening and all that was told do not add up to what the wallet holds."""
    expected = Counter({token.mint: token.amount for token in opening.tokens})
    expected[LAMPORTS] = opening.lamports
    for one in told.values():
        expected.update(one.tokens)
        expected[LAMPORTS] += one.lamports
    held = {**holdings.tokens, LAMPORTS: holdings.lamports}
    return tuple(
        f"{name}: {expected[name]} by the reports, {held.get(name, 0)} on chain"
        for name in sorted(expected.keys() | held.keys())
        if expected[name] != held.get(name, 0)
    )


def _unlike(holdings: Holdings, wallet: Mapping[str, Any]) -> tuple[str, ...]:
    """Name where the run's own ledger and what the wallet holds differ, or ever differed."""
    ledger = {mint: told["ledger"] for mint, told in wallet["tokens"].items()}
    ledger[LAMPORTS] = wallet[LAMPORTS]["ledger"]
    held = {**holdings.tokens, LAMPORTS: holdings.lamports}
    return (
        *(
            f"{name}: {ledger.get(name, 0)} in the ledger, {held.get(name, 0)} on chain"
            for name in sorted(ledger.keys() | held.keys())
            if ledger.get(name, 0) != held.get(name, 0)
        ),
        *(f"the run found a difference: {found}" for found in wallet["differences"]),
        *([f"{wallet['unknown_reports']} reports of unknown orders"] if wallet["unknown_reports"] else []),
        *([] if wallet["is_closed"] else ["the wallet was not read at the end"]),
    )


def _longest_s(entries: Sequence[Entry]) -> float:
    """Return the longest time from an order's arrival to the report that ends it."""
    began = {entry.key: entry.ts_ns for entry in entries if isinstance(entry, Intent)}
    longest_ns = 0
    for entry in entries:
        if isinstance(entry, LandedEntry | FailedEntry | ExpiredEntry) and entry.report:
            report = decode_report(entry.report)
            if isinstance(report, ExecutionReport) and report.is_final:
                longest_ns = max(longest_ns, entry.ts_ns - began[entry.key])
    return longest_ns * 1e-9


def _order(key: str) -> int:
    return int(key.partition(".")[0])
