"""Which bin arrays a Meteora swap comes to: in the order of the bitmap, among those that the transaction passes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlmm.jit import kernel
from dlmm.meteora.bitmap import clear_bit, next_array
from dlmm.meteora.failures import ARRAY_NOT_INITIALISED, NOT_ENOUGH_ARRAYS
from dlmm.meteora.layout import BINS_PER_ARRAY
from dlmm.wide import U64

_ZERO = U64(0)


@kernel
def find_array(arrays: NDArray[np.void], index: int) -> int:
    """Return an array's place among the pool's arrays, which are sorted, or -1."""
    low, high = 0, arrays.shape[0]
    while low < high:
        middle = (low + high) >> 1
        if arrays[middle].index < index:
            low = middle + 1
        else:
            high = middle
    return low if low < arrays.shape[0] and arrays[low].index == index else -1


@kernel
def enter_array(
    pair: NDArray[np.void],
    arrays: NDArray[np.void],
    extension: NDArray[np.void],
    passed: NDArray[np.int64],
    term: Any,
    index: int,
    next_passed: int,
) -> tuple[int, int, int, int]:
    """Find the next array with liquidity among those at hand.

    :arg index: Array to begin with.

    :arg next_passed: Place in `passed` from which on arrays are still untouched; those skipped are lost.

    :returns: The array's place, its index, the new `next_passed`, and an error code or 0.

    """
    index, error = next_array(pair, extension, index, -1 if term.swap_for_y else 1)
    if error != 0:
        return -1, index, next_passed, error
    if term.choose_arrays:
        place = find_array(arrays, index)
        return place, index, next_passed, 0 if place >= 0 else NOT_ENOUGH_ARRAYS
    while next_passed < passed.shape[0]:
        place = find_array(arrays, passed[next_passed])
        next_passed += 1
        if place < 0:
            return -1, index, next_passed, ARRAY_NOT_INITIALISED
        if arrays[place].index == index:
            return place, index, next_passed, 0
    return -1, index, next_passed, NOT_ENOUGH_ARRAYS


@kernel
def drop_empty(pair: NDArray[np.void], arrays: NDArray[np.void], extension: NDArray[np.void], place: int) -> None:
    """Clear the bit of an array that a swap has left without shares and without orders."""
    for k in range(BINS_PER_ARRAY):
        row: Any = arrays[place].bins[k]
        if (row.supply_low | row.supply_high | row.open_order | row.processed_remaining) != _ZERO:
            return
    clear_bit(pair, extension, arrays[place].index)
