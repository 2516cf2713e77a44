"""Reading an instruction's borsh arguments, and refusing those that are cut short."""

import struct

from sandbox.model import anchor_errors as anchor
from sandbox.model.meteora.errors import anchor_error

_SLICE_KINDS = 5
_MULTI_REWARD = 3  # its number follows


class Arguments:
    """What follows an instruction's discriminator; bytes left over are passed over, as Anchor does."""

    __slots__ = ("_data", "_offset")

    def __init__(self, data: bytes) -> None:
        """Begin after the discriminator.

        :arg data: The instruction's data.

        """
        self._data = data
        self._offset = 8

    @property
    def offset(self) -> int:
        """Where the next argument begins in the data."""
        return self._offset

    def take(self, layout: str) -> tuple[int, ...]:
        """Read integers, little endian.

        :arg layout: Format as in `struct`, without the byte order.

        :raises ProgramError: The data is too short.

        """
        form = struct.Struct("<" + layout)
        if self._offset + form.size > len(self._data):
            raise anchor_error(anchor.NOT_DESERIALIZED)
        values: tuple[int, ...] = form.unpack_from(self._data, self._offset)
        self._offset += form.size
        return values

    def rows(self, layout: str) -> list[tuple[int, ...]]:
        """Read a vector of rows, its length first.

        :arg layout: Format of one row.

        :raises ProgramError: The data is too short.

        """
        (count,) = self.take("I")
        size = struct.calcsize("<" + layout)
        if self._offset + count * size > len(self._data):
            raise anchor_error(anchor.NOT_DESERIALIZED)
        return [self.take(layout) for _ in range(count)]

    def slices(self) -> list[tuple[int, int]]:
        """Read which remaining accounts belong to which transfer hook: kind and number of accounts of each.

        :raises ProgramError: The data is too short, or a kind is none.

        """
        (count,) = self.take("I")
        slices: list[tuple[int, int]] = []
        for _ in range(count):
            (kind,) = self.take("B")
            if kind >= _SLICE_KINDS:
                raise anchor_error(anchor.NOT_DESERIALIZED)
            if kind == _MULTI_REWARD:
                self.take("B")
            (length,) = self.take("B")
            slices.append((kind, length))
        return slices
