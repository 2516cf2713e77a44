"""A walk comes to the arrays that are passed, in the order that they are passed."""

import numpy as np
from numpy.typing import NDArray

from dlmm.meteora.bitmap import next_array
from dlmm.meteora.failures import ARRAY_NOT_INITIALISED, NO_ARRAY_WITH_LIQUIDITY, NOT_ENOUGH_ARRAYS
from dlmm.meteora.layout import BIN_ARRAY, BITMAP_EXTENSION, LB_PAIR
from dlmm.meteora.reach import drop_empty, enter_array, find_array
from dlmm.meteora.terms import TERMS

EXTENSION = np.zeros(1, BITMAP_EXTENSION)


def arrays(*indices: int) -> NDArray[np.void]:
    found = np.zeros(len(indices), BIN_ARRAY)
    found["index"] = indices
    return found


def pair(*flagged: int) -> NDArray[np.void]:
    found = np.zeros(1, LB_PAIR)
    bits = sum(1 << (index + 512) for index in flagged)
    found[0]["bitmap"] = np.frombuffer(bits.to_bytes(128, "little"), np.uint64)
    return found


def enter(passed: list[int] | None, *, start: int = 0, next_passed: int = 0) -> tuple[int, int, int, int]:
    terms = np.zeros(1, TERMS)
    terms["choose_arrays"] = passed is None
    queue = np.array(passed if passed is not None else [0], np.int64)
    return enter_array(pair(-2, 0, 1, 3), arrays(-2, 0, 1), EXTENSION, queue, terms[0], start, next_passed)


def test_an_array_is_found_by_its_index_or_not_at_all() -> None:
    held = arrays(-7, -1, 0, 4)
    assert [find_array(held, index) for index in (-8, -7, -2, -1, 0, 3, 4, 5)] == [-1, 0, -1, 1, 2, -1, 3, -1]
    assert find_array(arrays(), 0) == -1


def test_arrays_that_are_skipped_are_lost() -> None:
    assert enter([-2, 0, 1]) == (1, 0, 2, 0)
    assert enter([1, 0], start=1) == (2, 1, 1, 0)
    assert enter([1, 0], start=1, next_passed=1)[3] == NOT_ENOUGH_ARRAYS


def test_a_missing_array_fails_by_how_it_is_missing() -> None:
    assert enter([]) == (-1, 0, 0, NOT_ENOUGH_ARRAYS)
    assert enter([3, 0])[3] == ARRAY_NOT_INITIALISED
    assert enter(None, start=2)[3] == NOT_ENOUGH_ARRAYS
    assert enter(None, start=4)[3] == NO_ARRAY_WITH_LIQUIDITY


def test_a_client_takes_every_array_at_hand() -> None:
    assert enter(None)[:2] == (1, 0)
    assert enter(None, start=1)[:2] == (2, 1)


def test_only_an_array_without_shares_and_orders_loses_its_bit() -> None:
    for field in ("supply_low", "supply_high", "open_order", "processed_remaining"):
        me, held = pair(0, 1), arrays(0, 1)
        held[1]["bins"][69][field] = 1
        drop_empty(me, held, EXTENSION, 1)
        assert next_array(me, EXTENSION, 1, 1)[0] == 1
        drop_empty(me, held, EXTENSION, 0)
        assert next_array(me, EXTENSION, 0, 1)[0] == 1
