"""One run of `benchmarks.faults`: all feeds on one sandbox, a fault for a while, and what came of it."""

import gc
import os
import tempfile
import threading
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from benchmarks.faults.cases import Case, Outage
from benchmarks.faults.node import Node
from benchmarks.faults.verdict import Passed, judge
from connectors.inboxes.live import JournalTerms
from connectors.recordings.inspection import Inspector
from connectors.recordings.recording import Recording
from dlmm.errors import DlmmError
from dlmm.records import Account, Record
from flows.feeds import make_feeds
from flows.live import Run, live_source
from flows.market import load_market
from flows.settings.load import load_settings
from operators.blocks import ROW

SETTLED_WITHIN_S = 30.0
DOWN_S = 6.0
"""A node that is killed or frozen stays so for this long, and up for as long in between."""
SEGMENT_S = 3_600.0
WINDOW_ROWS = 10_000


class Terms(Record, frozen=True):
    """What all runs have in common.

    :arg seconds: How long the fault lasts.

    :arg before_s: How long the feeds have before it, to settle.

    :arg after_s: How long they have afterwards until the chain stands still.

    """

    seconds: float = 60.0
    slot_ms: int = 400
    commitment: str = "confirmed"
    before_s: float = 3.0
    after_s: float = 5.0


class Outcome(Record, frozen=True):
    """What came of a run.

    :arg notes: What the feeds counted from the fault's beginning on, by name.

    :arg refused: Messages that feeds refused, by cause.

    :arg dropped: Events that the inbox made no row of, by cause.

    :arg hits: How often the sandbox's faults hit.

    :arg accounts: Verdicts by address.

    :arg is_true_at_end: Whether the newest state of each account that was followed at the end is the true one.

    :arg load: Of the machine, mean of the last minute.

    """

    case: Case
    commitment: str
    notes: Mapping[str, int]
    refused: Mapping[str, int]
    dropped: Mapping[str, int]
    hits: Mapping[str, int]
    wrong: Mapping[str, int]
    states: int
    staleness_s: float
    on_dead_s: float
    is_true_at_end: bool
    load: float


class _Follower:
    """The real inbox with the real feeds, turned by hand."""

    def __init__(self, node: Node, commitment: str, folder: Path) -> None:
        settings = load_settings({"HFT__NETWORK__COMMITMENT": commitment})
        market = node.market
        self._run = Run()
        pools = load_market(market, settings, self._run.stop)
        Inspector(tuple(pool.info for pool in pools)).check(np.zeros(0, ROW))
        journal = JournalTerms(folder, market.source, SEGMENT_S)
        everything = frozenset(range(len(pools)))
        source = live_source(settings, pools, lambda: make_feeds(settings, market), self._run, journal, everything)
        self._inbox = source.build_part("inbox", "inbox", None)
        self._handed_seq: list[int] = []
        self._handed_ns: list[int] = []
        self._held: dict[str, Account] = {}
        self.loaded = tuple(address for pool in pools for address in pool.accounts)
        self.pools = tuple(pool.info.pool for pool in pools)

    def turn(self, seconds: float, until: Callable[[], bool] = lambda: False) -> None:
        """Let the inbox turn for a while.

        :raises DlmmError: It ended by itself.

        """
        end_s = time.monotonic() + seconds
        while time.monotonic() < end_s and not until():
            for _, block in self._inbox.next_batch():
                if block.failure:
                    raise DlmmError(block.failure)
                if len(block.rows):
                    self._handed_seq.append(int(block.rows["seq"].max()))
                    self._handed_ns.append(time.time_ns())
                for write in block.writes:
                    self._held[write.address] = Account(write.owner, write.data)

    def holds(self, accounts: Mapping[str, Account]) -> bool:
        """Whether the newest states that were handed on are these."""
        return all(self._held.get(address) == account for address, account in accounts.items())

    @property
    def wanted(self) -> list[str]:
        """The accounts that are followed now."""
        intake = self._run.telemetry.intake
        assert intake is not None
        return [address for addresses in intake.wanted.values() for address in addresses]

    def counts(self) -> dict[str, Counter[str]]:
        """Return notes, refusals and drops of all feeds together."""
        intake = self._run.telemetry.intake
        assert intake is not None
        found = {"notes": Counter[str](), "refused": Counter[str](), "dropped": Counter[str]()}
        for outlet in self._run.telemetry.outlets:
            found["notes"].update(outlet.notes)
            found["notes"].update({"conflated": outlet.conflated, "lost": outlet.lost})
            found["refused"].update(outlet.refused)
        for (_, cause), count in intake.dropped.items():
            found["dropped"][cause] += count
        return found

    def close(self) -> None:
        """End the inbox, and undo what it did to the collector of garbage."""
        self._inbox.close()
        gc.enable()
        gc.unfreeze()
        gc.collect()

    def passed(self, folder: Path) -> dict[str, list[Passed]]:
        """Read the recording: every state passed on, by account."""
        recording = Recording.open(folder)
        handed_seq = np.maximum.accumulate(np.array(self._handed_seq))
        found: dict[str, list[Passed]] = {}
        for start in range(0, len(recording), WINDOW_ROWS):
            rows = recording.rows(start, WINDOW_ROWS)
            slots = dict(zip(rows["seq"].tolist(), rows["slot"].tolist(), strict=True))
            for write in recording.writes(start, WINDOW_ROWS):
                index = min(bisect_left(handed_seq, write.seq), len(self._handed_ns) - 1)
                one = Passed(slots[write.seq], Account(write.owner, write.data), self._handed_ns[index])
                found.setdefault(write.address, []).append(one)
        return found


def run(case: Case, terms: Terms, folder: Path | None = None) -> Outcome:
    """Start a sandbox, follow it, and switch the fault on and off.

    :arg folder: Keeps the recording; none is kept where it is `None`.

    :raises DlmmError: The sandbox does not start, or the inbox ended.

    """
    with tempfile.TemporaryDirectory() as temporary:
        node = Node(terms.slot_ms)
        try:
            return _run(case, terms, node, Path(temporary) / "recording" if folder is None else folder)
        finally:
            node.close()


def _run(case: Case, terms: Terms, node: Node, folder: Path) -> Outcome:
    commitment = case.commitment or terms.commitment
    follower = _Follower(node, commitment, folder)
    try:
        node.collect(follower.loaded)  # from here on nothing of them is forgotten
        follower.turn(terms.before_s)
        before = follower.counts()
        hits = _suffer(case, terms, node, follower)
        follower.turn(terms.after_s)
        is_settled = _settle(node, follower, commitment)
        end_ns, after = time.time_ns(), follower.counts()
    finally:
        follower.close()
    passed = follower.passed(folder)
    node.collect(passed)
    times, late_s = node.times[commitment], case.late_s + terms.slot_ms / 1000.0
    verdicts = {
        address: judge(node.states(address), told, times, end_ns, commitment, late_s)
        for address, told in passed.items()
    }
    counted = {name: after[name] - before[name] for name in after}
    return Outcome(
        case=case,
        commitment=commitment,
        **{name: dict(counted[name]) for name in counted},
        hits=hits,
        wrong=dict(sum((Counter(verdict.wrong) for verdict in verdicts.values()), Counter())),
        states=sum(verdict.passed for verdict in verdicts.values()),
        staleness_s=max((verdicts[pool].staleness_s for pool in follower.pools), default=0.0),
        on_dead_s=max((verdict.on_dead_s for verdict in verdicts.values()), default=0.0),
        is_true_at_end=is_settled,
        load=os.getloadavg()[0],
    )


def _suffer(case: Case, terms: Terms, node: Node, follower: _Follower) -> dict[str, int]:
    """Let the fault last; return how often it hit."""
    if case.outage is Outage.NONE:
        node.call("setFaults", case.spec)
        follower.turn(terms.seconds)
        hits = dict(node.call("getFaults")["hits"])
        node.call("setFaults", "")
        return hits
    times = 0
    end_s = time.monotonic() + terms.seconds
    while time.monotonic() < end_s:
        _aside(follower, lambda: node.kill(follower.wanted) if case.outage is Outage.KILLED else node.freeze())
        follower.turn(min(DOWN_S, terms.seconds / 2))
        _aside(follower, node.come_back if case.outage is Outage.KILLED else node.thaw)
        follower.turn(min(DOWN_S, terms.seconds / 2))
        times += 1
    return {str(case.outage): times}


def _aside(follower: _Follower, work: Callable[[], None]) -> None:
    """Do something that takes a while, and let the inbox turn meanwhile."""
    thread = threading.Thread(target=work)
    thread.start()
    follower.turn(SETTLED_WITHIN_S, lambda: not thread.is_alive())
    thread.join()


def _settle(node: Node, follower: _Follower, commitment: str) -> bool:
    """Let the chain stand still; return whether the inbox comes to hold the true state of all that it follows."""
    node.pause()
    truth: dict[str, Account] = {}
    for address in follower.wanted:
        account = node.account_at(address, node.times[commitment].newest)
        if account.data:
            truth[address] = account
    follower.turn(SETTLED_WITHIN_S, lambda: follower.holds(truth))
    return follower.holds(truth)
