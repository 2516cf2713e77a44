"""The accounts that each instruction takes, read in turn as Anchor's generated code reads them.

Anchor goes through an instruction's accounts twice: here it reads each one, so that it is there, of the right owner
and kind, and signed; `constraints` is the second time.
"""

from collections.abc import Mapping, Sequence
from enum import Enum, auto

from solders.pubkey import Pubkey

from dlmm.programs import (
    ASSOCIATED_TOKEN_PROGRAM,
    MEMO_PROGRAM,
    SYSTEM_PROGRAM,
    TOKEN_2022_PROGRAM,
    TOKEN_PROGRAM,
)
from dlmm.records import Record
from dlmm.saros.layout import BIN_ARRAY_DISCRIMINATOR, PAIR_DISCRIMINATOR, POSITION_DISCRIMINATOR
from sandbox.model import anchor_errors as anchor
from sandbox.model.invocation import Invocation
from sandbox.model.saros.errors import account_error, anchor_error, runtime_error
from sandbox.model.saros.units import CHECK_UNITS, READ_UNITS, Check, Reading

_TOKEN_PROGRAMS = (TOKEN_PROGRAM, TOKEN_2022_PROGRAM)
_MINT_LENGTH = 82
_TOKEN_ACCOUNT_LENGTH = 165
_MULTISIG_LENGTH = 355
_MINT_INITIALIZED = 45
_TOKEN_ACCOUNT_STATE = 108
_MINT_TYPE, _TOKEN_ACCOUNT_TYPE = 1, 2


class Kind(Enum):
    """What an account has to be."""

    PAIR = auto()
    POSITION = auto()
    BIN_ARRAY = auto()
    MINT = auto()
    TOKEN_ACCOUNT = auto()
    SIGNER = auto()
    ANY_TOKEN_PROGRAM = auto()
    TOKEN_2022 = auto()
    SYSTEM = auto()
    ASSOCIATED_TOKEN = auto()
    MEMO = auto()
    ANYTHING = auto()
    NEW = auto()


class Field(Record, frozen=True):
    """One account of an instruction: its name in the IDL, and what it has to be."""

    name: str
    kind: Kind


_VAULTS = (
    Field("token_vault_x", Kind.TOKEN_ACCOUNT),
    Field("token_vault_y", Kind.TOKEN_ACCOUNT),
    Field("user_vault_x", Kind.TOKEN_ACCOUNT),
    Field("user_vault_y", Kind.TOKEN_ACCOUNT),
)
_MINTS = (Field("token_mint_x", Kind.MINT), Field("token_mint_y", Kind.MINT))
_ARRAYS = (Field("bin_array_lower", Kind.BIN_ARRAY), Field("bin_array_upper", Kind.BIN_ARRAY))
_TOKEN_PROGRAM_FIELDS = (
    Field("token_program_x", Kind.ANY_TOKEN_PROGRAM),
    Field("token_program_y", Kind.ANY_TOKEN_PROGRAM),
)
_PAIR = Field("pair", Kind.PAIR)
_USER = Field("user", Kind.SIGNER)
_SYSTEM = Field("system_program", Kind.SYSTEM)
_MEMO = Field("memo_program", Kind.MEMO)
_HOOK = (Field("hook", Kind.ANYTHING), Field("hooks_program", Kind.ANYTHING))
_EVENTS = (Field("event_authority", Kind.ANYTHING), Field("program", Kind.ANYTHING))

SWAP = (_PAIR, *_MINTS, *_ARRAYS, *_VAULTS, _USER, *_TOKEN_PROGRAM_FIELDS, _MEMO, *_HOOK, *_EVENTS)
CHANGE_POSITION = (
    _PAIR,
    Field("position", Kind.POSITION),
    Field("position_mint", Kind.MINT),
    Field("position_token_account", Kind.TOKEN_ACCOUNT),
    *_ARRAYS,
    *_MINTS,
    *_VAULTS,
    _USER,
    *_TOKEN_PROGRAM_FIELDS,
    Field("position_token_program", Kind.TOKEN_2022),
    _SYSTEM,
    _MEMO,
    *_HOOK,
    *_EVENTS,
)
CREATE_POSITION = (
    _PAIR,
    Field("position", Kind.NEW),
    Field("position_mint", Kind.NEW),
    Field("position_token_account", Kind.NEW),
    _USER,
    _SYSTEM,
    Field("token_program", Kind.TOKEN_2022),
    Field("associated_token_program", Kind.ASSOCIATED_TOKEN),
    *_EVENTS,
)
INITIALIZE_BIN_ARRAY = (_PAIR, Field("bin_array", Kind.NEW), _USER, _SYSTEM, *_EVENTS)

_DISCRIMINATORS = {
    Kind.PAIR: PAIR_DISCRIMINATOR,
    Kind.POSITION: POSITION_DISCRIMINATOR,
    Kind.BIN_ARRAY: BIN_ARRAY_DISCRIMINATOR,
}
_PROGRAMS = {
    Kind.TOKEN_2022: TOKEN_2022_PROGRAM,
    Kind.SYSTEM: SYSTEM_PROGRAM,
    Kind.ASSOCIATED_TOKEN: ASSOCIATED_TOKEN_PROGRAM,
    Kind.MEMO: MEMO_PROGRAM,
}


class Accounts:
    """An instruction's accounts by their names in the IDL."""

    __slots__ = ("_places", "invocation")

    def __init__(self, invocation: Invocation, fields: Sequence[Field]) -> None:
        """Know each account's place."""
        self.invocation = invocation
        self._places: Mapping[str, int] = {field.name: place for place, field in enumerate(fields)}

    def place(self, name: str) -> int:
        """Return the index of an account in the instruction."""
        return self._places[name]

    def key(self, name: str) -> Pubkey:
        """Return an account's address."""
        return self.invocation.key(self._places[name])

    def owner(self, name: str) -> Pubkey:
        """Return the program that owns an account."""
        return self.invocation.owner(self._places[name])

    def read(self, name: str) -> bytes:
        """Return an account's data."""
        return self.invocation.read(self._places[name])

    def write(self, name: str, data: bytes) -> None:
        """Replace an account's data."""
        self.invocation.write(self._places[name], data)

    def is_writable(self, name: str) -> bool:
        """Tell whether the instruction may write an account."""
        return self.invocation.is_writable(self._places[name])

    def spend(self, check: Check) -> None:
        """Take the compute units of a check that passed.

        :raises ProgramError: There are not so many left.

        """
        self.invocation.consume(CHECK_UNITS[check])

    def token_owner(self, account: str) -> Pubkey:
        """Return whose token account it is."""
        return Pubkey.from_bytes(self.read(account)[32:64])

    def decimals(self, mint: str) -> int:
        """Return a mint's decimals."""
        return self.read(mint)[44]

    def is_extended(self, mint: str) -> bool:
        """Tell whether a mint has Token-2022 extensions."""
        return len(self.read(mint)) > _MINT_LENGTH


def read_accounts(invocation: Invocation, fields: Sequence[Field]) -> Accounts:
    """Read an instruction's accounts in turn.

    :raises ProgramError: One is missing, of another owner or kind, or did not sign.

    """
    for place, field in enumerate(fields):
        if place >= invocation.count:
            if field.kind is Kind.NEW:
                raise anchor_error(invocation, anchor.NOT_ENOUGH_KEYS)
            raise account_error(invocation, anchor.NOT_ENOUGH_KEYS, field.name)
        _read(invocation, place, field)
    return Accounts(invocation, fields)


def _read(invocation: Invocation, place: int, field: Field) -> None:
    kind, name = field.kind, field.name
    if kind in _DISCRIMINATORS:
        _check_own(invocation, place, field)
        reading = Reading.PAIR if kind is Kind.PAIR else Reading.LOADED
    elif kind in (Kind.MINT, Kind.TOKEN_ACCOUNT):
        _check_token(invocation, place, field)
        extended = len(invocation.read(place)) not in (_MINT_LENGTH, _TOKEN_ACCOUNT_LENGTH)
        if kind is Kind.MINT:
            reading = Reading.EXTENDED_MINT if extended else Reading.MINT
        else:
            reading = Reading.EXTENDED_TOKEN_ACCOUNT if extended else Reading.TOKEN_ACCOUNT
    elif kind is Kind.SIGNER:
        if not invocation.is_signer(place):
            raise account_error(invocation, anchor.NOT_SIGNER, name)
        reading = Reading.SIGNER
    elif kind is Kind.ANY_TOKEN_PROGRAM:
        if invocation.key(place) not in _TOKEN_PROGRAMS:
            raise account_error(invocation, anchor.INVALID_PROGRAM_ID, name)
        reading = Reading.PROGRAM
    elif kind in _PROGRAMS:
        expected = _PROGRAMS[kind]
        if invocation.key(place) != expected:
            found = (invocation.key(place), expected)
            raise account_error(invocation, anchor.INVALID_PROGRAM_ID, name, found)
        reading = Reading.PROGRAM
    else:
        reading = Reading.ANYTHING
    if kind in (Kind.ANY_TOKEN_PROGRAM, *_PROGRAMS) and not invocation.is_executable(place):
        raise account_error(invocation, anchor.PROGRAM_NOT_EXECUTABLE, name)
    invocation.consume(READ_UNITS[reading])


def _check_own(invocation: Invocation, place: int, field: Field) -> None:
    """Check one of the program's own accounts; only a pair is said to be missing rather than another's."""
    owner, data, name = invocation.owner(place), invocation.read(place), field.name
    if field.kind is Kind.PAIR and owner == SYSTEM_PROGRAM and not invocation.lamports(place):
        raise account_error(invocation, anchor.NOT_INITIALIZED, name)
    if owner != invocation.program:
        raise account_error(invocation, anchor.WRONG_OWNER, name, (owner, invocation.program))
    if len(data) < len(PAIR_DISCRIMINATOR):
        raise account_error(invocation, anchor.DISCRIMINATOR_NOT_FOUND, name)
    if data[: len(PAIR_DISCRIMINATOR)] != _DISCRIMINATORS[field.kind]:
        raise account_error(invocation, anchor.DISCRIMINATOR_MISMATCH, name)


def _check_token(invocation: Invocation, place: int, field: Field) -> None:
    """Check a mint or a token account of either token program, as those programs' own library reads it."""
    owner, name = invocation.owner(place), field.name
    if owner == SYSTEM_PROGRAM and not invocation.lamports(place):
        raise account_error(invocation, anchor.NOT_INITIALIZED, name)
    if owner not in _TOKEN_PROGRAMS:
        raise account_error(invocation, anchor.WRONG_OWNER, name)
    trouble = (_mint_trouble if field.kind is Kind.MINT else _token_account_trouble)(invocation.read(place))
    if trouble is not None:
        raise runtime_error(invocation, trouble, name)


def _mint_trouble(data: bytes) -> str | None:
    if len(data) < _MINT_LENGTH or len(data) == _MULTISIG_LENGTH or any(data[1:4]) or data[0] > 1:
        return "InvalidAccountData"
    if data[_MINT_INITIALIZED] != 1:
        return "InvalidAccountData" if data[_MINT_INITIALIZED] else "UninitializedAccount"
    return _extension_trouble(data, _MINT_LENGTH, _MINT_TYPE)


def _token_account_trouble(data: bytes) -> str | None:
    if len(data) < _TOKEN_ACCOUNT_LENGTH or len(data) == _MULTISIG_LENGTH:
        return "InvalidAccountData"
    if data[_TOKEN_ACCOUNT_STATE] == 0:
        return "UninitializedAccount"
    return _extension_trouble(data, _TOKEN_ACCOUNT_LENGTH, _TOKEN_ACCOUNT_TYPE)


def _extension_trouble(data: bytes, base: int, account_type: int) -> str | None:
    if len(data) == base:
        return None
    if len(data) <= _TOKEN_ACCOUNT_LENGTH or any(data[base:_TOKEN_ACCOUNT_LENGTH]):
        return "InvalidAccountData"
    return None if data[_TOKEN_ACCOUNT_LENGTH] == account_type else "InvalidAccountData"
