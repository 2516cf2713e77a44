"""Rent: an account keeps enough lamports for its bytes, or has none at all."""

import struct

LAMPORTS_PER_BYTE = 6_960
RENT_SYSVAR_DATA = struct.pack("<QdB", LAMPORTS_PER_BYTE, 1.0, 50)
"""The Rent sysvar: lamports for a byte, for how many years that exempts, and the percentage once burnt."""

_ACCOUNT_OVERHEAD = 128


def rent_exemption(size: int) -> int:
    """Lamports that exempt an account of so many bytes of data from rent."""
    return (_ACCOUNT_OVERHEAD + size) * LAMPORTS_PER_BYTE


def may_become(before: tuple[int, int], after: tuple[int, int]) -> bool:
    """Tell whether a transaction may leave an account so.

    Below the exemption an account may only stay as it was, or lose lamports: those are left from older days.

    :arg before: Lamports and bytes of data at the start.

    :arg after: Lamports and bytes of data at the end.

    """
    lamports, size = after
    if not lamports or lamports >= rent_exemption(size):
        return True
    was, was_size = before
    return 0 < was < rent_exemption(was_size) and was_size == size and lamports <= was
