"""What goes into a Saros pool and comes out of it until a swap has drained one bin after the other."""

import numpy as np
from numpy.typing import NDArray

from dlmm.fees import accumulate, base_fee_rate, references, variable_fee_rate
from dlmm.jit import kernel
from dlmm.saros.exchange import exchange
from dlmm.saros.heap import DONE, HEAP_BYTES, heap_used
from dlmm.saros.layout import BINS_PER_ARRAY, MAX_BIN_ID
from dlmm.saros.walk import EXTENDED_X, EXTENDED_Y, MIXED_PROGRAMS
from dlmm.saros.window import choose_window, find_array, window_error
from dlmm.wide import U64, signed

_ZERO = U64(0)
_ALL = U64(0xFFFFFFFFFFFFFFFF)


@kernel
def edges(
    pair: NDArray[np.void],
    arrays: NDArray[np.void],
    prices: NDArray[np.uint64],
    mints: int,
    swap_for_y: bool,
    timestamp: int,
    reach: int,
    curve: NDArray[np.float64],
) -> int:
    """Write down what has gone in and come out at the end of each bin with liquidity.

    :arg prices: As `walk` takes them, and `mints`.

    :arg reach: Bins from the active one on which are looked at.

    :arg curve: Row 0: raw units in that reach the pool; row 1: those that leave it. The first column is left out.

    :returns: Bins that were written: those that a swap can come to, as far as there is room.

    """
    me = pair[0]
    start, bin_step = signed(me.active_id), signed(me.bin_step)
    first_priced = (start // BINS_PER_ARRAY - 1) * BINS_PER_ARRAY
    step = -1 if swap_for_y else 1
    extended = (2 if mints & (EXTENDED_X if swap_for_y else EXTENDED_Y) != 0 else 0) + (
        1 if mints & (EXTENDED_Y if swap_for_y else EXTENDED_X) != 0 else 0
    )
    lower = choose_window(arrays, start)
    upper = lower + 1
    if window_error(arrays, lower, upper) != 0 or U64(timestamp) < me.last_update_timestamp:
        return 0
    lower_place, upper_place = find_array(arrays, lower), find_array(arrays, upper)
    reference, index_reference = references(
        signed(me.volatility_accumulator),
        signed(me.volatility_reference),
        signed(me.index_reference),
        start,
        timestamp - signed(me.last_update_timestamp),
        (signed(me.filter_period), signed(me.decay_period)),
        signed(me.reduction_factor),
    )
    base_rate = base_fee_rate(signed(me.base_factor), bin_step, 0)
    control = signed(me.variable_fee_control)
    mixed, hook = (mints & MIXED_PROGRAMS) != 0, me.has_hook != 0
    starts_upper = start // BINS_PER_ARRAY == upper
    spent, got = _ZERO, _ZERO
    count, bins, upper_bins = 0, 0, 0
    bin_id = start
    while count + 1 < curve.shape[1] and 0 <= bin_id <= MAX_BIN_ID and abs(bin_id - start) <= reach:
        index = bin_id // BINS_PER_ARRAY
        if index not in (lower, upper):
            break
        bins += 1
        upper_bins += 1 if index == upper else 0
        if heap_used(DONE, hook, extended, mixed, bins, upper_bins, starts_upper) > HEAP_BYTES:
            break
        price_low, price_high = prices[bin_id - first_priced, 0], prices[bin_id - first_priced, 1]
        if price_low == _ZERO and price_high == _ZERO:
            break
        row = arrays[lower_place if index == lower else upper_place].bins[bin_id % BINS_PER_ARRAY]
        held = row.reserve_y if swap_for_y else row.reserve_x
        if held != _ZERO:
            accumulator = accumulate(reference, index_reference, bin_id, signed(me.max_volatility_accumulator))
            surcharge = variable_fee_rate(accumulator, bin_step, control)
            rate = base_rate + surcharge
            if rate < surcharge:
                break
            error, gross, bought, _ = exchange(_ALL, held, price_high, price_low, rate, True, swap_for_y)
            if error != 0 or bought != held or spent + gross < spent or got + bought < got:
                break
            spent += gross
            got += bought
            count += 1
            curve[0, count], curve[1, count] = np.float64(spent), np.float64(got)
        bin_id += step
    return count
