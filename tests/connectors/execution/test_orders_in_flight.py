"""Orders through faults, forks and deaths of the process: none doubled, none lost, and the books are the chain."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from connectors.execution.order_phases import Phase
from connectors.execution.terms import BundleTerms
from connectors.wire.lamport_moves import TIP_ACCOUNTS
from dlmm.records import Venue
from operators.orders.commands import AddLiquidity, ClosePosition, Command, CreatePosition, Rebalance
from operators.orders.execution_reports import ExecutionReport
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


@pytest.mark.parametrize(
    ("name", "commitment"),
    [*((name, "confirmed") for name in FAULTS), *((name, "processed") for name in ("lost", "forks", "all"))],
)
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


@pytest.mark.parametrize("venue", list(Venue))
@pytest.mark.parametrize("kills_after", range(2, 7))
def test_a_death_amid_a_move_leaves_one_ladder_and_loses_nothing(
    node: SandboxNode, market: Market, tmp_path: Path, venue: Venue, kills_after: int
) -> None:
    """The ladders are so wide that closing and placing take a transaction each, or several."""
    pool = market.of(venue)
    middle, each = market.loaded_accounts_of(pool).active_id, 60 if venue is Venue.METEORA else 18
    lower, upper = middle - each, middle + each
    first = Rebalance(pool, 1, lower, upper, middle - 1, middle + 1, 2_000_000_000, 200_000_000, middle)
    second = replace(first, position=2, old_position=1, old_lower=lower, old_upper=upper)
    with rig_on(node, market, tmp_path, is_static=True, journals=DeadlyJournal) as rig:
        before = rig.balances()
        rig.submit(first, 1)
        assert rig.settle(1)[0].status == "landed", rig.of(1)
        DeadlyJournal.entries_left = kills_after
        rig.submit(second, 2)
        with pytest.raises(Killed):
            rig.settle(2)
        DeadlyJournal.entries_left = 10**9
        rig.restart()
        rig.submit(second, 2)  # as the inbox's journal, read again, would have it
        assert rig.settle(2)[0].status == "landed", rig.of(2)
        rig.run_until(rig.is_final, "nothing can change any more")
        assert landings_on_chain(rig) == {f"{order}.0": rig.stands(order) for order in (1, 2)}
        assert without_zeros(rig.booked()) == changes(before, rig.balances())
        states = {one.address: one for report in rig.reports for one in report.positions}
        assert {one.position for one in states.values() if one.data} == {2}


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


@pytest.mark.parametrize(("venue", "name"), [(Venue.METEORA, "forks"), (Venue.SAROS, "lost"), (Venue.METEORA, "late")])
def test_no_fault_doubles_or_loses_a_step_of_a_liquidity_command(
    node: SandboxNode, market: Market, tmp_path: Path, venue: Venue, name: str
) -> None:
    with rig_on(node, market, tmp_path, is_static=True, commitment="processed", rebroadcast_s=0.2) as rig:
        before = rig.balances()
        rig.run_for(0.2)  # the connections stand
        node.call("sandbox_setFaults", FAULTS[name])
        for order, command in enumerate(commands_for(market, venue), 1):
            rig.submit(command, order)
            rig.settle(order)
        node.call("sandbox_setFaults", "")
        rig.run_until(rig.is_final, "nothing can change any more")
        assert landings_on_chain(rig) == {f"{order}.0": rig.stands(order) for order in range(1, 5)}
        assert without_zeros(rig.booked()) == changes(before, rig.balances())


@pytest.fixture
def lied_to(node: SandboxNode, market: Market, tmp_path: Path) -> Iterator[Rig]:
    with rig_on(node, market, tmp_path, is_static=True, is_lied_to=True) as rig:
        yield rig


def landed_swap(rig: Rig) -> ExecutionReport:
    rig.submit(rig.market.swap(rig.market.of(Venue.METEORA)), 1)
    return rig.settle(1)[0]


def test_a_landing_that_a_fork_takes_back_is_undone_and_told_anew_where_it_lands_again(lied_to: Rig) -> None:
    before = lied_to.balances()
    landed = landed_swap(lied_to)
    lied_to.liar.hidden.add(landed.signature)
    lied_to.run_until(lambda: len(lied_to.of(1)) == 2, "it is undone")
    undone = lied_to.of(1)[1]
    assert undone.status == "undone"
    assert not undone.is_final
    assert lied_to.booked()[""] == 0
    assert without_zeros(lied_to.booked()) == {}
    assert len(lied_to.journal.order("1.0").pending) == 1  # type: ignore[union-attr]  # it is known
    assert not lied_to.executor.is_idle
    lied_to.liar.hidden.clear()
    lied_to.run_until(lambda: len(lied_to.of(1)) == 3, "it landed again")
    assert lied_to.of(1)[2] == replace(landed, number=2)
    assert without_zeros(lied_to.booked()) == changes(before, lied_to.balances())


def test_a_landing_that_a_fork_takes_back_for_good_expires(lied_to: Rig) -> None:
    landed = landed_swap(lied_to)
    lied_to.liar.hidden.add(landed.signature)
    lied_to.run_until(lambda: len(lied_to.of(1)) == 2, "it is undone")
    lied_to.node.call("sandbox_advance", 200)
    lied_to.run_until(lambda: len(lied_to.of(1)) == 3, "it has expired")
    assert [report.status for report in lied_to.of(1)] == ["landed", "undone", "expired"]
    assert [report.is_final for report in lied_to.of(1)] == [True, False, True]
    lied_to.run_until(lied_to.is_final, "the order is over")
    assert lied_to.journal.phase("1.0") is Phase.DONE


def test_a_status_that_says_failed_after_it_said_landed_is_read_anew(lied_to: Rig) -> None:
    landed = landed_swap(lied_to)
    lied_to.liar.failing.add(landed.signature)
    lied_to.run_until(lambda: len(lied_to.of(1)) >= 3, "it is undone and told anew")
    lied_to.liar.failing.clear()
    lied_to.run_until(lied_to.is_final, "nothing can change any more")
    told = lied_to.of(1)
    assert told[1].status == "undone"
    assert told[-1] == replace(landed, number=len(told) - 1)  # what the transaction itself says is what counts
    assert lied_to.stands(1) == 1


def test_an_endpoint_that_takes_transactions_and_passes_none_on_ends_in_expiry(lied_to: Rig) -> None:
    lied_to.liar.swallows = True
    before = lied_to.balances()
    lied_to.submit(lied_to.market.swap(lied_to.market.of(Venue.METEORA)), 1)
    lied_to.run_for(0.2)
    lied_to.node.call("sandbox_advance", 200)
    (last,) = lied_to.settle(1)
    assert last.status == "expired"
    assert last.reason.startswith("not landed by block ")
    assert changes(before, lied_to.balances()) == {}
    assert lied_to.journal.phase("1.0") is Phase.DONE


def test_why_an_endpoint_refused_a_transaction_is_told_when_it_has_expired(lied_to: Rig) -> None:
    data = {"err": {"InstructionError": [2, {"Custom": 17}]}, "logs": []}
    message = "Transaction simulation failed: Error processing Instruction 2: custom program error: 0x11"
    lied_to.liar.errors["sendTransaction"] = {"code": -32002, "message": message, "data": data}
    lied_to.submit(lied_to.market.swap(lied_to.market.of(Venue.METEORA)), 1)
    lied_to.run_until(lambda: lied_to.outlet.notes["send_refusals"] > 0, "it is refused")
    assert not lied_to.of(1)  # another endpoint may have taken it
    lied_to.node.call("sandbox_advance", 200)
    (last,) = lied_to.settle(1)
    assert last.status == "expired"
    assert last.reason.startswith("simulation_failed: ")


def test_a_liquidity_step_that_expired_is_planned_anew(lied_to: Rig) -> None:
    before = lied_to.balances()
    pool = lied_to.market.of(Venue.METEORA)
    middle = lied_to.market.loaded_accounts_of(pool).active_id
    lied_to.liar.swallows = True
    lied_to.submit(CreatePosition(pool, 1, middle - 5, middle + 5), 1)
    lied_to.run_until(lambda: len(lied_to.journal.signatures_of("1.0")) == 1, "it is signed")
    lied_to.node.call("sandbox_advance", 200)
    lied_to.run_until(lambda: len(lied_to.journal.signatures_of("1.0")) == 2, "it is signed anew")
    lied_to.liar.swallows = False
    (last,) = lied_to.settle(1)
    assert last.status == "landed"
    assert landings_on_chain(lied_to) == {"1.0": 1}
    assert without_zeros(lied_to.booked()) == changes(before, lied_to.balances())


def test_a_liquidity_command_is_given_up_after_some_tries(node: SandboxNode, market: Market, tmp_path: Path) -> None:
    with rig_on(node, market, tmp_path, is_static=True, is_lied_to=True, most_tries=2) as rig:
        pool = market.of(Venue.METEORA)
        middle = market.loaded_accounts_of(pool).active_id
        rig.liar.swallows = True
        rig.submit(CreatePosition(pool, 1, middle - 5, middle + 5), 1)
        for count in (1, 2):
            rig.run_until(lambda count=count: len(rig.journal.signatures_of("1.0")) == count, "it is signed")  # type: ignore[misc]  # a default binds the loop's number
            rig.node.call("sandbox_advance", 200)
        (last,) = rig.settle(1)
        assert last.status == "expired"
        assert len(rig.journal.signatures_of("1.0")) == 2


def test_bundles_pay_their_tip_and_land_without_the_endpoints(
    node: SandboxNode, market: Market, tmp_path: Path
) -> None:
    bundles = BundleTerms("http://127.0.0.1:1/", tip_lamports=(1_000, 7_000, 20_000, 100_000), is_only_way=True)
    with rig_on(node, market, tmp_path, is_static=True, is_lied_to=True, bundles=bundles) as rig:
        rig.liar.swallows = True
        for account in TIP_ACCOUNTS:
            node.call("requestAirdrop", account, 10**9)
        node.call("sandbox_advance", 2)
        before = rig.balances()
        rig.submit(market.swap(market.of(Venue.METEORA)), 1)
        rig.submit(CreatePosition(market.of(Venue.METEORA), 2, -5, 5), 2)
        swap, position = rig.settle(1, 2)
        assert swap.status == position.status == "landed", rig.reports
        assert swap.tip == position.tip == 7_000
        assert len(rig.liar.bundles) == 2
        assert without_zeros(rig.booked()) == changes(before, rig.balances())
