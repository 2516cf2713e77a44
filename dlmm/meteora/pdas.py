"""Addresses that the Meteora program derives from a pool, and which bin arrays a range of bins lies in."""

from functools import lru_cache

from solders.pubkey import Pubkey

from dlmm.anchor import pack
from dlmm.errors import RangeError
from dlmm.meteora.layout import BINS_PER_ARRAY, PROGRAM

PROGRAM_ID = Pubkey.from_string(PROGRAM)


@lru_cache(maxsize=65536)
def bin_array_address(lb_pair: Pubkey, index: int) -> Pubkey:
    """Return the address of a bin array.

    :arg index: Signed index; array `i` holds the bins `70 * i` to `70 * i + 69`.

    """
    return Pubkey.find_program_address([b"bin_array", bytes(lb_pair), pack("q", index)], PROGRAM_ID)[0]


def bitmap_extension_address(lb_pair: Pubkey) -> Pubkey:
    """Return the address of a pool's bitmap extension, whether it exists or not."""
    return Pubkey.find_program_address([b"bitmap", bytes(lb_pair)], PROGRAM_ID)[0]


def oracle_address(lb_pair: Pubkey) -> Pubkey:
    """Return the address of a pool's oracle."""
    return Pubkey.find_program_address([b"oracle", bytes(lb_pair)], PROGRAM_ID)[0]


def reserve_address(lb_pair: Pubkey, mint: Pubkey) -> Pubkey:
    """Return the address of the vault that holds one token of a pool."""
    return Pubkey.find_program_address([bytes(lb_pair), bytes(mint)], PROGRAM_ID)[0]


def position_address(lb_pair: Pubkey, base: Pubkey, lower_bin_id: int, width: int) -> Pubkey:
    """Return the address of a position made by `initialize_position_pda`.

    :arg base: Account that signed for the address; any key.

    """
    seeds = [b"position", bytes(lb_pair), bytes(base), pack("i", lower_bin_id), pack("i", width)]
    return Pubkey.find_program_address(seeds, PROGRAM_ID)[0]


def bin_array_index(bin_id: int) -> int:
    """Return the index of the array that holds a bin."""
    return bin_id // BINS_PER_ARRAY


def bin_array_indices(lower_bin_id: int, upper_bin_id: int) -> range:
    """Return the indices of the arrays that hold a range of bins, both ends included, ascending.

    :raises RangeError: The range is upside down.

    """
    if upper_bin_id < lower_bin_id:
        raise RangeError(f"bins {lower_bin_id} to {upper_bin_id} are no range")
    return range(bin_array_index(lower_bin_id), bin_array_index(upper_bin_id) + 1)
