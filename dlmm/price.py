"""The price of a bin, bit for bit as both programs compute it, and the way back.

Prices are Y per X in raw units, in Q64.64. The programs raise `1 + bin_step / 10_000` to the bin's exponent by
squaring, on the reciprocal of the base, cutting every product to 64 fractional bits, and invert the result for positive
exponents. The error of those cuts is part of the price, so no shorter formula may stand in for it.

Source: both programs' price code, pinned by the bin prices of the golden vectors.
"""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from dlmm.errors import RangeError
from dlmm.jit import kernel
from dlmm.wide import U64, divide, multiply

SCALE_BITS = 64
MAX_EXPONENT = (1 << 19) - 1
BASIS_POINTS = 10_000
_TWO_TO_64 = 2.0**64
_ZERO = U64(0)
_ONE = U64(1)
_MAX = U64(0xFFFFFFFFFFFFFFFF)


@kernel
def price_halves(exponent: int, bin_step: int) -> tuple[U64, U64]:
    """Compute a bin's price for a kernel.

    :arg exponent: Signed distance from the bin whose price is 1, at most 2^19 - 1 either way.

    :returns: Q64.64 price as two halves; both zero when the price is too small or too large to hold.

    """
    if exponent == 0:
        return _ONE, _ZERO
    distance = U64(abs(exponent))
    # The base is 1 and 2^64 * bin_step / 10_000, which is a whole 1 at a step of 10_000.
    whole, fraction, _ = divide(U64(bin_step), _ZERO, _ZERO, U64(10_000))
    _, square, _ = divide(_MAX, _MAX, _ONE + whole, fraction)
    result = _ZERO
    is_one = True
    while distance != _ZERO:
        if distance & _ONE != _ZERO:
            if is_one:
                result = square
                is_one = False
            else:
                result, _ = multiply(result, square)
        square, _ = multiply(square, square)
        distance = distance >> _ONE
    if exponent < 0:
        return _ZERO, result
    if result == _ZERO:
        return _ZERO, _ZERO
    high, low, _ = divide(_MAX, _MAX, _ZERO, result)
    return high, low


@kernel
def price_of(exponent: int, bin_step: int) -> float:
    """Compute a bin's price for a kernel as a float, raw Y per raw X; 0 where it fits no u128."""
    high, low = price_halves(exponent, bin_step)
    return float(np.float64(high) + np.float64(low) / _TWO_TO_64)


@kernel
def _fill_prices(first_exponent: int, bin_step: int, out: NDArray[np.uint64]) -> None:
    for index in range(out.shape[0]):
        high, low = price_halves(first_exponent + index, bin_step)
        out[index, 0] = low
        out[index, 1] = high


def price_x64(exponent: int, bin_step: int) -> int:
    """Return a bin's price as the programs compute it.

    :arg exponent: Signed distance from the bin whose price is 1.

    :arg bin_step: Basis points between neighbouring bins.

    :returns: Raw Y per raw X, Q64.64.

    :raises RangeError: The exponent is out of range, or the price fits no u128.

    """
    if not 1 <= bin_step <= BASIS_POINTS:
        raise RangeError(f"bin step {bin_step} is not between 1 and {BASIS_POINTS}")
    if abs(exponent) > MAX_EXPONENT:
        raise RangeError(f"bin exponent {exponent} is beyond {MAX_EXPONENT}")
    high, low = price_halves(exponent, bin_step)
    price = int(high) << SCALE_BITS | int(low)
    if price == 0:
        raise RangeError(f"the price of bin exponent {exponent} at step {bin_step} fits no u128")
    return price


@lru_cache(maxsize=4096)
def price_table(first_exponent: int, count: int, bin_step: int) -> NDArray[np.uint64]:
    """Return the prices of neighbouring bins for a kernel.

    :returns: Read-only array of shape `(count, 2)`: low half, high half. A price that fits no u128 is zero.

    """
    table = np.empty((count, 2), np.uint64)
    _fill_prices(first_exponent, bin_step, table)
    table.flags.writeable = False
    return table


def exponent_of_price(price: float, bin_step: int) -> int:
    """Return the last bin whose price is not above the given raw price.

    :arg price: Raw Y per raw X, above zero.

    :raises RangeError: The price is not positive and finite, or beyond every bin.

    """
    if not (math.isfinite(price) and price > 0.0):
        raise RangeError(f"price {price} is not a positive number")
    guess = math.floor(math.log(price) / math.log1p(bin_step / BASIS_POINTS))
    if abs(guess) >= MAX_EXPONENT:
        raise RangeError(f"price {price} lies beyond every bin of step {bin_step}")
    numerator, denominator = price.as_integer_ratio()
    target = (numerator << SCALE_BITS) // denominator
    while price_x64(guess, bin_step) > target:
        guess -= 1
    while price_x64(guess + 1, bin_step) <= target:
        guess += 1
    return guess


def nearest_exponent(price: float, bin_step: int) -> int:
    """Return the bin whose price is nearest to the given raw price, by ratio.

    :raises RangeError: As `exponent_of_price`.

    """
    below = exponent_of_price(price, bin_step)
    if below >= MAX_EXPONENT:
        return below
    low, high = (ratio_of(price_x64(below + step, bin_step)) for step in (0, 1))
    return below if price * price <= low * high else below + 1


def ratio_of(price: int) -> float:
    """Return a Q64.64 price as the nearest float."""
    return price / (1 << SCALE_BITS)


def human_price(raw: float, decimals_x: int, decimals_y: int) -> float:
    """Turn raw Y per raw X into whole Y per whole X."""
    return float(raw * 10.0 ** (decimals_x - decimals_y))


def raw_price(human: float, decimals_x: int, decimals_y: int) -> float:
    """Turn whole Y per whole X into raw Y per raw X."""
    return float(human * 10.0 ** (decimals_y - decimals_x))
