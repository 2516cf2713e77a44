"""Bundles for a Jito block engine: several transactions that land together in one block, or not at all, for a tip.

Source: the block engine's JSON-RPC documentation.
"""

import base64
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from connectors.wire.accounts import Address, Slot
from connectors.wire.refusal import Refusal, refusal
from connectors.wire.rpc import OK, UNREADABLE, Answers, RpcError, request
from dlmm.records import Record

MOST_TRANSACTIONS = 5
"""Transactions of a bundle."""

MOST_BUNDLES = 5
"""Bundles that an engine answers for in one request."""


_BAD_REQUEST = 400
_JUDGED = frozenset({-32602, -32603})
"""Codes of errors that say something of the bundle, and nothing of the engine."""

_SAID: Mapping[str, str] = {
    "already processed": "already_processed",
    "tip account": "no_tip",
    "tip pda": "no_tip",
    "blockhash": "blockhash_not_found",
    "decoded": "undecodable",
}
"""Words of a refusal that tell what is wrong with a bundle."""


class BundleRefused(Record, frozen=True):
    """Why an engine that is well did not take a bundle.

    :arg kind: `already_processed`, `no_tip`, `blockhash_not_found`, `undecodable`, else `bundle_refused`.

    :arg detail: What was seen, never longer than 160 characters.

    """

    kind: str
    detail: str
    code: int


class BundleStatus(Record, frozen=True):
    """A bundle that landed.

    :arg signatures: Of its transactions.

    :arg commitment: How far its block is.

    :arg error_json: Why one of its transactions failed, as JSON; `None` where none did.

    """

    bundle_id: str
    slot: int
    signatures: tuple[str, ...]
    commitment: Literal["processed", "confirmed", "finalized"]
    error_json: str | None = None


class InflightBundle(Record, frozen=True):
    """How far a bundle of the last five minutes is.

    :arg status: `Invalid`: unknown, or older; `Failed`: no leader took it.

    :arg landed_slot: Where it landed.

    """

    bundle_id: str
    status: Literal["Invalid", "Pending", "Failed", "Landed"]
    landed_slot: int | None


class _Failed(msgspec.Struct, gc=False):
    error: RpcError | None = None


class _Ended(msgspec.Struct, gc=False):
    error: msgspec.Raw = msgspec.field(name="Err", default=msgspec.Raw(b"null"))


class _Status(msgspec.Struct, gc=False):
    bundle_id: str
    transactions: list[str]
    slot: Slot
    confirmation_status: Literal["processed", "confirmed", "finalized"]
    err: _Ended | None = None


class _Statuses(msgspec.Struct, gc=False):
    value: list[_Status | None]


class _Inflight(msgspec.Struct, gc=False):
    bundle_id: str
    status: Literal["Invalid", "Pending", "Failed", "Landed"]
    landed_slot: Slot | None = None


class _InflightStatuses(msgspec.Struct, gc=False):
    value: list[_Inflight | None]


_IDS: Answers[str] = Answers(Annotated[str, Meta(min_length=1, max_length=128)])  # type: ignore[arg-type]  # an annotated type is a value too
_STATUSES: Answers[_Statuses | None] = Answers(_Statuses | None)  # type: ignore[arg-type]  # a union is a value too
_INFLIGHT: Answers[_InflightStatuses | None] = Answers(_InflightStatuses | None)  # type: ignore[arg-type]  # a union is a value too
_FAILED: msgspec.json.Decoder[_Failed] = msgspec.json.Decoder(_Failed)
_TIP_ACCOUNTS = Answers(list[Address])


def send_bundle(request_id: int, wires: Sequence[bytes]) -> bytes:
    """Ask for a bundle to be auctioned, at most `MOST_TRANSACTIONS` signed transactions, one of them with a tip."""
    encoded = [base64.b64encode(wire).decode() for wire in wires]
    return request(request_id, "sendBundle", [encoded, {"encoding": "base64"}])


def read_send_bundle(status: int, body: bytes, request_id: int) -> str | BundleRefused | Refusal:
    """Read the answer to `send_bundle`: the bundle's id, which says nothing of landing, or why there is none.

    :returns: A `Refusal` says something of the engine; its causes are those of `Answers.read`.

    """
    refused = _refused(body) if status in (OK, _BAD_REQUEST) else None
    return _IDS.read(status, body, request_id) if refused is None else refused


def get_bundle_statuses(request_id: int, bundle_ids: Sequence[str]) -> bytes:
    """Ask which bundles landed, at most `MOST_BUNDLES`."""
    return request(request_id, "getBundleStatuses", [list(bundle_ids)])


def read_bundle_statuses(
    status: int, body: bytes, request_id: int, bundle_ids: Sequence[str]
) -> tuple[BundleStatus | None, ...] | Refusal:
    """Read the answer to `get_bundle_statuses`, in the order of the question; `None` for one that has not landed."""
    answer = _STATUSES.read(status, body, request_id)
    if isinstance(answer, Refusal):
        return answer
    told = {one.bundle_id: one for one in (answer.value if answer is not None else ()) if one is not None}
    return tuple(_landed(told[one]) if one in told else None for one in bundle_ids)


def get_inflight_bundle_statuses(request_id: int, bundle_ids: Sequence[str]) -> bytes:
    """Ask how far bundles of the last five minutes are, at most `MOST_BUNDLES`."""
    return request(request_id, "getInflightBundleStatuses", [list(bundle_ids)])


def read_inflight_bundle_statuses(
    status: int, body: bytes, request_id: int, bundle_ids: Sequence[str]
) -> tuple[InflightBundle | None, ...] | Refusal:
    """Read the answer to `get_inflight_bundle_statuses`, in the order of the question; `None` for one left out."""
    answer = _INFLIGHT.read(status, body, request_id)
    if isinstance(answer, Refusal):
        return answer
    told = {one.bundle_id: one for one in (answer.value if answer is not None else ()) if one is not None}
    found = [told.get(one) for one in bundle_ids]
    return tuple(None if one is None else InflightBundle(one.bundle_id, one.status, one.landed_slot) for one in found)


def get_tip_accounts(request_id: int) -> bytes:
    """Ask for the accounts that a tip may go to."""
    return request(request_id, "getTipAccounts")


def read_tip_accounts(status: int, body: bytes, request_id: int) -> tuple[str, ...] | Refusal:
    """Read the answer to `get_tip_accounts`."""
    answer = _TIP_ACCOUNTS.read(status, body, request_id)
    return answer if isinstance(answer, Refusal) else tuple(answer)


def _refused(body: bytes) -> BundleRefused | None:
    try:
        error = _FAILED.decode(body).error
    except UNREADABLE:
        return None
    if error is None or error.code not in _JUDGED:
        return None
    text = error.message.lower()
    kind = next((kind for words, kind in _SAID.items() if words in text), "bundle_refused")
    return BundleRefused(kind, refusal(kind, error.message).detail, error.code)


def _landed(status: _Status) -> BundleStatus:
    error = bytes(status.err.error).decode() if status.err is not None else "null"
    return BundleStatus(
        status.bundle_id,
        status.slot,
        tuple(status.transactions),
        status.confirmation_status,
        None if error == "null" else error,
    )
