"""What a wallet holds: its SOL, its token accounts of both token programs, and its positions."""

import base64
import struct
from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta
from solders.pubkey import Pubkey

from connectors.wire.account_data import decode
from connectors.wire.accounts import ENCODING, AccountValue, Address, Context, get_multiple_accounts
from connectors.wire.refusal import Refusal, WireError, refusal
from connectors.wire.rpc import Answers, Encodable, call, request
from dlmm.meteora.layout import POSITION_DISCRIMINATOR
from dlmm.meteora.layout import PROGRAM as METEORA_PROGRAM
from dlmm.records import Record
from dlmm.saros.pdas import position_address
from dlmm.tokens import TOKEN_2022_PROGRAM, TOKEN_PROGRAM

TOKEN_PROGRAMS = (TOKEN_PROGRAM, TOKEN_2022_PROGRAM)
LARGEST_TOKEN_ACCOUNT = 10_000
"""Bytes; the token programs' accounts take 165 to some hundreds."""

LARGEST_ACCOUNT = 200_000
"""Bytes; a Meteora position of 1,400 bins takes 157,080."""

_TOKEN_ACCOUNT = struct.Struct("<32s32sQ36xBI52x")
_INITIALIZED, _FROZEN = 1, 2
_TYPE_OFFSET, _ACCOUNT_TYPE = 165, 2  # behind what both programs' accounts share, Token-2022 tells what it is
_POSITION_OWNER_OFFSET = 40


class Balance(Record, frozen=True):
    """Lamports of an account, as of a slot."""

    slot: int
    lamports: int


class TokenHolding(Record, frozen=True):
    """One token account of the wallet.

    :arg program: Which of the two token programs it belongs to.

    :arg amount: Raw units.

    :arg lamports: Of the account; wrapped SOL is among them.

    :arg is_frozen: No transfer into it or out of it succeeds.

    :arg is_native: It holds wrapped SOL.

    """

    address: str
    program: str
    mint: str
    owner: str
    amount: int
    lamports: int
    is_frozen: bool = False
    is_native: bool = False


class TokenHoldings(Record, frozen=True):
    """All token accounts of a wallet.

    :arg slot: The older of the two slots that the two programs' accounts were read at.

    """

    slot: int
    accounts: tuple[TokenHolding, ...]


class AccountState(Record, frozen=True):
    """One account in full."""

    address: str
    owner: str
    lamports: int
    data: bytes


class AccountStates(Record, frozen=True):
    """Some accounts in full, as of a slot.

    :arg accounts: In the order of the question, `None` for one that does not exist; or those that were found.

    """

    slot: int
    accounts: tuple[AccountState | None, ...]


class _Balance(msgspec.Struct, gc=False):
    context: Context
    value: Annotated[int, Meta(ge=0)]


class _Keyed(msgspec.Struct, gc=False):
    pubkey: Address
    account: AccountValue


class _Listed(msgspec.Struct, gc=False):
    context: Context
    value: list[_Keyed]


class _Values(msgspec.Struct, gc=False):
    context: Context
    value: list[AccountValue | None]


_BALANCES = Answers(_Balance)
_LISTED = Answers(_Listed)
_VALUES = Answers(_Values)
_NUMBERS: Answers[int] = Answers(Annotated[int, Meta(ge=0)])  # type: ignore[arg-type]  # an annotated type is a value too


def get_balance(request_id: int, address: str, commitment: str, min_context_slot: int | None = None) -> bytes:
    """Ask for an account's lamports."""
    return request(request_id, "getBalance", [address, _options(commitment, min_context_slot)])


def read_balance(status: int, body: bytes, request_id: int) -> Balance | Refusal:
    """Read the answer to `get_balance`; a refusal has a cause of `Answers.read`."""
    answer = _BALANCES.read(status, body, request_id)
    return answer if isinstance(answer, Refusal) else Balance(answer.context.slot, answer.value)


def get_token_accounts(first_id: int, owner: str, commitment: str, min_context_slot: int | None = None) -> bytes:
    """Ask for a wallet's accounts of both token programs: a batch of two, ids `first_id` and the next."""
    options = {**_options(commitment, min_context_slot), "encoding": "base64"}
    return msgspec.json.encode(
        [
            call(first_id + i, "getTokenAccountsByOwner", [owner, {"programId": program}, options])
            for i, program in enumerate(TOKEN_PROGRAMS)
        ]
    )


def read_token_accounts(status: int, body: bytes, first_id: int) -> TokenHoldings | Refusal:
    """Read the answers to `get_token_accounts`.

    :returns: A refusal has a cause of `Answers.read_batch` or of `account_data.decode`, or `token_account`.

    """
    answers = _LISTED.read_batch(status, body, first_id, len(TOKEN_PROGRAMS))
    if isinstance(answers, Refusal):
        return answers
    slots: list[int] = []
    holdings: list[TokenHolding] = []
    for program, answer in zip(TOKEN_PROGRAMS, answers, strict=True):
        if isinstance(answer, Refusal):
            return answer
        slots.append(answer.context.slot)
        try:
            holdings += [_holding(keyed, program) for keyed in answer.value]
        except WireError as error:
            return refusal(error.cause, error.detail)
    return TokenHoldings(min(slots), tuple(holdings))


def get_account_states(
    request_id: int, addresses: Sequence[str], commitment: str, min_context_slot: int | None = None
) -> bytes:
    """Ask for accounts in full, at most `accounts.MOST_ACCOUNTS`."""
    return get_multiple_accounts(request_id, addresses, commitment, min_context_slot)


def read_account_states(status: int, body: bytes, request_id: int, addresses: Sequence[str]) -> AccountStates | Refusal:
    """Read the answer to `get_account_states`.

    :returns: A refusal has a cause of `Answers.read` or of `account_data.decode`, or `answer_count`.

    """
    answer = _VALUES.read(status, body, request_id)
    if isinstance(answer, Refusal):
        return answer
    if len(answer.value) != len(addresses):
        return refusal("answer_count", f"{len(answer.value)} accounts instead of {len(addresses)}")
    return _states(answer.context.slot, addresses, answer.value)


def get_rent_exemption(request_id: int, size: int) -> bytes:
    """Ask for the lamports that an account of `size` bytes must hold (`getMinimumBalanceForRentExemption`)."""
    return request(request_id, "getMinimumBalanceForRentExemption", [size])


def read_rent_exemption(status: int, body: bytes, request_id: int) -> int | Refusal:
    """Read the answer to `get_rent_exemption`; a refusal has a cause of `Answers.read`."""
    return _NUMBERS.read(status, body, request_id)


def get_meteora_positions(request_id: int, owner: str, commitment: str, min_context_slot: int | None = None) -> bytes:
    """Ask for all of a wallet's positions on Meteora (`getProgramAccounts`)."""
    discriminator = base64.b64encode(POSITION_DISCRIMINATOR).decode()
    filters: list[Encodable] = [
        {"memcmp": {"offset": 0, "bytes": discriminator, "encoding": "base64"}},
        {"memcmp": {"offset": _POSITION_OWNER_OFFSET, "bytes": owner}},
    ]
    options = {**_options(commitment, min_context_slot), "encoding": ENCODING, "filters": filters, "withContext": True}
    return request(request_id, "getProgramAccounts", [METEORA_PROGRAM, options])


def read_meteora_positions(status: int, body: bytes, request_id: int) -> AccountStates | Refusal:
    """Read the answer to `get_meteora_positions`; none of the accounts is `None`.

    :returns: A refusal has a cause of `Answers.read` or of `account_data.decode`.

    """
    answer = _LISTED.read(status, body, request_id)
    if isinstance(answer, Refusal):
        return answer
    addresses = [keyed.pubkey for keyed in answer.value]
    return _states(answer.context.slot, addresses, [keyed.account for keyed in answer.value])


def saros_position_accounts(holdings: TokenHoldings, program: str) -> tuple[tuple[str, str], ...]:
    """Return where positions on Saros may be: the mint of each NFT that a wallet holds, and the position's address.

    Not each of them is one: ask for the accounts, and keep those that the program owns.

    :arg program: The Saros program, whose address differs by cluster.

    """
    key = Pubkey.from_string(program)
    return tuple(
        (one.mint, str(position_address(Pubkey.from_string(one.mint), key)))
        for one in holdings.accounts
        if one.program == TOKEN_2022_PROGRAM and one.amount == 1
    )


def _states(slot: int, addresses: Sequence[str], values: Sequence[AccountValue | None]) -> AccountStates | Refusal:
    states: list[AccountState | None] = []
    for address, value in zip(addresses, values, strict=True):
        if value is None or value.lamports == 0:
            states.append(None)
            continue
        try:
            data = decode(*value.data, LARGEST_ACCOUNT)
        except WireError as error:
            return refusal(error.cause, f"{address}: {error.detail}")
        states.append(AccountState(address, value.owner, value.lamports, data))
    return AccountStates(slot, tuple(states))


def _holding(keyed: _Keyed, program: str) -> TokenHolding:
    value = keyed.account
    if value.owner != program:
        raise WireError("token_account", f"{keyed.pubkey} is owned by {value.owner} instead of {program}")
    data = decode(*value.data, LARGEST_TOKEN_ACCOUNT)
    if len(data) < _TOKEN_ACCOUNT.size or data[_TYPE_OFFSET : _TYPE_OFFSET + 1] not in {b"", bytes([_ACCOUNT_TYPE])}:
        raise WireError("token_account", f"{keyed.pubkey} of {len(data)} bytes is no token account")
    mint, owner, amount, state, native = _TOKEN_ACCOUNT.unpack_from(data)
    if state not in {_INITIALIZED, _FROZEN} or native > 1:
        raise WireError("token_account", f"{keyed.pubkey} is in state {state}, native {native}")
    keys = str(Pubkey.from_bytes(mint)), str(Pubkey.from_bytes(owner))
    return TokenHolding(
        keyed.pubkey, program, *keys, amount, value.lamports, is_frozen=state == _FROZEN, is_native=native == 1
    )


def _options(commitment: str, min_context_slot: int | None) -> dict[str, Encodable]:
    options: dict[str, Encodable] = {"commitment": commitment}
    if min_context_slot is not None:
        options["minContextSlot"] = min_context_slot
    return options
