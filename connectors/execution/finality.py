"""Watching what landed until nothing can take it back."""

from collections.abc import Callable, Sequence
from functools import partial

from connectors.execution.endpoints import Endpoints
from connectors.execution.outcomes import Reversal, Turned, Undone
from connectors.feeds.outlet import Outlet
from connectors.feeds.reactor import Reactor, Timer
from connectors.wire.refusal import Refusal
from connectors.wire.statuses import (
    MOST_SIGNATURES,
    Status,
    Statuses,
    get_signature_statuses,
    read_signature_statuses,
)
from dlmm.records import Record

RANKS = {"processed": 0, "confirmed": 1, "finalized": 2}
LOOKS = 2
"""How many looks at all endpoints have to agree that a landing is gone."""


class Watched(Record, frozen=True):
    """A landing, and whom to tell what becomes of it."""

    slot: int
    is_failed: bool
    on_undone: Callable[[Reversal], None]
    on_final: Callable[[], None]


class FinalityWatch:
    """Ask for the statuses of landings, one endpoint after the other, and all of them where one is in doubt.

    :arg commitment: A status below it says nothing.

    :arg interval_s: Time between two questions.

    """

    def __init__(
        self, reactor: Reactor, endpoints: Endpoints, outlet: Outlet, *, commitment: str, interval_s: float
    ) -> None:
        self._reactor = reactor
        self._endpoints = endpoints
        self._outlet = outlet
        self._rank = RANKS[commitment]
        self._interval_s = interval_s
        self._watched: dict[str, Watched] = {}
        self._missed: dict[str, int] = {}
        self._timer: Timer | None = None
        self._turn = 0

    def __len__(self) -> int:
        """Count the landings that are watched."""
        return len(self._watched)

    def watch(self, signature: str, watched: Watched) -> None:
        """Watch a landing; one that is watched already is watched as the new one from now on."""
        self._watched[signature] = watched
        self._missed.pop(signature, None)
        if self._timer is None:
            self._timer = self._reactor.call_in(self._interval_s, self._ask)

    def forget(self, signature: str) -> None:
        """Watch it no more; unknown ones are ignored."""
        self._watched.pop(signature, None)
        self._missed.pop(signature, None)

    def stop(self) -> None:
        """Watch nothing more."""
        self._watched.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _ask(self) -> None:
        self._turn += 1
        # The oldest are the ones that can become final now; what is beyond one question waits for them.
        signatures = tuple(self._watched)[:MOST_SIGNATURES]
        if not signatures:
            self._timer = None
            return
        self._timer = self._reactor.call_in(self._interval_s, self._ask)
        self._endpoints.ask(
            lambda number: get_signature_statuses(number, signatures),
            lambda status, body, number: read_signature_statuses(status, body, number, len(signatures)),
            partial(self._take, signatures),
            tries=len(self._endpoints),
            beginning=self._turn,
        )

    def _take(self, signatures: Sequence[str], answer: Statuses | Refusal) -> None:
        if isinstance(answer, Refusal):
            return
        doubtful = []
        for signature, status in zip(signatures, answer.statuses, strict=True):
            watched = self._watched.get(signature)
            if watched is None:
                continue
            if status is None or not _is_same(status, watched):
                doubtful.append(signature)
            else:
                self._stands(signature, watched, status)
        if doubtful:
            self._look(tuple(doubtful))

    def _look(self, signatures: tuple[str, ...]) -> None:
        """Ask every endpoint, and as far back as it remembers."""
        self._endpoints.ask_each(
            lambda number: get_signature_statuses(number, signatures, search_history=True),
            lambda status, body, number: read_signature_statuses(status, body, number, len(signatures)),
            partial(self._judge, signatures),
        )

    def _judge(self, signatures: Sequence[str], answers: Sequence[Statuses | Refusal]) -> None:
        told = [answer for answer in answers if isinstance(answer, Statuses)]
        for place, signature in enumerate(signatures):
            watched = self._watched.get(signature)
            if watched is None:
                continue
            best = _best([(answer.slot, answer.statuses[place]) for answer in told])
            if best is None:
                self._miss(signature, watched, told)
            elif RANKS[best.commitment] < self._rank:
                self._missed.pop(signature, None)  # a fork is being decided: it tells by itself how
            elif _is_same(best, watched):
                self._stands(signature, watched, best)
            else:
                self._outlet.note("turned_landings", f"{signature} from slot {watched.slot} to {best.slot}")
                self.forget(signature)
                watched.on_undone(Turned(best.slot, best.error_json))

    def _miss(self, signature: str, watched: Watched, told: Sequence[Statuses]) -> None:
        if not any(answer.slot >= watched.slot for answer in told):
            return  # nobody who could know has answered
        self._missed[signature] = self._missed.get(signature, 0) + 1
        if self._missed[signature] >= LOOKS:
            self._outlet.note("undone_landings", f"{signature} of slot {watched.slot}")
            self.forget(signature)
            watched.on_undone(Undone())

    def _stands(self, signature: str, watched: Watched, status: Status) -> None:
        self._missed.pop(signature, None)
        if status.commitment == "finalized":
            self.forget(signature)
            watched.on_final()


def _is_same(status: Status, watched: Watched) -> bool:
    return status.slot == watched.slot and (status.error_json is not None) == watched.is_failed


def _best(told: Sequence[tuple[int, Status | None]]) -> Status | None:
    """Choose among what endpoints say: the status of the highest commitment, of equals that of the newest bank."""
    known = [(RANKS[status.commitment], slot, status) for slot, status in told if status is not None]
    return max(known, key=lambda one: one[:2])[2] if known else None
