"""A range of bins as a recorded pool has them, in one form for both venues."""

import numpy as np
from numpy.typing import NDArray

from dlmm.liquidity import Amounts
from dlmm.meteora import layout as meteora
from dlmm.saros import layout as saros
from dlmm.saros.pool import SarosPool
from dlmm.swap import Pool
from operators.paper.holdings import RecordedBin

BinRows = NDArray[np.uint64]
"""One row a bin: reserves of X and Y, then the lower and upper halves of supply and of both fee counters."""

_METEORA = (
    "amount_x", "amount_y", "supply_low", "supply_high", "fee_x_low", "fee_x_high", "fee_y_low", "fee_y_high",
)  # fmt: skip
_SAROS = ("reserve_x", "reserve_y", "liquidity_supply_low", "liquidity_supply_high")


def bin_rows(pool: Pool, lower: int, upper: int) -> BinRows:
    """Return a range of bins; those whose array is not at hand are empty.

    :arg upper: Last bin, included.

    """
    is_saros = isinstance(pool, SarosPool)
    fields, width = (_SAROS, saros.BINS_PER_ARRAY) if is_saros else (_METEORA, meteora.BINS_PER_ARRAY)
    rows = np.zeros((upper - lower + 1, len(_METEORA)), np.uint64)
    for place, index in enumerate(pool.arrays["index"].tolist()):
        first, last = max(index * width, lower), min(index * width + width - 1, upper)
        if first <= last:
            bins = pool.arrays[place]["bins"][first - index * width : last - index * width + 1]
            for column, name in enumerate(fields):
                rows[first - lower : last - lower + 1, column] = bins[name]
    return rows


def recorded_bin(row: BinRows) -> RecordedBin:
    """Return one row as exact integers."""
    x, y, supply, supply_high, fee_x, fee_x_high, fee_y, fee_y_high = row.tolist()
    return RecordedBin(Amounts(x, y), supply | supply_high << 64, fee_x | fee_x_high << 64, fee_y | fee_y_high << 64)
