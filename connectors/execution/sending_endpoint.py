"""One endpoint that transactions are written to: its warm connections, what waits for them, and its rests."""

from collections.abc import Callable, Mapping
from functools import partial

from connectors.execution.warm_link import OnAnswer, OnFailure, WarmLink
from connectors.feeds.backoff import Backoff
from connectors.feeds.link import LinkFailure
from connectors.feeds.outlet import Outlet
from connectors.feeds.reactor import Reactor, Timer
from connectors.feeds.retry_after import retry_after_s
from connectors.feeds.rpc_node import NOTED, REFUSED_LINKS, WRONG_CLUSTER_S
from connectors.wire.refusal import Refusal, refusal
from connectors.wire.rpc import TEXTS, get_genesis_hash, get_health
from connectors.wire.submissions import SendRefusal, read_send_transaction

KEEP_WARM_S = 10.0
"""An idle connection is asked for the node's health so often: peers close what is idle for a minute or so, and a
connection that is gone without a word shows itself before it is needed."""

LOOK_S = 1.0

UNFIT = frozenset(
    {"rate_limited", "node_behind", "slot_behind", "http_status", "not_json", "answer_shape", "foreign_answer"}
)
"""Kinds of refusals that say something of the endpoint and nothing of the transaction: it rests, and is tried anew."""


class Parcel:
    """A transaction on its way, as all endpoints share it.

    :arg number: Id of its requests.

    :ivar body: Of the request.

    :ivar later_body: Of the request to an endpoint that has taken it before; empty until the first rebroadcast.

    """

    def __init__(
        self,
        signature: str,
        wire_bytes: bytes,
        number: int,
        on_written: Callable[[int], None],
        on_refused: Callable[[str, SendRefusal], None],
    ) -> None:
        self.signature = signature
        self.wire_bytes = wire_bytes
        self.number = number
        self.on_written = on_written
        self.on_refused = on_refused
        self.body = self.later_body = b""
        self.timer: Timer | None = None
        self.is_written = False
        self.is_forgotten = False


class SendingEndpoint:
    """Write transactions to one endpoint as soon as a connection is free.

    :arg on_written: Called from within `put` or later, each time a transaction was written.

    """

    def __init__(
        self,
        reactor: Reactor,
        url: str,
        outlet: Outlet,
        *,
        connections: int,
        timeout_s: float,
        genesis_hash: str | None,
        on_written: Callable[[Parcel], None],
        backoff: Backoff | None = None,
    ) -> None:
        self._reactor = reactor
        self._outlet = outlet
        self._timeout_s = timeout_s
        self._genesis_hash = genesis_hash
        self._on_written = on_written
        self._backoff = Backoff(first_s=0.1, longest_s=5.0, lived_s=1.0) if backoff is None else backoff
        self._links = [WarmLink(reactor, url, on_free=self._pump, on_lost=self._lost) for _ in range(connections)]
        self._new: dict[str, Parcel] = {}
        self._later: dict[str, Parcel] = {}
        self._under_way: set[str] = set()
        self._taken: set[str] = set()
        self._told: dict[str, set[str]] = {}
        self._is_checked = genesis_hash is None
        self._is_asking = self._has_answered = False
        self._resting_until_s = 0.0
        self._timers: dict[str, Timer] = {}
        self._used_s = [0.0] * connections
        self._last_id = 0

    @property
    def label(self) -> str:
        """Host and port."""
        return self._links[0].endpoint.label

    @property
    def is_resting(self) -> bool:
        """Whether it gets nothing for a while, after a failure."""
        return self._reactor.now() < self._resting_until_s

    @property
    def is_ready(self) -> bool:
        """Whether what is put to it is written at once."""
        return self._is_checked and not self.is_resting and any(link.is_free for link in self._links)

    def start(self) -> None:
        """Connect, and stay connected."""
        for link in self._links:
            link.start()
        self._set_timer("warm", LOOK_S, self._keep_warm)

    def stop(self) -> None:
        """Close every connection, for good."""
        for timer in self._timers.values():
            timer.cancel()
        for link in self._links:
            link.close()

    def put(self, parcel: Parcel, *, is_new: bool) -> None:
        """Write a transaction, or let it wait; new ones go before those that were written already."""
        if parcel.signature not in self._under_way:
            (self._new if is_new else self._later)[parcel.signature] = parcel
            self._pump()

    def forget(self, signature: str) -> None:
        """Write it no more."""
        self._new.pop(signature, None)
        self._later.pop(signature, None)
        self._told.pop(signature, None)
        self._taken.discard(signature)

    def _pump(self) -> None:
        """Write what waits to the connections that are free."""
        for index, link in enumerate(self._links):
            if self.is_resting:
                return
            if not link.is_free:
                continue
            if not self._is_checked:
                self._check(index)
                return
            queue = self._new or self._later
            if not queue:
                return
            self._write(index, queue.pop(next(iter(queue))))

    def _write(self, index: int, parcel: Parcel) -> None:
        self._under_way.add(parcel.signature)
        self._later.pop(parcel.signature, None)
        body = (parcel.later_body or parcel.body) if parcel.signature in self._taken else parcel.body
        self._post(index, body, partial(self._answered, parcel), partial(self._failed, parcel))
        self._on_written(parcel)

    def _post(self, index: int, body: bytes, on_answer: OnAnswer, on_failure: OnFailure) -> None:
        self._used_s[index] = self._reactor.now()
        self._links[index].post(body, on_answer, on_failure, self._timeout_s)

    def _answered(self, parcel: Parcel, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self._under_way.discard(parcel.signature)
        answer = read_send_transaction(status, body, parcel.number)
        if isinstance(answer, SendRefusal) and answer.kind in UNFIT:
            if not parcel.is_forgotten:
                self._new[parcel.signature] = parcel  # it was not taken: nothing is to overtake it
            self._refused(refusal(answer.kind, answer.detail, answer.code), headers)
            return
        self._has_answered = True
        if parcel.is_forgotten:
            return
        if isinstance(answer, SendRefusal) and answer.kind != "already_processed":
            self._tell(parcel, answer)
        else:
            self._taken.add(parcel.signature)

    def _tell(self, parcel: Parcel, why: SendRefusal) -> None:
        told = self._told.setdefault(parcel.signature, set())
        if why.kind not in told:
            told.add(why.kind)
            self._outlet.note("refused_sends", f"{self.label}: {parcel.signature}: {why.kind}")
            parcel.on_refused(self.label, why)

    def _failed(self, parcel: Parcel, failure: LinkFailure) -> None:
        self._under_way.discard(parcel.signature)
        if not parcel.is_forgotten:
            self._new[parcel.signature] = parcel
        self._link_failed(failure)

    def _link_failed(self, failure: LinkFailure) -> None:
        self._is_asking = False
        if failure.cause == "closed_idle":
            self._pump()
            return
        self._lost(failure)
        self._rest(0.0)

    def _lost(self, failure: LinkFailure) -> None:
        if failure.cause in REFUSED_LINKS:
            self._outlet.refuse(failure.cause, failure.detail)
        else:
            self._outlet.note(NOTED.get(failure.cause, "rpc_failures"), str(failure))

    def _refused(self, why: Refusal, headers: Mapping[str, str], at_least_s: float = 0.0) -> None:
        detail = f"{self.label}: {why.detail}"
        if why.cause in NOTED:
            self._outlet.note(NOTED[why.cause], detail)
        else:
            self._outlet.refuse(why.cause, detail)
        self._rest(max(at_least_s, retry_after_s(headers.get("retry-after"))))

    def _rest(self, at_least_s: float) -> None:
        delay_s = self._backoff.delay(1.0 if self._has_answered else 0.0, at_least_s)
        self._has_answered = False
        self._resting_until_s = self._reactor.now() + delay_s
        self._set_timer("rest", delay_s, self._pump)

    def _check(self, index: int) -> None:
        """Ask which cluster it is of, before it gets anything."""
        if self._is_asking:
            return
        self._is_asking = True
        self._last_id += 1
        number = self._last_id

        def answered(status: int, headers: Mapping[str, str], body: bytes) -> None:
            self._is_asking = False
            genesis_hash = TEXTS.read(status, body, number)
            if isinstance(genesis_hash, Refusal):
                self._refused(genesis_hash, headers)
            elif genesis_hash != self._genesis_hash:
                wrong = refusal("wrong_cluster", f"the genesis hash {genesis_hash[:50]}")
                self._refused(wrong, headers, WRONG_CLUSTER_S)
            else:
                self._is_checked = True

        self._post(index, get_genesis_hash(number), answered, self._link_failed)

    def _keep_warm(self) -> None:
        self._set_timer("warm", LOOK_S, self._keep_warm)
        free = [index for index, link in enumerate(self._links) if link.is_free]
        if self.is_resting or not self._is_checked or not free:
            return
        index = min(free, key=self._used_s.__getitem__)
        if self._reactor.now() - self._used_s[index] < KEEP_WARM_S:
            return
        self._last_id += 1
        number = self._last_id

        def answered(status: int, headers: Mapping[str, str], body: bytes) -> None:
            health = TEXTS.read(status, body, number)
            if isinstance(health, Refusal):
                self._refused(health, headers)
            else:
                self._has_answered = True

        self._post(index, get_health(number), answered, self._link_failed)

    def _set_timer(self, name: str, delay_s: float, call: Callable[[], None]) -> None:
        if name in self._timers:
            self._timers[name].cancel()
        self._timers[name] = self._reactor.call_in(delay_s, call)
