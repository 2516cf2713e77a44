"""Where a feed puts its events, and where the inbox takes them: bounded, conflating, and counting everything."""

import logging
import time
from collections import Counter, deque

from connectors.wire.events import AccountUpdate, Event, PriceUpdate, SlotUpdate, SwapVolume

LIMIT = 4096
LOG_EVERY_S = 10.0
LONGEST_DETAIL = 300

_log = logging.getLogger(__name__)


class Outlet:
    """The events of one feed that the inbox has not taken yet, and the feed's counters.

    Up to `limit` pending events all are kept, in the order of arrival. Above it, while the consumer is slow, states are
    conflated: of each account, of the slot and of each price only the newest stays. Whatever is still too much goes
    and is counted in `lost`: the oldest swap volumes first, then the oldest states, which takes more accounts than
    `limit`. Reports of the execution connector are never given up.

    The counters are plain numbers that only the reactor's thread writes and anyone may read:

    :ivar updates: Events put.

    :ivar conflated: Events that a newer state of the same thing replaced, or that came after it.

    :ivar lost: Events that went because too many were pending.

    :ivar refused: Messages refused, by cause.

    :ivar notes: What else happened, by name: `reconnects`, `resnapshots`, `resubscribes`, `pings`, `rate_limited`, ..

    :ivar connected: Whether the feed has its connection.

    :ivar last_event_ns: Receive time of the last event, nanoseconds since 1970; 0 before the first.

    """

    def __init__(self, feed: str, limit: int = LIMIT) -> None:
        self.feed = feed
        self.limit = limit
        self.updates = 0
        self.conflated = 0
        self.lost = 0
        self.refused: Counter[str] = Counter()
        self.notes: Counter[str] = Counter()
        self.connected = False
        self.last_event_ns = 0
        self._pending: list[tuple[int, Event]] = []
        self._crowd: _Crowd | None = None
        self._logged: dict[str, tuple[float, int]] = {}

    def __len__(self) -> int:
        """Count the pending events."""
        return len(self._pending) if self._crowd is None else len(self._crowd)

    def put(self, event: Event) -> None:
        """Hand an event to the inbox, stamped with the time of now."""
        recv_ns = time.time_ns()
        self.updates += 1
        self.last_event_ns = recv_ns
        if self._crowd is None:
            self._pending.append((recv_ns, event))
            if len(self._pending) <= self.limit:
                return
            self._crowd = _Crowd(self.limit)
            for pending_ns, pending in self._pending:
                self._crowd.add(pending_ns, pending)
            self._pending = []
        else:
            self._crowd.add(recv_ns, event)

    def refuse(self, cause: str, detail: str) -> None:
        """Count a message that is malformed or not ours; say so in the log, but not each time.

        :arg cause: A name of ours in snake_case, one of few: it becomes the label of a metric.

        :arg detail: What was found; foreign text is cut and escaped before it is logged.

        """
        self.refused[cause] += 1
        self._say(logging.WARNING, "refused", cause, detail, self.refused[cause])

    def note(self, what: str, detail: str = "") -> None:
        """Count something worth knowing that is no refusal; with a detail, say so in the log as well."""
        self.notes[what] += 1
        if detail:
            self._say(logging.INFO, "noted", what, detail, self.notes[what])

    def set_connected(self, connected: bool) -> None:
        """Say whether the feed has its connection."""
        self.connected = connected

    def drain(self) -> list[tuple[int, Event]]:
        """Take all pending events, each with its receive time, in the order of arrival."""
        if self._crowd is not None:
            drained = self._crowd.in_order()
            self.conflated += self._crowd.conflated
            self.lost += self._crowd.lost
            self._crowd = None
            return drained
        drained, self._pending = self._pending, []
        return drained

    def _say(self, level: int, kind: str, name: str, detail: str, count: int) -> None:
        now = time.monotonic()
        said = self._logged.get(f"{kind}.{name}")
        if said is not None and now - said[0] < LOG_EVERY_S:
            return
        since = count - (said[1] if said is not None else 0)
        self._logged[f"{kind}.{name}"] = (now, count)
        text = detail[:LONGEST_DETAIL]
        text = text if text.isprintable() else ascii(text)[1:-1]
        times = f" ({since} times)" if since > 1 else ""
        _log.log(level, "%s: %s%s: %s", self.feed, name, times, text, extra={"feed": self.feed, kind: name})


class _Crowd:
    """Pending events above the limit: the newest of each state, and the latest of what cannot be conflated."""

    def __init__(self, limit: int) -> None:
        self.conflated = 0
        self.lost = 0
        self._limit = limit
        self._number = 0
        self._states: dict[str, tuple[int, int, Event]] = {}
        self._others: deque[tuple[int, int, Event]] = deque()
        self._reports: list[tuple[int, int, Event]] = []

    def __len__(self) -> int:
        return len(self._states) + len(self._others) + len(self._reports)

    def add(self, recv_ns: int, event: Event) -> None:
        self._number += 1
        entry = (self._number, recv_ns, event)
        match event:
            case AccountUpdate(address=address):
                self._keep_newest(address, entry)
            case SlotUpdate():
                self._keep_newest("", entry)
            case PriceUpdate(pool=pool):
                self._keep_newest(f"price of {pool}", entry)
            case SwapVolume():
                self._others.append(entry)
            case _:
                self._reports.append(entry)
        if len(self) > self._limit:
            self._lose_oldest()

    def _keep_newest(self, key: str, entry: tuple[int, int, Event]) -> None:
        before = self._states.get(key)
        if before is not None:
            self.conflated += 1
            if _place(entry[2]) < _place(before[2]):
                return
            del self._states[key]  # so that the new entry goes to the end, where it belongs
        self._states[key] = entry

    def _lose_oldest(self) -> None:
        if self._others:
            self._others.popleft()
        elif self._states:
            del self._states[next(iter(self._states))]
        else:
            return  # reports are never given up: each is a change of the books
        self.lost += 1

    def in_order(self) -> list[tuple[int, Event]]:
        kept = sorted([*self._states.values(), *self._others, *self._reports], key=lambda entry: entry[0])
        return [(recv_ns, event) for _, recv_ns, event in kept]


def _place(event: Event) -> tuple[int, bool]:
    if isinstance(event, AccountUpdate):
        return event.place
    return (event.slot if isinstance(event, SlotUpdate) else 0), False
