"""Arbitrages without a size: how they are sized, capped and withheld, what they promise, and how they land."""

import math
import pickle

import msgspec
import numpy as np
import pytest

from dlmm.price import price_x64
from dlmm.records import Venue
from dlmm.struct_arrays import join
from operators.blocks import ARBITRAGE, Block, Rows, split_by_pool
from operators.orders.records import FAILED, FILLED, REFUSED, RULES, SIZED_BY, STATUSES, WITHHELD
from operators.pools import PoolInfo
from operators.portfolio import Portfolio
from operators.portfolio_records import PortfolioParams, Report, RiskLimits
from operators.strategies.interface import PlannedStrategy, Policy
from operators.strategies.swap_quotes import SwapQuotes
from tests.operators.markets import market, no_signals

SOL = PoolInfo("sol", Venue.METEORA, "SOL", "USDC", 20, 1_000)
OTHER_SOL = PoolInfo("other sol", Venue.SAROS, "SOL", "USDC", 20, 1_000)
MSOL = PoolInfo("msol", Venue.METEORA, "MSOL", "USDC", 20, 1_000)
STAKED = PoolInfo("staked", Venue.METEORA, "MSOL", "SOL", 20, 1_000, decimals_y=9)
SAME = PoolInfo("sol again", Venue.METEORA, "SOL", "USDC", 20, 1_000)
TURNED_SOL = PoolInfo("turned sol", Venue.METEORA, "USDC", "SOL", 20, 1_000, decimals_x=6, decimals_y=9)
POOLS = (SOL, OTHER_SOL, MSOL, STAKED)
ALL_POOLS = (*POOLS, TURNED_SOL)
HERE, THERE, M_SOL, BETWEEN, TURNED_AROUND = range(5)
ZERO = {Venue.METEORA: 0, Venue.SAROS: 1 << 23}
UNLIMITED = RiskLimits(1e12, 1e12, 1e12, 1.0, 1.0, 1_000)
FREE = Policy(max_liquidity_share=1.0)


def params(policy: Policy = FREE, limits: RiskLimits = UNLIMITED, **changes: object) -> PortfolioParams:
    made = PortfolioParams(
        pools=POOLS,
        strategies=(PlannedStrategy(SwapQuotes(), frozenset({HERE, THERE, M_SOL}), policy, "", frozenset({BETWEEN})),),
        limits=limits,
        capital=30_000_000.0,
        latency_slots=1,
        slippage_bps=50.0,
        equity_interval_s=10.0,
        depth_bins=30,
    )
    return msgspec.structs.replace(made, **changes)


def rows_of(*places: tuple[int, int, int]) -> Rows:
    """Rows of (pool, slots since the last one, active bin); a staked SOL is one SOL at bin 0."""
    rows = market([(0, slots, 0, 1_000_000) for _, slots, _ in places], first_seq=1)
    for row, (pool, _, bins) in zip(rows, places, strict=True):
        info = ALL_POOLS[pool]
        row["pool"], row["active_id"] = pool, ZERO[info.venue] + bins
        row["price"] = price_x64(bins, info.bin_step) / 2**64 * 10.0 ** (info.decimals_x - info.decimals_y)
        if pool == BETWEEN:
            row["liquidity"] = 7_000.0
        if pool == TURNED_AROUND:  # of SOL
            row["liquidity"] *= row["price"]
    return rows


def wish(row: np.void, *through: int, directions: int) -> Rows:
    made = no_signals()
    made = np.zeros(1, made.dtype)
    for field in ("bid", "ask", "bid_size", "ask_size", "expected_profit"):
        made[field] = math.nan
    made["seq"], made["kind"], made["directions"], made["third_pool"] = row["seq"], ARBITRAGE, directions, -1
    for field, pool in zip(("pool", "other_pool", "third_pool"), through, strict=False):
        made[field] = pool
    return made


def walk(portfolio: Portfolio, rows: Rows, wishes: dict[int, Rows]) -> list[Report]:
    reports = []
    for index in range(len(rows)):
        row = rows[index : index + 1].copy()
        signals = join([no_signals(), *([wishes[index]] if index in wishes else [])])
        reports += portfolio.take(Block(int(row["pool"][0]), index, 1, index == len(rows) - 1, row, signals=signals))
    return reports


def books(reports: list[Report]) -> tuple[dict[str, float], ...]:
    totals = reports[-1].totals
    assert totals is not None
    return totals.books


def ended(reports: list[Report]) -> np.void:
    (order,) = join([report.orders for report in reports])
    return np.void(order)


# Fees are 0.02 % in either pool and bins 0.2 % wide: ten bins apart there is something to be earned.
APART = rows_of((HERE, 0, -1_000), (THERE, 0, -990), (HERE, 1, -1_000), (HERE, 1, -1_000))
ROUND = 0b10
TRIANGLE = rows_of(
    (HERE, 0, -1_000), (M_SOL, 0, -985), (BETWEEN, 0, 0), (HERE, 1, -1_000), (HERE, 1, -1_000), (HERE, 1, -1_000)
)
# Buy SOL with USDC, buy staked SOL with SOL, sell staked SOL.
AROUND = 0b100


def pair(row: int = 1) -> dict[int, Rows]:
    return {row: wish(APART[row], HERE, THERE, directions=ROUND)}


def triangle() -> dict[int, Rows]:
    return {2: wish(TRIANGLE[2], HERE, BETWEEN, M_SOL, directions=AROUND)}


def test_a_pair_is_sized_at_what_earns_most_and_lands_with_what_it_found() -> None:
    reports = walk(Portfolio(params()), APART, pair())
    order = ended(reports)
    assert STATUSES[order["status"]] == "filled"
    assert SIZED_BY[order["sized_by"]] == "profit"
    assert order["is_exact_out"]
    bought, sold = join([report.fills for report in reports])
    assert bought["amount_out"] == sold["amount_in"] == order["min_out"] == order["other_in"]
    assert bought["amount_in"] <= order["amount_in"]
    assert bought["slot"] > order["slot"]
    profit = (sold["amount_out"] - bought["amount_in"]) * 1e-6
    assert profit > 100.0
    assert bought["realised"] == 0.0
    assert sold["realised"] == pytest.approx(profit)


def test_the_last_limit_is_a_floor_for_the_worst_case_of_the_first() -> None:
    terms = params(Policy(max_liquidity_share=1.0, min_profit=2.5), transaction_cost=1.25)
    order = ended(walk(Portfolio(terms), APART, pair()))
    assert order["other_min_out"] == order["amount_in"] + 3_750_000


def test_a_round_moves_its_profit_and_nothing_else() -> None:
    before = books(walk(Portfolio(params()), APART, {}))
    reports = walk(Portfolio(params()), APART, pair())
    bought, sold = join([report.fills for report in reports])
    profit = sold["amount_out"] - bought["amount_in"]
    after = books(reports)
    assert [book["base"] for book in after] == [book["base"] for book in before]
    gained = [now["quote"] - then["quote"] for now, then in zip(after, before, strict=True)]
    assert gained == [0, profit, 0, 0]
    assert [book["realised"] for book in after] == pytest.approx([0.0, profit * 1e-6, 0.0, 0.0])
    assert [book["fees"] for book in after] == pytest.approx([bought["fee"], sold["fee"], 0.0, 0.0])
    assert min(bought["fee"], sold["fee"]) > 0.0
    totals = reports[-1].totals
    assert totals is not None
    assert (totals.ledger["wins"], totals.ledger["losses"], totals.ledger["fills"]) == (1, 0, 2)
    assert totals.ledger["gross_profit"] == pytest.approx(profit * 1e-6)


def test_the_account_that_a_round_was_made_with_has_its_profit() -> None:
    portfolio = Portfolio(params())
    reports = walk(portfolio, APART, pair())
    bought, sold = join([report.fills for report in reports])
    account = portfolio._tables.accounts[0, THERE]
    assert account["realised"] == pytest.approx((sold["amount_out"] - bought["amount_in"]) * 1e-6)
    assert (account["trades_won"], account["trades_lost"]) == (1, 0)
    assert account["won"] == pytest.approx((sold["amount_out"] - bought["amount_in"]) / bought["amount_in"])
    accounts, total = portfolio._tables.accounts, books(reports)
    for pool in range(len(POOLS)):
        for field in ("base", "quote", "reserved_base", "reserved_quote"):
            assert accounts[field][:, pool].sum() == total[pool][field]


@pytest.mark.parametrize(
    ("terms", "cap", "sized_by"),
    [
        (params(capital=30_000.0), 5_000.0, "budget"),
        (params(limits=msgspec.structs.replace(UNLIMITED, max_position_size=300.0)), 300.0, "max_position_size"),
        (params(Policy(max_liquidity_share=0.001)), 1_000.0, "liquidity"),
    ],
)
def test_the_least_cap_ends_a_size(terms: PortfolioParams, cap: float, sized_by: str) -> None:
    order = ended(walk(Portfolio(terms), APART, pair()))
    assert SIZED_BY[order["sized_by"]] == sized_by
    assert STATUSES[order["status"]] == "filled"
    assert 0.999 * cap < order["value"] <= cap + 1e-6


def test_what_does_not_pay_its_cost_and_the_least_profit_is_withheld_with_the_figures() -> None:
    earned = walk(Portfolio(params()), APART, pair())
    bought, sold = join([report.fills for report in earned])
    profit = (sold["amount_out"] - bought["amount_in"]) * 1e-6
    for cost, least in ((profit * 0.6, profit * 0.6), (profit * 1.1, 0.0), (0.0, profit * 1.1)):
        terms = params(Policy(max_liquidity_share=1.0, min_profit=least), transaction_cost=cost)
        order = ended(walk(Portfolio(terms), APART, pair()))
        assert (order["status"], RULES[order["rule"]]) == (WITHHELD, "cost_above_profit")
        assert order["figure"] == pytest.approx(profit, rel=1e-4)
        assert order["bound"] == pytest.approx(cost + least)


def test_pools_that_agree_earn_nothing() -> None:
    rows = rows_of((HERE, 0, -1_000), (THERE, 0, -1_000), (HERE, 1, -1_000))
    order = ended(walk(Portfolio(params()), rows, {1: wish(rows[1], HERE, THERE, directions=ROUND)}))
    assert (order["status"], RULES[order["rule"]], order["figure"]) == (WITHHELD, "cost_above_profit", 0.0)


def test_the_wrong_way_round_earns_nothing() -> None:
    order = ended(walk(Portfolio(params()), APART, {1: wish(APART[1], THERE, HERE, directions=ROUND)}))
    assert (order["status"], RULES[order["rule"]], order["figure"]) == (WITHHELD, "cost_above_profit", 0.0)


@pytest.mark.parametrize(
    ("through", "directions"),
    [
        ((HERE, HERE), ROUND),  # one pool
        ((HERE, M_SOL), ROUND),  # buys SOL, sells staked SOL
        ((HERE, THERE), 0b01),  # begins with SOL
        ((HERE, THERE), 0b00),  # buys twice
        ((BETWEEN, THERE), ROUND),  # begins in a pool that has no budget
        ((HERE, M_SOL, BETWEEN), AROUND),  # in an order that does not chain
    ],
)
def test_swaps_that_make_no_round_earn_nothing(through: tuple[int, ...], directions: int) -> None:
    rows = rows_of((HERE, 0, -1_000), (THERE, 0, -990), (M_SOL, 0, -985), (BETWEEN, 0, 0), (HERE, 1, -1_000))
    order = ended(walk(Portfolio(params()), rows, {3: wish(rows[3], *through, directions=directions)}))
    assert (order["status"], RULES[order["rule"]], order["figure"]) == (WITHHELD, "cost_above_profit", 0.0)


def test_a_pool_that_has_shown_no_price_yet_earns_nothing() -> None:
    rows = rows_of((HERE, 0, -1_000), (HERE, 1, -1_000))
    order = ended(walk(Portfolio(params()), rows, {0: wish(rows[0], HERE, THERE, directions=ROUND)}))
    assert (order["status"], RULES[order["rule"]], order["figure"]) == (WITHHELD, "cost_above_profit", 0.0)


def test_without_quote_currency_of_its_own_a_strategy_goes_no_round() -> None:
    terms = params(Policy(max_liquidity_share=1.0, inventory_target=1.0), capital=1e-6)
    order = ended(walk(Portfolio(terms), APART, pair()))
    assert (order["status"], RULES[order["rule"]]) == (WITHHELD, "strategy_budget")


def test_the_gate_is_asked() -> None:
    terms = params(limits=msgspec.structs.replace(UNLIMITED, max_open_orders=0))
    order = ended(walk(Portfolio(terms), APART, pair()))
    assert (order["status"], RULES[order["rule"]]) == (REFUSED, "max_open_orders")


def test_where_the_gap_has_closed_no_swap_happens() -> None:
    rows = rows_of((HERE, 0, -1_000), (THERE, 0, -990), (THERE, 0, -1_000), (HERE, 1, -1_000))
    before = books(walk(Portfolio(params()), rows, {}))
    reports = walk(Portfolio(params()), rows, {1: wish(rows[1], HERE, THERE, directions=ROUND)})
    order = ended(reports)
    assert order["status"] == FAILED
    assert sum(len(report.fills) for report in reports) == 0
    assert books(reports) == before


def test_a_round_of_another_strategy_meets_the_pools_as_the_first_one_left_them() -> None:
    (planned,) = params().strategies
    other = msgspec.structs.replace(planned, strategy=SwapQuotes(name="other"))
    wishes = join([pair()[1], pair()[1]])
    wishes["strategy"] = 0, 1
    reports = walk(Portfolio(params(strategies=(planned, other))), APART, {1: wishes})
    first, second = join([report.orders for report in reports])
    # Both were sized on the same pools, and the first to land has taken it all.
    assert (first["status"], second["status"]) == (FILLED, FAILED)


def test_a_triangle_passes_through_a_pool_without_a_budget() -> None:
    before = books(walk(Portfolio(params()), TRIANGLE, {}))
    reports = walk(Portfolio(params()), TRIANGLE, triangle())
    order = ended(reports)
    assert STATUSES[order["status"]] == "filled"
    fills = join([report.fills for report in reports])
    assert fills["pool"].tolist() == [HERE, BETWEEN, M_SOL]
    assert fills["side"].tolist() == [1, 1, -1]
    assert fills["amount_out"][:-1].tolist() == fills["amount_in"][1:].tolist()
    profit = int(fills["amount_out"][-1]) - int(fills["amount_in"][0])
    assert profit > 0
    after = books(reports)
    gained = [
        (now["base"] - then["base"], now["quote"] - then["quote"]) for now, then in zip(after, before, strict=True)
    ]
    assert gained == [(0, 0), (0, 0), (0, profit), (0, 0)]
    assert after[BETWEEN]["budget"] == after[BETWEEN]["quote"] == after[BETWEEN]["base"] == 0


def test_what_a_pool_in_another_currency_took_is_told_in_the_portfolios() -> None:
    reports = walk(Portfolio(params()), TRIANGLE, triangle())
    fills = join([report.fills for report in reports])
    # Each swap takes the same fee of much the same value.
    assert fills["fee"].tolist() == pytest.approx([float(fills["fee"][0])] * 3, rel=0.1)
    assert fills["price"][1] == pytest.approx(1.0, rel=0.1)
    totals = reports[-1].totals
    assert totals is not None
    assert totals.ledger["volume"] == pytest.approx(3 * int(fills["amount_in"][0]) * 1e-6, rel=0.1)


def test_each_swap_of_a_triangle_brings_what_the_next_one_takes() -> None:
    terms = params(Policy(max_liquidity_share=1.0, min_profit=0.5), transaction_cost=0.25)
    order = ended(walk(Portfolio(terms), TRIANGLE, triangle()))
    assert order["is_exact_out"]
    assert (order["min_out"], order["other_min_out"]) == (order["other_in"], order["third_in"])
    assert order["third_min_out"] == order["amount_in"] + 750_000


@pytest.mark.parametrize(
    ("pool", "bins", "status"), [(HERE, -999, FILLED), (M_SOL, -986, FILLED), (BETWEEN, 1, FAILED)]
)
def test_of_three_swaps_the_first_and_the_last_may_get_worse(pool: int, bins: int, status: int) -> None:
    moved = (pool, 0, bins)
    rows = rows_of(
        (HERE, 0, -1_000), (M_SOL, 0, -985), (BETWEEN, 0, 0), moved, (HERE, 1, -999 if pool == HERE else -1_000)
    )
    order = ended(walk(Portfolio(params()), rows, triangle()))
    assert order["status"] == status


def test_a_triangle_is_capped_by_a_pool_in_another_currency_at_what_that_is_worth() -> None:
    order = ended(walk(Portfolio(params(Policy(max_liquidity_share=0.001))), TRIANGLE, triangle()))
    price = price_x64(-1_000, 20) / 2**64 * 1e3
    assert SIZED_BY[order["sized_by"]] == "liquidity"
    assert order["value"] == pytest.approx(0.001 * 7_000.0 * price, rel=1e-3)


@pytest.mark.parametrize(("rows", "wishes"), [(APART, pair()), (TRIANGLE, triangle())])
def test_it_does_not_matter_how_rows_are_cut(rows: Rows, wishes: dict[int, Rows]) -> None:
    one_by_one = walk(Portfolio(params()), rows, wishes)
    ((index, wished),) = wishes.items()
    pool = int(rows[index]["pool"])
    parts = split_by_pool(rows.copy(), len(POOLS))
    blocks = [
        Block(at, 0, len(parts), True, mine, signals=wished if at == pool else no_signals()) for at, mine in parts
    ]
    portfolio = Portfolio(params())
    (together,) = [report for block in blocks for report in portfolio.take(block)]
    for field in ("orders", "fills"):
        assert join([getattr(report, field) for report in one_by_one]).tobytes() == getattr(together, field).tobytes()


def test_a_portfolio_taken_up_between_decision_and_landing_lands_the_same_round() -> None:
    unbroken = walk(Portfolio(params()), APART, pair())
    first, second = Portfolio(params()), Portfolio(params())
    reports = []
    for index in range(len(APART)):
        portfolio = first if index < 2 else second
        if index == 2:
            second.restore(pickle.loads(pickle.dumps(first.snapshot())))
        row = APART[index : index + 1].copy()
        signals = pair()[index] if index in pair() else no_signals()
        reports += portfolio.take(Block(int(row["pool"][0]), index, 1, index == 3, row, signals=signals))
    assert join([report.fills for report in reports]).tobytes() == join([r.fills for r in unbroken]).tobytes()


def test_a_full_portfolio_still_goes_a_round() -> None:
    terms = params(limits=msgspec.structs.replace(UNLIMITED, max_pool_exposure=0.0, max_total_exposure=0.0))
    assert ended(walk(Portfolio(terms), APART, pair()))["status"] == FILLED


def test_a_pool_not_heard_of_stops_a_round_wherever_it_comes() -> None:
    rows = rows_of((THERE, 0, -990), (HERE, 26, -1_000), (HERE, 1, -1_000))
    terms = params(limits=msgspec.structs.replace(UNLIMITED, max_feed_age_slots=25))
    order = ended(walk(Portfolio(terms), rows, {1: wish(rows[1], HERE, THERE, directions=ROUND)}))
    assert (order["status"], RULES[order["rule"]], order["figure"]) == (REFUSED, "stale_feed", 26.0)


def test_an_order_tells_the_compute_units_of_all_its_swaps() -> None:
    two = ended(walk(Portfolio(params()), APART, pair()))
    three = ended(walk(Portfolio(params()), TRIANGLE, triangle()))
    assert 80_000 < two["compute_units"] < three["compute_units"] < 1_400_000
