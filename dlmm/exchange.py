"""What one bin pays for what, at its price: the rule on which both programs agree.

What goes in is rounded up for what comes out, what comes out is rounded down for what goes in: the pool never loses.
"""

from dlmm.jit import kernel
from dlmm.wide import U64, divide, multiply_shift, rounded_up

_ZERO = U64(0)


@kernel
def cost(out: U64, price_high: U64, price_low: U64, swap_for_y: bool) -> tuple[U64, bool]:
    """Return what must go in for an amount out, rounded up, and whether it fits 64 bits.

    :arg price_high: Upper half of the price; not both halves are zero for X to Y.

    """
    if swap_for_y:
        high, low, inexact = divide(out, _ZERO, price_high, price_low)
    else:
        high, low, inexact = multiply_shift(out, price_high, price_low)
    return rounded_up(high, low, inexact)


@kernel
def proceeds(paid: U64, price_high: U64, price_low: U64, swap_for_y: bool) -> tuple[U64, bool]:
    """Return what comes out for an amount in, rounded down, and whether it fits 64 bits.

    :arg price_high: Upper half of the price; not both halves are zero for Y to X.

    """
    if swap_for_y:
        high, low, _ = multiply_shift(paid, price_high, price_low)
    else:
        high, low, _ = divide(paid, _ZERO, price_high, price_low)
    return low, high == _ZERO
