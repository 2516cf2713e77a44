"""Unsigned 128-bit arithmetic for kernels, on pairs of 64-bit halves (high, low).

Numba has no integer wider than 64 bits, and both programs compute in 128. Every operand here is `uint64`: in a kernel
a signed integer beside an unsigned one turns both into a float. Sums and products of halves wrap modulo 2^64, as
intended.

The divisions follow Knuth's algorithm D in the two-digit form of Warren, "Hacker's Delight", section 9-4 and 9-5.
"""

from typing import Any

import numpy as np

from dlmm.jit import kernel

U64 = np.uint64
_ZERO = U64(0)
_ONE = U64(1)
_BITS32 = U64(32)
_BITS63 = U64(63)
_BITS64 = U64(64)
_LOW32 = U64(0xFFFFFFFF)
_BASE32 = U64(1 << 32)


@kernel
def signed(field: Any) -> int:
    """Read an unsigned field as a signed integer: beside one, numba would turn a u64 into a float."""
    return np.int64(field)  # type: ignore[return-value] # what numba calls an int


@kernel
def multiply(a: U64, b: U64) -> tuple[U64, U64]:
    """Multiply two 64-bit numbers into 128 bits."""
    a_high, a_low = a >> _BITS32, a & _LOW32
    b_high, b_low = b >> _BITS32, b & _LOW32
    low = a_low * b_low
    middle = a_high * b_low + (low >> _BITS32)
    other = a_low * b_high + (middle & _LOW32)
    high = a_high * b_high + (middle >> _BITS32) + (other >> _BITS32)
    return high, (other << _BITS32) | (low & _LOW32)


@kernel
def add(a_high: U64, a_low: U64, b_high: U64, b_low: U64) -> tuple[U64, U64]:
    """Add two 128-bit numbers modulo 2^128."""
    low = a_low + b_low
    carry = _ONE if low < a_low else _ZERO
    return a_high + b_high + carry, low


@kernel
def subtract(a_high: U64, a_low: U64, b_high: U64, b_low: U64) -> tuple[U64, U64]:
    """Subtract two 128-bit numbers modulo 2^128."""
    borrow = _ONE if a_low < b_low else _ZERO
    return a_high - b_high - borrow, a_low - b_low


@kernel
def is_less(a_high: U64, a_low: U64, b_high: U64, b_low: U64) -> bool:
    """Tell whether the first 128-bit number is the smaller one."""
    return bool(a_high < b_high or (a_high == b_high and a_low < b_low))


@kernel
def rounded_up(high: U64, low: U64, inexact: bool) -> tuple[U64, bool]:
    """Round a quotient or a whole part up, and tell whether it fits 64 bits."""
    if inexact:
        low += _ONE
        if low == _ZERO:
            high += _ONE
    return low, high == _ZERO


@kernel
def leading_zeros(a: U64) -> U64:
    """Count the zero bits above the highest set bit; 64 for zero."""
    if a == _ZERO:
        return _BITS64
    count = _ZERO
    for shift in (32, 16, 8, 4, 2, 1):
        if a >> (_BITS64 - U64(shift)) == _ZERO:
            count += U64(shift)
            a = a << U64(shift)
    return count


@kernel
def divide_narrow(high: U64, low: U64, divisor: U64) -> tuple[U64, U64]:
    """Divide 128 bits by 64 where the quotient fits 64 bits.

    :arg high: Upper half of the dividend; must be below the divisor.

    :returns: Quotient and remainder.

    """
    shift = leading_zeros(divisor)
    divisor = divisor << shift
    divisor_high, divisor_low = divisor >> _BITS32, divisor & _LOW32
    if shift != _ZERO:
        high = (high << shift) | (low >> (_BITS64 - shift))
        low = low << shift
    low_high, low_low = low >> _BITS32, low & _LOW32

    digit_high = high // divisor_high
    rest = high - digit_high * divisor_high
    while digit_high >= _BASE32 or digit_high * divisor_low > (rest << _BITS32) + low_high:
        digit_high -= _ONE
        rest += divisor_high
        if rest >= _BASE32:
            break
    middle = (high << _BITS32) + low_high - digit_high * divisor

    digit_low = middle // divisor_high
    rest = middle - digit_low * divisor_high
    while digit_low >= _BASE32 or digit_low * divisor_low > (rest << _BITS32) + low_low:
        digit_low -= _ONE
        rest += divisor_high
        if rest >= _BASE32:
            break
    remainder = ((middle << _BITS32) + low_low - digit_low * divisor) >> shift
    return (digit_high << _BITS32) + digit_low, remainder


@kernel
def divide(high: U64, low: U64, by_high: U64, by_low: U64) -> tuple[U64, U64, bool]:
    """Divide 128 bits by 128 bits; the divisor must not be zero.

    :returns: Quotient as two halves, rounded down, and whether a remainder was cut off.

    """
    if by_high == _ZERO:
        if high == _ZERO:  # most amounts: one division instead of three
            quotient_low = low // by_low
            return _ZERO, quotient_low, quotient_low * by_low != low
        quotient_high = high // by_low if high >= by_low else _ZERO
        quotient_low, rest = divide_narrow(high - quotient_high * by_low, low, by_low)
        return quotient_high, quotient_low, rest != _ZERO
    shift = leading_zeros(by_high)
    normal = by_high if shift == _ZERO else (by_high << shift) | (by_low >> (_BITS64 - shift))
    estimate, _ = divide_narrow(high >> _ONE, (high << _BITS63) | (low >> _ONE), normal)
    quotient = estimate >> (_BITS63 - shift)
    if quotient != _ZERO:
        quotient -= _ONE
    part_high, part_low = multiply(quotient, by_low)
    part_high += quotient * by_high
    rest_high, rest_low = subtract(high, low, part_high, part_low)
    if not is_less(rest_high, rest_low, by_high, by_low):
        quotient += _ONE
        rest_high, rest_low = subtract(rest_high, rest_low, by_high, by_low)
    return _ZERO, quotient, (rest_high | rest_low) != _ZERO


@kernel
def multiply_shift(a: U64, by_high: U64, by_low: U64) -> tuple[U64, U64, bool]:
    """Multiply a 64-bit number by a Q64.64 number and drop the fraction.

    :returns: The whole part as two halves, rounded down, and whether a fraction was cut off.

    """
    high, fraction = multiply(a, by_low)
    top, middle = multiply(a, by_high)
    whole = high + middle
    carry = _ONE if whole < high else _ZERO
    return top + carry, whole, fraction != _ZERO


@kernel
def multiply_divide(a: U64, b: U64, divisor: U64) -> tuple[U64, U64, bool]:
    """Compute `a * b // divisor`; the divisor must not be zero.

    :returns: Quotient as two halves, rounded down, and whether a remainder was cut off.

    """
    high, low = multiply(a, b)
    return divide(high, low, _ZERO, divisor)
