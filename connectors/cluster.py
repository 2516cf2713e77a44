"""A Solana cluster as it is asked before a run begins: which one it is, and what its accounts hold."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from operator import methodcaller
from typing import Any

from solana.exceptions import SolanaRpcException
from solana.rpc.async_api import AsyncClient
from solana.rpc.commitment import Commitment
from solana.rpc.core import RPCException
from solders.errors import SerdeJSONError
from solders.pubkey import Pubkey

from connectors.pool_loading import LoadedPool, SkippedPool, load_pool, needed_accounts
from dlmm.errors import DlmmError
from dlmm.records import Account

BATCH = 100
ATTEMPTS = 6
FIRST_PAUSE_S = 0.25
REQUEST_S = 10.0


class ClusterError(DlmmError):
    """Say why a cluster cannot be used."""


class Cluster:
    """Ask a cluster, patiently: a node that is busy or restarting has a few seconds.

    :arg rpc_url: Its address.

    :arg shown: The address without what may be secret in it.

    """

    def __init__(self, rpc_url: str, shown: str, commitment: str) -> None:
        """Keep the address; nothing is opened yet."""
        self._url = rpc_url
        self._shown = shown
        self._commitment = Commitment(commitment)

    def _ask(self, what: str, call: Callable[[AsyncClient], Awaitable[Any]]) -> Any:
        async def ask() -> Any:
            pause, reason = FIRST_PAUSE_S, ""
            for attempt in range(ATTEMPTS):
                try:
                    async with AsyncClient(self._url, self._commitment, timeout=REQUEST_S, http2=False) as client:
                        return await call(client)
                except SolanaRpcException as error:
                    reason = str(error.__cause__) or type(error.__cause__).__name__
                except RPCException as error:
                    reason = str(error)
                except SerdeJSONError as error:
                    reason = f"its answer makes no sense: {str(error)[:200]}"
                if attempt + 1 < ATTEMPTS:
                    await asyncio.sleep(pause)
                    pause *= 2
            raise ClusterError(f"{self._shown} did not answer {what} in {ATTEMPTS} attempts: {reason}")

        return asyncio.run(ask())

    def check_genesis(self, expected: str | None) -> str:
        """Return the cluster's genesis hash.

        :raises ClusterError: The cluster does not answer, or its hash is not the expected one.

        """
        found = str(self._ask("getGenesisHash", methodcaller("get_genesis_hash")).value)
        if expected is not None and found != expected:
            raise ClusterError(f"network.genesis_hash: {self._shown} is the cluster {found}, not {expected}")
        return found

    def load_pools(self, addresses: Sequence[str], arrays_around: int) -> tuple[list[LoadedPool], list[SkippedPool]]:
        """Load pools with the accounts that trading them needs.

        :arg arrays_around: Bin arrays on either side of the active one.

        :returns: Those that can be traded, in the order asked for, and the others.

        :raises ClusterError: The cluster does not answer.

        """
        _, pairs = self._accounts(addresses)
        needs = {address: needed_accounts(address, pairs.get(address), arrays_around) for address in addresses}
        wanted = [key for need in needs.values() if not isinstance(need, str) for key in need]
        # The pools are asked for once more, with their bins, so that both are of one slot.
        slot, accounts = self._accounts(list(dict.fromkeys((*addresses, *wanted))))
        loaded: list[LoadedPool] = []
        skipped: list[SkippedPool] = []
        for address, need in needs.items():
            if isinstance(need, str):
                skipped.append(SkippedPool(address, need))
                continue
            pool = load_pool(address, {key: accounts[key] for key in (address, *need) if key in accounts}, slot)
            if isinstance(pool, str):
                skipped.append(SkippedPool(address, pool))
            else:
                loaded.append(pool)
        return loaded, skipped

    def _accounts(self, addresses: Sequence[str]) -> tuple[int, dict[str, Account]]:
        """Fetch accounts; those that do not exist are left out.

        :returns: The earliest slot of the answers, and the accounts by address.

        """
        found: dict[str, Account] = {}
        slots = []
        for start in range(0, len(addresses), BATCH):
            keys = [Pubkey.from_string(address) for address in addresses[start : start + BATCH]]
            answer = self._ask("getMultipleAccounts", methodcaller("get_multiple_accounts", keys))
            slots.append(answer.context.slot)
            for key, account in zip(keys, answer.value, strict=True):
                if account is not None:
                    found[str(key)] = Account(str(account.owner), bytes(account.data))
        return min(slots, default=0), found
