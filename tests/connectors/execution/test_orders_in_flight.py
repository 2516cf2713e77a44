"""Orders through faults, forks and deaths of the process: none doubled, none lost, and the books are the chain."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dlmm.records import Venue
from operators.commands import AddLiquidity, ClosePosition, Command, CreatePosition
from tests.connectors.execution.rig import DeadlyJournal, Killed, Market, Rig, changes, rig_on, without_zeros
from tests.processes import SandboxNode, sandbox

ENDED = {"landed", "failed", "expired", "refused"}


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


@pytest.fixture
def rig(node: SandboxNode, market: Market, tmp_path: Path) -> Iterator[Rig]:
    with rig_on(node, market, tmp_path) as rig:
        yield rig


def landings_on_chain(rig: Rig) -> dict[str, int]:
    """How many transactions of each order the chain has, failed ones too."""
    found = rig.node.call("getSignaturesForAddress", str(rig.wallet.address), {"commitment": "confirmed"})
    signatures = {one["signature"] for one in found}
    keys = [f"{order}.0" for order in range(1, rig.journal.next_order)]
    return {key: sum(one.signature in signatures for one in rig.journal.signatures_of(key)) for key in keys}


FAULTS = {
    "lost": "tx.drop=0.5",
    "late": "tx.delay=0:20",
    "expired": "tx.expire=0.5,tx.drop=0.3",
    "notifications": "ws.lose=0.5,ws.dup=0.5,ws.delay=0:300,ws.drop=0.5",
    "answers": "http.429=0.2,http.5xx=0.1,http.reset=0.1,http.hang=0.03,http.malformed=0.1,http.unhealthy=0.1",
    "forks": "fork=0.2,slot.skip=0.1",
    "all": "tx.drop=0.2,tx.delay=0:5,ws.lose=0.3,ws.drop=1,http.429=0.1,http.reset=0.05,fork=0.1",
}


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("commitment", ["confirmed", "processed"])
def test_no_fault_doubles_or_loses_a_swap(
    node: SandboxNode, market: Market, tmp_path: Path, name: str, commitment: str
) -> None:
    with rig_on(node, market, tmp_path, is_static=True, commitment=commitment, rebroadcast_s=0.2) as rig:
        before = rig.balances()
        pools = list(market.pools)
        rig.run_for(0.2)  # the connections stand
        node.call("sandbox_setFaults", FAULTS[name])
        for order in range(1, 13):
            rig.submit_slowly(market.swap(pools[order % len(pools)], loose=order % 4 != 0), order)
        last = rig.settle(*range(1, 13))
        node.call("sandbox_setFaults", "")
        rig.run_until(rig.is_final, "nothing can change any more")
        assert {report.status for report in last} <= ENDED
        on_chain = landings_on_chain(rig)
        told = {f"{order}.0": rig.stands(order) for order in range(1, 13)}
        assert on_chain == told
        assert without_zeros(rig.booked()) == changes(before, rig.balances())


def commands_for(market: Market, venue: Venue) -> list[Command]:
    """A swap, a wide position, a deposit into it, and its closing."""
    pool = market.of(venue)
    middle = market.loaded_accounts_of(pool).active_id
    lower, upper = middle - 40, middle + 39
    return [
        market.swap(pool),
        CreatePosition(pool, 2, lower, upper),
        AddLiquidity(pool, 2, lower, upper, 2_000_000_000, 200_000_000, middle),
        ClosePosition(pool, 2, lower, upper),
    ]


DEATHS = [*((Venue.METEORA, entries) for entries in range(1, 8)), (Venue.SAROS, 2), (Venue.SAROS, 4)]


@pytest.mark.parametrize(("venue", "kills_after"), DEATHS)
def test_a_death_after_any_entry_of_the_journal_doubles_and_loses_nothing(
    node: SandboxNode, market: Market, tmp_path: Path, venue: Venue, kills_after: int
) -> None:
    with rig_on(node, market, tmp_path, is_static=True, journals=DeadlyJournal) as rig:
        before = rig.balances()
        deaths = 0
        for order, command in enumerate(commands_for(market, venue), 1):
            DeadlyJournal.entries_left = kills_after
            try:
                rig.submit(command, order)
                rig.settle(order)
            except Killed:
                deaths += 1
            DeadlyJournal.entries_left = 10**9
            rig.restart()
            rig.submit(command, order)  # as the inbox's journal, read again, would have it
            assert rig.settle(order)[0].status == "landed", rig.of(order)
        rig.run_until(rig.is_final, "nothing can change any more")
        assert deaths >= 1
        assert landings_on_chain(rig) == {f"{order}.0": rig.stands(order) for order in range(1, 5)}
        assert without_zeros(rig.booked()) == changes(before, rig.balances())


def test_a_death_at_any_turn_doubles_and_loses_nothing(node: SandboxNode, market: Market, tmp_path: Path) -> None:
    with rig_on(node, market, tmp_path, is_static=True) as rig:
        before = rig.balances()
        pools = list(market.pools)
        orders = range(1, 31)
        for order in orders:
            rig.submit(market.swap(pools[order % len(pools)]), order)
            for _ in range(order):
                rig.turn(0.002)
            rig.restart()
            for known in range(1, order + 1):  # as the inbox's journal, read again, would have it
                rig.submit(market.swap(pools[known % len(pools)]), known)
        last = rig.settle(*orders)
        rig.run_until(rig.is_final, "nothing can change any more")
        assert {report.status for report in last} == {"landed"}
        assert landings_on_chain(rig) == {f"{order}.0": 1 for order in orders}
        assert without_zeros(rig.booked()) == changes(before, rig.balances())
