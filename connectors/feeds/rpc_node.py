"""One RPC endpoint: a question at a time, and a rest after each failure that is as long as the failure deserves."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from connectors.feeds.backoff import Backoff
from connectors.feeds.http_link import HttpLink
from connectors.feeds.link import LinkFailure
from connectors.feeds.outlet import Outlet
from connectors.feeds.reactor import Reactor
from connectors.feeds.retry_after import retry_after_s
from connectors.wire.refusal import Refusal, refusal
from connectors.wire.rpc import TEXTS, get_genesis_hash

BEHIND_S = 0.2
"""Rest of a node that has not reached a slot yet: half a slot."""

WRONG_CLUSTER_S = 60.0
HEADERS = {"Content-Type": "application/json"}

NOTED = {
    "rate_limited": "rate_limited",
    "node_behind": "nodes_behind",
    "slot_behind": "slots_behind",
    "http_status": "http_errors",
    "timeout": "timeouts",
}
"""Failures that are no malformed message, and how they are counted; what a link reports beside is `rpc_failures`."""

REFUSED_LINKS = frozenset({"garbage", "oversized"})

T = TypeVar("T")


class RpcNode:
    """Ask one JSON-RPC endpoint, one question at a time, and leave it alone after failures.

    How long it rests: as long as `Retry-After` says or its backoff wants, whichever is longer; 0.2 s where it has not
    reached the slot asked for; a minute where it belongs to another cluster. Each failure is counted in the outlet: the
    notes `rate_limited`, `nodes_behind`, `slots_behind`, `http_errors`, `timeouts` and `rpc_failures`, and for what is
    malformed a refusal by its cause.

    :arg timeout_s: From a question to the end of its answer.

    :arg genesis_hash: Of the cluster that it must belong to; asked once, before the first question. None: any.

    :arg backoff: Delays after failures that follow each other; an answer between two of them ends the row.

    """

    def __init__(
        self,
        reactor: Reactor,
        url: str,
        outlet: Outlet,
        *,
        timeout_s: float,
        genesis_hash: str | None = None,
        backoff: Backoff | None = None,
    ) -> None:
        self._reactor = reactor
        self._outlet = outlet
        self._timeout_s = timeout_s
        self._genesis_hash = genesis_hash
        self._link = HttpLink(reactor, url)
        self._backoff = Backoff(first_s=0.1, longest_s=5.0, lived_s=1.0) if backoff is None else backoff
        self._has_answered = False
        self._is_doubted = False
        self._resting_until_s = 0.0
        self._last_id = 0
        self.is_well = True
        """Whether its last answer was fine; one that was never asked is trusted."""

    @property
    def label(self) -> str:
        """Host and port."""
        return self._link.endpoint.label

    @property
    def ready_in_s(self) -> float:
        """Seconds until its rest is over, 0 where it does not rest."""
        return max(self._resting_until_s - self._reactor.now(), 0.0)

    @property
    def is_ready(self) -> bool:
        """Whether it may be asked now."""
        return not self._link.is_busy and self.ready_in_s == 0.0

    def ask(
        self,
        write: Callable[[int], bytes],
        read: Callable[[int, bytes, int], T | Refusal],
        then: Callable[[T | Refusal], None],
        ids: int = 1,
    ) -> None:
        """Ask; `then` is called once, in a later round, unless `close` comes first.

        :arg write: Makes the question of its first id.

        :arg read: Reads status and body of the answer to the question with that id.

        :arg then: Takes what was read; a refusal is counted already, and the node rests.

        :arg ids: How many ids the question takes.

        :raises LinkBusyError: Another question is under way.

        """
        if self._genesis_hash is None:
            self._send(write, read, then, ids)
            return

        def checked(genesis_hash: str | Refusal) -> None:
            if isinstance(genesis_hash, Refusal):
                then(genesis_hash)
            elif genesis_hash != self._genesis_hash:
                detail = f"{self.label} has the genesis hash {genesis_hash[:50]}"
                self.fail(refusal("wrong_cluster", detail), at_least_s=WRONG_CLUSTER_S)
                then(refusal("wrong_cluster", detail))
            else:
                self._genesis_hash = None
                self._send(write, read, then, ids)

        self._send(get_genesis_hash, TEXTS.read, checked, 1)

    def fail(self, why: Refusal, *, at_least_s: float = 0.0) -> None:
        """Count a failure and let the node rest; for the owner, who may find in `then` what no reader can see."""
        if why.cause in NOTED:
            self._outlet.note(NOTED[why.cause], f"{self.label}: {why.detail}")
        else:
            self._outlet.refuse(why.cause, f"{self.label}: {why.detail}")
        self._rest(why.cause, at_least_s)

    def close(self) -> None:
        """Close the connection; a question under way is forgotten without a call."""
        self._link.close()

    def _send(
        self,
        write: Callable[[int], bytes],
        read: Callable[[int, bytes, int], T | Refusal],
        then: Callable[[T | Refusal], None],
        ids: int,
    ) -> None:
        first_id = self._last_id + 1
        self._last_id += ids

        def answered(status: int, headers: Mapping[str, str], body: bytes) -> None:
            answer = read(status, body, first_id)
            self._is_doubted = False
            if isinstance(answer, Refusal):
                self.fail(answer, at_least_s=retry_after_s(headers.get("retry-after")))
            then(answer)
            if not self._is_doubted:
                self._has_answered = self.is_well = True

        def failed(failure: LinkFailure) -> None:
            if failure.cause in REFUSED_LINKS:
                self._outlet.refuse(failure.cause, failure.detail)
            else:
                self._outlet.note(NOTED.get(failure.cause, "rpc_failures"), str(failure))
            self._rest(failure.cause, failure.retry_after_s)
            then(refusal(failure.cause, failure.detail))

        self._link.request("POST", None, HEADERS, write(first_id), answered, failed, self._timeout_s)

    def _rest(self, cause: str, at_least_s: float) -> None:
        self._is_doubted = True
        self.is_well = False
        if cause == "slot_behind":
            delay_s = max(BEHIND_S, at_least_s)
        else:
            delay_s = self._backoff.delay(1.0 if self._has_answered else 0.0, at_least_s)
            self._has_answered = False
        self._resting_until_s = self._reactor.now() + delay_s
