"""Which bin arrays hold liquidity: the pair's own 1024 bits, and the extension's 12 x 512 on either side.

A bit is set for an array with liquidity in it. Array indices -512..511 stand in the pair at bit `index + 512`; those
beyond stand in the extension account, the negative side counted from -1 downwards, so that its bits run backwards.
"""

import numpy as np
from numpy.typing import NDArray

from dlmm.jit import kernel
from dlmm.meteora.failures import EXTENSION_NOT_PROVIDED, NO_ARRAY_WITH_LIQUIDITY
from dlmm.meteora.layout import BINS_PER_ARRAY
from dlmm.wide import U64

PAIR_RANGE = 512
EXTENSION_RANGE = 13 * 512
_ZERO = U64(0)
_ONE = U64(1)


@kernel
def array_of_bin(bin_id: int) -> int:
    """Return the index of the array that a bin stands in."""
    return bin_id // BINS_PER_ARRAY


@kernel
def bitmap_word(pair: NDArray[np.void], extension: NDArray[np.void], index: int) -> tuple[U64, U64]:
    """Return the 64-bit word that holds an array's bit, and the bit's place in it.

    :arg index: Array index within the range that the accounts cover.

    """
    if -PAIR_RANGE <= index < PAIR_RANGE:
        offset = index + PAIR_RANGE
        return pair[0].bitmap[offset >> 6], U64(offset & 63)
    if index >= 0:
        return extension[0].positive[index // 512 - 1, (index % 512) >> 6], U64(index & 63)
    offset = -(index + 1)
    return extension[0].negative[offset // 512 - 1, (offset % 512) >> 6], U64(offset & 63)


@kernel
def clear_bit(pair: NDArray[np.void], extension: NDArray[np.void], index: int) -> None:
    """Mark an array as one without liquidity, within the range that the accounts cover."""
    if -PAIR_RANGE <= index < PAIR_RANGE:
        offset = index + PAIR_RANGE
        pair[0].bitmap[offset >> 6] &= ~(_ONE << U64(offset & 63))
    elif index >= 0:
        extension[0].positive[index // 512 - 1, (index % 512) >> 6] &= ~(_ONE << U64(index & 63))
    else:
        offset = -(index + 1)
        extension[0].negative[offset // 512 - 1, (offset % 512) >> 6] &= ~(_ONE << U64(offset & 63))


@kernel
def next_array(pair: NDArray[np.void], extension: NDArray[np.void], index: int, step: int) -> tuple[int, int]:
    """Find the first array with its bit set, from one on in a direction.

    :arg extension: The extension account, or an empty array where none is passed.

    :arg index: Array to begin with.

    :arg step: -1 for X to Y, 1 for Y to X.

    :returns: The array's index, and the program's error code or 0.

    """
    while -EXTENSION_RANGE <= index < EXTENSION_RANGE:
        if extension.shape[0] == 0 and not -PAIR_RANGE <= index < PAIR_RANGE:
            return index, EXTENSION_NOT_PROVIDED
        word, bit = bitmap_word(pair, extension, index)
        if word == _ZERO:  # words begin at multiples of 64 on every side
            index = (index & ~63) - 1 if step < 0 else (index | 63) + 1
        elif (word >> bit) & _ONE != _ZERO:
            return index, 0
        else:
            index += step
    return index, NO_ARRAY_WITH_LIQUIDITY


@kernel
def _fill_path(
    pair: NDArray[np.void], extension: NDArray[np.void], index: int, step: int, out: NDArray[np.int64]
) -> int:
    count = 0
    while count < out.shape[0]:
        index, error = next_array(pair, extension, index, step)
        if error != 0:
            break
        out[count] = index
        count += 1
        index += step
    return count


def swap_path(pair: NDArray[np.void], extension: NDArray[np.void], *, swap_for_y: bool, count: int) -> tuple[int, ...]:
    """Return the arrays a swap would walk, in walking order, as a client passes them.

    :arg count: How many at most.

    """
    out = np.empty(count, np.int64)
    start = array_of_bin(int(pair[0]["active_id"]))
    found = _fill_path(pair, extension, start, -1 if swap_for_y else 1, out)
    return tuple(out[:found].tolist())
