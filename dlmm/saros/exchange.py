"""One bin's part of a Saros swap.

The fee of a swap stays in the bin's reserve of the token that comes in, except for the protocol's part.

Source: the program's behaviour, pinned by the golden vectors and by runs of the real program on random pools.
"""

from dlmm.exchange import cost, proceeds
from dlmm.fees import BASIS_POINTS, FEE_PRECISION, fee_of_gross, fee_on_net
from dlmm.jit import kernel
from dlmm.wide import U64, multiply_divide

PANIC = -1
AMOUNT_OVERFLOW = 6021
AMOUNT_UNDERFLOW = 6022
_ZERO = U64(0)
_ONE = U64(1)
_BASIS_POINTS = U64(BASIS_POINTS)
_PRECISION = U64(FEE_PRECISION)


@kernel
def exchange(
    left: U64, reserve_out: U64, price_high: U64, price_low: U64, rate: U64, exact_in: bool, swap_for_y: bool
) -> tuple[int, U64, U64, U64]:
    """Trade with one bin, or as much as it can.

    :arg left: Amount in with fee, or amount out, still to be traded; above zero.

    :arg reserve_out: What the bin holds of the token that comes out; above zero.

    :arg rate: Fee in units of 1e-9.

    :returns: Error code or 0, amount in with fee, amount out, and the fee.

    """
    out = reserve_out if exact_in else min(left, reserve_out)
    paid, fits = cost(out, price_high, price_low, swap_for_y)
    if not fits:
        return PANIC, _ZERO, _ZERO, _ZERO
    if rate >= _PRECISION:
        return PANIC, _ZERO, _ZERO, _ZERO
    fee, fits = fee_on_net(paid, rate)
    gross = paid + fee
    if not fits or gross < paid:
        return AMOUNT_OVERFLOW, _ZERO, _ZERO, _ZERO
    if exact_in and left < gross:
        fee = fee_of_gross(left, rate)
        out, fits = proceeds(left - fee, price_high, price_low, swap_for_y)
        if not fits:
            return PANIC, _ZERO, _ZERO, _ZERO
        return 0, left, min(out, reserve_out), fee
    return 0, gross, out, fee


@kernel
def protocol_part(fee: U64, share: U64) -> U64:
    """Return the protocol's part of a fee, rounded down."""
    _, part, _ = multiply_divide(fee, share, _BASIS_POINTS)
    return part
