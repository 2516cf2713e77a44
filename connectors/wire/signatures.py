"""Signature subscriptions over one PubSub connection as a state machine; each ends with the one thing it says."""

from collections.abc import Iterable

import msgspec

from connectors.wire.accounts import Context
from connectors.wire.pubsub import MOST_REMEMBERED
from connectors.wire.pubsub_frames import Answer, SubscriptionId
from connectors.wire.refusal import Refusal, refusal
from connectors.wire.rpc import UNREADABLE, Encodable, request
from dlmm.records import Record


class SignatureSeen(Record, frozen=True):
    """A transaction is in a block of the commitment asked for.

    :arg slot: Slot that the node was at, which may be later than the transaction's own.

    :arg error_json: Why it failed, as JSON; `None` where it succeeded.

    """

    signature: str
    slot: int
    error_json: str | None


class SignatureLive(Record, frozen=True):
    """A subscription is live: what lands from now on is told; ask for the status of what may have landed before."""

    signature: str


SignatureHeard = SignatureSeen | SignatureLive | Refusal


class _Ended(msgspec.Struct, gc=False):
    err: msgspec.Raw


class _Result(msgspec.Struct, gc=False):
    context: Context
    value: _Ended | str


class _Params(msgspec.Struct, gc=False):
    result: _Result
    subscription: SubscriptionId


class _Notification(msgspec.Struct, gc=False):
    params: _Params


class _Head(msgspec.Struct, gc=False):
    method: str | None = None


class _Asked(Record, frozen=True):
    signature: str
    at_s: float


_HEADS: msgspec.json.Decoder[_Head] = msgspec.json.Decoder(_Head)
_ANSWERS: msgspec.json.Decoder[Answer] = msgspec.json.Decoder(Answer)
_NOTIFICATIONS: msgspec.json.Decoder[_Notification] = msgspec.json.Decoder(_Notification)


class Signatures:
    """Keep one connection subscribed to the signatures that are waited for.

    It has no socket and no clock: times are handed in, in seconds of any clock that never goes back, and frames are
    handed out: those of `connected`, `want`, `forget` and `retry` as results, those that `receive` gives rise to by
    `outgoing`. What was seen is wanted no more.

    :arg commitment: At which a transaction counts as seen.

    """

    def __init__(self, commitment: str) -> None:
        self._commitment = commitment
        self._wanted: dict[str, None] = {}
        self._last_id = 0
        self._is_connected = False
        self._clear()

    def _clear(self) -> None:
        self._asked: dict[int, _Asked] = {}
        self._asking: dict[str, int] = {}
        self._refused: set[str] = set()
        self._live: dict[int, str] = {}
        self._live_ids: dict[str, int] = {}
        self._ending: dict[int, None] = {}
        self._ended: dict[int, None] = {}
        self._early: dict[int, tuple[int, str | None]] = {}
        self._outgoing: list[bytes] = []

    @property
    def wanted(self) -> tuple[str, ...]:
        """The signatures that are waited for."""
        return tuple(self._wanted)

    def connected(self, now_s: float) -> list[bytes]:
        """Begin on a new connection, which knows nothing; return the frames to send."""
        self._clear()
        self._is_connected = True
        for signature in self._wanted:
            self._ask(signature, now_s)
        return self.outgoing()

    def disconnected(self) -> None:
        """Forget everything but what is wanted."""
        self._clear()
        self._is_connected = False

    def want(self, signatures: Iterable[str], now_s: float) -> list[bytes]:
        """Wait for more signatures; return the frames to send."""
        for signature in signatures:
            if signature in self._wanted:
                continue
            self._wanted[signature] = None
            # one asked for before and not wanted in between is live as soon as its answer comes
            if self._is_connected and signature not in self._asking:
                self._ask(signature, now_s)
        return self.outgoing()

    def forget(self, signatures: Iterable[str]) -> list[bytes]:
        """Wait for signatures no more; return the frames to send."""
        for signature in signatures:
            self._wanted.pop(signature, None)
            self._refused.discard(signature)
            subscription = self._live_ids.pop(signature, None)
            if subscription is not None:
                del self._live[subscription]
                self._end(subscription)
        return self.outgoing()

    def retry(self, now_s: float, patience_s: float) -> list[bytes]:
        """Ask anew for what was refused, or not answered for `patience_s`; return the frames to send.

        A late answer to the first question counts.

        """
        if not self._is_connected:
            return []
        for signature in self._wanted:
            number = self._asking.get(signature)
            is_late = number is not None and self._asked[number].at_s <= now_s - patience_s
            if is_late or signature in self._refused:
                self._refused.discard(signature)
                self._ask(signature, now_s)
        return self.outgoing()

    def outgoing(self) -> list[bytes]:
        """Take the frames that have to be sent."""
        frames, self._outgoing = self._outgoing, []
        return frames

    def receive(self, data: bytes | bytearray) -> SignatureHeard | None:
        """Take one frame; whatever its bytes are, it raises nothing.

        :returns: What it says; `None` for what needs no attention. A refusal has one of the causes `not_json`,
            `frame_shape`, `unknown_method`, `unknown_subscription`, `subscription_refused`, `subscription_taken`,
            `unknown_answer`, `answer_shape`, `unsubscribe_refused`.

        """
        frame = _read_frame(data)
        if isinstance(frame, Refusal):
            return frame
        if isinstance(frame, Answer):
            heard = self._answered(frame)
            if not self._asked:
                self._early.clear()
            return heard
        result = frame.params.result
        if isinstance(result.value, str):
            return None  # the node took it in, which says nothing of landing
        error = bytes(result.value.err).decode()
        return self._notified(frame.params.subscription, result.context.slot, None if error == "null" else error)

    def _notified(self, subscription: int, slot: int, error_json: str | None) -> SignatureHeard | None:
        signature = self._live.pop(subscription, None)
        if signature is not None:  # the node has ended the subscription with this
            del self._live_ids[signature]
            del self._wanted[signature]
            _remember(self._ended, subscription)
            return SignatureSeen(signature, slot, error_json)
        if subscription in self._ended:
            return None
        if self._asked and len(self._early) < MOST_REMEMBERED:
            self._early[subscription] = slot, error_json  # it may have overtaken the answer that tells whose it is
            return None
        return refusal("unknown_subscription", f"signature from subscription {subscription}")

    def _ask(self, signature: str, now_s: float) -> None:
        self._last_id += 1
        self._asked[self._last_id] = _Asked(signature, now_s)
        self._asking[signature] = self._last_id
        options: dict[str, Encodable] = {"commitment": self._commitment, "enableReceivedNotification": False}
        self._outgoing.append(request(self._last_id, "signatureSubscribe", [signature, options]))

    def _end(self, subscription: int) -> None:
        _remember(self._ended, subscription)
        self._last_id += 1
        _remember(self._ending, self._last_id)
        self._outgoing.append(request(self._last_id, "signatureUnsubscribe", [subscription]))

    def _answered(self, answer: Answer) -> SignatureHeard | None:
        seen = f"{answer.error.code}: {answer.error.message}" if answer.error is not None else f"to {answer.id}"
        code = answer.error.code if answer.error is not None else None
        if answer.id in self._ending:
            del self._ending[answer.id]
            # one that had told what it had to tell was ended by the node already
            return None if answer.error is None else refusal("unsubscribe_refused", seen, code)
        asked = self._asked.pop(answer.id, None) if answer.id is not None else None
        if asked is None:
            return refusal("unknown_answer", seen, code)
        signature = asked.signature
        if self._asking.get(signature) == answer.id:
            del self._asking[signature]
        if answer.error is not None:
            self._give_up(signature)
            return refusal("subscription_refused", f"{signature}: {seen}", code)
        if answer.result is None or isinstance(answer.result, bool):
            self._give_up(signature)
            return refusal("answer_shape", f"{answer.result} as the id of a subscription to {signature}")
        return self._begin(signature, answer.result)

    def _give_up(self, signature: str) -> None:
        if signature in self._wanted and signature not in self._live_ids and signature not in self._asking:
            self._refused.add(signature)

    def _begin(self, signature: str, subscription: int) -> SignatureHeard | None:
        taken = self._live.get(subscription)
        if taken == signature:
            return None  # asked for twice: nodes give equal subscriptions of a connection the same id
        if taken is not None:
            self._give_up(signature)
            return refusal("subscription_taken", f"id {subscription} for {signature}, live for {taken}")
        early = self._early.pop(subscription, None)
        self._ended.pop(subscription, None)  # ids may come again
        if signature not in self._wanted or signature in self._live_ids:
            if early is None:
                self._end(subscription)
            return None
        self._refused.discard(signature)
        self._live[subscription] = signature
        self._live_ids[signature] = subscription
        return SignatureLive(signature) if early is None else self._notified(subscription, *early)


def _read_frame(data: bytes | bytearray) -> _Notification | Answer | Refusal:
    try:
        head = _HEADS.decode(data)
        if head.method is None:
            return _ANSWERS.decode(data)
        if head.method != "signatureNotification":
            return refusal("unknown_method", head.method)
        return _NOTIFICATIONS.decode(data)
    except UNREADABLE as error:
        return refusal("frame_shape" if isinstance(error, msgspec.ValidationError) else "not_json", error)


def _remember(numbers: dict[int, None], number: int) -> None:
    numbers[number] = None
    if len(numbers) > MOST_REMEMBERED:
        del numbers[next(iter(numbers))]
