"""Bundles to the sandbox's block engine, and statuses that lie: each order lands once, and the books are the chain."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from connectors.execution.building import templates
from connectors.execution.order_phases import Phase
from connectors.execution.terms import BundleTerms
from connectors.wire.lamport_moves import TIP_ACCOUNTS
from dlmm.records import Venue
from operators.orders.commands import ClosePosition, CreatePosition, Rebalance
from tests.connectors.execution.rig import NOBODY, Market, Rig, changes, rig_on, without_zeros
from tests.processes import SandboxNode, sandbox

TIPS = (1_000, 7_000, 20_000, 100_000)
URGENCY, TIP = 1, 7_000
SWALLOWS = "tx.drop=1"
BLOCKS = 200
"""More than a blockhash lives for."""


@pytest.fixture(scope="module")
def started() -> Iterator[SandboxNode]:
    with sandbox("--slot-ms", "20", "--market", "off") as node:
        yield node


@pytest.fixture(scope="module")
def market(started: SandboxNode) -> Market:
    return Market(started)


@pytest.fixture
def node(started: SandboxNode) -> Iterator[SandboxNode]:
    yield started
    started.call("sandbox_setFaults", "")
    started.call("sandbox_resume")


def terms(node: SandboxNode, *, is_only_way: bool) -> BundleTerms:
    return BundleTerms(f"{node.url}/api/v1/bundles", tip_lamports=TIPS, is_only_way=is_only_way)


@pytest.fixture
def alone(node: SandboxNode, market: Market, tmp_path: Path) -> Iterator[Rig]:
    """Sends to the block engine alone."""
    with rig_on(node, market, tmp_path, is_static=True, bundles=terms(node, is_only_way=True)) as rig:
        yield rig


@pytest.fixture
def both(node: SandboxNode, market: Market, tmp_path: Path) -> Iterator[Rig]:
    """Sends to the block engine and to the node."""
    with rig_on(node, market, tmp_path, is_static=True, bundles=terms(node, is_only_way=False)) as rig:
        yield rig


def tipped(node: SandboxNode) -> dict[str, int]:
    options = {"commitment": "processed"}
    return {account: int(node.call("getBalance", account, options)["value"]) for account in TIP_ACCOUNTS}


def swap(rig: Rig, order: int = 1) -> None:
    pools = list(rig.market.pools)
    rig.submit(rig.market.swap(pools[order % len(pools)]), order)


def landings(rig: Rig) -> dict[str, int]:
    found = rig.node.call("getSignaturesForAddress", str(rig.wallet.address), {"commitment": "confirmed"})
    signatures = {one["signature"] for one in found}
    keys = [f"{order}.0" for order in range(1, rig.journal.next_order)]
    return {key: sum(one.signature in signatures for one in rig.journal.signatures_of(key)) for key in keys}


def sends(node: SandboxNode) -> int:
    return int(node.call("sandbox_stats")["calls"].get("sendTransaction", 0))


def test_bundles_alone_land_once_and_each_tip_account_has_its_turn(alone: Rig) -> None:
    alone.run_for(0.2)  # the connections stand
    sent, paid, before = sends(alone.node), tipped(alone.node), alone.balances()
    for order in range(1, 9):
        swap(alone, order)
    reports = alone.settle(*range(1, 9))
    assert {report.status for report in reports} == {"landed"}
    assert {report.tip for report in reports} == {TIP}
    assert changes(paid, tipped(alone.node)) == dict.fromkeys(TIP_ACCOUNTS, TIP)
    assert landings(alone) == {f"{order}.0": 1 for order in range(1, 9)}
    assert without_zeros(alone.booked()) == changes(before, alone.balances())
    assert sends(alone.node) == sent
    assert alone.outlet.notes["bundles"] == 8


@pytest.mark.parametrize(("venue", "transactions"), [(Venue.METEORA, [1, 1]), (Venue.SAROS, [1, 2])])
def test_a_ladder_leaves_room_for_the_tip(alone: Rig, venue: Venue, transactions: list[int]) -> None:
    pool = alone.market.of(venue)
    middle = alone.market.loaded_accounts_of(pool).active_id
    first = Rebalance(pool, 1, middle - 10, middle + 10, middle - 1, middle + 1, 10**9, 10**8, middle)
    second = replace(first, position=2, old_position=1, old_lower=middle - 10, old_upper=middle + 10)
    alone.run_for(0.2)  # the tip accounts are known
    before = alone.balances()
    for order, command in enumerate((first, second), 1):
        alone.submit(command, order)
        assert alone.settle(order)[0].status == "landed", alone.of(order)
    assert [len(alone.of(order)) for order in (1, 2)] == transactions
    assert {report.tip for report in alone.reports} == {TIP}
    assert without_zeros(alone.booked()) == changes(before, alone.balances())


def test_swaps_are_compiled_ahead_for_each_of_the_tip_accounts(alone: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    paid = tipped(alone.node)
    swap(alone, 1)
    alone.settle(1)

    def compiled(*_: object) -> bytes:
        pytest.fail("a message was compiled on the hot path")

    monkeypatch.setattr(templates, "compile_message", compiled)
    for order in range(2, 10):
        swap(alone, order)
    alone.settle(*range(2, 10))
    assert len(changes(paid, tipped(alone.node))) == 8


def test_liquidity_goes_by_bundles_too(alone: Rig) -> None:
    before, pool = alone.balances(), alone.market.of(Venue.METEORA)
    middle = alone.market.loaded_accounts_of(pool).active_id
    for order, command in enumerate([CreatePosition(pool, 9, middle - 5, middle + 5)], 1):
        alone.submit(command, order, urgency=2)
    (made,) = alone.settle(1)
    alone.submit(ClosePosition(pool, 9, middle - 5, middle + 5), 2, urgency=3)
    (closed,) = alone.settle(2)
    assert (made.status, made.tip, closed.status, closed.tip) == ("landed", TIPS[2], "landed", TIPS[3])
    assert without_zeros(alone.booked()) == changes(before, alone.balances())


def test_both_ways_land_an_order_once(both: Rig) -> None:
    before = both.balances()
    for order in range(1, 7):
        swap(both, order)
    reports = both.settle(*range(1, 7))
    both.run_until(both.is_final, "nothing can change any more")
    assert {(report.status, report.tip) for report in reports} == {("landed", TIP)}
    assert landings(both) == {f"{order}.0": 1 for order in range(1, 7)}
    assert without_zeros(both.booked()) == changes(before, both.balances())


@pytest.mark.parametrize("fault", [SWALLOWS, "bundle.drop=1", "bundle.lose=1"])
def test_of_both_ways_one_is_enough(both: Rig, fault: str) -> None:
    before = both.balances()
    both.run_for(0.2)
    both.node.call("sandbox_setFaults", fault)
    swap(both)
    (report,) = both.settle(1)
    assert (report.status, report.tip) == ("landed", TIP)
    assert without_zeros(both.booked()) == changes(before, both.balances())


def test_a_bundle_that_is_dropped_expires_and_costs_nothing(alone: Rig) -> None:
    alone.run_for(0.2)
    before = alone.balances()
    alone.node.call("sandbox_setFaults", "bundle.drop=1")
    swap(alone)
    alone.run_until(lambda: alone.journal.phase("1.0") is Phase.SENT, "the engine has it")
    alone.node.call("sandbox_advance", BLOCKS)
    (report,) = alone.settle(1)
    assert report.status == "expired"
    assert report.reason.startswith("not landed by block ")
    assert alone.journal.phase("1.0") is Phase.DONE
    assert changes(before, alone.balances()) == {}


def test_a_bundle_that_loses_its_auction_is_sent_again(alone: Rig) -> None:
    alone.run_for(0.2)
    before = alone.balances()
    alone.node.call("sandbox_setFaults", "bundle.lose=1")
    swap(alone)
    alone.run_until(lambda: alone.journal.phase("1.0") is Phase.SENT, "the engine has it")
    alone.node.call("sandbox_advance", 1)
    alone.node.call("sandbox_pause")  # so that it does not expire meanwhile
    alone.run_until(lambda: alone.outlet.notes["bundles_failed"] > 0, "it lost")
    alone.node.call("sandbox_setFaults", "")
    alone.run_until(lambda: alone.outlet.notes["bundles_sent_again"] > 0, "it is sent again")
    alone.node.call("sandbox_resume")
    (report,) = alone.settle(1)
    assert (report.status, report.tip) == ("landed", TIP)
    assert len(alone.journal.signatures_of("1.0")) == 1
    assert without_zeros(alone.booked()) == changes(before, alone.balances())


def test_why_no_leader_took_a_bundle_is_told_when_it_has_expired(alone: Rig) -> None:
    alone.run_for(0.2)
    pool = alone.market.of(Venue.METEORA)
    alone.submit(alone.market.swap(pool, loose=False), 1)  # it would fail, and bundles hold nothing that fails
    alone.run_until(lambda: alone.journal.phase("1.0") is Phase.SENT, "the engine has it")
    alone.node.call("sandbox_advance", 1)
    alone.node.call("sandbox_pause")
    alone.run_until(lambda: alone.outlet.notes["bundle_refusals"] > 0, "it is told")
    alone.node.call("sandbox_advance", BLOCKS)
    (report,) = alone.settle(1)
    assert (report.status, report.reason) == ("expired", "bundle_failed: no leader took it")
    assert landings(alone) == {"1.0": 0}


def test_a_bundle_under_way_is_sent_on_after_a_death(alone: Rig) -> None:
    alone.run_for(0.2)
    before = alone.balances()
    alone.node.call("sandbox_setFaults", "bundle.drop=1")
    swap(alone)
    alone.run_until(lambda: alone.journal.phase("1.0") is Phase.SENT, "the engine has it")
    alone.node.call("sandbox_pause")  # so that it does not expire meanwhile
    alone.die()
    alone.node.call("sandbox_setFaults", "")
    alone.node.call("sandbox_resume")
    alone.begin_again()
    (report,) = alone.settle(1)
    assert report.status == "landed", report
    assert len(alone.journal.signatures_of("1.0")) == 1
    assert without_zeros(alone.booked()) == changes(before, alone.balances())


FAULTS = {
    "auctions": "bundle.lose=0.4,bundle.drop=0.1,tx.delay=0:5",
    "answers": "http.429=0.2,http.5xx=0.1,http.reset=0.1,http.malformed=0.1",
    "forks": "fork=0.2,slot.skip=0.1,bundle.lose=0.2",
}


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("is_only_way", [True, False])
def test_no_fault_doubles_or_loses_a_bundle(
    node: SandboxNode, market: Market, tmp_path: Path, name: str, is_only_way: bool
) -> None:
    ways = terms(node, is_only_way=is_only_way)
    with rig_on(node, market, tmp_path, is_static=True, bundles=ways, rebroadcast_s=0.2) as rig:
        rig.run_for(0.2)
        before = rig.balances()
        node.call("sandbox_setFaults", FAULTS[name])
        for order in range(1, 9):
            swap(rig, order)
        reports = rig.settle(*range(1, 9))
        node.call("sandbox_setFaults", "")
        rig.run_until(rig.is_final, "nothing can change any more")
        assert {report.status for report in reports} <= {"landed", "failed", "expired"}
        assert landings(rig) == {f"{order}.0": rig.stands(order) for order in range(1, 9)}
        assert without_zeros(rig.booked()) == changes(before, rig.balances())


@pytest.mark.parametrize("commitment", ["processed", "confirmed"])
@pytest.mark.parametrize("is_notified", [True, False])
def test_a_failure_that_a_status_calls_a_success_is_booked_as_a_failure(
    node: SandboxNode, market: Market, tmp_path: Path, commitment: str, is_notified: bool
) -> None:
    ws_url = str(node.facts["ws_url"]) if is_notified else NOBODY
    with rig_on(node, market, tmp_path, is_static=True, commitment=commitment, ws_url=ws_url) as rig:
        before = rig.balances()
        rig.run_for(0.2)
        node.call("sandbox_setFaults", "status.lie=1")
        for order, venue in enumerate(Venue, 1):
            rig.submit(market.swap(market.of(venue), loose=False), order)
        swap(rig, 3)
        reports = rig.settle(1, 2, 3)
        rig.run_until(rig.is_final, "nothing can change any more")
        lies = node.call("sandbox_getFaults")["hits"]
        assert lies == {"status.lie": 2}
        assert [report.status for report in reports] == ["failed", "failed", "landed"]
        assert len(rig.reports) == 3
        assert all(report.changes == () and report.network_fee > 0 for report in reports[:2])
        assert landings(rig) == {"1.0": 1, "2.0": 1, "3.0": 1}
        assert without_zeros(rig.booked()) == changes(before, rig.balances())


def test_lies_and_forks_together_double_and_lose_nothing(both: Rig) -> None:
    before = both.balances()
    both.run_for(0.2)
    both.node.call("sandbox_setFaults", "status.lie=0.7,fork=0.2,bundle.lose=0.3,ws.lose=0.3")
    pools = list(both.market.pools)
    for order in range(1, 13):
        both.submit_slowly(both.market.swap(pools[order % len(pools)], loose=order % 2 == 0), order)
    both.settle(*range(1, 13))
    both.node.call("sandbox_setFaults", "")
    both.run_until(both.is_final, "nothing can change any more")
    assert landings(both) == {f"{order}.0": both.stands(order) for order in range(1, 13)}
    assert without_zeros(both.booked()) == changes(before, both.balances())
