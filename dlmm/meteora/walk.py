"""A Meteora swap from bin to bin, for one amount or for many at once.

Every bin but the last is drained whatever the amount, so amounts in ascending order share the walk: each goes on where
the one before it came to its last bin. A single swap is a batch of one; only then may the walk write what it does.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlmm.fees import accumulate, base_fee_rate, references, variable_fee_rate
from dlmm.jit import kernel
from dlmm.meteora.exchange import exchange_in, exchange_out, offered, overflows, split_fee, store, total_offered
from dlmm.meteora.failures import MATH_OVERFLOW, NO_AMOUNT_OUT, OUT_OF_BINS, OUT_OF_COMPUTE_UNITS
from dlmm.meteora.layout import BINS_PER_ARRAY
from dlmm.meteora.reach import drop_empty, enter_array
from dlmm.meteora.terms import (
    COMPUTE_LIMIT,
    FEE_ALWAYS_IN_Y,
    UNITS_BEFORE,
    bin_units,
    is_open,
    no_exact_out,
    settle,
    supports_orders,
    target_of,
)
from dlmm.tokens import withheld
from dlmm.wide import U64, signed

MAX_FEE_RATE = U64(100_000_000)
_ZERO = U64(0)


@kernel
def walk(
    pair: NDArray[np.void],
    arrays: NDArray[np.void],
    extension: NDArray[np.void],
    passed: NDArray[np.int64],
    terms: NDArray[np.void],
    amounts: NDArray[np.uint64],
    order: NDArray[np.int64],
    results: NDArray[np.void],
    write: bool,
) -> None:
    """Swap each amount against the same pool.

    :arg passed: Indices of the arrays that the transaction passes, unless `choose_arrays`.

    :arg amounts: Raw units as the user sees them.

    :arg order: Places in `amounts` by ascending amount.

    :arg results: One `RESULT` for each amount, in the order of `amounts`.

    :arg write: Whether to write the swap into `pair` and `arrays`; for one amount only.

    """
    term: Any = terms[0]
    me: Any = pair[0]
    exact_in, swap_for_y = term.exact_in, term.swap_for_y
    fee_on_input = not (swap_for_y and me.collect_fee_mode == FEE_ALWAYS_IN_Y)
    with_orders = supports_orders(pair)
    fee_in_x = swap_for_y and fee_on_input
    step = -1 if swap_for_y else 1
    start = signed(me.active_id)
    bin_step = signed(me.bin_step)
    protocol_share = U64(me.protocol_share)
    accumulator = signed(me.volatility_accumulator)
    elapsed = term.timestamp - me.last_update_timestamp
    is_enabled = is_open(pair, term.slot, term.timestamp)
    walk_error, fade_error = 0, 0
    if me.filter_period <= elapsed < me.decay_period and accumulator * signed(me.reduction_factor) >= 1 << 32:
        fade_error = MATH_OVERFLOW
    reference, index_reference = references(
        accumulator,
        signed(me.volatility_reference),
        signed(me.index_reference),
        start,
        elapsed,
        (signed(me.filter_period), signed(me.decay_period)),
        signed(me.reduction_factor),
    )
    base_rate = base_fee_rate(signed(me.base_factor), bin_step, signed(me.base_fee_power_factor))
    most_in = term.threshold - withheld(term.threshold, term.in_basis_points, term.in_maximum)

    spent, got, fees, protocol, host, placers = _ZERO, _ZERO, _ZERO, _ZERO, _ZERO, _ZERO
    rate = _ZERO
    bin_id, place, array_index = start, -1, 0
    next_passed = 0
    bins, liquid, loaded = 0, 0, 0
    ready, touched = False, False
    price = (_ZERO, _ZERO)
    layers = (_ZERO, _ZERO, _ZERO)

    for k in range(order.shape[0]):
        out: Any = results[order[k]]
        amount = amounts[order[k]]
        if exact_in:
            most_in = amount - withheld(amount, term.in_basis_points, term.in_maximum)
        target, out.error = target_of(term, is_enabled, fade_error, amount, most_in)
        if out.error != 0:
            continue
        while True:
            while not ready and walk_error == 0:
                if place >= 0 and not array_index * BINS_PER_ARRAY <= bin_id < (array_index + 1) * BINS_PER_ARRAY:
                    if write and touched:
                        drop_empty(pair, arrays, extension, place)
                    place = -1
                if place < 0:
                    place, array_index, next_passed, walk_error = enter_array(
                        pair, arrays, extension, passed, term, bin_id // BINS_PER_ARRAY, next_passed
                    )
                    if walk_error != 0:
                        break
                    loaded += 1
                    touched = False
                    if bin_id // BINS_PER_ARRAY != array_index:
                        bin_id = array_index * BINS_PER_ARRAY + (BINS_PER_ARRAY - 1 if swap_for_y else 0)
                row = arrays[place].bins[bin_id - array_index * BINS_PER_ARRAY]
                layers = offered(row, swap_for_y, with_orders)
                bins += 1
                if total_offered(layers[0], layers[1], layers[2]) == _ZERO:
                    bin_id += step
                    if not me.min_bin_id <= bin_id <= me.max_bin_id:
                        walk_error = OUT_OF_BINS
                    continue
                liquid += 1
                ready = True
                price = (row.price_high, row.price_low)
                accumulator = accumulate(reference, index_reference, bin_id, signed(me.max_volatility_accumulator))
                variable = variable_fee_rate(accumulator, bin_step, signed(me.variable_fee_control))
                rate = MAX_FEE_RATE if variable > MAX_FEE_RATE else min(base_rate + variable, MAX_FEE_RATE)
            if walk_error == 0 and bin_units(term, bins, liquid, loaded) > COMPUTE_LIMIT - UNITS_BEFORE:
                walk_error = OUT_OF_COMPUTE_UNITS
            if walk_error != 0:
                out.error = walk_error
                break
            if swap_for_y and (price[0] | price[1]) == _ZERO:
                out.error = MATH_OVERFLOW
                break
            surplus = _ZERO
            if exact_in:
                error, gross, used, bought, fee, own_in, outs = exchange_in(
                    target - spent, layers, price, rate, swap_for_y, fee_on_input
                )
                last = gross == target - spent
            else:
                error, gross, used, bought, fee, own_in, outs, surplus = exchange_out(
                    target - got, most_in - spent, layers, price, rate, swap_for_y, fee_on_input
                )
                last = bought == target - got
                if error == 0 and not last and gross == most_in - spent:
                    error = no_exact_out(term, got + bought)
                    if error != NO_AMOUNT_OUT:  # the program looks at what came out after the transfers
                        out.amount_in = term.threshold
            if error != 0:
                out.error = error
                break
            own_fee, placers_fee, protocol_fee, host_fee = split_fee(fee, own_in, used, protocol_share, term.host)
            if not fee_on_input:
                protocol_fee += surplus
                fee += surplus
            row = arrays[place].bins[bin_id - array_index * BINS_PER_ARRAY]
            if got + bought < got or overflows(row, swap_for_y, own_in, outs, placers_fee):
                out.error = MATH_OVERFLOW
                break
            touched = True
            if write:
                store(row, swap_for_y, fee_in_x, own_in, outs, own_fee, placers_fee)
            if last:
                out.fee = fees + fee
                out.protocol_fee = protocol + protocol_fee
                out.host_fee = host + host_fee
                out.order_fee = placers + placers_fee
                out.fee_rate = rate
                out.end_bin = np.int32(bin_id)
                out.bins = np.int32(bins)
                out.liquid = np.int32(liquid)
                out.arrays = np.int32(loaded)
                out.compute_units = term.base_units + bin_units(term, bins, liquid, loaded)
                settle(term, amount, spent + gross, got + bought, fee_on_input, out)
                if write and out.error == 0:
                    drop_empty(pair, arrays, extension, place)
                    me.volatility_accumulator = np.uint32(accumulator)
                    me.volatility_reference = np.uint32(reference)
                    me.index_reference = np.int32(index_reference)
                    if bin_id != start:
                        me.active_id = np.int32(bin_id)
                        me.last_update_timestamp = term.timestamp
                    if fee_in_x:
                        me.protocol_fee_x += out.protocol_fee
                    else:
                        me.protocol_fee_y += out.protocol_fee
                break
            spent += gross
            got += bought
            fees += fee
            protocol += protocol_fee
            host += host_fee
            placers += placers_fee
            bin_id += step
            ready = False
            if not me.min_bin_id <= bin_id <= me.max_bin_id:
                walk_error = OUT_OF_BINS
