"""What swaps moved: the transactions behind the logs, fetched at a bounded rate."""

from collections.abc import Callable
from functools import partial

from connectors.feeds.outlet import Outlet
from connectors.feeds.reactor import Reactor, Timer
from connectors.feeds.rpc_node import RpcNode
from connectors.wire.refusal import Refusal
from connectors.wire.transactions import Volumes, get_transactions, read_transactions

BATCH = 20
INTERVAL_S = 0.25
MOST_WAITING = 1024
MOST_REMEMBERED = 4096
MOST_TRIES = 6
TRY_AGAIN = frozenset({"rate_limited", "node_behind", "slot_behind", "unanswered", "rpc_error"})


class VolumeFetcher:
    """Fetch the transactions of swaps, and tell what they moved.

    At most 80 transactions a second; where swaps land faster the oldest waiting ones are skipped, counted in the note
    `volumes_skipped`. A transaction that the node still does not know after six tries is given up (`volumes_missing`).
    Nothing is told twice.

    :arg is_followed: Whether a pool's volume is wanted.

    """

    def __init__(self, reactor: Reactor, node: RpcNode, outlet: Outlet, is_followed: Callable[[str], bool]) -> None:
        self._reactor = reactor
        self._node = node
        self._outlet = outlet
        self._is_followed = is_followed
        self._waiting: dict[str, int] = {}
        self._known: dict[str, None] = {}
        self._timer: Timer | None = None

    def want(self, signature: str) -> None:
        """Take the signature of a transaction that swapped; each one once."""
        if signature in self._known:
            return
        self._known[signature] = None
        if len(self._known) > MOST_REMEMBERED:
            del self._known[next(iter(self._known))]
        self._wait(signature, 0)

    def stop(self) -> None:
        """Fetch no more."""
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()
        self._node.close()

    def _wait(self, signature: str, tries: int) -> None:
        self._waiting[signature] = tries
        if len(self._waiting) > MOST_WAITING:
            del self._waiting[next(iter(self._waiting))]
            self._outlet.note("volumes_skipped")
        if self._timer is None or not self._timer.is_pending:
            self._timer = self._reactor.call_in(INTERVAL_S, self._ask)

    def _ask(self) -> None:
        if not self._waiting:
            return
        if not self._node.is_ready:
            self._timer = self._reactor.call_in(max(self._node.ready_in_s, INTERVAL_S), self._ask)
            return
        batch = dict(list(self._waiting.items())[:BATCH])
        for signature in batch:
            del self._waiting[signature]
        signatures = tuple(batch)
        self._node.ask(
            lambda first_id: get_transactions(first_id, signatures),
            lambda status, body, first_id: read_transactions(status, body, first_id, signatures),
            partial(self._take, batch),
            len(signatures),
        )
        self._timer = self._reactor.call_in(INTERVAL_S, self._ask)

    def _take(self, batch: dict[str, int], answers: list[Volumes | Refusal | None] | Refusal) -> None:
        if isinstance(answers, Refusal):  # the node is resting already
            for signature, tries in batch.items():
                self._try_again(signature, tries)
            return
        limited: Refusal | None = None
        for (signature, tries), answer in zip(batch.items(), answers, strict=True):
            if answer is None:
                self._try_again(signature, tries)
            elif not isinstance(answer, Refusal):
                self._tell(answer)
            elif answer.cause in TRY_AGAIN:
                self._try_again(signature, tries)
                limited = answer
            else:
                self._outlet.refuse(answer.cause, answer.detail)
        if limited is not None:
            self._node.fail(limited)

    def _tell(self, volumes: Volumes) -> None:
        for volume in volumes:
            if self._is_followed(volume.pool):
                self._outlet.put(volume)

    def _try_again(self, signature: str, tries: int) -> None:
        if tries + 1 < MOST_TRIES:
            self._wait(signature, tries + 1)
        else:
            self._outlet.note("volumes_missing")
