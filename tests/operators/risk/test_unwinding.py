"""The emergency stop sells all free X, at its own slippage, and not too often."""

import numpy as np
import pytest

from operators.blocks import Rows
from operators.books.ledger import BOOK, LEDGER
from operators.risk.unwinding import MOST_OUT, SALE, UNWINDING, open_sales, sales

PRICE = 4.0


class Scene:
    """Three pools with 100 X each at a price of 4, under an emergency stop."""

    def __init__(self, dust_value: float = 1.0, slippage: float = 0.25, retry_slots: int = 10) -> None:
        self.books = np.zeros(3, BOOK)
        self.books["is_open"], self.books["price"] = 1, PRICE
        self.books["unit_x"], self.books["unit_y"] = 2.0**-10, 2.0**-8
        self.books["base"] = 100 << 10
        self.ledger = np.zeros(1, LEDGER)
        self.ledger["stopped"], self.ledger["slot"] = 1, 1_000
        self.rules = np.array([(dust_value, slippage, retry_slots)], UNWINDING)
        self.sold = open_sales(3)

    def sales(self, slot: int = 1_000) -> Rows:
        self.ledger["slot"] = slot
        out = np.zeros(3, SALE)
        return out[: sales(self.ledger[0], self.books, self.rules[0], self.sold, out)]


def test_nothing_is_sold_while_the_stop_is_off() -> None:
    scene = Scene()
    scene.ledger["stopped"] = 0
    assert len(scene.sales()) == 0
    scene.ledger["stopped"] = 1
    assert scene.sales()["pool"].tolist() == [0, 1, 2]


def test_all_free_x_goes_at_the_price_less_the_slippage() -> None:
    scene = Scene()
    scene.books[1]["reserved_base"] = 40 << 10
    sale = scene.sales()[1]
    assert (sale["pool"], sale["amount_in"]) == (1, 60 << 10)
    assert sale["limit"] == 3.0
    assert sale["min_out"] == 60 * 3 << 8
    assert sale["value"] == 60 * PRICE


def test_the_least_result_is_rounded_up_so_that_it_keeps_the_limit() -> None:
    scene = Scene(slippage=0.01)
    scene.books["base"] = 1_001
    sale = scene.sales()[0]
    assert sale["min_out"] * 2.0**-8 >= sale["amount_in"] * 2.0**-10 * sale["limit"]
    assert (sale["min_out"] - 1) * 2.0**-8 < sale["amount_in"] * 2.0**-10 * sale["limit"]


def test_dust_stays_and_a_unit_more_is_sold() -> None:
    scene = Scene(dust_value=8.0)
    scene.books["base"] = (2 << 10, (2 << 10) + 1, 0)
    assert scene.sales()["pool"].tolist() == [1]


def test_what_is_promised_to_open_sells_is_not_sold_twice() -> None:
    scene = Scene()
    scene.books["reserved_base"] = scene.books["base"]
    assert len(scene.sales()) == 0


def test_a_pool_is_tried_again_after_so_many_slots_and_no_earlier() -> None:
    scene = Scene(retry_slots=10)
    scene.books[2]["base"] = 0
    assert scene.sales(1_000)["pool"].tolist() == [0, 1]
    scene.books[2]["base"] = 100 << 10
    assert scene.sales(1_001)["pool"].tolist() == [2]
    assert len(scene.sales(1_009)) == 0
    assert scene.sales(1_010)["pool"].tolist() == [0, 1]
    assert scene.sales(1_011)["pool"].tolist() == [2]


def test_a_pool_without_a_price_is_left_alone() -> None:
    scene = Scene()
    scene.books["is_open"] = (0, 1, 1)
    scene.books["price"] = (PRICE, 0.0, np.nan)
    assert len(scene.sales()) == 0


def test_more_than_64_bits_can_count_is_sold_in_parts() -> None:
    scene = Scene(slippage=0.0)
    scene.books["base"], scene.books["unit_x"], scene.books["unit_y"] = 1 << 60, 1.0, 2.0**-8
    sale = scene.sales()[0]
    assert sale["amount_in"] == 1 << 52
    assert sale["min_out"] == pytest.approx(MOST_OUT)


def test_where_a_single_unit_is_worth_more_than_that_nothing_can_be_asked_for() -> None:
    scene = Scene(slippage=0.0)
    scene.books["unit_x"], scene.books["unit_y"], scene.books["price"] = 1.0, 1e-9, 1e12
    assert len(scene.sales()) == 0


def test_the_slots_of_the_last_sales_survive_as_bytes() -> None:
    scene = Scene()
    scene.sales(1_000)
    scene.sold = np.frombuffer(scene.sold.tobytes(), np.int64).copy()
    assert len(scene.sales(1_009)) == 0
    assert len(scene.sales(1_010)) == 3
