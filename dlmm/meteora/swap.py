"""Swaps on a Meteora pool: what one would do, many at once, and the pool afterwards."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dlmm.meteora.failures import NAMES
from dlmm.meteora.pool import MeteoraPool
from dlmm.meteora.terms import FEE_ALWAYS_IN_Y, RESULT, TERMS
from dlmm.meteora.walk import walk
from dlmm.price import price_of
from dlmm.records import MAX_U64, Clock, SwapFailure, SwapQuote, SwapRequest, quotes_of
from dlmm.struct_arrays import copied
from dlmm.tokens import Mint

_FIRST = np.zeros(1, np.int64)
_HUGE = np.uint64(1 << 63)


def quote(pool: MeteoraPool, request: SwapRequest, clock: Clock) -> SwapQuote | SwapFailure:
    """Return what a swap would do to a pool that stays as it is.

    :arg clock: Slot, time and epoch that the program would see.

    """
    return _run(pool, request, clock, (pool.pair, pool.arrays, pool.extension), write=False)


def apply(pool: MeteoraPool, request: SwapRequest, clock: Clock) -> tuple[SwapQuote, MeteoraPool] | SwapFailure:
    """Return what a swap does, and the pool after it; the pool given stays as it is."""
    pair, arrays, extension = copied(pool.pair), copied(pool.arrays), copied(pool.extension)
    done = _run(pool, request, clock, (pair, arrays, extension), write=True)
    if isinstance(done, SwapFailure):
        return done
    x, y = (done.reserve_in, -done.reserve_out) if request.swap_for_y else (-done.reserve_out, done.reserve_in)
    vault_x, vault_y = _moved(pool.vault_x, x), _moved(pool.vault_y, y)
    return done, replace(pool, pair=pair, arrays=arrays, extension=extension, vault_x=vault_x, vault_y=vault_y)


def quote_many(
    pool: MeteoraPool, amounts: NDArray[np.uint64], *, exact_in: bool, swap_for_y: bool, clock: Clock
) -> NDArray[np.void]:
    """Quote many amounts against the same pool, each as if it came alone.

    :arg amounts: Raw units as the user sees them, in any order.

    :returns: One `QUOTE` for each amount, in their order; equal to what `quote` gives without a threshold.

    """
    threshold = 0 if exact_in else MAX_U64
    request = SwapRequest(exact_in=exact_in, amount=0, swap_for_y=swap_for_y, threshold=threshold)
    results = np.zeros(len(amounts), RESULT)
    terms = _terms(pool, request, clock)
    order = np.argsort(amounts, kind="stable")
    # With its fee such an amount can be more than 64 bits hold in a bin that smaller ones have crossed: it walks alone.
    alone = 0 if exact_in else int(np.count_nonzero(amounts >= _HUGE))
    together = len(order) - alone
    for part in (order[:together], *(order[k : k + 1] for k in range(together, len(order)))):
        walk(pool.pair, pool.arrays, pool.extension, _FIRST, terms, amounts, part, results, False)
    return quotes_of(results)


def terms_of(
    mints: tuple[Mint, Mint], vaults: tuple[int, int], extensions: int, request: SwapRequest, clock: Clock
) -> NDArray[np.void]:
    """Return the `TERMS` (1,) of a swap.

    :arg mints: Of X and of Y, as `vaults`, which are raw units.

    :arg extensions: Bitmap extensions at hand, 0 or 1.

    """
    (mint_in, mint_out), vault_out = mints, vaults[1]
    if not request.swap_for_y:
        mint_in, mint_out, vault_out = mint_out, mint_in, vaults[0]
    # What a swap costs beside its bins is fitted to the vectors.
    units = 33_700 + 6_700 * (mint_in.is_token_2022 + mint_out.is_token_2022)
    units += 850 * extensions + 2_500 * request.host + 1_800 * (not request.exact_in)
    return np.array(
        [
            (
                request.threshold,
                clock.slot,
                clock.unix_timestamp,
                *mint_in.fee_terms(clock.epoch),
                *mint_out.fee_terms(clock.epoch),
                vault_out,
                units,
                request.exact_in,
                request.swap_for_y,
                request.host,
                request.arrays is None,
            )
        ],
        TERMS,
    )


def _terms(pool: MeteoraPool, request: SwapRequest, clock: Clock) -> NDArray[np.void]:
    mints, vaults = (pool.mint_x, pool.mint_y), (pool.vault_x, pool.vault_y)
    return terms_of(mints, vaults, len(pool.extension), request, clock)


def _moved(balance: int, change: int) -> int:
    return balance if balance == MAX_U64 else balance + change


def _run(
    pool: MeteoraPool,
    request: SwapRequest,
    clock: Clock,
    accounts: tuple[NDArray[np.void], NDArray[np.void], NDArray[np.void]],
    *,
    write: bool,
) -> SwapQuote | SwapFailure:
    results = np.zeros(1, RESULT)
    passed = _FIRST if request.arrays is None else np.array(request.arrays, np.int64)
    amounts = np.array((request.amount,), np.uint64)
    start, terms = pool.active_id, _terms(pool, request, clock)
    walk(*accounts, passed, terms, amounts, _FIRST, results, write)
    return _quote_of(pool, results[0], request.amount, start, swap_for_y=request.swap_for_y)


def _quote_of(
    pool: MeteoraPool, result: np.void, amount: int, start: int, *, swap_for_y: bool
) -> SwapQuote | SwapFailure:
    (
        amount_in,
        amount_out,
        reserve_in,
        reserve_out,
        fee,
        protocol_fee,
        host_fee,
        order_fee,
        fee_rate,
        compute_units,
        end_bin,
        bins,
        _,
        _,
        error,
    ) = result.item()
    if error != 0:
        return SwapFailure(NAMES[error], error if error > 0 else None, f"amount {amount}", amount_in)
    fee_on_input = not (swap_for_y and pool.pair["collect_fee_mode"][0] == FEE_ALWAYS_IN_Y)
    paid = reserve_in - fee if fee_on_input else reserve_in
    bought = reserve_out if fee_on_input else reserve_out + fee
    price = price_of(start, pool.bin_step)
    fair = paid * price if swap_for_y else paid / price
    return SwapQuote(
        amount_in=amount_in,
        amount_out=amount_out,
        reserve_in=reserve_in,
        reserve_out=reserve_out,
        fee=fee,
        protocol_fee=protocol_fee,
        host_fee=host_fee,
        limit_order_fee=order_fee,
        fee_on_input=fee_on_input,
        transfer_fee_in=amount_in - reserve_in,
        transfer_fee_out=reserve_out - amount_out,
        start_bin=start,
        end_bin=end_bin,
        bins=bins,
        fee_rate=fee_rate,
        price_impact=max(0.0, 1.0 - bought / fair) if fair > 0.0 else 0.0,
        compute_units=compute_units,
    )
