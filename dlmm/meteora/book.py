"""A Meteora pool and one of its positions while an instruction changes them: typed reads and writes over the bytes."""

import numpy as np
from numpy.typing import NDArray

from dlmm.errors import AccountError, RangeError
from dlmm.fees import FEE_PRECISION, accumulate, base_fee_rate, references, variable_fee_rate
from dlmm.liquidity import Amounts, LiquidityState, account_rows, bin_row, claimable_fee
from dlmm.meteora.layout import (
    BIN_ARRAY,
    BIN_ARRAY_DISCRIMINATOR,
    BINS_PER_ARRAY,
    BITMAP_EXTENSION,
    EXTENSION_DISCRIMINATOR,
    LB_PAIR,
    LB_PAIR_DISCRIMINATOR,
    POSITION,
    POSITION_BINS,
    POSITION_DISCRIMINATOR,
    POSITION_EXTENSION_BIN,
)
from dlmm.price import price_x64

FEE_ALWAYS_IN_Y = 1
"""The collect-fee mode in which token X never pays a fee."""

_LOW = (1 << 64) - 1
_MAX_FEE_RATE = FEE_PRECISION // 10
_BITMAP_ARRAYS = 512
_LIQUIDITY = ("supply_low", "supply_high", "open_order", "processed_remaining")


_NO_BINS = np.zeros(0, POSITION_EXTENSION_BIN)


def split_position(data: bytes) -> tuple[NDArray[np.void], NDArray[np.void]]:
    """Copy a position into its row and the rows of its bins past 70, both to be written.

    :raises AccountError: Not a position, or too short for its range of bins.

    """
    head = account_rows("position", data[: POSITION.itemsize], POSITION, POSITION_DISCRIMINATOR)
    rest = bytearray(data[POSITION.itemsize :])
    if len(rest) % POSITION_EXTENSION_BIN.itemsize:
        raise AccountError("position", f"length {len(data)} holds no whole number of bins")
    wide = np.frombuffer(rest, POSITION_EXTENSION_BIN)
    lower, upper = int(head[0]["lower_bin_id"]), int(head[0]["upper_bin_id"])
    if not 0 <= upper - lower < POSITION_BINS + len(wide):
        raise AccountError("position", f"length {len(data)} is not that of bins {lower} to {upper}")
    return head, wide


class Book:
    """The accounts while they change; `after` gives their bytes."""

    def __init__(self, before: LiquidityState) -> None:
        """Copy the accounts, so that the bytes given stay as they are.

        :raises AccountError: An account has another length or discriminator than its type.

        """
        held = before.position
        self._pair = account_rows("lb_pair", before.pair, LB_PAIR, LB_PAIR_DISCRIMINATOR)
        self._position, self._wide = split_position(held) if held else (np.zeros(0, POSITION), _NO_BINS)
        self._arrays = {
            index: account_rows(f"bin_array {index}", data, BIN_ARRAY, BIN_ARRAY_DISCRIMINATOR)
            for index, data in before.bin_arrays.items()
        }
        extension = before.bitmap_extension
        self._extension = (
            None
            if extension is None
            else account_rows("bitmap_extension", extension, BITMAP_EXTENSION, EXTENSION_DISCRIMINATOR)
        )
        # the program needs the extension only where one of its bits changes
        self._unflagged = {
            index: self._is_filled(index)
            for index in self._arrays
            if extension is None and not -_BITMAP_ARRAYS <= index < _BITMAP_ARRAYS
        }
        pair = self._pair[0]
        self.active_id = int(pair["active_id"])
        self.bin_step = int(pair["bin_step"])
        self.protocol_share = int(pair["protocol_share"])
        self.collect_fee_mode = int(pair["collect_fee_mode"])
        if held:
            self.lower_bin_id = int(self._position[0]["lower_bin_id"])
            self.upper_bin_id = int(self._position[0]["upper_bin_id"])

    def after(self) -> LiquidityState:
        """Return the accounts as they are now."""
        return LiquidityState(
            pair=self._pair.tobytes(),
            position=self._position.tobytes() + self._wide.tobytes(),
            bin_arrays={index: array.tobytes() for index, array in self._arrays.items()},
            bitmap_extension=None if self._extension is None else self._extension.tobytes(),
        )

    def fee_rate(self) -> int:
        """Return the total fee rate at the present accumulator, capped as the program caps it."""
        pair = self._pair[0]
        base = base_fee_rate(int(pair["base_factor"]), self.bin_step, int(pair["base_fee_power_factor"]))
        variable = variable_fee_rate(
            int(pair["volatility_accumulator"]), self.bin_step, int(pair["variable_fee_control"])
        )
        return min(int(base) + int(variable), _MAX_FEE_RATE)

    def refresh_volatility(self, time: int) -> None:
        """Fade the references and set the accumulator to the active bin, as a deposit there does."""
        pair = self._pair[0]
        reference, index = references(
            int(pair["volatility_accumulator"]),
            int(pair["volatility_reference"]),
            int(pair["index_reference"]),
            self.active_id,
            time - int(pair["last_update_timestamp"]),
            (int(pair["filter_period"]), int(pair["decay_period"])),
            int(pair["reduction_factor"]),
        )
        maximum = int(pair["max_volatility_accumulator"])
        self._pair["volatility_reference"], self._pair["index_reference"] = reference, index
        self._pair["volatility_accumulator"] = accumulate(reference, index, self.active_id, maximum)

    def add_protocol_fee(self, fee: Amounts) -> None:
        """Credit the protocol."""
        self._pair["protocol_fee_x"] += np.uint64(fee.x)
        self._pair["protocol_fee_y"] += np.uint64(fee.y)

    def price(self, bin_id: int) -> int:
        """Return a bin's price, stored on first use as the program does."""
        row = self.row(bin_id)
        price = _wide(row, "price")
        if price == 0:
            price = price_x64(bin_id, self.bin_step)
            row["price_low"], row["price_high"] = price & _LOW, price >> 64
        return price

    def row(self, bin_id: int) -> np.void:
        """Return a bin for reading and writing."""
        return bin_row(self._arrays, bin_id, BINS_PER_ARRAY)

    def bin(self, bin_id: int) -> tuple[Amounts, int]:
        """Return what liquidity providers have in a bin, and their shares of it."""
        row = self.row(bin_id)
        return Amounts(int(row["amount_x"]), int(row["amount_y"])), _wide(row, "supply")

    def set_bin(self, bin_id: int, reserves: Amounts, supply: int) -> None:
        """Write what liquidity providers have in a bin, and flag its array as filled or empty."""
        row = self.row(bin_id)
        row["amount_x"], row["amount_y"] = reserves.x, reserves.y
        row["supply_low"], row["supply_high"] = supply & _LOW, supply >> 64
        self.flag(bin_id)

    def flag(self, bin_id: int) -> None:
        """Flag the array of a bin as filled or empty in the pool's bitmap.

        :raises AccountError: The bit is the extension's and changes, and the extension was not given.

        """
        index = bin_id // BINS_PER_ARRAY
        filled = self._is_filled(index)
        if self._unflagged.get(index) == filled:
            return
        words, place = self._word(index)
        bit = np.uint64(1 << place % 64)
        words[place // 64] = words[place // 64] | bit if filled else words[place // 64] & ~bit

    def has_position_bin(self, bin_id: int) -> bool:
        """Tell whether a bin belongs to the position and its array was passed."""
        return self.lower_bin_id <= bin_id <= self.upper_bin_id and bin_id // BINS_PER_ARRAY in self._arrays

    def has_slot(self, bin_id: int) -> bool:
        """Tell whether the position's account has room for a bin, be it past its last one, and its array was passed."""
        slots = POSITION_BINS + len(self._wide)
        return 0 <= bin_id - self.lower_bin_id < slots and bin_id // BINS_PER_ARRAY in self._arrays

    def share(self, bin_id: int) -> int:
        """Return the position's share of a bin."""
        row = self._share(bin_id)
        return int(row["low"]) | int(row["high"]) << 64

    def add_share(self, bin_id: int, share: int) -> None:
        """Change the position's share of a bin."""
        held = self.share(bin_id) + share
        row = self._share(bin_id)
        row["low"], row["high"] = held & _LOW, held >> 64

    def settle(self, bin_id: int) -> None:
        """Credit the fees that the position's share of a bin has earned since it last looked.

        :raises RangeError: The bin is not of the position.

        """
        if not self.lower_bin_id <= bin_id <= self.upper_bin_id:
            raise RangeError(f"bin {bin_id} is not of the position, {self.lower_bin_id} to {self.upper_bin_id}")
        self.settle_slot(bin_id)

    def settle_slot(self, bin_id: int) -> None:
        """Do as `settle` does, also past the position's last bin, where a slot has no share and notes the fees only."""
        fee, row, share = self._fee(bin_id), self.row(bin_id), self.share(bin_id)
        for side in ("x", "y"):
            per_share = _wide(row, f"fee_{side}")
            fee[f"{side}_pending"] = claimable_fee(
                share=share,
                per_share=per_share,
                per_share_before=_wide(fee, f"{side}_complete"),
                pending=int(fee[f"{side}_pending"]),
            )
            fee[f"{side}_complete_low"], fee[f"{side}_complete_high"] = per_share & _LOW, per_share >> 64

    def pending(self, bin_id: int) -> Amounts:
        """Return the fees credited to the position in a bin and not yet claimed."""
        fee = self._fee(bin_id)
        return Amounts(int(fee["x_pending"]), int(fee["y_pending"]))

    def take_pending(self, bin_id: int) -> Amounts:
        """Claim the fees credited in a bin."""
        taken, fee = self.pending(bin_id), self._fee(bin_id)
        fee["x_pending"] = fee["y_pending"] = 0
        return taken

    def add_claimed(self, fees: Amounts) -> None:
        """Count fees as claimed."""
        self._position["total_claimed_fee_x"] += np.uint64(fees.x)
        self._position["total_claimed_fee_y"] += np.uint64(fees.y)

    def touch(self, time: int) -> None:
        """Note when the position was last changed."""
        self._position["last_updated_at"] = time

    def _is_filled(self, index: int) -> bool:
        bins = self._arrays[index][0]["bins"]
        return any(bins[name].any() for name in _LIQUIDITY)

    def _word(self, index: int) -> tuple[NDArray[np.uint64], int]:
        if -_BITMAP_ARRAYS <= index < _BITMAP_ARRAYS:
            return self._pair[0]["bitmap"], index + _BITMAP_ARRAYS
        if self._extension is None:
            raise AccountError("bitmap_extension", f"not given, though it flags array {index}")
        if index > 0:
            row, place = divmod(index - _BITMAP_ARRAYS, _BITMAP_ARRAYS)
            return self._extension[0]["positive"][row], place
        row, place = divmod(-index - 1 - _BITMAP_ARRAYS, _BITMAP_ARRAYS)
        return self._extension[0]["negative"][row], place

    def _place(self, bin_id: int) -> int:
        place = bin_id - self.lower_bin_id
        if not 0 <= place < POSITION_BINS + len(self._wide):
            raise RangeError(f"the position has no slot for bin {bin_id}")
        return place

    def _share(self, bin_id: int) -> np.void:
        place = self._place(bin_id)
        is_wide = place >= POSITION_BINS
        row: np.void = self._wide["share"][place - POSITION_BINS] if is_wide else self._position[0]["shares"][place]
        return row

    def _fee(self, bin_id: int) -> np.void:
        place = self._place(bin_id)
        is_wide = place >= POSITION_BINS
        row: np.void = self._wide["fee"][place - POSITION_BINS] if is_wide else self._position[0]["fees"][place]
        return row


def _wide(row: np.void, name: str) -> int:
    return int(row[f"{name}_low"]) | int(row[f"{name}_high"]) << 64
