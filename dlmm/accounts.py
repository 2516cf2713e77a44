"""Tell what an account is by its owner, then its discriminator, then its length, and view its bytes.

The owner comes first because both programs call their bin arrays by the same discriminator.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from dlmm.errors import AccountError
from dlmm.meteora import layout as meteora
from dlmm.records import Account, Venue
from dlmm.saros import layout as saros


class AccountKind(StrEnum):
    """What the programs keep in accounts, as far as we read it."""

    PAIR = "pair"
    BIN_ARRAY = "bin_array"
    POSITION = "position"
    BITMAP_EXTENSION = "bitmap_extension"
    LIMIT_ORDER = "limit_order"
    HOOK = "hook"
    HOOK_BIN_ARRAY = "hook_bin_array"
    HOOK_POSITION = "hook_position"


@dataclass(frozen=True, slots=True, eq=False)
class DecodedAccount:
    """One account's bytes, viewed through its layout; read-only as long as nobody copies them."""

    address: str
    venue: Venue
    kind: AccountKind

    record: NDArray[np.void]
    """One record of the venue's layout for this kind."""

    bins: NDArray[np.void]
    """What follows the record: a Meteora position's bins past 70, a limit order's bins; else nothing."""


_View = tuple[NDArray[np.void], NDArray[np.void]]
_Decoder = Callable[[str, Account], _View]
_NOTHING = np.empty(0, np.dtype([]))
_DISCRIMINATOR_LENGTH = 8


def _alone(decode: Callable[[str, Account], NDArray[np.void]]) -> _Decoder:
    return lambda address, account: (decode(address, account), _NOTHING)


def _meteora_position(address: str, account: Account) -> _View:
    record, bins = meteora.decode_position(address, account)
    _check_width(address, record, meteora.POSITION_BINS + len(bins))
    return record, bins


def _saros_position(address: str, account: Account) -> _View:
    record = saros.decode_position(address, account)
    _check_width(address, record, saros.MAX_POSITION_BINS)
    return record, _NOTHING


def _check_width(address: str, record: NDArray[np.void], room: int) -> None:
    lower, upper = int(record["lower_bin_id"][0]), int(record["upper_bin_id"][0])
    if not lower <= upper < lower + room:
        raise AccountError(address, f"bins {lower} to {upper} do not fit a position with room for {room}")


_METEORA: Mapping[bytes, tuple[AccountKind, _Decoder]] = {
    meteora.LB_PAIR_DISCRIMINATOR: (AccountKind.PAIR, _alone(meteora.decode_lb_pair)),
    meteora.BIN_ARRAY_DISCRIMINATOR: (AccountKind.BIN_ARRAY, _alone(meteora.decode_bin_array)),
    meteora.POSITION_DISCRIMINATOR: (AccountKind.POSITION, _meteora_position),
    meteora.EXTENSION_DISCRIMINATOR: (AccountKind.BITMAP_EXTENSION, _alone(meteora.decode_extension)),
    meteora.LIMIT_ORDER_DISCRIMINATOR: (AccountKind.LIMIT_ORDER, meteora.decode_limit_order),
}
_SAROS: Mapping[bytes, tuple[AccountKind, _Decoder]] = {
    saros.PAIR_DISCRIMINATOR: (AccountKind.PAIR, _alone(saros.decode_pair)),
    saros.BIN_ARRAY_DISCRIMINATOR: (AccountKind.BIN_ARRAY, _alone(saros.decode_bin_array)),
    saros.POSITION_DISCRIMINATOR: (AccountKind.POSITION, _saros_position),
}
_HOOKS: Mapping[bytes, tuple[AccountKind, _Decoder]] = {
    saros.HOOK_DISCRIMINATOR: (AccountKind.HOOK, _alone(saros.decode_hook)),
    saros.HOOK_BIN_ARRAY_DISCRIMINATOR: (AccountKind.HOOK_BIN_ARRAY, _alone(saros.decode_hook_bin_array)),
    saros.HOOK_POSITION_DISCRIMINATOR: (AccountKind.HOOK_POSITION, _alone(saros.decode_hook_position)),
}
_PROGRAMS = {
    meteora.PROGRAM: (Venue.METEORA, _METEORA),
    **dict.fromkeys(saros.PROGRAM_IDS, (Venue.SAROS, _SAROS)),
    **dict.fromkeys(saros.HOOK_PROGRAM_IDS, (Venue.SAROS, _HOOKS)),
}


def venue_of(owner: str) -> Venue | None:
    """Return the venue that a program belongs to, on mainnet or devnet, or `None`."""
    known = _PROGRAMS.get(owner)
    return None if known is None else known[0]


def decode_account(address: str, account: Account) -> DecodedAccount:
    """View an account of either venue.

    :arg address: The account's address, for the result and for errors.

    :raises AccountError: The owner is none of the programs, the discriminator none of theirs, or the length or content
        not that of its kind.

    """
    known = _PROGRAMS.get(account.owner)
    if known is None:
        raise AccountError(address, f"owner {account.owner} is neither Meteora nor Saros")
    if len(account.data) < _DISCRIMINATOR_LENGTH:
        raise AccountError(address, f"length {len(account.data)} is too short for a discriminator")
    venue, kinds = known
    discriminator = bytes(account.data[:_DISCRIMINATOR_LENGTH])
    if discriminator not in kinds:
        raise AccountError(address, f"discriminator {discriminator.hex()} is of no account of {venue} that we read")
    kind, decode = kinds[discriminator]
    record, bins = decode(address, account)
    return DecodedAccount(address, venue, kind, record, bins)
