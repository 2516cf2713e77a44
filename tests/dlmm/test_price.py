"""Prices equal the programs' own way of computing them, bit for bit, and every price finds its bin."""

import math

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from dlmm.errors import RangeError
from dlmm.price import (
    BASIS_POINTS,
    MAX_EXPONENT,
    exponent_of_price,
    human_price,
    nearest_exponent,
    price_halves,
    price_table,
    price_x64,
    ratio_of,
    raw_price,
)

BIN_STEPS = st.one_of(st.sampled_from([1, 2, 4, 5, 8, 10, 20, 25, 50, 80, 100, 200, 255, 400]), st.integers(1, 10_000))
EXPONENTS = st.one_of(st.integers(-MAX_EXPONENT, MAX_EXPONENT), st.integers(-3_000, 3_000))


def reference(exponent: int, bin_step: int) -> int:
    """Compute the price as both programs do, in Python's integers; 0 where theirs has none."""
    base = (1 << 64) + (bin_step << 64) // BASIS_POINTS
    square = ((1 << 128) - 1) // base
    result, distance = 1 << 64, abs(exponent)
    for bit in range(19):
        if distance >> bit & 1:
            result = result * square >> 64
        square = square * square >> 64
    if result == 0:
        return 0
    return ((1 << 128) - 1) // result if exponent > 0 else result


@settings(max_examples=1_000)
@given(EXPONENTS, BIN_STEPS)
@example(0, 1)
@example(1, 1)
@example(-1, 10_000)
@example(1, 10_000)
@example(63, 10_000)
@example(64, 10_000)
@example(MAX_EXPONENT, 1)
@example(-MAX_EXPONENT, 1)
@example(MAX_EXPONENT, 10_000)
@example(351_639, 1)
@example(-351_639, 1)
@example(443_636, 1)
@example(443_637, 1)
@example(-443_637, 1)
def test_a_price_is_the_programs_own(exponent: int, bin_step: int) -> None:
    high, low = price_halves(exponent, bin_step)
    assert int(high) << 64 | int(low) == reference(exponent, bin_step)


@given(st.integers(-2_000, 2_000), st.integers(1, 300), st.sampled_from([1, 10, 100, 400]))
def test_a_table_holds_the_prices_of_neighbours(first: int, count: int, bin_step: int) -> None:
    table = price_table(first, count, bin_step)
    assert table.shape == (count, 2)
    for place in (0, count // 2, count - 1):
        assert int(table[place, 1]) << 64 | int(table[place, 0]) == reference(first + place, bin_step)
    with pytest.raises(ValueError, match="read-only"):
        table[0, 0] = 1


@settings(max_examples=300)
@given(st.integers(-3_000, 3_000), st.sampled_from([1, 5, 10, 20, 80, 100]))
def test_a_bins_own_price_finds_the_bin(exponent: int, bin_step: int) -> None:
    price = price_x64(exponent, bin_step)
    assume(price > 2**60)
    above = math.nextafter(ratio_of(price), math.inf)  # a float may fall below the 128-bit price it stands for
    assert exponent_of_price(above, bin_step) == exponent
    assert nearest_exponent(ratio_of(price), bin_step) == exponent


@settings(max_examples=300)
@given(st.floats(1e-9, 1e9), st.sampled_from([1, 5, 10, 20, 80, 100, 400]))
def test_the_bin_of_a_price_is_the_last_one_not_above_it(price: float, bin_step: int) -> None:
    exponent = exponent_of_price(price, bin_step)
    numerator, denominator = price.as_integer_ratio()
    assert price_x64(exponent, bin_step) <= (numerator << 64) // denominator < price_x64(exponent + 1, bin_step)
    assert nearest_exponent(price, bin_step) in (exponent, exponent + 1)


@pytest.mark.parametrize("price", [0.0, -1.0, math.nan, math.inf, -math.inf])
def test_what_is_no_price_has_no_bin(price: float) -> None:
    for find in (exponent_of_price, nearest_exponent):
        with pytest.raises(RangeError, match="not a positive number"):
            find(price, 10)


@pytest.mark.parametrize("price", [5e-324, 1e-300, 1e300])
def test_a_price_beyond_every_bin_is_refused(price: float) -> None:
    for bin_step in (1, 10, 400, 10_000):
        with pytest.raises(RangeError):
            exponent_of_price(price, bin_step)


@pytest.mark.parametrize(
    ("exponent", "bin_step"),
    [(0, 0), (0, 10_001), (MAX_EXPONENT + 1, 1), (-MAX_EXPONENT - 1, 1), (400_000, 400), (-400_000, 400)],
)
def test_a_price_that_cannot_be_is_refused(exponent: int, bin_step: int) -> None:
    with pytest.raises(RangeError):
        price_x64(exponent, bin_step)


def test_decimals_move_the_point_and_back() -> None:
    assert human_price(0.15, 9, 6) == pytest.approx(150.0)
    assert raw_price(150.0, 9, 6) == pytest.approx(0.15)
    assert human_price(raw_price(1.7, 5, 11), 5, 11) == pytest.approx(1.7)
