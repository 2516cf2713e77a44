"""The public door to swaps: the same calls for both venues, each answered by its program's own arithmetic."""

import numpy as np
from numpy.typing import NDArray

from dlmm.errors import RangeError
from dlmm.meteora import swap as meteora
from dlmm.meteora.pool import MeteoraPool
from dlmm.records import MAX_U64, Clock, SwapFailure, SwapQuote, SwapRequest
from dlmm.saros import swap as saros
from dlmm.saros.pool import SarosPool

Pool = MeteoraPool | SarosPool


def _check(request: SwapRequest) -> None:
    if not (0 <= request.amount <= MAX_U64 and 0 <= request.threshold <= MAX_U64):
        raise RangeError(f"amount {request.amount} or threshold {request.threshold} fits no u64")


def _as_u64(amounts: NDArray[np.integer]) -> NDArray[np.uint64]:
    kind = amounts.dtype.kind
    if kind not in "ui" or amounts.ndim != 1:
        raise RangeError(f"amounts of {amounts.ndim} dimensions and type {amounts.dtype} are no row of integers")
    if kind == "i" and amounts.size and amounts.min() < 0:
        raise RangeError(f"amount {amounts.min()} fits no u64")
    return np.ascontiguousarray(amounts, np.uint64)


def quote(pool: Pool, request: SwapRequest, clock: Clock) -> SwapQuote | SwapFailure:
    """Return what a swap would do to a pool that stays as it is, or the failure its program would answer with.

    :arg clock: Slot, time and epoch that the program would see.

    :raises RangeError: The amount or the threshold fits no u64.

    """
    _check(request)
    if isinstance(pool, MeteoraPool):
        return meteora.quote(pool, request, clock)
    return saros.quote(pool, request, clock)


def quote_exact_in(
    pool: Pool, amount: int, *, swap_for_y: bool, clock: Clock, min_out: int = 0
) -> SwapQuote | SwapFailure:
    """Quote what comes out for an amount that goes in.

    :arg amount: Raw units that leave the user's token account.

    :arg swap_for_y: X goes in and Y comes out, or the other way.

    :arg min_out: Raw units below which the swap fails.

    """
    return quote(pool, SwapRequest(True, amount, swap_for_y, min_out), clock)


def quote_exact_out(
    pool: Pool, amount: int, *, swap_for_y: bool, clock: Clock, max_in: int = MAX_U64
) -> SwapQuote | SwapFailure:
    """Quote what must go in for an amount that comes out.

    :arg amount: Raw units that shall arrive in the user's token account.

    :arg max_in: Raw units above which the swap fails.

    """
    return quote(pool, SwapRequest(False, amount, swap_for_y, max_in), clock)


def apply(pool: Pool, request: SwapRequest, clock: Clock) -> tuple[SwapQuote, Pool] | SwapFailure:
    """Return what a swap does, and the pool after it; the pool given stays as it is.

    Rewards of farmed Meteora pairs are not accrued: their bytes stay as they are.

    :raises RangeError: The amount or the threshold fits no u64.

    """
    _check(request)
    if isinstance(pool, MeteoraPool):
        return meteora.apply(pool, request, clock)
    return saros.apply(pool, request, clock)


def quote_many(
    pool: Pool, amounts: NDArray[np.integer], *, exact_in: bool, swap_for_y: bool, clock: Clock
) -> NDArray[np.void]:
    """Quote many amounts against the same pool, each as if it came alone; bins that several cross are walked once.

    :arg amounts: Raw units as the user sees them, in any order, of any integer type.

    :returns: One `dlmm.records.QUOTE` for each amount, in their order; `error` is 0 or the program's code.

    :raises RangeError: The amounts are no one-dimensional array of integers, or one of them is negative.

    """
    given = _as_u64(amounts)
    if isinstance(pool, MeteoraPool):
        return meteora.quote_many(pool, given, exact_in=exact_in, swap_for_y=swap_for_y, clock=clock)
    return saros.quote_many(pool, given, exact_in=exact_in, swap_for_y=swap_for_y, clock=clock)
