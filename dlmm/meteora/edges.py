"""What goes into a Meteora pool and comes out of it until a swap has drained one bin after the other."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlmm.fees import accumulate, base_fee_rate, references, variable_fee_rate
from dlmm.jit import kernel
from dlmm.meteora.exchange import exchange_in, offered, total_offered
from dlmm.meteora.layout import BINS_PER_ARRAY
from dlmm.meteora.reach import enter_array
from dlmm.meteora.terms import COMPUTE_LIMIT, FEE_ALWAYS_IN_Y, UNITS_BEFORE, bin_units, is_open, supports_orders
from dlmm.meteora.walk import MAX_FEE_RATE
from dlmm.wide import U64, signed

_ZERO = U64(0)
_ALL = U64(0xFFFFFFFFFFFFFFFF)


@kernel
def edges(
    pair: NDArray[np.void],
    arrays: NDArray[np.void],
    extension: NDArray[np.void],
    passed: NDArray[np.int64],
    terms: NDArray[np.void],
    reach: int,
    curve: NDArray[np.float64],
) -> int:
    """Write down what has gone in and come out at the end of each bin with liquidity.

    :arg terms: As `walk` takes them, for exact amounts in.

    :arg reach: Bins from the active one on which are looked at.

    :arg curve: Row 0: raw units in that reach the pool; row 1: those that leave it. The first column is left out.

    :returns: Bins that were written: those that a swap can come to, as far as there is room.

    """
    term: Any = terms[0]
    me: Any = pair[0]
    swap_for_y = term.swap_for_y
    fee_on_input = not (swap_for_y and me.collect_fee_mode == FEE_ALWAYS_IN_Y)
    with_orders = supports_orders(pair)
    step = -1 if swap_for_y else 1
    start, bin_step = signed(me.active_id), signed(me.bin_step)
    if not is_open(pair, term.slot, term.timestamp):
        return 0
    reference, index_reference = references(
        signed(me.volatility_accumulator),
        signed(me.volatility_reference),
        signed(me.index_reference),
        start,
        term.timestamp - me.last_update_timestamp,
        (signed(me.filter_period), signed(me.decay_period)),
        signed(me.reduction_factor),
    )
    base_rate = base_fee_rate(signed(me.base_factor), bin_step, signed(me.base_fee_power_factor))
    spent, got = _ZERO, _ZERO
    count, bins, loaded = 0, 0, 0
    bin_id, place, array_index, next_passed = start, -1, 0, 0
    while count + 1 < curve.shape[1] and me.min_bin_id <= bin_id <= me.max_bin_id:
        if place < 0 or bin_id // BINS_PER_ARRAY != array_index:
            place, array_index, next_passed, error = enter_array(
                pair, arrays, extension, passed, term, bin_id // BINS_PER_ARRAY, next_passed
            )
            if error != 0:
                break
            loaded += 1
            if bin_id // BINS_PER_ARRAY != array_index:
                bin_id = array_index * BINS_PER_ARRAY + (BINS_PER_ARRAY - 1 if swap_for_y else 0)
        if abs(bin_id - start) > reach:
            break
        row = arrays[place].bins[bin_id - array_index * BINS_PER_ARRAY]
        layers = offered(row, swap_for_y, with_orders)
        bins += 1
        held = total_offered(layers[0], layers[1], layers[2])
        if held != _ZERO:
            if bin_units(term, bins, count + 1, loaded) > COMPUTE_LIMIT - UNITS_BEFORE:
                break
            if swap_for_y and (row.price_high | row.price_low) == _ZERO:
                break
            accumulator = accumulate(reference, index_reference, bin_id, signed(me.max_volatility_accumulator))
            variable = variable_fee_rate(accumulator, bin_step, signed(me.variable_fee_control))
            rate = MAX_FEE_RATE if variable > MAX_FEE_RATE else min(base_rate + variable, MAX_FEE_RATE)
            price = (row.price_high, row.price_low)
            error, gross, _, bought, _, _, outs = exchange_in(_ALL, layers, price, rate, swap_for_y, fee_on_input)
            if error != 0 or outs[0] + outs[1] + outs[2] != held or spent + gross < spent or got + bought < got:
                break
            spent += gross
            got += bought
            count += 1
            curve[0, count], curve[1, count] = np.float64(spent), np.float64(got)
        bin_id += step
    return count
