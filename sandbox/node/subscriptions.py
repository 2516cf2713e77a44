"""What a client asked to be notified of, and an index to find it by."""

from collections.abc import Iterable
from enum import StrEnum

from solders.pubkey import Pubkey
from solders.signature import Signature

from dlmm.records import Record
from sandbox.node.connection import Connection
from sandbox.rpc.account_json import ENCODINGS
from sandbox.rpc.arguments import Arguments, Options, SubscribeOptions, pubkey, signature
from sandbox.rpc.errors import invalid
from sandbox.rpc.view import commitment_of


class Topic(StrEnum):
    """Kinds of subscriptions, as methods name them."""

    ACCOUNT = "account"
    PROGRAM = "program"
    LOGS = "logs"
    SIGNATURE = "signature"
    SLOT = "slot"
    ROOT = "root"


_METHODS = {f"{topic}{verb}": (topic, verb) for topic in Topic for verb in ("Subscribe", "Unsubscribe")}


class Mentions(Options, frozen=True):
    """Which transactions' logs to send; an empty one comes of a filter without the field."""

    mentions: list[str] | None = None


class Subscription(Record, frozen=True):
    """One subscription.

    :arg commitment: Empty for slots and roots.

    :arg target: An account, a program, who is mentioned in logs, or a transaction; `None` for all.

    :arg encoding: Of accounts.

    """

    id: int
    topic: Topic
    commitment: str
    target: Pubkey | Signature | None
    encoding: str
    options: SubscribeOptions
    connection: Connection

    @property
    def place(self) -> tuple[object, ...]:
        """Where the index keeps it."""
        if self.topic in {Topic.ACCOUNT, Topic.SIGNATURE}:
            return (self.topic, self.commitment, self.target)
        return (self.topic, self.commitment)


def topic_of(method: str) -> tuple[Topic, str] | None:
    """Tell a method's kind of subscription and whether it begins or ends one, or `None` for other methods."""
    return _METHODS.get(method)


def _logs_target(arguments: Arguments) -> Pubkey | None:
    which = arguments.required(0, str | Mentions)  # type: ignore[arg-type]  # a union is no class
    if isinstance(which, Mentions) and which.mentions is not None:
        if len(which.mentions) != 1:
            raise invalid("Invalid Request: Only 1 address supported")
        return pubkey(which.mentions[0])
    if which not in {"all", "allWithVotes"}:
        raise invalid("Invalid params")
    return None


def subscription(topic: Topic, arguments: Arguments, *, subscription_id: int, connection: Connection) -> Subscription:
    """Read what a client asks to be notified of.

    :raises RpcError: It cannot be asked for so.

    """
    if topic in {Topic.SLOT, Topic.ROOT}:
        return Subscription(subscription_id, topic, "", None, "", SubscribeOptions(), connection)
    target: Pubkey | Signature | None
    if topic is Topic.LOGS:
        target = _logs_target(arguments)
    elif topic is Topic.SIGNATURE:
        target = signature(arguments.required(0, str))
    else:
        target = pubkey(arguments.required(0, str))
    options = arguments.options(1, SubscribeOptions)
    encoding = options.encoding or "binary"
    if encoding not in ENCODINGS:
        raise invalid(f"Invalid params: unknown variant `{encoding}`, expected one of {ENCODINGS}.")
    commitment = commitment_of(options.commitment)
    return Subscription(subscription_id, topic, commitment, target, encoding, options, connection)


class Index:
    """Every subscription, found by its topic, commitment and target, or by its connection."""

    def __init__(self) -> None:
        self._at: dict[tuple[object, ...], dict[int, Subscription]] = {}
        self._of: dict[Connection, dict[int, Subscription]] = {}

    def add(self, one: Subscription) -> None:
        """Notify it from now on."""
        self._at.setdefault(one.place, {})[one.id] = one
        self.own(one)

    def own(self, one: Subscription) -> None:
        """Let its connection end it, and nothing more."""
        self._of.setdefault(one.connection, {})[one.id] = one

    def remove(self, one: Subscription) -> None:
        """Notify it no more."""
        self._of.get(one.connection, {}).pop(one.id, None)
        found = self._at.get(one.place)
        if found is not None and found.pop(one.id, None) is not None and not found:
            del self._at[one.place]

    def remove_all(self, connection: Connection) -> None:
        """Forget a connection that is gone."""
        for one in list(self._of.pop(connection, {}).values()):
            self.remove(one)

    def of(self, connection: Connection, subscription_id: int) -> Subscription | None:
        """Find a connection's own subscription."""
        return self._of.get(connection, {}).get(subscription_id)

    def at(self, *place: object) -> Iterable[Subscription]:
        """Find the subscriptions of a topic, commitment and, where it has one, target."""
        found = self._at.get(place)
        return tuple(found.values()) if found else ()
