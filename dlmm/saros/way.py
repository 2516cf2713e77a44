"""One way through a Saros pool that stays as it is, in the form that kernels take."""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dlmm.fees import FEE_PRECISION, base_fee_rate
from dlmm.jit import kernel
from dlmm.price import price_of, price_table
from dlmm.records import MAX_U64
from dlmm.saros.compute_units import VAULT_BUMP_UNITS
from dlmm.saros.edges import edges
from dlmm.saros.layout import BIN_ARRAY, BINS_PER_ARRAY, MIDDLE_BIN_ID, PAIR
from dlmm.saros.pool import SarosPool
from dlmm.saros.swap import flags_of_mints, limits_of, prices_of
from dlmm.saros.walk import RESULT, STEP, THRESHOLD, walk
from dlmm.saros.window import CHOOSE
from dlmm.tokens import Mint
from dlmm.wide import U64, signed

_FIRST = np.zeros(1, np.int64)
_NO_MORE = U64(1 << 63)
_MOST = U64(MAX_U64)
_NO_STEPS = np.zeros(0, STEP)
_CHOOSE = (CHOOSE, CHOOSE)


class SarosWay(NamedTuple):
    """A pool and a direction.

    :ivar prices: As `walk` takes them, and `mints`, and `limits`, whose threshold is still to be set.

    :ivar vault_units: Compute units beside those of the walk.

    """

    pair: NDArray[np.void]
    arrays: NDArray[np.void]
    prices: NDArray[np.uint64]
    limits: NDArray[np.uint64]
    mints: int
    swap_for_y: bool
    vault_units: int


NO_WAY = SarosWay(np.zeros(0, PAIR), np.zeros(0, BIN_ARRAY), price_table(0, 0, 1), np.zeros(0, np.uint64), 0, False, 0)
"""Stands where a way is through a pool of another venue."""


def way_through(pool: SarosPool, swap_for_y: bool, epoch: int) -> SarosWay:
    """Return the way through a pool, as mints are in an epoch."""
    return SarosWay(
        pair=pool.pair,
        arrays=pool.arrays,
        prices=prices_of(pool),
        limits=_limits(pool.mint_x, pool.mint_y, swap_for_y, epoch),
        mints=flags_of_mints(pool),
        swap_for_y=swap_for_y,
        vault_units=VAULT_BUMP_UNITS * pool.vault_bumps,
    )


@lru_cache(maxsize=256)
def _limits(mint_x: Mint, mint_y: Mint, swap_for_y: bool, epoch: int) -> NDArray[np.uint64]:
    return limits_of(mint_x, mint_y, swap_for_y, 0, epoch)


@kernel
def transfer_fees(way: SarosWay, fees: NDArray[np.float64]) -> None:
    """Write down basis points and maximum of the mints' fees, in and out."""
    for index in range(4):
        fees[index] = way.limits[THRESHOLD + 1 + index]


@kernel
def active_bin(way: SarosWay) -> tuple[float, float, int, bool]:
    """Return price and least fee rate of the active bin, the bin step, and whether X goes in."""
    me = way.pair[0]
    bin_step = signed(me.bin_step)
    rate = np.float64(base_fee_rate(signed(me.base_factor), bin_step, 0)) / FEE_PRECISION
    return price_of(signed(me.active_id) - MIDDLE_BIN_ID, bin_step), rate, bin_step, way.swap_for_y


@kernel
def drain(way: SarosWay, slot: int, timestamp: int, reach: int, curve: NDArray[np.float64]) -> int:
    """Write down what has gone in and come out at the end of each bin, as `dlmm.saros.edges` does."""
    return edges(way.pair, way.arrays, way.prices, way.mints, way.swap_for_y, timestamp, reach, curve)


@kernel
def swap_many(
    way: SarosWay,
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
    walk(
        way.pair,
        way.arrays,
        way.prices,
        _CHOOSE,
        way.mints,
        True,
        way.swap_for_y,
        timestamp,
        way.limits,
        amounts,
        order,
        results,
        _NO_STEPS,
        False,
    )
    for index in range(amounts.shape[0]):
        done = results[index]
        bought[index] = done.amount_out if done.error == 0 else U64(0)
        units[index] = done.compute_units + way.vault_units


@kernel
def _walk_one(
    way: SarosWay,
    timestamp: int,
    exact_in: bool,
    amount: U64,
    threshold: U64,
    results: NDArray[np.void],
    write: bool,
) -> None:
    """Fill the `RESULT` (1,) of one swap; with `write` the pool is as it leaves it."""
    amounts = np.full(1, amount, np.uint64)
    limits = way.limits.copy()
    limits[THRESHOLD] = threshold
    walk(
        way.pair,
        way.arrays,
        way.prices,
        _CHOOSE,
        way.mints,
        exact_in,
        way.swap_for_y,
        timestamp,
        limits,
        amounts,
        _FIRST,
        results,
        _NO_STEPS,
        write,
    )


@kernel
def _tell(way: SarosWay, results: NDArray[np.void], answer: NDArray[np.void]) -> None:
    """Fill an `ANSWER` (1,) from a `RESULT` (1,)."""
    done: Any = results[0]
    told: Any = answer[0]
    told.is_filled = 1 if done.error == 0 and max(done.amount_in, done.amount_out) < _NO_MORE else 0
    if told.is_filled == 0:
        return
    told.amount_in, told.amount_out, told.fee, told.fee_on_input = done.amount_in, done.amount_out, done.fee, 1
    told.bins, told.price_impact = done.bins, done.price_impact
    told.compute_units = done.compute_units + way.vault_units


@kernel
def swap_one(
    way: SarosWay, slot: int, timestamp: int, exact_in: bool, amount: U64, threshold: U64, answer: NDArray[np.void]
) -> None:
    """Swap one amount as the program would, `threshold` being the least out or the most in; fill an `ANSWER` (1,)."""
    results = np.zeros(1, RESULT)
    _walk_one(way, timestamp, exact_in, amount, threshold, results, False)
    _tell(way, results, answer)


@kernel
def make_swap(way: SarosWay, timestamp: int, exact_in: bool, amount: U64) -> bool:
    """Write a swap that `swap_one` would fill into the pool.

    :returns: Whether the way's prices still serve the pool: they end so many bins away.

    """
    before = way.pair[0].active_id // BINS_PER_ARRAY
    _walk_one(way, timestamp, exact_in, amount, U64(0) if exact_in else _MOST, np.zeros(1, RESULT), True)
    return bool(way.pair[0].active_id // BINS_PER_ARRAY == before)
