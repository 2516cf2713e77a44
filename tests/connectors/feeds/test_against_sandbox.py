"""The feeds against the sandbox, as a process of its own with a market: what they tell is true, whatever goes wrong."""

import base64
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from connectors.feeds.chain import ChainFeed
from connectors.feeds.feed import Feed
from connectors.feeds.outlet import Outlet
from connectors.feeds.polling import PollingFeed
from connectors.feeds.prices import PriceFeed
from connectors.feeds.reactor import Reactor
from connectors.wire.account_data import decode
from connectors.wire.events import AccountUpdate, PriceUpdate, SlotUpdate, SwapVolume
from connectors.wire.refusal import WireError
from tests.connectors.feeds.peers import DEADLINE_S, run_until

SLOT_MS = 50
FAULTY_S = 1.0
LIMIT = 1 << 14


class Cluster:
    """A sandbox, and its methods that no node has."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "sandbox", "--port", "0", "--parent-pipe", "--slot-ms", str(SLOT_MS)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        self.facts: Mapping[str, Any] = json.loads(self._process.stdout.readline())
        self.pools = [pool["address"] for pool in self.facts["pools"]]

    def call(self, method: str, *params: object) -> Any:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": f"sandbox_{method}", "params": params}).encode()
        request = urllib.request.Request(self.facts["rpc_url"], body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)["result"]

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(20)


@pytest.fixture(scope="module")
def started() -> Iterator[Cluster]:
    cluster = Cluster()
    yield cluster
    cluster.close()


@pytest.fixture
def cluster(started: Cluster) -> Iterator[Cluster]:
    started.call("market", True)
    yield started
    started.call("setFaults", "")


class Followed:
    """One feed that follows every pool's own account, and what it told."""

    def __init__(self, reactor: Reactor, feed: Feed, pools: list[str]) -> None:
        self.outlet = Outlet(feed.name)
        self.updates: list[tuple[AccountUpdate, bytes]] = []
        self.view: dict[str, tuple[int, bytes]] = {}
        self.slots: list[int] = []
        self.others: list[object] = []
        self.undecodable: set[str] = set()
        self._feed = feed
        feed.follow({pool: (pool,) for pool in pools})
        feed.start(reactor, self.outlet)

    def drain(self) -> None:
        for _, event in self.outlet.drain():
            if isinstance(event, AccountUpdate):
                self._take(event)
            elif isinstance(event, SlotUpdate):
                self.slots.append(event.slot)
            else:
                self.others.append(event)

    def _take(self, update: AccountUpdate) -> None:
        try:
            data = decode(update.data, update.encoding, LIMIT)
        except WireError as error:
            self.undecodable.add(error.cause)
            return
        self.updates.append((update, data))
        if update.slot >= self.view.get(update.address, (0, b""))[0]:
            self.view[update.address] = update.slot, data

    def close(self) -> None:
        self._feed.stop()


def turn(reactor: Reactor, followed: Followed, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        reactor.run_once(0.01)
        followed.drain()


def states(cluster: Cluster, pool: str) -> list[tuple[int, bytes, bool]]:
    """Every state that an account had: slot of the write, bytes, and whether a fork undid it."""
    versions = cluster.call("versions", pool)
    return [(version["slot"], base64.b64decode(version["data"]), version["dead"]) for version in versions]


def untrue(cluster: Cluster, followed: Followed, *, may_be_undone: bool) -> list[tuple[str, int]]:
    """Updates that were no state of their account at their slot."""
    wrong = []
    history = {pool: states(cluster, pool) for pool in cluster.pools}
    for update, data in followed.updates:
        before = [version for version in history[update.address] if version[0] <= update.slot]
        living = [version for version in before if not version[2]][-1:]
        dead = [version for version in before if version[2]] if may_be_undone else []
        # At `processed` a state is told as of the slot before: its write may be one slot later.
        later = [version for version in history[update.address] if may_be_undone and version[0] == update.slot + 1]
        if data not in [version[1] for version in living + dead + later]:
            wrong.append((update.address, update.slot))
    return wrong


def settled(cluster: Cluster, reactor: Reactor, followed: Followed) -> bool:
    """Whether the feed comes to hold the newest state of each pool once nobody trades and nothing goes wrong."""
    cluster.call("setFaults", "")
    cluster.call("market", False)
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        turn(reactor, followed, 4 * SLOT_MS / 1000.0)
        truth = {pool: base64.b64decode(cluster.call("accountAt", pool)["data"]) for pool in cluster.pools}
        if {pool: data for pool, (_, data) in followed.view.items()} == truth:
            return True
    return False


FAULTS = {
    "nothing": "",
    "frames": "ws.dup=0.2,ws.reorder=0.2,ws.malformed=0.2,ws.stray=0.2,ws.bomb=0.02,ws.lose=0.1,ws.delay=0:30",
    "connections": "ws.drop=0.5,ws.close=0.7,ws.refuse=0.3",
    "subscriptions": "ws.drop=0.5,ws.mute=0.2,ws.deaf=0.2",
    "answers": "http.429=0.1,http.5xx=0.1,http.malformed=0.1,http.unhealthy=0.1,http.reset=0.1,http.delay=0:20",
    "lag": "http.lag=4",
    "hanging": "http.hang=0.05",
    "forks": "fork=0.2,slot.skip=0.1",
}


@pytest.mark.parametrize("name", FAULTS)
def test_the_chain_feed_tells_the_truth_and_catches_up(reactor: Reactor, cluster: Cluster, name: str) -> None:
    facts = cluster.facts
    commitment = "processed" if name == "forks" else "confirmed"
    feed = ChainFeed("chain", facts["ws_url"], facts["rpc_url"], commitment, answer_s=0.3, refresh_s=0.5)
    followed = Followed(reactor, feed, cluster.pools)
    cluster.call("setFaults", FAULTS[name])
    turn(reactor, followed, FAULTY_S)
    assert untrue(cluster, followed, may_be_undone=commitment == "processed") == []
    assert followed.undecodable <= {"account_oversized"}  # the bombs, which whoever decodes refuses
    assert settled(cluster, reactor, followed)
    assert len(followed.slots) > 1
    assert len(followed.updates) > len(cluster.pools)
    followed.close()


@pytest.mark.parametrize("name", ["nothing", "answers", "lag", "hanging", "forks"])
def test_the_polling_feed_tells_the_truth_and_catches_up(reactor: Reactor, cluster: Cluster, name: str) -> None:
    commitment = "processed" if name == "forks" else "confirmed"
    urls = [cluster.facts["rpc_url"]] * 2
    feed = PollingFeed("polling", urls, interval_s=0.02, commitment=commitment, timeout_s=0.3)
    followed = Followed(reactor, feed, cluster.pools)
    cluster.call("setFaults", FAULTS[name])
    turn(reactor, followed, FAULTY_S)
    assert untrue(cluster, followed, may_be_undone=commitment == "processed") == []
    assert followed.slots == sorted(set(followed.slots))
    assert settled(cluster, reactor, followed)
    assert len(followed.slots) > 1
    assert len(followed.updates) > len(cluster.pools)
    assert not followed.undecodable
    followed.close()


def test_volumes_are_those_of_landed_swaps(reactor: Reactor, cluster: Cluster) -> None:
    feed = ChainFeed("chain", cluster.facts["ws_url"], cluster.facts["rpc_url"])
    followed = Followed(reactor, feed, cluster.pools)

    def told() -> bool:
        followed.drain()
        return len([event for event in followed.others if isinstance(event, SwapVolume)]) >= 5

    run_until(reactor, told)
    volumes = [event for event in followed.others if isinstance(event, SwapVolume)]
    assert len({(volume.pool, volume.signature) for volume in volumes}) == len(volumes)
    assert all(volume.amount_x > 0 and volume.amount_y > 0 for volume in volumes)
    assert {volume.pool for volume in volumes} <= set(cluster.pools)
    assert not followed.outlet.refused
    followed.close()


def test_prices_of_the_third_party_come_and_survive_its_faults(reactor: Reactor, cluster: Cluster) -> None:
    followed = Followed(reactor, PriceFeed("prices", cluster.facts["prices_url"]), cluster.pools)
    cluster.call("setFaults", "ws.drop=0.3,ws.malformed=0.2,ws.stray=0.2,ws.dup=0.2")
    turn(reactor, followed, FAULTY_S)
    cluster.call("setFaults", "")

    def told() -> bool:
        followed.drain()
        return {event.pool for event in followed.others if isinstance(event, PriceUpdate)} == set(cluster.pools)

    run_until(reactor, told)
    assert set(followed.outlet.refused) <= {"not_json", "foreign_pool"}
    followed.close()
