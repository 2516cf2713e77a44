"""How far signatures and blockhashes are: statuses, block height, the newest blockhash, and recent priority fees."""

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from connectors.wire.accounts import Context, Slot
from connectors.wire.refusal import Refusal, refusal
from connectors.wire.rpc import Answers, Encodable, request
from dlmm.records import Record

MOST_SIGNATURES = 256
"""Signatures that a node answers for in one request."""

MOST_FEE_ACCOUNTS = 128
"""Accounts that a node takes in a question for priority fees."""

Commitment = Literal["processed", "confirmed", "finalized"]
Hash = Annotated[str, Meta(min_length=32, max_length=44)]
Price = Annotated[int, Meta(ge=0)]


class Status(Record, frozen=True):
    """What a node knows of a signature.

    :arg slot: Slot that the transaction is in.

    :arg error_json: Why it failed, as JSON; `None` where it succeeded.

    :arg commitment: How far its block is.

    """

    slot: int
    error_json: str | None
    commitment: Commitment


class Statuses(Record, frozen=True):
    """What a node knows of some signatures.

    :arg slot: As of which slot.

    :arg statuses: In the order of the question; `None` for a signature that the node does not know.

    """

    slot: int
    statuses: tuple[Status | None, ...]


class LatestBlockhash(Record, frozen=True):
    """A blockhash to sign with.

    :arg last_valid_block_height: A transaction with it can land in blocks up to this height.

    :arg slot: As of which slot.

    """

    blockhash: str
    last_valid_block_height: int
    slot: int


class BlockhashValidity(Record, frozen=True):
    """Whether a blockhash can still be used, as of a slot."""

    slot: int
    is_valid: bool


class PriorityFee(Record, frozen=True):
    """The least that got a transaction into a block.

    :arg price: Micro-lamports a compute unit.

    """

    slot: int
    price: int


class _StatusValue(msgspec.Struct, gc=False, rename="camel"):
    slot: Slot
    err: msgspec.Raw
    confirmations: int | None = None
    confirmation_status: Commitment | None = None


class _Statuses(msgspec.Struct, gc=False):
    context: Context
    value: list[_StatusValue | None]


class _HashValue(msgspec.Struct, gc=False, rename="camel"):
    blockhash: Hash
    last_valid_block_height: Slot


class _Latest(msgspec.Struct, gc=False):
    context: Context
    value: _HashValue


class _Valid(msgspec.Struct, gc=False):
    context: Context
    value: bool


class _Fee(msgspec.Struct, gc=False):
    slot: Slot
    price: Price = msgspec.field(name="prioritizationFee")


_STATUSES = Answers(_Statuses)
_LATEST = Answers(_Latest)
_VALID = Answers(_Valid)
_FEES = Answers(list[_Fee])
_HEIGHTS: Answers[Slot] = Answers(Slot)


def get_signature_statuses(request_id: int, signatures: Sequence[str], *, search_history: bool = False) -> bytes:
    """Ask how far signatures are, at most `MOST_SIGNATURES`.

    :arg search_history: Whether nodes look further back than the last few hundred slots.

    """
    return request(request_id, "getSignatureStatuses", [list(signatures), {"searchTransactionHistory": search_history}])


def read_signature_statuses(status: int, body: bytes, request_id: int, count: int) -> Statuses | Refusal:
    """Read the answer to `get_signature_statuses`.

    :arg count: Of the signatures asked for.

    :returns: A refusal has a cause of `Answers.read`, or `answer_count` for another number of statuses.

    """
    answer = _STATUSES.read(status, body, request_id)
    if isinstance(answer, Refusal):
        return answer
    if len(answer.value) != count:
        return refusal("answer_count", f"{len(answer.value)} statuses instead of {count}")
    return Statuses(answer.context.slot, tuple(None if value is None else _status(value) for value in answer.value))


def get_latest_blockhash(request_id: int, commitment: str, min_context_slot: int | None = None) -> bytes:
    """Ask for the newest blockhash at a commitment.

    :arg min_context_slot: A node that has not reached this slot refuses (`slot_behind`).

    """
    return request(request_id, "getLatestBlockhash", [_options(commitment, min_context_slot)])


def read_latest_blockhash(status: int, body: bytes, request_id: int) -> LatestBlockhash | Refusal:
    """Read the answer to `get_latest_blockhash`; a refusal has a cause of `Answers.read`."""
    answer = _LATEST.read(status, body, request_id)
    if isinstance(answer, Refusal):
        return answer
    return LatestBlockhash(answer.value.blockhash, answer.value.last_valid_block_height, answer.context.slot)


def get_block_height(request_id: int, commitment: str, min_context_slot: int | None = None) -> bytes:
    """Ask for the height of the newest block at a commitment.

    :arg min_context_slot: A node that has not reached this slot refuses (`slot_behind`).

    """
    return request(request_id, "getBlockHeight", [_options(commitment, min_context_slot)])


def read_block_height(status: int, body: bytes, request_id: int) -> int | Refusal:
    """Read the answer to `get_block_height`; a refusal has a cause of `Answers.read`."""
    return _HEIGHTS.read(status, body, request_id)


def get_blockhash_validity(
    request_id: int, blockhash: str, commitment: str, min_context_slot: int | None = None
) -> bytes:
    """Ask whether a blockhash can still be used (`isBlockhashValid`)."""
    return request(request_id, "isBlockhashValid", [blockhash, _options(commitment, min_context_slot)])


def read_blockhash_validity(status: int, body: bytes, request_id: int) -> BlockhashValidity | Refusal:
    """Read the answer to `get_blockhash_validity`; a refusal has a cause of `Answers.read`."""
    answer = _VALID.read(status, body, request_id)
    return answer if isinstance(answer, Refusal) else BlockhashValidity(answer.context.slot, answer.value)


def get_recent_prioritization_fees(request_id: int, addresses: Sequence[str]) -> bytes:
    """Ask what the last 150 blocks took for priority.

    :arg addresses: Accounts that a transaction will write, at most `MOST_FEE_ACCOUNTS`; only transactions that write
        all of them count.

    """
    return request(request_id, "getRecentPrioritizationFees", [list(addresses)])


def read_recent_prioritization_fees(status: int, body: bytes, request_id: int) -> tuple[PriorityFee, ...] | Refusal:
    """Read the answer to `get_recent_prioritization_fees`, a block each; a refusal has a cause of `Answers.read`."""
    answer = _FEES.read(status, body, request_id)
    return answer if isinstance(answer, Refusal) else tuple(PriorityFee(fee.slot, fee.price) for fee in answer)


def _status(value: _StatusValue) -> Status:
    error = bytes(value.err).decode()
    # nodes before 1.9 tell no commitment; a root has no count of confirmations
    told = value.confirmation_status or ("finalized" if value.confirmations is None else "processed")
    return Status(value.slot, None if error == "null" else error, told)


def _options(commitment: str, min_context_slot: int | None) -> dict[str, Encodable]:
    options: dict[str, Encodable] = {"commitment": commitment}
    if min_context_slot is not None:
        options["minContextSlot"] = min_context_slot
    return options
