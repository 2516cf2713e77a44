"""From settings to the execution connector of a live run: the wallet, its journal, and what it finds on chain first."""

import atexit
import logging
from dataclasses import dataclass
from pathlib import Path

import msgspec

from connectors.clusters.cluster import Cluster
from connectors.clusters.pool_loading import LoadedPool
from connectors.clusters.sandbox_funding import LAMPORTS_PER_SOL, fund, funds_for
from connectors.execution.executor import Executor
from connectors.execution.incidents import Incidents
from connectors.execution.order_journal import OrderJournal
from connectors.execution.priority_fees import FeeTerms
from connectors.execution.reconciling import Opening, reconcile
from connectors.execution.terms import BundleTerms, ExecutionTerms
from connectors.execution.wallet import Wallet
from connectors.stopping import Stop
from dlmm.errors import DlmmError
from flows.market import Market
from flows.settings.dump import host_only
from flows.settings.tree import Settings
from flows.trading import TradingParams
from operators.books.accounts import inventory_targets
from operators.orders.execution_reports import OperatorCommand

SPARE_LAMPORTS = 10 * LAMPORTS_PER_SOL
"""What the sandbox's own wallet is given for fees and rent, beside what is traded with."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LiveExecution:
    """The execution connector of a run, ready to be turned by the inbox.

    :arg opening: What it found on chain.

    """

    executor: Executor
    opening: Opening
    incidents: Incidents


def is_signed(settings: Settings) -> bool:
    """Tell whether orders become real transactions."""
    mode = settings.execution.mode
    return mode == "signed" or (mode is None and settings.network.rpc_url is None)


def is_dry_run(settings: Settings) -> bool:
    """Tell whether transactions are simulated in the place of being sent."""
    dry_run = settings.trading.dry_run
    return settings.network.rpc_url is not None if dry_run is None else dry_run


def prepare_execution(
    settings: Settings, market: Market, pools: tuple[LoadedPool, ...], params: TradingParams, stop: Stop
) -> LiveExecution | None:
    """Open wallet and order journal, and bring both into agreement with the chain.

    :returns: `None` where orders stay on paper.

    :raises DlmmError: There is no wallet, its file or its journal is refused, it cannot pay, or the cluster does not
        answer.

    """
    if not is_signed(settings):
        return None
    wallet = _wallet(settings)
    address = str(wallet.address)
    traded = inventory_targets(params.desk.strategies, params.desk.pools)
    indices = sorted(traded)
    if settings.network.rpc_url is None:
        cluster = Cluster(market.rpc_urls[0], "the sandbox", settings.network.commitment, stop=stop)
        shares = [traded[pool] for pool in indices]
        chosen = [pools[pool] for pool in indices]
        fund(cluster, address, funds_for(chosen, shares, settings.portfolio.capital, SPARE_LAMPORTS))
    terms = _terms(settings, market, Path(settings.execution.folder) / address)
    journal = OrderJournal.open(terms.folder, address, fsync=terms.fsync)
    atexit.register(journal.close)
    if journal.is_damaged:
        _log.error("order journal: what was lost may have been an order that can land yet; the wallet will tell")
    infos = [pools[pool].info for pool in indices]
    opening = reconcile(terms, wallet, journal, infos, stop)
    incidents = Incidents(Path(terms.folder))
    if incidents.stop_file.exists():
        _log.warning("the emergency stop is on since an earlier run: %s; `dlmm-hft clear` ends it", incidents.stop_file)
        opening = msgspec.structs.replace(
            opening, commands=(*opening.commands, OperatorCommand("stop", "on since an earlier run"))
        )
    _log.info(
        "wallet %s: %s, %d bin positions, %d orders in its journal%s",
        address,
        ", ".join([f"{opening.wallet.lamports / LAMPORTS_PER_SOL:.4f} SOL", *_holdings(opening, pools)]),
        len(opening.wallet.positions),
        opening.wallet.next_order - 1,
        "; dry run: nothing is sent" if terms.is_dry_run else "",
    )
    passed = frozenset[int]().union(*[planned.passes for planned in params.desk.strategies]) - traded.keys()
    passes = [pools[pool].info for pool in sorted(passed)]
    return LiveExecution(Executor(terms, wallet, journal, infos, passes=passes), opening, incidents)


def _holdings(opening: Opening, pools: tuple[LoadedPool, ...]) -> list[str]:
    names = {pool.info.mint_x: (pool.info.base, pool.info.decimals_x) for pool in pools}
    names |= {pool.info.mint_y: (pool.info.quote, pool.info.decimals_y) for pool in pools}
    known = [(token.amount, *names[token.mint]) for token in opening.wallet.tokens if token.mint in names]
    return [f"{amount / 10**decimals:,.6g} {name}" for amount, name, decimals in known]


def _wallet(settings: Settings) -> Wallet:
    path = settings.wallet.keypair_path
    if path is not None:
        return Wallet.load(path)
    if settings.network.rpc_url is None:
        return Wallet.ephemeral()
    raise DlmmError(
        "wallet.keypair_path: execution.mode = signed needs a wallet; name its key file, or set execution.mode = paper"
    )


def _terms(settings: Settings, market: Market, folder: Path) -> ExecutionTerms:
    execution, wallet = settings.execution, settings.wallet
    bundles = None
    if execution.bundles_url is not None:
        bundles = BundleTerms(execution.bundles_url, is_only_way=execution.bundles_only)
    terms = ExecutionTerms(
        rpc_urls=market.rpc_urls,
        ws_url=market.ws_url,
        folder=str(folder),
        commitment=execution.commitment,
        genesis_hash=market.genesis_hash,
        is_dry_run=is_dry_run(settings),
        fsync=execution.fsync,
        fees=FeeTerms(
            floor=execution.fee_floor,
            cap=execution.fee_cap,
            order_cap_lamports=execution.fee_cap_per_order,
            day_cap_lamports=execution.fee_cap_per_day,
        ),
        bundles=bundles,
        lookup_tables=execution.lookup_tables,
        reserve_lamports=round(wallet.reserve_sol * LAMPORTS_PER_SOL),
        unwrap_at_end=wallet.unwrap_at_end,
        rebroadcast_s=execution.rebroadcast_ms / 1e3,
        skip_preflight=execution.skip_preflight,
    )
    _log.info("execution: signed, %s, journal in %s", ", ".join(map(host_only, market.rpc_urls)), folder)
    return terms
