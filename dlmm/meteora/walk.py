"""A Meteora swap from bin to bin, for one amount or for many at once.

Every bin but the last is drained whatever the amount, so amounts in ascending order share the walk: each goes on where
the one before it came to its last bin. A single swap is a batch of one; only then may the walk write what it does.
"""

import numpy as np
from numpy.typing import NDArray

from dlmm.fees import accumulate, base_fee_rate, references, variable_fee_rate
from dlmm.jit import kernel
from dlmm.meteora.bitmap import clear_bit, next_array
from dlmm.meteora.exchange import (
    MATH_OVERFLOW,
    exchange_in,
    exchange_out,
    offered,
    overflows,
    split_fee,
    store,
    total_offered,
)
from dlmm.meteora.layout import BINS_PER_ARRAY
from dlmm.tokens import added, withheld
from dlmm.wide import U64

NOT_ENOUGH_ARRAYS = 3005
ARRAY_NOT_INITIALISED = 3007
INVALID_INPUT = 6002
SLIPPAGE = 6003
OUT_OF_BINS = 6012
NO_AMOUNT_OUT = 6039
POOL_DISABLED = 6042
NOT_EXACT_AMOUNT_OUT = 6057
OUT_OF_COMPUTE_UNITS = -3
MAX_FEE_RATE = U64(100_000_000)
COMPUTE_LIMIT = 1_400_000
UNITS_BEFORE = 15_000
FEE_ALWAYS_IN_Y = 1

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
"""What a swap does; amounts are of no meaning where `error` is not 0."""

_ZERO = U64(0)


@kernel
def supports_orders(pair: NDArray[np.void]) -> bool:
    """Tell whether limit orders take part: pairs made for them, and undecided ones without rewards."""
    me = pair[0]
    if me.function_type != 0:
        return me.function_type == 2
    for reward in range(2):
        for k in range(32):
            if me.rewards[reward].mint[k] != 0:
                return False
    return True


@kernel
def is_open(pair: NDArray[np.void], slot: U64, timestamp: int) -> bool:
    """Tell whether the pair is enabled and, for the types that have one, past its activation point."""
    me = pair[0]
    if me.status != 0:
        return False
    if me.pair_type not in (1, 2):
        return True
    now = slot if me.activation_type == 0 else U64(timestamp)
    return now >= me.activation_point


@kernel
def find_array(arrays: NDArray[np.void], index: int) -> int:
    """Return an array's place among the pool's arrays, which are sorted, or -1."""
    low, high = 0, arrays.shape[0]
    while low < high:
        middle = (low + high) >> 1
        if arrays[middle].index < index:
            low = middle + 1
        else:
            high = middle
    return low if low < arrays.shape[0] and arrays[low].index == index else -1


@kernel
def drop_empty(pair: NDArray[np.void], arrays: NDArray[np.void], extension: NDArray[np.void], place: int) -> None:
    """Clear the bit of an array that a swap has left without shares and without orders."""
    for k in range(BINS_PER_ARRAY):
        row = arrays[place].bins[k]
        if (row.supply_low | row.supply_high | row.open_order | row.processed_remaining) != _ZERO:
            return
    clear_bit(pair, extension, arrays[place].index)


@kernel
def target_of(term: np.void, is_enabled: bool, fade_error: int, amount: U64, most_in: U64) -> tuple[U64, int]:
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
def bin_units(term: np.void, bins: int, liquid: int, arrays: int) -> int:
    """Estimate the compute units of a walk: fitted to the vectors, within 5 % of a bin's cost on average."""
    one = (5_200 if term.exact_in else 6_260) + (0 if term.swap_for_y else 290) + (940 if term.host else 0)
    return 2_000 * arrays + 260 * (bins - liquid) + one * liquid


@kernel
def no_exact_out(term: np.void, bought: U64) -> int:
    """Return the failure of an exact out whose amount in was used up before."""
    reaches_user = bought > withheld(bought, term.out_basis_points, term.out_maximum)
    return NOT_EXACT_AMOUNT_OUT if reaches_user else NO_AMOUNT_OUT


@kernel
def enter_array(
    pair: NDArray[np.void],
    arrays: NDArray[np.void],
    extension: NDArray[np.void],
    passed: NDArray[np.int64],
    term: np.void,
    index: int,
    next_passed: int,
) -> tuple[int, int, int, int]:
    """Find the next array with liquidity among those at hand.

    :arg index: Array to begin with.

    :arg next_passed: Place in `passed` from which on arrays are still untouched; those skipped are lost.

    :returns: The array's place, its index, the new `next_passed`, and an error code or 0.

    """
    index, error = next_array(pair, extension, index, -1 if term.swap_for_y else 1)
    if error != 0:
        return -1, index, next_passed, error
    if term.choose_arrays:
        place = find_array(arrays, index)
        return place, index, next_passed, 0 if place >= 0 else NOT_ENOUGH_ARRAYS
    while next_passed < passed.shape[0]:
        place = find_array(arrays, passed[next_passed])
        next_passed += 1
        if place < 0:
            return -1, index, next_passed, ARRAY_NOT_INITIALISED
        if arrays[place].index == index:
            return place, index, next_passed, 0
    return -1, index, next_passed, NOT_ENOUGH_ARRAYS


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
    term = terms[0]
    me = pair[0]
    exact_in, swap_for_y = term.exact_in, term.swap_for_y
    fee_on_input = not (swap_for_y and me.collect_fee_mode == FEE_ALWAYS_IN_Y)
    with_orders = supports_orders(pair)
    fee_in_x = swap_for_y and fee_on_input
    step = -1 if swap_for_y else 1
    start = np.int64(me.active_id)
    bin_step = np.int64(me.bin_step)
    protocol_share = U64(me.protocol_share)
    accumulator = np.int64(me.volatility_accumulator)
    elapsed = term.timestamp - me.last_update_timestamp
    is_enabled = is_open(pair, term.slot, term.timestamp)
    walk_error, fade_error = 0, 0
    if me.filter_period <= elapsed < me.decay_period and accumulator * np.int64(me.reduction_factor) >= 1 << 32:
        fade_error = MATH_OVERFLOW
    reference, index_reference = references(
        accumulator,
        np.int64(me.volatility_reference),
        np.int64(me.index_reference),
        start,
        elapsed,
        (np.int64(me.filter_period), np.int64(me.decay_period)),
        np.int64(me.reduction_factor),
    )
    base_rate = base_fee_rate(np.int64(me.base_factor), bin_step, np.int64(me.base_fee_power_factor))
    most_in = term.threshold - withheld(term.threshold, term.in_basis_points, term.in_maximum)

    spent, got, fees, protocol, host, placers = _ZERO, _ZERO, _ZERO, _ZERO, _ZERO, _ZERO
    rate = _ZERO
    bin_id, place, array_index = start, -1, np.int64(0)
    next_passed = 0
    bins, liquid, loaded = 0, 0, 0
    ready, touched = False, False
    price = (_ZERO, _ZERO)
    layers = (_ZERO, _ZERO, _ZERO)

    for k in range(order.shape[0]):
        out = results[order[k]]
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
                accumulator = accumulate(reference, index_reference, bin_id, np.int64(me.max_volatility_accumulator))
                variable = variable_fee_rate(accumulator, bin_step, np.int64(me.variable_fee_control))
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


@kernel
def settle(term: np.void, amount: U64, paid: U64, bought: U64, fee_on_input: bool, out: np.void) -> None:
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
        out.amount_in = paid + fee
        if not fits:
            out.error = MATH_OVERFLOW
        elif out.amount_in > term.threshold:
            out.error = SLIPPAGE
    out.reserve_in = out.amount_in - withheld(out.amount_in, term.in_basis_points, term.in_maximum)
    if fee_on_input:
        out.reserve_in -= out.host_fee
    else:
        out.reserve_out += out.host_fee
    if out.error == 0 and bought > term.vault_out:
        out.error = 1
    if out.compute_units > COMPUTE_LIMIT:
        out.error = OUT_OF_COMPUTE_UNITS
