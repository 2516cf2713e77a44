"""Paper positions where the recording has no bins: tokens bin by bin, which turn when the price passes their bin.

Each row costs the same while the active bin stays where it is. A bin that the active one leaves behind turns whole, at
its own price, and earns the base fee that the swappers must have paid for it; the active bin is taken to hold what it
held when the price came to it. Volume without a change of bin earns the base fee on our part of the active bin, in Y.
"""

import math

import numpy as np
from numpy.typing import NDArray

from dlmm.jit import kernel
from dlmm.liquidity import BASIS_POINTS, NOTHING, Amounts, part_of
from dlmm.price import price_table
from dlmm.wide import U64
from operators.blocks import Fields, Rows
from operators.paper.conversion import FeeTerms, passed, without_protocol
from operators.paper.spreading import Spread
from operators.positions.bin_conversions import convert, earn

MOST_BINS = 140
"""Bins of one position: two full ones of the programs next to each other."""

SYNTHETIC = np.dtype(
    [
        ("position", "i8"),
        ("pool", "i8"),
        ("strategy", "i8"),
        ("lower", "i8"),
        ("upper", "i8"),
        ("active_id", "i8"),  # up to which its bins have turned
        ("fee_x", "i8"),  # waits to be claimed
        ("fee_y", "i8"),
        ("rate", "u8"),  # base fee in units of 1e-9
        ("protocol_share", "u8"),  # basis points
        ("compounds", "i8"),  # whether fees stay in the bin, as on Saros
        ("spread_bins", "i8"),  # over which a row's liquidity is spread
        ("x", "u8", (MOST_BINS,)),  # raw units from the lowest bin up
        ("y", "u8", (MOST_BINS,)),
        ("price_low", "u8", (MOST_BINS,)),
        ("price_high", "u8", (MOST_BINS,)),
    ]
)

NO_POSITIONS = np.zeros(0, SYNTHETIC)

Chains = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Positions of each pool, one after the other: they lie far apart, and every row asks for its pool's."""

_ZERO = U64(0)
_MOST_FEE = 2.0**62


@kernel
def _pass(position: Fields, place: int, to_y: bool) -> tuple[int, int, int]:
    """Turn what one bin holds of a token into the other.

    :returns: By how much the position's X and Y grew, fee included; and the fee, in the token that came.

    """
    amount = position.x[place] if to_y else position.y[place]
    if amount == _ZERO:
        return 0, 0, 0
    got, fee, fits = passed(
        amount, position.price_high[place], position.price_low[place], to_y, position.rate, position.protocol_share
    )
    if not fits:
        return 0, 0, 0
    kept = fee if position.compounds != 0 else _ZERO
    waits = np.int64(fee - kept)
    gained, gone = int(np.int64(got + fee)), -int(np.int64(amount))
    if to_y:
        position.x[place] = _ZERO
        position.y[place] += got + kept
        position.fee_y += waits
        return gone, gained, int(np.int64(fee))
    position.y[place] = _ZERO
    position.x[place] += got + kept
    position.fee_x += waits
    return gained, gone, int(np.int64(fee))


@kernel
def _volume_fee(position: Fields, book: Fields, row: Fields) -> int:
    """Return the providers' fee that a row's volume brings a position in the active bin, raw Y rounded down."""
    place = position.active_id - position.lower
    if not row.volume > 0.0 or place < 0 or position.active_id > position.upper:
        return 0
    ours = position.x[place] * book.unit_x * book.bin_price + position.y[place] * book.unit_y
    if not ours > 0.0 or not row.liquidity >= 0.0:
        return 0
    part = ours / (ours + row.liquidity / position.spread_bins)
    fee = position.rate * 1e-9 * row.volume * part / book.unit_y
    if not fee < _MOST_FEE:
        return 0
    return int(np.int64(without_protocol(U64(math.floor(fee)), position.protocol_share)))


@kernel
def chained(positions: Rows, pools: int) -> Chains:
    """Return where the first position of each pool is, and for each position the next one of its pool; -1 for none.

    :arg positions: `SYNTHETIC` array.

    """
    first, following = np.full(pools, -1), np.full(len(positions), -1)
    for index in range(len(positions) - 1, -1, -1):
        pool = positions[index].pool
        if pool >= 0:
            following[index] = first[pool]
            first[pool] = index
    return first, following


@kernel
def follow_row(positions: Rows, chains: Chains, book: Fields, accounts: Rows, row: Fields) -> bool:
    """Let positions meet a row of their pool, and book what became of them.

    :arg positions: `SYNTHETIC` array of all pools.

    :arg chains: As `chained` returns them.

    :arg book: Of the row's pool, at the row.

    :returns: Whether they hold something else than before.

    """
    has_changed = False
    first, following = chains
    index = first[row.pool]
    while index >= 0:
        position = positions[index]
        index = following[index]
        x, y = 0, 0
        earned_x, earned_y = 0, 0
        before, now = position.active_id, book.active_id
        if now == before:
            y = earned_y = _volume_fee(position, book, row)
            if y > 0 and position.compounds != 0:
                position.y[now - position.lower] += U64(y)
            else:
                position.fee_y += y
        for bin_id in range(max(before, position.lower), min(now - 1, position.upper) + 1):
            more_x, more_y, fee = _pass(position, bin_id - position.lower, True)
            x += more_x
            y += more_y
            earned_y += fee
        for bin_id in range(max(now + 1, position.lower), min(before, position.upper) + 1):
            more_x, more_y, fee = _pass(position, bin_id - position.lower, False)
            x += more_x
            y += more_y
            earned_x += fee
        position.active_id = now
        if x != 0 or y != 0:
            convert(book, accounts, position.strategy, position.pool, x, y)
            earn(book, accounts, position.strategy, position.pool, float(earned_x), float(earned_y))
            has_changed = True
    return has_changed


def open_synthetic(
    position: int, pool: int, strategy: int, bins: tuple[int, int], *, step: tuple[int, int], terms: FeeTerms
) -> Rows:
    """Return a new position that holds nothing, as a `SYNTHETIC` array (1,).

    :arg bins: First and last, both included.

    :arg step: The pool's bin step, and the bin whose raw price is 1.

    :raises RangeError: A bin has no price.

    """
    lower, upper = bins
    made = np.zeros(1, SYNTHETIC)
    row = made[0]
    row["position"], row["pool"], row["strategy"], row["lower"], row["upper"] = position, pool, strategy, lower, upper
    row["rate"], row["protocol_share"] = terms.rate, terms.protocol_share
    row["compounds"], row["spread_bins"] = terms.compounds, terms.spread_bins
    # One table serves all positions that begin within so many bins.
    before, count = (lower - step[1]) % MOST_BINS, upper - lower + 1
    prices = price_table(lower - step[1] - before, 2 * MOST_BINS, step[0])[before : before + count]
    row["price_low"][:count], row["price_high"][:count] = prices[:, 0], prices[:, 1]
    return made


def put(position: np.void, wanted: Spread, active_id: int) -> Amounts:
    """Deposit into a position's bins, and return what it took.

    :arg active_id: Where the active bin is.

    """
    position["active_id"] = active_id
    places = np.array(list(wanted), np.int64) - int(position["lower"])
    x, y = [amounts.x for amounts in wanted.values()], [amounts.y for amounts in wanted.values()]
    position["x"][places] += np.array(x, np.uint64)
    position["y"][places] += np.array(y, np.uint64)
    return Amounts(sum(x), sum(y))


def take(position: np.void, bps: int) -> Amounts:
    """Withdraw basis points of every bin, each token rounded down; return what came out."""
    if bps == BASIS_POINTS:
        all_of_it = Amounts(int(position["x"].sum()), int(position["y"].sum()))
        position["x"], position["y"] = 0, 0
        return all_of_it
    out = NOTHING
    for place in range(int(position["upper"]) - int(position["lower"]) + 1):
        one = Amounts(part_of(int(position["x"][place]), bps), part_of(int(position["y"][place]), bps))
        position["x"][place] -= np.uint64(one.x)
        position["y"][place] -= np.uint64(one.y)
        out += one
    return out


def claim(position: np.void) -> Amounts:
    """Take the fees that wait; on Saros none do."""
    fees = Amounts(int(position["fee_x"]), int(position["fee_y"]))
    position["fee_x"] = position["fee_y"] = 0
    return fees


@kernel
def worth(positions: Rows, place: int) -> tuple[int, U64, U64]:
    """Return the strategy of one among positions, and the raw X and Y that withdrawing and claiming all would give."""
    position = positions[place]
    x, y = U64(position.fee_x), U64(position.fee_y)
    for index in range(position.upper - position.lower + 1):
        x += position.x[index]
        y += position.y[index]
    return position.strategy, x, y
