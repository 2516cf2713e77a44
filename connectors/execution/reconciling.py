"""Before a run begins: the order journal against the chain, the wallet's accounts set up, and what it holds.

    opening = reconcile(terms, wallet, journal, pools, stop)

What an earlier run left open is followed to its end first, so that no order of this run meets one that nobody knows of.
"""

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec.structs import replace
from solders.pubkey import Pubkey

from connectors.clusters.cluster import Cluster
from connectors.clusters.pool_loading import LoadedPool
from connectors.execution.building.pool_accounts import PoolAccounts
from connectors.execution.building.steps import BuildError, Step
from connectors.execution.building.swaps import pools_named
from connectors.execution.building.token_accounts import TOKEN_ACCOUNT_RENT, set_up
from connectors.execution.housekeeping import Housekeeping
from connectors.execution.links import Links
from connectors.execution.order_journal import OrderJournal
from connectors.execution.order_phases import Order
from connectors.execution.orders_in_flight import OrdersInFlight
from connectors.execution.position_search import PositionSearch
from connectors.execution.positions_held import PositionsHeld
from connectors.execution.reading import AccountReader, Fresh
from connectors.execution.reporting import reports_of
from connectors.execution.stop_file import FILE_NAME
from connectors.execution.terms import ExecutionTerms
from connectors.execution.transactions import takes_risk_off
from connectors.execution.wallet import Wallet
from connectors.execution.wallet_checks import mints_of, wallet_report
from connectors.feeds.outlet import Outlet
from connectors.feeds.reactor import Reactor
from connectors.stopping import Stop
from connectors.wire.refusal import Refusal
from connectors.wire.wallet_holdings import Holdings
from dlmm.errors import DlmmError
from dlmm.programs import WRAPPED_SOL, associated_token_account
from dlmm.records import Record
from operators.orders.execution_reports import ExecutionReport, OperatorCommand, PositionState, WalletReport
from operators.pools import PoolInfo

ANSWER_S = 30.0
"""How long the cluster has to tell of itself."""

SETTLE_S = 300.0
"""How long the orders of an earlier run have to come to their end: a blockhash lives for a minute or two."""

SAY_EVERY_S = 5.0
LOOK_S = 0.05
AROUND = 2
"""Bin arrays on either side of the active one that are read of a pool."""

FEES_LAMPORTS = 2_000_000
"""Native SOL that a wallet must have beside the rent of what is to be set up: fees of some hundred transactions."""

LEAST_WRAPPED = 10_000_000
"""Less SOL than this is not worth a transaction."""

RETOLD_ORDERS = 256
"""Of so many orders, those that anything was told of last, all reports are told once more: a run that died may not have
heard them."""

_log = logging.getLogger(__name__)


class ReconcileError(DlmmError):
    """Say why a run cannot begin with this wallet.

    :arg kind: `no_answer`, `unsettled_orders`, `no_sol`, `frozen_account`, `set_up_failed`, `unknown_mint`, or
        `stopped` where somebody asked for the end meanwhile.

    :arg reason: The figures behind it.

    """

    def __init__(self, kind: str, reason: str) -> None:
        """Keep both values, and name the kind first."""
        super().__init__(f"wallet: {kind}: {reason}")
        self.kind = kind
        self.reason = reason


class Opening(Record, frozen=True):
    """What was found on chain before the first order of a run.

    :arg reports: The final reports of the newest orders, in the order of the journal; those that ended only now come
        last, with all that was told of them now. Whoever books by them may have some of them.

    :arg wallet: What the wallet holds, of the occasion `opening`.

    :arg commands: What an operator asked for before the run began.

    :arg earlier: All other reports of the newest orders, from before `reports`: transactions of orders that take
        several. Whoever books by them has all but perhaps the newest, and must know them by signature, status and slot.

    """

    reports: tuple[ExecutionReport, ...]
    wallet: WalletReport
    commands: tuple[OperatorCommand, ...] = ()
    earlier: tuple[ExecutionReport, ...] = ()


def reconcile(
    terms: ExecutionTerms, wallet: Wallet, journal: OrderJournal, pools: Sequence[PoolInfo], stop: Stop
) -> Opening:
    """Bring journal, wallet and chain into agreement; takes as long as it takes.

    :arg journal: Open, of this wallet.

    :arg pools: The traded ones.

    :arg stop: Whoever asks for the end of the run ends the waiting too.

    :raises ReconcileError: The wallet cannot trade, or the cluster does not answer.

    :raises ClusterError: The cluster does not answer for its pools.

    """
    retold, earlier = told_before(journal)
    reconciler = _Reconciler(terms, wallet, journal, pools, stop)
    try:
        reconciler.wait_for_cluster()
        settled = reconciler.settle_orders()
        reconciler.set_up_accounts()
        report = reconciler.read_wallet()
    finally:
        reconciler.close()
    return Opening(reports=(*retold, *settled), wallet=report, earlier=earlier)


def told_before(
    journal: OrderJournal, newest: int = RETOLD_ORDERS
) -> tuple[tuple[ExecutionReport, ...], tuple[ExecutionReport, ...]]:
    """Return the final reports of the orders that were told of last, and all their others, as the journal has them."""
    orders = [order for key in journal.last_reports() if (order := journal.order(key)) is not None]
    since_ns = sorted(order.ts_ns for order in orders)[-newest:][:1]
    final, others = [], []
    for order in orders:
        if order.ts_ns < since_ns[0]:
            continue
        reports = reports_of(order)
        if reports and reports[-1].is_final:
            final.append(reports.pop())
        others += reports
    return tuple(final), tuple(others)


def _takes_risk_off(order: Order) -> bool:
    return order.approved is not None and takes_risk_off(order.approved.command, order.approved.urgency)


class _Reconciler:
    def __init__(
        self, terms: ExecutionTerms, wallet: Wallet, journal: OrderJournal, pools: Sequence[PoolInfo], stop: Stop
    ) -> None:
        self._terms = terms
        self._wallet = wallet
        self._journal = journal
        self._pools = tuple(pools)
        self._stop = stop
        left = [order.approved.command for order in journal.open_orders() if order.approved is not None]
        open_pools = [pool for command in left for pool in pools_named(command)]
        addresses = tuple(dict.fromkeys([*(info.pool for info in pools), *open_pools]))
        cluster = Cluster(terms.rpc_urls[0], "the cluster", terms.commitment, stop=stop)
        loaded, _ = cluster.load_pools(addresses, AROUND)
        self._loaded: dict[str, LoadedPool] = {pool.info.pool: pool for pool in loaded}
        self._reactor = Reactor()
        mints = {pool.info.pool: (pool.info.mint_x, pool.info.mint_y) for pool in loaded}
        self._links = Links.open(self._reactor, Outlet("reconciling"), terms, wallet, mints)
        self._reader = AccountReader(self._reactor, self._links.chain)
        self._last_slot = 0

    def close(self) -> None:
        self._reader.stop()
        self._links.close()
        self._reactor.close()

    def wait_for_cluster(self) -> None:
        """Wait for a blockhash and a slot."""
        chain = self._links.chain
        self._until(
            lambda: chain.blockhash is not None and chain.slot > 0,
            ANSWER_S,
            "no_answer",
            lambda: "the cluster tells no blockhash",
        )

    def settle_orders(self) -> tuple[ExecutionReport, ...]:
        """Follow what an earlier run left open to its end, and return what came of it."""
        found: list[ExecutionReport] = []
        orders = OrdersInFlight(self._links, self._journal, self._wallet, self._terms, self._accounts_of, found.append)
        is_stopped = (Path(self._terms.folder) / FILE_NAME).exists()
        for order in self._journal.open_orders():
            orders.resume(order, sends=not is_stopped or _takes_risk_off(order))
        try:
            self._until(
                lambda: not orders.keys,
                SETTLE_S,
                "unsettled_orders",
                lambda: f"{len(orders.keys)} orders of an earlier run are open: {', '.join(orders.keys[:5])}",
            )
        finally:
            orders.stop()
        self._last_slot = orders.last_slot
        for report in found:
            _log.info("order %d.%d of an earlier run: %s", report.order, report.attempt, report.status)
        return tuple(found)

    def set_up_accounts(self) -> None:
        """Make the token accounts that are missing, and wrap what SOL is not kept back."""
        holdings = self._holdings()
        programs = self._mint_programs()
        existing = {token.address for token in holdings.tokens}
        owner = self._wallet.address
        keys = [(Pubkey.from_string(mint), Pubkey.from_string(program)) for mint, program in programs.items()]
        ours = {str(associated_token_account(owner, mint, program)) for mint, program in keys}
        for token in holdings.tokens:
            if token.is_frozen and token.address in ours:
                raise ReconcileError("frozen_account", f"{token.address} of mint {token.mint}, {token.amount} units")
        least = len(ours - existing) * TOKEN_ACCOUNT_RENT + FEES_LAMPORTS
        if holdings.lamports < least:
            raise ReconcileError("no_sol", f"{owner} has {holdings.lamports} lamports, and needs {least} to begin")
        if self._terms.is_dry_run:
            return
        spare = holdings.lamports - least - self._terms.reserve_lamports
        wrapped = spare if str(WRAPPED_SOL) in programs and spare >= LEAST_WRAPPED else 0
        steps = set_up(owner, programs, existing, wrapped_lamports=wrapped)
        if steps:
            self._keep_house(steps)

    def read_wallet(self) -> WalletReport:
        """Read what the wallet holds by now."""
        holdings = self._holdings()
        positions = PositionsHeld.of(self._journal)
        found: list[Fresh] = []
        self._reader.read(positions.addresses, self._last_slot, found.append)
        self._until(lambda: bool(found), ANSWER_S, "no_answer", lambda: "for its positions")
        address, mints = str(self._wallet.address), mints_of(self._pools)
        next_order = self._journal.next_order
        report = wallet_report("opening", address, holdings, positions, found[0], mints, next_order)
        others = [one for one in self._search(holdings) if one.address not in positions.addresses]
        return replace(report, positions=(*report.positions, *others))

    def _search(self, holdings: Holdings) -> tuple[PositionState, ...]:
        """Find the positions of the wallet that no order of the journal made, and all others."""
        address = str(self._wallet.address)
        traded = [self._loaded[info.pool] for info in self._pools]
        urls, commitment = self._terms.rpc_urls, self._terms.commitment
        search = PositionSearch(self._links, self._reader, urls, commitment, address, traded)
        found: list[tuple[PositionState, ...]] = []
        try:
            search.ask(holdings.tokens, holdings.slot, found.append)
            self._until(lambda: bool(found), ANSWER_S, "no_answer", lambda: "for positions of others' making")
        finally:
            search.stop()
        return found[0]

    def _keep_house(self, steps: Sequence[Step]) -> None:
        outcome: list[str] = []
        housekeeping = Housekeeping(self._links, steps, outcome.append)
        housekeeping.start()
        try:
            self._until(lambda: bool(outcome), SETTLE_S, "set_up_failed", lambda: "its token accounts were not made")
        finally:
            housekeeping.stop()
        if outcome[0]:
            raise ReconcileError("set_up_failed", outcome[0])
        self._last_slot = max(self._last_slot, housekeeping.last_slot)

    def _holdings(self) -> Holdings:
        """Ask until the answer is as new as all that was sent."""
        answers: list[Holdings | Refusal] = []

        def take(answer: Holdings | Refusal) -> None:
            if isinstance(answer, Refusal) or answer.slot < self._last_slot:
                self._reactor.call_in(LOOK_S, lambda: self._links.chain.ask_holdings(take))
            answers.append(answer)

        def is_known() -> bool:
            return bool(answers) and isinstance(answers[-1], Holdings) and answers[-1].slot >= self._last_slot

        self._links.chain.ask_holdings(take)
        self._until(is_known, ANSWER_S, "no_answer", lambda: f"for its holdings: {answers[-1:]}")
        holdings = answers[-1]
        assert isinstance(holdings, Holdings)
        return holdings

    def _mint_programs(self) -> dict[str, str]:
        """Return the token program of each traded mint."""
        programs = {}
        for info in self._pools:
            pool = self._loaded.get(info.pool)
            for mint in (info.mint_x, info.mint_y):
                if pool is None or mint not in pool.accounts:
                    raise ReconcileError("unknown_mint", f"{mint} of pool {info.pool} was not found")
                programs[mint] = pool.accounts[mint].owner
        return programs

    def _accounts_of(self, address: str) -> PoolAccounts:
        pool = self._loaded.get(address)
        if pool is None:
            raise BuildError("missing_account", f"pool {address} was not found")
        return PoolAccounts(pool.info, pool.accounts, max(pool.slot, self._links.chain.slot), int(time.time()))

    def _until(self, is_done: Callable[[], bool], within_s: float, kind: str, reason: Callable[[], str]) -> None:
        deadline = self._reactor.now() + within_s
        say_at = self._reactor.now() + SAY_EVERY_S
        while not is_done():
            now = self._reactor.now()
            if self._stop.is_requested:
                raise ReconcileError("stopped", f"{self._stop.reason} before the run began")
            if now > deadline:
                raise ReconcileError(kind, reason())
            if now > say_at:
                say_at = now + SAY_EVERY_S
                _log.info("before the run: %s", reason())
            self._reactor.run_once(LOOK_S)
