"""Which swaps make a round or an exchange, and what the tokens on the way are worth."""

import numpy as np
import pytest

from operators.books.ledger import open_books
from operators.orders.records import NO_POOL
from operators.routes.chains import home_of, is_exchange, is_round, unit_of, worth_of
from operators.routes.legs import route_tokens
from tests.operators.routes.test_routing import BETWEEN, HERE, M_SOL, POOLS, THERE

TRADED = frozenset({HERE, THERE, M_SOL})
TOKENS = route_tokens(POOLS, TRADED)
"""SOL/USDC twice and MSOL/USDC with budgets, MSOL/SOL between them without one."""


@pytest.mark.parametrize(
    ("pools", "is_x", "expected"),
    [
        ((HERE, THERE), (False, True), True),
        ((HERE, THERE), (True, False), False),  # begins with SOL
        ((HERE, THERE), (False, False), False),
        ((HERE, HERE), (False, True), False),
        ((HERE, M_SOL), (False, True), False),  # buys SOL, sells MSOL
        ((HERE, BETWEEN, M_SOL), (False, False, True), True),
        ((M_SOL, BETWEEN, HERE), (False, True, True), True),
        ((HERE, BETWEEN, M_SOL), (False, True, True), False),
        ((BETWEEN, M_SOL, HERE), (False, True, False), False),  # begins in a pool without a budget
    ],
)
def test_a_round_hands_on_what_it_gets_and_comes_back_to_quote_currency(
    pools: tuple[int, ...], is_x: tuple[bool, ...], expected: bool
) -> None:
    assert is_round(np.array(pools), np.array(is_x), TOKENS) is expected


def test_an_exchange_is_between_two_tokens_that_are_traded_for_the_same_one() -> None:
    assert is_exchange(HERE, M_SOL, TOKENS)
    assert is_exchange(M_SOL, THERE, TOKENS)
    assert not is_exchange(HERE, THERE, TOKENS)
    assert not is_exchange(HERE, BETWEEN, TOKENS)


def test_a_round_is_at_home_where_it_is_traded_first() -> None:
    only_there = route_tokens(POOLS, frozenset({THERE}))
    assert (home_of(HERE, THERE, TOKENS), home_of(HERE, THERE, only_there)) == (HERE, THERE)
    assert home_of(HERE, M_SOL, only_there) == NO_POOL


def test_a_pool_in_another_currency_is_worth_what_a_traded_pool_pays_for_that() -> None:
    books = open_books(POOLS, {}, 1.0)
    books["price"] = 100.0, 100.0, 110.0, 1.1
    books["price"][BETWEEN], books["price"][M_SOL] = 1.1, 110.0
    lamport = float(books["unit_y"][BETWEEN])
    assert unit_of(BETWEEN, books, TOKENS) == pytest.approx(lamport * 100.0)
    assert unit_of(HERE, books, TOKENS) == books["unit_y"][HERE]
    staked = round(1.0 / float(books["unit_x"][BETWEEN]))
    assert worth_of(BETWEEN, staked, True, books, TOKENS) == pytest.approx(110.0)
    assert worth_of(BETWEEN, round(1.0 / lamport), False, books, TOKENS) == pytest.approx(100.0)
