"""Copies of account arrays are whole, writable, and nobody else's."""

import numpy as np
import pytest

from dlmm.struct_arrays import copied, spanned
from tests.golden_pools import meteora_pools


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_copy_is_equal_and_apart(count: int) -> None:
    arrays = meteora_pools()[0].arrays[:1].repeat(count)
    copy = copied(arrays)
    assert (copy.dtype, copy.shape, copy.tobytes()) == (arrays.dtype, arrays.shape, arrays.tobytes())
    if count:
        copy["index"] += 1
        assert (copy["index"] == arrays["index"] + 1).all()


@pytest.mark.parametrize(
    ("cuts", "is_shared"),
    [
        (((0, 3), (3, 8), (8, 10)), True),
        (((2, 3), (3, 8)), True),
        (((0, 3), (4, 8)), False),  # a record between them was dropped
        (((3, 8), (0, 3)), False),
        (((0, 3), (3, 3), (3, 5)), True),
        (((4, 7),), True),
    ],
)
def test_parts_of_one_array_that_lie_end_to_end_are_not_copied(
    cuts: tuple[tuple[int, int], ...], is_shared: bool
) -> None:
    whole = np.zeros(10, np.dtype([("number", "i8"), ("name", "i2")]))
    whole["number"] = range(10)
    parts = [whole[begin:end] for begin, end in cuts]
    spanning = spanned(parts)
    assert spanning["number"].tolist() == [number for begin, end in cuts for number in range(begin, end)]
    assert np.shares_memory(spanning, whole) == is_shared


def test_parts_of_several_arrays_are_joined() -> None:
    one = np.zeros(2, np.dtype([("number", "i8")]))
    assert len(spanned([one[:1], one.copy()[:1], one[1:]])) == 3
    assert len(spanned([one, one])) == 4
