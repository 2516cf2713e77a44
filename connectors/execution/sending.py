"""Signed transactions on their way to the cluster: to every endpoint at once, again and again until told to stop."""

import time
from collections.abc import Callable, Sequence
from functools import partial

from connectors.execution.endpoints import Endpoints
from connectors.execution.sending_endpoint import UNFIT, Parcel, SendingEndpoint
from connectors.feeds.outlet import Outlet
from connectors.feeds.reactor import Reactor
from connectors.wire.refusal import Refusal, refusal
from connectors.wire.submissions import (
    SendRefusal,
    Simulated,
    read_simulate_transaction,
    send_transaction,
    simulate_transaction,
)
from dlmm.records import Record


class Sender:
    """Send signed transactions over connections that stand before they are needed.

    `send` writes to the sockets before it returns. Where an endpoint has no free connection, or rests after a failure,
    the transaction goes out as soon as it has. An endpoint that fails (429, 5xx, timeouts, cuts) rests as `RpcNode`
    does; the others go on.

    Counted in the outlet: the notes `sends`, `rebroadcasts` (each once for all endpoints) and `refused_sends`, and the
    failures of endpoints as `RpcNode` names them.

    :arg urls: JSON-RPC endpoints; all are written to.

    :arg commitment: Of the bank that preflight runs on.

    :arg rebroadcast_s: Time between two writes of a transaction to each endpoint.

    :arg skip_preflight: Whether endpoints pass transactions on without a simulation. Once an endpoint took a
        transaction, it gets it without preflight from then on.

    :arg genesis_hash: Of the cluster that the endpoints must belong to; one whose answer is still due gets nothing.
        None: any.

    :arg connections: To each endpoint.

    :raises DlmmError: There is no endpoint, or the URL of one cannot be used.

    """

    def __init__(
        self,
        reactor: Reactor,
        urls: Sequence[str],
        outlet: Outlet,
        *,
        commitment: str = "confirmed",
        rebroadcast_s: float = 2.0,
        skip_preflight: bool = True,
        genesis_hash: str | None = None,
        connections: int = 4,
        timeout_s: float = 5.0,
    ) -> None:
        self._reactor = reactor
        self._outlet = outlet
        self._commitment = commitment
        self._rebroadcast_s = rebroadcast_s
        self._skip_preflight = skip_preflight
        self._simulating = Endpoints(reactor, urls, outlet, timeout_s=timeout_s, genesis_hash=genesis_hash)
        self._endpoints = [
            SendingEndpoint(
                reactor,
                url,
                outlet,
                connections=connections,
                timeout_s=timeout_s,
                genesis_hash=genesis_hash,
                on_written=self._written,
            )
            for url in urls
        ]
        self._parcels: dict[str, Parcel] = {}
        self._last_id = 0

    def start(self) -> None:
        """Connect to every endpoint, and stay connected."""
        for endpoint in self._endpoints:
            endpoint.start()

    def stop(self) -> None:
        """Forget every transaction and close every connection; no call is made from here on."""
        for signature in list(self._parcels):
            self.forget(signature)
        for endpoint in self._endpoints:
            endpoint.stop()
        self._simulating.close()

    @property
    def ready_endpoints(self) -> int:
        """How many endpoints would be written to at once."""
        return sum(endpoint.is_ready for endpoint in self._endpoints)

    def send(
        self,
        signature: str,
        wire_bytes: bytes,
        on_written: Callable[[int], None],
        on_refused: Callable[[str, SendRefusal], None],
    ) -> None:
        """Send a transaction to every endpoint, now, and anew every `rebroadcast_s` until it is forgotten.

        One that is under way already changes nothing.

        :arg on_written: Called once, in a later round, when the first socket has taken it, with the time at which it
            did, nanoseconds since 1970.

        :arg on_refused: Called with the endpoint's host and port when it refuses the transaction, once for each
            endpoint and kind of refusal. The sending goes on. That it was processed already is no refusal.

        """
        if signature in self._parcels:
            return
        self._last_id += 1
        parcel = Parcel(signature, wire_bytes, self._last_id, on_written, on_refused)
        parcel.body = self._body(parcel, skip_preflight=self._skip_preflight)
        self._parcels[signature] = parcel
        for endpoint in self._endpoints:
            endpoint.put(parcel, is_new=True)
        self._outlet.note("sends")
        parcel.timer = self._reactor.call_in(self._rebroadcast_s, partial(self._rebroadcast, parcel))

    def forget(self, signature: str) -> None:
        """Send it no more, and make no further call for it; unknown ones are ignored."""
        parcel = self._parcels.pop(signature, None)
        if parcel is None:
            return
        parcel.is_forgotten = True
        if parcel.timer is not None:
            parcel.timer.cancel()
        for endpoint in self._endpoints:
            endpoint.forget(signature)

    def simulate(self, wire_bytes: bytes, then: Callable[[Simulated | SendRefusal | Refusal], None]) -> None:
        """Run a signed transaction without sending it, at the first endpoint that is well.

        :arg then: Called once, in a later round, unless `stop` comes first: with what it would do, with why it cannot
            be run (its signatures, its size), or with why no endpoint answered.

        """

        def read(status: int, body: bytes, number: int) -> _Run | Refusal:
            answer = read_simulate_transaction(status, body, number)
            if isinstance(answer, SendRefusal) and answer.kind in UNFIT:
                return refusal(answer.kind, answer.detail, answer.code)
            return _Run(answer)

        self._simulating.ask(
            lambda number: simulate_transaction(number, wire_bytes, self._commitment, verify_signatures=True),
            read,
            lambda run: then(run.outcome if isinstance(run, _Run) else run),
        )

    def _body(self, parcel: Parcel, *, skip_preflight: bool) -> bytes:
        # Who is to rebroadcast is decided here: a node that does so too would go on after we have stopped.
        return send_transaction(
            parcel.number,
            parcel.wire_bytes,
            skip_preflight=skip_preflight,
            preflight_commitment=self._commitment,
            max_retries=0,
        )

    def _written(self, parcel: Parcel) -> None:
        if parcel.is_written:
            return
        parcel.is_written = True
        written_ns = time.time_ns()

        def tell() -> None:
            if not parcel.is_forgotten:
                parcel.on_written(written_ns)

        self._reactor.call_soon(tell)

    def _rebroadcast(self, parcel: Parcel) -> None:
        if not parcel.later_body:
            parcel.later_body = self._body(parcel, skip_preflight=True)
        self._outlet.note("rebroadcasts")
        for endpoint in self._endpoints:
            endpoint.put(parcel, is_new=False)
        parcel.timer = self._reactor.call_in(self._rebroadcast_s, partial(self._rebroadcast, parcel))


class _Run(Record, frozen=True):
    """What came of a simulation at a node that is well."""

    outcome: Simulated | SendRefusal
