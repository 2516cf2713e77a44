"""The next array is the next one whose bit is set, in the pair or in the extension."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from dlmm.meteora.bitmap import EXTENSION_RANGE, clear_bit, next_array, swap_path
from dlmm.meteora.failures import EXTENSION_NOT_PROVIDED, NO_ARRAY_WITH_LIQUIDITY
from dlmm.meteora.layout import BITMAP_EXTENSION, LB_PAIR

NONE = np.empty(0, BITMAP_EXTENSION)
indices = st.one_of(st.integers(-600, 600), st.integers(-EXTENSION_RANGE, EXTENSION_RANGE - 1))


def bitmaps(flagged: set[int], *, active_id: int = 0) -> tuple[NDArray[np.void], NDArray[np.void]]:
    """Set bits by the layout's own words: whole 1024 or 512 bit numbers."""
    pair, extension = np.zeros(1, LB_PAIR), np.zeros(1, BITMAP_EXTENSION)
    pair[0]["active_id"] = active_id
    inner = sum(1 << (index + 512) for index in flagged if -512 <= index < 512)
    pair[0]["bitmap"] = np.frombuffer(inner.to_bytes(128, "little"), np.uint64)
    for side, sign in (("positive", 1), ("negative", -1)):
        offsets = [index if sign > 0 else -(index + 1) for index in flagged if (index >= 0) == (sign > 0)]
        for row in range(12):
            bits = sum(1 << (offset % 512) for offset in offsets if offset // 512 - 1 == row)
            extension[0][side][row] = np.frombuffer(bits.to_bytes(64, "little"), np.uint64)
    return pair, extension


@given(st.sets(indices, max_size=8), indices, st.sampled_from([-1, 1]))
def test_the_next_array_is_the_nearest_flagged_one(flagged: set[int], start: int, step: int) -> None:
    pair, extension = bitmaps(flagged)
    ahead = [index for index in flagged if (index - start) * step >= 0]
    index, error = next_array(pair, extension, start, step)
    if ahead:
        assert (index, error) == (min(ahead, key=lambda found: abs(found - start)), 0)
    else:
        assert error == NO_ARRAY_WITH_LIQUIDITY


@pytest.mark.parametrize(("start", "step"), [(0, 1), (0, -1), (512, 1), (-513, -1)])
def test_beyond_the_pairs_own_bits_the_extension_is_needed(start: int, step: int) -> None:
    pair, _ = bitmaps(set())
    assert next_array(pair, NONE, start, step)[1] == EXTENSION_NOT_PROVIDED


@given(st.sets(indices, min_size=1, max_size=8))
def test_a_cleared_bit_is_not_found_again(flagged: set[int]) -> None:
    pair, extension = bitmaps(flagged)
    gone = min(flagged)
    clear_bit(pair, extension, gone)
    want = bitmaps(flagged - {gone})
    assert (pair.tobytes(), extension.tobytes()) == (want[0].tobytes(), want[1].tobytes())


def test_a_path_lists_flagged_arrays_in_walking_order() -> None:
    pair, extension = bitmaps({-3, -1, 0, 2, 700}, active_id=5)
    assert swap_path(pair, extension, swap_for_y=True, count=9) == (0, -1, -3)
    assert swap_path(pair, extension, swap_for_y=False, count=9) == (0, 2, 700)
    assert swap_path(pair, NONE, swap_for_y=False, count=9) == (0, 2)
    assert swap_path(pair, extension, swap_for_y=False, count=1) == (0,)
