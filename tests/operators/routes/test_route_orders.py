"""What a route asks of its pools, and when prices alone tell that it cannot be had."""

import math

import numpy as np
import pytest

from dlmm.ways import LIMIT
from operators.books.accounts import ACCOUNT
from operators.books.ledger import BOOK
from operators.orders.records import NO_POOL, ORDER, SIZED_BY_BUDGET, SIZED_BY_LIMIT, SIZED_BY_LIQUIDITY, TURNED
from operators.risk.gate import LIMITS
from operators.routes.chains import TOKENS
from operators.routes.route_orders import is_out_of_reach, most_in, read_limits


def market(*prices: float, fee: float = 0.01) -> np.ndarray:
    books = np.zeros(len(prices), BOOK)
    books["bin_price"] = books["price"] = prices
    books["unit_x"], books["unit_y"], books["fee_rate"], books["liquidity"] = 1e-9, 1e-6, fee, 1_000.0
    return books


def tokens(*priced_by: int) -> np.ndarray:
    made = np.zeros(len(priced_by), TOKENS)
    made["priced_by"] = priced_by
    return made


def route(**fields: int) -> np.void:
    """Return a purchase of 1 X in pool 0 and its sale in pool 1."""
    order: np.void = np.zeros(1, ORDER)[0]
    order["other_pool"], order["third_pool"], order["directions"] = 1, NO_POOL, 0b10
    order["amount_in"], order["min_out"] = 110_000_000, 1_000_000_000
    order["other_in"], order["other_min_out"] = 1_000_000_000, 111_000_000
    for name, value in fields.items():
        order[name] = value
    return order


@pytest.mark.parametrize(
    ("fields", "prices", "expected"),
    [
        ({}, (100.0, 120.0), False),
        ({}, (109.0, 120.0), True),  # 110 less a fee of 1 % buy no X at 109
        ({}, (108.8, 120.0), False),
        ({}, (100.0, 112.0), True),  # a sale at 112 brings 110.88
        ({}, (100.0, 112.2), False),
        ({"is_exact_out": 1}, (109.0, 120.0), True),
        ({"is_exact_out": 1}, (108.8, 120.0), False),
        ({"directions": 0b10 | TURNED, "pool": 1, "other_pool": 0}, (109.0, 120.0), True),
    ],
)
def test_prices_out_of_reach_are_told_without_a_swap(
    fields: dict[str, int], prices: tuple[float, float], expected: bool
) -> None:
    assert is_out_of_reach(route(**fields), market(*prices)) == expected


def test_rounding_alone_puts_nothing_out_of_reach() -> None:
    books = market(100.0, 100.0, fee=0.0)
    order = route(amount_in=100_000_000, other_min_out=100_000_000)
    assert not is_out_of_reach(order, books)
    order["other_min_out"] += 1
    assert not is_out_of_reach(order, books)  # a unit may be rounding: the exact swap decides
    order["other_min_out"] += 1_000
    assert is_out_of_reach(order, books)


def test_the_third_swap_is_looked_at_as_well() -> None:
    order = route(third_pool=2, directions=0b100, third_in=10, third_min_out=2_000, other_min_out=0)
    assert is_out_of_reach(order, market(100.0, 1.0, 100.0))
    order["third_min_out"] = 0
    assert not is_out_of_reach(order, market(100.0, 1.0, 100.0))


def test_a_turned_route_ends_in_its_own_pool() -> None:
    limits, pools, is_x = np.zeros(3, LIMIT), np.zeros(3, np.int64), np.zeros(3, np.bool_)
    assert read_limits(route(directions=0b10 | TURNED, pool=4, other_pool=7), limits, pools, is_x) == 2
    assert pools.tolist() == [7, 4, NO_POOL]
    assert is_x.tolist() == [False, True, False]
    assert limits["amount"].tolist()[:2] == [110_000_000, 1_000_000_000]
    assert limits["exact_in"].all()


@pytest.mark.parametrize(
    ("quote", "position", "share", "expected"),
    [
        (5_000_000, 10.0, 0.01, (5_000_000, SIZED_BY_BUDGET)),
        (50_000_000, 10.0, 0.02, (10_000_000, SIZED_BY_LIMIT)),
        (50_000_000, 100.0, 0.01, (10_000_000, SIZED_BY_LIQUIDITY)),
    ],
)
def test_what_goes_in_is_capped_by_the_least(
    quote: int, position: float, share: float, expected: tuple[int, int]
) -> None:
    accounts, limits = np.zeros((1, 2), ACCOUNT), np.zeros(1, LIMITS)
    accounts["quote"], limits["max_position_size"] = quote, position
    state = (limits, market(100.0, 100.0), accounts)
    assert most_in(np.array([0, 1]), tokens(NO_POOL, NO_POOL), 0, 0, share, *state) == expected


def test_liquidity_counts_in_the_currency_that_the_round_begins_with() -> None:
    accounts, limits, books = np.zeros((1, 2), ACCOUNT), np.zeros(1, LIMITS), market(100.0, 2.0)
    accounts["quote"], limits["max_position_size"] = 10**12, 1e9
    books["liquidity"] = 10_000.0, 10.0
    cap, sized_by = most_in(np.array([0, 1]), tokens(NO_POOL, 0), 0, 0, 0.1, limits, books, accounts)
    assert (cap, sized_by) == (100_000_000, SIZED_BY_LIQUIDITY)  # 10 of pool 1's Y, each worth 100


def test_unknown_liquidity_lets_nothing_in() -> None:
    accounts, limits, books = np.zeros((1, 2), ACCOUNT), np.zeros(1, LIMITS), market(100.0, 100.0)
    accounts["quote"], limits["max_position_size"] = 10**12, 1e9
    books["liquidity"] = math.nan
    assert most_in(np.array([0, 1]), tokens(NO_POOL, NO_POOL), 0, 0, 0.1, limits, books, accounts)[0] == 0
