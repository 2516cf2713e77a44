"""What counts as exposure."""

import numpy as np
import pytest

from operators.books.ledger import BOOK, pool_value
from operators.risk.exposure import exposure, held, promised


@pytest.fixture
def book() -> np.void:
    books = np.zeros(1, BOOK)
    books["is_open"], books["price"], books["unit_x"], books["unit_y"] = 1, 4.0, 0.5, 0.25
    books["base"], books["position_x"], books["quote"] = 10, 6, 1_000
    books["reserved_quote"], books["position_y"], books["reserved_base"] = 8, 12, 10
    return np.void(books[0])


def test_x_counts_at_the_markets_price_wherever_it_stands(book: np.void) -> None:
    assert held(book) == (10 + 6) * 0.5 * 4.0


def test_x_promised_to_open_sells_is_still_held(book: np.void) -> None:
    book["reserved_base"] = 0
    before = exposure(book)
    book["reserved_base"] = 10
    assert exposure(book) == before


def test_open_buys_and_bids_in_bins_may_turn_into_x(book: np.void) -> None:
    assert promised(book) == (8 + 12) * 0.25
    assert exposure(book) == 32.0 + 5.0


def test_quote_currency_that_is_promised_to_nobody_is_no_exposure(book: np.void) -> None:
    before = exposure(book)
    book["quote"] = 0
    assert exposure(book) == before


def test_before_the_first_price_nothing_is_held(book: np.void) -> None:
    book["is_open"] = 0
    assert held(book) == 0.0
    assert exposure(book) == 5.0


def test_what_is_held_is_the_inventory_that_the_ledger_values(book: np.void) -> None:
    assert held(book) == pool_value(book)[1]
