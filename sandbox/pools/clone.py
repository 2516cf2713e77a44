"""Take programs and pools from a cluster: executables, and a pool's account with all that swaps and deposits need."""

from collections.abc import Sequence

from solders.account import Account
from solders.pubkey import Pubkey

from dlmm.errors import AccountError
from dlmm.meteora import layout as meteora
from dlmm.meteora.keys import PoolKeys
from dlmm.meteora.pdas import PROGRAM_ID as METEORA_PROGRAM
from dlmm.meteora.pdas import bin_array_address as meteora_array
from dlmm.meteora.pdas import bin_array_index as meteora_index
from dlmm.meteora.pdas import bitmap_extension_address
from dlmm.records import Account as PlainAccount
from dlmm.records import Venue
from dlmm.saros import layout as saros
from dlmm.saros.pdas import DEVNET_PROGRAM as SAROS_DEVNET_PROGRAM
from dlmm.saros.pdas import PROGRAM as SAROS_PROGRAM
from dlmm.saros.pdas import bin_array_address as saros_array
from dlmm.saros.pdas import bin_array_index as saros_index
from sandbox.engine import Engine
from sandbox.pools.cluster_reader import ClusterReader, ClusterReadError
from sandbox.pools.facts import facts_of, is_pool
from sandbox.pools.plans import PoolFacts

UPGRADEABLE_LOADER = Pubkey.from_string("BPFLoaderUpgradeab1e11111111111111111111111")
PLAIN_LOADERS = frozenset(
    {
        Pubkey.from_string("BPFLoader1111111111111111111111111111111111"),
        Pubkey.from_string("BPFLoader2111111111111111111111111111111111"),
    }
)
METEORA_REACH = 24
"""Bin arrays of Meteora taken on either side of the active one, as far as they are there."""

SAROS_REACH = 6
MOST_POOLS = 32
"""Pools taken where none are named; a cluster with more asks for names."""

_PROGRAM_TAG, _DATA_TAG = b"\x02\x00\x00\x00", b"\x03\x00\x00\x00"
_PROGRAM_BYTES, _DATA_HEADER = 36, 45
_ELF_MAGIC = b"\x7fELF"


def clone_programs(reader: ClusterReader, programs: Sequence[Pubkey]) -> dict[Pubkey, bytes]:
    """Read the executables of programs, to be loaded by `sandbox.real.RealEngine`.

    :raises ClusterReadError: The cluster cannot be read, or has no such program.

    """
    executables: dict[Pubkey, bytes] = {}
    addresses: dict[Pubkey, Pubkey] = {}
    for key, account in _all(reader, programs, "program").items():
        if account.owner in PLAIN_LOADERS:
            executables[key] = account.data
        elif account.owner == UPGRADEABLE_LOADER and account.data[:4] == _PROGRAM_TAG:
            addresses[Pubkey(account.data[4:_PROGRAM_BYTES])] = key
        else:
            raise ClusterReadError(reader.url, f"{key} is no program")
    for address, account in _all(reader, list(addresses), "program data").items():
        if account.data[:4] != _DATA_TAG:
            raise ClusterReadError(reader.url, f"{addresses[address]} is a program without an executable")
        executables[addresses[address]] = account.data[_DATA_HEADER:]
    for key, executable in executables.items():
        if not executable.startswith(_ELF_MAGIC):
            raise ClusterReadError(reader.url, f"{key} is a program without an executable")
    return executables


def find_pools(reader: ClusterReader) -> list[Pubkey]:
    """Find every pool of both venues on a small cluster.

    :raises ClusterReadError: The cluster cannot be read, or has more pools than can be meant.

    """
    found = reader.owned_by(METEORA_PROGRAM, size=meteora.LB_PAIR.itemsize)
    for program in (SAROS_PROGRAM, SAROS_DEVNET_PROGRAM):
        found += reader.owned_by(program, size=saros.PAIR.itemsize)
    if len(found) > MOST_POOLS:
        raise ClusterReadError(reader.url, f"has {len(found)} pools: name those to take, {MOST_POOLS} at most")
    return found


def clone_pools(engine: Engine, reader: ClusterReader, pools: Sequence[Pubkey]) -> list[PoolFacts]:
    """Write pools with their mints, vaults, oracles and the bin arrays about their active bins.

    :returns: The pools, in the order given.

    :raises ClusterReadError: The cluster cannot be read, or an address holds no pool.

    :raises AccountError: A pool's own accounts contradict each other.

    """
    for key, account in _all(reader, pools, "pool").items():
        if not is_pool(account):
            raise ClusterReadError(reader.url, f"{key} is no pool of Meteora or Saros")
        engine.set(key, account)
    taken = []
    for key in pools:
        mints = _mints(engine, key)
        for mint, account in _all(reader, mints, "mint").items():
            engine.set(mint, account)
        facts = facts_of(engine.get, key)
        for vault, account in _all(reader, (facts.vault_x, facts.vault_y), "vault").items():
            engine.set(vault, account)
        for address, account in reader.accounts(_neighbours(engine, facts)).items():
            engine.set(address, account)
        taken.append(facts)
    return taken


def _all(reader: ClusterReader, keys: Sequence[Pubkey], role: str) -> dict[Pubkey, Account]:
    found = reader.accounts(keys)
    missing = [str(key) for key in keys if key not in found]
    if missing:
        raise ClusterReadError(reader.url, f"has no {role} {', '.join(missing)}")
    return found


def _plain(engine: Engine, key: Pubkey) -> PlainAccount:
    account = engine.get(key)
    if account is None:
        raise AccountError(str(key), "is missing")
    return PlainAccount(str(account.owner), account.data)


def _mints(engine: Engine, key: Pubkey) -> tuple[Pubkey, Pubkey]:
    account = _plain(engine, key)
    if account.owner == meteora.PROGRAM:
        keys = PoolKeys.of(key, account, has_bitmap_extension=False)
        return keys.mint_x, keys.mint_y
    row = saros.decode_pair(str(key), account)[0]
    return Pubkey.from_bytes(row["mint_x"].tobytes()), Pubkey.from_bytes(row["mint_y"].tobytes())


def _neighbours(engine: Engine, facts: PoolFacts) -> list[Pubkey]:
    """Return addresses of what may stand about the active bin, and of what the pool has one of."""
    account = _plain(engine, facts.address)
    if facts.venue is Venue.METEORA:
        active_id = int(meteora.decode_lb_pair(str(facts.address), account)["active_id"][0])
        index = meteora_index(active_id)
        keys = PoolKeys.of(facts.address, account, has_bitmap_extension=False)
        around = range(index - METEORA_REACH, index + METEORA_REACH + 1)
        arrays = [meteora_array(facts.address, near) for near in around]
        return [keys.oracle, bitmap_extension_address(facts.address), *arrays]
    active_id = int(saros.decode_pair(str(facts.address), account)["active_id"][0])
    index = saros_index(active_id)
    around = range(max(index - SAROS_REACH, 0), index + SAROS_REACH + 1)
    return [saros_array(facts.address, near, facts.program) for near in around]
