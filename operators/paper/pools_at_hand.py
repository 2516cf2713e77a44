"""The pools that orders meet, as kernels have them: as the market's last row left them, with our fills since.

A stand-in for a pool without bins is made here, anew for each row that somebody asks about. Where the recording has
bins the caller decodes them: a kernel says which pool it misses, and is called again when `PaperPools` has put it here.

A fill changes the pool for what meets the same row of it; the next row shows again what was recorded.
"""

import numpy as np
from numpy.typing import NDArray

from dlmm.jit import kernel
from dlmm.profile import renew
from dlmm.ways import Way, WayList, make_swap, swap_one
from dlmm.wide import U64
from operators.blocks import Fields, Rows

STANDING = np.dtype(
    [
        ("seq", "i8"),  # of the pool's row that it is as of, -1 where nothing is at hand
        ("epoch", "i8"),  # that its mints' transfer fees are of
        ("active_id", "i8"),  # of a stand-in: where it was made ..
        ("value_y", "i8"),  # .. and what all of its bins were worth, raw Y
        ("half_width", "i8"),
        ("kind", "i1"),  # UNUSABLE, RECORDED or STAND_IN
        ("has_fills", "i1"),  # of ours, since that row
        ("is_outgrown", "i1"),  # whether a fill led to where its ways do not reach
    ]
)
UNUSABLE, RECORDED, STAND_IN = range(3)
"""Nothing can be swapped there; only the caller can bring it to the next row; kernels can."""

SLOTS_IN_EPOCH = 432_000
NANOSECONDS = 1_000_000_000
Y_IN, X_IN, BLANK = range(3)
WAYS = 3
"""Entries of each pool in the list of ways: both directions, and one through the stand-in's `blank_pool`."""

_HALF = 2.0**63


@kernel
def epoch_of(slot: int) -> int:
    """Return the epoch of a slot; epochs are taken to be 432,000 slots long from slot 0, as on mainnet."""
    return slot // SLOTS_IN_EPOCH


@kernel
def is_at_hand(pool: int, slot: int, books: Rows, standing: Rows, ways: WayList) -> bool:
    """Tell whether a pool is as its book's last row left it, or unusable; where that takes a new stand-in, make it.

    :arg standing: `STANDING` (pools,).

    :arg ways: Through all pools, `WAYS` of each.

    """
    now, book = standing[pool], books[pool]
    if now.epoch != epoch_of(slot) or now.is_outgrown != 0:
        return False
    if now.seq == book.seq:
        return True
    value = book.liquidity / book.unit_y
    if now.kind != STAND_IN or not 0.0 <= value < _HALF:
        return False
    value_y = int(value)
    if now.has_fills != 0 or now.active_id != book.active_id or now.value_y != value_y:
        now.seq = -1
        per_bin = U64(value_y // (2 * now.half_width + 1))
        way, blank = ways[WAYS * pool], ways[WAYS * pool + BLANK]
        if not renew(way, blank, book.active_id, now.half_width, per_bin):
            return False
        now.active_id, now.value_y, now.has_fills = book.active_id, value_y, 0
    now.seq = book.seq
    return True


@kernel
def missing_among(pools: NDArray[np.int64], slot: int, books: Rows, standing: Rows, ways: WayList) -> int:
    """Return the first of some pools that the caller must put at hand, or -1.

    Where one has shown no price yet, nothing can be done with the others.

    """
    for pool in pools:
        if books[pool].is_open == 0:
            return -1
        if not is_at_hand(pool, slot, books, standing, ways):
            return int(pool)
    return -1


@kernel
def way_at(pool: int, swap_for_y: bool, ways: WayList) -> Way:
    """Return the way through a pool at hand."""
    way: Way = ways[WAYS * pool + (X_IN if swap_for_y else Y_IN)]
    return way


@kernel
def fill(
    pool: int, swap_for_y: bool, exact_in: bool, amount: U64, ledger: Fields, standing: Rows, ways: WayList
) -> None:
    """Write a swap that was answered with a fill into its pool."""
    now = standing[pool]
    way, back = way_at(pool, swap_for_y, ways), way_at(pool, not swap_for_y, ways)
    now.has_fills = 1
    if not make_swap(way, back, ledger.slot, ledger.ts_event_ns // NANOSECONDS, exact_in, amount):
        now.is_outgrown = 1


@kernel
def swap(
    pool: int,
    swap_for_y: bool,
    exact_in: bool,
    amount: U64,
    threshold: U64,
    ledger: Fields,
    standing: Rows,
    ways: WayList,
    answer: NDArray[np.void],
) -> None:
    """Swap on a pool at hand, and keep the pool after it.

    :arg threshold: Least out, or with an exact amount out the most in.

    :arg answer: `ANSWER` (1,).

    """
    answer[0].is_filled = 0
    if standing[pool].kind == UNUSABLE:
        return
    way, timestamp = way_at(pool, swap_for_y, ways), ledger.ts_event_ns // NANOSECONDS
    swap_one(way, ledger.slot, timestamp, exact_in, amount, threshold, answer)
    if answer[0].is_filled != 0:
        fill(pool, swap_for_y, exact_in, amount, ledger, standing, ways)
