"""How much of its 32 KiB heap the program uses to change a position, and the refusal when that is used up.

The program's allocator never frees. A bin in the upper array costs an error that is thrown away, as in swaps
(`dlmm.saros.heap`); the lists of bins, amounts and shares double when full; the event is copied three times on its way.

Source: measured by shrinking the heap constant of the real program, with mints of all kinds; exact but for 8 bytes of
alignment here and there.
"""

from collections.abc import Sequence

from dlmm.saros.heap import HEAP_BYTES
from sandbox.model.saros.errors import out_of_memory

TRANSFER_BYTES = 360
"""The second of two transfers."""

COMPOSITION_EVENT_BYTES = 576
BURN_BYTES = 296
CLOSE_BYTES = 280
CLOSE_INPUT_BYTES = 2_048
"""What `close_position` makes of the position's shares."""

_BASE = 2_936
_ACCOUNT = 72
_UPPER_BIN = 208
_ROW = 36
_EVENT = 608
_EVENT_HEAD = 88
_FIRST_BUFFER = 256
_EXTENDED = 88
_ANY_EXTENDED = 80
_MOVED = 80


class Heap:
    """The heap while one instruction runs."""

    __slots__ = ("_rows", "_used")

    def __init__(self, input_bytes: int, *, accounts: int, extended: int) -> None:
        """Begin with what is used before the first bin.

        :arg input_bytes: Size of the arguments' list.

        :arg accounts: How many different accounts the instruction was given.

        :arg extended: Bytes for mints with extensions.

        """
        self._used = _BASE + _ACCOUNT * accounts + input_bytes + extended
        self._rows = 0

    def take(self, size: int) -> None:
        """Use some bytes.

        :raises ProgramError: There are not so many left.

        """
        self._used += size
        if self._used > HEAP_BYTES:
            raise out_of_memory()

    def take_row(self, *, is_upper: bool) -> None:
        """Use what one more bin takes.

        :arg is_upper: Whether it is in the upper array.

        :raises ProgramError: There is not so much left.

        """
        size = _UPPER_BIN if is_upper else 0
        if self._rows == 0 or (self._rows >= 4 and self._rows & (self._rows - 1) == 0):
            size += _ROW * max(4, 2 * self._rows)
        self._rows += 1
        self.take(size)

    def take_event(self) -> None:
        """Use what telling all the bins takes.

        :raises ProgramError: There is not so much left.

        """
        size = _EVENT + -(-3 * _ROW * self._rows // 8) * 8
        buffer = _FIRST_BUFFER
        while buffer < _EVENT_HEAD + _ROW * self._rows:
            buffer *= 2
            size += buffer
        self.take(size)


def deposit_extension_bytes(moved: Sequence[bool]) -> int:
    """Return what mints with extensions take in a deposit.

    :arg moved: For each such mint, whether any of it is deposited.

    """
    return (_ANY_EXTENDED if moved else 0) + sum(_EXTENDED + (_MOVED if moves else 0) for moves in moved)


def withdrawal_extension_bytes(count: int) -> int:
    """Return what mints with extensions take in a withdrawal."""
    return _ANY_EXTENDED + 8 * count if count else 0
