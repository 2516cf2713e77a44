"""Deposits and withdrawals of the Saros program: the amounts that move and the accounts afterwards, to the byte.

Functions take account bytes and give new ones; the tokens' mints say what Token-2022 withholds on the way.

Source: the program's behaviour, pinned by the life-cycle rows of the golden vectors.
"""

from collections.abc import Sequence

import numpy as np

from dlmm.errors import AccountError
from dlmm.fees import base_fee_rate, variable_fee_rate
from dlmm.liquidity import (
    MAX_U64,
    MAX_U128,
    NOTHING,
    Amounts,
    BinChange,
    LiquidityChange,
    LiquidityFailure,
    LiquidityState,
    PoolTokens,
    account_rows,
    amounts_for,
    bin_row,
    composition_fees,
    is_unbalanced,
    liquidity_of,
    part_of,
    root_share,
    share_for,
)
from dlmm.price import SCALE_BITS, price_x64
from dlmm.records import Record
from dlmm.saros.instructions import LiquidityShare
from dlmm.saros.layout import (
    BIN_ARRAY,
    BIN_ARRAY_DISCRIMINATOR,
    BINS_PER_ARRAY,
    MAX_POSITION_BINS,
    MIDDLE_BIN_ID,
    PAIR,
    PAIR_DISCRIMINATOR,
    POSITION,
    POSITION_DISCRIMINATOR,
)

_LOW = (1 << 64) - 1
_MAX_U32 = (1 << 32) - 1
_MAX_BIN_LIQUIDITY = MAX_U128 // 1_000
"""Most liquidity, Q64.64, that a bin with shares may come to hold; the first deposit may bring more."""


class HeldBin(Record, frozen=True):
    """A bin of a position: the position's share of it, what is in it, and the shares of all."""

    share: int
    reserves: Amounts
    supply: int

    @property
    def worth(self) -> Amounts:
        """Return what withdrawing the share gives, before any transfer fee."""
        return amounts_for(self.share, supply=self.supply, reserves=self.reserves)


def create_position(
    *, pair_address: bytes, pair: bytes, position_mint: bytes, relative_bin_id_left: int, relative_bin_id_right: int
) -> bytes | LiquidityFailure:
    """Return the bytes of a new position.

    :arg relative_bin_id_left: Lowest bin, counted from the active one.

    :arg relative_bin_id_right: Highest bin, counted from the active one.

    """
    active_id = int(account_rows("pair", pair, PAIR, PAIR_DISCRIMINATOR)[0]["active_id"])
    width = relative_bin_id_right - relative_bin_id_left + 1
    if not 1 < width <= MAX_POSITION_BINS:
        return LiquidityFailure("InvalidBinRange", 6025, f"{width} bins are not 2 to {MAX_POSITION_BINS}")
    rows = np.zeros(1, POSITION)
    rows["discriminator"] = np.frombuffer(POSITION_DISCRIMINATOR, np.uint8)
    rows["pair"] = np.frombuffer(pair_address, np.uint8)
    rows["position_mint"] = np.frombuffer(position_mint, np.uint8)
    rows["lower_bin_id"] = active_id + relative_bin_id_left
    rows["upper_bin_id"] = active_id + relative_bin_id_right
    return rows.tobytes()


def increase_position(
    before: LiquidityState,
    *,
    amount_x: int,
    amount_y: int,
    shares: Sequence[LiquidityShare],
    tokens: PoolTokens,
) -> LiquidityChange | LiquidityFailure:
    """Deposit into a position's bins.

    :arg amount_x: What the basis points are taken from, transfer fee included; raw units.

    :arg amount_y: The same for Y.

    """
    book = _Book(before)
    given = tokens.arrives(Amounts(amount_x, amount_y))
    changes: list[BinChange] = []
    total = fees = protocol = NOTHING
    for row in shares:
        bin_id = book.active_id + row.relative_bin_id
        if (row.relative_bin_id < 0 and row.share_x_bps) or (row.relative_bin_id > 0 and row.share_y_bps):
            return LiquidityFailure("InvalidDistribution", 6006, f"bin {bin_id} takes one token only")
        if not 0 <= bin_id <= _MAX_U32:
            return LiquidityFailure("ActiveIdOverflow", 6023, f"bin {bin_id}")
        amounts = Amounts(part_of(given.x, row.share_x_bps), part_of(given.y, row.share_y_bps))
        if max(amounts.x, amounts.y) > MAX_U64:
            return LiquidityFailure("Panic", None, f"{amounts.x} and {amounts.y} for bin {bin_id} fit no u64")
        if not book.has_array(bin_id):
            return LiquidityFailure("BinNotFound", 6000, f"bin {bin_id} is not in the arrays")
        price = price_x64(bin_id - MIDDLE_BIN_ID, book.bin_step)
        if liquidity_of(amounts, price) > MAX_U128:
            return LiquidityFailure("LiquidityOverflow", 6007, f"{amounts.x} and {amounts.y} for bin {bin_id}")
        outside = LiquidityFailure("BinNotFound", 6000, f"bin {bin_id} is not in the position")
        if amounts == NOTHING:
            if not book.holds(bin_id):
                return outside
            changes.append(BinChange(bin_id, NOTHING, 0))
            continue
        reserves, supply = book.bin(bin_id)
        share, amounts = _minted(amounts, reserves, supply, price)
        fee = kept = NOTHING
        charged = (
            row.relative_bin_id == 0
            and supply > 0
            and is_unbalanced(amounts, reserves=reserves, supply=supply, share=share)
        )
        if charged:
            fee = composition_fees(amounts, reserves=reserves, supply=supply, share=share, rate=book.fee_rate)
            kept = Amounts(part_of(fee.x, book.protocol_share), part_of(fee.y, book.protocol_share))
            if fee != NOTHING:
                there = liquidity_of(reserves + fee - kept, price)
                share = share_for(liquidity_of(amounts - fee, price), supply=supply, bin_liquidity=there)
        limit = _MAX_BIN_LIQUIDITY if supply else MAX_U128
        held = reserves + amounts - kept
        if liquidity_of(Amounts(held.x, held.y & MAX_U64), price) > limit:  # the program shifts Y past 128 bits unseen
            return LiquidityFailure("LiquidityOverflow", 6007, f"bin {bin_id}")
        if max(held.x, held.y) > MAX_U64:
            return LiquidityFailure("Panic", None, f"bin {bin_id} would hold {held.x} and {held.y}")
        if not book.holds(bin_id):
            return outside
        total, fees, protocol = total + amounts, fees + fee, protocol + kept
        if max(total.x, total.y) > MAX_U64:
            return LiquidityFailure("AmountOverflow", 6021, f"{total.x} and {total.y} up to bin {bin_id}")
        book.set_bin(bin_id, held, supply + share)
        book.add_share(bin_id, share)
        changes.append(BinChange(bin_id, amounts, share, fee if charged else None, kept))
    book.add_protocol_fee(protocol)
    paid = tokens.to_send(total)
    if paid is None:
        return LiquidityFailure("TransferFeeCalculationError", 6019, f"{total.x} and {total.y} with transfer fees")
    return LiquidityChange(tuple(changes), NOTHING - paid, total, fees, protocol, book.after())


def decrease_position(
    before: LiquidityState, *, shares: Sequence[int], tokens: PoolTokens
) -> LiquidityChange | LiquidityFailure:
    """Withdraw from a position's bins.

    :arg shares: Shares to burn, one for each bin of the position from the lowest.

    """
    book = _Book(before)
    if len(shares) != book.width:
        return LiquidityFailure("InvalidAmounts", 6002, f"{len(shares)} shares for {book.width} bins")
    changes: list[BinChange] = []
    total = NOTHING
    for bin_id, share in enumerate(shares, book.lower_bin_id):
        if share == 0:
            continue
        if not book.has_array(bin_id):
            return LiquidityFailure("BinNotFound", 6000, f"bin {bin_id}")
        reserves, supply = book.bin(bin_id)
        amounts = amounts_for(share, supply=supply, reserves=reserves)
        refusal = _refused(share, amounts, reserves, supply, book.share(bin_id))
        if refusal is not None:
            name, code = refusal
            return LiquidityFailure(name, code, f"{share} of {book.share(bin_id)} in bin {bin_id}")
        book.set_bin(bin_id, reserves - amounts, supply - share)
        book.add_share(bin_id, -share)
        total += amounts
        changes.append(BinChange(bin_id, amounts, share))
    user = tokens.arrives(total)
    return LiquidityChange(tuple(changes), user, NOTHING - total, NOTHING, NOTHING, book.after())


def _refused(share: int, amounts: Amounts, reserves: Amounts, supply: int, held: int) -> tuple[str, int] | None:
    """Return the program's error for the withdrawal of a share, in the order of its checks."""
    if max(amounts.x, amounts.y) > MAX_U64:
        return "AmountOverflow", 6021
    if amounts.x > reserves.x or amounts.y > reserves.y:
        return "AmountUnderflow", 6022
    if share > supply:
        return "LiquidityUnderflow", 6008
    if amounts == NOTHING:
        return "InvalidAmounts", 6002
    return ("LiquidityUnderflow", 6008) if share > held else None


def position_shares(position: bytes) -> list[int]:
    """Return a position's shares, one for each of its bins from the lowest."""
    row = account_rows("position", position, POSITION, POSITION_DISCRIMINATOR)[0]
    width = int(row["upper_bin_id"]) - int(row["lower_bin_id"]) + 1
    return [int(low) | int(high) << 64 for low, high in row["liquidity_shares"][:width]]


def close_position(before: LiquidityState, *, tokens: PoolTokens) -> LiquidityChange | LiquidityFailure:
    """Withdraw everything a position holds; the position's account is gone afterwards."""
    return decrease_position(before, shares=position_shares(before.position), tokens=tokens)


def position_value(before: LiquidityState) -> Amounts:
    """Return what a position holds, before any transfer fee; its trading fees are part of it.

    Bins in arrays that are not given count as nothing.

    """
    return sum((held.worth for held in position_bins(before).values()), NOTHING)


def position_bins(before: LiquidityState) -> dict[int, HeldBin]:
    """Return the bins of which a position holds a share, by their ids; without those in arrays that are not given."""
    book = _Book(before)
    return {
        bin_id: HeldBin(share, *book.bin(bin_id))
        for bin_id, share in enumerate(position_shares(before.position), book.lower_bin_id)
        if share and book.has_array(bin_id)
    }


def _minted(amounts: Amounts, reserves: Amounts, supply: int, price: int) -> tuple[int, Amounts]:
    """Return the share that a deposit mints, and the part of the deposit that it takes.

    Whole units that the rounding of the share would give away stay with the depositor, token Y first.
    """
    liquidity = liquidity_of(amounts, price)
    there = liquidity_of(reserves, price)
    if supply == 0 or there == 0:
        return root_share(liquidity), amounts
    share = share_for(liquidity, supply=supply, bin_liquidity=there)
    excess = liquidity + -share * there // supply
    back_y = min(excess >> SCALE_BITS, amounts.y)
    back_x = min((excess - (back_y << SCALE_BITS)) // price, amounts.x)
    return share, amounts - Amounts(back_x, back_y)


class _Book:
    """The accounts while they change."""

    def __init__(self, before: LiquidityState) -> None:
        self._pair = account_rows("pair", before.pair, PAIR, PAIR_DISCRIMINATOR)
        self._position = account_rows("position", before.position, POSITION, POSITION_DISCRIMINATOR)
        self._arrays = {
            index: account_rows(f"bin_array {index}", data, BIN_ARRAY, BIN_ARRAY_DISCRIMINATOR)
            for index, data in before.bin_arrays.items()
        }
        pair = self._pair[0]
        self.active_id = int(pair["active_id"])
        self.bin_step = int(pair["bin_step"])
        self.protocol_share = int(pair["protocol_share"])
        self.lower_bin_id = int(self._position[0]["lower_bin_id"])
        self.width = int(self._position[0]["upper_bin_id"]) - self.lower_bin_id + 1
        if not 0 < self.width <= MAX_POSITION_BINS:
            raise AccountError("position", f"{self.width} bins are no position")
        # the deposit reads the accumulator as the last swap left it
        self.fee_rate = int(base_fee_rate(int(pair["base_factor"]), self.bin_step, 0)) + int(
            variable_fee_rate(int(pair["volatility_accumulator"]), self.bin_step, int(pair["variable_fee_control"]))
        )

    def holds(self, bin_id: int) -> bool:
        return 0 <= bin_id - self.lower_bin_id < self.width

    def has_array(self, bin_id: int) -> bool:
        return bin_id // BINS_PER_ARRAY in self._arrays

    def bin(self, bin_id: int) -> tuple[Amounts, int]:
        row = self._bin(bin_id)
        supply = int(row["liquidity_supply_low"]) | int(row["liquidity_supply_high"]) << 64
        return Amounts(int(row["reserve_x"]), int(row["reserve_y"])), supply

    def set_bin(self, bin_id: int, reserves: Amounts, supply: int) -> None:
        row = self._bin(bin_id)
        row["reserve_x"], row["reserve_y"] = reserves.x, reserves.y
        row["liquidity_supply_low"], row["liquidity_supply_high"] = supply & _LOW, supply >> 64

    def share(self, bin_id: int) -> int:
        low, high = self._position[0]["liquidity_shares"][bin_id - self.lower_bin_id]
        return int(low) | int(high) << 64

    def add_share(self, bin_id: int, share: int) -> None:
        held = self.share(bin_id) + share
        self._position[0]["liquidity_shares"][bin_id - self.lower_bin_id] = (held & _LOW, held >> 64)

    def add_protocol_fee(self, fee: Amounts) -> None:
        self._pair["protocol_fee_x"] += np.uint64(fee.x)
        self._pair["protocol_fee_y"] += np.uint64(fee.y)

    def after(self) -> LiquidityState:
        arrays = {index: array.tobytes() for index, array in self._arrays.items()}
        return LiquidityState(self._pair.tobytes(), self._position.tobytes(), arrays)

    def _bin(self, bin_id: int) -> np.void:
        return bin_row(self._arrays, bin_id, BINS_PER_ARRAY)
