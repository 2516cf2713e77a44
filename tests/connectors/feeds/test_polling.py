"""The polling feed against scripted endpoints: changes only, slots that never go back, and failover."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from connectors.feeds.outlet import Outlet
from connectors.feeds.polling import PollingFeed
from connectors.feeds.reactor import Reactor
from connectors.wire.accounts import NOBODY
from connectors.wire.events import AccountUpdate, SlotUpdate
from dlmm.errors import DlmmError
from tests.connectors.feeds.nodes import Ledger, Reply, RpcPeer, address, ok, states
from tests.connectors.feeds.peers import run_until
from tests.connectors.wire.frames import POOL, failure, zstd

QUICK_S = 0.005
PAIR, BINS = address(0), address(1)
FOLLOWED = {PAIR: (PAIR, BINS)}


class Polled:
    """A feed over some scripted endpoints, and what it told."""

    def __init__(self, reactor: Reactor, peers: int = 1, **options: Any) -> None:
        self.reactor = reactor
        self.ledger = Ledger()
        self.ledger.accounts = {PAIR: b"pair", BINS: b"bins"}
        self.peers = [RpcPeer(reactor, self.ledger.answer) for _ in range(peers)]
        self.outlet = Outlet("polling")
        self.feed = PollingFeed("polling", [p.url for p in self.peers], interval_s=QUICK_S, **options)
        self.feed.follow(FOLLOWED)
        self.feed.start(reactor, self.outlet)

    def rounds(self, count: int = 3) -> list[tuple[int, object]]:
        """Turn until so many more questions were asked; return the events since the last call."""
        before = self.calls
        run_until(self.reactor, lambda: self.calls >= before + count)
        return self.events_so_far()

    def events_so_far(self) -> list[tuple[int, object]]:
        return list(self.outlet.drain())

    @property
    def calls(self) -> int:
        return sum(len(peer.calls) for peer in self.peers)

    def until_noted(self, what: str) -> None:
        run_until(self.reactor, lambda: self.outlet.notes[what] > 0)

    def until_refused(self, cause: str) -> None:
        run_until(self.reactor, lambda: self.outlet.refused[cause] > 0)

    def close(self) -> None:
        self.feed.stop()
        for peer in self.peers:
            peer.close()


@pytest.fixture
def polled(reactor: Reactor) -> Iterator[Polled]:
    polled = Polled(reactor)
    yield polled
    polled.close()


@pytest.fixture
def doubled(reactor: Reactor) -> Iterator[Polled]:
    polled = Polled(reactor, 2)
    yield polled
    polled.close()


def test_the_first_answer_tells_all_and_the_same_again_tells_nothing(polled: Polled) -> None:
    events = [event for _, event in polled.rounds(4)]
    assert isinstance(events[0], SlotUpdate)
    assert events[0] == SlotUpdate(100)
    assert states([(0, e) for e in events]) == [(PAIR, 100, zstd(b"pair")), (BINS, 100, zstd(b"bins"))]
    assert len(events) == 3
    assert polled.outlet.connected


def test_only_the_account_that_changed_is_told(polled: Polled) -> None:
    polled.rounds()
    polled.ledger.slot, polled.ledger.accounts[BINS] = 101, b"other bins"
    events = polled.rounds()
    assert [event for _, event in events if isinstance(event, SlotUpdate)] == [SlotUpdate(101)]
    assert states(events) == [(BINS, 101, zstd(b"other bins"))]


def test_an_account_that_is_gone_is_told(polled: Polled) -> None:
    polled.rounds()
    polled.ledger.slot = 101
    del polled.ledger.accounts[BINS]
    gone = [event for _, event in polled.rounds() if isinstance(event, AccountUpdate)]
    assert gone == [AccountUpdate(101, BINS, NOBODY, "", "base64")]


def test_states_are_told_again_after_four_slots(polled: Polled) -> None:
    polled.rounds()
    polled.ledger.slot = 103
    assert states(polled.rounds()) == []
    polled.ledger.slot = 104
    assert states(polled.rounds()) == [(PAIR, 104, zstd(b"pair")), (BINS, 104, zstd(b"bins"))]


def test_at_processed_a_state_is_told_as_of_the_slot_before(reactor: Reactor) -> None:
    polled = Polled(reactor, commitment="processed")
    events = polled.rounds()
    assert events[0][1] == SlotUpdate(100)
    assert {slot for _, slot, _ in states(events)} == {99}
    assert all(event.is_later for _, event in events if isinstance(event, AccountUpdate))
    assert polled.peers[0].calls[0]["params"][1]["commitment"] == "processed"
    polled.close()


def test_at_processed_states_are_told_again_in_every_slot(reactor: Reactor) -> None:
    polled = Polled(reactor, commitment="processed")
    polled.rounds()
    polled.rounds()
    assert states(polled.rounds()) == []
    polled.ledger.slot = 101
    assert states(polled.rounds()) == [(PAIR, 100, zstd(b"pair")), (BINS, 100, zstd(b"bins"))]
    polled.close()


def test_each_question_asks_for_the_newest_slot_at_least(polled: Polled) -> None:
    polled.rounds()
    polled.ledger.slot = 105
    polled.rounds()
    options = [call["params"][1] for call in polled.peers[0].calls]
    assert "minContextSlot" not in options[0]
    assert options[1]["minContextSlot"] == 100
    assert options[-1]["minContextSlot"] == 105


def test_accounts_are_asked_for_a_hundred_at_a_time(polled: Polled) -> None:
    wanted = tuple(address(i) for i in range(250))
    polled.feed.follow({PAIR: wanted})
    told = {key for key, _, _ in states(polled.rounds(8))}
    assert {len(call["params"][0]) for call in polled.peers[0].calls} <= {2, 100, 50}
    assert told == set(wanted)


def test_what_is_followed_can_change(polled: Polled) -> None:
    polled.rounds()
    polled.ledger.accounts[POOL] = b"pool"
    polled.feed.follow({POOL: (POOL, BINS)})
    events = polled.rounds()
    assert states(events) == [(POOL, 100, zstd(b"pool"))]
    assert polled.peers[0].calls[-1]["params"][0] == [POOL, BINS]


def test_an_older_slot_is_refused_and_the_next_endpoint_asked(doubled: Polled) -> None:
    behind = Ledger(90)
    behind.accounts = {PAIR: b"old pair", BINS: b"old bins"}
    doubled.rounds()
    doubled.peers[0].script = behind.answer
    doubled.ledger.slot = 101
    doubled.until_refused("stale_answer")
    run_until(doubled.reactor, lambda: len(doubled.peers[1].calls) > 3)
    events = doubled.events_so_far()
    assert not {data for _, _, data in states(events)} & {zstd(b"old pair"), zstd(b"old bins")}
    assert [event.slot for _, event in events if isinstance(event, SlotUpdate)] == [101]
    assert doubled.outlet.notes["failovers"] >= 1


@pytest.mark.parametrize(
    ("reply", "count"),
    [
        ((429, {"Retry-After": "60"}, b"{}"), "rate_limited"),
        ((503, {}, b"<html></html>"), "http_errors"),
        (ok(failure(1, -32005, "Node is behind by 160 slots")), "nodes_behind"),
        (ok(failure(1, -32016, "Minimum context slot has not been reached")), "slots_behind"),
        (ok(b"{"), "not_json"),
        (ok(b'{"jsonrpc":"2.0","id":1,"result":{"context":{"slot":7},"value":[]}}'), "answer_count"),
    ],
)
def test_an_endpoint_that_is_not_well_is_left_for_the_next(doubled: Polled, reply: Reply, count: str) -> None:
    def unwell(call: Any) -> Reply:
        status, headers, body = reply
        return status, headers, body.replace(b'"id":1', b'"id":%d' % call["id"])

    doubled.rounds()
    doubled.peers[0].script = unwell
    doubled.ledger.slot, doubled.ledger.accounts[PAIR] = 101, b"new pair"
    run_until(doubled.reactor, lambda: (doubled.outlet.notes + doubled.outlet.refused)[count] > 0)
    run_until(doubled.reactor, lambda: len(doubled.peers[1].calls) > 2)
    assert states(doubled.events_so_far()) == [(PAIR, 101, zstd(b"new pair"))]


def test_an_endpoint_that_is_well_again_is_preferred_again(doubled: Polled) -> None:
    doubled.peers[0].script = lambda call: (503, {}, b"")
    run_until(doubled.reactor, lambda: len(doubled.peers[1].calls) > 2)
    doubled.peers[0].script = doubled.ledger.answer
    before = len(doubled.peers[0].calls)
    run_until(doubled.reactor, lambda: len(doubled.peers[0].calls) > before + 3)
    # It is asked for its slot first, and for accounts once that was fine.
    methods = [call["method"] for call in doubled.peers[0].calls[before:]]
    assert methods == ["getSlot"] + ["getMultipleAccounts"] * (len(methods) - 1)


def test_an_endpoint_that_hangs_costs_one_timeout_and_is_probed_beside(reactor: Reactor) -> None:
    polled = Polled(reactor, 2, timeout_s=0.1)
    polled.peers[0].script = lambda call: None
    polled.until_noted("timeouts")
    run_until(reactor, lambda: polled.outlet.notes["timeouts"] >= 3)
    assert [call["method"] for call in polled.peers[0].calls][:1] == ["getMultipleAccounts"]
    assert {call["method"] for call in polled.peers[0].calls[1:]} == {"getSlot"}
    assert len(polled.peers[1].calls) > 3 * len(polled.peers[0].calls)  # rounds went on meanwhile
    polled.close()


def test_a_probe_that_tells_an_older_slot_leaves_the_endpoint_aside(doubled: Polled) -> None:
    doubled.peers[0].script = lambda call: (503, {}, b"")
    run_until(doubled.reactor, lambda: len(doubled.peers[1].calls) > 2)
    doubled.peers[0].script = Ledger(50).answer
    doubled.until_refused("stale_answer")
    methods = {call["method"] for call in doubled.peers[0].calls[1:]}
    assert methods == {"getSlot"}


def test_without_any_endpoint_the_feed_says_so_and_comes_back(polled: Polled) -> None:
    polled.rounds()
    polled.peers[0].script = lambda call: (503, {}, b"")
    run_until(polled.reactor, lambda: not polled.outlet.connected)
    polled.peers[0].script = polled.ledger.answer
    polled.ledger.slot = 102
    run_until(polled.reactor, lambda: polled.outlet.connected)
    assert SlotUpdate(102) in [event for _, event in polled.events_so_far()]


def test_a_slot_that_leaps_is_not_believed_until_it_is_told_again(polled: Polled) -> None:
    polled.rounds()
    honest, liar = polled.ledger, Ledger(1 << 60)
    liar.accounts = dict(honest.accounts)
    scripts = [liar.answer]
    polled.peers[0].script = lambda call: scripts.pop()(call) if scripts else honest.answer(call)
    polled.until_refused("slot_leap")
    honest.slot = 101
    run_until(polled.reactor, lambda: len(polled.outlet) > 0)
    assert [event for _, event in polled.events_so_far()] == [SlotUpdate(101)]


def test_of_two_endpoints_in_one_slot_only_the_first_is_heard(doubled: Polled) -> None:
    doubled.rounds()
    earlier = Ledger(100)
    earlier.accounts = {PAIR: b"as it was earlier in the slot", BINS: b"bins"}
    doubled.peers[1].script = earlier.answer
    doubled.peers[0].script = lambda call: (503, {}, b"")
    run_until(doubled.reactor, lambda: len(doubled.peers[1].calls) > 2)
    assert doubled.events_so_far() == []


def test_an_endpoint_of_another_cluster_is_never_polled(reactor: Reactor) -> None:
    polled = Polled(reactor, 2, genesis_hash=Ledger().genesis_hash)
    foreign = Ledger(5_000)
    foreign.genesis_hash = "EtWTRABZaYq6iMfeYKouRu166VU2xqa1wcaWoxPkrZBG"
    polled.peers[0].script = foreign.answer
    run_until(reactor, lambda: len(polled.peers[1].calls) > 3)
    assert polled.outlet.refused == {"wrong_cluster": 1}
    assert {call["method"] for call in polled.peers[0].calls} == {"getGenesisHash"}
    assert SlotUpdate(100) in [event for _, event in polled.events_so_far()]
    polled.close()


def test_a_stopped_feed_is_silent(polled: Polled) -> None:
    polled.rounds()
    polled.feed.stop()
    assert not polled.outlet.connected
    before = polled.calls
    polled.reactor.run_once(0.05)
    polled.reactor.run_once(0.05)
    assert polled.calls == before
    assert len(polled.outlet) == 0


def test_a_feed_without_endpoints_is_refused() -> None:
    with pytest.raises(DlmmError, match="no endpoint"):
        PollingFeed("polling", [])


def test_questions_are_those_of_the_wire(polled: Polled) -> None:
    polled.rounds(1)
    call = polled.peers[0].calls[0]
    assert json.dumps(call["params"][0]) == json.dumps([PAIR, BINS])
    assert call["params"][1] == {"encoding": "base64+zstd", "commitment": "confirmed"}
