"""Spot, curve and bid-ask: how a deposit is spread over bins, in basis points of each token.

A shape gives every bin a weight by its distance from the active bin; a weight means value, so that token X, counted in
its own units, is spread by weight over price. Each side that takes part sums to exactly 10,000.

Meteora's `add_liquidity2` asks for both sides, each of them whole; a one-sided deposit there goes by strategy
(`dlmm.meteora.strategies`), where the program does the spreading. Saros takes either form.
"""

from collections.abc import Sequence
from enum import StrEnum

from dlmm.errors import RangeError
from dlmm.liquidity import BASIS_POINTS
from dlmm.meteora.instructions.liquidity import BinShare
from dlmm.price import SCALE_BITS, price_x64
from dlmm.records import Record
from dlmm.saros.instructions import LiquidityShare
from dlmm.saros.layout import MAX_POSITION_BINS as SAROS_POSITION_BINS


class Shape(StrEnum):
    """Where the weight lies."""

    SPOT = "spot"
    """The same in every bin."""

    CURVE = "curve"
    """Most at the active bin, falling evenly to the ends."""

    BID_ASK = "bid_ask"
    """Least at the active bin, rising evenly to the ends."""


class BinPart(Record, frozen=True):
    """What one bin takes.

    :arg relative_bin_id: Distance from the active bin.

    :arg x_bps: Basis points of token X.

    :arg y_bps: Basis points of token Y.

    """

    relative_bin_id: int
    x_bps: int
    y_bps: int


def weights(shape: Shape, count: int) -> list[int]:
    """Return the weights of one side, from the active bin outwards.

    >>> weights(Shape.CURVE, 3)
    [3, 2, 1]

    """
    match shape:
        case Shape.SPOT:
            return [1] * count
        case Shape.CURVE:
            return list(range(count, 0, -1))
        case Shape.BID_ASK:
            return list(range(1, count + 1))


def apportion(total: int, parts: Sequence[int]) -> list[int]:
    """Split a whole number by weights, to the unit: rounded down, and what is left to the largest remainders.

    :arg parts: Weights, at least one above zero.

    :raises RangeError: No weight is above zero, or one is below.

    >>> apportion(10_000, [1, 1, 1])
    [3334, 3333, 3333]

    """
    whole = sum(parts)
    if whole <= 0 or min(parts) < 0:
        raise RangeError(f"nothing to split {total} by: weights {list(parts)}")
    shares, remainders = map(list, zip(*[divmod(total * part, whole) for part in parts], strict=True))
    by_remainder = sorted(range(len(parts)), key=remainders.__getitem__, reverse=True)  # equals stay in their order
    for index in by_remainder[: total - sum(shares)]:
        shares[index] += 1
    return shares


def distribution(
    shape: Shape, *, lower: int, upper: int, bin_step: int, with_x: bool = True, with_y: bool = True
) -> list[BinPart]:
    """Spread a deposit over a range of bins about the active one.

    :arg lower: Lowest bin, counted from the active one.

    :arg upper: Highest bin, counted from the active one.

    :arg bin_step: Basis points between neighbouring bins.

    :arg with_x: Spread token X over the active bin and those above.

    :arg with_y: Spread token Y over the active bin and those below.

    :returns: A part for every bin of the range, ascending.

    :raises RangeError: The range is upside down, or has no bin for a token that takes part.

    """
    if upper < lower:
        raise RangeError(f"bins {lower} to {upper} are no range")
    above = range(max(lower, 0), upper + 1) if with_x else range(0)
    below = range(min(upper, 0), lower - 1, -1) if with_y else range(0)
    if (with_x and not above) or (with_y and not below) or not (with_x or with_y):
        raise RangeError(f"bins {lower} to {upper} have no place for a token of the deposit")
    x = dict(zip(above, _by_price(weights(shape, len(above)), above, bin_step), strict=True))
    y = dict(zip(below, apportion(BASIS_POINTS, weights(shape, len(below))) if below else [], strict=True))
    return [BinPart(place, x.get(place, 0), y.get(place, 0)) for place in range(lower, upper + 1)]


def _by_price(values: list[int], places: range, bin_step: int) -> list[int]:
    if not values:
        return []
    # only ratios of prices matter, so the active bin's price counts as 1
    units = [
        (value << 2 * SCALE_BITS) // price_x64(place, bin_step) for place, value in zip(places, values, strict=True)
    ]
    return apportion(BASIS_POINTS, units)


def meteora_shares(parts: Sequence[BinPart], active_id: int) -> list[BinShare]:
    """Turn a distribution into the absolute bins of `add_liquidity2`.

    :raises RangeError: A side does not sum to 10,000, which the program demands of both.

    """
    sums = (sum(part.x_bps for part in parts), sum(part.y_bps for part in parts))
    if sums != (BASIS_POINTS, BASIS_POINTS):
        raise RangeError(f"the sides sum to {sums[0]} and {sums[1]}; one-sided deposits go by strategy")
    return [BinShare(active_id + part.relative_bin_id, part.x_bps, part.y_bps) for part in parts]


def saros_shares(parts: Sequence[BinPart]) -> list[LiquidityShare]:
    """Turn a distribution into the relative bins of `increase_position`.

    :raises RangeError: More bins than a position has.

    """
    if len(parts) > SAROS_POSITION_BINS:
        raise RangeError(f"{len(parts)} bins are more than a position's {SAROS_POSITION_BINS}")
    return [LiquidityShare(part.relative_bin_id, part.x_bps, part.y_bps) for part in parts]
