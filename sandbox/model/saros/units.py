"""How many compute units each part of an instruction takes.

The program's cost is the sum of what it does: entering, reading each account, each check, each walked bin or changed
bin, each call. The figures were fitted to thousands of transactions on the real program, refused ones too. Half of all
swaps are off by less than 0.5 %, deposits by 1.6 %, withdrawals by 0.3 %; one in a hundred by more than 4 %, 7 %, 7 %.
"""

from collections.abc import Mapping, Sequence
from enum import Enum, auto

import numpy as np
from numpy.typing import NDArray
from solders.instruction import AccountMeta

from dlmm.liquidity import NOTHING, BinChange, PoolTokens
from dlmm.saros.layout import BINS_PER_ARRAY, MIDDLE_BIN_ID
from sandbox.model.saros.walk import Book, SwapOrder, Walk

_VARIABLE_FEE_CONTROL = slice(115, 119)

BUMP_UNITS = 1_500
"""Each try in finding a program-derived address."""

EVENT_UNITS = 3_553
"""What the program's call to itself takes, the runtime's share left out."""


class Reading(Enum):
    """What is read when an account is."""

    PAIR = auto()
    LOADED = auto()
    MINT = auto()
    EXTENDED_MINT = auto()
    TOKEN_ACCOUNT = auto()
    EXTENDED_TOKEN_ACCOUNT = auto()
    SIGNER = auto()
    PROGRAM = auto()
    ANYTHING = auto()


READ_UNITS = {
    Reading.PAIR: 634,
    Reading.LOADED: 101,
    Reading.MINT: 329,
    Reading.EXTENDED_MINT: 435,
    Reading.TOKEN_ACCOUNT: 458,
    Reading.EXTENDED_TOKEN_ACCOUNT: 511,
    Reading.SIGNER: 82,
    Reading.PROGRAM: 50,
    Reading.ANYTHING: 51,
}
"""Units for reading one account."""


class Check(Enum):
    """A check that has units of its own."""

    PAIR = auto()
    POSITION = auto()
    POSITION_MINT = auto()
    ARRAY = auto()
    ASSOCIATED = auto()
    USER_VAULT = auto()
    HOOK = auto()
    EVENTS = auto()
    SEEDS = auto()
    BORROW = auto()


CHECK_UNITS = {
    Check.PAIR: 111,
    Check.POSITION: 72,
    Check.POSITION_MINT: 115,
    Check.ARRAY: 65,
    Check.ASSOCIATED: 269,
    Check.USER_VAULT: 147,
    Check.HOOK: 100,
    Check.EVENTS: 2_550,
    Check.SEEDS: 300,
    Check.BORROW: 450,
}
"""Units for one check that passes."""

_REFUSALS = {
    2006: 450,
    2009: -160,
    2023: -285,
    3002: 120,
    3012: 15,
    6026: -80,
    6028: -280,
    6029: -280,
}
_REFUSED = 1_500
_KEYS_LOGGED = 450
_WRONG_INTERFACE = 2_350


def refusal_units(code: int, line: str, *, with_keys: bool = False, is_interface: bool = False) -> int:
    """Return what it takes to say why an instruction is refused.

    :arg line: What is logged.

    :arg with_keys: Whether two keys are logged beneath.

    :arg is_interface: Whether the account could have belonged to either token program, or been it.

    """
    units = _REFUSED + len(line) + _REFUSALS.get(code, 0)
    if with_keys:
        units += _KEYS_LOGGED
    return units + _WRONG_INTERFACE if is_interface else units


def entry_units(metas: Sequence[AccountMeta]) -> int:
    """Return what the program takes before it knows the instruction."""
    return 85 * len(metas) + 169 * len({meta.pubkey for meta in metas}) - 354


def argument_units(arguments: bytes) -> int:
    """Return what reading an instruction's arguments takes, from knowing it on."""
    return 704 + len(arguments)


def pay_in_units(*, is_token_2022: bool) -> int:
    """Return what the program takes to prepare a transfer that the user signs."""
    return 1_454 if is_token_2022 else 1_484


def pay_out_units(*, is_token_2022: bool, has_fee: bool) -> int:
    """Return what the program takes to prepare a transfer that the pair signs."""
    if not is_token_2022:
        return 1_645
    return 1_929 if has_fee else 1_855


PANIC_UNITS = 1_000
"""Saying where the program panicked."""

SHARE_UNITS = 12
"""Reading one share of a deposit's arguments, beyond its bytes."""

REFUSED_ROW_UNITS = 6_000
"""The row of a deposit that is refused for what its bin or the position holds."""

SWAP_EVENT_UNITS = 1_364
"""Preparing the event of one bin."""

FIRST_SWAP_EVENT_UNITS = 103
"""What the first one takes beyond that."""

SWAP_END_UNITS = 2_165
"""From a swap's last event to its end."""

COMPOSITION_EVENT_UNITS = 1_307
"""Preparing the event of a composition fee."""

POSITION_END_UNITS = 2_502
"""From the last event of a deposit or withdrawal to its end."""

CREATE_UNITS = 1_400
"""Preparing to create an account."""

TOP_UP_UNITS = 690
"""Preparing to make one at an address that holds lamports already."""

ARRAY_EVENT_UNITS = 1_897
"""Preparing the event of a new bin array."""

ARRAY_END_UNITS = 353
"""From a new array's event to the end."""

POINTER_UNITS = 2_095
MINT_UNITS = 663
NFT_ACCOUNT_UNITS = 2_972
RANGE_UNITS = 1_700
METADATA_UNITS = 1_748
MINT_TO_UNITS = 2_455
DROP_AUTHORITY_UNITS = 935
CREATION_EVENT_UNITS = 1_544
CREATION_END_UNITS = 498
"""The steps of making a position, each up to its call, and the end."""

BURN_UNITS = 1_263
"""Preparing to burn a position's NFT."""

CLOSE_UNITS = 1_011
"""Preparing to close the account that held it."""

POSITION_CLOSED_UNITS = 2_619
"""From there to the end, closing the position."""


def position_event_units(bins: int) -> int:
    """Return what the program takes to prepare the event of a deposit or withdrawal."""
    return 1_600 + 345 * bins


def walk_units(book: Book, order: SwapOrder, walk: Walk, bins: int) -> int:
    """Return what a walk takes, up to the first transfer.

    :arg bins: How many of its bins were walked before the heap was used up.

    """
    steps = walk.steps[:bins]
    traded = int(np.count_nonzero(steps["amount_in"]))
    units = 716 + 4_600 * traded + 2_756 * (bins - traded)
    units += 247 * int(np.count_nonzero(steps["bin_id"] // BINS_PER_ARRAY > book.lower_index))
    units += 1_019 * int(np.count_nonzero(steps["bin_id"] > MIDDLE_BIN_ID))
    if int.from_bytes(book.pair[_VARIABLE_FEE_CONTROL], "little"):
        units += 436 * bins
    mints = (book.tokens.mint_x, book.tokens.mint_y)
    units += 920 * sum(mint.newer_fee is not None for mint in mints)
    if order.swap_for_y:
        units -= 154 * traded
    return units + 1_197 if order.exact_in and traded else units


def deposit_units(rows: Sequence[BinChange], before: Mapping[int, NDArray[np.void]], tokens: PoolTokens) -> int:
    """Return what a deposit's bins take, up to the first transfer.

    :arg rows: The bins done.

    :arg before: The bin arrays before, by index.

    """
    units = 495 + 1_626 * (tokens.mint_x.newer_fee is not None) + 1_403 * (tokens.mint_y.newer_fee is not None)
    upper = max(before)
    for row in rows:
        units += 6_124
        if row.bin_id > MIDDLE_BIN_ID:
            units += 838
        if row.bin_id // BINS_PER_ARRAY == upper:
            units += 249
        if row.amounts == NOTHING:
            units -= 2_520
        elif row.composition_fee is not None:
            units += 6_067
        elif not _supply(before, row.bin_id):
            units += 18 * 2 * row.share.bit_length() - 697  # the root's bits are half of the liquidity's
    return units


def withdrawal_units(rows: Sequence[BinChange], before: Mapping[int, NDArray[np.void]], width: int) -> int:
    """Return what a withdrawal's bins take, up to the first transfer.

    :arg rows: The bins done.

    :arg before: The bin arrays before, by index.

    :arg width: Bins of the position, of which the others are passed over.

    """
    units = 260 + 11 * (width - len(rows)) - 16 * len(rows)
    upper = max(before)
    for row in rows:
        units += int(5.0 * row.share.bit_length() + 14.5 * _supply(before, row.bin_id).bit_length())
        if row.bin_id // BINS_PER_ARRAY == upper:
            units += 275
    return units


def _supply(arrays: Mapping[int, NDArray[np.void]], bin_id: int) -> int:
    row = arrays[bin_id // BINS_PER_ARRAY]["bins"][0][bin_id % BINS_PER_ARRAY]
    return int(row["liquidity_supply_low"]) | int(row["liquidity_supply_high"]) << 64
