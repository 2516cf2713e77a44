"""One way through a Meteora pool that stays as it is, in the form that kernels take."""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dlmm.fees import FEE_PRECISION, base_fee_rate
from dlmm.jit import kernel
from dlmm.meteora.edges import edges
from dlmm.meteora.layout import BIN_ARRAY, BITMAP_EXTENSION, LB_PAIR
from dlmm.meteora.pool import MeteoraPool
from dlmm.meteora.swap import terms_of
from dlmm.meteora.terms import FEE_ALWAYS_IN_Y, RESULT, TERMS
from dlmm.meteora.walk import walk
from dlmm.price import price_of
from dlmm.records import MAX_U64, Clock, SwapRequest
from dlmm.struct_arrays import join
from dlmm.tokens import Mint
from dlmm.wide import U64, signed

_FIRST = np.zeros(1, np.int64)
_NO_MORE = U64(1 << 63)
_UNKNOWN = U64(MAX_U64)


class MeteoraWay(NamedTuple):
    """A pool and a direction.

    :ivar terms: `TERMS` (2,): of exact amounts in, and of exact amounts out; time and threshold are still to be set.

    """

    pair: NDArray[np.void]
    arrays: NDArray[np.void]
    extension: NDArray[np.void]
    terms: NDArray[np.void]


NO_WAY = MeteoraWay(
    np.zeros(0, LB_PAIR),
    np.zeros(0, BIN_ARRAY),
    np.zeros(0, BITMAP_EXTENSION),
    np.zeros(0, TERMS),
)
"""Stands where a way is through a pool of another venue."""


def way_through(pool: MeteoraPool, swap_for_y: bool, epoch: int) -> MeteoraWay:
    """Return the way through a pool, as mints are in an epoch."""
    mints, vaults = (pool.mint_x, pool.mint_y), (pool.vault_x, pool.vault_y)
    terms = _both_terms(mints, vaults, len(pool.extension), swap_for_y, epoch)
    return MeteoraWay(pool.pair, pool.arrays, pool.extension, terms)


@lru_cache(maxsize=256)
def _both_terms(
    mints: tuple[Mint, Mint], vaults: tuple[int, int], extensions: int, swap_for_y: bool, epoch: int
) -> NDArray[np.void]:
    asked = (SwapRequest(exact_in, 0, swap_for_y, 0) for exact_in in (True, False))
    return join([terms_of(mints, vaults, extensions, request, Clock(0, 0, epoch)) for request in asked])


@kernel
def transfer_fees(way: MeteoraWay, fees: NDArray[np.float64]) -> None:
    """Write down basis points and maximum of the mints' fees, in and out."""
    term = way.terms[0]
    fees[0], fees[1], fees[2], fees[3] = term.in_basis_points, term.in_maximum, term.out_basis_points, term.out_maximum


@kernel
def active_bin(way: MeteoraWay) -> tuple[float, float, int, bool]:
    """Return price and least fee rate of the active bin, the bin step, and whether X goes in."""
    me = way.pair[0]
    bin_step = signed(me.bin_step)
    rate = base_fee_rate(signed(me.base_factor), bin_step, signed(me.base_fee_power_factor))
    return price_of(signed(me.active_id), bin_step), np.float64(rate) / FEE_PRECISION, bin_step, way.terms[0].swap_for_y


@kernel
def _terms_at(way: MeteoraWay, exact_in: bool, slot: int, timestamp: int, threshold: U64) -> NDArray[np.void]:
    terms = way.terms[:1].copy() if exact_in else way.terms[1:].copy()
    terms[0].slot = U64(slot)
    terms[0].timestamp = timestamp
    terms[0].threshold = threshold
    return terms


@kernel
def drain(way: MeteoraWay, slot: int, timestamp: int, reach: int, curve: NDArray[np.float64]) -> int:
    """Write down what has gone in and come out at the end of each bin, as `dlmm.meteora.edges` does."""
    terms = _terms_at(way, True, slot, timestamp, U64(0))
    return edges(way.pair, way.arrays, way.extension, _FIRST, terms, reach, curve)


@kernel
def swap_many(
    way: MeteoraWay,
    slot: int,
    timestamp: int,
    amounts: NDArray[np.uint64],
    order: NDArray[np.int64],
    bought: NDArray[np.uint64],
    units: NDArray[np.int64],
) -> None:
    """Swap exact amounts in, each as if it came alone.

    :arg order: Places in `amounts` by ascending amount.

    :arg bought: What comes out of each; 0 where the swap fails.

    :arg units: Compute units of each.

    """
    results = np.zeros(amounts.shape[0], RESULT)
    terms = _terms_at(way, True, slot, timestamp, U64(0))
    walk(way.pair, way.arrays, way.extension, _FIRST, terms, amounts, order, results, False)
    for index in range(amounts.shape[0]):
        done = results[index]
        bought[index] = done.amount_out if done.error == 0 else U64(0)
        units[index] = done.compute_units


@kernel
def _walk_one(
    way: MeteoraWay,
    slot: int,
    timestamp: int,
    exact_in: bool,
    amount: U64,
    threshold: U64,
    results: NDArray[np.void],
    write: bool,
) -> None:
    """Fill the `RESULT` (1,) of one swap; with `write` the pool is as it leaves it."""
    amounts = np.full(1, amount, np.uint64)
    terms = _terms_at(way, exact_in, slot, timestamp, threshold)
    walk(way.pair, way.arrays, way.extension, _FIRST, terms, amounts, _FIRST, results, write)


@kernel
def _tell(way: MeteoraWay, results: NDArray[np.void], answer: NDArray[np.void]) -> None:
    """Fill an `ANSWER` (1,) from a `RESULT` (1,)."""
    done: Any = results[0]
    told: Any = answer[0]
    told.is_filled = 1 if done.error == 0 and max(done.amount_in, done.amount_out) < _NO_MORE else 0
    if told.is_filled == 0:
        return
    swap_for_y = way.terms[0].swap_for_y
    fee_on_input = not (swap_for_y and way.pair[0].collect_fee_mode == FEE_ALWAYS_IN_Y)
    paid = np.float64(done.reserve_in - done.fee if fee_on_input else done.reserve_in)
    bought = np.float64(done.reserve_out if fee_on_input else done.reserve_out + done.fee)
    price, _, _, _ = active_bin(way)
    fair = paid * price if swap_for_y else paid / price
    told.amount_in, told.amount_out, told.fee = done.amount_in, done.amount_out, done.fee
    told.fee_on_input = 1 if fee_on_input else 0
    told.bins, told.compute_units = done.bins, done.compute_units
    told.price_impact = max(0.0, 1.0 - bought / fair) if fair > 0.0 else 0.0


@kernel
def swap_one(
    way: MeteoraWay, slot: int, timestamp: int, exact_in: bool, amount: U64, threshold: U64, answer: NDArray[np.void]
) -> None:
    """Swap one amount as the program would, `threshold` being the least out or the most in; fill an `ANSWER` (1,)."""
    results = np.zeros(1, RESULT)
    _walk_one(way, slot, timestamp, exact_in, amount, threshold, results, False)
    _tell(way, results, answer)


@kernel
def _move_vaults(way: MeteoraWay, back: MeteoraWay, results: NDArray[np.void]) -> None:
    done: Any = results[0]
    for index in range(2):
        if way.terms[index].vault_out != _UNKNOWN:
            way.terms[index].vault_out -= done.reserve_out
        if back.terms[index].vault_out != _UNKNOWN:
            back.terms[index].vault_out += done.reserve_in


@kernel
def make_swap(way: MeteoraWay, back: MeteoraWay, slot: int, timestamp: int, exact_in: bool, amount: U64) -> None:
    """Write a swap that `swap_one` would fill into the pool.

    :arg back: The way through the same pool in the other direction.

    """
    results = np.zeros(1, RESULT)
    _walk_one(way, slot, timestamp, exact_in, amount, U64(0) if exact_in else U64(MAX_U64), results, True)
    _move_vaults(way, back, results)
