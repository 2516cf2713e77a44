"""Addresses that Saros's two programs derive, and which bin arrays a swap or a position needs."""

from functools import lru_cache

from solders.pubkey import Pubkey

from dlmm.anchor import pack
from dlmm.saros.layout import (
    BINS_PER_ARRAY,
    DEVNET_HOOK_PROGRAM_ID,
    DEVNET_PROGRAM_ID,
    HOOK_PROGRAM_ID,
    PROGRAM_ID,
)

PROGRAM = Pubkey.from_string(PROGRAM_ID)
DEVNET_PROGRAM = Pubkey.from_string(DEVNET_PROGRAM_ID)
HOOK_PROGRAM = Pubkey.from_string(HOOK_PROGRAM_ID)
DEVNET_HOOK_PROGRAM = Pubkey.from_string(DEVNET_HOOK_PROGRAM_ID)


def hook_program_of(program: Pubkey) -> Pubkey:
    """Return the rewarder hook of the cluster that a pair's program runs on."""
    return DEVNET_HOOK_PROGRAM if program == DEVNET_PROGRAM else HOOK_PROGRAM


def pair_address(config: Pubkey, mint_x: Pubkey, mint_y: Pubkey, bin_step: int, program: Pubkey = PROGRAM) -> Pubkey:
    """Return the address of a pair.

    :raises RangeError: The bin step fits no byte.

    """
    seeds = [b"pair", bytes(config), bytes(mint_x), bytes(mint_y), pack("B", bin_step)]
    return Pubkey.find_program_address(seeds, program)[0]


@lru_cache(maxsize=65536)
def bin_array_address(pair: Pubkey, index: int, program: Pubkey = PROGRAM) -> Pubkey:
    """Return the address of a bin array; array `i` holds the bins `256 * i` to `256 * i + 255`.

    :raises RangeError: The index fits no u32.

    """
    return Pubkey.find_program_address([b"bin_array", bytes(pair), pack("I", index)], program)[0]


def position_address(position_mint: Pubkey, program: Pubkey = PROGRAM) -> Pubkey:
    """Return the address of the position that an NFT's mint stands for."""
    return Pubkey.find_program_address([b"position", bytes(position_mint)], program)[0]


def hook_address(hook_authority: Pubkey, pair: Pubkey, hook_program: Pubkey = HOOK_PROGRAM) -> Pubkey:
    """Return the address of the hook that an authority made for a pair."""
    return Pubkey.find_program_address([b"hook", bytes(hook_authority), bytes(pair)], hook_program)[0]


@lru_cache(maxsize=65536)
def hook_bin_array_address(hook: Pubkey, index: int, hook_program: Pubkey = HOOK_PROGRAM) -> Pubkey:
    """Return the address of the hook's own record of a bin array.

    :raises RangeError: The index fits no u32.

    """
    return Pubkey.find_program_address([b"bin_array", bytes(hook), pack("I", index)], hook_program)[0]


def hook_position_address(hook: Pubkey, position: Pubkey, hook_program: Pubkey = HOOK_PROGRAM) -> Pubkey:
    """Return the address of the hook's own record of a position."""
    return Pubkey.find_program_address([b"position", bytes(hook), bytes(position)], hook_program)[0]


def bin_array_index(bin_id: int) -> int:
    """Return the index of the array that holds a bin."""
    return bin_id // BINS_PER_ARRAY


def swap_arrays(active_id: int) -> tuple[int, int]:
    """Return the two neighbouring arrays that reach furthest to both sides of the active bin.

    A client falls back to the other neighbouring pair when one of these does not exist.

    """
    index, inside = divmod(active_id, BINS_PER_ARRAY)
    lower = index - 1 if inside < BINS_PER_ARRAY // 2 else index
    return lower, lower + 1
