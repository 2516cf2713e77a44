"""Opening, widening and closing positions, and making the bin arrays that they lie in.

Rent comes back when a position closes; that of a bin array never does.

Source: the program's published IDL, pinned by the life-cycle rows of the golden vectors.
"""

from enum import IntEnum

from solders.instruction import Instruction
from solders.pubkey import Pubkey

from dlmm.anchor import discriminator, event_accounts, pack, reader, signer, writer, writing_signer
from dlmm.meteora.keys import PoolKeys
from dlmm.meteora.pdas import (
    PROGRAM_ID,
    bin_array_address,
    bin_array_index,
    bitmap_extension_address,
    position_address,
)
from dlmm.programs import RENT_SYSVAR, SYSTEM_PROGRAM


class Side(IntEnum):
    """Which end of a position grows."""

    LOWER = 0
    UPPER = 1


def initialize_bin_array(*, lb_pair: Pubkey, index: int, funder: Pubkey) -> Instruction:
    """Build `initialize_bin_array`; it takes 200,000 to 255,000 compute units.

    :arg index: Signed index of the array to make.

    :raises RangeError: The index fits no i64.

    """
    accounts = [
        reader(lb_pair),
        writer(bin_array_address(lb_pair, index)),
        writing_signer(funder),
        reader(SYSTEM_PROGRAM),
    ]
    return Instruction(PROGRAM_ID, discriminator("initialize_bin_array") + pack("q", index), accounts)


def initialize_bitmap_extension(*, lb_pair: Pubkey, funder: Pubkey) -> Instruction:
    """Build `initialize_bin_array_bitmap_extension`, needed before the first array beyond index 511 or -512."""
    accounts = [
        reader(lb_pair),
        writer(bitmap_extension_address(lb_pair)),
        writing_signer(funder),
        reader(SYSTEM_PROGRAM),
        reader(RENT_SYSVAR),
    ]
    return Instruction(PROGRAM_ID, discriminator("initialize_bin_array_bitmap_extension"), accounts)


def initialize_position2(
    *, lb_pair: Pubkey, position: Pubkey, lower_bin_id: int, width: int, owner: Pubkey, payer: Pubkey | None = None
) -> Instruction:
    """Build `initialize_position2`; on a position that exists already it succeeds and does nothing.

    :arg position: Fresh key that signs once.

    :arg width: Bins, 1 to 70.

    :arg payer: Who pays the rent; the owner when `None`.

    :raises RangeError: A number fits no i32.

    """
    return _open("initialize_position2", lb_pair, position, (lower_bin_id, width), owner, payer, with_rent=False)


def initialize_position(
    *, lb_pair: Pubkey, position: Pubkey, lower_bin_id: int, width: int, owner: Pubkey, payer: Pubkey | None = None
) -> Instruction:
    """Build `initialize_position`, the older form that also names the rent sysvar.

    :raises RangeError: A number fits no i32.

    """
    return _open("initialize_position", lb_pair, position, (lower_bin_id, width), owner, payer, with_rent=True)


def initialize_position_pda(
    *, lb_pair: Pubkey, base: Pubkey, lower_bin_id: int, width: int, owner: Pubkey, payer: Pubkey | None = None
) -> Instruction:
    """Build `initialize_position_pda`: a position whose address follows from its base, range and pool.

    :arg base: Key that signs; it and the range give the address (`position_address`).

    :raises RangeError: A number fits no i32.

    """
    accounts = [
        writing_signer(payer or owner),
        signer(base),
        writer(position_address(lb_pair, base, lower_bin_id, width)),
        reader(lb_pair),
        signer(owner),
        reader(SYSTEM_PROGRAM),
        reader(RENT_SYSVAR),
        *event_accounts(PROGRAM_ID),
    ]
    return Instruction(PROGRAM_ID, discriminator("initialize_position_pda") + pack("ii", lower_bin_id, width), accounts)


def increase_position_length(
    *, lb_pair: Pubkey, position: Pubkey, length_to_add: int, side: Side, owner: Pubkey, funder: Pubkey | None = None
) -> Instruction:
    """Build `increase_position_length`: add up to 91 bins to one end of a position, 1,400 in all.

    :raises RangeError: The length fits no u16.

    """
    data = discriminator("increase_position_length") + pack("HB", length_to_add, side)
    return _lengthen(data, lb_pair, position, owner, funder)


def increase_position_length2(
    *, lb_pair: Pubkey, position: Pubkey, minimum_upper_bin_id: int, owner: Pubkey, funder: Pubkey | None = None
) -> Instruction:
    """Build `increase_position_length2`: widen a position upwards until it reaches a bin.

    :raises RangeError: The bin fits no i32.

    """
    data = discriminator("increase_position_length2") + pack("i", minimum_upper_bin_id)
    return _lengthen(data, lb_pair, position, owner, funder)


def close_position2(*, position: Pubkey, owner: Pubkey, rent_receiver: Pubkey | None = None) -> Instruction:
    """Build `close_position2`; it fails while the position holds liquidity or unclaimed fees."""
    return _close("close_position2", position, owner, rent_receiver)


def close_position_if_empty(*, position: Pubkey, owner: Pubkey, rent_receiver: Pubkey | None = None) -> Instruction:
    """Build `close_position_if_empty`; it succeeds and does nothing while the position holds something."""
    return _close("close_position_if_empty", position, owner, rent_receiver)


def close_position(
    *, pool: PoolKeys, position: Pubkey, lower_bin_id: int, owner: Pubkey, rent_receiver: Pubkey | None = None
) -> Instruction:
    """Build `close_position`, the older form that names the position's two bin arrays.

    :arg lower_bin_id: The position's lowest bin.

    """
    lower = bin_array_index(lower_bin_id)
    accounts = [
        writer(position),
        writer(pool.lb_pair),
        *pool.bin_arrays((lower, lower + 1)),
        signer(owner),
        writer(rent_receiver or owner),
        *event_accounts(PROGRAM_ID),
    ]
    return Instruction(PROGRAM_ID, discriminator("close_position"), accounts)


def _open(
    name: str,
    lb_pair: Pubkey,
    position: Pubkey,
    bins: tuple[int, int],
    owner: Pubkey,
    payer: Pubkey | None,
    *,
    with_rent: bool,
) -> Instruction:
    accounts = [
        writing_signer(payer or owner),
        writing_signer(position),
        reader(lb_pair),
        signer(owner),
        reader(SYSTEM_PROGRAM),
        *([reader(RENT_SYSVAR)] if with_rent else []),
        *event_accounts(PROGRAM_ID),
    ]
    return Instruction(PROGRAM_ID, discriminator(name) + pack("ii", *bins), accounts)


def _lengthen(data: bytes, lb_pair: Pubkey, position: Pubkey, owner: Pubkey, funder: Pubkey | None) -> Instruction:
    accounts = [
        writing_signer(funder or owner),
        reader(lb_pair),
        writer(position),
        signer(owner),
        reader(SYSTEM_PROGRAM),
        *event_accounts(PROGRAM_ID),
    ]
    return Instruction(PROGRAM_ID, data, accounts)


def _close(name: str, position: Pubkey, owner: Pubkey, rent_receiver: Pubkey | None) -> Instruction:
    accounts = [writer(position), signer(owner), writer(rent_receiver or owner), *event_accounts(PROGRAM_ID)]
    return Instruction(PROGRAM_ID, discriminator(name), accounts)
