"""The executor against a sandbox: each order on chain once, and told as the chain has it."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from connectors.execution.building.token_accounts import TOKEN_ACCOUNT_RENT
from connectors.execution.order_phases import Phase
from connectors.execution.priority_fees import FeeTerms
from dlmm.programs import WRAPPED_SOL
from dlmm.records import Venue
from operators.orders.commands import (
    AddLiquidity,
    ClaimFees,
    ClosePosition,
    CreatePosition,
    LiquidityCommand,
    Rebalance,
    RemoveLiquidity,
    SwapRoute,
)
from operators.orders.execution_reports import PositionState
from tests.connectors.execution.rig import Market, Rig, changes, rig_on, without_zeros
from tests.processes import SandboxNode, sandbox


@pytest.fixture(scope="module")
def started() -> Iterator[SandboxNode]:
    with sandbox("--slot-ms", "50", "--market", "off") as node:
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


def test_swaps_on_both_venues_land_and_are_told_as_balances_have_it(rig: Rig) -> None:
    before = rig.balances()
    order = 0
    for pool in rig.market.pools:
        for swap_for_y in (True, False):
            order += 1
            rig.submit(rig.market.swap(pool, swap_for_y=swap_for_y), order)
    last = rig.settle(*range(1, order + 1))
    assert [report.status for report in last] == ["landed"] * order
    assert without_zeros(rig.booked()) == changes(before, rig.balances())
    assert all(len(report.flows) == 1 and len(report.changes) == 2 for report in last)


POSITION = 1
HALF_WIDTH = 40
"""Bins on either side of the active one: two positions on Meteora, four on Saros."""


def cycle(pool: str, active_id: int, amount_x: int, amount_y: int) -> list[LiquidityCommand]:
    """Every liquidity command once, on one wide position that comes and goes."""
    lower, upper = active_id - HALF_WIDTH, active_id + HALF_WIDTH - 1
    return [
        CreatePosition(pool, POSITION, lower, upper),
        AddLiquidity(pool, POSITION, lower, upper, amount_x, amount_y, active_id),
        RemoveLiquidity(pool, POSITION, lower, upper, 5_000),
        ClaimFees(pool, POSITION, lower, upper),
        ClosePosition(pool, POSITION, lower, upper),
    ]


@pytest.mark.parametrize("venue", list(Venue))
def test_every_liquidity_command_lands_and_is_told_as_balances_have_it(rig: Rig, venue: Venue) -> None:
    pool = rig.market.of(venue)
    before = rig.balances()
    active_id = rig.market.accounts_of(pool).active_id
    for order, command in enumerate(cycle(pool, active_id, 5_000_000_000, 500_000_000), POSITION):
        rig.submit(command, order)
        (last,) = rig.settle(order)
        assert last.status == "landed", rig.of(order)
        assert without_zeros(rig.booked()) == changes(before, rig.balances()), rig.of(order)
        held = {state.address: state.data for report in rig.of(order) for state in report.positions}
        if isinstance(command, CreatePosition):
            opened = held
            assert len(opened) > 1
            assert all(opened.values())
        elif isinstance(command, ClosePosition):
            assert held == dict.fromkeys(opened, b"")
    assert sum(report.rent for report in rig.reports) >= 0


def ladders(pool: str, active_id: int, each: int) -> list[Rebalance]:
    """A ladder that is placed, one that takes its place, and bids alone that take its place in turn."""

    def ladder(position: int, each: int, old: int) -> Rebalance:
        return Rebalance(
            pool=pool,
            position=position,
            lower=active_id - each,
            upper=active_id + each,
            bid_upper=active_id - 1,
            ask_lower=active_id + 1,
            amount_x=5_000_000_000,
            amount_y=500_000_000,
            active_id=active_id,
            old_position=position - 1 if old else 0,
            old_lower=active_id - old,
            old_upper=active_id + old,
        )

    return [ladder(1, each, 0), ladder(2, each - 1, each), replace(ladder(3, each, each - 1), amount_x=0)]


@pytest.mark.parametrize("venue", list(Venue))
@pytest.mark.parametrize("each", [10, 35])
def test_ladders_take_each_others_place_and_are_told_as_balances_have_it(rig: Rig, venue: Venue, each: int) -> None:
    pool = rig.market.of(venue)
    before = rig.balances()
    states: dict[int, dict[str, PositionState]] = {}
    for order, command in enumerate(ladders(pool, rig.market.accounts_of(pool).active_id, each), 1):
        rig.submit(command, order)
        (last,) = rig.settle(order)
        assert last.status == "landed", rig.of(order)
        assert without_zeros(rig.booked()) == changes(before, rig.balances()), rig.of(order)
        for report in rig.of(order):
            for state in report.positions:
                states.setdefault(state.position, {})[state.address] = state
        assert all(state.data for state in states[order].values())
        assert not any(state.data for state in states.get(order - 1, {}).values())
        held = sum(flow.y for report in rig.of(order) for flow in report.flows if flow.pool == pool)
        assert order > 1 or held == pytest.approx(-500_000_000, abs=100)
    assert set(states) == {1, 2, 3}
    if each == 10:
        assert [len(rig.of(order)) for order in (1, 2, 3)] == [1, 1, 1]


def test_a_ladder_whose_price_has_gone_is_refused_and_the_old_one_stays(rig: Rig) -> None:
    pool = rig.market.of(Venue.METEORA)
    active_id = rig.market.accounts_of(pool).active_id
    first, second, _ = ladders(pool, active_id, 5)
    far = ladders(pool, active_id + 9, 5)[1]
    rig.submit(first, 1)
    rig.settle(1)
    rig.submit(replace(far, old_lower=first.lower, old_upper=first.upper), 2)
    (last,) = rig.settle(2)
    assert last.status == "refused"
    assert last.reason.startswith("active_moved: ")
    rig.submit(replace(second, position=3), 3)
    assert rig.settle(3)[0].status == "landed"


def test_three_swaps_in_one_transaction_are_all_told(rig: Rig) -> None:
    meteora, saros = rig.market.of(Venue.METEORA), rig.market.of(Venue.SAROS)
    other = next(name for name, pool in rig.market.pools.items() if pool.info.venue is Venue.SAROS and name != saros)
    before = rig.balances()
    swap = rig.market.swap
    rig.submit(SwapRoute((swap(meteora), swap(saros, swap_for_y=False), swap(other))), 1)
    (last,) = rig.settle(1)
    assert last.status == "landed", last
    assert [flow.pool for flow in last.flows] == [meteora, saros, other]
    assert all(flow.fee and flow.x and flow.y for flow in last.flows)
    assert without_zeros(rig.booked()) == changes(before, rig.balances())


@pytest.mark.parametrize("venue", list(Venue))
def test_a_pool_that_comes_twice_in_a_route_tells_all_that_it_moved(rig: Rig, venue: Venue) -> None:
    pool = rig.market.of(venue)
    before = rig.balances()
    swap = rig.market.swap
    rig.submit(SwapRoute((swap(pool), swap(pool, swap_for_y=False), swap(pool))), 1)
    (last,) = rig.settle(1)
    assert last.status == "landed", last
    assert [(flow.pool, flow.fee_in_x) for flow in last.flows] == [(pool, True), (pool, False)]
    sold, bought = last.flows
    assert sold.x < 0 < sold.y
    assert bought.y < 0 < bought.x
    assert without_zeros(rig.booked()) == changes(before, rig.balances())


def test_two_swaps_in_one_transaction_are_both_told(rig: Rig) -> None:
    meteora, saros = rig.market.of(Venue.METEORA), rig.market.of(Venue.SAROS)
    before = rig.balances()
    pair = SwapRoute((rig.market.swap(meteora), rig.market.swap(saros, swap_for_y=False)))
    rig.submit(pair, 1)
    (last,) = rig.settle(1)
    assert last.status == "landed"
    assert {flow.pool for flow in last.flows} == {meteora, saros}
    assert without_zeros(rig.booked()) == changes(before, rig.balances())


def test_a_swap_that_fails_on_chain_is_told_with_its_name_and_its_fee(rig: Rig) -> None:
    before = rig.balances()
    for order, pool in enumerate(rig.market.pools, 1):
        rig.submit(rig.market.swap(pool, loose=False), order)
    last = rig.settle(*range(1, len(rig.market.pools) + 1))
    assert {report.status for report in last} == {"failed"}
    assert {report.reason for report in last} == {"6003 ExceededAmountSlippageTolerance", "6004 InvalidAmountOut"}
    assert all(report.network_fee > 0 and not report.changes for report in last)
    assert without_zeros(rig.booked()) == changes(before, rig.balances())


def test_a_dry_run_simulates_and_sends_nothing(node: SandboxNode, market: Market, tmp_path: Path) -> None:
    with rig_on(node, market, tmp_path, is_dry_run=True) as rig:
        before = rig.balances()
        pools = list(market.pools)
        rig.submit(market.swap(pools[0]), 1)
        rig.submit(market.swap(pools[1], loose=False), 2)
        good, bad = rig.settle(1, 2)
        assert good.status == bad.status == "simulated"
        assert good.reason.startswith("ok, ")
        assert good.reason.endswith("compute units")
        assert "Exceeded" in bad.reason or "InvalidAmountOut" in bad.reason
        assert changes(before, rig.balances()) == {}
        assert rig.journal.order("1.0").transactions == ()  # type: ignore[union-attr]  # it is known


def test_an_order_that_is_submitted_again_is_left_alone(rig: Rig) -> None:
    swap = rig.market.swap(next(iter(rig.market.pools)))
    before = rig.balances()
    rig.submit(swap, 1)
    rig.submit(swap, 1)
    rig.settle(1)
    rig.submit(swap, 1)
    rig.run_for(0.3)
    assert len(rig.reports) == 1
    assert rig.outlet.notes["known_orders"] == 2
    assert without_zeros(rig.booked()) == changes(before, rig.balances())


def test_equal_swaps_are_different_transactions(rig: Rig) -> None:
    swap = rig.market.swap(next(iter(rig.market.pools)))
    for order in range(1, 6):
        rig.submit(swap, order)
    last = rig.settle(*range(1, 6))
    assert [report.status for report in last] == ["landed"] * 5
    assert len({report.signature for report in last}) == 5


def test_an_order_past_its_deadline_is_refused_and_never_signed(rig: Rig) -> None:
    rig.submit(rig.market.swap(next(iter(rig.market.pools))), 1, deadline_slot=5)
    (last,) = rig.settle(1)
    assert last.status == "refused"
    assert last.reason.startswith("too_late: slot ")
    assert rig.journal.phase("1.0") is Phase.REFUSED


def test_the_days_fees_have_a_limit_that_taking_risk_off_passes(
    node: SandboxNode, market: Market, tmp_path: Path
) -> None:
    fees = FeeTerms(floor=1_000, day_cap_lamports=0)
    with rig_on(node, market, tmp_path, fees=fees) as rig:
        buy, sell = (market.swap(next(iter(market.pools)), swap_for_y=for_y) for for_y in (False, True))
        rig.submit(buy, 1)
        rig.submit(buy, 2, urgency=3)
        rig.submit(sell, 3)
        refused, *landed = rig.settle(1, 2, 3)
        assert refused.reason.startswith("daily_fee_cap: ")
        assert [report.status for report in landed] == ["landed", "landed"]


def test_without_a_blockhash_orders_are_refused(node: SandboxNode, market: Market, tmp_path: Path) -> None:
    swap = market.swap(next(iter(market.pools)))
    with rig_on(node, market, tmp_path, is_static=True) as rig:
        node.call("sandbox_setFaults", "http.hang=1")
        rig.submit(swap, 1)
        (last,) = rig.settle(1)
        assert last.status == "refused"
        assert last.reason.startswith("no_blockhash")


def test_orders_of_another_thread_are_taken_in_the_reactors(rig: Rig) -> None:
    swap = rig.market.swap(next(iter(rig.market.pools)))
    thread = threading.Thread(target=lambda: rig.submit(swap, 1))
    thread.start()
    thread.join()
    assert rig.settle(1)[0].status == "landed"


def test_winding_down_takes_no_order_more_and_ends_with_the_wallet(rig: Rig) -> None:
    swap = rig.market.swap(next(iter(rig.market.pools)))
    rig.submit(swap, 1)
    rig.executor.wind_down()
    rig.submit(swap, 2)
    rig.run_until(lambda: rig.executor.is_wound_down, "it is wound down")
    first, second = rig.settle(1, 2)
    assert first.status == "landed"
    assert second.reason == "closing: the run ends"
    (closing,) = rig.wallets
    assert closing.occasion == "closing"
    held = rig.balances()
    assert closing.lamports == held[""]
    assert {token.mint: token.amount for token in closing.tokens} == {k: v for k, v in held.items() if k}
    assert closing.next_order == 3


def test_wrapped_sol_becomes_sol_again_after_the_last_report(node: SandboxNode, market: Market, tmp_path: Path) -> None:
    with rig_on(node, market, tmp_path, unwrap_at_end=True) as rig:
        before = rig.balances()
        rig.executor.wind_down()
        rig.run_until(lambda: rig.executor.is_wound_down, "it is wound down")
        assert [report.occasion for report in rig.wallets] == ["closing"]
        assert {token.mint: token.amount for token in rig.wallets[0].tokens}[str(WRAPPED_SOL)] > 0
        after = rig.balances()
        assert str(WRAPPED_SOL) not in after
        assert 0 <= before[""] + before[str(WRAPPED_SOL)] + TOKEN_ACCOUNT_RENT - after[""] <= 10_000


def test_the_wallet_is_looked_at_while_nothing_is_in_flight(node: SandboxNode, market: Market, tmp_path: Path) -> None:
    with rig_on(node, market, tmp_path, check_s=0.1) as rig:
        opened = rig.balances()
        rig.run_until(lambda: len(rig.wallets) >= 2, "the wallet is looked at")
        rig.submit(market.swap(next(iter(market.pools))), 1)
        rig.settle(1)
        rig.wallets.clear()
        rig.run_until(lambda: len(rig.wallets) >= 1, "the wallet is looked at")
        held = {token.mint: token.amount for token in rig.wallets[-1].tokens}
        booked = rig.booked()
        assert held == {mint: opened[mint] + booked.get(mint, 0) for mint in held}
        assert {report.occasion for report in rig.wallets} == {"check"}


def test_the_operators_file_stops_and_clears(rig: Rig, tmp_path: Path) -> None:
    (tmp_path / "STOP").write_text("enough\n")
    rig.run_until(lambda: len(rig.commands) == 1, "it is told")
    (tmp_path / "STOP").unlink()
    rig.run_until(lambda: len(rig.commands) == 2, "it is told")
    assert [command.kind for command in rig.commands] == ["stop", "clear"]


def test_reports_are_told_again_from_an_order_on(rig: Rig) -> None:
    swap = rig.market.swap(next(iter(rig.market.pools)))
    for order in (1, 2, 3):
        rig.submit(swap, order)
    told = rig.settle(1, 2, 3)
    rig.reports.clear()
    rig.executor.retell(2)
    rig.turn()
    assert rig.reports == told[1:]
