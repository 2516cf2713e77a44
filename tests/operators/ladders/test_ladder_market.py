"""The market maker with liquidity, from the rows to the ledger, on paper: it places once, and moves where it must."""

import msgspec
import numpy as np

from operators.blocks import Block, Rows
from operators.desk import Desk, DeskParams
from operators.market.volatility import VolatilityParams
from operators.orders.records import ACTIONS, RULES, STATUSES
from operators.portfolio import Portfolio
from operators.portfolio_records import PortfolioParams, RiskLimits
from operators.strategies.interface import PlannedStrategy, Policy
from operators.strategies.ladder_making import LadderMaking
from tests.operators.markets import ORIGINS, SOL, path

MAKER = LadderMaking(ladder_bins=5, volatility_multiplier=0.0, min_rebalance_s=2.0, repeat_slots=20)
BAND = Policy(inventory_target=0.5, max_inventory_deviation=0.2, skew_bins=2.0, min_rebalance_s=2.0)
PARAMS = PortfolioParams(
    pools=(SOL,),
    strategies=(PlannedStrategy(MAKER, frozenset({0}), BAND),),
    limits=RiskLimits(1e12, 1e12, 1e12, 1.0, 1.0, 1_000),
    capital=10_000.0,
    latency_slots=1,
    slippage_bps=50.0,
    equity_interval_s=10.0,
    depth_bins=35,
    transaction_cost=0.002,
)


def rows_of(bins: list[int], volume: float) -> Rows:
    """A row a slot, which traded so much in quote currency."""
    rows = path(bins)
    rows["volume"] = volume
    return rows


def walk(bins: list[int], volume: float = 500.0, params: PortfolioParams = PARAMS) -> tuple[Rows, dict[str, float]]:
    """Return the ladders' orders, and the pool's book at the end."""
    desk = Desk(0, DeskParams(params.pools, VolatilityParams(), params.strategies, 1e6))
    (report,) = Portfolio(params).take(desk.walk(Block(0, 0, 1, True, rows_of(bins, volume))))
    assert report.totals is not None
    assert set(report.orders["action"].tolist()) <= {ACTIONS.index("rebalance")}
    return report.orders, report.totals.books[0]


def ends(orders: Rows) -> list[tuple[str, str]]:
    return [(STATUSES[order["status"]], RULES[order["rule"]]) for order in orders]


def test_a_flat_market_has_one_ladder_and_nothing_more() -> None:
    orders, book = walk([0] * 400)
    assert ends(orders) == [("filled", "none")]
    assert (orders["lower"][0], orders["upper"][0]) == (ORIGINS[0] - 5, ORIGINS[0] + 5)
    assert book["position_x"] > 0 < book["position_y"]
    assert book["realised"] == 0.0


def test_a_market_without_volume_pays_for_no_ladder() -> None:
    orders, book = walk([0] * 400, volume=0.0)
    assert set(ends(orders)) == {("withheld", "cost_above_profit")}
    assert (book["position_x"], book["position_y"]) == (0, 0)


def test_where_the_edge_is_smaller_than_the_cost_nothing_is_placed() -> None:
    dear = msgspec.structs.replace(PARAMS, transaction_cost=1e6)
    orders, book = walk([0, 1, -1, 2, -3, 4, 9, 20, -20] * 40, params=dear)
    assert set(ends(orders)) == {("withheld", "cost_above_profit")}
    assert (book["position_x"], book["position_y"]) == (0, 0)


def test_a_price_that_leaves_the_ladder_is_followed() -> None:
    orders, _ = walk([0] * 20 + [30] * 20 + [60] * 20)
    assert ends(orders) == [("filled", "none")] * 3
    assert orders["old_position"].tolist() == [0, 1, 2]
    assert [int(order["other_min_out"]) - ORIGINS[0] for order in orders] == [0, 30, 60]


def test_inventory_that_leaves_its_band_moves_the_ladder_before_the_price_has_left_it() -> None:
    orders, _ = walk([0] * 20 + [-1, -2, -3, -4] + [-4] * 100)
    assert ends(orders) == [("filled", "none")] * 2
    moved = orders[1]
    assert moved["amount_y"] == 0
    assert moved["ask_lower"] == moved["other_min_out"] + 1
    assert ORIGINS[0] - 5 <= moved["other_min_out"] < ORIGINS[0]


def test_a_price_that_swings_through_the_ladder_earns_more_than_it_costs() -> None:
    swings = [0] * 20 + [1, 2, 1, 0, -1, -2, -1, 0] * 40
    orders, book = walk(swings, volume=500.0)
    worth = np.dot(
        [book["quote"] + book["position_y"], book["base"] + book["position_x"]],
        [book["unit_y"], book["unit_x"] * book["price"]],
    )
    assert len(orders) == 1
    assert worth > PARAMS.capital + PARAMS.transaction_cost


def test_the_last_bins_of_the_program_are_refused_by_name() -> None:
    orders, _ = walk([-17_581 - ORIGINS[0]] * 100)
    assert {rule for _, rule in ends(orders)} == {"impossible_amount"}
