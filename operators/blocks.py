"""Blocks: a pool's rows in one struct array, the form in which market data travels."""

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlmm.jit import kernel
from dlmm.records import Record
from dlmm.shapes import Shape

Rows = NDArray[np.void]
"""A one-dimensional struct array; which fields it has, the dtype's name says."""

Fields = Any
"""One record of a struct array inside a kernel, where its fields are attributes."""

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
        ("kind", "i1"),  # MARKET, TICK, STATE or REPORT
        (
            "account",
            "i4",
        ),  # of a pool's accounts which was written, 0 for the pool as a whole; of a tick: slots
        #                     since the pool's accounts were last heard of
        ("_reserved", "i4"),
    ]
)
MARKET, TICK, STATE, REPORT = 0, 1, 2, 3
"""A price; a slot that began; a write to an account that sets no price (bins, mints); what came of an order.

Ticks carry a slot and times alone, and drive what waits. State rows carry account bytes and liquidity to the portfolio;
volatility and strategies do not see them, so a pool's every swap is one update, whatever accounts it wrote. Report rows
carry what `operators.orders.execution_reports` describes, for the portfolio alone.
"""

FIGURES = 4
"""Numbers that a strategy may leave beside a signal."""

SIGNAL = np.dtype(
    [
        ("seq", "i8"),  # of the row that caused it
        ("row", "i8"),  # index of that row in its block; strategies write this one
        ("bid", "f8"),  # limit prices, Y per X in whole tokens; NaN leaves that side empty
        ("ask", "f8"),
        ("bid_size", "f8"),  # whole tokens of X; NaN leaves the size to the portfolio
        ("ask_size", "f8"),
        ("fair", "f8"),  # what the strategy thinks X is worth
        ("confidence", "f8"),  # 0 to 1
        ("expiry_slots", "i8"),  # resting orders end so many slots after they land; 0 means never
        ("position", "i8"),  # of a liquidity command: order that created it; 0 stands for the strategy's newest one
        ("amount_x", "f8"),  # of a deposit, in whole tokens
        ("amount_y", "f8"),
        ("fraction", "f8"),  # of a withdrawal; of a take without a size: of what the strategy holds, to be sold
        ("expected_profit", "f8"),  # quote currency, costs taken off; NaN where the strategy makes no claim
        ("figures", "f8", (FIGURES,)),  # what decided, under the names that the strategy gives them
        ("lower", "i4"),  # bins of a position to open, both included
        ("upper", "i4"),
        ("bid_upper", "i4"),  # of a ladder from `lower` to `upper`: the last bin of its bids ..
        ("ask_lower", "i4"),  # .. and the first of its asks; what lies between stays empty
        ("strategy", "i2"),  # index into the list of strategies
        ("pool", "i2"),
        ("other_pool", "i2"),  # of an arbitrage: where the second swap is, `pool` being where the first is
        ("third_pool", "i2"),  # where the third one is, -1 where two make the round
        ("kind", "i1"),  # QUOTE, TAKE, CANCEL or one of the liquidity commands
        ("urgency", "i1"),  # 0 low to 3 critical
        ("is_exact_out", "i1"),  # of a take: what comes out is exactly the size, and what goes in is limited
        ("shape", "i1"),  # of a deposit or a ladder: index into SHAPES
        ("directions", "i1"),  # of an arbitrage: bit k is set where swap k gives X for Y
        ("reason", "i1"),  # index into the strategy's reasons
        ("_reserved", "i2"),
    ]
)
NO_SIGNALS = np.zeros(0, SIGNAL)
QUOTE, TAKE, CANCEL, OPEN, DEPOSIT, WITHDRAW, CLAIM, CLOSE, ARBITRAGE, REBALANCE = range(10)
"""Replace the resting orders of this strategy in this pool; swap at once; take the resting orders back; open a
position in bins, put tokens into it, take a fraction of them out, collect its fees, close it; swap through two or three
pools in one transaction, back to the token that it began with; move this strategy's ladder in this pool to other bins.
"""
SHAPES = tuple(Shape)


class AccountWrite(Record, frozen=True):
    """The bytes of an account after the write that caused a row."""

    seq: int
    address: str
    owner: str
    data: bytes


class Block(msgspec.Struct, frozen=True, gc=False):
    """Neighbouring rows of one pool, and what the steps along the line made of them.

    A slice is what the inbox emitted at once: one block for each pool that had rows in it. A step that spans pools
    waits until it holds all `slice_blocks` blocks of a slice, and so needs no clock to know that nothing is missing.

    :arg pool: Index into the recording's list of pools.

    :arg slice_no: Number of the slice, from 0.

    :arg slice_blocks: Blocks in that slice.

    :arg is_last: Whether the input ends with this slice.

    :arg rows: `ROW` array in order of `seq`.

    :arg writes: Account bytes, in order of `seq`.

    :arg findings: What the inbox found wrong with the rows of all pools: kind, whether it refused them, how many. Given
        with the last slice.

    :arg failure: Why the input had to end here, where it did not end by itself.

    :arg dropped: Rows that the arbiter dropped: stale, duplicate, out of order.

    :arg signals: `SIGNAL` array in order of `seq`, then of strategy.

    """

    pool: int
    slice_no: int
    slice_blocks: int
    is_last: bool
    rows: Rows
    writes: tuple[AccountWrite, ...] = ()
    findings: tuple[tuple[str, bool, int], ...] = ()
    failure: str = ""
    dropped: tuple[int, int, int] = (0, 0, 0)
    signals: Rows = NO_SIGNALS


@kernel
def _group(rows: Rows, starts: NDArray[np.int64], out: Rows) -> None:
    for index in range(rows.shape[0]):
        pool = rows[index].pool
        out[starts[pool]] = rows[index]
        starts[pool] += 1


def split_by_pool(rows: Rows, pools: int) -> list[tuple[int, Rows]]:
    """Split rows into one array for each pool that occurs, keeping the order within each.

    :arg rows: `ROW` array whose `pool` lies in `0 .. pools - 1`.

    """
    counts = np.bincount(rows["pool"], minlength=pools)
    ends = np.cumsum(counts)
    grouped = np.empty_like(rows)
    _group(rows, ends - counts, grouped)
    return [(int(pool), grouped[ends[pool] - counts[pool] : ends[pool]]) for pool in np.flatnonzero(counts)]


@kernel
def _span(rows: Rows) -> tuple[int, int]:
    """Return the least and the greatest `seq`."""
    first = last = rows[0].seq
    for index in range(1, rows.shape[0]):
        first, last = min(first, rows[index].seq), max(last, rows[index].seq)
    return first, last


@kernel
def _scatter(rows: Rows, first: int, place: NDArray[np.int64]) -> int:
    """Write the index of each row to the place of its `seq`, move them together to the front, and count them."""
    place[:] = -1
    for index in range(rows.shape[0]):
        place[rows[index].seq - first] = index
    count = 0
    for index in place:
        if index >= 0:
            place[count] = index
            count += 1
    return count


def order_by_seq(rows: Rows) -> NDArray[np.int64]:
    """Return the indices that put rows in order of `seq`.

    :arg rows: Struct array whose `seq` is unique. Rows of one slice lie close together, which a scatter uses; a sort is
        for those that do not.

    """
    if not len(rows):
        return np.zeros(0, np.int64)
    first, last = _span(rows)
    if last - first > 4 * len(rows):
        return np.argsort(rows["seq"], kind="stable").astype(np.int64)
    place = np.empty(last - first + 1, np.int64)
    return place[: _scatter(rows, first, place)]
