"""The market that a live run sees: the configured cluster, or the embedded sandbox when none is."""

import atexit
import logging
from collections.abc import Iterator, Sequence

import msgspec

from connectors.clusters.cluster import Cluster, ClusterError
from connectors.clusters.pool_loading import LoadedPool
from connectors.clusters.sandbox_process import SandboxProcess
from connectors.feeds.endpoint import Endpoint, EndpointError
from connectors.stopping import Stop
from dlmm.errors import DlmmError
from dlmm.records import Record
from flows.settings.dump import host_only
from flows.settings.tree import Settings

NAMED_REASONS = 3

_log = logging.getLogger(__name__)


class Market(Record, frozen=True):
    """Where to find a cluster and the third party's prices.

    :arg rpc_urls: The first is the cluster's, the others stand in for it.

    :arg pools: Addresses to follow.

    :arg genesis_hash: Which cluster it is; every endpoint has to belong to it.

    :arg source: What the market is, for people.

    """

    rpc_urls: tuple[str, ...]
    ws_url: str
    prices_url: str | None
    pools: tuple[str, ...]
    genesis_hash: str
    source: str


def find_market(settings: Settings, stop: Stop) -> Market:
    """Return the configured cluster, or start the sandbox and return that.

    :raises DlmmError: The sandbox does not start, an address cannot be used, no pools are named for a real cluster, or
        it does not answer or is another than expected.

    """
    network = settings.network
    _check_addresses(settings)
    if network.rpc_url is None:
        market = _start_sandbox(settings, stop)
    elif not settings.target_pools.pools:
        raise DlmmError("target_pools.pools: names no pool; a real cluster has too many to follow all of them")
    else:
        market = Market(
            rpc_urls=(network.rpc_url, *network.backup_rpc_urls),
            ws_url=network.ws_url or "ws" + network.rpc_url.removeprefix("http"),
            prices_url=settings.feeds.prices_url,
            pools=settings.target_pools.pools,
            genesis_hash="",
            source=f"live: {host_only(network.rpc_url)}",
        )
    found = _cluster(market, settings, stop).check_genesis(network.genesis_hash)
    return msgspec.structs.replace(market, genesis_hash=found)


def _check_addresses(settings: Settings) -> None:
    network = settings.network
    named = {
        "network.rpc_url": (network.rpc_url,),
        "network.ws_url": (network.ws_url,),
        "network.backup_rpc_urls": network.backup_rpc_urls,
        "feeds.prices_url": (settings.feeds.prices_url,),
    }
    for path, urls in named.items():
        for url in urls:
            if url is not None:
                try:
                    Endpoint.parse(url)
                except EndpointError as error:
                    raise DlmmError(f"{path}: {error.reason}") from None


def _start_sandbox(settings: Settings, stop: Stop) -> Market:
    """Run the sandbox as a process of its own, which ends with this one."""
    terms = settings.sandbox
    process = SandboxProcess(tuple(_options(settings)))
    atexit.register(process.end)
    facts = process.facts(stop)
    _log.info("sandbox cluster at %s, %d ms a slot", facts.rpc_url, terms.slot_ms)
    return Market(
        rpc_urls=(facts.rpc_url,),
        ws_url=facts.ws_url,
        prices_url=settings.feeds.prices_url or facts.prices_url,
        pools=settings.target_pools.pools or tuple(pool.address for pool in facts.pools),
        genesis_hash=facts.genesis_hash,
        source=f"sandbox: seed {terms.seed}, {terms.slot_ms} ms a slot",
    )


def _options(settings: Settings) -> Iterator[str]:
    terms = settings.sandbox
    yield from ("--slot-ms", str(terms.slot_ms), "--seed", str(terms.seed))
    yield from (("--market", terms.market) if terms.market else ())
    yield from (("--faults", terms.faults) if terms.faults else ())


def _cluster(market: Market, settings: Settings, stop: Stop) -> Cluster:
    url = market.rpc_urls[0]
    return Cluster(url, host_only(url), settings.network.commitment, stop=stop)


def load_market(market: Market, settings: Settings, stop: Stop) -> tuple[LoadedPool, ...]:
    """Load the market's pools, saying of each what it is or why it is left out.

    :raises DlmmError: The cluster does not answer, or has no pool that can be traded.

    """
    loaded, skipped = _cluster(market, settings, stop).load_pools(market.pools, settings.feeds.arrays_around)
    for pool in loaded:
        info = pool.info
        _log.info(
            "pool %s: %s %s/%s, bin step %d, base fee %.3g %%, price %.6g, active bin %d, %d accounts",
            info.pool,
            info.venue,
            info.base,
            info.quote,
            info.bin_step,
            100.0 * pool.base_fee,
            pool.price,
            pool.active_id,
            len(pool.accounts),
        )
    for skip in skipped:
        _log.warning("pool %s is left out: %s", skip.address, skip.reason)
    if not loaded:
        raise ClusterError(
            f"target_pools.pools: none of them can be traded: {_reasons([f'{s.address}: {s.reason}' for s in skipped])}"
        )
    return tuple(loaded)


def _reasons(reasons: Sequence[str]) -> str:
    return "; ".join(reasons[:NAMED_REASONS]) + (
        f"; and {len(reasons) - NAMED_REASONS} more" if len(reasons) > NAMED_REASONS else ""
    )
