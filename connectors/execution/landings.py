"""Fetching transactions that landed, as often as it takes."""

from collections.abc import Callable
from functools import partial

from connectors.execution.endpoints import Endpoints
from connectors.feeds.outlet import Outlet
from connectors.feeds.reactor import Reactor, Timer
from connectors.wire.landed import Landed, Mints, get_transaction, read_landed
from connectors.wire.refusal import Refusal
from dlmm.records import Record

FIRST_WAIT_S = 0.05
LONGEST_WAIT_S = 2.0

OF_NODES = frozenset({"rate_limited", "node_behind", "slot_behind", "rpc_error", "http_status", "unanswered"})
"""Causes that say something of the node; any other one of a single transaction says that it cannot be read."""

OnLanded = Callable[[Landed | Refusal], None]


class Landings:
    """Ask for transactions at `confirmed` at least, at one endpoint after the other, until they are known.

    :arg commitment: `confirmed` or `finalized`.

    :arg wallet: Whose changes are read.

    :arg pools: Mints of the pools whose flows are read, by address.

    """

    def __init__(
        self, reactor: Reactor, endpoints: Endpoints, outlet: Outlet, commitment: str, wallet: str, pools: Mints
    ) -> None:
        self._reactor = reactor
        self._endpoints = endpoints
        self._outlet = outlet
        self._commitment = commitment
        self._wallet = wallet
        self._pools = pools
        self._searches: dict[str, _Search] = {}
        self._turn = 0

    def fetch(self, signature: str, then: OnLanded) -> None:
        """Ask until it is known; one that is asked for already gets the new `then`."""
        self.forget(signature)
        search = self._searches[signature] = _Search(then)
        self._ask(signature, search)

    def forget(self, signature: str) -> None:
        """Ask for it no more; unknown ones are ignored."""
        search = self._searches.pop(signature, None)
        if search is not None and search.timer is not None:
            search.timer.cancel()

    def stop(self) -> None:
        """Ask for nothing more."""
        for signature in list(self._searches):
            self.forget(signature)

    def _ask(self, signature: str, search: "_Search") -> None:
        def read(status: int, body: bytes, number: int) -> _Read | Refusal:
            answer = read_landed(status, body, number, (signature,), self._wallet, self._pools)
            if isinstance(answer, Refusal):
                return answer
            one = answer[0]
            return one if isinstance(one, Refusal) and one.cause in OF_NODES else _Read(one)

        self._turn += 1
        self._endpoints.ask(
            lambda number: get_transaction(number, (signature,), self._commitment),
            read,
            partial(self._take, signature, search),
            beginning=self._turn,
        )

    def _take(self, signature: str, search: "_Search", read: "_Read | Refusal") -> None:
        if self._searches.get(signature) is not search:
            return
        found = read.landed if isinstance(read, _Read) else None
        if isinstance(found, Refusal):
            self._outlet.refuse(found.cause, f"transaction {signature}: {found.detail}")
            search.unreadable += 1
            if search.unreadable < 2 * len(self._endpoints):
                found = None
        if found is None:
            self._outlet.note("unknown_landings")
            search.timer = self._reactor.call_in(search.wait_s, partial(self._ask, signature, search))
            search.wait_s = min(2 * search.wait_s, LONGEST_WAIT_S)
            return
        self.forget(signature)
        search.then(found)


class _Search:
    """One transaction that is looked for."""

    def __init__(self, then: OnLanded) -> None:
        self.then = then
        self.wait_s = FIRST_WAIT_S
        self.unreadable = 0
        self.timer: Timer | None = None


class _Read(Record, frozen=True):
    """What a node that is well gave: the transaction, what makes it unreadable, or nothing."""

    landed: Landed | Refusal | None
