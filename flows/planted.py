"""The sandbox's pools without a sandbox: for what needs pools and no market."""

from solders.pubkey import Pubkey

from connectors.clusters.pool_loading import LoadedPool, load_pool, needed_accounts
from dlmm.records import Account
from sandbox.model.engine import ModelEngine
from sandbox.pools.genesis import plant


def planted_pools(slot: int = 1, arrays_around: int = 1) -> tuple[LoadedPool, ...]:
    """Load the pools that a sandbox starts with, as a run on it would.

    :arg slot: Slot of their state.

    :arg arrays_around: Bin arrays on either side of the active one.

    """
    engine = ModelEngine({})

    def account(address: str) -> Account | None:
        found = engine.get(Pubkey.from_string(address))
        return None if found is None else Account(str(found.owner), bytes(found.data))

    loaded = []
    for facts in plant(engine):
        address = str(facts.address)
        need = needed_accounts(address, account(address), arrays_around)
        accounts = {key: found for key in (address, *need) if (found := account(key)) is not None}
        pool = load_pool(address, accounts, slot)
        assert isinstance(pool, LoadedPool), pool
        loaded.append(pool)
    return tuple(loaded)
