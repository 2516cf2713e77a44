"""Which two neighbouring bin arrays a Saros swap is given, and what is wrong with others."""

import numpy as np
from numpy.typing import NDArray

from dlmm.jit import kernel
from dlmm.saros.layout import BINS_PER_ARRAY
from dlmm.wide import signed

BORROW_FAILED = -4
ARRAY_NOT_INITIALISED = 3007
INDEX_MISMATCH = 6003
CHOOSE = -(1 << 40)
"""In place of an index: choose the arrays as a client does."""


@kernel
def find_array(arrays: NDArray[np.void], index: int) -> int:
    """Return an array's place among the pool's arrays, which are few, or -1."""
    for place in range(arrays.shape[0]):
        if signed(arrays[place].index) == index:
            return place
    return -1


@kernel
def choose_window(arrays: NDArray[np.void], active_id: int) -> int:
    """Return the lower index of the two neighbouring arrays that a client passes.

    The neighbour nearer to the active bin, unless only the other pair of arrays exists.

    """
    index = active_id // BINS_PER_ARRAY
    lower = index - 1 if active_id % BINS_PER_ARRAY < BINS_PER_ARRAY // 2 else index
    if find_array(arrays, lower) >= 0 and find_array(arrays, lower + 1) >= 0:
        return lower
    other = 2 * index - 1 - lower
    if find_array(arrays, other) >= 0 and find_array(arrays, other + 1) >= 0:
        return other
    return lower


@kernel
def window_error(arrays: NDArray[np.void], lower: int, upper: int) -> int:
    """Return the error for the arrays that a client passes, or 0."""
    if find_array(arrays, lower) < 0 or find_array(arrays, upper) < 0:
        return ARRAY_NOT_INITIALISED
    if lower == upper:
        return BORROW_FAILED
    return 0 if upper == lower + 1 else INDEX_MISMATCH
