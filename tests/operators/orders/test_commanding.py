"""Orders that are no plain swap: how they rest on paper, land later, and land whole or not at all."""

import msgspec
import numpy as np
import pytest

from dlmm.struct_arrays import join
from operators.blocks import ARBITRAGE, Block, Rows
from operators.orders.records import FAILED, FILLED, NO_POOL, ROUTE
from operators.portfolio import Portfolio
from operators.portfolio_records import PortfolioParams, Report, RiskLimits
from operators.strategies.interface import PlannedStrategy, Policy
from operators.strategies.swap_quotes import SwapQuotes
from tests.operators.markets import ORIGINS, SOL, bin_price, market, no_signals, signal

POOLS = (SOL, msgspec.structs.replace(SOL, pool="other sol", base_factor=2_000))
PARAMS = PortfolioParams(
    pools=POOLS,
    strategies=(PlannedStrategy(SwapQuotes(), frozenset({0, 1}), Policy()),),
    limits=RiskLimits(1e12, 1e12, 1e12, 1.0, 1.0, 1_000),
    capital=100_000.0,
    latency_slots=1,
    slippage_bps=50.0,
    equity_interval_s=10.0,
    depth_bins=30,
)


def rows_of(*places: tuple[int, int, int]) -> Rows:
    """Rows of (pool, slots since the last one, bins from the first pool's origin)."""
    rows = market([(pool, slots, bins, 1_000_000) for pool, slots, bins in places], first_seq=1)
    for row, (_, _, bins) in zip(rows, places, strict=True):
        row["active_id"], row["price"] = ORIGINS[0] + bins, bin_price(0, ORIGINS[0] + bins)
    return rows


def arbitrage(row: Rows, bid: float, ask: float, size: float = 1.0) -> Rows:
    made = signal(row[0], ARBITRAGE, bid=bid, ask=ask, bid_size=size)
    made["other_pool"] = 1
    return made


def walk(portfolio: Portfolio, rows: Rows, wishes: dict[int, Rows]) -> list[Report]:
    """Take rows one by one."""
    reports = []
    for index in range(len(rows)):
        row = rows[index : index + 1].copy()
        signals = join([no_signals(), *([wishes[index]] if index in wishes else [])])
        reports += portfolio.take(Block(int(row["pool"][0]), index, 1, index == len(rows) - 1, row, signals=signals))
    return reports


def all_orders(reports: list[Report]) -> Rows:
    orders = join([report.orders for report in reports])
    return orders[np.argsort(orders["order"])]


def books(reports: list[Report]) -> tuple[dict[str, float], ...]:
    totals = reports[-1].totals
    assert totals is not None
    return totals.books


def test_an_arbitrage_on_paper_lands_in_a_later_slot_with_both_swaps() -> None:
    rows = rows_of((1, 0, 20), (0, 0, 0), (0, 0, 0), (0, 1, 0))
    low, high = bin_price(0, ORIGINS[0]), bin_price(0, ORIGINS[0] + 20)
    wish = arbitrage(rows[1:2], low * 1.01, high * 0.99)
    before = books(walk(Portfolio(PARAMS), rows, {}))
    reports = walk(Portfolio(PARAMS), rows, {1: wish})
    assert [len(report.fills) for report in reports] == [0, 0, 0, 2]
    bought, sold = reports[-1].fills
    assert (bought["pool"], sold["pool"]) == (0, 1)
    assert (bought["side"], sold["side"]) == (1, -1)
    (order,) = reports[-1].orders
    assert (order["action"], order["status"], order["land_slot"]) == (ROUTE, FILLED, rows[1]["slot"] + 1)
    assert order["amount_in"] == bought["amount_in"]
    after = books(reports)
    # What was bought beyond what was sold, and the profit, are all that moved.
    assert after[0]["base"] == before[0]["base"]
    assert after[0]["quote"] == before[0]["quote"]
    assert after[1]["base"] - before[1]["base"] == bought["amount_out"] - sold["amount_in"]
    assert after[1]["quote"] - before[1]["quote"] == sold["amount_out"] - bought["amount_in"]
    assert after[0]["reserved_quote"] == 0


@pytest.mark.parametrize("gone", [0, 1])
def test_of_an_arbitrage_that_falls_short_nothing_moves(gone: int) -> None:
    # The gap that was seen has closed by the slot in which it lands, from one side or from the other.
    rows = rows_of((1, 0, 20), (0, 0, 0), (gone, 0, 20 if gone == 0 else 0), (0, 1, 0))
    low, high = bin_price(0, ORIGINS[0]), bin_price(0, ORIGINS[0] + 20)
    wish = arbitrage(rows[1:2], low * 1.01, high * 0.99)
    before = books(walk(Portfolio(PARAMS), rows, {}))
    portfolio = Portfolio(PARAMS)
    reports = walk(portfolio, rows, {1: wish})
    assert [order["status"] for order in reports[-1].orders] == [FAILED]
    assert sum(len(report.fills) for report in reports) == 0
    assert books(reports) == before
    assert portfolio.snapshot().pools.after_fill == (None, None)


def test_while_a_route_is_under_way_its_strategy_makes_no_other_through_its_pools() -> None:
    rows = rows_of((1, 0, 20), (0, 0, 0), (1, 0, 20), (0, 0, 0), (0, 1, 0), (0, 1, 0))
    low, high = bin_price(0, ORIGINS[0]), bin_price(0, ORIGINS[0] + 20)

    def wish(row: int) -> Rows:
        return arbitrage(rows[row : row + 1], low * 1.01, high * 0.99)

    portfolio = Portfolio(PARAMS)
    reports = walk(portfolio, rows, {row: wish(row) for row in (1, 3, 5)})
    # Wished in the slot of the first one, and in the slot after that one landed; a wish that makes no order has no id.
    assert [(order["order"], order["seq"]) for order in all_orders(reports)] == [
        (1, rows[1]["seq"]),
        (2, rows[5]["seq"]),
    ]
    turned = wish(3)
    turned["pool"], turned["other_pool"] = 1, 0
    assert len(all_orders(walk(Portfolio(PARAMS), rows, {1: wish(1), 3: turned}))) == 1


def test_a_route_under_way_holds_up_no_other_strategy_and_no_other_pools() -> None:
    rows = rows_of((1, 0, 20), (0, 0, 0), (0, 0, 0), (0, 0, 0))
    low, high = bin_price(0, ORIGINS[0]), bin_price(0, ORIGINS[0] + 20)
    more = (*POOLS, msgspec.structs.replace(SOL, pool="third sol"), msgspec.structs.replace(SOL, pool="fourth sol"))
    two = tuple(PlannedStrategy(SwapQuotes(name=name), frozenset(range(4)), Policy()) for name in ("one", "other"))
    params = msgspec.structs.replace(PARAMS, pools=more, strategies=two)
    first, others, elsewhere = (arbitrage(rows[row : row + 1], low * 1.01, high * 0.99) for row in (1, 2, 3))
    others["strategy"] = 1
    elsewhere["pool"], elsewhere["other_pool"], elsewhere["third_pool"] = 2, 3, NO_POOL
    orders = all_orders(walk(Portfolio(params), rows, {1: first, 2: others, 3: elsewhere}))
    assert [(order["strategy"], order["pool"]) for order in orders] == [(0, 0), (1, 0), (0, 2)]
