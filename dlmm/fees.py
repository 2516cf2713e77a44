"""Swap fees, the same in both programs: a base fee, and a surcharge for recent volatility.

Rates are in units of 1e-9. The volatility accumulator counts bins moved, times 10,000; it fades towards its reference
between swaps. Source: both programs' fee code, pinned by the golden vectors tagged `volatility` and `time`.
"""

import numpy as np

from dlmm.jit import kernel
from dlmm.wide import U64, add, divide, multiply, multiply_divide, rounded_up

FEE_PRECISION = 1_000_000_000
BASIS_POINTS = 10_000
_PRECISION = U64(FEE_PRECISION)
_ZERO = U64(0)
_ONE = U64(1)
_MAX = U64(0xFFFFFFFFFFFFFFFF)
_VARIABLE_SCALE = U64(100_000_000_000)
_VARIABLE_ROUND_UP = U64(99_999_999_999)
_BINS_SCALE = np.int64(10_000)


@kernel
def base_fee_rate(base_factor: int, bin_step: int, power: int) -> U64:
    """Return `base_factor * bin_step * 10 * 10^power` (power 0 on Saros)."""
    rate = U64(base_factor) * U64(bin_step) * U64(10)
    for _ in range(power):
        rate *= U64(10)
    return rate


@kernel
def variable_fee_rate(accumulator: int, bin_step: int, control: int) -> U64:
    """Return `ceil((accumulator * bin_step)^2 * control / 1e11)`, at most 2^64 - 1."""
    if control == 0:
        return _ZERO
    moved = U64(accumulator) * U64(bin_step)
    square_high, square_low = multiply(moved, moved)
    high, low = multiply(square_low, U64(control))
    high += square_high * U64(control)
    high, low = add(high, low, _ZERO, _VARIABLE_ROUND_UP)
    rate_high, rate_low, _ = divide(high, low, _ZERO, _VARIABLE_SCALE)
    return _MAX if rate_high != _ZERO else rate_low


@kernel
def fee_of_gross(amount: U64, rate: U64) -> U64:
    """Return the fee inside an amount that includes it, rounded up."""
    _, fee, inexact = multiply_divide(amount, rate, _PRECISION)
    return fee + _ONE if inexact else fee


@kernel
def fee_on_net(amount: U64, rate: U64) -> tuple[U64, bool]:
    """Return the fee to add to an amount that lacks it, rounded up; the rate is below 1e9.

    :returns: The fee, and whether it fits 64 bits.

    """
    high, fee, inexact = multiply_divide(amount, rate, _PRECISION - rate)
    return rounded_up(high, fee, inexact)


@kernel
def references(
    accumulator: int, reference: int, index: int, active_id: int, elapsed: int, periods: tuple[int, int], reduction: int
) -> tuple[int, int]:
    """Fade the volatility references at the start of a swap.

    :arg accumulator: Volatility accumulator as stored.

    :arg reference: Volatility reference as stored.

    :arg index: Index reference as stored.

    :arg elapsed: Seconds since the pool's last update; may be negative on Meteora.

    :arg periods: Filter and decay period in seconds.

    :arg reduction: Reduction factor in basis points.

    :returns: New volatility reference and index reference.

    """
    if elapsed < periods[0]:
        return reference, index
    if elapsed < periods[1]:
        return accumulator * reduction // 10_000, active_id
    return 0, active_id


@kernel
def accumulate(reference: int, index: int, bin_id: int, maximum: int) -> int:
    """Return the accumulator at a bin: the reference plus the distance moved, capped."""
    return min(reference + abs(index - bin_id) * 10_000, maximum)
