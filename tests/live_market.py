"""A small live market without a cluster: planted pools, and swaps in them by our own arithmetic."""

from collections.abc import Iterator, Sequence

import numpy as np
from msgspec.structs import replace

from connectors.pool_loading import LoadedPool, load_pool, needed_accounts
from connectors.wire.events import AccountUpdate, Event, SlotUpdate
from dlmm.meteora.pool import MeteoraPool
from dlmm.records import Account, Clock, SwapFailure, SwapRequest, Venue
from dlmm.saros.pool import SarosPool
from dlmm.swap import Pool, apply
from sandbox.genesis import plant
from sandbox.model.engine import ModelEngine

FIRST_SLOT = 1_000
START_S = 1_750_000_000
ARRAYS_AROUND = 2


def planted_pools(count: int = 4) -> tuple[LoadedPool, ...]:
    """Load pools as a run would, from an engine instead of a cluster."""
    engine = ModelEngine({})
    loaded = []
    for facts in plant(engine)[:count]:
        address = str(facts.address)
        every = {}
        need = needed_accounts(address, _account(engine, address), ARRAYS_AROUND)
        assert not isinstance(need, str)
        for key in (address, *need):
            account = _account(engine, key)
            if account is not None:
                every[key] = account
        pool = load_pool(address, every, FIRST_SLOT)
        assert isinstance(pool, LoadedPool), pool
        loaded.append(pool)
    return tuple(loaded)


def _account(engine: ModelEngine, address: str) -> Account | None:
    from solders.pubkey import Pubkey

    found = engine.get(Pubkey.from_string(address))
    return None if found is None else Account(str(found.owner), bytes(found.data))


def update(address: str, slot: int, account: Account) -> AccountUpdate:
    """Say an account's state as a feed would."""
    return AccountUpdate(slot, address, account.owner, account.data.decode("latin-1"), "raw")


def swaps(pools: Sequence[LoadedPool], slots: int, seed: int = 1, worth: float = 30_000.0) -> Iterator[list[Event]]:
    """Give what a perfect feed says of a market in which one swap a slot goes through every pool.

    :arg worth: Mean size of a swap, in whole tokens of quote.

    :returns: One group of events a slot: the tick, then the accounts that changed, each pool's own last.

    """
    rng = np.random.default_rng(seed)
    states: list[Pool] = [_pool(loaded) for loaded in pools]
    for slot in range(FIRST_SLOT + 1, FIRST_SLOT + 1 + slots):
        events: list[Event] = [SlotUpdate(slot)]
        clock = Clock(slot=slot, unix_timestamp=START_S + (slot - FIRST_SLOT) * 2 // 5, epoch=0)
        for index, loaded in enumerate(pools):
            info = loaded.info
            size = worth * rng.lognormal(0.0, 0.7)
            swap_for_y = bool(rng.random() < 0.5)
            amount = size / loaded.price * 10**info.decimals_x if swap_for_y else size * 10**info.decimals_y
            request = SwapRequest(exact_in=True, amount=int(amount), swap_for_y=swap_for_y, threshold=0)
            answer = apply(states[index], request, clock)
            if isinstance(answer, SwapFailure):
                continue
            before, states[index] = states[index].to_accounts(), answer[1]
            after = states[index].to_accounts()
            changed = [key for key in after if after[key] != before[key] and key != info.pool]
            events += [update(key, slot, after[key]) for key in (*changed, info.pool)]
        yield events


def _pool(loaded: LoadedPool) -> Pool:
    decode = SarosPool if loaded.info.venue is Venue.SAROS else MeteoraPool
    return decode.from_accounts(loaded.info.pool, loaded.accounts)


def at_slot(loaded: LoadedPool, slot: int) -> LoadedPool:
    """Return a pool as if loaded in another slot."""
    return replace(loaded, slot=slot)
