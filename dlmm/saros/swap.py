"""Swaps on a Saros pool: what one would do, bin by bin, many at once, and the pool afterwards."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dlmm.price import price_table
from dlmm.records import MAX_U64, Clock, SwapFailure, SwapQuote, SwapRequest, quotes_of
from dlmm.saros.compute_units import VAULT_BUMP_UNITS
from dlmm.saros.layout import BINS_PER_ARRAY, ERROR_NAMES, MIDDLE_BIN_ID
from dlmm.saros.pool import SarosPool
from dlmm.saros.walk import EXTENDED_X, EXTENDED_Y, MIXED_PROGRAMS, RESULT, STEP, walk
from dlmm.saros.window import CHOOSE
from dlmm.struct_arrays import copied
from dlmm.tokens import Mint

_DEATHS = {-1: "Panic", -2: "OutOfMemory", -4: "AccountBorrowFailed"}
_FAILURES = {3007: "AccountOwnedByWrongProgram", 4102: "InvalidNumericConversion", **ERROR_NAMES, **_DEATHS}
_FIRST = np.zeros(1, np.int64)
_NO_STEPS = np.zeros(0, STEP)
_WINDOW_BINS = 2 * BINS_PER_ARRAY
_CHOOSE = (CHOOSE, CHOOSE)


def quote(pool: SarosPool, request: SwapRequest, clock: Clock) -> SwapQuote | SwapFailure:
    """Return what a swap would do to a pool that stays as it is.

    :arg request: `arrays`, where given, are the indices of the lower and the upper bin array.

    :arg clock: Slot, time and epoch that the program would see.

    """
    return _run(pool, request, clock, pool.pair, pool.arrays, _NO_STEPS, False)


def trace(pool: SarosPool, request: SwapRequest, clock: Clock) -> tuple[SwapQuote, NDArray[np.void]] | SwapFailure:
    """Return what a swap would do, and one `STEP` for each bin in walking order, empty bins too."""
    steps = np.zeros(_WINDOW_BINS, STEP)
    done = _run(pool, request, clock, pool.pair, pool.arrays, steps, False)
    return done if isinstance(done, SwapFailure) else (done, steps[: done.bins])


def apply(pool: SarosPool, request: SwapRequest, clock: Clock) -> tuple[SwapQuote, SarosPool] | SwapFailure:
    """Return what a swap does, and the pool after it; the pool given stays as it is."""
    pair, arrays = copied(pool.pair), copied(pool.arrays)
    done = _run(pool, request, clock, pair, arrays, _NO_STEPS, True)
    return done if isinstance(done, SwapFailure) else (done, replace(pool, pair=pair, arrays=arrays))


def quote_many(
    pool: SarosPool, amounts: NDArray[np.uint64], *, exact_in: bool, swap_for_y: bool, clock: Clock
) -> NDArray[np.void]:
    """Quote many amounts against the same pool, each as if it came alone.

    :arg amounts: Raw units as the user sees them, in any order.

    :returns: One `QUOTE` for each amount, in their order; equal to what `quote` gives without a threshold.

    """
    results = np.zeros(len(amounts), RESULT)
    order = np.argsort(amounts, kind="stable")
    limits = limits_of(pool.mint_x, pool.mint_y, swap_for_y, 0 if exact_in else MAX_U64, clock.epoch)
    walk(
        pool.pair,
        pool.arrays,
        prices_of(pool),
        _CHOOSE,
        flags_of_mints(pool),
        exact_in,
        swap_for_y,
        clock.unix_timestamp,
        limits,
        amounts,
        order,
        results,
        _NO_STEPS,
        False,
    )
    return quotes_of(results)


def prices_of(pool: SarosPool) -> NDArray[np.uint64]:
    """Return the prices of every bin that a swap can reach, and of some that it cannot."""
    pair = pool.pair[0]
    first = (int(pair["active_id"]) // BINS_PER_ARRAY - 1) * BINS_PER_ARRAY
    return price_table(first - MIDDLE_BIN_ID, 3 * BINS_PER_ARRAY, int(pair["bin_step"]))


def flags_of_mints(pool: SarosPool) -> int:
    """Return what is known of the two mints, as `walk` takes it."""
    mixed = pool.mint_x.program != pool.mint_y.program
    return EXTENDED_X * pool.extended_x + EXTENDED_Y * pool.extended_y + MIXED_PROGRAMS * mixed


def limits_of(mint_x: Mint, mint_y: Mint, swap_for_y: bool, threshold: int, epoch: int) -> NDArray[np.uint64]:
    """Return the limits of a swap, as `walk` takes them."""
    mint_in, mint_out = (mint_x, mint_y) if swap_for_y else (mint_y, mint_x)
    return np.array((threshold, *mint_in.fee_terms(epoch), *mint_out.fee_terms(epoch)), np.uint64)


def _run(
    pool: SarosPool,
    request: SwapRequest,
    clock: Clock,
    pair: NDArray[np.void],
    arrays: NDArray[np.void],
    steps: NDArray[np.void],
    write: bool,
) -> SwapQuote | SwapFailure:
    window = _CHOOSE
    if request.arrays is not None:
        if len(request.arrays) != 2:
            return SwapFailure("AccountNotEnoughKeys", 3005, f"{len(request.arrays)} bin arrays passed instead of 2")
        window = request.arrays
    results = np.empty(1, RESULT)
    walk(
        pair,
        arrays,
        prices_of(pool),
        window,
        flags_of_mints(pool),
        request.exact_in,
        request.swap_for_y,
        clock.unix_timestamp,
        limits_of(pool.mint_x, pool.mint_y, request.swap_for_y, request.threshold, clock.epoch),
        np.array((request.amount,), np.uint64),
        _FIRST,
        results,
        steps,
        write,
    )
    return _quote_of(pool, results[0], request.amount)


def _quote_of(pool: SarosPool, result: np.void, amount: int) -> SwapQuote | SwapFailure:
    (
        amount_in,
        amount_out,
        reserve_in,
        reserve_out,
        fee,
        protocol_fee,
        fee_rate,
        price_impact,
        start_bin,
        end_bin,
        bins,
        _,
        compute_units,
        error,
    ) = result.item()
    if error != 0:
        reason = f"amount {amount} after {bins} bins, at bin {end_bin}"
        return SwapFailure(_FAILURES[error], error if error > 0 else None, reason, amount_in)
    return SwapQuote(
        amount_in=amount_in,
        amount_out=amount_out,
        reserve_in=reserve_in,
        reserve_out=reserve_out,
        fee=fee,
        protocol_fee=protocol_fee,
        host_fee=0,
        limit_order_fee=0,
        fee_on_input=True,
        transfer_fee_in=amount_in - reserve_in,
        transfer_fee_out=reserve_out - amount_out,
        start_bin=start_bin,
        end_bin=end_bin,
        bins=bins,
        fee_rate=fee_rate,
        price_impact=price_impact,
        compute_units=compute_units + VAULT_BUMP_UNITS * pool.vault_bumps,
    )
