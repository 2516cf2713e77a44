"""A small live market without a cluster: planted pools, and swaps in them by our own arithmetic."""

from collections.abc import Iterator, Sequence

import numpy as np

from connectors.clusters.pool_loading import LoadedPool
from connectors.wire.events import AccountUpdate, Event, SlotUpdate
from dlmm.meteora.pool import MeteoraPool
from dlmm.records import Account, Clock, SwapFailure, SwapRequest, Venue
from dlmm.saros.pool import SarosPool
from dlmm.swap import Pool, apply

FIRST_SLOT = 1_000
START_S = 1_750_000_000
ARRAYS_AROUND = 2


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
