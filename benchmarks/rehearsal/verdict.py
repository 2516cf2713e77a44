"""Hold what a rehearsal booked against what the chain says that it moved."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import polars as pl

from benchmarks.chain_oracle import Balances, Moved
from connectors.execution.order_phases import Order, Phase, Transaction
from dlmm.records import Record, Venue
from operators.orders.commands import ClaimFees, Command, Swap, SwapRoute
from operators.orders.execution_reports import ExecutionReport, decode_report

WIDEST = {Venue.METEORA: 70, Venue.SAROS: 64}
"""Bins that a position has at most on chain."""

COMMANDS = (
    "swap exact in, buy",
    "swap exact in, sell",
    "swap exact out, buy",
    "swap exact out, sell",
    *(
        f"{command}{width}"
        for command in (
            "create_position",
            "add_liquidity",
            "remove_liquidity",
            "claim_fees",
            "close_position",
            "rebalance",
        )
        for width in ("", ", wide")
    ),
    "swap_route",
)
ENDS = {
    "landed": ("filled",),
    "failed": ("failed", "cancelled"),
    "expired": ("expired", "cancelled"),
    "refused": ("failed", "cancelled"),
}
"""Status of an order in the results by that of its last report: what did not land after the end of the run was asked
for was cancelled."""


class TradedPool(Record, frozen=True):
    """A pool as the sandbox describes it.

    :arg vault_x: Token account in which the pool keeps its X.

    """

    address: str
    venue: Venue
    mint_x: str
    mint_y: str
    vault_x: str
    vault_y: str
    decimals_x: int
    decimals_y: int


class Results(Record, frozen=True):
    """What a run left behind.

    :arg orders: `orders.parquet`, `fills` and `summary` likewise.

    :arg journal: Every order of the order journal.

    """

    orders: pl.DataFrame
    fills: pl.DataFrame
    summary: dict[str, Any]
    journal: tuple[Order, ...]


class OnChain(Record, frozen=True):
    """What the node says.

    :arg opening: Before the run began.

    :arg closing: After it.

    :arg moved: Every transaction of the wallet in between, in the order of the chain.

    """

    opening: Balances
    closing: Balances
    moved: tuple[Moved, ...]


class Tally(Record, frozen=True):
    """What became of one command on one venue.

    :arg orders: That reached the execution connector; `filled` of them came to their end.

    :arg sent: Transactions that were signed; the next three are what became of them.

    """

    orders: int = 0
    filled: int = 0
    sent: int = 0
    landed: int = 0
    failed: int = 0
    expired: int = 0


def command_name(command: Command, venue: Venue) -> str:
    """Name a command as the table does."""
    if isinstance(command, Swap):
        return f"swap exact {'in' if command.exact_in else 'out'}, {'sell' if command.swap_for_y else 'buy'}"
    name = str(command.__struct_config__.tag)
    if isinstance(command, SwapRoute):
        return name
    return f"{name}, wide" if command.upper - command.lower + 1 > WIDEST[venue] else name


def tallies(journal: Sequence[Order], pools: Sequence[TradedPool]) -> dict[tuple[Venue, str], Tally]:
    """Count by venue and command, in the order of the table."""
    venues = {pool.address: pool.venue for pool in pools}
    counts: dict[tuple[Venue, str], Counter[str]] = {(venue, name): Counter() for venue in Venue for name in COMMANDS}
    for order in journal:
        if order.approved is None:
            continue
        venue = venues[order.approved.command.pool]
        count = counts[venue, command_name(order.approved.command, venue)]
        count["orders"] += 1
        count["filled"] += _last(order) == "landed"
        for one in order.transactions:
            count["sent"] += 1
            count[one.phase] += 1
    names = Tally.__struct_fields__
    return {key: Tally(**{name: count[name] for name in names}) for key, count in counts.items()}


def differences(results: Results, chain: OnChain, pools: Sequence[TradedPool]) -> list[str]:
    """Name everything in which results, order journal and chain do not agree, a line each."""
    moved = {one.signature: one for one in chain.moved}
    return [
        *_of_transactions(results, moved),
        *_of_orders(results),
        *_of_fills(results, moved, {pool.address: pool for pool in pools}),
        *_of_balances(chain),
        *_of_ledger(results, moved),
        *_of_books(results, moved, pools),
    ]


def missing(journal: Sequence[Order], pools: Sequence[TradedPool]) -> list[str]:
    """Name the commands that landed on no pool of a venue; claiming on Saros takes no transaction."""
    claims = str(ClaimFees.__struct_config__.tag)
    return [
        f"{name} never landed on {venue}"
        for (venue, name), tally in tallies(journal, pools).items()
        if not (tally.filled and (tally.landed or (venue is Venue.SAROS and name.startswith(claims))))
    ]


def _last(order: Order) -> Literal["landed", "failed", "expired", "refused", "simulated", "undone", ""]:
    """Return the status that the order ended with, or nothing."""
    reports = _reports(order)
    return reports[-1].status if reports and reports[-1].is_final else ""


def _reports(order: Order) -> list[ExecutionReport]:
    reports = [decode_report(data) for data in order.reports]
    return [report for report in reports if isinstance(report, ExecutionReport)]


def _transactions(journal: Sequence[Order]) -> Iterator[tuple[Order, Transaction]]:
    for order in journal:
        for one in order.transactions:
            yield order, one


def _of_transactions(results: Results, moved: Mapping[str, Moved]) -> Iterator[str]:
    """Hold each report against its transaction; there is no other one of the wallet's in the run, and no step twice."""
    landed: Counter[tuple[int, int]] = Counter()
    for order, one in _transactions(results.journal):
        where = f"order {order.key}, step {one.step}, {one.signature}"
        found = moved.get(one.signature)
        if found is None:
            if one.phase is not Phase.EXPIRED:
                yield f"{where}: {one.phase}, but not on chain"
            continue
        told = [report for report in _reports(order) if report.signature == one.signature]
        if one.phase is not (Phase.FAILED if found.is_failed else Phase.LANDED) or len(told) != 1:
            yield f"{where}: {one.phase} with {len(told)} reports, on chain {'failed' if found.is_failed else 'landed'}"
            continue
        (report,) = told
        if {change.mint: change.amount for change in report.changes} != found.tokens:
            yield f"{where}: booked {report.changes}, moved {found.tokens}"
        lamports = report.lamports - report.network_fee - report.tip - report.rent
        if lamports != found.lamports or report.slot != found.slot:
            yield f"{where}: booked {lamports} lamports in slot {report.slot}, moved {found.lamports} in {found.slot}"
        landed[int(order.key.partition(".")[0]), one.step] += not found.is_failed
    yield from (
        f"order {order}, step {step}: landed {count} times" for (order, step), count in landed.items() if count > 1
    )
    known = {one.signature for _, one in _transactions(results.journal)}
    first, last = results.summary["wallet"]["slot_opening"], results.summary["wallet"]["slot_closing"]
    for signature in moved.keys() - known:
        slot = moved[signature].slot
        if first < slot <= (slot if last is None else last):
            yield f"{signature} in slot {slot} belongs to no order"


def _of_orders(results: Results) -> Iterator[str]:
    """Find every order of the journal in the results, once, with the end that it came to."""
    ends: defaultdict[int, list[str]] = defaultdict(list)
    for number, status in results.orders.select("order", pl.col("status").cast(pl.String)).iter_rows():
        ends[number].append(status)
    last: dict[int, Order] = {}
    for order in results.journal:
        last[int(order.key.partition(".")[0])] = order
    for number, order in last.items():
        if len(ends[number]) != 1 or ends[number][0] not in ENDS.get(_last(order), ()):
            yield f"order {order.key}: {order.phase}, {_last(order) or 'not ended'}, but {ends[number]} in the results"
    never = {"refused", "withheld", "cancelled", "expired", "failed"}
    for number, found in ends.items():
        if number not in last and not set(found) <= never:
            yield f"order {number}: {found} in the results, but not in the order journal"


def _of_fills(results: Results, moved: Mapping[str, Moved], pools: Mapping[str, TradedPool]) -> Iterator[str]:
    """Find every swap that landed as a fill of just what it moved, and no other fill."""
    fills: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for number, paid, got in results.fills.select("order", "amount_in", "amount_out").iter_rows():
        fills[number].append((paid, got))
    for order, one in _transactions(results.journal):
        if order.approved is None or one.phase is not Phase.LANDED:
            continue
        command, found = order.approved.command, moved.get(one.signature)
        if isinstance(command, Swap):
            pool = pools[command.pool]
            sold, bought = (pool.mint_x, pool.mint_y) if command.swap_for_y else (pool.mint_y, pool.mint_x)
            wanted = [(-found.tokens.get(sold, 0), found.tokens.get(bought, 0))] if found is not None else []
        elif isinstance(command, SwapRoute):
            wanted = [by_vaults(leg, pools[leg.pool], found) for leg in command.legs] if found is not None else []
        else:
            continue
        booked = fills.pop(order.approved.order, [])
        if booked != wanted:
            yield f"order {order.key}: filled {booked}, moved {wanted}"
    yield from (f"order {number}: filled {booked}, but did not land" for number, booked in fills.items())


def by_vaults(leg: Swap, pool: TradedPool, found: Moved) -> tuple[int, int]:
    """Return what a pool's vaults took and gave for one swap of several."""
    taking, giving = (pool.vault_x, pool.vault_y) if leg.swap_for_y else (pool.vault_y, pool.vault_x)
    return found.accounts.get(taking, 0), -found.accounts.get(giving, 0)


def _of_balances(chain: OnChain) -> Iterator[str]:
    """Add up what all transactions moved: it is what the wallet has more at the end."""
    tokens, lamports = Counter(chain.opening.tokens), chain.opening.lamports
    for one in chain.moved:
        tokens.update(one.tokens)
        lamports += one.lamports
    if lamports != chain.closing.lamports:
        yield f"lamports: {lamports} by all transactions, {chain.closing.lamports} in the wallet"
    for mint in tokens.keys() | chain.closing.tokens.keys():
        if tokens[mint] != chain.closing.tokens.get(mint, 0):
            yield f"{mint}: {tokens[mint]} by all transactions, {chain.closing.tokens.get(mint, 0)} in the wallet"


def _of_ledger(results: Results, moved: Mapping[str, Moved]) -> Iterator[str]:
    """Add up what the orders moved: it takes the ledger from its beginning to its end, and to what was read last."""
    wallet = results.summary["wallet"]
    tokens: Counter[str] = Counter()
    lamports = 0
    for _, one in _transactions(results.journal):
        if one.signature in moved:
            tokens.update(moved[one.signature].tokens)
            lamports += moved[one.signature].lamports
    for mint, held in {**wallet["tokens"], "lamports": wallet["lamports"]}.items():
        ends = held["opening"] + (lamports if mint == "lamports" else tokens[mint])
        if not held["ledger"] == held["chain"] == ends:
            yield f"{mint}: {ends} by the orders' transactions, {held['ledger']} in the ledger, {held['chain']} read"
    for name, wanted in (("is_closed", True), ("differences", []), ("unknown_reports", 0)):
        if wallet[name] != wanted:
            yield f"wallet.{name} is {wallet[name]}"
    if results.summary["failure"] is not None or results.summary["emergency_stop"]:
        yield f"the run failed: {results.summary['failure']}, stopped {results.summary['emergency_stop']}"


def _of_books(results: Results, moved: Mapping[str, Moved], pools: Sequence[TradedPool]) -> Iterator[str]:
    """Add up what each pool's vaults gave to the orders: with its share of the wallet it is the end of its book.

    What a route's swaps left of a token is in the book of its last pool that trades it.
    """
    for side, mint_of in (("base", "mint_x"), ("quote", "mint_y")):
        for pool in pools:
            mint = getattr(pool, mint_of)
            sharers = [other.address for other in pools if getattr(other, mint_of) == mint]
            share, rest = divmod(results.summary["wallet"]["tokens"][mint]["opening"], len(sharers))
            held = share + (sharers.index(pool.address) < rest)
            vault = pool.vault_x if side == "base" else pool.vault_y
            for order, one in _transactions(results.journal):
                found = moved.get(one.signature)
                if found is None:
                    continue
                if order.approved is not None and isinstance(order.approved.command, SwapRoute):
                    keeper = _keeper(order.approved.command, mint, pools)
                    held += found.tokens.get(mint, 0) if keeper == pool.address else 0
                else:
                    held -= found.accounts.get(vault, 0)
            decimals = pool.decimals_x if side == "base" else pool.decimals_y
            booked = round(results.summary["pools"][pool.address][side] * 10**decimals)
            if booked != held:
                yield f"pool {pool.address}: {booked} {side} in the book, {held} by its vault"


def _keeper(route: SwapRoute, mint: str, pools: Sequence[TradedPool]) -> str:
    """Return the last pool of a route that trades a token; none where no pool of it does."""
    trading = {pool.address for pool in pools if mint in (pool.mint_x, pool.mint_y)}
    return next((leg.pool for leg in reversed(route.legs) if leg.pool in trading), "")
