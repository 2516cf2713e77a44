"""Where no bins are recorded a ladder is closed and placed in one step, to the unit, or fails by name."""

import math

import numpy as np
import pytest

from dlmm.price import price_x64
from operators.blocks import OPEN, REBALANCE
from operators.orders.records import FAILED, FILLED, RULES
from tests.operators.markets import ORIGINS, POOLS
from tests.operators.paper.paper_market import PaperMarket, paper_params, wish

ORIGIN = ORIGINS[0]


def ladder(away: int = 0, width: int = 8, strategy: int = 0) -> dict[str, float]:
    place = ORIGIN + away
    bins = {"lower": place - width, "bid_upper": place - 1, "ask_lower": place + 1, "upper": place + width}
    return bins | {"expected_profit": math.nan, "strategy": strategy}


def market(number: int = 1) -> PaperMarket:
    made = PaperMarket(paper_params(number=number))
    made.row(0, 0)
    return made


def move(made: PaperMarket, away: int = 0, width: int = 8, strategy: int = 0) -> None:
    made.row(0, away, wish(REBALANCE, **ladder(away, width, strategy)))
    made.row(0, away)


def test_every_bin_of_a_ladder_has_its_price_and_all_tokens_are_somewhere() -> None:
    made = market()
    before = made.book(0)
    move(made)
    (row,) = made.synthetic
    expected = [price_x64(bin_id - POOLS[0].zero_bin, POOLS[0].bin_step) for bin_id in range(ORIGIN - 8, ORIGIN + 9)]
    prices = [int(high) << 64 | int(low) for high, low in zip(row["price_high"], row["price_low"], strict=True)]
    assert prices == expected + [0] * (len(prices) - len(expected))
    book = made.book(0)
    assert (book["position_x"], book["position_y"]) == (row["x"].sum(), row["y"].sum())
    assert book["base"] + book["position_x"] == before["base"]
    assert book["quote"] + book["position_y"] == before["quote"]
    assert (row["active_id"], row["strategy"], row["fee_x"], row["fee_y"]) == (ORIGIN, 0, 0, 0)


def test_a_narrower_ladder_leaves_nothing_behind_of_a_wider_one() -> None:
    made = market()
    move(made, width=20)
    move(made, width=3)
    (row,) = made.synthetic
    assert (row["x"][:7].sum(), row["y"][:7].sum()) == (made.book(0)["position_x"], made.book(0)["position_y"])
    assert not any(row[field][7:].any() for field in ("x", "y", "price_low", "price_high"))


def test_the_fees_that_wait_come_out_with_the_ladder() -> None:
    made = market()
    move(made)
    made.row(0, 4)
    made.row(0, 0)
    (row,) = made.synthetic.copy()
    assert min(row["fee_x"], row["fee_y"]) > 0
    before = made.book(0)
    move(made, width=7)
    after = made.book(0)
    assert (made.synthetic[0]["fee_x"], made.synthetic[0]["fee_y"]) == (0, 0)
    for token, bins in (("base", "position_x"), ("quote", "position_y")):
        assert after[token] + after[bins] == before[token] + before[bins]


def test_ladders_of_one_pool_stand_in_the_order_in_which_they_were_placed() -> None:
    made = market(3)
    for strategy in (0, 1, 2):
        move(made, strategy=strategy)
    assert made.synthetic["strategy"].tolist() == [0, 1, 2]
    move(made, strategy=1, width=5)
    assert made.synthetic["strategy"].tolist() == [0, 2, 1]
    assert made.synthetic["upper"].tolist() == [ORIGIN + 8, ORIGIN + 8, ORIGIN + 5]
    move(made, strategy=0, away=1)
    assert made.synthetic["strategy"].tolist() == [2, 1, 0]
    assert np.unique(made.synthetic["position"]).size == 3
    assert made.adds_up()


@pytest.mark.parametrize("away", [6, -6])
def test_a_ladder_that_fails_leaves_the_others_where_they_are(away: int) -> None:
    made = market(2)
    for strategy in (0, 1):
        move(made, strategy=strategy)
    made.row(0, 0, wish(REBALANCE, **ladder(width=7, strategy=0)), slots=0)
    made.row(0, away, slots=0)
    made.row(0, away)
    order = made.orders()[-1]
    assert (order["status"], RULES[order["rule"]]) == (FAILED, "active_moved")
    assert (order["figure"], order["bound"]) == (ORIGIN + away, ORIGIN)
    assert made.synthetic["strategy"].tolist() == [1]
    assert made.account(0, 0)["position_x"] == 0
    assert made.book(0)["has_positions"] == 2
    assert made.adds_up()


def test_a_ladder_takes_the_place_of_a_position_that_was_never_filled() -> None:
    made = market()
    made.row(0, 0, wish(OPEN, lower=ORIGIN, upper=ORIGIN + 3))
    made.row(0, 0)
    move(made)
    assert made.orders()["status"].tolist() == [FILLED, FILLED]
    assert len(made.state.paper.positions) == len(made.synthetic) == 1


def test_a_first_ladder_that_fails_leaves_no_position() -> None:
    made = market()
    made.row(0, 0, wish(REBALANCE, **ladder()), slots=0)
    made.row(0, 9, slots=0)
    made.row(0, 9)
    assert made.orders()["status"].tolist() == [FAILED]
    assert (len(made.synthetic), len(made.state.paper.positions), made.book(0)["has_positions"]) == (0, 0, 0)


def test_where_nothing_is_free_any_more_it_says_what_it_needed() -> None:
    made = market()
    made.row(0, 0, wish(REBALANCE, **ladder()))
    accounts = made.portfolio._tables.accounts
    accounts["base"][0, 0] = accounts["quote"][0, 0] = 0
    made.row(0, 0)
    order = made.orders()[-1]
    assert (order["status"], RULES[order["rule"]]) == (FAILED, "balance")
    assert order["figure"] == order["amount_x"] * made.book(0)["unit_x"]


def test_positions_worth_more_than_can_be_counted_stop_every_move_and_are_told() -> None:
    made = market()
    move(made)
    number = int(made.synthetic["position"][0])
    made.synthetic["x"][0, 10] = np.uint64(1 << 63)
    held = made.book(0)["position_x"]
    move(made, width=5)
    order = made.orders()[-1]
    assert (order["status"], RULES[order["rule"]]) == (FAILED, "pool_unusable")
    assert made.troubles == (f"{POOLS[0].pool}: positions in pool {POOLS[0].pool} hold more than 62 bits can count",)
    assert made.synthetic["position"].tolist() == [number]
    assert made.book(0)["position_x"] == held
