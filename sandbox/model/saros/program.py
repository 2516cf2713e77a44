"""The liquidity_book program: knows an instruction by its first eight bytes, decodes its arguments, and runs it."""

import struct
from collections.abc import Callable, Mapping

from dlmm.anchor import discriminator
from dlmm.saros.instructions import LiquidityShare
from sandbox.model import anchor_errors as anchor
from sandbox.model.invocation import Invocation
from sandbox.model.saros.creation import run_create_position, run_initialize_bin_array
from sandbox.model.saros.errors import anchor_error, unsupported
from sandbox.model.saros.positions import Deposit, run_close, run_decrease, run_increase
from sandbox.model.saros.swap import run_swap
from sandbox.model.saros.units import argument_units, entry_units
from sandbox.model.saros.walk import SwapOrder

_DISCRIMINATOR_LENGTH = 8
_COUNT = struct.Struct("<I")
_SWAP = struct.Struct("<QQBB")
_RANGE = struct.Struct("<ii")
_AMOUNTS = struct.Struct("<QQ")
_SHARE = struct.Struct("<iHH")
_U128_LENGTH = 16


class _ArgumentsCutShort(Exception):
    """The instruction's data ends before its arguments, or holds none of the values they can have."""


def liquidity_book(invocation: Invocation) -> None:
    """Run one instruction of the program.

    :raises ProgramError: The program's refusals, or that the model does not run the instruction.

    """
    invocation.consume(entry_units(invocation.metas))
    tag, arguments = invocation.data[:_DISCRIMINATOR_LENGTH], invocation.data[_DISCRIMINATOR_LENGTH:]
    instruction = _INSTRUCTIONS.get(tag)
    if instruction is None:
        raise anchor_error(invocation, anchor.FALLBACK_NOT_FOUND)
    name, prepare = instruction
    invocation.log(f"Instruction: {name}")
    invocation.consume(argument_units(arguments))
    try:
        run = prepare(arguments)
    except _ArgumentsCutShort as error:
        raise anchor_error(invocation, anchor.NOT_DESERIALIZED) from error
    run(invocation)


_Run = Callable[[Invocation], None]


def _swap(arguments: bytes) -> _Run:
    amount, threshold, swap_for_y, kind = _unpacked(_SWAP, arguments)
    if swap_for_y > 1 or kind > 1:
        raise _ArgumentsCutShort
    order = SwapOrder(amount=amount, threshold=threshold, swap_for_y=swap_for_y == 1, exact_in=kind == 0)
    return lambda invocation: run_swap(invocation, order)


def _initialize_bin_array(arguments: bytes) -> _Run:
    (index,) = _unpacked(_COUNT, arguments)
    return lambda invocation: run_initialize_bin_array(invocation, index)


def _create_position(arguments: bytes) -> _Run:
    left, right = _unpacked(_RANGE, arguments)
    return lambda invocation: run_create_position(invocation, left, right)


def _increase_position(arguments: bytes) -> _Run:
    amount_x, amount_y = _unpacked(_AMOUNTS, arguments)
    rows = _rows(arguments[_AMOUNTS.size :], _SHARE.size)
    deposit = Deposit(amount_x, amount_y, tuple(LiquidityShare(*_SHARE.unpack(row)) for row in rows))
    return lambda invocation: run_increase(invocation, deposit)


def _decrease_position(arguments: bytes) -> _Run:
    shares = [int.from_bytes(row, "little") for row in _rows(arguments, _U128_LENGTH)]
    return lambda invocation: run_decrease(invocation, shares)


def _close_position(_arguments: bytes) -> _Run:
    return run_close


def _foreign(name: str) -> Callable[[bytes], _Run]:
    def refuse(_invocation: Invocation) -> None:
        raise unsupported(name)

    return lambda _arguments: refuse


def _unpacked(fields: struct.Struct, data: bytes) -> tuple[int, ...]:
    if len(data) < fields.size:
        raise _ArgumentsCutShort
    return fields.unpack_from(data)


def _rows(data: bytes, length: int) -> list[bytes]:
    (count,) = _unpacked(_COUNT, data)
    if len(data) < _COUNT.size + count * length:
        raise _ArgumentsCutShort
    return [data[offset : offset + length] for offset in range(_COUNT.size, _COUNT.size + count * length, length)]


_PREPARED = {
    "swap": _swap,
    "initialize_bin_array": _initialize_bin_array,
    "create_position": _create_position,
    "increase_position": _increase_position,
    "decrease_position": _decrease_position,
    "close_position": _close_position,
}
_FOREIGN = (
    "accept_config_ownership",
    "initialize_bin_step_config",
    "initialize_config",
    "initialize_pair",
    "initialize_quote_asset_badge",
    "set_hook",
    "transfer_config_ownership",
    "update_bin_step_config",
    "update_pair_static_fee_parameters",
    "update_quote_asset_badge",
    "withdraw_protocol_fees",
)


def _title(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))


_INSTRUCTIONS: Mapping[bytes, tuple[str, Callable[[bytes], _Run]]] = {
    discriminator(name): (_title(name), prepare)
    for name, prepare in (*_PREPARED.items(), *((name, _foreign(_title(name))) for name in _FOREIGN))
}
