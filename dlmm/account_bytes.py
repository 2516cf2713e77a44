"""Accounts of a pool as numpy arrays, made as what they are: plain bytes.

numpy copies and joins arrays of nested types field by field, 10 to 20 us an account; the bytes alone take 1 or 2.
"""

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from dlmm.errors import AccountError
from dlmm.records import Account


def needed(accounts: Mapping[str, Account], address: str) -> Account:
    """Return an account that has to be there.

    :raises AccountError: It is missing.

    """
    if address not in accounts:
        raise AccountError(address, "is missing")
    return accounts[address]


def copied(accounts: NDArray[np.void]) -> NDArray[np.void]:
    """Return a writable copy of an array of accounts."""
    return np.frombuffer(bytearray(accounts.tobytes()), accounts.dtype)


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
    joined = np.frombuffer(bytearray().join([array.tobytes() for _, _, array in numbered]), layout)
    return joined, tuple([address for _, address, _ in numbered])
