"""What a transaction asks of the compute budget, and what it pays for that.

Source: agave 4.1's compute-budget-instruction.
"""

import struct
from collections.abc import Sequence

from solders.instruction import CompiledInstruction
from solders.pubkey import Pubkey

from dlmm.errors import DlmmError
from dlmm.programs import COMPUTE_BUDGET_PROGRAM
from dlmm.records import Record
from sandbox.model.invocation import BUILTINS, Invocation

LAMPORTS_PER_SIGNATURE = 5_000
MAX_UNITS = 1_400_000
MAX_LOADED_BYTES = 64 * 1024 * 1024
_UNITS = 150
_UNITS_PER_BUILTIN = 3_000
_UNITS_PER_PROGRAM = 200_000
_HEAP, _LIMIT, _PRICE, _LOADED = 1, 2, 3, 4
_ARGUMENTS = {_HEAP: "<I", _LIMIT: "<I", _PRICE: "<Q", _LOADED: "<I"}
_HEAP_STEP, _MIN_HEAP, _MAX_HEAP = 1_024, 32 * 1_024, 256 * 1_024
_MICRO_LAMPORTS = 1_000_000


class TransactionRefused(DlmmError):
    """Refuse a transaction before any of its instructions runs.

    :arg error: The error as a node's JSON has it.

    :arg fee: Lamports charged nevertheless.

    """

    def __init__(self, error: object, fee: int = 0) -> None:
        """Keep both values."""
        super().__init__(f"transaction refused: {error}")
        self.error = error
        self.fee = fee


class Budget(Record, frozen=True):
    """What a transaction may use.

    :arg units: Compute units of all its instructions together.

    :arg price: Micro-lamports offered for each of them.

    :arg loaded_bytes: Most bytes of account data it loads.

    """

    units: int
    price: int
    loaded_bytes: int

    def fee(self, signatures: int) -> int:
        """Lamports for the signatures and the units asked for, used or not."""
        return signatures * LAMPORTS_PER_SIGNATURE + -(-self.price * self.units // _MICRO_LAMPORTS)


def compute_budget(call: Invocation) -> None:
    """Run an instruction of the compute budget program: all of it was done before."""
    call.consume(_UNITS)


def requested_budget(instructions: Sequence[CompiledInstruction], keys: Sequence[Pubkey]) -> Budget:
    """Read what a transaction's instructions ask for, and give each of them its default share where none does.

    :raises TransactionRefused: A request is malformed, comes twice, or asks for nothing.

    """
    asked: dict[int, int] = {}
    default = 0
    for index, instruction in enumerate(instructions):
        program = keys[instruction.program_id_index]
        default += _UNITS_PER_BUILTIN if program in BUILTINS else _UNITS_PER_PROGRAM
        if program == COMPUTE_BUDGET_PROGRAM:
            kind, value = _request(bytes(instruction.data), index)
            if kind in asked:
                raise TransactionRefused({"DuplicateInstruction": index})
            if kind == _HEAP and (value % _HEAP_STEP or not _MIN_HEAP <= value <= _MAX_HEAP):
                raise _malformed(index)
            asked[kind] = value
    loaded = asked.get(_LOADED, MAX_LOADED_BYTES)
    if loaded == 0:
        raise TransactionRefused("InvalidLoadedAccountsDataSizeLimit")
    units = min(asked.get(_LIMIT, default), MAX_UNITS)
    return Budget(units=units, price=asked.get(_PRICE, 0), loaded_bytes=min(loaded, MAX_LOADED_BYTES))


def _request(data: bytes, index: int) -> tuple[int, int]:
    layout = _ARGUMENTS.get(data[0]) if data else None
    if layout is None or len(data) < 1 + struct.calcsize(layout):
        raise _malformed(index)
    return data[0], struct.unpack_from(layout, data, 1)[0]


def _malformed(index: int) -> TransactionRefused:
    return TransactionRefused({"InstructionError": [index, "InvalidInstructionData"]})
