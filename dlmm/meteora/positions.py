"""Positions and bin arrays of the Meteora program as they are made and widened, and what a position is worth.

Source: the program's behaviour, pinned by the life-cycle rows of the golden vectors.
"""

import numpy as np

from dlmm.liquidity import NOTHING, Amounts, LiquidityFailure, LiquidityState, amounts_for
from dlmm.meteora.book import Book, split_position
from dlmm.meteora.layout import (
    BIN_ARRAY,
    BIN_ARRAY_DISCRIMINATOR,
    BINS_PER_ARRAY,
    POSITION,
    POSITION_BINS,
    POSITION_DISCRIMINATOR,
    POSITION_EXTENSION_BIN,
)
from dlmm.price import price_table
from dlmm.records import Record

MAX_POSITION_BINS = 1_400
_MAX_ADDED_BINS = 91
_MAX_GROWTH = 10_240  # bytes that an account may grow by in one instruction
_POSITION_VERSION = 1
_BIN_ARRAY_VERSION = 2
_REWARDS = ("pending_0", "pending_1")
_FEES = ("x_pending", "y_pending")


class PositionValue(Record, frozen=True):
    """What a position is worth in tokens, before any transfer fee.

    :arg held: What withdrawing everything gives.

    :arg fees: What claiming everything gives.

    """

    held: Amounts
    fees: Amounts

    @property
    def total(self) -> Amounts:
        """Return both together."""
        return self.held + self.fees


def new_position(*, lb_pair: bytes, owner: bytes, lower_bin_id: int, width: int, time: int) -> bytes | LiquidityFailure:
    """Return the bytes of a new position.

    :arg lb_pair: The pool's address.

    :arg owner: The owner's address.

    :arg width: Bins, 1 to 70.

    :arg time: Clock sysvar's unix timestamp.

    """
    if not 0 < width <= POSITION_BINS:
        return LiquidityFailure("InvalidPositionWidth", 6040, f"{width} bins are not 1 to {POSITION_BINS}")
    rows = np.zeros(1, POSITION)
    rows["discriminator"] = np.frombuffer(POSITION_DISCRIMINATOR, np.uint8)
    rows["lb_pair"] = np.frombuffer(lb_pair, np.uint8)
    rows["owner"] = np.frombuffer(owner, np.uint8)
    rows["lower_bin_id"], rows["upper_bin_id"] = lower_bin_id, lower_bin_id + width - 1
    rows["last_updated_at"] = time
    rows["version"] = _POSITION_VERSION
    return rows.tobytes()


def widened_position(position: bytes, *, length_to_add: int, upwards: bool) -> bytes | LiquidityFailure:
    """Return a position's bytes after bins were added to one end; what its bins hold stays with them.

    A deposit may have noted fees in slots past the last bin. They stay too, where no bin moves to them.

    :arg length_to_add: Bins to add, up to 91 at once.

    :arg upwards: Whether they are added above its highest bin rather than below its lowest.

    """
    head, wide = split_position(position)
    old = int(head[0]["upper_bin_id"]) - int(head[0]["lower_bin_id"]) + 1
    new = old + length_to_add
    grown = (max(new, POSITION_BINS) - max(old, POSITION_BINS)) * POSITION_EXTENSION_BIN.itemsize
    if grown > _MAX_GROWTH:
        return LiquidityFailure("AccountReallocExceedsLimit", 3016, f"{grown} bytes at once")
    if length_to_add > _MAX_ADDED_BINS:
        return LiquidityFailure("InvalidResizeLength", 6081, f"{length_to_add} bins at once")
    if new > MAX_POSITION_BINS:
        return LiquidityFailure("InvalidPositionWidth", 6040, f"{new} bins are more than {MAX_POSITION_BINS}")
    bins = np.zeros(max(new, POSITION_BINS), POSITION_EXTENSION_BIN)
    for name, field in (("shares", "share"), ("rewards", "reward"), ("fees", "fee")):
        bins[field][:POSITION_BINS] = head[0][name]
        bins[field][POSITION_BINS : POSITION_BINS + len(wide)] = wide[field]
        if not upwards:
            bins[field][length_to_add:new] = bins[field][:old].copy()
            bins[field][:length_to_add] = np.zeros(1, bins[field].dtype)
        head[0][name][:] = bins[field][:POSITION_BINS]
    head["upper_bin_id" if upwards else "lower_bin_id"] += length_to_add if upwards else -length_to_add
    return head.tobytes() + bins[POSITION_BINS:].tobytes()


def is_empty(position: bytes) -> bool:
    """Tell whether a position holds no share, no credited fee and no credited reward, and so can be closed."""
    heads, wide = split_position(position)
    head = heads[0]
    parts = ((head["shares"], head["rewards"], head["fees"]), (wide["share"], wide["reward"], wide["fee"]))
    return not any(
        bool(rows[name].any())
        for shares, rewards, fees in parts
        for rows, names in ((shares, ("low", "high")), (rewards, _REWARDS), (fees, _FEES))
        for name in names
    )


def new_bin_array(*, lb_pair: bytes, index: int, bin_step: int) -> bytes:
    """Return the bytes of a new bin array, the prices of its bins filled in.

    :arg lb_pair: The pool's address.

    :arg index: Signed index of the array.

    """
    rows = np.zeros(1, BIN_ARRAY)
    rows["discriminator"] = np.frombuffer(BIN_ARRAY_DISCRIMINATOR, np.uint8)
    rows["index"], rows["version"] = index, _BIN_ARRAY_VERSION
    rows["lb_pair"] = np.frombuffer(lb_pair, np.uint8)
    prices = price_table(index * BINS_PER_ARRAY, BINS_PER_ARRAY, bin_step)
    rows[0]["bins"]["price_low"], rows[0]["bins"]["price_high"] = prices[:, 0], prices[:, 1]
    return rows.tobytes()


def position_value(state: LiquidityState) -> PositionValue:
    """Value a position in tokens: what it holds, and the fees it can claim.

    Bins in arrays that are not given count only by the fees already credited.

    """
    book = Book(state)
    held = NOTHING
    for bin_id in range(book.lower_bin_id, book.upper_bin_id + 1):
        if book.has_position_bin(bin_id):
            reserves, supply = book.bin(bin_id)
            held += amounts_for(book.share(bin_id), supply=supply, reserves=reserves)
    return PositionValue(held, sum(claimable_fees(state).values(), NOTHING))


def claimed_fees(position: bytes) -> Amounts:
    """Return the fees that a position has claimed so far, before any transfer fee."""
    head, _ = split_position(position)
    return Amounts(int(head[0]["total_claimed_fee_x"]), int(head[0]["total_claimed_fee_y"]))


def claimable_fees(state: LiquidityState) -> dict[int, Amounts]:
    """Return the fees that a position can claim, by bin, before any transfer fee; bins that owe none are left out."""
    book = Book(state)
    fees: dict[int, Amounts] = {}
    for bin_id in range(book.lower_bin_id, book.upper_bin_id + 1):
        if book.has_position_bin(bin_id):
            book.settle(bin_id)
        owed = book.pending(bin_id)
        if owed != NOTHING:
            fees[bin_id] = owed
    return fees
