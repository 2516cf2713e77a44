"""Swap events of both programs: what landed swaps moved, read from the instructions that a program sends to itself.

An event travels as the data of an inner instruction: a tag common to all Anchor programs, the event's discriminator,
then borsh. Meteora tells a swap once for old readers and once for new ones; the older form, which every version of the
program writes, is the one counted. Saros tells every bin of a walk; a swap is the run of neighbouring bins.

Source: the programs' published IDLs, pinned by recorded transactions.
"""

import struct
from collections.abc import Iterable
from typing import Any

from solders.pubkey import Pubkey

from dlmm.errors import DlmmError
from dlmm.meteora.layout import PROGRAM as METEORA_PROGRAM
from dlmm.records import Record, Venue
from dlmm.saros.layout import PROGRAM_IDS as SAROS_PROGRAMS

EVENT_TAG = bytes.fromhex("e445a52e51cb9a1d")
"""First eight bytes of an instruction that carries an event."""

METEORA_SWAP = bytes.fromhex("516ce3becdd00ac4")
SAROS_BIN_SWAP = bytes.fromhex("372ac0c2e6f30948")

_METEORA_FIELDS = struct.Struct("<32s32xiiQQBQQ16x8x")
_SAROS_FIELDS = struct.Struct("<32sBQIQQIQ")
_HEAD = len(EVENT_TAG) + len(METEORA_SWAP)


class EventError(DlmmError):
    """Refuse event data that is not what its discriminator says.

    :arg program: Program that the data came from.

    :arg reason: What is wrong: length, direction, or the program itself.

    """

    def __init__(self, program: str, reason: str) -> None:
        """Keep both values, and name the program first."""
        super().__init__(f"event of {program}: {reason}")
        self.program = program
        self.reason = reason


class SwapEvent(Record, frozen=True):
    """One swap that ran.

    :arg venue: Which of the two programs ran it.

    :arg pool: Address of the pair, base58.

    :arg amount_x: Raw units of token X that the pool took in (fee included) or gave out.

    :arg amount_y: The same of token Y.

    :arg swap_for_y: X went in and Y came out, or the other way.

    :arg fee: Trading fee in raw units of its token: the one that went in, or Y in pairs that always take it there.

    :arg protocol_fee: The protocol's part of the fee, without a host's.

    :arg start_bin: First bin that traded.

    :arg end_bin: Bin that is active afterwards.

    :arg bins: Bins that the walk visited; `None` where the event does not tell.

    """

    venue: Venue
    pool: str
    amount_x: int
    amount_y: int
    swap_for_y: bool
    fee: int
    protocol_fee: int
    start_bin: int
    end_bin: int
    bins: int | None = None


def swaps_of(program: str, inner: Iterable[bytes]) -> list[SwapEvent]:
    """Return the swaps of one transaction, in the order they ran; one that failed tells swaps too, undone since.

    :arg program: Address of the program, base58.

    :arg inner: Data of the inner instructions that call `program`, in their order; those without a swap event are
        passed over. Whoever gathers them must leave out other programs' instructions, which can hold any bytes.

    :raises EventError: A swap event is cut short or too long, its direction is no boolean, or the program is neither
        venue's.

    """
    if program == METEORA_PROGRAM:
        return [_meteora(program, body) for body in _bodies(inner, METEORA_SWAP)]
    if program in SAROS_PROGRAMS:
        swaps: list[SwapEvent] = []
        for body in _bodies(inner, SAROS_BIN_SWAP):
            bin_swap = _saros(program, body)
            if swaps and _continues(swaps[-1], bin_swap):
                bin_swap = _joined(swaps.pop(), bin_swap)
            swaps.append(bin_swap)
        return swaps
    raise EventError(program, "not one of the two venues' programs")


def _bodies(inner: Iterable[bytes], kind: bytes) -> list[bytes]:
    tag = EVENT_TAG + kind
    return [data[_HEAD:] for data in inner if data[:_HEAD] == tag]


def _meteora(program: str, body: bytes) -> SwapEvent:
    pair, start, end, paid, bought, for_y, fee, protocol = _fields(program, body, _METEORA_FIELDS)
    swap_for_y = _direction(program, for_y)
    return SwapEvent(
        Venue.METEORA,
        str(Pubkey.from_bytes(pair)),
        *((paid, bought) if swap_for_y else (bought, paid)),
        swap_for_y,
        fee,
        protocol,
        start,
        end,
    )


def _saros(program: str, body: bytes) -> SwapEvent:
    pair, for_y, protocol, bin_id, paid, bought, _volatility, fee = _fields(program, body, _SAROS_FIELDS)
    swap_for_y = _direction(program, for_y)
    return SwapEvent(
        Venue.SAROS,
        str(Pubkey.from_bytes(pair)),
        *((paid, bought) if swap_for_y else (bought, paid)),
        swap_for_y,
        fee,
        protocol,
        bin_id,
        bin_id,
        1,
    )


def _continues(swap: SwapEvent, bin_swap: SwapEvent) -> bool:
    # the next swap of the same pair starts on the bin that the last one ended on, never on its neighbour
    step = -1 if swap.swap_for_y else 1
    return (bin_swap.pool, bin_swap.swap_for_y, bin_swap.start_bin) == (
        swap.pool,
        swap.swap_for_y,
        swap.end_bin + step,
    )


def _joined(swap: SwapEvent, bin_swap: SwapEvent) -> SwapEvent:
    return SwapEvent(
        swap.venue,
        swap.pool,
        swap.amount_x + bin_swap.amount_x,
        swap.amount_y + bin_swap.amount_y,
        swap.swap_for_y,
        swap.fee + bin_swap.fee,
        swap.protocol_fee + bin_swap.protocol_fee,
        swap.start_bin,
        bin_swap.end_bin,
        (swap.bins or 0) + 1,
    )


def _fields(program: str, body: bytes, fields: struct.Struct) -> tuple[Any, ...]:
    if len(body) != fields.size:
        raise EventError(program, f"a swap of {len(body)} bytes instead of {fields.size}")
    return fields.unpack(body)


def _direction(program: str, flag: int) -> bool:
    if flag > 1:
        raise EventError(program, f"a direction of {flag}, neither 0 nor 1")
    return flag == 1
