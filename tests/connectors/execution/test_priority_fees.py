"""Prices of priority: which percentile, and the limits around it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.execution.priority_fees import FeeTerms, percentile, price_of, priority_fee
from connectors.wire.refusal import Refusal

RECENT = list(range(100, 10_100, 100))
TERMS = FeeTerms(floor=500, cap=8_000, order_cap_lamports=1_000, day_cap_lamports=5_000)


@pytest.mark.parametrize(("urgency", "price"), [(0, 2_500), (1, 5_000), (2, 7_500), (3, 8_000)])
def test_urgency_chooses_the_percentile_up_to_the_cap(urgency: int, price: int) -> None:
    assert price_of(RECENT, urgency=urgency, compute_units=100_000, terms=TERMS, spent_today=0) == price


def test_nothing_known_costs_the_floor() -> None:
    assert price_of((), urgency=3, compute_units=100_000, terms=TERMS, spent_today=0) == 500


def test_the_order_cap_lowers_the_price_even_below_the_floor() -> None:
    price = price_of(RECENT, urgency=2, compute_units=1_400_000, terms=TERMS, spent_today=0)
    assert price == 714
    dear = FeeTerms(floor=500, cap=8_000, order_cap_lamports=100, day_cap_lamports=5_000)
    assert price_of(RECENT, urgency=2, compute_units=1_400_000, terms=dear, spent_today=0) == 71


def test_the_day_is_full_before_it_is_overrun() -> None:
    assert price_of(RECENT, urgency=1, compute_units=100_000, terms=TERMS, spent_today=4_500) == 5_000
    full = price_of(RECENT, urgency=1, compute_units=100_000, terms=TERMS, spent_today=4_501)
    assert isinstance(full, Refusal)
    assert full.cause == "daily_fee_cap"
    assert full.detail == "4501 + 500 > 5000 lamports"


def test_what_costs_nothing_is_not_refused() -> None:
    free = FeeTerms(floor=0, day_cap_lamports=0)
    assert price_of((), urgency=0, compute_units=200_000, terms=free, spent_today=10) == 0


def test_fees_are_rounded_up() -> None:
    assert priority_fee(1, 1) == 1
    assert priority_fee(1_000_000, 7) == 7
    assert priority_fee(0, 1_400_000) == 0


@given(st.lists(st.integers(0, 10**9), min_size=1), st.integers(1, 100))
def test_a_percentile_is_one_of_the_prices_and_covers_its_share(recent: list[int], percent: int) -> None:
    price = percentile(recent, percent)
    assert price in recent
    assert sum(one <= price for one in recent) * 100 >= percent * len(recent)


@given(
    st.lists(st.integers(0, 10**9)),
    st.integers(0, 3),
    st.integers(1, 1_400_000),
    st.integers(0, 10_000),
)
def test_no_price_breaks_a_limit(recent: list[int], urgency: int, units: int, spent: int) -> None:
    price = price_of(recent, urgency=urgency, compute_units=units, terms=TERMS, spent_today=spent)
    if isinstance(price, Refusal):
        return
    assert price <= TERMS.cap
    assert priority_fee(price, units) <= TERMS.order_cap_lamports
    assert spent + priority_fee(price, units) <= TERMS.day_cap_lamports
