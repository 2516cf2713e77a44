"""Fees equal the programs' formulas in Python's integers, at every extreme."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from dlmm import fees
from dlmm.wide import U64
from tests.dlmm.test_wide import U64S, of_bits

MAX64 = 2**64 - 1
PRECISION = fees.FEE_PRECISION
MANY = settings(max_examples=400)
RATES = st.one_of(st.integers(0, PRECISION - 1), st.integers(0, 10**7), st.just(10**8), st.just(PRECISION - 1))
U32S, U16S = of_bits(32), of_bits(16)


def ceil_divide(a: int, b: int) -> int:
    return -(-a // b)


@MANY
@given(U16S, st.integers(1, 10_000), st.integers(0, 4))
@example(65_535, 10_000, 4)
def test_the_base_fee_is_a_product(base_factor: int, bin_step: int, power: int) -> None:
    assert int(fees.base_fee_rate(base_factor, bin_step, power)) == base_factor * bin_step * 10 * 10**power


@MANY
@given(U32S, st.integers(1, 10_000), U32S)
@example(2**32 - 1, 10_000, 2**32 - 1)
@example(2**32 - 1, 10_000, 0)
@example(0, 1, 2**32 - 1)
@example(1, 1, 1)
def test_the_surcharge_is_rounded_up_and_capped_at_64_bits(accumulator: int, bin_step: int, control: int) -> None:
    expected = min(ceil_divide((accumulator * bin_step) ** 2 * control, 10**11), MAX64)
    assert int(fees.variable_fee_rate(accumulator, bin_step, control)) == expected


@MANY
@given(U64S, RATES)
@example(MAX64, PRECISION - 1)
def test_the_fee_inside_an_amount_is_rounded_up(amount: int, rate: int) -> None:
    assert int(fees.fee_of_gross(U64(amount), U64(rate))) == ceil_divide(amount * rate, PRECISION)


@MANY
@given(U64S, RATES)
@example(MAX64, PRECISION - 1)
@example(MAX64, PRECISION // 2)
@example(MAX64, PRECISION // 2 + 1)
def test_the_fee_to_add_is_rounded_up_and_tells_when_it_does_not_fit(amount: int, rate: int) -> None:
    fee, fits = fees.fee_on_net(U64(amount), U64(rate))
    expected = ceil_divide(amount * rate, PRECISION - rate)
    assert bool(fits) == (expected <= MAX64)
    if fits:
        assert int(fee) == expected


@MANY
@given(of_bits(50), st.integers(0, 10**8))
def test_a_fee_added_covers_the_fee_taken(net: int, rate: int) -> None:
    added, _ = fees.fee_on_net(U64(net), U64(rate))
    gross = net + int(added)
    taken = int(fees.fee_of_gross(U64(gross), U64(rate)))
    assert gross - taken >= net - 1  # never short by more than the last unit of rounding
    assert taken <= int(added) + 1


@MANY
@given(
    accumulator=U32S,
    reference=U32S,
    index=st.integers(-443_636, 2**24),
    active_id=st.integers(-443_636, 2**24),
    elapsed=st.one_of(st.integers(-100, 1_000), st.integers(-(2**40), 2**40)),
    filter_period=st.integers(0, 200),
    decay_period=st.integers(0, 900),
    reduction=st.integers(0, 10_000),
)
def test_references_hold_fade_or_fall_to_nothing(
    accumulator: int,
    reference: int,
    index: int,
    active_id: int,
    elapsed: int,
    filter_period: int,
    decay_period: int,
    reduction: int,
) -> None:
    got = fees.references(accumulator, reference, index, active_id, elapsed, (filter_period, decay_period), reduction)
    if elapsed < filter_period:
        assert got == (reference, index)
    elif elapsed < decay_period:
        assert got == (accumulator * reduction // 10_000, active_id)
    else:
        assert got == (0, active_id)


@MANY
@given(U32S, st.integers(-443_636, 2**24), st.integers(-443_636, 2**24), U32S)
def test_the_accumulator_counts_bins_up_to_its_cap(reference: int, index: int, bin_id: int, maximum: int) -> None:
    assert fees.accumulate(reference, index, bin_id, maximum) == min(reference + abs(index - bin_id) * 10_000, maximum)
