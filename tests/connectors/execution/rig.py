"""A wallet with money on a sandbox, and an executor that signs with it, turned by hand."""

import base64
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from msgspec.structs import replace

from connectors.clusters.cluster import Cluster
from connectors.clusters.pool_loading import LoadedPool, needed_accounts
from connectors.execution.building.pool_accounts import PoolAccounts
from connectors.execution.executor import Executor
from connectors.execution.order_entries import Entry, Intent
from connectors.execution.order_journal import OrderJournal
from connectors.execution.order_phases import Order
from connectors.execution.reconciling import reconcile
from connectors.execution.terms import ExecutionTerms
from connectors.execution.wallet import Wallet
from connectors.feeds.outlet import Outlet
from connectors.feeds.reactor import Reactor
from connectors.stopping import Stop
from dlmm.programs import TOKEN_2022_PROGRAM, TOKEN_PROGRAM, WRAPPED_SOL
from dlmm.records import Account, Venue
from operators.orders.commands import Approved, Command, Swap
from operators.orders.execution_reports import ExecutionReport, OperatorCommand, WalletReport
from tests.connectors.execution.lying_node import LyingNode
from tests.processes import SandboxNode

DEADLINE_S = 60.0
AROUND = 2
NOBODY = "ws://127.0.0.1:1/"
"""Where nobody listens: what is told there would not be bent."""
LAMPORTS = 10 * 10**9
TOKENS = 10**12


class Killed(BaseException):
    """Ends a process in the middle of what it does, for a test."""


class DeadlyJournal(OrderJournal):
    """An order journal whose process dies right after a write; the last one that was asked for.

    :cvar entries_left: How many more entries it lives to write, two at once being one.

    """

    entries_left = 10**9

    def record(self, entry: Entry) -> Order:
        order = super().record(entry)
        self._live_on()
        return order

    def begin(self, intent: Intent, entry: Entry) -> Order:
        order = super().begin(intent, entry)
        self._live_on()
        return order

    def _live_on(self) -> None:
        DeadlyJournal.entries_left -= 1
        if DeadlyJournal.entries_left == 0:
            raise Killed


class Market:
    """What the inbox would know of the pools, asked of the node at each look."""

    def __init__(self, node: SandboxNode) -> None:
        self.node = node
        loaded, _ = Cluster(node.url, node.url, "confirmed").load_pools(node.pools, AROUND)
        self.pools: dict[str, LoadedPool] = {pool.info.pool: pool for pool in loaded}

    def loaded_accounts_of(self, pool: str) -> PoolAccounts:
        """A pool as it was at first, whatever the node says now."""
        loaded = self.pools[pool]
        return PoolAccounts(loaded.info, loaded.accounts, loaded.slot, int(time.time()))

    def accounts_of(self, pool: str) -> PoolAccounts:
        loaded = self.pools[pool]
        need = needed_accounts(pool, self._read([pool])[1].get(pool), AROUND)
        assert isinstance(need, list)
        slot, accounts = self._read([pool, *need])
        return PoolAccounts(loaded.info, accounts, slot, int(time.time()))

    def of(self, venue: Venue) -> str:
        """A pool of a venue that trades SOL."""
        return next(
            name
            for name, pool in self.pools.items()
            if pool.info.venue is venue and pool.info.mint_x == str(WRAPPED_SOL)
        )

    def _read(self, addresses: list[str]) -> tuple[int, dict[str, Account]]:
        options = {"encoding": "base64", "commitment": "processed"}
        told = self.node.call("getMultipleAccounts", addresses, options)
        found = zip(addresses, told["value"], strict=True)
        accounts = {
            address: Account(value["owner"], base64.b64decode(value["data"][0]))
            for address, value in found
            if value is not None
        }
        return int(told["context"]["slot"]), accounts

    def swap(self, pool: str, *, swap_for_y: bool = True, amount: int = 10**6, loose: bool = True) -> Swap:
        threshold = 0 if loose else 2**63
        return Swap(pool=pool, exact_in=True, swap_for_y=swap_for_y, amount=amount, threshold=threshold)


def fund(node: SandboxNode, market: Market, wallet: Wallet, *, tokens: int = TOKENS, lamports: int = LAMPORTS) -> None:
    """Give a wallet SOL and the tokens of every pool."""
    owner = str(wallet.address)
    if lamports:
        node.call("requestAirdrop", owner, lamports)
    for mint in {mint for pool in market.pools.values() for mint in (pool.info.mint_x, pool.info.mint_y)}:
        node.call("sandbox_fund", owner, mint, tokens)
    node.call("sandbox_advance", 4)


@dataclass
class Rig:
    """An executor over a node, and what it told."""

    node: SandboxNode
    market: Market
    wallet: Wallet
    terms: ExecutionTerms
    accounts_of: Callable[[str], PoolAccounts]
    journals: type[OrderJournal] = OrderJournal
    is_lied_to: bool = False
    reports: list[ExecutionReport] = field(default_factory=list)
    wallets: list[WalletReport] = field(default_factory=list)
    commands: list[OperatorCommand] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.open()

    def open(self) -> None:
        """Begin, as a new process would."""
        self.reactor = Reactor()
        self.outlet = Outlet("execution")
        self.journal = self.journals.open(self.terms.folder, str(self.wallet.address), fsync=self.terms.fsync)
        infos = [pool.info for pool in self.market.pools.values()]
        terms = self.terms
        if self.is_lied_to:
            self.liar = LyingNode(self.reactor, self.node)
            bundles = terms.bundles and replace(terms.bundles, url=self.liar.url)
            terms = replace(terms, rpc_urls=(self.liar.url,), ws_url=NOBODY, bundles=bundles)
        self.executor = Executor(terms, self.wallet, self.journal, infos, self.accounts_of)
        self.executor.start(self.reactor, self.outlet)

    def restart(self) -> None:
        """Begin again after a death: journal and chain are brought together first."""
        self.die()
        self.begin_again()

    def begin_again(self) -> None:
        journal = OrderJournal.open(self.terms.folder, str(self.wallet.address))
        infos = [pool.info for pool in self.market.pools.values()]
        try:
            opening = reconcile(self.terms, self.wallet, journal, infos, Stop())
        finally:
            journal.close()
        for report in (*opening.earlier, *opening.reports):
            self._take(report)
        self.open()

    def die(self) -> None:
        """Go without a word, as a killed process does; what was in the outlet is lost."""
        self.executor.stop()
        if self.is_lied_to:
            self.liar.close()
        self.reactor.close()
        self.journal.close()

    def turn(self, wait_s: float = 0.01) -> None:
        self.reactor.run_once(wait_s)
        for _, event in self.outlet.drain():
            match event:
                case ExecutionReport():
                    self._take(event)
                case WalletReport():
                    self.wallets.append(event)
                case OperatorCommand():
                    self.commands.append(event)

    def _take(self, report: ExecutionReport) -> None:
        """Keep a report, as who books by them does: one that is told again is known by its number."""
        told = {(one.order, one.attempt, one.number): one for one in self.reports}
        before = told.get((report.order, report.attempt, report.number))
        assert before in (None, report), "two reports have the same number"
        if before is None:
            self.reports.append(report)

    def run_until(self, is_done: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while not is_done():
            assert time.monotonic() < deadline, f"still not: {what}; {self.reports}; {self.outlet.notes}"
            self.turn()

    def run_for(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.turn()

    def approved(self, command: Command, order: int, **fields: int) -> Approved:
        usual = Approved(
            portfolio="p",
            order=order,
            attempt=0,
            command=command,
            deadline_slot=10**12,
            urgency=1,
            decided_slot=0,
        )
        return replace(usual, **fields)

    def submit(self, command: Command, order: int, **fields: int) -> None:
        self.executor.submit(self.approved(command, order, **fields))

    def submit_slowly(self, command: Command, order: int) -> None:
        """Submit, and let some slots pass."""
        self.submit(command, order)
        self.run_for(0.05)

    def is_final(self) -> bool:
        """Whether no order is open in the journal, so that no fork can change anything any more."""
        return not self.journal.open_orders()

    def stands(self, order: int) -> int:
        """How many transactions of an order stand on chain by what was told."""
        sums = {"landed": 1, "failed": 1, "undone": -1}
        return sum(sums.get(report.status, 0) for report in self.of(order) if report.signature)

    def of(self, order: int) -> list[ExecutionReport]:
        return [report for report in self.reports if report.order == order]

    def settle(self, *orders: int) -> list[ExecutionReport]:
        """Turn until orders have their last reports, and return those."""
        self.run_until(lambda: all(any(one.is_final for one in self.of(order)) for order in orders), f"{orders} end")
        return [next(one for one in reversed(self.of(order)) if one.is_final) for order in orders]

    def balances(self) -> dict[str, int]:
        """What the wallet holds on chain by mint; native SOL under an empty name."""
        owner, options = str(self.wallet.address), {"encoding": "jsonParsed", "commitment": "processed"}
        held = {"": int(self.node.call("getBalance", owner, {"commitment": "processed"})["value"])}
        for program in map(str, (TOKEN_PROGRAM, TOKEN_2022_PROGRAM)):
            for found in self.node.call("getTokenAccountsByOwner", owner, {"programId": program}, options)["value"]:
                info = found["account"]["data"]["parsed"]["info"]
                held[info["mint"]] = held.get(info["mint"], 0) + int(info["tokenAmount"]["amount"])
        return held

    def booked(self) -> dict[str, int]:
        """What the reports say that the wallet's holdings changed by."""
        sums: dict[str, int] = {"": 0}
        for report in self.reports:
            sign = -1 if report.status == "undone" else 1
            sums[""] += report.lamports - sign * (report.network_fee + report.tip + report.rent)
            for change in report.changes:
                sums[change.mint] = sums.get(change.mint, 0) + change.amount
        return sums


def changes(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    """Differences by mint, those without one left out."""
    found = {mint: after.get(mint, 0) - before.get(mint, 0) for mint in before | after}
    return {mint: amount for mint, amount in found.items() if amount}


def without_zeros(sums: dict[str, int]) -> dict[str, int]:
    return {mint: amount for mint, amount in sums.items() if amount}


@contextmanager
def rig_on(
    node: SandboxNode,
    market: Market,
    folder: Path,
    *,
    is_static: bool = False,
    journals: type[OrderJournal] = OrderJournal,
    is_lied_to: bool = False,
    **terms: object,
) -> Iterator[Rig]:
    """Open an executor for a new wallet with money.

    :arg is_lied_to: Whether a node stands before the sandbox that may say what is not so.

    :arg is_static: Whether it sees the pools as they were at first, so that the view of them suffers no fault.

    """
    wallet = Wallet.ephemeral()
    fund(node, market, wallet)
    usual = ExecutionTerms((node.url,), str(node.facts["ws_url"]), str(folder), reserve_lamports=LAMPORTS)
    accounts_of = market.loaded_accounts_of if is_static else market.accounts_of
    rig = Rig(node, market, wallet, replace(usual, **terms), accounts_of, journals, is_lied_to)
    try:
        yield rig
    finally:
        rig.die()
