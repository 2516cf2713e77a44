"""A landed transaction as nodes write it (encoding `json`), and its instructions in the order that they ran."""

from typing import Annotated

import msgspec
from msgspec import Meta

from connectors.wire import base58
from connectors.wire.accounts import Slot
from connectors.wire.refusal import WireError
from dlmm.meteora.layout import PROGRAM as METEORA_PROGRAM
from dlmm.programs import SYSTEM_PROGRAM
from dlmm.records import Record
from dlmm.saros.layout import HOOK_PROGRAM_IDS
from dlmm.saros.layout import PROGRAM_IDS as SAROS_PROGRAMS
from dlmm.tokens import TOKEN_2022_PROGRAM, TOKEN_PROGRAM

LONGEST_DATA = 700
"""Characters of base58. What is longer is neither an event that counts, nor a move of tokens or lamports."""

SYSTEM = str(SYSTEM_PROGRAM)
TOKEN_PROGRAMS = frozenset({TOKEN_PROGRAM, TOKEN_2022_PROGRAM})
VENUES = frozenset({METEORA_PROGRAM, *SAROS_PROGRAMS})
LOOKUP_TABLES = "AddressLookupTab1e1111111111111111111111111"

_READ = frozenset({SYSTEM, LOOKUP_TABLES}) | TOKEN_PROGRAMS | VENUES | HOOK_PROGRAM_IDS

Place = Annotated[int, Meta(ge=0, le=255)]
Lamports = Annotated[int, Meta(ge=0)]
Digits = Annotated[str, Meta(pattern="^[0-9]{1,20}$")]


class InstructionJson(msgspec.Struct, gc=False):
    """An instruction; numbers are places among the keys."""

    program: Place = msgspec.field(name="programIdIndex")
    accounts: list[Place]
    data: str


class InnerJson(msgspec.Struct, gc=False):
    """The instructions that one top-level instruction gave rise to."""

    index: Place
    instructions: list[InstructionJson]


class LoadedJson(msgspec.Struct, gc=False):
    """Keys from lookup tables."""

    writable: list[str]
    readonly: list[str]


class AmountJson(msgspec.Struct, gc=False):
    """An amount in raw units, as text."""

    amount: Digits


class TokenBalanceJson(msgspec.Struct, gc=False, rename="camel"):
    """What a token account held before or after."""

    account_index: Place
    mint: str
    ui_token_amount: AmountJson
    owner: str | None = None


class MetaJson(msgspec.Struct, gc=False, rename="camel"):
    """What came of a transaction."""

    err: msgspec.Raw
    fee: Lamports
    pre_balances: list[Lamports]
    post_balances: list[Lamports]
    inner_instructions: list[InnerJson] | None = None
    pre_token_balances: list[TokenBalanceJson] | None = None
    post_token_balances: list[TokenBalanceJson] | None = None
    loaded_addresses: LoadedJson | None = None
    log_messages: list[str] | None = None
    compute_units: Annotated[int, Meta(ge=0)] | None = msgspec.field(name="computeUnitsConsumed", default=None)

    @property
    def error_json(self) -> str | None:
        """Why it failed, `None` where it did not."""
        error = bytes(self.err).decode()
        return None if error == "null" else error


class MessageJson(msgspec.Struct, gc=False, rename="camel"):
    """What was signed."""

    account_keys: Annotated[list[str], Meta(min_length=1)]
    instructions: list[InstructionJson]


class SignedJson(msgspec.Struct, gc=False):
    """A transaction as it was sent."""

    signatures: Annotated[list[str], Meta(min_length=1)]
    message: MessageJson


class TransactionJson(msgspec.Struct, gc=False, rename="camel"):
    """A result of `getTransaction`."""

    slot: Slot
    meta: MetaJson
    transaction: SignedJson
    block_time: int | None = None

    @property
    def keys(self) -> list[str]:
        """Every address that it names, in the order that places count."""
        keys, loaded = self.transaction.message.account_keys, self.meta.loaded_addresses
        return keys if loaded is None else [*keys, *loaded.writable, *loaded.readonly]

    @property
    def instructions(self) -> list[InstructionJson]:
        """The top-level instructions."""
        return self.transaction.message.instructions


class Call(Record, frozen=True):
    """One instruction that ran.

    :arg top: Place of the top-level instruction that it is, or came from.

    :arg accounts: Places among the keys.

    :arg data: Empty where nobody here reads the program's data, or where it is too long for what is read.

    """

    top: int
    program: str
    accounts: tuple[int, ...]
    data: bytes
    is_inner: bool


def calls_of(transaction: TransactionJson, keys: list[str]) -> list[Call]:
    """Return all instructions of a transaction in the order that they began.

    :raises WireError: `key_index` for a place beyond the keys or the top-level instructions, `instruction_data` for
        data that is no base58.

    """
    top_level = transaction.instructions
    inner: dict[int, list[InstructionJson]] = {}
    for group in transaction.meta.inner_instructions or ():
        if group.index >= len(top_level):
            raise WireError("key_index", f"instruction {group.index} of {len(top_level)}")
        inner.setdefault(group.index, []).extend(group.instructions)
    calls: list[Call] = []
    for top, instruction in enumerate(top_level):
        calls.append(_call(top, instruction, keys, is_inner=False))
        calls.extend(_call(top, one, keys, is_inner=True) for one in inner.get(top, ()))
    return calls


def _call(top: int, instruction: InstructionJson, keys: list[str], *, is_inner: bool) -> Call:
    highest = max(instruction.program, *instruction.accounts, 0)
    if highest >= len(keys):
        raise WireError("key_index", f"key {highest} of {len(keys)} in instruction {top}")
    program = keys[instruction.program]
    data = b""
    if program in _READ and len(instruction.data) <= LONGEST_DATA:
        try:
            data = base58.decode(instruction.data, LONGEST_DATA)
        except WireError as error:
            raise WireError("instruction_data", f"{error.detail} in instruction {top}") from None
    return Call(top, program, tuple(instruction.accounts), data, is_inner)
