"""The events that the program sends to itself, as borsh.

Source: the program's published IDL; each is compared with the real program's bytes in the tests.
"""

import struct
from collections.abc import Sequence

from solders.pubkey import Pubkey

from dlmm.anchor import event_authority
from dlmm.events import SAROS_BIN_SWAP
from dlmm.liquidity import NOTHING, BinChange
from sandbox.model.invocation import Invocation, ProgramError
from sandbox.model.saros.units import EVENT_UNITS

_BIN_ARRAY_INITIALIZATION = bytes.fromhex("ed9e03b8fdee6647")
_COMPOSITION_FEES = bytes.fromhex("53eaf92f587d0256")
_POSITION_CREATION = bytes.fromhex("6115cdc93e296fa4")
_POSITION_INCREASE = bytes.fromhex("f7283a711caf3cae")
_POSITION_DECREASE = bytes.fromhex("c874977eb6edf5fe")
_COMPOSITION = struct.Struct("<IQQQQ")
_BIN_SWAP = struct.Struct("<?QIQQIQ")


def send(invocation: Invocation, event: bytes) -> None:
    """Send an event as the program does.

    :raises ProgramError: The instruction was not given the program's own account, or the compute budget does not
        suffice.

    """
    if all(meta.pubkey != invocation.program for meta in invocation.metas):
        invocation.log_raw(f"Unknown program {invocation.program}")
        raise ProgramError("MissingAccount")
    invocation.emit(event, event_authority(invocation.program), units=EVENT_UNITS)


def bin_swap(
    pair: Pubkey,
    *,
    swap_for_y: bool,
    protocol_fee: int,
    bin_id: int,
    amount_in: int,
    amount_out: int,
    volatility_accumulator: int,
    fee: int,
) -> bytes:
    """Tell one bin of a swap.

    :arg amount_in: With fee.

    :arg fee: With the protocol's part.

    """
    fields = (swap_for_y, protocol_fee, bin_id, amount_in, amount_out, volatility_accumulator, fee)
    return SAROS_BIN_SWAP + bytes(pair) + _BIN_SWAP.pack(*fields)


def bin_array_initialization(pair: Pubkey, index: int) -> bytes:
    """Tell a new bin array."""
    return _BIN_ARRAY_INITIALIZATION + bytes(pair) + struct.pack("<I", index)


def position_creation(pair: Pubkey, position: Pubkey, mint: Pubkey, lower_bin_id: int, upper_bin_id: int) -> bytes:
    """Tell a new position."""
    bins = struct.pack("<II", lower_bin_id, upper_bin_id)
    return _POSITION_CREATION + bytes(pair) + bytes(position) + bytes(mint) + bins


def position_increase(pair: Pubkey, position: Pubkey, bins: Sequence[BinChange]) -> bytes:
    """Tell a deposit: for each bin its amounts and the shares minted."""
    return _POSITION_INCREASE + bytes(pair) + bytes(position) + _columns(bins)


def position_decrease(pair: Pubkey, position: Pubkey, bins: Sequence[BinChange]) -> bytes:
    """Tell a withdrawal: for each bin its amounts and the shares burned."""
    return _POSITION_DECREASE + bytes(pair) + bytes(position) + _columns(bins)


def composition_fees(pair: Pubkey, change: BinChange) -> bytes:
    """Tell what a deposit in the active bin paid for its excess of one token."""
    fee, protocol_fee = change.composition_fee or NOTHING, change.protocol_fee
    return (
        _COMPOSITION_FEES + bytes(pair) + _COMPOSITION.pack(change.bin_id, fee.x, fee.y, protocol_fee.x, protocol_fee.y)
    )


def _columns(bins: Sequence[BinChange]) -> bytes:
    count = struct.pack("<I", len(bins))
    return b"".join(
        (
            count,
            *(struct.pack("<I", change.bin_id) for change in bins),
            count,
            *(struct.pack("<Q", change.amounts.x) for change in bins),
            count,
            *(struct.pack("<Q", change.amounts.y) for change in bins),
            count,
            *(change.share.to_bytes(16, "little") for change in bins),
        )
    )
