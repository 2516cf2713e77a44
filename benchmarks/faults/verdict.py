"""Whether what a recording says of an account was true, and how long it was not the newest."""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence

from dlmm.records import Account, Record


class State(Record, frozen=True):
    """A state that an account had.

    :arg slot: The first with it.

    :arg is_dead: Whether a fork undid it.

    """

    slot: int
    account: Account
    is_dead: bool = False


class Passed(Record, frozen=True):
    """A state that the inbox passed on.

    :arg slot: As of which it was told.

    :arg at_ns: When it was handed on, nanoseconds since 1970.

    """

    slot: int
    account: Account
    at_ns: int


class SlotTimes:
    """When slots were first seen to be reached, at one commitment."""

    def __init__(self) -> None:
        self._slots: list[int] = []
        self._times_ns: list[int] = []

    def reached(self, slot: int, at_ns: int) -> None:
        """Take the newest slot as of a time; one that is not the newest says nothing."""
        if not self._slots or slot > self._slots[-1]:
            self._slots.append(slot)
            self._times_ns.append(at_ns)

    def of(self, slot: int) -> int | None:
        """Return when a slot was reached, nanoseconds since 1970; `None` if it was not yet."""
        index = bisect_left(self._slots, slot)
        return self._times_ns[index] if index < len(self._slots) else None

    @property
    def newest(self) -> int:
        """The newest slot, 0 before the first."""
        return self._slots[-1] if self._slots else 0


class Verdict(Record, frozen=True):
    """What is to be said of one account.

    :arg wrong: States passed on that should not have been, by what is wrong with them: `unknown` (no state of the
        account, ever), `abandoned` (undone by a fork, where such are never told), `abandoned_late` (passed on when it
        could be known to be undone), `older` (after a newer one of the chain), `slot_back` (a slot before one told
        earlier), `slot_early` (as of a slot that did not have it yet), `slot_late` (as of a slot that had a newer one).

    :arg passed: States passed on.

    :arg staleness_s: Longest time from the appearance of a state until it, or a newer one, was passed on; and from
        passing on a state that was undone until passing on one that was not.

    :arg on_dead_s: Longest time of the second kind alone.

    """

    wrong: Mapping[str, int]
    passed: int
    staleness_s: float
    on_dead_s: float


def judge(
    states: Sequence[State], passed: Sequence[Passed], times: SlotTimes, end_ns: int, commitment: str, late_s: float
) -> Verdict:
    """Hold what was passed on of an account against what was true.

    :arg states: All that it had until now, by slot.

    :arg passed: In the order of passing.

    :arg times: At the commitment that was followed.

    :arg end_ns: Until when a state that was not passed on counts as late.

    :arg late_s: How long after the next slot a message of an abandoned one may still be on its way.

    """
    living = [state for state in states if not state.is_dead]
    court = _Court(living, [state for state in states if state.is_dead], times, commitment, late_s)
    for one in passed:
        court.hear(one)
    return Verdict(
        wrong=dict(court.wrong),
        passed=len(passed),
        staleness_s=max(_staleness_ns(living, passed, court.places, times, end_ns), court.on_dead_ns(end_ns)) * 1e-9,
        on_dead_s=court.on_dead_ns(end_ns) * 1e-9,
    )


class _Court:
    """Finds for each state passed on its place in the account's history."""

    def __init__(
        self, living: Sequence[State], dead: Sequence[State], times: SlotTimes, commitment: str, late_s: float
    ) -> None:
        self.wrong: Counter[str] = Counter()
        self.places: list[int] = []
        """Of each state passed on its index among the living ones, -1 for others."""
        self._dead = dead
        self._living = living
        self._times = times
        self._late_ns = int(late_s * 1e9)
        self._is_processed = commitment == "processed"
        self._by_account: dict[Account, list[int]] = {}
        for index, state in enumerate(living):
            self._by_account.setdefault(state.account, []).append(index)
        self._newest = 0
        self._last_slot = 0
        self._dead_since_ns = 0
        self._dead_account: Account | None = None
        self._dead_slot = 0
        self._longest_dead_ns = 0

    def hear(self, passed: Passed) -> None:
        if passed.slot < self._last_slot:
            self.wrong["slot_back"] += 1
        self._last_slot = max(self._last_slot, passed.slot)
        places = self._by_account.get(passed.account, [])
        # At `processed` a node tells of a block in the making, and the feed tells it as of the slot before.
        had = [place for place in places if self._living[place].slot <= passed.slot + self._is_processed]
        dead = [state for state in self._dead if state.account == passed.account and state.slot <= passed.slot]
        if dead and not [place for place in had if self._living[place].slot >= dead[-1].slot]:
            self.places.append(-1)
            self._hear_dead(dead[-1], passed)
            return
        self._end_dead(passed.at_ns)
        if not had:
            self.places.append(-1)
            self.wrong["slot_early" if places else "unknown"] += 1
            return
        place = had[-1]  # the same bytes may come again, as when a node begins anew: the latest by then is meant
        self.places.append(place)
        if place < self._newest:
            self.wrong["older"] += 1
        elif place + 1 < len(self._living) and self._living[place + 1].slot <= passed.slot:
            self.wrong["slot_late"] += 1
        self._newest = max(self._newest, place)

    def _hear_dead(self, dead: State, passed: Passed) -> None:
        self._dead_since_ns = self._dead_since_ns or passed.at_ns
        self._dead_account, self._dead_slot = dead.account, dead.slot
        known_ns = self._times.of(dead.slot + 1)
        if not self._is_processed:
            self.wrong["abandoned"] += 1
        elif known_ns is not None and passed.at_ns > known_ns + self._late_ns:
            self.wrong["abandoned_late"] += 1
        elif self._living[self._newest].slot > dead.slot:
            self.wrong["older"] += 1

    def _end_dead(self, at_ns: int) -> None:
        """Take it that the inbox is back in the chain, or that the chain came to the state it stood on."""
        if self._dead_since_ns and self._dead_account is not None:
            places = self._by_account.get(self._dead_account, [])
            again = [self._times.of(self._living[p].slot) for p in places if self._living[p].slot > self._dead_slot]
            end_ns = min([at_ns, *(time_ns for time_ns in again if time_ns is not None)])
            self._longest_dead_ns = max(self._longest_dead_ns, end_ns - self._dead_since_ns)
            self._dead_since_ns = 0

    def on_dead_ns(self, end_ns: int) -> int:
        """Return the longest time on a state that a fork undid."""
        self._end_dead(end_ns)
        return self._longest_dead_ns


def _staleness_ns(
    living: Sequence[State], passed: Sequence[Passed], places: Sequence[int], times: SlotTimes, end_ns: int
) -> int:
    longest_ns = 0
    handed_ns = [one.at_ns for one in passed]
    for index, state in enumerate(living):
        reached_ns = times.of(state.slot)
        before = bisect_right(handed_ns, reached_ns) if reached_ns is not None else 0
        if reached_ns is None or not before or reached_ns >= end_ns or passed[before - 1].account == state.account:
            continue  # never reached, or not while anybody watched, or known already
        told_ns = [handed_ns[i] for i in range(len(passed)) if places[i] >= index]
        longest_ns = max(longest_ns, (told_ns[0] if told_ns else end_ns) - reached_ns)
    return longest_ns
