"""Exchanges: X of one pool for X of another in one transaction, there and back, and nothing by halves."""

import math
from collections.abc import Sequence

import msgspec
import numpy as np
import pytest

from dlmm.price import price_x64
from dlmm.records import Venue
from dlmm.struct_arrays import join
from operators.blocks import ARBITRAGE, Block, Rows
from operators.orders.records import BUY, ROUTE, RULES, SELL, SIZED_BY, STATUSES
from operators.pools import PoolInfo
from operators.portfolio import Portfolio
from operators.portfolio_records import PortfolioParams, Report, RiskLimits
from operators.strategies.interface import PlannedStrategy, Policy
from operators.strategies.swap_quotes import SwapQuotes
from tests.operators.markets import market, no_signals

SOL = PoolInfo("sol", Venue.METEORA, "SOL", "USDC", 20, 1_000)
MSOL = PoolInfo("msol", Venue.SAROS, "MSOL", "USDC", 20, 1_000)
JUP = PoolInfo("jup", Venue.METEORA, "JUP", "EUR", 20, 1_000)
POOLS = (SOL, MSOL, JUP)
HERE, THERE, FOREIGN = range(3)
ZERO = {Venue.METEORA: 0, Venue.SAROS: 1 << 23}
UNLIMITED = RiskLimits(1e12, 1e12, 1e12, 1.0, 1.0, 1_000)
POLICY = Policy(kelly_fraction=0.25, max_liquidity_share=1.0)
KELLY = 0.25 * 0.19
"""Of equity, by the policy's prior."""
CAPITAL = 90_000.0


def params(policy: Policy = POLICY, limits: RiskLimits = UNLIMITED, **changes: object) -> PortfolioParams:
    made = PortfolioParams(
        pools=POOLS,
        strategies=(PlannedStrategy(SwapQuotes(), frozenset({HERE, THERE}), policy),),
        limits=limits,
        capital=CAPITAL,
        latency_slots=1,
        slippage_bps=50.0,
        equity_interval_s=10.0,
        depth_bins=30,
    )
    return msgspec.structs.replace(made, **changes)


def rows_of(*places: tuple[int, int, int]) -> Rows:
    """Rows of (pool, slots since the last one, active bin)."""
    rows = market([(0, slots, 0, 10_000_000) for _, slots, _ in places], first_seq=1)
    for row, (pool, _, bins) in zip(rows, places, strict=True):
        info = POOLS[pool]
        row["pool"], row["active_id"] = pool, ZERO[info.venue] + bins
        row["price"] = price_x64(bins, info.bin_step) / 2**64 * 10.0 ** (info.decimals_x - info.decimals_y)
    return rows


CALM = rows_of((HERE, 0, -1_000), (THERE, 0, -950), *[(HERE, 1, -1_000), (THERE, 0, -950)] * 9)


def wish(rows: Rows, index: int, sold: int = HERE, bought: int = THERE, fraction: float = math.nan) -> Rows:
    made = np.zeros(1, no_signals().dtype)
    for field in ("bid_size", "ask_size", "expected_profit"):
        made[field] = math.nan
    latest = {int(row["pool"]): float(row["price"]) for row in rows[: index + 1]}
    made["seq"], made["kind"], made["directions"], made["third_pool"] = rows[index]["seq"], ARBITRAGE, 0b01, -1
    made["pool"], made["other_pool"], made["fraction"] = sold, bought, fraction
    made["ask"], made["bid"] = latest.get(sold, 1.0), latest.get(bought, 1.0)
    return made


def walk(made: PortfolioParams, rows: Rows, wishes: Sequence[tuple[int, Rows]]) -> tuple[Portfolio, list[Report]]:
    portfolio, reports = Portfolio(made), []
    for index in range(len(rows)):
        row = rows[index : index + 1].copy()
        signals = join([no_signals(), *[one for at, one in wishes if at == index]])
        reports += portfolio.take(Block(int(row["pool"][0]), index, 1, index == len(rows) - 1, row, signals=signals))
    return portfolio, reports


def orders_of(reports: Sequence[Report]) -> Rows:
    return join([report.orders for report in reports])


def fills_of(reports: Sequence[Report]) -> Rows:
    return join([report.fills for report in reports])


def held(reports: Sequence[Report]) -> list[tuple[float, float]]:
    """X and Y of each traded pool in whole tokens, at the end."""
    totals = reports[-1].totals
    assert totals is not None
    return [(book["base"] * book["unit_x"], book["quote"] * book["unit_y"]) for book in totals.books[:2]]


def test_an_entry_sells_here_and_buys_there_for_what_it_brings() -> None:
    _, untouched = walk(params(), CALM, ())
    _, reports = walk(params(), CALM, [(1, wish(CALM, 1))])
    (order,) = orders_of(reports)
    sale, purchase = fills_of(reports)
    assert (STATUSES[order["status"]], order["action"]) == ("filled", ROUTE)
    assert (SIZED_BY[order["sized_by"]], order["size_fraction"]) == ("kelly", pytest.approx(KELLY))
    assert order["value"] == pytest.approx(KELLY * CAPITAL, rel=1e-3)
    assert (sale["pool"], sale["side"], purchase["pool"], purchase["side"]) == (HERE, SELL, THERE, BUY)
    assert sale["slot"] == purchase["slot"] == order["slot"] + 1
    assert (sale["amount_in"], purchase["amount_in"]) == (order["amount_in"], order["other_in"])
    assert sale["amount_out"] >= order["min_out"] == order["other_in"]
    assert purchase["amount_out"] >= order["other_min_out"]
    (before_here, before_there), (here, there) = held(untouched), held(reports)
    assert before_here[0] - here[0] == pytest.approx(sale["amount_in"] * 1e-9)
    assert here[1] - before_here[1] == pytest.approx(sale["amount_out"] * 1e-6)
    assert there[0] - before_there[0] == pytest.approx(purchase["amount_out"] * 1e-9)
    assert before_there[1] - there[1] == pytest.approx(purchase["amount_in"] * 1e-6)


def test_the_way_back_brings_the_inventory_to_its_target_and_is_made_once() -> None:
    back = [(at, wish(CALM, at, THERE, HERE, fraction=1.0)) for at in (7, 11, 15)]
    portfolio, reports = walk(params(), CALM, [(1, wish(CALM, 1)), *back])
    entry, leaving = orders_of(reports)
    assert (entry["pool"], leaving["pool"]) == (HERE, THERE)
    assert SIZED_BY[leaving["sized_by"]] == "holdings"
    assert len(fills_of(reports)) == 4
    _, untouched = walk(params(), CALM, ())
    for (now, _), (before, _) in zip(held(reports), held(untouched), strict=True):
        assert now == pytest.approx(before, rel=0.002)
    assert portfolio.snapshot().ledger  # and all of it can be saved


def test_without_anything_to_bring_back_no_order_is_made() -> None:
    moved = rows_of((HERE, 0, -1_000), (THERE, 0, -950), (HERE, 1, -960), (THERE, 0, -910), (HERE, 1, -960))
    for sold, bought in ((HERE, THERE), (THERE, HERE)):
        _, reports = walk(params(), moved, [(3, wish(moved, 3, sold, bought, fraction=1.0))])
        assert len(orders_of(reports)) == 0


def test_half_a_fraction_brings_half_of_it_back() -> None:
    enter = (1, wish(CALM, 1))
    whole, half = (
        orders_of(walk(params(), CALM, [enter, (7, wish(CALM, 7, THERE, HERE, fraction=part))])[1])[1]
        for part in (1.0, 0.5)
    )
    assert half["amount_in"] == pytest.approx(whole["amount_in"] / 2, rel=1e-6)


def test_where_one_swap_would_not_keep_its_limit_nothing_moves() -> None:
    for pool, bins in ((HERE, -1_006), (THERE, -944)):
        moved = (pool, 0, bins)
        rows = rows_of((HERE, 0, -1_000), (THERE, 0, -950), moved, (HERE, 1, -1_000), (HERE, 1, -1_000))
        _, untouched = walk(params(), rows, ())
        _, reports = walk(params(), rows, [(1, wish(rows, 1))])
        assert [STATUSES[order["status"]] for order in orders_of(reports)] == ["failed"]
        assert len(fills_of(reports)) == 0
        assert held(reports) == held(untouched)


def test_an_entry_is_capped_by_what_there_is_to_sell_and_to_spend() -> None:
    all_in = Policy(kelly_fraction=1.0, max_liquidity_share=1.0, win_rate=0.99, inventory_target=0.3)
    (order,) = orders_of(walk(params(all_in), CALM, [(1, wish(CALM, 1))])[1])
    assert SIZED_BY[order["sized_by"]] == "holdings"
    assert order["value"] == pytest.approx(0.3 * CAPITAL / 2)
    rich = msgspec.structs.replace(all_in, inventory_target=0.8)
    (order,) = orders_of(walk(params(rich), CALM, [(1, wish(CALM, 1))])[1])
    assert SIZED_BY[order["sized_by"]] == "budget"
    assert order["value"] == pytest.approx(0.2 * CAPITAL / 2)
    small = msgspec.structs.replace(UNLIMITED, max_position_size=123.0)
    (order,) = orders_of(walk(params(limits=small), CALM, [(1, wish(CALM, 1))])[1])
    assert (SIZED_BY[order["sized_by"]], order["value"]) == ("max_position_size", pytest.approx(123.0))
    thin = msgspec.structs.replace(POLICY, max_liquidity_share=1e-5)
    (order,) = orders_of(walk(params(thin), CALM, [(1, wish(CALM, 1))])[1])
    assert (SIZED_BY[order["sized_by"]], order["value"]) == ("liquidity", pytest.approx(100.0))


def test_what_the_market_did_to_the_tokens_does_not_change_the_size() -> None:
    falling = CALM.copy()
    low = rows_of((HERE, 0, -1_100), (THERE, 0, -1_050))
    for index in range(6, len(falling)):
        falling[index]["active_id"] = low[falling[index]["pool"]]["active_id"]
        falling[index]["price"] = low[falling[index]["pool"]]["price"]
    wishes = [(7, wish(falling, 7)), (11, wish(falling, 11, THERE, HERE, 1.0)), (15, wish(falling, 15))]
    first, _, second = orders_of(walk(params(), falling, wishes)[1])
    assert second["value"] == pytest.approx(first["value"], rel=1e-3)


def test_without_an_edge_an_entry_is_withheld() -> None:
    (order,) = orders_of(walk(params(msgspec.structs.replace(POLICY, win_rate=0.2)), CALM, [(1, wish(CALM, 1))])[1])
    assert (STATUSES[order["status"]], RULES[order["rule"]]) == ("withheld", "no_edge")


def test_the_limits_hold_an_entry_where_it_buys_and_let_the_way_back_pass() -> None:
    tight = msgspec.structs.replace(UNLIMITED, max_pool_exposure=0.5 * CAPITAL / 2 + 100.0)
    (order,) = orders_of(walk(params(limits=tight), CALM, [(1, wish(CALM, 1))])[1])
    assert (STATUSES[order["status"]], RULES[order["rule"]]) == ("refused", "max_pool_exposure")
    # Both tokens fall by a fifth before the way back: the drawdown would hold whatever adds risk.
    falling = CALM.copy()
    low = rows_of((HERE, 0, -1_100), (THERE, 0, -1_050))
    for index in range(6, len(falling)):
        falling[index]["active_id"] = low[falling[index]["pool"]]["active_id"]
        falling[index]["price"] = low[falling[index]["pool"]]["price"]
    careful = msgspec.structs.replace(UNLIMITED, max_drawdown=0.05)
    wishes = [(1, wish(CALM, 1)), (9, wish(falling, 9)), (11, wish(falling, 11, THERE, HERE, fraction=1.0))]
    first, second, third = orders_of(walk(params(limits=careful), falling, wishes)[1])
    assert [STATUSES[order["status"]] for order in (first, second, third)] == ["filled", "refused", "filled"]
    assert RULES[second["rule"]] == "max_drawdown"


@pytest.mark.parametrize("pools", [(HERE, HERE), (HERE, FOREIGN), (FOREIGN, HERE)])
def test_what_is_no_exchange_is_withheld_by_name(pools: tuple[int, int]) -> None:
    (order,) = orders_of(walk(params(), CALM, [(1, wish(CALM, 1, *pools))])[1])
    assert (STATUSES[order["status"]], RULES[order["rule"]]) == ("withheld", "cost_above_profit")


@pytest.mark.parametrize("price", [0.0, math.nan, -1.0])
def test_prices_that_are_none_are_withheld(price: float) -> None:
    for field in ("ask", "bid"):
        signal = wish(CALM, 1)
        signal[field] = price
        (order,) = orders_of(walk(params(), CALM, [(1, signal)])[1])
        assert RULES[order["rule"]] == "impossible_amount"
