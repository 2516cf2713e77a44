"""How a planted pool's liquidity lies about its price: dense near it, thinner outside, uneven from bin to bin."""

import math

import numpy as np

from dlmm.liquidity import Amounts
from dlmm.price import SCALE_BITS, price_x64
from sandbox.pools.plans import PoolPlan

UNEVENNESS = 0.15
"""Standard deviation of a bin's value about the profile, relative."""

_SPREAD = 0.35
"""Part of the range on either side within which the depth falls to its 1/e."""


def bin_amounts(plan: PoolPlan, *, lower: int, count: int, generator: np.random.Generator) -> list[Amounts]:
    """Return what neighbouring bins of a pool hold at the start.

    :arg lower: Exponent of the lowest bin: its distance from the bin whose price is 1.

    :arg count: How many bins.

    :returns: Raw units for each bin: X above the active bin, Y below it, half of each in it.

    """
    active, reach = plan.exponent, _SPREAD * count / 2
    noise = np.clip(generator.normal(1.0, UNEVENNESS, count), 0.5, 1.5)
    one_y = 10**plan.token_y.decimals
    amounts = []
    for exponent, factor in zip(range(lower, lower + count), noise.tolist(), strict=True):
        distance = exponent - active
        profile = plan.floor + (1.0 - plan.floor) * math.exp(-abs(distance) / reach)
        y = int(plan.depth * profile * factor * one_y)
        x = (y << SCALE_BITS) // price_x64(exponent, plan.bin_step)
        if distance == 0:
            amounts.append(Amounts(x // 2, y // 2))
        else:
            amounts.append(Amounts(x, 0) if distance > 0 else Amounts(0, y))
    return amounts
