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

MOST_QUESTIONS = 2
"""On their way at a time; others have need of the connections too."""

MOST_TOGETHER = 16
"""Transactions in one question: where answers are slow, what lands meanwhile is asked for at once."""

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
        self._due: dict[str, _Search] = {}
        self._questions = self._turn = 0

    def fetch(self, signature: str, then: OnLanded) -> None:
        """Ask until it is known; one that is asked for already gets the new `then`."""
        self.forget(signature)
        search = self._searches[signature] = _Search(then)
        self._put(signature, search)

    def forget(self, signature: str) -> None:
        """Ask for it no more; unknown ones are ignored."""
        search = self._searches.pop(signature, None)
        self._due.pop(signature, None)
        if search is not None and search.timer is not None:
            search.timer.cancel()

    def stop(self) -> None:
        """Ask for nothing more."""
        for signature in list(self._searches):
            self.forget(signature)

    def _put(self, signature: str, search: "_Search") -> None:
        """Ask for a transaction as soon as a question is free."""
        self._due[signature] = search
        self._pump()

    def _pump(self) -> None:
        while self._due and self._questions < MOST_QUESTIONS:
            together = dict(list(self._due.items())[:MOST_TOGETHER])
            for signature in together:
                del self._due[signature]
            self._ask(together)

    def _ask(self, together: "dict[str, _Search]") -> None:
        signatures = tuple(together)

        def read(status: int, body: bytes, number: int) -> list[_Read] | Refusal:
            answer = read_landed(status, body, number, signatures, self._wallet, self._pools)
            if isinstance(answer, Refusal):
                return answer
            troubles = [one for one in answer if isinstance(one, Refusal) and one.cause in OF_NODES]
            if len(troubles) == len(answer):
                return troubles[0]
            return [_Read(None if one in troubles else one) for one in answer]

        self._turn += 1
        self._questions += 1
        self._endpoints.ask(
            lambda number: get_transaction(number, signatures, self._commitment),
            read,
            partial(self._take, together),
            ids=len(signatures),
            beginning=self._turn,
        )

    def _take(self, together: "dict[str, _Search]", answer: "list[_Read] | Refusal") -> None:
        self._questions -= 1
        read = [_Read(None)] * len(together) if isinstance(answer, Refusal) else answer
        for (signature, search), one in zip(together.items(), read, strict=True):
            if self._searches.get(signature) is search:
                self._take_one(signature, search, one.landed)
        self._pump()

    def _take_one(self, signature: str, search: "_Search", found: Landed | Refusal | None) -> None:
        if isinstance(found, Refusal):
            self._outlet.refuse(found.cause, f"transaction {signature}: {found.detail}")
            search.unreadable += 1
            if search.unreadable < 2 * len(self._endpoints):
                found = None
        if found is None:
            self._outlet.note("unknown_landings")
            search.timer = self._reactor.call_in(search.wait_s, partial(self._put, signature, search))
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
    """What a node that is well gave of one: the transaction, what makes it unreadable, or nothing."""

    landed: Landed | Refusal | None
