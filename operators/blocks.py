"""Blocks: a pool's rows in one struct array, the form in which market data travels."""

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.void]
"""A one-dimensional struct array; which fields it has, the dtype's name says."""

ROW = np.dtype(
    [
        ("seq", "i8"),  # given by the inbox; strictly increasing over all pools
        ("slot", "i8"),
        ("ts_event_ns", "i8"),  # at the source
        ("ts_recv_ns", "i8"),  # here
        ("write_order", "i8"),  # order of the write inside its slot
        ("price", "f8"),  # Y per X, in whole tokens
        ("liquidity", "f8"),  # quote currency standing near the price; NaN when unknown
        ("volume", "f8"),  # quote currency traded since the pool's previous row; NaN when unknown
        ("volatility", "f8"),  # written by the volatility stage
        ("active_id", "i4"),
        ("pool", "i2"),  # index into the recording's list of pools
        ("feed", "i1"),  # which feed brought it
        ("kind", "i1"),  # MARKET or TICK
    ]
)
MARKET, TICK = 0, 1
