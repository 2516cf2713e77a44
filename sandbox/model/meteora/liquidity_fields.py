"""The accounts of the instructions for liquidity and fees."""

from sandbox.model.meteora.accounts import Field, Kind

_POOL_RELATIONS = ("reserve_x", "reserve_y", "token_x_mint", "token_y_mint")
_EVENTS = (Field("event_authority", Kind.EVENT_AUTHORITY), Field("program", Kind.UNCHECKED))
_POSITION = Field("position", Kind.POSITION, is_mut=True, relations=("lb_pair",))
_PAIR = Field("lb_pair", Kind.PAIR, is_mut=True, relations=_POOL_RELATIONS)
_USERS = (Field("user_token_x", Kind.TOKEN, is_mut=True), Field("user_token_y", Kind.TOKEN, is_mut=True))
_VAULTS = (Field("reserve_x", Kind.TOKEN, is_mut=True), Field("reserve_y", Kind.TOKEN, is_mut=True))
_MINTS = (Field("token_x_mint", Kind.MINT), Field("token_y_mint", Kind.MINT))
_TWO_ARRAYS = tuple(
    Field(name, Kind.BIN_ARRAY, is_mut=True, relations=("lb_pair",)) for name in ("bin_array_lower", "bin_array_upper")
)
_SENDER = Field("sender", Kind.SIGNER)
_MEMO = Field("memo_program", Kind.MEMO_PROGRAM)


def _programs(kind: Kind, *names: str) -> tuple[Field, ...]:
    return tuple(Field(name, kind) for name in names)


def _liquidity_fields(*, newer: bool, memo: bool = False) -> tuple[Field, ...]:
    program = Kind.ANY_TOKEN_PROGRAM if newer else Kind.TOKEN_PROGRAM
    extension = Field(
        "bin_array_bitmap_extension", Kind.EXTENSION, is_mut=True, is_optional=True, relations=("lb_pair",)
    )
    return (
        _POSITION,
        _PAIR,
        extension,
        *_USERS,
        *_VAULTS,
        *_MINTS,
        *(() if newer else _TWO_ARRAYS),
        _SENDER,
        *_programs(program, "token_x_program", "token_y_program"),
        *((_MEMO,) if memo else ()),
        *_EVENTS,
    )


DEPOSIT, DEPOSIT_2 = _liquidity_fields(newer=False), _liquidity_fields(newer=True)
WITHDRAWAL, WITHDRAWAL_2 = DEPOSIT, _liquidity_fields(newer=True, memo=True)
CLAIM = (
    _PAIR,
    _POSITION,
    *_TWO_ARRAYS,
    _SENDER,
    *_VAULTS,
    *_USERS,
    *_MINTS,
    Field("token_program", Kind.TOKEN_PROGRAM),
    *_EVENTS,
)
CLAIM_2 = (
    _PAIR,
    _POSITION,
    _SENDER,
    *_VAULTS,
    *_USERS,
    *_MINTS,
    *_programs(Kind.ANY_TOKEN_PROGRAM, "token_program_x", "token_program_y"),
    _MEMO,
    *_EVENTS,
)
TOKEN_PROGRAMS = (
    ("token_x_program", "token_y_program"),
    ("token_program_x", "token_program_y"),
    ("token_program",) * 2,
)
"""What the instructions call the token programs of X and of Y."""
