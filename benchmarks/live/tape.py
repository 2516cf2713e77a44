"""The `live` workload: ten Meteora pools, and a tape of their notifications as a node would push them.

Pools and moves are those of the `mm` workload, all ten on the venue whose pool account is the larger one. Each move is
one write of a pool's 904 bytes; what stands in the bins stays as it is, with both tokens in every bin, so that paper
orders on either side can fill wherever the price goes.
"""

import base64
import hashlib
import math
from collections.abc import Iterator

import msgspec
import numpy as np
import zstandard
from msgspec.structs import replace
from numpy.typing import NDArray
from solders.pubkey import Pubkey

from benchmarks.mm_tape import PAIRS, VENUES, tape
from connectors.clusters.pool_loading import LoadedPool, load_pool, needed_accounts
from dlmm.meteora.layout import BIN_ARRAY, BINS_PER_ARRAY, LB_PAIR
from dlmm.records import Account, Record, Venue
from sandbox.model.engine import ModelEngine
from sandbox.pools.genesis import plant
from sandbox.pools.plans import DEFAULT_PLANS, USDC, PoolPlan, Token

ARRAYS_AROUND = 2
FIRST_SLOT = 300_000_000
SLOT_NS = 400_000_000
_DECIMALS = 6
_DEPTH = 4_000.0
_ENCODERS = {
    "base64": lambda data: data,
    "base64+zstd": zstandard.ZstdCompressor().compress,
}
ENCODINGS = tuple(_ENCODERS)


class Update(Record, frozen=True):
    """One write of a pool's account.

    :arg due_ns: When to push it, from the tape's beginning, at 1,000 updates a second.

    :arg pool: Index of the pool.

    """

    due_ns: int
    slot: int
    pool: int
    account: Account


def live_pools() -> tuple[LoadedPool, ...]:
    """Return the ten pools as a run would load them."""
    engine = ModelEngine({})
    return tuple(_load(engine, str(facts.address)) for facts in plant(engine, plans=tuple(_plans())))


def updates(pools: tuple[LoadedPool, ...], count: int) -> Iterator[Update]:
    """Give the tape; no two writes of a pool are alike, since each leaves its number in the protocol's fee."""
    rows = tape(count)
    steps = rows["active_id"].astype(np.int64)
    for index in range(len(pools)):
        mine = rows["pool"] == index
        steps[mine] += pools[index].active_id - steps[mine][:1]
    pairs = [np.frombuffer(bytearray(pool.accounts[pool.info.pool].data), LB_PAIR) for pool in pools]
    owners = [pool.accounts[pool.info.pool].owner for pool in pools]
    times = rows["ts_event_ns"] - rows["ts_event_ns"][0]
    for number, (due_ns, pool, active_id) in enumerate(
        zip(times.tolist(), rows["pool"].tolist(), steps.tolist(), strict=True)
    ):
        pair = pairs[pool]
        pair["active_id"] = pair["index_reference"] = active_id
        pair["protocol_fee_x"] = number + 1
        pair["last_update_timestamp"] = pair["last_updated_at"] = due_ns // 1_000_000_000
        yield Update(due_ns, FIRST_SLOT + 1 + due_ns // SLOT_NS, pool, Account(owners[pool], pair.tobytes()))


def account_json(account: Account, encoding: str) -> bytes:
    """Write an account as nodes do.

    :arg encoding: One of `ENCODINGS`.

    """
    text = base64.b64encode(_ENCODERS[encoding](account.data)).decode()
    value = {
        "data": [text, encoding],
        "executable": False,
        "lamports": 7_182_720,
        "owner": account.owner,
        "rentEpoch": 18_446_744_073_709_551_615,
        "space": len(account.data),
    }
    return msgspec.json.encode(value)


def _plans() -> Iterator[PoolPlan]:
    for base, price, _ in PAIRS:
        token = Token(base, Pubkey(hashlib.sha256(base.encode()).digest()), _DECIMALS)
        for _, bin_step in VENUES:
            # In the middle of a bin array, so that 15 s of moves ask for no other arrays.
            log_step = math.log1p(bin_step / 1e4)
            middle = round(math.log(price) / log_step) // BINS_PER_ARRAY * BINS_PER_ARRAY + BINS_PER_ARRAY // 2
            yield replace(
                DEFAULT_PLANS[0],
                venue=Venue.METEORA,
                token_x=token,
                token_y=USDC,
                bin_step=bin_step,
                price=math.exp(middle * log_step),
                depth=_DEPTH,
                positions=2 * ARRAYS_AROUND + 2,
            )


def _load(engine: ModelEngine, address: str) -> LoadedPool:
    need = needed_accounts(address, _account(engine, address), ARRAYS_AROUND)
    if isinstance(need, str):
        raise TypeError(need)
    found = {key: account for key in (address, *need) if (account := _account(engine, key)) is not None}
    pool = load_pool(address, found, FIRST_SLOT)
    if isinstance(pool, str):
        raise TypeError(pool)
    filled = {key: _filled(account, pool.price) for key, account in pool.accounts.items()}
    return replace(pool, accounts=filled)


def _account(engine: ModelEngine, address: str) -> Account | None:
    found = engine.get(Pubkey.from_string(address))
    return None if found is None else Account(str(found.owner), bytes(found.data))


def _filled(account: Account, price: float) -> Account:
    """Return a bin array with both tokens in every bin, and any other account as it is."""
    if len(account.data) != BIN_ARRAY.itemsize:
        return account
    array: NDArray[np.void] = np.frombuffer(bytearray(account.data), BIN_ARRAY)
    array["bins"]["amount_x"] = int(_DEPTH / price * 10**_DECIMALS)
    array["bins"]["amount_y"] = int(_DEPTH * 10**_DECIMALS)
    return Account(account.owner, array.tobytes())
