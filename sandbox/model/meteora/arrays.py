"""The bin arrays that stand behind an instruction's named accounts, and what the program makes of wrong ones.

The program takes them in the order given, each when it needs it; what it never comes to may be anything.
"""

import struct
from collections.abc import Sequence

from msgspec import structs
from solders.pubkey import Pubkey

from dlmm.liquidity import LiquidityState
from dlmm.meteora.book import Book
from dlmm.meteora.layout import (
    BIN_ARRAY_DISCRIMINATOR,
    BINS_PER_ARRAY,
    BITMAP_EXTENSION,
    EXTENSION_DISCRIMINATOR,
)
from dlmm.meteora.pdas import PROGRAM_ID
from dlmm.records import Record
from sandbox.model import anchor_errors as anchor
from sandbox.model.invocation import Invocation, ProgramError
from sandbox.model.meteora import errors
from sandbox.model.meteora.accounts import check_loaded
from sandbox.model.meteora.errors import account_error, anchor_error, runtime_error

_NAME = "bin_array"
_INDEX_OFFSET = 8
_PAIR_OFFSET = 24
_NO_BITS = EXTENSION_DISCRIMINATOR + bytes(BITMAP_EXTENSION.itemsize - len(EXTENSION_DISCRIMINATOR))


class PassedArray(Record, frozen=True):
    """A bin array that an instruction was given.

    :arg place: Its place among the instruction's accounts.

    :arg index: Signed index of the array.

    """

    place: int
    index: int


def passed_arrays(
    invocation: Invocation, places: Sequence[int], *, pair: Pubkey
) -> tuple[list[PassedArray], int | None]:
    """Look at the arrays passed, up to the first that the program would refuse.

    :arg places: The remaining accounts, transfer hooks' left out.

    :arg pair: The pool's address.

    :returns: Those that are good, and the place of the one that is not; `None` when all are good.

    """
    found: list[PassedArray] = []
    for place in places:
        data = invocation.read(place)
        good = invocation.owner(place) == PROGRAM_ID and data[:8] == BIN_ARRAY_DISCRIMINATOR
        if not good or not invocation.is_writable(place) or data[_PAIR_OFFSET : _PAIR_OFFSET + 32] != bytes(pair):
            return found, place
        found.append(PassedArray(place, *struct.unpack_from("<q", data, _INDEX_OFFSET)))
    return found, None


def refuse(invocation: Invocation, place: int | None, *, borrowed: Sequence[Pubkey]) -> ProgramError:
    """Return how the program ends when it comes to an array that is not there, or that it refuses.

    :arg place: The array's place; `None` when there are no more.

    :arg borrowed: Accounts that the program has in use by then.

    """
    if place is None:
        return account_error(invocation, anchor.NOT_ENOUGH_KEYS, _NAME)
    if invocation.owner(place) == PROGRAM_ID and invocation.key(place) in borrowed:
        return runtime_error("AccountBorrowFailed", _NAME)
    check_loaded(invocation, place, _NAME, BIN_ARRAY_DISCRIMINATOR)
    if not invocation.is_writable(place):
        return account_error(invocation, anchor.MUT, _NAME)
    return anchor_error(errors.INVALID_BIN_ARRAY, "instructions/swap.rs:27")


def liquidity_state(
    invocation: Invocation, arrays: Sequence[PassedArray], *, pair: int, position: int | None, extension: int | None
) -> LiquidityState:
    """Gather the accounts that `dlmm` changes.

    Without the bitmap extension the program minds only where a bit of it would change. Then one stands in, with the
    bits as they have to be.

    :arg pair: The pair's place among the instruction's accounts; the others likewise.

    """
    state = LiquidityState(
        pair=invocation.read(pair),
        position=b"" if position is None else invocation.read(position),
        bin_arrays={array.index: invocation.read(array.place) for array in reversed(arrays)},
        bitmap_extension=_NO_BITS if extension is None else invocation.read(extension),
    )
    if extension is not None:
        return state
    book = Book(state)
    for array in arrays:
        book.flag(array.index * BINS_PER_ARRAY)
    return structs.replace(state, bitmap_extension=book.after().bitmap_extension)


def write_liquidity(
    invocation: Invocation,
    arrays: Sequence[PassedArray],
    before: LiquidityState,
    after: LiquidityState,
    *,
    pair: int,
    extension: int | None,
) -> None:
    """Write the pair, the arrays and the extension as they are after a change of liquidity.

    :raises ProgramError: The extension changes, and was not given.

    """
    assert after.bitmap_extension is not None
    if extension is not None:
        invocation.write(extension, after.bitmap_extension)
    elif after.bitmap_extension != before.bitmap_extension:
        raise anchor_error(errors.EXTENSION_NOT_PROVIDED)
    invocation.write(pair, after.pair)
    for array in {array.index: array for array in reversed(arrays)}.values():
        invocation.write(array.place, after.bin_arrays[array.index])


def array_places(invocation: Invocation, slices: Sequence[tuple[int, int]], first: int, *, kinds: int) -> range:
    """Leave the transfer hooks' accounts out of an instruction's remaining ones.

    :arg slices: Kind and number of accounts of each hook, as the instruction says.

    :arg first: Place of the first remaining account.

    :arg kinds: How many kinds of hooks the instruction knows.

    :raises ProgramError: A kind that it does not know, one twice, or more accounts than there are.

    """
    seen: set[int] = set()
    for kind, length in slices:
        if kind >= kinds:
            raise anchor_error(errors.INVALID_SLICE)
        if length == 0:
            continue
        if first + length > invocation.count:
            raise anchor_error(errors.INSUFFICIENT_REMAINING)
        if kind in seen:
            raise anchor_error(errors.DUPLICATED_SLICES)
        seen.add(kind)
        first += length
    return range(first, invocation.count)
