"""Signature subscriptions over one PubSub connection as a state machine; each ends with the one thing it says."""

from collections.abc import Iterable

from connectors.wire.refusal import Refusal
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


class Signatures:
    """Keep one connection subscribed to the signatures that are waited for.

    It has no socket and no clock: times are handed in, in seconds of any clock that never goes back, and frames are
    handed out: those of `connected`, `want`, `forget` and `retry` as results, those that `receive` gives rise to by
    `outgoing`. What was seen is wanted no more.

    :arg commitment: At which a transaction counts as seen.

    """

    def __init__(self, commitment: str) -> None:
        raise NotImplementedError

    @property
    def wanted(self) -> tuple[str, ...]:
        """The signatures that are waited for."""
        raise NotImplementedError

    def connected(self, now_s: float) -> list[bytes]:
        """Begin on a new connection, which knows nothing; return the frames to send."""
        raise NotImplementedError

    def disconnected(self) -> None:
        """Forget everything but what is wanted."""
        raise NotImplementedError

    def want(self, signatures: Iterable[str], now_s: float) -> list[bytes]:
        """Wait for more signatures; return the frames to send."""
        raise NotImplementedError

    def forget(self, signatures: Iterable[str]) -> list[bytes]:
        """Wait for signatures no more; return the frames to send."""
        raise NotImplementedError

    def retry(self, now_s: float, patience_s: float) -> list[bytes]:
        """Ask anew for what was refused, or not answered for `patience_s`; return the frames to send."""
        raise NotImplementedError

    def outgoing(self) -> list[bytes]:
        """Take the frames that have to be sent."""
        raise NotImplementedError

    def receive(self, data: bytes | bytearray) -> SignatureHeard | None:
        """Take one frame; whatever its bytes are, it raises nothing.

        :returns: What it says; `None` for what needs no attention. A refusal has one of the causes `not_json`,
            `frame_shape`, `unknown_method`, `unknown_subscription`, `subscription_refused`, `unknown_answer`,
            `answer_shape`, `unsubscribe_refused`.

        """
        raise NotImplementedError
