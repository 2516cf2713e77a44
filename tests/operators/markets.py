"""Markets made by hand or by Hypothesis, for the tests of whatever walks them."""

import itertools
import math
from collections.abc import Iterable, Sequence

import numpy as np
from hypothesis import strategies as st

from dlmm.records import Venue
from operators.blocks import CANCEL, QUOTE, ROW, SIGNAL, TAKE, TICK, Rows
from operators.pools import PoolInfo

SOL = PoolInfo("sol", Venue.METEORA, "SOL", "USDC", 20, 10_000)
JUP = PoolInfo("jup", Venue.SAROS, "JUP", "USDC", 10, 2_000, decimals_x=6)
POOLS = (SOL, JUP)
ORIGINS = (-996, (1 << 23) - 500)
"""Bins near which the pools trade: SOL at about 137 USDC, JUP at about 0.61."""
START_NS = 1_700_000_000_000_000_000
SLOT_NS = 400_000_000


def bin_price(pool: int, active_id: int) -> float:
    """Price of a bin, Y per X in whole tokens, from the definition."""
    info = POOLS[pool]
    steps = active_id - (1 << 23 if info.venue is Venue.SAROS else 0)
    return math.exp(steps * math.log1p(info.bin_step / 10_000)) * 10.0**-info.decimals_y / 10.0**-info.decimals_x


def base_fee(pool: int) -> float:
    info = POOLS[pool]
    return info.base_factor * info.bin_step * 10 / 1e9


def market(moves: Iterable[tuple[int, int, int, int]], first_seq: int = 0, first_slot: int = 1_000) -> Rows:
    """Make rows of (pool, slots since the last row, bins from the pool's origin, liquidity; 0 leaves it unknown)."""
    moves = list(moves)
    rows = np.zeros(len(moves), ROW)
    slot = first_slot
    for index, (pool, slots, bins, liquidity) in enumerate(moves):
        slot += slots
        row = rows[index]
        row["seq"] = first_seq + index
        row["slot"] = slot
        row["ts_event_ns"] = START_NS + (slot - 1_000) * SLOT_NS + index
        row["ts_recv_ns"] = row["ts_event_ns"] + 1_000
        row["write_order"] = index
        row["active_id"] = ORIGINS[pool] + bins
        row["price"] = bin_price(pool, ORIGINS[pool] + bins)
        row["liquidity"] = liquidity if liquidity else np.nan
        row["volume"] = np.nan
        row["volatility"] = np.nan
        row["pool"] = pool
    return rows


def path(bins: Sequence[int], pool: int = 0, slots: int = 1, liquidity: int = 1_000_000) -> Rows:
    """One row for each position of the active bin, `slots` apart."""
    return market([(pool, slots if index else 0, position, liquidity) for index, position in enumerate(bins)])


def ticks_among(rows: Rows, is_tick: Sequence[bool]) -> Rows:
    """Turn rows into slot ticks, which say nothing but the time."""
    rows = rows.copy()
    for index in np.flatnonzero(is_tick):
        rows[index]["kind"] = TICK
        rows[index]["price"] = 0.0
        rows[index]["active_id"] = 0
        rows[index]["liquidity"] = 0.0
    return rows


def moves(max_size: int, pools: int = 2, reach: int = 12) -> st.SearchStrategy[list[tuple[int, int, int, int]]]:
    """What `market` takes."""
    return st.lists(
        st.tuples(
            st.integers(0, pools - 1),
            st.sampled_from((0, 0, 0, 1, 1, 2, 5)),
            st.integers(-reach, reach),
            st.sampled_from((0, 50_000, 1_000_000)),
        ),
        min_size=1,
        max_size=max_size,
    )


def signal(
    row: np.void,
    kind: int = QUOTE,
    bid: float = math.nan,
    ask: float = math.nan,
    bid_size: float = math.nan,
    ask_size: float = math.nan,
    expiry_slots: int = 0,
    strategy: int = 0,
    fraction: float = math.nan,
    urgency: int = 0,
) -> Rows:
    """Make the signal that a strategy would give at a row."""
    made = np.zeros(1, SIGNAL)
    made["seq"], made["pool"], made["strategy"], made["kind"] = row["seq"], row["pool"], strategy, kind
    made["bid"], made["ask"], made["bid_size"], made["ask_size"] = bid, ask, bid_size, ask_size
    made["fair"], made["expiry_slots"], made["fraction"] = row["price"], expiry_slots, fraction
    made["urgency"] = urgency
    return made


def no_signals() -> Rows:
    return np.zeros(0, SIGNAL)


@st.composite
def wishes(draw: st.DrawFn, rows: Rows, strategies: int = 2, most: int = 40) -> Rows:
    """Signals at some of the rows: around the price, far off it, one-sided, absurdly large, of every kind."""
    size = st.sampled_from((math.nan, math.nan, 0.5, 7.0, 400.0))
    offset = st.sampled_from((math.nan, -0.03, -0.006, -0.0005, 0.0, 0.0005, 0.006, 0.03))
    made = []
    for index in draw(st.lists(st.integers(0, len(rows) - 1), max_size=most, unique=True)):
        price = float(rows[index]["price"])
        made.append(
            signal(
                rows[index],
                kind=draw(st.sampled_from((QUOTE, QUOTE, QUOTE, TAKE, CANCEL))),
                bid=price * (1.0 + draw(offset)),
                ask=price * (1.0 - draw(offset)),
                bid_size=draw(size),
                ask_size=draw(size),
                expiry_slots=draw(st.sampled_from((0, 0, 1, 4))),
                strategy=draw(st.integers(0, strategies - 1)),
            )
        )
    together = np.concatenate([*made, no_signals()])
    return together[np.argsort(together["seq"], kind="stable")]


def cut(rows: Rows, places: Iterable[int]) -> list[Rows]:
    """Cut an array at some places, wherever they fall."""
    bounds = sorted({0, len(rows), *(place % (len(rows) + 1) for place in places)})
    return [rows[start:end].copy() for start, end in itertools.pairwise(bounds)]


def places() -> st.SearchStrategy[list[int]]:
    """Where to cut."""
    return st.lists(st.integers(0, 1_000), max_size=6)
