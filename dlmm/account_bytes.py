"""A pool's accounts, gathered from those that a cluster gave."""

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from solders.pubkey import Pubkey

from dlmm.errors import AccountError
from dlmm.records import Account
from dlmm.struct_arrays import join


def needed(accounts: Mapping[str, Account], address: str) -> Account:
    """Return an account that has to be there.

    :raises AccountError: It is missing.

    """
    if address not in accounts:
        raise AccountError(address, "is missing")
    return accounts[address]


def public_key(address: str) -> Pubkey:
    """Return a pair's address as a key.

    :raises AccountError: It is none.

    """
    try:
        return Pubkey.from_string(address)
    except ValueError as error:
        raise AccountError(address, "is not an address") from error


def sorted_arrays(
    found: list[tuple[str, NDArray[np.void]]], layout: np.dtype[np.void]
) -> tuple[NDArray[np.void], tuple[str, ...]]:
    """Put a pool's bin arrays side by side by their index.

    :arg found: Address of each, and the account as an array of one; in any order.

    :arg layout: The venue's `BIN_ARRAY`.

    :returns: A writable copy, and the addresses in its order.

    :raises AccountError: An index is there twice.

    """
    numbered = sorted((int(array["index"][0]), address, array) for address, array in found)
    for (index, address, _), (other, _, _) in pairwise(numbered):
        if index == other:
            raise AccountError(address, f"bin array {index} is there twice")
    joined = join([np.empty(0, layout), *[array for _, _, array in numbered]])
    return joined, tuple([address for _, address, _ in numbered])
