"""A portfolio's result is a function of the rows alone, and its fills are the pools' own arithmetic."""

import pickle
from collections.abc import Sequence

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlmm.errors import DlmmError
from dlmm.records import SwapRequest
from operators.blocks import AccountWrite, Block, Rows, split_by_pool
from operators.books.ledger import EQUITY, open_books
from operators.desk import Desk, DeskParams
from operators.market.volatility import VolatilityParams
from operators.orders.records import BUY, FILL, ORDER
from operators.paper.pools import PaperPools, clock_of
from operators.pools import PoolInfo
from operators.portfolio import Portfolio
from operators.portfolio_records import PortfolioParams, Report, RiskLimits, Totals
from operators.strategies.interface import PlannedStrategy, Policy
from operators.strategies.swap_quotes import SwapQuotes
from tests.operators.markets import POOLS as TWO_POOLS
from tests.operators.markets import market, signal
from tests.operators.paper.pool_swaps import swap_on
from tests.tapes import tape

ROWS, POOLS = tape(6_000, pools=3, seed=11)
STRATEGIES = (
    PlannedStrategy(
        SwapQuotes(spread_target=0.004, volatility_multiplier=0.1, requote_price_bps=20.0, order_expiry_slots=20),
        frozenset(range(3)),
        Policy(kelly_fraction=0.1, max_inventory_deviation=0.4),
    ),
)
UNLIMITED = RiskLimits(1e12, 1e12, 1e12, 1.0, 1.0, 1_000)


def params(
    pools: tuple[PoolInfo, ...] = POOLS, limits: RiskLimits = UNLIMITED, capital: float = 90_000.0
) -> PortfolioParams:
    return PortfolioParams(
        pools=pools,
        strategies=(msgspec.structs.replace(STRATEGIES[0], pools=frozenset(range(len(pools)))),),
        limits=limits,
        capital=capital,
        latency_slots=1,
        slippage_bps=50.0,
        equity_interval_s=10.0,
        depth_bins=30,
    )


def slices(rows: Rows, size: int) -> list[list[Block]]:
    """The blocks of each slice, after their desks."""
    desk_params = DeskParams(POOLS, VolatilityParams(), STRATEGIES, 1e6)
    desks = [Desk(pool, desk_params) for pool in range(len(POOLS))]
    made = []
    for number, start in enumerate(range(0, len(rows), size)):
        parts = split_by_pool(rows[start : start + size].copy(), len(POOLS))
        is_last = start + size >= len(rows)
        made.append([desks[pool].walk(Block(pool, number, len(parts), is_last, part)) for pool, part in parts])
    return made


def take(portfolio: Portfolio, blocks: Sequence[Block]) -> list[Report]:
    return [report for block in blocks for report in portfolio.take(block)]


def together(reports: Sequence[Report]) -> tuple[Rows, Rows, Rows, Totals]:
    assert [report.slice_no for report in reports] == list(range(len(reports)))
    totals = reports[-1].totals
    assert totals is not None
    assert all(report.totals is None for report in reports[:-1])
    return (
        np.concatenate([np.zeros(0, ORDER), *[report.orders for report in reports]]),
        np.concatenate([np.zeros(0, FILL), *[report.fills for report in reports]]),
        np.concatenate([np.zeros(0, EQUITY), *[report.equity for report in reports]]),
        totals,
    )


def as_bytes(reports: Sequence[Report]) -> tuple[bytes, bytes, bytes, Totals]:
    orders, fills, equity, totals = together(reports)
    return orders.tobytes(), fills.tobytes(), equity.tobytes(), totals


@pytest.fixture(scope="module")
def whole() -> list[Report]:
    (blocks,) = slices(ROWS, len(ROWS))
    return take(Portfolio(params()), blocks)


def test_the_tape_trades_enough_to_prove_something(whole: list[Report]) -> None:
    orders, fills, equity, _ = together(whole)
    assert len(orders) > 1_000
    assert len(fills) > 200
    assert set(fills["pool"].tolist()) == {0, 1, 2}
    assert set(fills["side"].tolist()) == {1, -1}
    assert len(equity) > 50


@pytest.mark.parametrize("size", [1, 7, 1_000])
def test_slices_of_any_size_give_the_same_bytes(whole: list[Report], size: int) -> None:
    portfolio = Portfolio(params())
    assert as_bytes([report for blocks in slices(ROWS, size) for report in take(portfolio, blocks)]) == as_bytes(whole)


@settings(max_examples=10)
@given(st.integers(0, 1 << 30))
def test_blocks_may_arrive_in_any_order_between_pools(whole: list[Report], seed: int) -> None:
    rng = np.random.default_rng(seed)
    queues = [[block for blocks in slices(ROWS, 500) for block in blocks if block.pool == pool] for pool in range(3)]
    arriving = []
    while any(queues):
        waiting = [queue for queue in queues if queue]
        arriving.append(waiting[rng.integers(len(waiting))].pop(0))
    assert as_bytes(take(Portfolio(params()), arriving)) == as_bytes(whole)


@pytest.mark.parametrize("every", [1, 5])
def test_a_portfolio_restarted_again_and_again_ends_as_an_unbroken_one(whole: list[Report], every: int) -> None:
    portfolio, reports = Portfolio(params()), []
    for number, block in enumerate(block for blocks in slices(ROWS, 200) for block in blocks):
        reports.extend(portfolio.take(block))
        if number % every == 0:  # in the middle of slices too, with blocks waiting for their siblings
            state = pickle.loads(pickle.dumps(portfolio.snapshot()))
            portfolio = Portfolio(params())
            portfolio.restore(state)
    assert as_bytes(reports) == as_bytes(whole)


def test_a_restart_between_two_fills_of_one_state_of_the_pool_changes_neither() -> None:
    # The first order takes much of a thin pool; another pool's row opens the next slot, where the second lands.
    rows = market([(0, 1, 0, 20_000), (1, 1, 0, 20_000), (1, 1, 0, 20_000)])
    wishes = [signal(rows[0], 1, bid=rows[0]["price"] * 1.05, bid_size=20.0) for _ in range(2)]
    both = params(TWO_POOLS)
    first = Block(0, 0, 1, False, rows[:1], signals=np.concatenate(wishes[:1]))
    second = Block(1, 1, 1, False, rows[1:2], signals=np.zeros(0, wishes[0].dtype))
    late = signal(rows[1], 1, bid=rows[0]["price"] * 1.05, bid_size=20.0)
    late["pool"] = 0
    second = msgspec.structs.replace(second, signals=late)
    third = Block(1, 2, 1, True, rows[2:], signals=np.zeros(0, late.dtype))

    unbroken = Portfolio(both)
    expected = take(unbroken, [first, second, third])
    portfolio, reports = Portfolio(both), []
    for block in (first, second, third):
        reports.extend(portfolio.take(block))
        state = portfolio.snapshot()
        portfolio = Portfolio(both)
        portfolio.restore(pickle.loads(pickle.dumps(state)))
    fills = together(expected)[1]
    assert fills["seq"].tolist() == [0, 0]
    assert fills["amount_out"][1] < fills["amount_out"][0]
    assert as_bytes(reports) == as_bytes(expected)


def test_a_snapshot_of_another_version_is_refused() -> None:
    portfolio = Portfolio(params())
    with pytest.raises(DlmmError, match="version 99"):
        portfolio.restore(msgspec.structs.replace(portfolio.snapshot(), version=99))


def test_a_snapshot_made_for_other_pools_or_strategies_is_refused() -> None:
    state = Portfolio(params()).snapshot()
    for other in (params(POOLS[:2]), msgspec.structs.replace(params(), strategies=STRATEGIES * 2)):
        with pytest.raises(DlmmError, match="other settings"):
            Portfolio(other).restore(state)


def test_every_fill_is_the_exact_swap_on_the_pool_as_it_stood(whole: list[Report]) -> None:
    _, fills, _, _ = together(whole)
    rows_by_seq = {int(row["seq"]): row for row in ROWS}
    checked, met = 0, set()
    for fill in fills:
        key = (int(fill["pool"]), int(fill["seq"]))
        if key in met:  # a second fill in the same state pays for the first
            continue
        met.add(key)
        row = rows_by_seq[key[1]]
        at = open_books(POOLS, {}, 1.0)
        for name in ("seq", "active_id", "liquidity"):
            at[name][key[0]] = row[name]
        request = SwapRequest(True, int(fill["amount_in"]), fill["side"] != BUY, 0)
        clock = clock_of(int(fill["slot"]), int(fill["ts_event_ns"]))
        answer = swap_on(PaperPools(POOLS, 30), key[0], request, at, clock)
        assert answer["is_filled"]
        assert (answer["amount_in"], answer["amount_out"]) == (fill["amount_in"], fill["amount_out"])
        checked += 1
    assert checked > 200


def test_tokens_and_profit_add_up(whole: list[Report]) -> None:
    _, fills, equity, totals = together(whole)
    (first,) = slices(ROWS, len(ROWS))
    untouched = Portfolio(params())
    nothing = take(untouched, [msgspec.structs.replace(block, signals=block.signals[:0]) for block in first])
    start = together(nothing)[3].books
    for pool, book in enumerate(totals.books):
        mine = fills[fills["pool"] == pool]
        bought, sold = mine[mine["side"] == BUY], mine[mine["side"] != BUY]
        assert book["base"] == start[pool]["base"] + bought["amount_out"].sum() - sold["amount_in"].sum()
        assert book["quote"] == start[pool]["quote"] - bought["amount_in"].sum() + sold["amount_out"].sum()
        assert book["realised"] == pytest.approx(mine["realised"].sum())
        assert book["fees"] == pytest.approx(mine["fee"].sum())
    worth = sum(b["quote"] * b["unit_y"] + b["base"] * b["unit_x"] * b["price"] for b in totals.books)
    unrealised = sum(b["base"] * b["unit_x"] * (b["price"] - b["cost"]) for b in totals.books)
    realised = sum(b["realised"] for b in totals.books)
    assert totals.ledger["equity"] == pytest.approx(worth)
    assert realised + unrealised == pytest.approx(worth - 90_000.0, abs=1e-5)
    assert equity["equity"][-1] == totals.ledger["equity"]
    assert totals.ledger["fills"] == len(fills)
    assert totals.ledger["updates"] == len(ROWS)
    assert totals.signals == (totals.ledger["signals"],)


def test_samples_of_equity_lie_on_their_interval_and_the_last_at_the_end(whole: list[Report]) -> None:
    equity = together(whole)[2]
    assert (equity["ts_event_ns"][:-1] % 10_000_000_000 == 0).all()
    assert (np.diff(equity["ts_event_ns"]) >= 0).all()
    assert equity["ts_event_ns"][-1] == ROWS["ts_event_ns"].max()
    assert equity["equity"] == pytest.approx(equity["cash"] + equity["inventory"])


def test_an_input_that_ends_without_a_row_still_has_totals() -> None:
    block = Block(0, 0, 1, True, ROWS[:0].copy(), findings=(("duplicate", True, 3),))
    (report,) = Portfolio(params()).take(block)
    assert report.totals is not None
    assert report.totals.ledger["equity"] == pytest.approx(90_000.0)
    assert report.totals.findings == (("duplicate", True, 3),)


def test_account_bytes_that_are_no_pool_are_told_and_kill_nothing() -> None:
    (blocks,) = slices(ROWS[:300], 300)
    broken = AccountWrite(int(blocks[0].rows["seq"][0]), POOLS[0].pool, "owner", b"short")
    blocks[0] = msgspec.structs.replace(blocks[0], writes=(broken,))
    _, fills, _, totals = together(take(Portfolio(params()), blocks))
    assert 0 not in fills["pool"]
    assert any("pool-0" in line for line in totals.troubles)
