"""128-bit arithmetic in kernels equals Python's integers, at every extreme."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from dlmm import wide
from dlmm.wide import U64

MAX64 = 2**64 - 1
MAX128 = 2**128 - 1
MANY = settings(max_examples=400)


def of_bits(most: int) -> st.SearchStrategy[int]:
    """Draw numbers of every length alike, and those beside powers of two more often."""
    lengths = st.integers(1, most)
    spread = lengths.flatmap(lambda bits: st.integers(2 ** (bits - 1), 2**bits - 1))
    beside = st.builds(lambda bits, step: min(max(2**bits + step, 0), 2**most - 1), lengths, st.integers(-2, 2))
    return st.one_of(st.just(0), st.just(2**most - 1), spread, beside)


U64S, U128S = of_bits(64), of_bits(128)


def halves(value: int) -> tuple[U64, U64]:
    return U64(value >> 64), U64(value & MAX64)


def whole(high: U64, low: U64) -> int:
    return int(high) << 64 | int(low)


@MANY
@given(U64S, U64S)
@example(MAX64, MAX64)
def test_a_product_has_all_its_128_bits(a: int, b: int) -> None:
    assert whole(*wide.multiply(U64(a), U64(b))) == a * b


@MANY
@given(U128S, U128S)
@example(MAX128, MAX128)
@example(MAX64, 1)
def test_sums_and_differences_wrap_at_128_bits(a: int, b: int) -> None:
    assert whole(*wide.add(*halves(a), *halves(b))) == (a + b) & MAX128
    assert whole(*wide.subtract(*halves(a), *halves(b))) == (a - b) & MAX128
    assert bool(wide.is_less(*halves(a), *halves(b))) == (a < b)
    assert not wide.is_less(*halves(a), *halves(a))


@MANY
@given(U64S)
def test_leading_zeros_count_what_is_above_the_highest_bit(a: int) -> None:
    assert int(wide.leading_zeros(U64(a))) == 64 - a.bit_length()


@MANY
@given(U64S.filter(bool), U64S, U64S)
@example(MAX64, MAX64 - 1, MAX64)
@example(2**63, 2**63 - 1, MAX64)
@example(1, 0, MAX64)
def test_a_narrow_division_gives_quotient_and_remainder(divisor: int, high: int, low: int) -> None:
    high %= divisor
    quotient, rest = wide.divide_narrow(U64(high), U64(low), U64(divisor))
    assert (int(quotient), int(rest)) == divmod(high << 64 | low, divisor)


@MANY
@given(U128S, U128S.filter(bool))
@example(MAX128, 1)
@example(MAX128, MAX128)
@example(MAX128 - 1, MAX128)
@example(MAX128, MAX64)
@example(MAX128, 2**64)
@example(MAX128, 2**127 + 1)
@example(2**127, 2**64 - 1)
def test_a_division_rounds_down_and_tells_of_a_remainder(a: int, b: int) -> None:
    high, low, inexact = wide.divide(*halves(a), *halves(b))
    assert whole(high, low) == a // b
    assert bool(inexact) == (a % b != 0)


@MANY
@given(U64S, U128S)
@example(MAX64, MAX128)
def test_a_product_with_q64_64_drops_the_fraction(a: int, b: int) -> None:
    high, low, inexact = wide.multiply_shift(U64(a), *halves(b))
    assert whole(high, low) == a * b >> 64
    assert bool(inexact) == (a * b & MAX64 != 0)


@MANY
@given(U64S, U64S, U64S.filter(bool))
@example(MAX64, MAX64, 1)
@example(MAX64, MAX64, MAX64)
def test_multiply_divide_is_exact_in_between(a: int, b: int, divisor: int) -> None:
    high, low, inexact = wide.multiply_divide(U64(a), U64(b), U64(divisor))
    assert whole(high, low) == a * b // divisor
    assert bool(inexact) == (a * b % divisor != 0)


@MANY
@given(U128S, st.booleans())
def test_rounding_up(value: int, inexact: bool) -> None:
    low, fits = wide.rounded_up(*halves(value), inexact)
    assert (int(low), fits) == ((value + inexact) & MAX64, value + inexact <= MAX64 or value + inexact > MAX128)


def test_an_unsigned_field_reads_as_signed() -> None:
    assert [wide.signed(U64(value)) for value in (0, 5, 2**63 - 1)] == [0, 5, 2**63 - 1]
