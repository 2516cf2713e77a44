"""Rounds that begin or end in a pool with the tokens the other way about: the portfolio's currency is its X."""

import msgspec
import pytest

from dlmm.struct_arrays import join
from operators.blocks import Rows
from operators.orders.records import RULES, SIZED_BY, STATUSES, WITHHELD
from operators.portfolio import Portfolio
from operators.portfolio_records import PortfolioParams
from operators.strategies.interface import PlannedStrategy
from operators.strategies.statistical_arbitrage import StatisticalArbitrage
from operators.strategies.swap_quotes import SwapQuotes
from tests.operators.routes.test_routing import (
    ALL_POOLS,
    APART,
    BETWEEN,
    FREE,
    HERE,
    M_SOL,
    THERE,
    TURNED_AROUND,
    books,
    ended,
    pair,
    params,
    rows_of,
    walk,
    wish,
)

TURNED_FREE = PlannedStrategy(
    SwapQuotes(), frozenset({HERE, THERE, M_SOL}), FREE, "", frozenset({BETWEEN, TURNED_AROUND})
)
ENDS_TURNED, BEGINS_TURNED = ((HERE, TURNED_AROUND), 0b00), ((TURNED_AROUND, HERE), 0b11)


def turned_params() -> PortfolioParams:
    return params(pools=ALL_POOLS, strategies=(TURNED_FREE,))


def turned_market(turned_bin: int) -> Rows:
    here = -1_000 if turned_bin == 990 else -990
    return rows_of((HERE, 0, here), (TURNED_AROUND, 0, turned_bin), (HERE, 1, here), (HERE, 1, here))


@pytest.mark.parametrize(("turned_bin", "through", "directions"), [(990, *ENDS_TURNED), (1_000, *BEGINS_TURNED)])
def test_a_pool_with_the_tokens_the_other_way_about_earns_what_a_straight_one_does(
    turned_bin: int, through: tuple[int, int], directions: int
) -> None:
    straight = walk(Portfolio(params()), APART, pair())
    rows = turned_market(turned_bin)
    before = books(walk(Portfolio(turned_params()), rows, {}))
    portfolio = Portfolio(turned_params())
    reports = walk(portfolio, rows, {1: wish(rows[1], *through, directions=directions)})
    order = ended(reports)
    assert STATUSES[order["status"]] == "filled"
    assert SIZED_BY[order["sized_by"]] == "profit"
    assert order["pool"] == HERE  # whose quote currency it begins with
    assert order["value"] == pytest.approx(ended(straight)["value"], rel=0.03)
    first, second = join([report.fills for report in reports])
    assert (first["pool"], second["pool"]) == through
    assert first["amount_out"] == second["amount_in"]
    profit = int(second["amount_out"]) - int(first["amount_in"])
    # Bins of one value in SOL are not quite of one value in USDC: at most 2 % from the first to the last of ten.
    bought, sold = join([report.fills for report in straight])
    assert profit == pytest.approx(int(sold["amount_out"]) - int(bought["amount_in"]), rel=0.03)
    assert (first["fee"], second["fee"]) == pytest.approx((bought["fee"], sold["fee"]), rel=0.03)
    after = books(reports)
    assert [now["base"] - then["base"] for now, then in zip(after, before, strict=True)] == [0] * 5
    assert [now["quote"] - then["quote"] for now, then in zip(after, before, strict=True)] == [profit, 0, 0, 0, 0]
    assert [book["realised"] for book in after] == pytest.approx([profit * 1e-6, 0.0, 0.0, 0.0, 0.0])
    assert after[TURNED_AROUND]["budget"] == after[TURNED_AROUND]["base"] == after[TURNED_AROUND]["quote"] == 0
    assert not portfolio._tables.accounts["reserved_quote"].any()
    totals = reports[-1].totals
    assert totals is not None
    assert totals.ledger["volume"] == pytest.approx(2 * int(first["amount_in"]) * 1e-6, rel=0.03)


@pytest.mark.parametrize(("turned_bin", "through", "directions"), [(990, *BEGINS_TURNED), (1_000, *ENDS_TURNED)])
def test_a_turned_pool_the_wrong_way_round_earns_nothing(
    turned_bin: int, through: tuple[int, int], directions: int
) -> None:
    rows = turned_market(turned_bin)
    order = ended(walk(Portfolio(turned_params()), rows, {1: wish(rows[1], *through, directions=directions)}))
    assert (order["status"], RULES[order["rule"]], order["figure"]) == (WITHHELD, "cost_above_profit", 0.0)


@pytest.mark.parametrize(("other", "level", "stepped"), [(THERE, -1_000, -990), (TURNED_AROUND, 1_000, 990)])
@pytest.mark.parametrize("is_here", [False, True])
def test_a_step_in_one_of_two_pools_is_earned_whatever_the_order_of_their_tokens(
    other: int, level: int, stepped: int, is_here: bool
) -> None:
    calm = [place for _ in range(300) for place in ((HERE, 1, -1_000), (other, 0, level))]
    step = (HERE, 1, -990) if is_here else (other, 1, stepped)
    rows = rows_of(*calm, step, *((pool, 1, bins) for pool, _, bins in (step, step)))
    seeking = PlannedStrategy(
        StatisticalArbitrage(),
        frozenset({HERE, THERE, M_SOL}),
        msgspec.structs.replace(FREE, inventory_target=0.0),
        "",
        frozenset({BETWEEN, TURNED_AROUND}),
    )
    reports = walk(Portfolio(params(pools=ALL_POOLS, strategies=(seeking,), capital=90_000_000.0)), rows, {})
    first, second = join([report.fills for report in reports])[:2]
    assert (first["pool"], second["pool"]) == ((other, HERE) if is_here else (HERE, other))
    # Ten bins of 0.2 %, 61 of them worth 1,000,000: about five bins of each pool turn, at half of the gap on average.
    profit = (int(second["amount_out"]) - int(first["amount_in"])) * 1e-6
    assert profit == pytest.approx(5 * 1_000_000 / 61 * 0.0098, rel=0.1)
    assert sum(report["realised"] for report in books(reports)) == pytest.approx(profit, rel=1e-6)
