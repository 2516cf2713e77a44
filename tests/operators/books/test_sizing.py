"""A wish becomes an order of the right size, whose limit no fill can break."""

import math
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.blocks import TAKE, Rows
from operators.orders.records import RULES, SIZED_BY, STATUSES
from tests.operators.clockwork import UNIT_X, UNIT_Y, Clockwork, Rules
from tests.operators.markets import bin_price, path, signal

PRICE = bin_price(0, -996)


def draft(rules: Rules | None = None, liquidity: int = 10**9, **wish: Any) -> np.void:
    """The order that one side of a wish becomes, whatever came of it."""
    rows = path([0], liquidity=liquidity)
    kind = int(wish.pop("kind", 0))
    venue = Clockwork(rules).walk(rows, signal(rows[0], kind, **wish))
    (order,) = np.concatenate([venue.orders, venue.open])
    return np.void(order)


def rule(order: np.void) -> tuple[str, str]:
    return STATUSES[order["status"]], RULES[order["rule"]]


def is_sized(order: np.void, value: float, by: str) -> bool:
    """Whether an order is worth so much, and this is what bound it."""
    return float(order["value"]) == pytest.approx(value, abs=1e-4) and SIZED_BY[order["sized_by"]] == by


def test_without_a_size_an_order_is_worth_its_fraction_of_equity() -> None:
    order = draft(Rules(size_fraction=0.1), bid=PRICE)
    assert is_sized(order, 10_000.0, "kelly")
    assert order["amount_in"] == pytest.approx(10_000_000_000, abs=10)
    assert order["size_fraction"] == 0.1
    sell = draft(Rules(size_fraction=0.1), ask=PRICE)
    assert is_sized(sell, 10_000.0, "kelly")
    assert sell["amount_in"] == math.floor(sell["value"] / PRICE / UNIT_X[0])


def test_that_fraction_is_kellys_by_the_prior_until_there_is_a_record() -> None:
    seed = Rules(size_fraction=0.25, win_rate=0.55, average_win=0.001, average_loss=0.0008, prior_trades=100.0)
    order = draft(seed, bid=PRICE)
    assert order["size_fraction"] == pytest.approx(0.25 * 0.19)
    assert is_sized(order, 4_750.0, "kelly")


def test_equity_is_that_of_now_and_not_what_it_began_with() -> None:
    rows = path([0, 0])
    rows[1]["price"] = PRICE * 2.0
    venue = Clockwork(Rules(size_fraction=0.1)).walk(rows, signal(rows[1], bid=PRICE))
    assert venue.open[0]["value"] == pytest.approx(12_500.0, abs=1e-5)  # a quarter of it was in this pool's X


@pytest.mark.parametrize(
    ("rules", "liquidity", "value", "by"),
    [
        (Rules(max_liquidity_share=0.01), 40_000, 400.0, "liquidity"),
        (Rules(max_position_size=321.0), 10**9, 321.0, "max_position_size"),
        (Rules(max_pool_exposure=27_000.0), 10**9, 2_000.0, "exposure"),
        (Rules(max_total_exposure=28_000.0), 10**9, 3_000.0, "exposure"),
        (Rules(shares=(0.15, 0.85)), 10**9, 3_750.0, "budget"),
        (Rules(max_liquidity_share=0.01, max_position_size=321.0), 40_000, 321.0, "max_position_size"),
        (Rules(max_liquidity_share=0.01, max_position_size=421.0), 40_000, 400.0, "liquidity"),
        (Rules(shares=(0.01, 0.99), max_pool_exposure=25_300.0), 10**9, 250.0, "budget"),
        (Rules(shares=(0.01, 0.99), max_pool_exposure=25_200.0), 10**9, 200.0, "exposure"),
    ],
)
def test_a_buy_is_cut_to_the_least_of_what_bounds_it(rules: Rules, liquidity: int, value: float, by: str) -> None:
    order = draft(msgspec.structs.replace(rules, size_fraction=0.1), liquidity=liquidity, bid=PRICE)
    assert is_sized(order, value, by)
    assert order["size_fraction"] == 0.1
    assert rule(order) == ("open", "none")


@pytest.mark.parametrize(
    ("rules", "value", "by"),
    [
        (Rules(max_liquidity_share=0.01), 400.0, "liquidity"),
        (Rules(max_position_size=321.0), 321.0, "max_position_size"),
        (Rules(max_pool_exposure=1.0, max_total_exposure=1.0), 10_000.0, "kelly"),
        (Rules(shares=(0.15, 0.85)), 3_750.0, "holdings"),
    ],
)
def test_a_sell_is_cut_too_but_not_to_what_exposure_may_be(rules: Rules, value: float, by: str) -> None:
    order = draft(msgspec.structs.replace(rules, size_fraction=0.1), liquidity=40_000, ask=PRICE)
    if by != "liquidity":
        order = draft(msgspec.structs.replace(rules, size_fraction=0.1), ask=PRICE)
    assert is_sized(order, value, by)
    assert rule(order) == ("open", "none")


def test_where_exposure_leaves_nothing_the_rule_says_so_with_its_figures() -> None:
    order = draft(Rules(max_pool_exposure=20_000.0), bid=PRICE)
    assert rule(order) == ("refused", "max_pool_exposure")
    assert order["figure"] == pytest.approx(25_000.0 + order["value"])


@given(st.floats(25_000.1, 60_000.0), st.floats(0.5, 2.0), st.booleans())
def test_an_order_cut_to_what_exposure_leaves_is_not_refused_for_it(limit: float, level: float, is_total: bool) -> None:
    rules = (
        Rules(size_fraction=1.0, max_total_exposure=limit)
        if is_total
        else Rules(size_fraction=1.0, max_pool_exposure=limit)
    )
    assert rule(draft(rules, bid=PRICE * level))[1] in ("none", "too_small")


def lost(rules: Rules, **wish: Any) -> np.void:
    """The order of a strategy that has lost all of its many trades."""
    rows = path([0])
    venue = Clockwork(rules)
    venue.accounts["trades_lost"], venue.accounts["lost"] = 100_000, 1_000.0
    (order,) = np.concatenate([(walked := venue.walk(rows, signal(rows[0], **wish))).orders, walked.open])
    return np.void(order)


SEED = Rules(size_fraction=0.25, win_rate=0.55, average_win=0.001, average_loss=0.0008, prior_trades=100.0)


def test_without_an_edge_a_buy_is_withheld_with_the_figures() -> None:
    order = lost(SEED, bid=PRICE)
    assert rule(order) == ("withheld", "no_edge")
    assert order["figure"] < 0.0 == order["bound"]
    assert rule(lost(SEED, bid=PRICE, bid_size=1.0)) == ("open", "none")


def test_without_an_edge_a_sell_keeps_the_size_of_the_prior() -> None:
    order = lost(SEED, ask=PRICE)
    assert rule(order) == ("open", "none")
    assert order["size_fraction"] == pytest.approx(0.0475)
    assert is_sized(order, 4_750.0, "kelly")


def test_a_named_size_says_that_the_strategy_named_it() -> None:
    order = draft(bid=PRICE, bid_size=1.0)
    assert (SIZED_BY[order["sized_by"]], math.isnan(order["size_fraction"])) == ("strategy", True)


@pytest.mark.parametrize("fraction", [0.25, 1.0, 3.0])
def test_a_fraction_is_sold_of_what_the_account_holds_free(fraction: float) -> None:
    rules = Rules(shares=(0.5, 0.5), size_fraction=0.001, max_liquidity_share=0.0, max_position_size=1.0)
    order = draft(rules, kind=TAKE, ask=PRICE, fraction=fraction)
    held = math.floor(12_500.0 / PRICE / UNIT_X[0])
    assert order["amount_in"] == math.floor(min(fraction, 1.0) * held)
    assert is_sized(order, min(fraction, 1.0) * 12_500.0, "holdings")
    assert rule(order) == ("open", "none")


@pytest.mark.parametrize("fraction", [0.0, -1.0])
def test_a_fraction_of_nothing_sells_nothing(fraction: float) -> None:
    assert rule(draft(kind=TAKE, ask=PRICE, fraction=fraction)) == ("withheld", "too_small")


def test_beside_a_size_a_fraction_counts_for_nothing() -> None:
    assert draft(kind=TAKE, ask=PRICE, ask_size=3.25, fraction=0.5)["amount_in"] == 3_250_000_000


@pytest.mark.parametrize(
    ("wish", "figure"), [({"bid": PRICE, "bid_size": 100.0}, "quote"), ({"ask": PRICE, "ask_size": 100.0}, "base")]
)
def test_what_is_another_strategys_is_not_spent(wish: dict[str, Any], figure: str) -> None:
    order = draft(Rules(shares=(0.5, 0.5)), kind=TAKE, **wish)
    assert rule(order) == ("withheld", "strategy_budget")
    unit, held = (UNIT_Y[0], 12_500.0) if figure == "quote" else (UNIT_X[0], 12_500.0 / PRICE)
    assert order["figure"] == pytest.approx(order["amount_in"] * unit)
    assert order["bound"] == pytest.approx(held, rel=1e-9)


def test_what_no_strategy_has_is_the_books_balance() -> None:
    assert rule(draft(kind=TAKE, bid=PRICE, bid_size=1_000.0)) == ("refused", "balance")


@given(st.floats(1e-3, 1e5), st.floats(0.5, 2.0))
def test_an_order_cut_to_the_largest_position_is_not_refused_for_being_too_large(size: float, level: float) -> None:
    order = draft(Rules(size_fraction=1.0, max_position_size=size, capital=1e6), bid=PRICE * level)
    assert rule(order)[1] != "max_position_size"


def test_a_size_that_the_strategy_names_is_kept() -> None:
    assert draft(ask=PRICE, ask_size=3.25)["amount_in"] == 3_250_000_000
    assert draft(bid=100.0, bid_size=3.25)["amount_in"] == 325_000_000


@given(st.floats(1.0, 1e4), st.floats(1e-6, 20.0), st.booleans())
def test_the_least_result_never_breaks_the_limit(limit: float, size: float, is_buy: bool) -> None:
    wish: dict[str, Any] = {"bid": limit, "bid_size": size} if is_buy else {"ask": limit, "ask_size": size}
    order = draft(Rules(capital=1e9), **wish)
    if rule(order)[1] == "too_small":
        return
    spent, got = (order["amount_in"], order["min_out"]) if is_buy else (order["min_out"], order["amount_in"])
    price = int(spent) * UNIT_Y[0] / (int(got) * UNIT_X[0])
    assert price <= limit * (1 + 1e-12) if is_buy else price >= limit * (1 - 1e-12)


def test_a_swap_at_once_may_come_out_worse_by_the_slippage() -> None:
    assert draft(Rules(slippage=0.01), kind=TAKE, bid=100.0, bid_size=1.0)["limit"] == pytest.approx(101.0)
    assert draft(Rules(slippage=0.01), kind=TAKE, ask=100.0, ask_size=1.0)["limit"] == pytest.approx(99.0)
    assert draft(Rules(slippage=0.01), bid=100.0, bid_size=1.0)["limit"] == 100.0


@pytest.mark.parametrize(("urgency", "bid", "ask"), [(0, 101.0, 99.0), (1, 101.5, 98.5), (3, 102.5, 97.5)])
def test_urgency_widens_the_slippage(urgency: int, bid: float, ask: float) -> None:
    rules = Rules(slippage=0.01)
    assert draft(rules, kind=TAKE, bid=100.0, bid_size=1.0, urgency=urgency)["limit"] == pytest.approx(bid)
    assert draft(rules, kind=TAKE, ask=100.0, ask_size=1.0, urgency=urgency)["limit"] == pytest.approx(ask)


@pytest.mark.parametrize("size", [0.0, -3.0, 1e-12])
def test_less_than_one_raw_unit_is_withheld(size: float) -> None:
    assert rule(draft(ask=PRICE, ask_size=size)) == ("withheld", "too_small")
    assert rule(draft(bid=PRICE, bid_size=size)) == ("withheld", "too_small")


@pytest.mark.parametrize(
    "wish",
    [
        {"bid": math.inf, "bid_size": 1.0},
        {"bid": PRICE, "bid_size": math.inf},
        {"bid": PRICE, "bid_size": 1e40},
        {"bid": 1e300, "bid_size": 1e300},
        {"bid": 5e-324, "bid_size": 1.0},
        {"bid": 1e-30, "bid_size": 1e33},
        {"bid": math.inf},
        {"bid": 5e-324},
        {"ask": math.inf, "ask_size": 1.0},
        {"ask": 1e300, "ask_size": 1.0},
        {"ask": PRICE, "ask_size": 1e15},
        {"ask": PRICE, "ask_size": math.inf},
        {"ask": 5e-324, "ask_size": 1.0},
        {"ask": 5e-324},
    ],
    ids=str,
)
def test_figures_that_no_amount_can_have_are_withheld_and_kill_nothing(wish: dict[str, Any]) -> None:
    assert rule(draft(**wish)) in {("withheld", "impossible_amount"), ("withheld", "too_small")}


@pytest.mark.parametrize("wish", [{"bid": PRICE, "bid_size": 1e40}, {"ask": PRICE, "ask_size": 1e15}], ids=str)
def test_more_than_a_token_amount_can_hold_is_not_called_too_small(wish: dict[str, Any]) -> None:
    order = draft(**wish)
    assert rule(order) == ("withheld", "impossible_amount")
    assert order["figure"] > order["bound"] > 1e12


@pytest.mark.parametrize("wish", [{"bid": 0.0}, {"bid": -1.0}, {"ask": -math.inf}, {"ask": math.nan}, {}], ids=str)
def test_a_side_without_a_price_gives_no_order(wish: dict[str, Any]) -> None:
    rows = path([0])
    assert Clockwork().walk(rows, signal(rows[0], **wish))["orders"] == 0


def test_a_budget_too_small_for_any_token_trades_nothing() -> None:
    order = draft(Rules(capital=1e-7), bid=PRICE, bid_size=1.0)
    assert rule(order)[0] in {"withheld", "refused"}


def band(deviation: float) -> Rules:
    return Rules(inventory_target=0.5, max_inventory_deviation=deviation, size_fraction=0.01)


def walk_to(share: float, side: str) -> np.void:
    """Move the price until inventory has a share of the budget, then ask."""
    # Half of the budget is in X at the first price: at r times that price its share is r / (1 + r).
    ratio = share / (1.0 - share)
    rows: Rows = path([0, 0])
    rows[1]["price"] = PRICE * ratio
    venue = Clockwork(band(0.2)).walk(rows, signal(rows[1], bid=50.0) if side == "bid" else signal(rows[1], ask=50.0))
    (order,) = np.concatenate([venue.orders, venue.open])
    return np.void(order)


@pytest.mark.parametrize(
    ("share", "side", "expected"),
    [
        (0.69, "bid", ("open", "none")),
        (0.71, "bid", ("withheld", "inventory_band")),
        (0.71, "ask", ("open", "none")),
        (0.31, "ask", ("open", "none")),
        (0.29, "ask", ("withheld", "inventory_band")),
        (0.29, "bid", ("open", "none")),
    ],
)
def test_beyond_the_inventory_band_the_side_that_leads_further_is_withheld(
    share: float, side: str, expected: tuple[str, str]
) -> None:
    order = walk_to(share, side)
    assert rule(order) == expected
    if expected[1] != "none":
        assert order["figure"] == pytest.approx(share, abs=1e-6)
        assert order["bound"] == pytest.approx(0.7 if side == "bid" else 0.3)


def test_a_sell_sized_here_is_cut_to_the_tokens_that_are_free() -> None:
    order = draft(Rules(size_fraction=1.0, inventory_target=0.25, max_inventory_deviation=0.75), ask=PRICE)
    held = Rules().capital / 2 * 0.25 / PRICE  # the capital lies in two pools
    assert order["amount_in"] == pytest.approx(held * 1e9, rel=1e-9)


def test_a_take_spends_its_size_at_the_wished_price_and_lets_only_the_result_slip() -> None:
    order = draft(Rules(slippage=0.01), kind=TAKE, bid=100.0, bid_size=3.0)
    assert order["amount_in"] == 300_000_000
    assert order["limit"] == 101.0
    assert order["min_out"] == math.ceil(300_000_000 / (101.0 * UNIT_X[0] / UNIT_Y[0]))
