"""The frames of a node's PubSub: requests as bytes, and notifications and answers as typed values."""

from collections.abc import Callable
from typing import Annotated

import msgspec
from msgspec import Meta

from connectors.wire.accounts import ENCODING, AccountValue, Context, Slot
from connectors.wire.refusal import Refusal, refusal
from connectors.wire.rpc import UNREADABLE, RpcError, request

SubscriptionId = Annotated[int, Meta(ge=0)]

_SWAP_LOG = "Program log: Instruction: Swap"
_LOGS_CUT = "Log truncated"


class _AccountResult(msgspec.Struct, gc=False):
    context: Context
    value: AccountValue


class _AccountParams(msgspec.Struct, gc=False):
    result: _AccountResult
    subscription: SubscriptionId


class AccountNotification(msgspec.Struct, gc=False, tag_field="method", tag="accountNotification"):
    """An account was written."""

    params: _AccountParams


class _SlotResult(msgspec.Struct, gc=False):
    slot: Slot
    parent: Slot


class _SlotParams(msgspec.Struct, gc=False):
    result: _SlotResult
    subscription: SubscriptionId


class SlotNotification(msgspec.Struct, gc=False, tag_field="method", tag="slotNotification"):
    """The node works on a slot."""

    params: _SlotParams


class LogsValue(msgspec.Struct, gc=False):
    """What a transaction logged."""

    err: msgspec.Raw
    logs: list[str]
    signature: Annotated[str, Meta(min_length=64, max_length=88)]

    @property
    def is_failed(self) -> bool:
        """Whether the transaction failed: nothing that its logs tell happened."""
        return bytes(self.err) != b"null"

    @property
    def is_swap(self) -> bool:
        """Whether a program says that it swaps; also where the node cut the logs, since the rest may say so."""
        return any(line.startswith(_SWAP_LOG) or line == _LOGS_CUT for line in self.logs)


class _LogsResult(msgspec.Struct, gc=False):
    context: Context
    value: LogsValue


class _LogsParams(msgspec.Struct, gc=False):
    result: _LogsResult
    subscription: SubscriptionId


class LogsNotification(msgspec.Struct, gc=False, tag_field="method", tag="logsNotification"):
    """A transaction ran that mentions an address."""

    params: _LogsParams


Notification = AccountNotification | SlotNotification | LogsNotification


class Answer(msgspec.Struct, gc=False):
    """What became of a request: a subscription's id, whether one was ended, or an error."""

    id: int | None
    result: SubscriptionId | bool | None = None
    error: RpcError | None = None


class _Head(msgspec.Struct, gc=False):
    method: str | None = None


_NOTIFICATIONS: msgspec.json.Decoder[Notification] = msgspec.json.Decoder(Notification)
_ANSWERS: msgspec.json.Decoder[Answer] = msgspec.json.Decoder(Answer)
_HEADS: msgspec.json.Decoder[_Head] = msgspec.json.Decoder(_Head)


def read_frame(data: bytes | bytearray) -> Notification | Answer | Refusal:
    """Read one frame of a node.

    :returns: A refusal has one of the causes `not_json`, `frame_shape`, `unknown_method`.

    """
    try:
        return _NOTIFICATIONS.decode(data)
    except UNREADABLE as error:
        return _read_rarer(data, error)


def _read_rarer(data: bytes | bytearray, why_no_notification: Exception) -> Answer | Refusal:
    try:
        method = _HEADS.decode(data).method
        if method is None:
            return _ANSWERS.decode(data)
    except UNREADABLE as error:
        return refusal("frame_shape" if isinstance(error, msgspec.ValidationError) else "not_json", error)
    if method not in KINDS_NOTIFIED:
        return refusal("unknown_method", method)
    cause = "frame_shape" if isinstance(why_no_notification, msgspec.ValidationError) else "not_json"
    return refusal(cause, f"{method}: {why_no_notification}")


KINDS_NOTIFIED = {"accountNotification": "account", "slotNotification": "slot", "logsNotification": "logs"}


def subscribe_account(request_id: int, address: str, commitment: str) -> bytes:
    """Ask for each new state of an account."""
    return request(request_id, "accountSubscribe", [address, {"encoding": ENCODING, "commitment": commitment}])


def subscribe_logs(request_id: int, address: str, commitment: str) -> bytes:
    """Ask for the logs of each transaction that mentions an address; nodes take one address a subscription."""
    return request(request_id, "logsSubscribe", [{"mentions": [address]}, {"commitment": commitment}])


def subscribe_slot(request_id: int, address: str, commitment: str) -> bytes:
    """Ask for each slot that the node begins; slots have neither an address nor a commitment."""
    del address, commitment
    return request(request_id, "slotSubscribe")


SUBSCRIBE: dict[str, Callable[[int, str, str], bytes]] = {
    "account": subscribe_account,
    "logs": subscribe_logs,
    "slot": subscribe_slot,
}
"""How each kind of subscription is asked for."""


def unsubscribe(request_id: int, kind: str, subscription: int) -> bytes:
    """Ask for an end of a subscription.

    :arg kind: `account`, `logs` or `slot`.

    """
    return request(request_id, f"{kind}Unsubscribe", [subscription])
