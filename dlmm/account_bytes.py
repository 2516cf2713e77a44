"""Copies of account arrays, made as what they are: plain bytes."""

import numpy as np
from numpy.typing import NDArray


def copied(accounts: NDArray[np.void]) -> NDArray[np.void]:
    """Return a writable copy of an array of accounts.

    numpy's own copy walks the fields of a nested type one by one, 10 to 20 us an account; the bytes alone take 2.

    """
    return accounts.view(np.uint8).copy().view(accounts.dtype)
