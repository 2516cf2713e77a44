"""Ways through pools of either venue, of one type whatever the venue: kernels loop over them."""

import math
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numba.typed import List
from numpy.typing import NDArray

from dlmm.jit import kernel
from dlmm.meteora import way as meteora
from dlmm.meteora.pool import MeteoraPool
from dlmm.meteora.way import MeteoraWay
from dlmm.price import BASIS_POINTS
from dlmm.saros import way as saros
from dlmm.saros.way import SarosWay
from dlmm.struct_arrays import copied
from dlmm.swap import Pool
from dlmm.wide import U64

MAX_LEGS = 3
"""Swaps that one transaction has room for."""

LIMIT = np.dtype([("amount", "<u8"), ("threshold", "<u8"), ("exact_in", "?")])
"""What is asked of one swap: an exact amount in and the least out, or an exact amount out and the most in."""

_MOST_COUNTED = 0.1
_LEAST_LOG_PRICE = -64.0 * math.log(2.0)

Floats = NDArray[np.float64]
Amounts = NDArray[np.uint64]
Places = NDArray[np.int64]


class Way(NamedTuple):
    """A pool that stays as it is, and a direction.

    :ivar meteora: Of the two venues' ways, only the one that `is_meteora` tells has anything in it.

    """

    is_meteora: bool
    meteora: MeteoraWay
    saros: SarosWay


NO_WAY = Way(False, meteora.NO_WAY, saros.NO_WAY)
"""Stands where there is none yet."""

Ways = tuple[Way, ...]
"""In the order in which they are gone."""

WayList = Any
"""A typed list of numba's: to hand it over to a kernel costs the same, however many ways are in it."""


@lru_cache(maxsize=256)
def way_through(pool: Pool, swap_for_y: bool, epoch: int) -> Way:
    """Return the way through a pool; nobody writes into a pool once it is made, so it is the same one every time.

    :arg swap_for_y: X goes in and Y comes out, or the other way.

    :arg epoch: Of the mints' transfer fees.

    """
    if isinstance(pool, MeteoraPool):
        return Way(True, meteora.way_through(pool, swap_for_y, epoch), saros.NO_WAY)
    return Way(False, meteora.NO_WAY, saros.way_through(pool, swap_for_y, epoch))


def own_ways(pool: Pool, epoch: int) -> tuple[Way, Way]:
    """Return the ways through a pool that is the caller's to write into: with Y going in, and with X going in."""
    ways = (way_through.__wrapped__(pool, swap_for_y, epoch) for swap_for_y in (False, True))
    y_in, x_in = (way._replace(meteora=way.meteora._replace(terms=copied(way.meteora.terms))) for way in ways)
    return y_in, x_in


@kernel
def log_gain(way: Way) -> float:
    """Return the logarithm of what one unit becomes at most: at the active bin's price, with the least fee.

    A fee beyond a tenth counts as a tenth.
    """
    price, fee, _, swap_for_y = meteora.active_bin(way.meteora) if way.is_meteora else saros.active_bin(way.saros)
    exponent = math.log(price) if price > 0.0 else _LEAST_LOG_PRICE
    return (exponent if swap_for_y else -exponent) + math.log1p(-min(fee, _MOST_COUNTED))


@kernel
def transfer_fees(way: Way, fees: Floats) -> None:
    """Write down basis points and maximum of the mints' fees, in and out."""
    if way.is_meteora:
        meteora.transfer_fees(way.meteora, fees)
    else:
        saros.transfer_fees(way.saros, fees)


@kernel
def reach_of(way: Way, gain: float, most: int) -> int:
    """Return how many bins away the price is so much worse that nothing is left of a gain, one bin beyond that."""
    _, _, bin_step, _ = meteora.active_bin(way.meteora) if way.is_meteora else saros.active_bin(way.saros)
    return min(int(gain / math.log1p(bin_step / BASIS_POINTS)) + 2, most)


@kernel
def drain(way: Way, slot: int, timestamp: int, reach: int, curve: Floats) -> int:
    """Write down what has gone in and come out at the end of each bin, as the venue's `edges` does."""
    if way.is_meteora:
        return meteora.drain(way.meteora, slot, timestamp, reach, curve)
    return saros.drain(way.saros, slot, timestamp, reach, curve)


@kernel
def swap_many(
    way: Way, slot: int, timestamp: int, amounts: Amounts, order: Places, bought: Amounts, units: Places
) -> None:
    """Swap exact amounts in, each as if it came alone.

    :arg order: Places in `amounts` by ascending amount.

    :arg bought: What comes out of each; 0 where the swap fails.

    :arg units: Compute units of each.

    """
    if way.is_meteora:
        meteora.swap_many(way.meteora, slot, timestamp, amounts, order, bought, units)
    else:
        saros.swap_many(way.saros, slot, timestamp, amounts, order, bought, units)


@kernel
def swap_one(
    way: Way, slot: int, timestamp: int, exact_in: bool, amount: U64, threshold: U64, answer: NDArray[np.void]
) -> None:
    """Swap one amount as the program would, and fill an `ANSWER` (1,). What 63 bits cannot count is not filled.

    :arg threshold: Least out, or with an exact amount out the most in.

    """
    if way.is_meteora:
        meteora.swap_one(way.meteora, slot, timestamp, exact_in, amount, threshold, answer)
    else:
        saros.swap_one(way.saros, slot, timestamp, exact_in, amount, threshold, answer)


@kernel
def make_swap(way: Way, back: Way, slot: int, timestamp: int, exact_in: bool, amount: U64) -> bool:
    """Write a swap that `swap_one` would fill into a pool, which is the caller's own.

    :arg back: The way through the same pool in the other direction.

    :returns: Whether both ways still serve; if not, new ones are to be made of the pool.

    """
    if way.is_meteora:
        meteora.make_swap(way.meteora, back.meteora, slot, timestamp, exact_in, amount)
        return True
    return saros.make_swap(way.saros, timestamp, exact_in, amount)


@kernel
def way_list(way: Way, count: int) -> WayList:
    """Return a list of so many ways, all of them one to begin with."""
    ways = List()
    for _ in range(count):
        ways.append(way)
    return ways


@kernel
def put_way(ways: WayList, place: int, way: Way) -> None:
    """Put a way into a list."""
    ways[place] = way


@kernel
def rising(amounts: Amounts) -> Places:
    """Return the places of amounts by ascending amount, those of equal ones as they are.

    Made for amounts that mostly rise already.
    """
    order = np.arange(amounts.shape[0])
    for index in range(1, amounts.shape[0]):
        place = index
        while place > 0 and amounts[order[place - 1]] > amounts[index]:
            order[place] = order[place - 1]
            place -= 1
        order[place] = index
    return order
