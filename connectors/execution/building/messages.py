"""From instructions to the bytes that a wallet signs: version 0 messages, and where their parts lie."""

from collections.abc import Sequence
from functools import lru_cache

from solders.hash import Hash, ParseHashError
from solders.instruction import Instruction
from solders.message import CompileError, MessageV0, from_bytes_versioned, to_bytes_versioned
from solders.pubkey import Pubkey

from connectors.execution.building.compute_budget import budget
from connectors.execution.building.lookup_tables import LookupTable, helpful_tables
from connectors.execution.building.steps import BuildError, Step
from dlmm.records import Record

PACKET_BYTES = 1_232
"""Most bytes that a transaction may have on the wire."""

SIGNATURE_BYTES = 64
_KEY_BYTES, _HASH_BYTES = 32, 32
_HEADER_BYTES = 4  # the version, and the counts of keys that sign and of those that are only read
_CONTINUES, _SEVEN_BITS = 0x80, 0x7F
_ANY_HASH = str(Hash.default())


class MessageParts(Record, frozen=True):
    """Where the parts of a message lie.

    :arg keys: Offset of the first key.

    :arg blockhash: Offset of the blockhash.

    :arg data: Offset and length of each instruction's data.

    """

    keys: int
    blockhash: int
    data: tuple[tuple[int, int], ...]


def compile_message(
    payer: Pubkey, instructions: Sequence[Instruction], blockhash: str, tables: Sequence[LookupTable] = ()
) -> bytes:
    """Compile a version 0 message that fits a packet, with lookup tables only where it would not fit without.

    :arg payer: Signs first and pays the fees.

    :arg blockhash: Base58.

    :arg tables: To choose from.

    :returns: The bytes to sign.

    :raises BuildError: `too_long`, also with the tables; `not_compiled`.

    """
    message = _compiled(payer, instructions, blockhash, ())
    if wire_length(message) > PACKET_BYTES and tables:
        message = _compiled(payer, instructions, blockhash, helpful_tables(tables, payer, instructions))
    if wire_length(message) > PACKET_BYTES:
        found = (
            f"the {len(tables)} lookup tables at hand do not help enough" if tables else "no lookup table is at hand"
        )
        raise BuildError(
            "too_long",
            f"{wire_length(message)} bytes of at most {PACKET_BYTES}, and {found}: name one that holds the pools' and"
            " tokens' accounts in execution.lookup_tables",
        )
    return message


def step_message(step: Step, payer: Pubkey, blockhash: str, price: int, tables: Sequence[LookupTable] = ()) -> bytes:
    """Compile a step with its compute budget in front.

    :arg price: Bid in micro-lamports for each unit of the step's limit.

    :raises BuildError: As `compile_message`.

    """
    return compile_message(payer, (*budget(step.compute_units, price), *step.instructions), blockhash, tables)


def fits_packet(step: Step, payer: Pubkey, tables: Sequence[LookupTable] = ()) -> bool:
    """Tell whether a step goes into one packet, whatever it bids."""
    try:
        step_message(step, payer, _ANY_HASH, 0, tables)
    except BuildError:
        return False
    return True


def wire_length(message: bytes) -> int:
    """Return how long a message is once it is signed."""
    signatures = message[1]
    return 1 + SIGNATURE_BYTES * signatures + len(message)


def parts_of(message: bytes) -> MessageParts:
    """Find the parts of a version 0 message that we compiled ourselves."""
    count, keys = _short(message, _HEADER_BYTES)
    blockhash = keys + count * _KEY_BYTES
    instructions, at = _short(message, blockhash + _HASH_BYTES)
    data = []
    for _ in range(instructions):
        accounts, at = _short(message, at + 1)  # past the program's index
        length, at = _short(message, at + accounts)
        data.append((at, length))
        at += length
    return MessageParts(keys, blockhash, tuple(data))


def decode_message(message: bytes) -> MessageV0:
    """Decode a message of version 0.

    :raises BuildError: `not_compiled`: it is of another version.

    """
    decoded = from_bytes_versioned(message)
    if not isinstance(decoded, MessageV0):
        raise BuildError("not_compiled", "the message is of the legacy version")
    return decoded


@lru_cache(maxsize=16)
def blockhash_bytes(blockhash: str) -> bytes:
    """Decode a blockhash, which many transactions share.

    :raises BuildError: `bad_blockhash`.

    """
    try:
        return bytes(Hash.from_string(blockhash))
    except ParseHashError as error:
        raise BuildError("bad_blockhash", f"{blockhash!r}: {error}") from error


def _compiled(
    payer: Pubkey, instructions: Sequence[Instruction], blockhash: str, tables: Sequence[LookupTable]
) -> bytes:
    recent = Hash.from_bytes(blockhash_bytes(blockhash))
    try:
        message = MessageV0.try_compile(payer, instructions, [table.account for table in tables], recent)
    except CompileError as error:
        raise BuildError("not_compiled", str(error)) from error
    return bytes(to_bytes_versioned(message))


def _short(message: bytes, at: int) -> tuple[int, int]:
    """Read one of the format's short numbers, seven bits a byte, and return it with the offset behind it."""
    value, shift = 0, 0
    while message[at] & _CONTINUES:
        value |= (message[at] & _SEVEN_BITS) << shift
        shift += 7
        at += 1
    return value | message[at] << shift, at + 1
