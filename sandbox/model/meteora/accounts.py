"""Which accounts an instruction takes, and the checks that Anchor's generated code makes before the program's own runs.

Anchor goes through the accounts twice. First it reads each in turn: enough of them, the right owner, the right kind,
signed. An account that the instruction makes is made then. Afterwards it looks at the constraints, again in turn.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import Enum, auto

from solders.pubkey import Pubkey

from dlmm.anchor import event_authority
from dlmm.meteora.layout import (
    BIN_ARRAY_DISCRIMINATOR,
    EXTENSION_DISCRIMINATOR,
    LB_PAIR,
    LB_PAIR_DISCRIMINATOR,
    LIMIT_ORDER_DISCRIMINATOR,
    POSITION_DISCRIMINATOR,
)
from dlmm.meteora.pdas import PROGRAM_ID
from dlmm.programs import MEMO_PROGRAM, SYSTEM_PROGRAM, TOKEN_2022_PROGRAM, TOKEN_PROGRAM
from dlmm.records import Record
from sandbox.model import anchor_errors as anchor
from sandbox.model.invocation import Invocation
from sandbox.model.meteora.errors import account_error, anchor_error, runtime_error
from sandbox.model.meteora.units import CONSTRAINTS, EACH_ACCOUNT, ENTRY, READING

EVENT_AUTHORITY = event_authority(PROGRAM_ID)
ORACLE_DISCRIMINATOR = bytes.fromhex("8bc283b38cb3e5f4")

_TOKEN_PROGRAMS = (TOKEN_PROGRAM, TOKEN_2022_PROGRAM)
_TOKEN_ACCOUNT_LENGTH = 165
_MINT_LENGTH = 82
_KIND_OFFSET = 165
_MINT_KIND, _TOKEN_ACCOUNT_KIND = 1, 2
_STATE_OFFSET = 108
_MINT_STATE_OFFSET = 45
_DISCRIMINATOR_LENGTH = 8


class Kind(Enum):
    """What an account has to be."""

    PAIR = auto()
    EXTENSION = auto()
    ORACLE = auto()
    POSITION = auto()
    BIN_ARRAY = auto()
    LIMIT_ORDER = auto()
    TOKEN = auto()
    MINT = auto()
    SIGNER = auto()
    ANY_TOKEN_PROGRAM = auto()
    TOKEN_PROGRAM = auto()
    MEMO_PROGRAM = auto()
    SYSTEM_PROGRAM = auto()
    EVENT_AUTHORITY = auto()
    UNCHECKED = auto()
    NEW = auto()


class Field(Record, frozen=True):
    """One account of an instruction.

    :arg name: As in the IDL.

    :arg is_mut: Whether the instruction demands it writable.

    :arg is_optional: Whether the program's id may stand for none.

    :arg relations: Fields whose keys the account's own data must name.

    """

    name: str
    kind: Kind
    is_mut: bool = False
    is_optional: bool = False
    relations: tuple[str, ...] = ()


_DISCRIMINATORS = {
    Kind.PAIR: LB_PAIR_DISCRIMINATOR,
    Kind.EXTENSION: EXTENSION_DISCRIMINATOR,
    Kind.ORACLE: ORACLE_DISCRIMINATOR,
    Kind.POSITION: POSITION_DISCRIMINATOR,
    Kind.BIN_ARRAY: BIN_ARRAY_DISCRIMINATOR,
    Kind.LIMIT_ORDER: LIMIT_ORDER_DISCRIMINATOR,
}
_PROGRAMS = {
    Kind.TOKEN_PROGRAM: TOKEN_PROGRAM,
    Kind.MEMO_PROGRAM: MEMO_PROGRAM,
    Kind.SYSTEM_PROGRAM: SYSTEM_PROGRAM,
}


def _pair_offset(name: str) -> int:
    field = LB_PAIR.fields
    assert field is not None
    return int(field[name][1])


_NAMED: Mapping[tuple[Kind, str], int] = {
    (Kind.PAIR, "reserve_x"): _pair_offset("reserve_x"),
    (Kind.PAIR, "reserve_y"): _pair_offset("reserve_y"),
    (Kind.PAIR, "token_x_mint"): _pair_offset("mint_x"),
    (Kind.PAIR, "token_y_mint"): _pair_offset("mint_y"),
    (Kind.PAIR, "oracle"): _pair_offset("oracle"),
    (Kind.EXTENSION, "lb_pair"): 8,
    (Kind.POSITION, "lb_pair"): 8,
    (Kind.POSITION, "owner"): 40,
    (Kind.LIMIT_ORDER, "lb_pair"): 8,
    (Kind.BIN_ARRAY, "lb_pair"): 24,
}
"""Where an account names another."""


class Accounts:
    """An instruction's accounts by name, once they have been read."""

    __slots__ = ("_fields", "_invocation", "_used", "places", "remaining")

    def __init__(self, invocation: Invocation, fields: Sequence[Field]) -> None:
        """Read the accounts in turn, as Anchor does first.

        :raises ProgramError: There are too few, or one is not what it has to be.

        """
        self._invocation = invocation
        self._used = ENTRY + EACH_ACCOUNT * invocation.count  # the entry point has taken them
        self._fields = fields
        self.places: dict[str, int] = {}
        self.remaining = range(len(fields), invocation.count)
        for index, field in enumerate(fields):
            if index >= invocation.count:
                if field.kind is Kind.NEW:
                    raise anchor_error(anchor.NOT_ENOUGH_KEYS)
                raise account_error(invocation, anchor.NOT_ENOUGH_KEYS, field.name)
            self.use(self._used + READING[field.kind.name])
            if field.is_optional and invocation.key(index) == PROGRAM_ID:
                continue
            self.places[field.name] = index
            _read(invocation, index, field)

    def use(self, total: int) -> None:
        """Take compute units until the program itself has used a total, whatever the programs that it called used."""
        more = max(total - self._used, 0)
        self._used += more
        self._invocation.consume(more)

    def key(self, name: str) -> Pubkey:
        """Return an account's address."""
        return self._invocation.key(self.places[name])

    def data(self, name: str) -> bytes:
        """Return an account's data."""
        return self._invocation.read(self.places[name])

    def has(self, name: str) -> bool:
        """Tell whether an optional account was passed."""
        return name in self.places

    def constrain(self, **also: "Constraint") -> None:
        """Look at the constraints of all accounts in turn.

        :arg also: A field's own constraint, checked after the common ones.

        :raises ProgramError: The first that is violated.

        """
        invocation = self._invocation
        for field in self._fields:
            if field.kind is Kind.EVENT_AUTHORITY:
                self.use(self._used + CONSTRAINTS)
            index = self.places.get(field.name)
            if index is None:
                continue
            if field.is_mut and not invocation.is_writable(index):
                raise account_error(invocation, anchor.MUT, field.name)
            for relation in field.relations:
                offset = _NAMED[field.kind, relation]
                stored = Pubkey.from_bytes(invocation.read(index)[offset : offset + 32])
                if stored != self.key(relation):
                    raise account_error(invocation, anchor.HAS_ONE, field.name, (stored, self.key(relation)))
            if field.kind is Kind.EVENT_AUTHORITY and invocation.key(index) != EVENT_AUTHORITY:
                raise account_error(invocation, anchor.SEEDS, field.name, (invocation.key(index), EVENT_AUTHORITY))
            constraint = also.get(field.name)
            if constraint is not None:
                constraint(self)


Constraint = Callable[[Accounts], None]
"""A check of an instruction's own; raises `ProgramError`."""


def _read(invocation: Invocation, index: int, field: Field) -> None:
    kind = field.kind
    if kind in _DISCRIMINATORS:
        check_loaded(invocation, index, field.name, _DISCRIMINATORS[kind])
    elif kind in (Kind.TOKEN, Kind.MINT):
        _read_token(invocation, index, field)
    elif kind is Kind.SIGNER:
        if not invocation.is_signer(index):
            raise account_error(invocation, anchor.NOT_SIGNER, field.name)
    elif kind is Kind.ANY_TOKEN_PROGRAM:
        if invocation.key(index) not in _TOKEN_PROGRAMS:
            raise account_error(invocation, anchor.INVALID_PROGRAM_ID, field.name)
    elif kind in _PROGRAMS and invocation.key(index) != _PROGRAMS[kind]:
        found = (invocation.key(index), _PROGRAMS[kind])
        raise account_error(invocation, anchor.INVALID_PROGRAM_ID, field.name, found)


def check_loaded(invocation: Invocation, index: int, name: str, discriminator: bytes) -> None:
    """Check that an account is one of the program's own, and of a kind.

    :arg name: As the errors call it.

    :raises ProgramError: It is not.

    """
    owner, data = invocation.owner(index), invocation.read(index)
    if owner != PROGRAM_ID:
        raise account_error(invocation, anchor.WRONG_OWNER, name, (owner, PROGRAM_ID))
    if len(data) < _DISCRIMINATOR_LENGTH:
        raise account_error(invocation, anchor.DISCRIMINATOR_NOT_FOUND, name)
    if data[:_DISCRIMINATOR_LENGTH] != discriminator:
        raise account_error(invocation, anchor.DISCRIMINATOR_MISMATCH, name)


def _read_token(invocation: Invocation, index: int, field: Field) -> None:
    owner, data = invocation.owner(index), invocation.read(index)
    if owner == SYSTEM_PROGRAM and not invocation.lamports(index):
        raise account_error(invocation, anchor.NOT_INITIALIZED, field.name)
    if owner not in _TOKEN_PROGRAMS:
        raise account_error(invocation, anchor.WRONG_OWNER, field.name)
    if field.kind is Kind.TOKEN:
        check_token_account(invocation, index, field.name)
    elif len(data) != _MINT_LENGTH and not (len(data) > _KIND_OFFSET and data[_KIND_OFFSET] == _MINT_KIND):
        raise runtime_error("InvalidAccountData", field.name)
    elif data[_MINT_STATE_OFFSET] == 0:
        raise runtime_error("UninitializedAccount", field.name)


def check_token_account(invocation: Invocation, index: int, name: str | None = None) -> None:
    """Check that an account's bytes are those of a token account.

    :arg name: As the error calls it, if at all.

    :raises ProgramError: They are not.

    """
    data = invocation.read(index)
    if len(data) < _TOKEN_ACCOUNT_LENGTH:
        raise runtime_error("InvalidAccountData", name)
    if data[_STATE_OFFSET] == 0:
        raise runtime_error("UninitializedAccount", name)
    if len(data) > _TOKEN_ACCOUNT_LENGTH and data[_KIND_OFFSET] != _TOKEN_ACCOUNT_KIND:
        raise runtime_error("InvalidAccountData", name)
