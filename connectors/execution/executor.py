"""The executor: takes approved orders, has each on chain once, and tells what came of it.

    executor = Executor(terms, wallet, journal, pools, accounts)
    executor.start(reactor, outlet)        # as a feed of the inbox
    executor.submit(approved)              # from the sink; what comes of it goes into the outlet
    executor.wind_down()                   # take nothing more; then turn the reactor until `is_wound_down`
    executor.stop()

An order's way: its intent is journaled, it is signed, the signed bytes are journaled, then a socket sees them. From
then on its signature is followed until it is seen or can land no more; what landed is read off the chain, and told. A
swap is one transaction that is tried once. A liquidity command is a row of transactions, each planned from the accounts
as they are when the one before it has landed; one that failed or expired is planned anew.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from solders.pubkey import Pubkey

from connectors.execution.building.lookup_tables import read_table
from connectors.execution.building.pool_accounts import PoolAccounts
from connectors.execution.building.steps import BuildError
from connectors.execution.housekeeping import CleanUp
from connectors.execution.links import Links
from connectors.execution.order_journal import OrderJournal
from connectors.execution.orders_in_flight import OrdersInFlight
from connectors.execution.positions_held import PositionsHeld
from connectors.execution.reading import AccountReader, Fresh
from connectors.execution.reporting import reports_of
from connectors.execution.stop_file import FILE_NAME, StopFile
from connectors.execution.terms import ExecutionTerms
from connectors.execution.wallet import Wallet
from connectors.execution.wallet_checks import Activity, WalletChecks
from connectors.feeds.feed import Feed
from connectors.feeds.outlet import Outlet
from connectors.feeds.reactor import Reactor, Timer
from operators.orders.commands import Approved
from operators.orders.execution_reports import ExecutionReport
from operators.pools import PoolInfo

READY_S = 3.0
"""How long orders wait at the start for a first blockhash, and for the tip accounts of a block engine."""
LOOK_S = 0.02


class Executor(Feed):
    """Carry out approved orders for one wallet.

    A report comes after the order journal has it; those of one order come in the order in which its transactions ended.
    Everything but `submit` and `hear` belongs to the reactor's thread.

    Counted in the outlet, beside what `OrdersInFlight` and the connections count: the notes `known_orders` and
    `unwrapping_failures`.

    :arg journal: Open, of this wallet; it is closed by whoever opened it.

    :arg pools: The traded ones; holdings of their mints are reported, and what they move is told apart.

    :arg accounts: The live view of a pool by its address, raises `BuildError` where there is none; or set by `attach`.

    :arg passes: Those that routes only pass through; what they move is told apart as well.

    :ivar is_closing: Whether the portfolio was heard to approve nothing more.

    """

    def __init__(
        self,
        terms: ExecutionTerms,
        wallet: Wallet,
        journal: OrderJournal,
        pools: Sequence[PoolInfo],
        accounts: Callable[[str], PoolAccounts] | None = None,
        passes: Sequence[PoolInfo] = (),
    ) -> None:
        self.name = "execution"
        self._terms = terms
        self._wallet = wallet
        self._journal = journal
        self._pools = tuple(pools)
        self._swapped = (*self._pools, *passes)
        self._accounts = _no_accounts if accounts is None else accounts
        self._thread = 0
        self._reports = 0
        self._waiting: list[tuple[Approved, str]] = []
        self._is_taking = True
        self.is_closing = False
        self._is_ready = False
        self._is_running = self._is_wound_down = False
        self._timer: Timer | None = None
        self._cleaning: CleanUp | None = None

    def attach(self, accounts: Callable[[str], PoolAccounts]) -> None:
        """Say where the live view of a pool is found, before the first order comes."""
        self._accounts = accounts

    def follow(self, pools: Mapping[str, tuple[str, ...]]) -> None:
        """Leave it: what is wanted of the market is the other feeds' affair."""

    def start(self, reactor: Reactor, outlet: Outlet) -> None:
        """Connect, go on with the orders that the journal has open, and take orders from now on.

        Orders that were submitted before wait until there is a blockhash, for `READY_S` at most.

        """
        self._thread = threading.get_ident()
        self._reactor, self._outlet = reactor, outlet
        mints = {info.pool: (info.mint_x, info.mint_y) for info in self._swapped}
        self._links = Links.open(reactor, outlet, self._terms, self._wallet, mints)
        self._links.chain.follow_fees({info.pool: (info.pool,) for info in self._swapped})
        self._positions = PositionsHeld.of(self._journal)
        self._orders = OrdersInFlight(
            self._links, self._journal, self._wallet, self._terms, self._accounts_of, self._tell
        )
        self._checks = WalletChecks(
            self._links,
            self._journal,
            str(self._wallet.address),
            self._pools,
            self._positions,
            self._activity,
            outlet.put,
        )
        self._stop_file = StopFile(reactor, Path(self._terms.folder) / FILE_NAME, outlet.put)
        self._is_running = True
        for order in self._journal.open_orders():
            self._orders.resume(order)
        self._stop_file.start()
        self._checks.start(self._terms.check_s)
        self._ready_until = reactor.now() + READY_S
        self._reader = AccountReader(reactor, self._links.chain)
        if self._terms.lookup_tables:
            self._reader.read(self._terms.lookup_tables, 0, self._take_tables)
        self._look_whether_ready()

    def stop(self) -> None:
        if not self._is_running:
            return
        self._is_running = self._is_ready = False
        if self._timer is not None:
            self._timer.cancel()
        self._stop_file.stop()
        self._reader.stop()
        self._checks.stop()
        if self._cleaning is not None:
            self._cleaning.stop()
        self._orders.stop()
        self._links.close()

    def submit(self, approved: Approved) -> None:
        """Carry out an order; of one that the journal knows all reports are told again. May be called from any thread.

        :raises JournalError: The order journal cannot be written: nothing was sent.

        """
        if self._is_running and threading.get_ident() != self._thread:
            self._reactor.post(partial(self.submit, approved))
        else:
            objection = "" if self._is_taking else "closing: the run ends"
            if self._is_ready:
                self._take(approved, objection)
            else:
                self._waiting.append((approved, objection))

    def hear(self, *, is_closing: bool) -> None:
        """Learn whether the portfolio approves orders no longer: all that it did were submitted. From any thread."""
        if self._is_running and threading.get_ident() != self._thread:
            self._reactor.post(partial(self.hear, is_closing=is_closing))
        else:
            self.is_closing = is_closing

    def retell(self, first_order: int) -> None:
        """Put all reports on orders from a number on into the outlet again, in the order of the orders.

        Who books by them may have missed some before a crash, and knows those that it has.

        """
        for key in self._journal.last_reports():
            if int(key.partition(".")[0]) >= first_order:
                self._retell(key)

    def _retell(self, key: str) -> None:
        order = self._journal.order(key)
        for report in () if order is None else reports_of(order):
            self._outlet.put(report)

    def wind_down(self) -> None:
        """Take no further order; once nothing is in flight, look at the wallet for the last time."""
        self._is_taking = False
        self._checks.close()

    @property
    def is_idle(self) -> bool:
        """Whether no order is in flight, and none waits."""
        return not self._orders.keys and not self._waiting

    @property
    def is_wound_down(self) -> bool:
        """Whether the last report of the wallet was put into the outlet, and its SOL unwrapped where that is wanted."""
        if self._is_wound_down or not self._checks.is_closed:
            return self._is_wound_down
        if not self._terms.unwrap_at_end or self._terms.is_dry_run:
            self._is_wound_down = True
        elif self._cleaning is None:
            self._cleaning = CleanUp(self._links, self._reader, self._wallet, self._cleaned)
            self._cleaning.start()
        return self._is_wound_down

    def _take(self, approved: Approved, objection: str) -> None:
        if self._journal.knows(approved.key):
            self._outlet.note("known_orders")
            self._retell(approved.key)
        else:
            self._orders.take(approved, objection)

    def _accounts_of(self, pool: str) -> PoolAccounts:
        return self._accounts(pool)

    def _tell(self, report: ExecutionReport) -> None:
        self._positions.take(report)
        self._reports += 1
        self._outlet.put(report)

    def _activity(self) -> Activity:
        return Activity(self.is_idle, self._reports, self._orders.last_slot)

    def _cleaned(self, reason: str) -> None:
        self._is_wound_down = True
        if reason:
            self._outlet.note("unwrapping_failures", reason)

    def _take_tables(self, fresh: Fresh) -> None:
        tables = []
        for address, account in fresh.accounts.items():
            try:
                if account is None:
                    raise BuildError("lookup_table", f"there is none at {address}")
                tables.append(read_table(Pubkey.from_string(address), account, fresh.slot))
            except BuildError as error:
                self._outlet.refuse(error.kind, error.reason)
        self._links.writer.use_tables(tables)

    def _look_whether_ready(self) -> None:
        """Take the orders that came early, once there is something to sign with."""
        if not self._links.is_ready and self._reactor.now() < self._ready_until:
            self._timer = self._reactor.call_in(LOOK_S, self._look_whether_ready)
            return
        self._is_ready = True
        self._prepare()
        waiting, self._waiting = self._waiting, []
        for approved, objection in waiting:
            self._take(approved, objection)

    def _prepare(self) -> None:
        """Compile the swaps of all pools, so that the first order of each kind is as fast as the others."""
        found = []
        for info in self._swapped:
            try:
                found.append(self._accounts(info.pool))
            except BuildError:
                continue
        self._links.writer.prepare(found)


def _no_accounts(pool: str) -> PoolAccounts:
    raise BuildError("missing_account", f"nothing is known of pool {pool} yet")
