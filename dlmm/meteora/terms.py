"""What frames a Meteora swap: what is asked, whether the pair answers, and what user and vaults see in the end.

The order of the checks is the program's, so that of several failures the same one is named.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlmm.jit import kernel
from dlmm.meteora.failures import (
    INSUFFICIENT_FUNDS,
    INVALID_INPUT,
    MATH_OVERFLOW,
    NO_AMOUNT_OUT,
    NOT_EXACT_AMOUNT_OUT,
    OUT_OF_COMPUTE_UNITS,
    POOL_DISABLED,
    SLIPPAGE,
)
from dlmm.tokens import added, withheld
from dlmm.wide import U64

COMPUTE_LIMIT = 1_400_000
UNITS_BEFORE = 15_000
"""Compute units that a swap has used before its first bin, about."""

FEE_ALWAYS_IN_Y = 1
LIMIT_ORDERS, UNDETERMINED_FUNCTION = 2, 0
ENABLED = 0
ACTIVATED_PAIR_TYPES = (1, 2)
ACTIVATED_BY_SLOT = 0
_ZERO = U64(0)

TERMS = np.dtype(
    [
        ("threshold", "<u8"),
        ("slot", "<u8"),
        ("timestamp", "<i8"),
        ("in_basis_points", "<u8"),
        ("in_maximum", "<u8"),
        ("out_basis_points", "<u8"),
        ("out_maximum", "<u8"),
        ("vault_out", "<u8"),
        ("base_units", "<i8"),
        ("exact_in", "?"),
        ("swap_for_y", "?"),
        ("host", "?"),
        ("choose_arrays", "?"),
    ]
)
"""What all amounts of a batch have in common."""

RESULT = np.dtype(
    [
        ("amount_in", "<u8"),
        ("amount_out", "<u8"),
        ("reserve_in", "<u8"),
        ("reserve_out", "<u8"),
        ("fee", "<u8"),
        ("protocol_fee", "<u8"),
        ("host_fee", "<u8"),
        ("order_fee", "<u8"),
        ("fee_rate", "<u8"),
        ("compute_units", "<i8"),
        ("end_bin", "<i4"),
        ("bins", "<i4"),
        ("liquid", "<i4"),
        ("arrays", "<i4"),
        ("error", "<i4"),
    ]
)
"""What a swap does; where `error` is not 0, `amount_in` is what the user had paid by then, the rest of no meaning."""


@kernel
def supports_orders(pair: NDArray[np.void]) -> bool:
    """Tell whether limit orders take part: pairs made for them, and undecided ones without rewards."""
    me: Any = pair[0]
    if me.function_type != UNDETERMINED_FUNCTION:
        return bool(me.function_type == LIMIT_ORDERS)
    for reward in range(2):
        for k in range(32):
            if me.rewards[reward].mint[k] != 0:
                return False
    return True


@kernel
def is_open(pair: NDArray[np.void], slot: U64, timestamp: int) -> bool:
    """Tell whether the pair is enabled and, for the types that have one, past its activation point."""
    me: Any = pair[0]
    if me.status != ENABLED:
        return False
    if me.pair_type not in ACTIVATED_PAIR_TYPES:
        return True
    now = slot if me.activation_type == ACTIVATED_BY_SLOT else U64(timestamp)
    return bool(now >= me.activation_point)


@kernel
def target_of(term: Any, is_enabled: bool, fade_error: int, amount: U64, most_in: U64) -> tuple[U64, int]:
    """Return what has to pass through the bins, and the error that needs no look at them or 0.

    :arg most_in: Most that may reach the pool.

    """
    payable, target = amount, most_in
    if not term.exact_in:
        payable = term.threshold
        fee, fits = added(amount, term.out_basis_points, term.out_maximum)
        target = amount + fee
        if not fits:
            return target, MATH_OVERFLOW
    if not is_enabled:
        return target, POOL_DISABLED
    if payable == _ZERO:
        return target, INVALID_INPUT
    if fade_error != 0:
        return target, fade_error
    return target, NO_AMOUNT_OUT if most_in == _ZERO else 0


@kernel
def no_exact_out(term: Any, bought: U64) -> int:
    """Return the failure of an exact out whose amount in was used up before."""
    if bought == withheld(bought, term.out_basis_points, term.out_maximum):
        return NO_AMOUNT_OUT
    return INSUFFICIENT_FUNDS if bought > term.vault_out else NOT_EXACT_AMOUNT_OUT


@kernel
def bin_units(term: Any, bins: int, liquid: int, arrays: int) -> int:
    """Estimate the compute units of a walk: fitted to the vectors, within 5 % of a bin's cost on average."""
    one = (5_200 if term.exact_in else 6_260) + (0 if term.swap_for_y else 290) + (940 if term.host else 0)
    return 2_000 * arrays + 260 * (bins - liquid) + one * liquid


@kernel
def settle(term: Any, amount: U64, paid: U64, bought: U64, fee_on_input: bool, out: Any) -> None:
    """Turn what passed through the bins into what the user and the vaults see, or into the failure at the end.

    :arg amount: As asked for.

    :arg paid: Into the bins, fee included.

    :arg bought: Out of the bins, fee excluded.

    """
    out.reserve_out = bought
    out.amount_out = bought - withheld(bought, term.out_basis_points, term.out_maximum)
    if out.amount_out == _ZERO:
        out.error = NO_AMOUNT_OUT
    elif term.exact_in:
        out.amount_in = amount
        if out.amount_out < term.threshold:
            out.error = SLIPPAGE
    else:
        fee, fits = added(paid, term.in_basis_points, term.in_maximum)
        out.amount_in = paid + fee if fits else _ZERO
        if not fits:
            out.error = MATH_OVERFLOW
        elif out.amount_in == _ZERO:  # only a bin without a price gives for nothing
            out.error = NO_AMOUNT_OUT
        elif out.amount_in > term.threshold:
            out.error = SLIPPAGE
    out.reserve_in = out.amount_in - withheld(out.amount_in, term.in_basis_points, term.in_maximum)
    if fee_on_input:
        out.reserve_in -= out.host_fee
    else:
        out.reserve_out += out.host_fee
    if out.error in (0, SLIPPAGE) and bought > term.vault_out:  # the threshold is looked at after the transfers
        out.error = INSUFFICIENT_FUNDS
    if out.compute_units > COMPUTE_LIMIT:
        out.error = OUT_OF_COMPUTE_UNITS
