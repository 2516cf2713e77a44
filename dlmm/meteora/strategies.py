"""How the Meteora program itself spreads a deposit over a range of bins, per bin and to the unit.

A strategy has a shape and a kind. The imbalanced kinds spread each token over its own side alone: weights run from 1,
away from the active bin (bid-ask) or towards it (curve). The balanced kinds keep both tokens in proportion to one set
of weights, 200 to 2,000, and spend only as much of either as the other allows; outside the range they fall back to the
imbalanced spread. The one-sided kinds belong to another instruction and are refused here.

Weights of token X are divided by the bin's price, so that a weight means value. All divisions round down, on Q64.64.

Source: the program's behaviour, pinned by life-cycle rows of the golden vectors.
"""

from collections.abc import Sequence
from enum import Enum

from dlmm.liquidity import MAX_U64, NOTHING, Amounts, LiquidityFailure
from dlmm.meteora.instructions.liquidity import Strategy
from dlmm.price import SCALE_BITS, price_x64

_LEAST_WEIGHT = 200
_MOST_WEIGHT = 2_000
_ONE = 1 << SCALE_BITS


class _Shape(Enum):
    SPOT = 0
    CURVE = 1
    BID_ASK = 2


_SHAPES = {
    Strategy.SPOT_BALANCED: (_Shape.SPOT, True),
    Strategy.CURVE_BALANCED: (_Shape.CURVE, True),
    Strategy.BID_ASK_BALANCED: (_Shape.BID_ASK, True),
    Strategy.SPOT_IMBALANCED: (_Shape.SPOT, False),
    Strategy.CURVE_IMBALANCED: (_Shape.CURVE, False),
    Strategy.BID_ASK_IMBALANCED: (_Shape.BID_ASK, False),
}

Spread = list[tuple[int, Amounts]]
"""Amounts by bin, ascending; bins that receive nothing are in it too, for the program settles their fees."""


def spread(
    strategy: Strategy,
    amounts: Amounts,
    *,
    min_bin_id: int,
    max_bin_id: int,
    active_id: int,
    bin_step: int,
    active_reserves: Amounts = NOTHING,
    favor_x: bool = False,
) -> Spread | LiquidityFailure:
    """Spread a deposit over a range as the program does.

    :arg amounts: What arrives at the pool at most, after transfer fees; raw units.

    :arg active_reserves: What the active bin holds, whose mix a balanced deposit follows.

    :arg favor_x: Imbalanced kinds: the active bin takes token X rather than Y.

    """
    if strategy not in _SHAPES:
        return LiquidityFailure("InvalidStrategyParameters", 6054, f"{strategy.name} is not for this instruction")
    shape, is_balanced = _SHAPES[strategy]
    prices = {bin_id: price_x64(bin_id, bin_step) for bin_id in range(min_bin_id, max_bin_id + 1)}
    if is_balanced and min_bin_id <= active_id <= max_bin_id:
        return _balanced(_weights(shape, list(prices), active_id), prices, amounts, active_id, active_reserves)
    bids = [bin_id for bin_id in prices if bin_id < active_id or (bin_id == active_id and not favor_x)]
    asks = [bin_id for bin_id in prices if bin_id > active_id or (bin_id == active_id and favor_x)]
    return _bid_side(shape, bids, amounts.y) + _ask_side(shape, asks, prices, amounts.x)


def _outward(shape: _Shape, count: int) -> Sequence[int]:
    """Return the weights of one side, from the active bin outwards."""
    match shape:
        case _Shape.SPOT:
            return [1] * count
        case _Shape.CURVE:
            return range(count, 0, -1)
        case _Shape.BID_ASK:
            return range(1, count + 1)


def _bid_side(shape: _Shape, bins: list[int], amount: int) -> Spread:
    weights = _outward(shape, len(bins))[::-1]
    total = sum(weights)
    parts = ((bin_id, amount * weight // total) for bin_id, weight in zip(bins, weights, strict=True))
    return [(bin_id, Amounts(0, part)) for bin_id, part in parts]


def _ask_side(shape: _Shape, bins: list[int], prices: dict[int, int], amount: int) -> Spread:
    weights = [
        (weight << 2 * SCALE_BITS) // prices[bin_id]
        for bin_id, weight in zip(bins, _outward(shape, len(bins)), strict=True)
    ]
    total = sum(weights)
    parts = ((bin_id, amount * weight // total) for bin_id, weight in zip(bins, weights, strict=True))
    return [(bin_id, Amounts(part, 0)) for bin_id, part in parts]


def _weights(shape: _Shape, bins: list[int], active_id: int) -> dict[int, int]:
    """Return the weights of a balanced deposit."""
    if shape is _Shape.SPOT:
        return dict.fromkeys(bins, 1)
    span = _MOST_WEIGHT - _LEAST_WEIGHT
    below = span // max(active_id - bins[0], 1)
    above = span // max(bins[-1] - active_id, 1)
    slopes = {bin_id: abs(bin_id - active_id) * (below if bin_id < active_id else above) for bin_id in bins}
    if shape is _Shape.CURVE:
        return {bin_id: _MOST_WEIGHT - slope for bin_id, slope in slopes.items()}
    return {bin_id: _LEAST_WEIGHT + slope for bin_id, slope in slopes.items()}


def _balanced(
    weights: dict[int, int], prices: dict[int, int], amounts: Amounts, active_id: int, reserves: Amounts
) -> Spread | LiquidityFailure:
    """Spend the same multiple of all weights: the largest that neither token's amount forbids."""
    scaled: dict[int, Amounts] = {}
    for bin_id, weight in weights.items():
        if bin_id < active_id:
            scaled[bin_id] = Amounts(0, weight << SCALE_BITS)
        elif bin_id > active_id:
            scaled[bin_id] = Amounts((weight << 2 * SCALE_BITS) // prices[bin_id], 0)
        else:
            scaled[bin_id] = _active_weights(weight, prices[bin_id], reserves)
    total = Amounts(sum(part.x for part in scaled.values()), sum(part.y for part in scaled.values()))
    if total.x == 0 or total.y == 0:
        return LiquidityFailure("MathOverflow", 6018, "one token has no bin to go to")
    multiple = min((amounts.x << 2 * SCALE_BITS) // total.x, (amounts.y << 2 * SCALE_BITS) // total.y)
    parts = {
        bin_id: Amounts(multiple * part.x >> 2 * SCALE_BITS, multiple * part.y >> 2 * SCALE_BITS)
        for bin_id, part in scaled.items()
    }
    if any(part.x > MAX_U64 or part.y > MAX_U64 for part in parts.values()):
        return LiquidityFailure("TypeCastFailed", 6019, "a bin's amount fits no u64")
    return list(parts.items())


def _active_weights(weight: int, price: int, reserves: Amounts) -> Amounts:
    """Split the active bin's weight by the mix that the bin holds; by half when it is empty."""
    if reserves == NOTHING:
        return Amounts((weight << 2 * SCALE_BITS) // (2 * price), (weight << SCALE_BITS) // 2)
    x = (weight << 2 * SCALE_BITS) // (price + (reserves.y << SCALE_BITS) // reserves.x) if reserves.x else 0
    y = (weight << 2 * SCALE_BITS) // (_ONE + price * reserves.x // reserves.y) if reserves.y else 0
    return Amounts(x, y)
