"""What requests ask: positional parameters, and the options objects among them."""

import base64
import binascii
from collections.abc import Sequence
from functools import lru_cache
from typing import Annotated, Any, TypeVar

import msgspec
from solders.hash import Hash, ParseHashError
from solders.pubkey import Pubkey
from solders.signature import Signature

from sandbox.rpc import base58
from sandbox.rpc.errors import invalid

T = TypeVar("T")

Index = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
"""A number that is not negative."""

DataLength = Annotated[int, msgspec.Meta(ge=0, le=10 << 20)]
"""Bytes that an account may have."""

COMMITMENTS = {
    "processed": "processed",
    "recent": "processed",
    "confirmed": "confirmed",
    "single": "confirmed",
    "singleGossip": "confirmed",
    "finalized": "finalized",
    "max": "finalized",
    "root": "finalized",
}
"""Commitments by the names that clients use, old ones included."""


@lru_cache(maxsize=1024)
def _decoded(text: str, encoding: str | None) -> bytes:
    return base64.b64decode(text, validate=True) if encoding == "base64" else base58.decode(text)


class Options(msgspec.Struct, frozen=True, rename="camel"):
    """Base of the options objects; what a method does not know it ignores, as a node does."""


class ReadOptions(Options, frozen=True):
    """Which state to read."""

    commitment: str | None = None
    min_context_slot: int | None = None


class Slice(Options, frozen=True):
    """Which bytes of an account to return."""

    offset: Index
    length: Index


class Memcmp(Options, frozen=True):
    """Bytes that an account must hold at an offset; text in base58, unless `encoding` says base64."""

    offset: Index
    text: str | list[int] = msgspec.field(name="bytes")
    encoding: str | None = None

    def __post_init__(self) -> None:
        self.wanted()

    def wanted(self) -> bytes:
        """Decode the bytes.

        :raises ValueError: They cannot be decoded; of a request, it is refused already.

        """
        return bytes(self.text) if isinstance(self.text, list) else _decoded(self.text, self.encoding)


class Filter(Options, frozen=True):
    """A condition on an account; one of the three is set."""

    data_size: int | None = None
    memcmp: Memcmp | None = None
    token_account_state: object | None = None

    def passes(self, data: bytes) -> bool:
        """Whether an account's data meet the condition."""
        if self.data_size is not None:
            return len(data) == self.data_size
        if self.memcmp is not None:
            wanted = self.memcmp.wanted()
            return data[self.memcmp.offset : self.memcmp.offset + len(wanted)] == wanted
        return True


class AccountOptions(ReadOptions, frozen=True):
    """How to read and write accounts."""

    encoding: str | None = None
    data_slice: Slice | None = None
    filters: list[Filter] | None = None
    with_context: bool | None = None


class SimulatedAccounts(Options, frozen=True):
    """Accounts whose state after a simulation is wanted."""

    addresses: list[str]
    encoding: str | None = None


class SendOptions(ReadOptions, frozen=True):
    """How to take a transaction."""

    encoding: str | None = None
    skip_preflight: bool | None = None
    preflight_commitment: str | None = None
    max_retries: int | None = None


class SimulateOptions(ReadOptions, frozen=True):
    """How to simulate a transaction."""

    encoding: str | None = None
    sig_verify: bool | None = None
    replace_recent_blockhash: bool | None = None
    inner_instructions: bool | None = None
    accounts: SimulatedAccounts | None = None


class TransactionOptions(ReadOptions, frozen=True):
    """How to write transactions and blocks."""

    encoding: str | None = None
    max_supported_transaction_version: int | None = None
    transaction_details: str | None = None
    rewards: bool | None = None


class SignaturesOptions(ReadOptions, frozen=True):
    """Which of an account's transactions to list."""

    before: str | None = None
    until: str | None = None
    limit: int | None = None


class SubscribeOptions(AccountOptions, frozen=True):
    """What to be notified of."""

    enable_received_notification: bool | None = None


class TokenFilter(Options, frozen=True):
    """Which of an owner's token accounts to list."""

    mint: str | None = None
    program_id: str | None = None


def pubkey(text: object) -> Pubkey:
    """Read an address."""
    if not isinstance(text, str):
        raise invalid("Invalid params: invalid type, expected a string.")
    try:
        return Pubkey.from_string(text)
    except ValueError:
        sized = bool(text) and set(text) <= set(base58.ALPHABET)
        raise invalid(f"Invalid param: {'WrongSize' if sized else 'Invalid'}") from None


def signature(text: object) -> Signature:
    """Read a signature."""
    if not isinstance(text, str):
        raise invalid("Invalid params: invalid type, expected a string.")
    try:
        return Signature.from_string(text)
    except ValueError:
        sized = bool(text) and set(text) <= set(base58.ALPHABET)
        raise invalid(f"Invalid param: {'WrongSize' if sized else 'Invalid'}") from None


def blockhash(text: object) -> Hash:
    """Read a blockhash."""
    if not isinstance(text, str):
        raise invalid("Invalid params: invalid type, expected a string.")
    try:
        return Hash.from_string(text)
    except (ParseHashError, ValueError):
        raise invalid("Invalid param: Invalid") from None


def decoded_wire(text: str, encoding: str) -> bytes:
    """Decode a transaction or a message as it was sent, in `base58` or `base64`."""
    if encoding not in {"base58", "base64"}:
        raise invalid(f"unsupported encoding: {encoding}. Supported encodings: base58, base64")
    try:
        return base64.b64decode(text, validate=True) if encoding == "base64" else base58.decode(text)
    except (binascii.Error, ValueError) as error:
        raise invalid(f"invalid {encoding} encoding: {error}") from None


class Arguments:
    """The positional parameters of one request; what is wrong with them is an `RpcError`."""

    def __init__(self, values: Sequence[Any]) -> None:
        self._values = values

    def __len__(self) -> int:
        return len(self._values)

    def required(self, index: int, kind: type[T]) -> T:
        """Read a parameter that has to be there."""
        if index >= len(self._values):
            raise invalid(f"`params` should have at least {index + 1} argument(s)")
        return self._convert(self._values[index], kind)

    def optional(self, index: int, kind: type[T]) -> T | None:
        """Read a parameter that may be missing or null."""
        if index >= len(self._values) or self._values[index] is None:
            return None
        return self._convert(self._values[index], kind)

    def options(self, index: int, kind: type[T]) -> T:
        """Read an options object; where there is none, all of it is as by default."""
        found = self.optional(index, kind)
        return found if found is not None else kind()

    def is_object(self, index: int) -> bool:
        """Whether a parameter is an options object."""
        return index < len(self._values) and isinstance(self._values[index], dict)

    @staticmethod
    def _convert(value: object, kind: type[T]) -> T:
        try:
            return msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            raise invalid(f"Invalid params: {error}.") from None
