"""Copy, pick and join struct arrays as plain bytes; numpy does it field by field, some ten times slower."""

import numpy as np
from numpy.typing import NDArray

StructArray = NDArray[np.void]
_FEW_BYTES = 1 << 14


def plain(records: StructArray) -> StructArray:
    """View records as so many bytes each."""
    return records.view(f"V{records.dtype.itemsize}")


def copied(records: StructArray) -> StructArray:
    """Return a writable copy."""
    if records.nbytes > _FEW_BYTES:
        return plain(records).copy().view(records.dtype)
    return np.frombuffer(bytearray(records.tobytes()), records.dtype)  # copied twice, and still the quicker way


def taken(records: StructArray, which: NDArray[np.int64] | NDArray[np.bool_]) -> StructArray:
    """Return copies of the records at some indices, or of those that a mask marks."""
    return plain(records)[which].view(records.dtype)


def join(parts: list[StructArray]) -> StructArray:
    """Join arrays of one type end to end; one alone is returned as it is."""
    if len(parts) == 1:
        return parts[0]
    return np.concatenate([plain(part) for part in parts]).view(parts[0].dtype)


def spanned(parts: list[StructArray]) -> StructArray:
    """Join arrays of one type end to end; where they lie so in one array already, return that part of it.

    What is returned may share their memory: it is to be read.
    """
    whole = parts[0].base
    if len(parts) == 1 or not isinstance(whole, np.ndarray) or whole.dtype != parts[0].dtype:
        return join(parts)
    begin = end = parts[0].ctypes.data
    for part in parts:
        if not len(part):
            continue  # where it lies means nothing
        if part.base is not whole or part.ctypes.data != end:
            return join(parts)
        end += part.nbytes
    first = (begin - whole.ctypes.data) // whole.itemsize
    return whole[first : first + (end - begin) // whole.itemsize]
