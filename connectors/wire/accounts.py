"""Accounts as nodes tell them: the question for up to a hundred, and the values that notifications share with it."""

from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from connectors.wire.account_data import ENCODINGS
from connectors.wire.events import AccountUpdate
from connectors.wire.refusal import Refusal, refusal
from connectors.wire.rpc import LARGEST_SLOT, Answers, Encodable, request
from dlmm.records import Record

MOST_ACCOUNTS = 100
"""Accounts that a node answers for in one request."""

ENCODING = "base64+zstd"
NOBODY = "11111111111111111111111111111111"
"""Owner of an account that is gone: the system program."""

Slot = Annotated[int, Meta(ge=0, le=LARGEST_SLOT)]
Address = Annotated[str, Meta(min_length=32, max_length=44)]


class Context(msgspec.Struct, gc=False):
    """As of which slot an answer or a notification holds."""

    slot: Slot


class AccountValue(msgspec.Struct, gc=False):
    """An account in an answer or a notification.

    :arg data: The bytes as text, and their encoding.

    """

    data: tuple[str, str]
    owner: Address
    lamports: Annotated[int, Meta(ge=0)]


class _Accounts(msgspec.Struct, gc=False):
    context: Context
    value: list[AccountValue | None]


class AccountsAnswer(Record, frozen=True):
    """The states of some accounts, all as of one slot.

    :arg accounts: In the order of the question; one that does not exist is owned by nobody and has no data.

    """

    slot: int
    accounts: tuple[AccountUpdate, ...]


_ACCOUNTS = Answers(_Accounts)


def get_multiple_accounts(
    request_id: int, addresses: Sequence[str], commitment: str, min_context_slot: int | None = None
) -> bytes:
    """Ask for the states of accounts, at most `MOST_ACCOUNTS`.

    :arg min_context_slot: A node that has not reached this slot refuses (`slot_behind`) instead of telling old states.

    """
    options: dict[str, Encodable] = {"encoding": ENCODING, "commitment": commitment}
    if min_context_slot is not None:
        options["minContextSlot"] = min_context_slot
    return request(request_id, "getMultipleAccounts", [list(addresses), options])


def read_multiple_accounts(
    status: int, body: bytes, request_id: int, addresses: Sequence[str]
) -> AccountsAnswer | Refusal:
    """Read the answer to `get_multiple_accounts`.

    :returns: A refusal has a cause of `Answers.read`, `answer_count` for another number of accounts than was asked for,
        or `account_encoding`.

    """
    answer = _ACCOUNTS.read(status, body, request_id)
    if isinstance(answer, Refusal):
        return answer
    if len(answer.value) != len(addresses):
        return refusal("answer_count", f"{len(answer.value)} accounts instead of {len(addresses)}")
    slot = answer.context.slot
    updates: list[AccountUpdate] = []
    for address, value in zip(addresses, answer.value, strict=True):
        update = account_update(slot, address, value)
        if isinstance(update, Refusal):
            return update
        updates.append(update)
    return AccountsAnswer(slot, tuple(updates))


def account_update(slot: int, address: str, value: AccountValue | None) -> AccountUpdate | Refusal:
    """Say what became of an account; one without lamports is gone, whatever else is said of it."""
    if value is None or value.lamports == 0:
        return AccountUpdate(slot, address, NOBODY, "", "base64")
    data, encoding = value.data
    if encoding not in ENCODINGS:
        return refusal("account_encoding", f"{address} in {encoding}")
    return AccountUpdate(slot, address, value.owner, data, encoding)
