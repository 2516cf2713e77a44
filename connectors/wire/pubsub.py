"""One PubSub connection to a node as a state machine: what is wanted, what was asked for, and what is live."""

from collections.abc import Iterable
from typing import Literal

from connectors.wire.accounts import account_update
from connectors.wire.events import AccountUpdate
from connectors.wire.pubsub_frames import (
    SUBSCRIBE,
    AccountNotification,
    Answer,
    LogsNotification,
    SlotNotification,
    read_frame,
    unsubscribe,
)
from connectors.wire.refusal import Refusal, refusal
from dlmm.records import Record

Kind = Literal["account", "logs", "slot"]

MOST_REMEMBERED = 4096
"""Subscriptions that ended, and strange ones, that are told from each other on one connection."""

STRANGE_TIMES = 3
"""Notifications of a subscription that nobody made, after which it is ended; an overtaken answer comes sooner."""


class Target(Record, frozen=True):
    """What a subscription is for.

    :arg address: Of the account or the mentioned pool; empty for slots.

    """

    kind: Kind
    address: str = ""


class SlotSeen(Record, frozen=True):
    """The node works on a slot.

    :arg parent: The slot it builds on; the slots between, and those that were said to come after it, are not part of
        this chain.

    """

    slot: int
    parent: int


class LogsSeen(Record, frozen=True):
    """A transaction that mentions a pool ran.

    :arg is_failed: All that it did was undone, but for its fee.

    :arg is_swap: Its logs say that it swaps, somewhere, or they were cut.

    """

    pool: str
    slot: int
    signature: str
    is_failed: bool
    is_swap: bool


class Subscribed(Record, frozen=True):
    """A subscription is live: of what is written from now on nothing is missed, of what was written before all is."""

    target: Target


Heard = AccountUpdate | SlotSeen | LogsSeen | Subscribed | Refusal


class _Asked(Record, frozen=True):
    target: Target
    at_s: float


class Subscriptions:
    """Keep one connection subscribed to what is wanted, and tell what comes over it.

    It has no socket and no clock: times are handed in, in seconds of any clock that never goes back, and frames are
    handed out: those of `connected`, `want`, `retry` and `renew` as results, those that `receive` gives rise to by
    `outgoing`.

    :arg commitment: Of the accounts' states.

    :arg logs_commitment: Of the logs. A transaction can be asked for from `confirmed` on.

    """

    def __init__(self, commitment: str, logs_commitment: str = "confirmed") -> None:
        self._commitments = {"account": commitment, "logs": logs_commitment, "slot": ""}
        self._wanted: dict[Target, None] = {Target("slot"): None}
        self._last_id = 0
        self._is_connected = False
        self._forget()

    def _forget(self) -> None:
        self._asked: dict[int, _Asked] = {}
        self._asking: dict[Target, int] = {}
        self._refused: set[Target] = set()
        self._live: dict[int, Target] = {}
        self._live_ids: dict[Target, int] = {}
        self._ending: dict[int, None] = {}
        self._ended: dict[int, None] = {}
        self._strange: dict[int, int] = {}
        self._outgoing: list[bytes] = []

    @property
    def is_settled(self) -> bool:
        """Whether everything wanted is live."""
        return len(self._live_ids) == len(self._wanted)

    def connected(self, now_s: float) -> list[bytes]:
        """Begin on a new connection, which knows nothing; return the frames to send."""
        self._forget()
        self._is_connected = True
        for target in self._wanted:
            self._ask(target, now_s)
        return self.outgoing()

    def disconnected(self) -> None:
        """Forget everything but what is wanted."""
        self._forget()
        self._is_connected = False

    def want(self, accounts: Iterable[str], mentions: Iterable[str], now_s: float) -> list[bytes]:
        """Take over what is wanted beside the slots; return the frames to send.

        :arg accounts: Addresses of accounts.

        :arg mentions: Addresses of pools whose transactions are wanted.

        """
        targets = [Target("slot"), *(Target("account", a) for a in accounts), *(Target("logs", m) for m in mentions)]
        before, self._wanted = self._wanted, dict.fromkeys(targets)
        if not self._is_connected:
            return []
        for target in before:
            if target not in self._wanted:
                self._refused.discard(target)
                if target in self._live_ids:
                    self._end(target.kind, self._live_ids[target])
        for target in self._wanted:
            # One asked for before and not wanted in between is live as soon as its answer comes.
            if target not in self._live_ids and target not in self._asking and target not in self._refused:
                self._ask(target, now_s)
        return self.outgoing()

    @property
    def refused(self) -> list[Target]:
        """What is wanted, but was refused."""
        return [target for target in self._wanted if target in self._refused]

    def unanswered(self, now_s: float, patience_s: float) -> list[Target]:
        """Return what is wanted and was asked for `patience_s` ago or longer, without an answer since."""
        numbers = ((target, self._asking.get(target)) for target in self._wanted)
        return [t for t, number in numbers if number is not None and self._asked[number].at_s <= now_s - patience_s]

    def retry(self, now_s: float, patience_s: float) -> list[bytes]:
        """Ask anew for what is `refused` or `unanswered`; return the frames to send.

        A late answer to the first question counts.

        """
        for target in self.refused + self.unanswered(now_s, patience_s):
            self._refused.discard(target)
            self._ask(target, now_s)
        return self.outgoing()

    def renew(self, target: Target, now_s: float) -> list[bytes]:
        """End a live subscription that seems to be deaf, and ask for it anew; return the frames to send."""
        if target in self._live_ids:
            self._end(target.kind, self._live_ids[target])
            self._ask(target, now_s)
        return self.outgoing()

    def outgoing(self) -> list[bytes]:
        """Take the frames that have to be sent."""
        frames, self._outgoing = self._outgoing, []
        return frames

    def receive(self, data: bytes | bytearray) -> Heard | None:
        """Take one frame; whatever its bytes are, it raises nothing.

        :returns: What it says; `None` for what needs no attention: the end of a subscription, and what such a one
            still sent. A refusal has a cause of `read_frame`, or `unknown_subscription`, `subscription_kind`,
            `subscription_refused`, `subscription_taken`, `unknown_answer`, `answer_shape`, `unsubscribe_refused`,
            `account_encoding`.

        """
        frame = read_frame(data)
        match frame:
            case AccountNotification(params=params):
                target = self._target(params.subscription, "account")
                if not isinstance(target, Target):
                    return target
                return account_update(params.result.context.slot, target.address, params.result.value)
            case SlotNotification(params=params):
                target = self._target(params.subscription, "slot")
                return SlotSeen(params.result.slot, params.result.parent) if isinstance(target, Target) else target
            case LogsNotification(params=params):
                target = self._target(params.subscription, "logs")
                if not isinstance(target, Target):
                    return target
                value = params.result.value
                slot = params.result.context.slot
                return LogsSeen(target.address, slot, value.signature, value.is_failed, value.is_swap)
            case Answer():
                return self._answered(frame)
            case Refusal():
                return frame

    def _target(self, subscription: int, kind: Kind) -> Target | Refusal | None:
        target = self._live.get(subscription)
        if target is not None:
            if target.kind == kind:
                return target
            return refusal("subscription_kind", f"{kind} from subscription {subscription} to {target.kind}")
        if subscription in self._ended:
            return None
        if len(self._strange) < MOST_REMEMBERED or subscription in self._strange:
            times = self._strange[subscription] = self._strange.get(subscription, 0) + 1
            if times >= STRANGE_TIMES and not self._asked:
                self._end(kind, subscription)
        return refusal("unknown_subscription", f"{kind} from subscription {subscription}")

    def _ask(self, target: Target, now_s: float) -> None:
        self._last_id += 1
        self._asked[self._last_id] = _Asked(target, now_s)
        self._asking[target] = self._last_id
        commitment = self._commitments[target.kind]
        self._outgoing.append(SUBSCRIBE[target.kind](self._last_id, target.address, commitment))

    def _end(self, kind: Kind, subscription: int) -> None:
        target = self._live.pop(subscription, None)
        if target is not None:
            del self._live_ids[target]
        self._strange.pop(subscription, None)
        _remember(self._ended, subscription)
        self._last_id += 1
        _remember(self._ending, self._last_id)
        self._outgoing.append(unsubscribe(self._last_id, kind, subscription))

    def _answered(self, answer: Answer) -> Heard | None:
        if answer.id in self._ending:
            del self._ending[answer.id]
            if answer.error is not None:
                return refusal("unsubscribe_refused", f"{answer.error.code}: {answer.error.message}", answer.error.code)
            return None
        asked = self._asked.pop(answer.id, None) if answer.id is not None else None
        if asked is None:
            if answer.error is not None:
                return refusal("unknown_answer", f"{answer.error.code}: {answer.error.message}", answer.error.code)
            return refusal("unknown_answer", f"to request {answer.id}")
        target = asked.target
        if self._asking.get(target) == answer.id:
            del self._asking[target]
        if answer.error is not None:
            self._give_up(target)
            seen = f"{target.kind} {target.address}: {answer.error.code}: {answer.error.message}"
            return refusal("subscription_refused", seen, answer.error.code)
        if answer.result is None or isinstance(answer.result, bool):
            self._give_up(target)
            return refusal("answer_shape", f"{answer.result} as the id of a subscription to {target.kind}")
        return self._begin(target, answer.result)

    def _give_up(self, target: Target) -> None:
        if target in self._wanted and target not in self._live_ids and target not in self._asking:
            self._refused.add(target)

    def _begin(self, target: Target, subscription: int) -> Heard | None:
        taken = self._live.get(subscription)
        if taken == target:
            return None  # asked for twice: nodes give equal subscriptions of a connection the same id
        if taken is not None:
            self._give_up(target)
            return refusal("subscription_taken", f"id {subscription} for {target.kind}, live for {taken.kind}")
        if target not in self._wanted or target in self._live_ids:
            self._end(target.kind, subscription)
            return None
        self._ended.pop(subscription, None)  # ids come again when the same thing is subscribed again
        self._strange.pop(subscription, None)
        self._refused.discard(target)
        self._live[subscription] = target
        self._live_ids[target] = subscription
        return Subscribed(target)


def _remember(numbers: dict[int, None], number: int) -> None:
    numbers[number] = None
    if len(numbers) > MOST_REMEMBERED:
        del numbers[next(iter(numbers))]
