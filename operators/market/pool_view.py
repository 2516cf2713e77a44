"""The pool as the strategies see it: every row complete, carrying forward what the feed did not repeat."""

import math

import numpy as np

from dlmm.jit import kernel
from operators.blocks import REPORT, TICK, Rows

VIEW = np.dtype([("price", "f8"), ("liquidity", "f8"), ("active_id", "i8")])


@kernel
def _complete(rows: Rows, view: Rows, default_liquidity: float) -> int:
    """Fill the gaps in place; return how many rows are complete (a tick before the first price has none to show)."""
    last = view[0]
    kept = 0
    for index in range(rows.shape[0]):
        row = rows[index]
        if row.kind == TICK or row.kind == REPORT:
            if last.price == 0.0 and row.kind == TICK:
                continue
            row.price = last.price
            row.active_id = last.active_id
        elif not math.isnan(row.liquidity):
            last.liquidity = row.liquidity
        last.price = row.price
        last.active_id = row.active_id
        row.liquidity = default_liquidity if math.isnan(last.liquidity) else last.liquidity
        if math.isnan(row.volume):
            row.volume = 0.0
        if kept != index:
            rows[kept] = row
        kept += 1
    return kept


class PoolView:
    """Carry a pool's price and liquidity forward over rows that do not say them.

    :arg default_liquidity: Quote currency to assume until the feed says otherwise.

    """

    def __init__(self, default_liquidity: float) -> None:
        """Start with nothing known."""
        self._default_liquidity = default_liquidity
        self._view = np.zeros(1, VIEW)
        self._view["liquidity"] = np.nan

    def complete(self, rows: Rows) -> Rows:
        """Return the rows, in the same memory, with price, liquidity and volume filled in."""
        return rows[: _complete(rows, self._view, self._default_liquidity)]

    def snapshot(self) -> bytes:
        """Return the state as bytes."""
        return self._view.tobytes()

    def restore(self, state: bytes) -> None:
        """Go on from a snapshot."""
        self._view = np.frombuffer(state, VIEW).copy()
