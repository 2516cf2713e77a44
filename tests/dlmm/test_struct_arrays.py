"""Copies of account arrays are whole, writable, and nobody else's."""

import pytest

from dlmm.struct_arrays import copied
from tests.golden_pools import meteora_pools


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_copy_is_equal_and_apart(count: int) -> None:
    arrays = meteora_pools()[0].arrays[:1].repeat(count)
    copy = copied(arrays)
    assert (copy.dtype, copy.shape, copy.tobytes()) == (arrays.dtype, arrays.shape, arrays.tobytes())
    if count:
        copy["index"] += 1
        assert (copy["index"] == arrays["index"] + 1).all()
