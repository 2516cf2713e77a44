"""A pool's book flags its arrays, and asks for the bitmap extension only where a bit of it changes."""

import numpy as np
import pytest

from dlmm.errors import AccountError, RangeError
from dlmm.liquidity import Amounts, LiquidityState
from dlmm.meteora.book import Book
from dlmm.meteora.layout import (
    BINS_PER_ARRAY,
    BITMAP_EXTENSION,
    EXTENSION_DISCRIMINATOR,
    LB_PAIR,
    LB_PAIR_DISCRIMINATOR,
)
from dlmm.meteora.positions import new_bin_array, new_position

FAR = 600


def state(*, extension: bool) -> LiquidityState:
    pair = np.zeros(1, LB_PAIR)
    pair["discriminator"] = np.frombuffer(LB_PAIR_DISCRIMINATOR, np.uint8)
    position = new_position(lb_pair=bytes(32), owner=bytes(32), lower_bin_id=FAR * BINS_PER_ARRAY, width=3, time=0)
    assert isinstance(position, bytes)
    return LiquidityState(
        pair.tobytes(),
        position,
        {FAR: new_bin_array(lb_pair=bytes(32), index=FAR, bin_step=1)},
        EXTENSION_DISCRIMINATOR + bytes(BITMAP_EXTENSION.itemsize - 8) if extension else None,
    )


def test_the_extension_is_wanted_only_where_its_bit_changes() -> None:
    first = FAR * BINS_PER_ARRAY
    filling = Book(state(extension=True))
    filling.set_bin(first, Amounts(5, 0), 1)
    filled = filling.after()
    assert filled.bitmap_extension is not None
    assert np.frombuffer(filled.bitmap_extension, BITMAP_EXTENSION)["positive"].any()
    again = Book(LiquidityState(filled.pair, filled.position, filled.bin_arrays))
    again.set_bin(first + 1, Amounts(7, 0), 1)
    assert again.bin(first + 1) == (Amounts(7, 0), 1)
    again.set_bin(first + 1, Amounts(0, 0), 0)
    with pytest.raises(AccountError, match="bitmap_extension"):
        again.set_bin(first, Amounts(0, 0), 0)
    with pytest.raises(AccountError, match="bitmap_extension"):
        Book(state(extension=False)).set_bin(first, Amounts(5, 0), 1)


def test_a_slot_past_the_last_bin_can_be_settled_but_is_not_the_positions() -> None:
    book, first = Book(state(extension=False)), FAR * BINS_PER_ARRAY
    assert [book.has_slot(first + place) for place in (-1, 0, 69, 70)] == [False, True, True, False]
    assert not book.has_position_bin(first + 3)
    book.settle_slot(first + 3)
    with pytest.raises(RangeError, match="not of the position"):
        book.settle(first + 3)
    with pytest.raises(RangeError, match="no slot"):
        book.share(first + 70)
