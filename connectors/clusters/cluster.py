"""A Solana cluster as it is asked before a run begins: which one it is, and what its accounts hold."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TypeVar

from solders.pubkey import Pubkey

from connectors.clusters.pool_loading import LoadedPool, SkippedPool, load_pool, needed_accounts
from connectors.feeds.backoff import Backoff
from connectors.feeds.outlet import Outlet
from connectors.feeds.reactor import Reactor
from connectors.feeds.rpc_node import RpcNode
from connectors.stopping import Stop
from connectors.wire.account_data import decode
from connectors.wire.accounts import MOST_ACCOUNTS, NOBODY, get_multiple_accounts, read_multiple_accounts
from connectors.wire.refusal import Refusal, WireError
from connectors.wire.rpc import TEXTS, get_genesis_hash
from dlmm.errors import DlmmError
from dlmm.records import Account, Record

ATTEMPTS = 6
FIRST_PAUSE_S = 0.25
REQUEST_S = 10.0
LOOK_S = 0.1
"""How often somebody who waits looks whether the run is to end."""
LARGEST_ACCOUNT = 100_000
"""Bytes; pools, bin arrays and mints are far smaller."""

T = TypeVar("T")


class ClusterError(DlmmError):
    """Say why a cluster cannot be used."""


class _Found(Record, frozen=True):
    """What stands at some addresses, all as of one slot; those that do not exist are in neither.

    :arg spoiled: What is wrong with the bytes that came for an address.

    """

    slot: int
    accounts: dict[str, Account]
    spoiled: dict[str, str]


class Cluster:
    """Ask a cluster, patiently: a node that is busy or restarting has a few seconds.

    :arg rpc_url: Its address.

    :arg shown: The address without what may be secret in it.

    :arg stop: Whoever asks for the end of the run ends the waiting too.

    :arg attempts: How often each question is asked.

    :raises EndpointError: The address is none that can be used.

    """

    def __init__(
        self, rpc_url: str, shown: str, commitment: str, *, stop: Stop | None = None, attempts: int = ATTEMPTS
    ) -> None:
        """Keep the address; nothing is opened yet."""
        self._url = rpc_url
        self._shown = shown
        self._commitment = commitment
        self._stop = Stop() if stop is None else stop
        self._attempts = attempts
        self._outlet = Outlet("cluster")

    def check_genesis(self, expected: str | None) -> str:
        """Return the cluster's genesis hash.

        :raises ClusterError: The cluster does not answer, or its hash is not the expected one.

        """
        found = _printable(self.ask("getGenesisHash", get_genesis_hash, TEXTS.read))
        if expected is not None and found != expected:
            raise ClusterError(f"network.genesis_hash: {self._shown} is the cluster {found[:50]}, not {expected}")
        return found

    def load_pools(self, addresses: Sequence[str], arrays_around: int) -> tuple[list[LoadedPool], list[SkippedPool]]:
        """Load pools with the accounts that trading them needs.

        :arg arrays_around: Bin arrays on either side of the active one.

        :returns: Those that can be traded, in the order asked for, and the others.

        :raises ClusterError: The cluster does not answer.

        """
        skipped: dict[str, str] = {address: "not an address" for address in addresses if not _is_address(address)}
        wanted = list(dict.fromkeys(address for address in addresses if address not in skipped))
        needs: dict[str, list[str]] = {}
        for batch in _packed([address] for address in wanted):
            found = self._look_up(batch)
            for address in batch:
                need = found.spoiled.get(address) or needed_accounts(
                    address, found.accounts.get(address), arrays_around
                )
                if isinstance(need, str):
                    skipped[address] = need
                else:
                    needs[address] = need
        # The pools are asked for once more, with their bins, so that both are of one slot.
        loaded: list[LoadedPool] = []
        for batch in _packed([address, *need] for address, need in needs.items()):
            found = self._look_up(batch)
            for address in [key for key in batch if key in needs]:
                pool = _pool_of(address, (address, *needs[address]), found)
                if isinstance(pool, str):
                    skipped[address] = pool
                else:
                    loaded.append(pool)
        return loaded, [SkippedPool(address, skipped[address]) for address in addresses if address in skipped]

    def _look_up(self, addresses: Sequence[str]) -> _Found:
        answer = self.ask(
            "getMultipleAccounts",
            lambda number: get_multiple_accounts(number, addresses, self._commitment),
            partial(read_multiple_accounts, addresses=addresses),
        )
        found = _Found(answer.slot, {}, {})
        for update in answer.accounts:
            if update.owner == NOBODY and not update.data:
                continue
            try:
                data = decode(update.data, update.encoding, LARGEST_ACCOUNT)
            except WireError as error:
                found.spoiled[update.address] = _printable(f"account {update.address}: {error}")
            else:
                found.accounts[update.address] = Account(_printable(update.owner), data)
        return found

    def ask(self, what: str, write: Callable[[int], bytes], read: Callable[[int, bytes, int], T | Refusal]) -> T:
        """Ask one question, and wait for the answer.

        :arg what: Name of the method.

        :arg write: Makes the question of its id.

        :arg read: Reads status and body of the answer to the question with that id.

        :raises ClusterError: The cluster does not answer, or the run is to end.

        """
        reactor = Reactor()
        node = RpcNode(reactor, self._url, self._outlet, timeout_s=REQUEST_S, backoff=Backoff(FIRST_PAUSE_S))
        reason = ""
        try:
            for _ in range(self._attempts):
                while not node.is_ready:
                    self._wait(reactor, what, reason)
                answers: list[T | Refusal] = []
                node.ask(write, read, answers.append)
                while not answers:
                    self._wait(reactor, what, reason)
                (answer,) = answers
                if not isinstance(answer, Refusal):
                    return answer
                reason = _printable(f"{answer.cause}: {answer.detail}")
        finally:
            node.close()
            reactor.close()
        raise ClusterError(f"{self._shown} did not answer {what} in {self._attempts} attempts: {reason}")

    def _wait(self, reactor: Reactor, what: str, reason: str) -> None:
        if self._stop.is_requested:
            so_far = f", which had failed with {reason}" if reason else ""
            raise ClusterError(f"{self._stop.reason} while {self._shown} was asked for {what}{so_far}")
        reactor.run_once(LOOK_S)


def _pool_of(address: str, keys: Sequence[str], found: _Found) -> LoadedPool | str:
    spoiled = [found.spoiled[key] for key in keys if key in found.spoiled]
    if spoiled:
        return spoiled[0]
    return load_pool(address, {key: found.accounts[key] for key in keys if key in found.accounts}, found.slot)


def _packed(groups: Iterable[Sequence[str]]) -> list[list[str]]:
    """Pack addresses into as few questions as it takes, those of one group into the same one."""
    batches: list[dict[str, None]] = [{}]
    for group in groups:
        if len(batches[-1].keys() | group) > MOST_ACCOUNTS:
            batches.append({})
        batches[-1].update(dict.fromkeys(group))
    return [list(batch) for batch in batches if batch]


def _is_address(text: str) -> bool:
    try:
        Pubkey.from_string(text)
    except ValueError:
        return False
    return True


def _printable(foreign: str) -> str:
    return foreign if foreign.isprintable() else ascii(foreign)[1:-1]
