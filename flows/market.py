"""The market that a live run sees: the configured cluster, or the embedded sandbox when none is."""

import atexit
import logging
import subprocess
import sys
from collections.abc import Sequence

import msgspec

from connectors.cluster import Cluster, ClusterError
from connectors.pool_loading import LoadedPool
from dlmm.errors import DlmmError
from dlmm.records import Record
from flows.settings.dump import host_only
from flows.settings.tree import Settings

STARTS_WITHIN_S = 60.0
ENDS_WITHIN_S = 5.0

_log = logging.getLogger(__name__)


class Market(Record, frozen=True):
    """Where to find a cluster and the third party's prices.

    :arg pools: Addresses to follow.

    """

    rpc_urls: tuple[str, ...]
    ws_url: str
    prices_url: str | None
    pools: tuple[str, ...]
    genesis_hash: str | None
    source: str


class _SandboxPool(msgspec.Struct):
    address: str


class _SandboxFacts(msgspec.Struct):
    rpc_url: str
    ws_url: str
    prices_url: str
    genesis_hash: str
    pools: list[_SandboxPool]


def find_market(settings: Settings) -> Market:
    """Return the configured cluster's addresses, or start the sandbox and return its.

    :raises DlmmError: The sandbox does not start, or no pools are named for a real cluster.

    """
    network = settings.network
    if network.rpc_url is None:
        return _start_sandbox(settings)
    if not settings.target_pools.pools:
        raise DlmmError("target_pools.pools: names no pool; a real cluster has too many to follow all of them")
    return Market(
        rpc_urls=(network.rpc_url, *network.backup_rpc_urls),
        ws_url=network.ws_url or "ws" + network.rpc_url.removeprefix("http"),
        prices_url=settings.feeds.prices_url,
        pools=settings.target_pools.pools,
        genesis_hash=network.genesis_hash,
        source=f"live: {host_only(network.rpc_url)}",
    )


def _start_sandbox(settings: Settings) -> Market:
    """Run the sandbox as a process of its own, which ends with this one."""
    terms = settings.sandbox
    options = ["--port", "0", "--parent-pipe", "--slot-ms", str(terms.slot_ms), "--seed", str(terms.seed)]
    options += ["--market", terms.market] if terms.market else []
    options += ["--faults", terms.faults] if terms.faults else []
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox", *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is for this process, which ends the sandbox when it has finished
    )
    atexit.register(_end, process)
    assert process.stdout is not None
    line = process.stdout.readline()
    try:
        facts = msgspec.json.decode(line, type=_SandboxFacts)
    except msgspec.DecodeError:
        code = process.wait(STARTS_WITHIN_S)
        raise DlmmError(f"the sandbox ended with status {code} before it answered: {line.strip()[:300]}") from None
    _log.info("sandbox cluster at %s, %d ms a slot", facts.rpc_url, terms.slot_ms)
    return Market(
        rpc_urls=(facts.rpc_url,),
        ws_url=facts.ws_url,
        prices_url=settings.feeds.prices_url or facts.prices_url,
        pools=settings.target_pools.pools or tuple(pool.address for pool in facts.pools),
        genesis_hash=settings.network.genesis_hash or facts.genesis_hash,
        source=f"sandbox: seed {terms.seed}, {terms.slot_ms} ms a slot",
    )


def _end(process: "subprocess.Popen[str]") -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def load_market(market: Market, settings: Settings) -> tuple[LoadedPool, ...]:
    """Look at the cluster and load its pools, saying of each what it is or why it is left out.

    :raises DlmmError: The cluster does not answer, is another than expected, or has no pool that can be traded.

    """
    url = market.rpc_urls[0]
    cluster = Cluster(url, host_only(url), settings.network.commitment)
    cluster.check_genesis(market.genesis_hash)
    loaded, skipped = cluster.load_pools(market.pools, settings.feeds.arrays_around)
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
    return "; ".join(reasons[:3]) + (f"; and {len(reasons) - 3} more" if len(reasons) > 3 else "")  # noqa: PLR2004
