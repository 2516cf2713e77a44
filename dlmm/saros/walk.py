"""A Saros swap from bin to bin, for one amount or for many at once.

Every bin but the last is drained whatever the amount, so amounts in ascending order share the walk: each goes on where
the one before it came to its last bin. A single swap is a batch of one; only then may the walk write what it does, or
tell it bin by bin.
"""

import numpy as np
from numpy.typing import NDArray

from dlmm.fees import accumulate, base_fee_rate, references, variable_fee_rate
from dlmm.jit import kernel
from dlmm.saros.compute_units import bins_above_one, compute_units
from dlmm.saros.exchange import AMOUNT_OVERFLOW, AMOUNT_UNDERFLOW, PANIC, exchange, protocol_part
from dlmm.saros.heap import DONE, HEAP_BYTES, NOT_FOUND, REFUSED_IN, REFUSED_OUT, heap_used
from dlmm.saros.layout import BINS_PER_ARRAY, MAX_BIN_ID
from dlmm.saros.window import CHOOSE, choose_window, find_array, window_error
from dlmm.tokens import added, withheld
from dlmm.wide import U64, signed

OUT_OF_MEMORY = -2
NUMERIC_CONVERSION = 4102
BIN_NOT_FOUND = 6000
TOO_LITTLE_OUT = 6004
TOO_MUCH_IN = 6005
TRANSFER_FEE_FAILED = 6019
ACTIVE_ID_OVERFLOW = 6023
ACTIVE_ID_UNDERFLOW = 6024

THRESHOLD, IN_BASIS_POINTS, IN_MAXIMUM, OUT_BASIS_POINTS, OUT_MAXIMUM = range(5)
"""Places in the array of limits: the request's threshold, then the transfer fees of both tokens."""

EXTENDED_X, EXTENDED_Y, MIXED_PROGRAMS = 1, 2, 4
"""What is known of the two mints, as flags."""

RESULT = np.dtype(
    [
        ("amount_in", "<u8"),
        ("amount_out", "<u8"),
        ("reserve_in", "<u8"),
        ("reserve_out", "<u8"),
        ("fee", "<u8"),
        ("protocol_fee", "<u8"),
        ("fee_rate", "<u8"),
        ("price_impact", "<f8"),
        ("start_bin", "<i4"),
        ("end_bin", "<i4"),
        ("bins", "<i4"),
        ("upper_bins", "<i4"),
        ("compute_units", "<i4"),
        ("error", "<i4"),
    ]
)
"""What a swap does; where `error` is not 0, `amount_in` is what the user had paid by then, the rest of no meaning."""

STEP = np.dtype(
    [
        ("bin_id", "<i4"),
        ("volatility_accumulator", "<u4"),
        ("amount_in", "<u8"),
        ("amount_out", "<u8"),
        ("fee", "<u8"),
        ("protocol_fee", "<u8"),
    ]
)
"""One bin of a walk, as the program's event tells it: `amount_in` with fee, `fee` with the protocol's part."""

MAX_U32 = 0xFFFFFFFF
MAX_RATE = U64(0xFFFFFFFFFFFFFFFF)

_ZERO = U64(0)
_TWO_TO_64 = 2.0**64


@kernel
def impact(paid: U64, bought: U64, price_high: U64, price_low: U64, swap_for_y: bool) -> float:
    """Return how much less was bought than the start bin's price promises, at least 0."""
    price = (np.float64(price_high) * _TWO_TO_64 + np.float64(price_low)) / _TWO_TO_64
    if paid == _ZERO or price == 0.0:
        return 0.0
    fair = np.float64(paid) * price if swap_for_y else np.float64(paid) / price
    return max(0.0, 1.0 - np.float64(bought) / fair)


@kernel
def walk(
    pair: NDArray[np.void],
    arrays: NDArray[np.void],
    prices: NDArray[np.uint64],
    window: tuple[int, int],
    mints: int,
    exact_in: bool,
    swap_for_y: bool,
    timestamp: int,
    limits: NDArray[np.uint64],
    amounts: NDArray[np.uint64],
    order: NDArray[np.int64],
    results: NDArray[np.void],
    steps: NDArray[np.void],
    write: bool,
) -> None:
    """Swap each amount against the same pool.

    :arg prices: Prices of the bins of three arrays, from the one below the active bin's on.

    :arg window: Indices of the lower and upper array passed, or `CHOOSE` twice.

    :arg mints: `EXTENDED_X`, `EXTENDED_Y` and `MIXED_PROGRAMS`, added up.

    :arg limits: Threshold and transfer fees.

    :arg amounts: Raw units as the user sees them.

    :arg order: Places in `amounts` by ascending amount.

    :arg results: One `RESULT` for each amount, in the order of `amounts`.

    :arg steps: Room for one `STEP` a bin, or none to leave them out; for one amount only.

    :arg write: Whether to write the swap into `pair` and `arrays`; for one amount only.

    """
    me = pair[0]
    start = signed(me.active_id)
    first_priced = (start // BINS_PER_ARRAY - 1) * BINS_PER_ARRAY
    bin_step = signed(me.bin_step)
    share = U64(me.protocol_share)
    control = signed(me.variable_fee_control)
    hook = me.has_hook != 0
    step = -1 if swap_for_y else 1
    extended_in = (mints & (EXTENDED_X if swap_for_y else EXTENDED_Y)) != 0
    extended_out = (mints & (EXTENDED_Y if swap_for_y else EXTENDED_X)) != 0
    given, computed = (extended_in, extended_out) if exact_in else (extended_out, extended_in)
    extended = (2 if given else 0) + (1 if computed else 0)
    mixed = (mints & MIXED_PROGRAMS) != 0

    lower, upper = window
    if lower == CHOOSE:
        lower = choose_window(arrays, start)
        upper = lower + 1
    opening_error = window_error(arrays, lower, upper)
    lower_place, upper_place = find_array(arrays, lower), find_array(arrays, upper)
    clock_error = PANIC if U64(timestamp) < me.last_update_timestamp else 0
    reference, index_reference = references(
        signed(me.volatility_accumulator),
        signed(me.volatility_reference),
        signed(me.index_reference),
        start,
        timestamp - signed(me.last_update_timestamp),
        (signed(me.filter_period), signed(me.decay_period)),
        signed(me.reduction_factor),
    )
    if clock_error == 0 and reference > MAX_U32:
        clock_error = NUMERIC_CONVERSION
    base_rate = base_fee_rate(signed(me.base_factor), bin_step, 0)
    maximum = signed(me.max_volatility_accumulator)
    accumulator = signed(me.volatility_accumulator)
    starts_upper = start // BINS_PER_ARRAY == upper
    threshold = limits[THRESHOLD]
    owed = me.protocol_fee_x if swap_for_y else me.protocol_fee_y

    bin_id = start
    spent, got, fees, protocol = _ZERO, _ZERO, _ZERO, _ZERO
    bins, upper_bins, empty_bins = 0, 0, 0
    rate = _ZERO
    ready = False
    for k in range(order.shape[0]):
        out = results[order[k]]
        amount = amounts[order[k]]
        error = opening_error
        target = amount
        if error == 0:
            if exact_in:
                target -= withheld(amount, limits[IN_BASIS_POINTS], limits[IN_MAXIMUM])
            else:
                fee, fits = added(amount, limits[OUT_BASIS_POINTS], limits[OUT_MAXIMUM])
                target += fee
                if not fits or withheld(target, limits[OUT_BASIS_POINTS], limits[OUT_MAXIMUM]) != fee:
                    error = TRANSFER_FEE_FAILED
        if error == 0:
            error = clock_error
        traded = _ZERO, _ZERO, _ZERO, _ZERO
        walked, walked_upper, walked_empty = 0, 0, 0
        walk_ended = target == _ZERO
        if bins > 0 and target <= (spent if exact_in else got):  # a transfer fee need not keep the order
            bin_id, bins, upper_bins, empty_bins, ready = start, 0, 0, 0, False
            spent, got, fees, protocol = _ZERO, _ZERO, _ZERO, _ZERO
        while error == 0 and not walk_ended:
            index = bin_id // BINS_PER_ARRAY
            walked, walked_upper, walked_empty = bins, upper_bins, empty_bins
            if not ready:
                accumulator = accumulate(reference, index_reference, bin_id, maximum)
                surcharge = variable_fee_rate(accumulator, bin_step, control)
                rate = base_rate + surcharge
                if surcharge == MAX_RATE or rate < surcharge:
                    error = PANIC
                    break
                if index not in (lower, upper):
                    error = BIN_NOT_FOUND
                    break
                ready = True
            walked_upper += 1 if index == upper else 0
            row = arrays[lower_place if index == lower else upper_place].bins[bin_id % BINS_PER_ARRAY]
            price_low, price_high = prices[bin_id - first_priced, 0], prices[bin_id - first_priced, 1]
            if price_low == _ZERO and price_high == _ZERO:
                error = PANIC
                break
            reserve_out = row.reserve_y if swap_for_y else row.reserve_x
            gross, bought, fee = _ZERO, _ZERO, _ZERO
            if reserve_out != _ZERO:
                left = target - (spent if exact_in else got)
                error, gross, bought, fee = exchange(
                    left, reserve_out, price_high, price_low, rate, exact_in, swap_for_y
                )
                if error != 0:
                    break
            else:
                walked_empty += 1
            part = protocol_part(fee, share)
            kept = (row.reserve_x if swap_for_y else row.reserve_y) + gross
            traded = spent + gross, got + bought, fees + fee, protocol + part
            if kept < gross or traded[0] < gross or traded[1] < bought:
                error = AMOUNT_OVERFLOW
                break
            if kept < part:
                error = AMOUNT_UNDERFLOW
                break
            if write:
                if swap_for_y:
                    row.reserve_x = kept - part
                    row.reserve_y -= bought
                else:
                    row.reserve_y = kept - part
                    row.reserve_x -= bought
            if steps.shape[0] != 0:
                told = steps[bins]
                told.bin_id = np.int32(bin_id)
                told.volatility_accumulator = np.uint32(accumulator)
                told.amount_in, told.amount_out, told.fee, told.protocol_fee = gross, bought, fee, part
            walked = bins + 1
            walk_ended = (traded[0] if exact_in else traded[1]) == target
            if not walk_ended:
                if swap_for_y and bin_id == 0:
                    error = ACTIVE_ID_UNDERFLOW
                elif not swap_for_y and bin_id >= MAX_BIN_ID:
                    error = ACTIVE_ID_OVERFLOW
                else:
                    spent, got, fees, protocol = traded
                    bins, upper_bins, empty_bins = walked, walked_upper, walked_empty
                    bin_id += step
                    ready = False

        end = NOT_FOUND
        if error == 0 and walked > 0 and owed + traded[3] < owed:
            error, end = AMOUNT_OVERFLOW, REFUSED_IN
        elif error == 0:
            end = DONE
            out.reserve_in, out.reserve_out, out.fee, out.protocol_fee = traded
            if exact_in:
                out.amount_in = amount
                if walked == 0:
                    out.reserve_in = amount - withheld(amount, limits[IN_BASIS_POINTS], limits[IN_MAXIMUM])
                bought = traded[1]
                out.amount_out = bought - withheld(bought, limits[OUT_BASIS_POINTS], limits[OUT_MAXIMUM])
                if out.amount_out < threshold:
                    error, end = TOO_LITTLE_OUT, REFUSED_OUT
            else:
                out.amount_out = amount
                fee, fits = added(traded[0], limits[IN_BASIS_POINTS], limits[IN_MAXIMUM])
                out.amount_in = traded[0] + fee
                if not fits or withheld(out.amount_in, limits[IN_BASIS_POINTS], limits[IN_MAXIMUM]) != fee:
                    error, end = TRANSFER_FEE_FAILED, REFUSED_IN
                elif out.amount_in > threshold:
                    error, end = TOO_MUCH_IN, REFUSED_IN
        if walked > 0 and heap_used(end, hook, extended, mixed, walked, walked_upper, starts_upper) > HEAP_BYTES:
            error = OUT_OF_MEMORY
            if heap_used(REFUSED_IN, hook, extended, mixed, walked, walked_upper, starts_upper) > HEAP_BYTES:
                end = NOT_FOUND
        if end != DONE:  # both transfers come between the walk and its events
            out.amount_in = _ZERO
        out.error = np.int32(error)
        out.bins, out.upper_bins = np.int32(walked), np.int32(walked_upper)
        out.start_bin, out.end_bin = np.int32(start), np.int32(bin_id)
        out.fee_rate = rate if walked > 0 else _ZERO
        if error == 0:
            out.price_impact = impact(
                traded[0] - traded[2],
                traded[1],
                prices[start - first_priced, 1],
                prices[start - first_priced, 0],
                swap_for_y,
            )
            above_one = min(bins_above_one(start, bin_id), walked)
            extended_mints = (1 if extended_in else 0) + (1 if extended_out else 0)
            out.compute_units = np.int32(
                compute_units(walked, walked_empty, walked_upper, above_one, extended_mints, control != 0, hook)
            )
            if write:
                me.volatility_reference = np.uint32(reference)
                me.index_reference = np.uint32(index_reference)
                me.last_update_timestamp = U64(timestamp)
                me.active_id = np.uint32(bin_id)
                if walked > 0:
                    me.volatility_accumulator = np.uint32(accumulator)
                if swap_for_y:
                    me.protocol_fee_x += traded[3]
                else:
                    me.protocol_fee_y += traded[3]
