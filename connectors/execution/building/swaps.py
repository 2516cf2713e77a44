"""From an approved swap to its instruction: which accounts it names, and how many compute units it asks for.

What a swap may come to use is passed, not only what it would use now: the price moves until it lands. A bin array that
is passed and not needed costs 33 bytes; one that is needed and not passed costs the swap.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache

import numpy as np
from solders.instruction import Instruction
from solders.pubkey import Pubkey

from connectors.execution.building.compute_budget import at_most, swap_units
from connectors.execution.building.pool_accounts import PoolAccounts, meteora_keys, refuse_transfer_hooks, saros_keys
from connectors.execution.building.steps import BuildError, Step
from dlmm.meteora import layout as meteora_layout
from dlmm.meteora.bitmap import swap_path
from dlmm.meteora.instructions import swap as meteora
from dlmm.meteora.pdas import bin_array_address as meteora_array
from dlmm.meteora.pdas import bitmap_extension_address
from dlmm.records import MAX_U64, Record, Venue
from dlmm.saros import instructions as saros
from dlmm.saros import layout as saros_layout
from dlmm.saros.pdas import bin_array_address as saros_array
from dlmm.saros.pdas import swap_arrays
from operators.orders.commands import Command, Swap, SwapRoute

FEWEST_AHEAD = 3
"""Arrays with liquidity on the way of a Meteora swap that are passed whatever its size."""

MOST_AHEAD = 8
LEGS = (2, 3)
"""How many swaps a route may have."""

_FEWEST_OF_THREE = 2
"""The same for each of three swaps in one transaction, which would not fit otherwise."""

_SWAP_BASE_UNITS, _ARRAY_UNITS = 34_000, 19_000
"""Of a Meteora swap: what it uses beside its bins, and what crossing a whole array takes at the least."""

_METEORA_ACTIVE = meteora_layout.LB_PAIR.fields["active_id"][1]  # type: ignore[index]  # numpy types it as optional
_BITMAP = meteora_layout.LB_PAIR.fields["bitmap"][1]  # type: ignore[index]  # as above
_BITMAP_BYTES = 128
_SAROS_ACTIVE = saros_layout.PAIR.fields["active_id"][1]  # type: ignore[index]  # as above
_HOOK = saros_layout.PAIR.fields["has_hook"][1]  # type: ignore[index]  # as above


class Route(Record, frozen=True):
    """What a swap's accounts hang on beside its pool and direction.

    :arg arrays: Indices of the bin arrays to pass, in walking order on Meteora, ascending on Saros.

    :arg hook: The hook as a Saros pair has it.

    :arg has_extension: Whether a Meteora pool has a bitmap extension.

    """

    arrays: tuple[int, ...]
    hook: bytes = b""
    has_extension: bool = False


def swaps_of(command: Swap | SwapRoute) -> tuple[Swap, ...]:
    """Return a command's swaps in their order.

    :raises BuildError: `bad_route`: neither two nor three.

    """
    if type(command) is Swap:
        return (command,)
    legs = command.legs  # type: ignore[union-attr]  # it is no swap
    if len(legs) not in LEGS:
        raise BuildError("bad_route", f"{len(legs)} swaps, of {LEGS[0]} to {LEGS[-1]}")
    return legs


def pools_named(command: Command) -> tuple[str, ...]:
    """Return the pools that a command is about, each once."""
    legs = command.legs if isinstance(command, SwapRoute) else (command,)
    return tuple(dict.fromkeys(leg.pool for leg in legs))


def pool_of(swap: Swap, pools: Mapping[str, PoolAccounts]) -> PoolAccounts:
    """Return a swap's pool.

    :raises BuildError: `missing_account`.

    """
    pool = pools.get(swap.pool)
    if pool is None:
        raise BuildError("missing_account", f"pool {swap.pool} is not at hand")
    return pool


def units_of(command: Swap | SwapRoute, pools: Mapping[str, PoolAccounts]) -> int:
    """Return the limit of compute units for a command, margin included.

    :raises BuildError: `missing_account`, or `bad_route`.

    """
    return at_most(sum(swap_units(pool_of(swap, pools).info.venue, swap.compute_units) for swap in swaps_of(command)))


def check_amounts(swap: Swap) -> None:
    """Refuse amounts that no instruction can hold, and a swap of nothing, which Saros would carry out.

    :raises BuildError: `bad_amount`.

    """
    if not (0 < swap.amount <= MAX_U64 and 0 <= swap.threshold <= MAX_U64):
        raise BuildError("bad_amount", f"amount {swap.amount}, threshold {swap.threshold}")


def routes_of(swaps: tuple[Swap, ...], pools: Mapping[str, PoolAccounts]) -> tuple[Route, ...]:
    """Choose the bin arrays of a transaction's swaps, each from its pool as it is now.

    A price that leaves the arrays costs a route: its limits are too narrow for such a move anyway. So three swaps pass
    fewer than others do.

    :raises BuildError: As `route_of`.

    """
    fewest = FEWEST_AHEAD if len(swaps) < LEGS[-1] else _FEWEST_OF_THREE
    return tuple([route_of(swap, pool_of(swap, pools), fewest) for swap in swaps])


def route_of(swap: Swap, pool: PoolAccounts, fewest: int = FEWEST_AHEAD) -> Route:
    """Choose a swap's bin arrays from its pool as it is now.

    :arg fewest: Of Meteora's arrays ahead; below the usual number the one behind is left out as well.

    :raises BuildError: `missing_account`, `malformed_account`, or `no_bin_arrays`: nothing to walk on.

    """
    data = pool.account(pool.info.pool).data
    if pool.info.venue is Venue.SAROS:
        if len(data) != saros_layout.PAIR.itemsize:
            raise BuildError("malformed_account", f"{pool.info.pool} of {len(data)} bytes is no pair")
        return Route(_saros_arrays(pool, data), hook=bytes(data[_HOOK:]))
    if len(data) != meteora_layout.LB_PAIR.itemsize:
        raise BuildError("malformed_account", f"{pool.info.pool} of {len(data)} bytes is no pool")
    extension = pool.accounts.get(_extension_name(pool.info.pool))
    arrays = _meteora_arrays(swap, pool, data, b"" if extension is None else extension.data, fewest)
    return Route(arrays, has_extension=extension is not None)


def swap_instruction(swap: Swap, pool: PoolAccounts, route: Route, user: Pubkey) -> Instruction:
    """Build a swap's instruction.

    :arg user: The wallet, which signs and whose associated token accounts are used.

    :raises BuildError: `bad_amount`, `missing_account`, `malformed_account`, or `transfer_hook`.

    """
    check_amounts(swap)
    refuse_transfer_hooks(pool)
    amount, threshold = swap.amount, swap.threshold
    if pool.info.venue is Venue.METEORA:
        accounts = meteora.SwapAccounts(meteora_keys(pool), user, swap.swap_for_y, route.arrays)
        if swap.exact_in:
            return meteora.swap2(accounts, amount_in=amount, min_amount_out=threshold)
        return meteora.swap_exact_out2(accounts, max_amount_in=threshold, amount_out=amount)
    lower, upper = route.arrays
    window = saros.SwapAccounts(saros_keys(pool), user, swap.swap_for_y, (lower, upper))
    if swap.exact_in:
        return saros.swap_exact_in(window, amount_in=amount, min_amount_out=threshold)
    return saros.swap_exact_out(window, amount_out=amount, max_amount_in=threshold)


def swap_step(command: Swap | SwapRoute, pools: Mapping[str, PoolAccounts], user: Pubkey) -> Step:
    """Build a command's one transaction: a swap, or some that all happen or none of them.

    :raises BuildError: As `swaps_of`, `route_of` and `swap_instruction`.

    """
    swaps = swaps_of(command)
    instructions = [
        swap_instruction(swap, pool_of(swap, pools), route, user)
        for swap, route in zip(swaps, routes_of(swaps, pools), strict=True)
    ]
    return Step(tuple(instructions), units_of(command, pools))


def fixed_keys(pools: Iterable[PoolAccounts], user: Pubkey) -> tuple[Pubkey, ...]:
    """Return what every swap in some pools names, but for the wallet and the bin arrays: what a lookup table is for.

    :raises BuildError: As `swap_instruction`.

    """
    found: dict[Pubkey, None] = {}
    for pool in pools:
        arrays = (0, 1) if pool.info.venue is Venue.SAROS else ()
        swap = Swap(pool=pool.info.pool, exact_in=True, swap_for_y=True, amount=1, threshold=0)
        instruction = swap_instruction(swap, pool, Route(arrays), user)
        passed = {saros_array(pool.address, index, instruction.program_id) for index in arrays}
        leave_out = passed | _hook_arrays(pool, arrays) | {user, instruction.program_id}
        found.update(dict.fromkeys(meta.pubkey for meta in instruction.accounts if meta.pubkey not in leave_out))
    return tuple(found)


def _hook_arrays(pool: PoolAccounts, arrays: tuple[int, ...]) -> set[Pubkey]:
    if pool.info.venue is not Venue.SAROS:
        return set()
    return {meta.pubkey for meta in saros_keys(pool).hook_bin_arrays((arrays[0], arrays[1]))}


def _meteora_arrays(swap: Swap, pool: PoolAccounts, data: bytes, extension: bytes, fewest: int) -> tuple[int, ...]:
    """Choose the arrays with liquidity ahead, and those beside the active bin, which may be traded or filled next.

    The program passes over arrays that it does not come to, so one behind the active bin does no harm.
    """
    active_id = int.from_bytes(data[_METEORA_ACTIVE : _METEORA_ACTIVE + 4], "little", signed=True)
    active = active_id // meteora_layout.BINS_PER_ARRAY
    ahead = _path(active, data[_BITMAP : _BITMAP + _BITMAP_BYTES], extension, swap.swap_for_y)
    name, accounts = pool.info.pool, pool.accounts
    near = (active - 1, active, active + 1) if fewest >= FEWEST_AHEAD else (active,)
    arrays = {index for index in near if _meteora_name(name, index) in accounts}
    arrays.update(ahead[:fewest])
    # no quote has walked further than the arrays at hand, nor further than its compute units take it
    reach = 2 + (swap.compute_units - _SWAP_BASE_UNITS) // _ARRAY_UNITS
    arrays.update(index for index in ahead[fewest:reach] if _meteora_name(name, index) in accounts)
    if not arrays:
        raise BuildError("no_bin_arrays", f"pool {name} has none with liquidity on the way from array {active}")
    return tuple(sorted(arrays, reverse=swap.swap_for_y))


def _saros_arrays(pool: PoolAccounts, data: bytes) -> tuple[int, int]:
    active_id = int.from_bytes(data[_SAROS_ACTIVE : _SAROS_ACTIVE + 4], "little")
    lower = swap_arrays(active_id)[0]
    other = 2 * (active_id // saros_layout.BINS_PER_ARRAY) - 1 - lower
    name, program = pool.info.pool, pool.account(pool.info.pool).owner
    for first in (lower, other):
        if first >= 0 and all(_saros_name(name, index, program) in pool.accounts for index in (first, first + 1)):
            return first, first + 1
    raise BuildError("no_bin_arrays", f"pair {name} has no two neighbouring ones about bin {active_id}")


@lru_cache(maxsize=4096)
def _path(active: int, bitmap: bytes, extension: bytes, swap_for_y: bool) -> tuple[int, ...]:
    pair = np.zeros(1, meteora_layout.LB_PAIR)
    pair["active_id"] = active * meteora_layout.BINS_PER_ARRAY
    pair["bitmap"] = np.frombuffer(bitmap, "<u8")
    flags = np.frombuffer(extension, meteora_layout.BITMAP_EXTENSION).copy()
    return swap_path(pair, flags, swap_for_y=swap_for_y, count=MOST_AHEAD)


@lru_cache(maxsize=65536)
def _meteora_name(pool: str, index: int) -> str:
    return str(meteora_array(Pubkey.from_string(pool), index))


@lru_cache(maxsize=65536)
def _saros_name(pair: str, index: int, program: str) -> str:
    return str(saros_array(Pubkey.from_string(pair), index, Pubkey.from_string(program)))


@lru_cache(maxsize=4096)
def _extension_name(pool: str) -> str:
    return str(bitmap_extension_address(Pubkey.from_string(pool)))
