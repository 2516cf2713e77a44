"""The bin arrays that stand behind an instruction's named accounts, and what the program makes of wrong ones.

The program takes them in the order given, each when it needs it; what it never comes to may be anything.
"""

import struct
from collections.abc import Sequence

from solders.pubkey import Pubkey

from dlmm.meteora.layout import BIN_ARRAY_DISCRIMINATOR
from dlmm.meteora.pdas import PROGRAM_ID
from dlmm.records import Record
from sandbox.model.invocation import Invocation, ProgramError
from sandbox.model.meteora import errors
from sandbox.model.meteora.accounts import check_loaded
from sandbox.model.meteora.errors import account_error, anchor_error, runtime_error

_NAME = "bin_array"
_INDEX_OFFSET = 8
_PAIR_OFFSET = 24


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
        return account_error(invocation, errors.NOT_ENOUGH_KEYS, _NAME)
    if invocation.owner(place) == PROGRAM_ID and invocation.key(place) in borrowed:
        return runtime_error("AccountBorrowFailed", _NAME)
    check_loaded(invocation, place, _NAME, BIN_ARRAY_DISCRIMINATOR)
    if not invocation.is_writable(place):
        return account_error(invocation, errors.MUT, _NAME)
    return anchor_error(errors.INVALID_BIN_ARRAY, "instructions/swap.rs:27")


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
