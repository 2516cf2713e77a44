"""Copies of account arrays are whole, writable, and nobody else's."""

import numpy as np
import pytest

from dlmm.account_bytes import copied, sorted_arrays
from dlmm.errors import AccountError
from dlmm.meteora.layout import BIN_ARRAY
from tests.golden_pools import meteora_pools


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_copy_is_equal_and_apart(count: int) -> None:
    arrays = meteora_pools()[0].arrays[:1].repeat(count)
    copy = copied(arrays)
    assert (copy.dtype, copy.shape, copy.tobytes()) == (arrays.dtype, arrays.shape, arrays.tobytes())
    if count:
        copy["index"] += 1
        assert (copy["index"] == arrays["index"] + 1).all()


def array(index: int) -> np.ndarray[tuple[int], np.dtype[np.void]]:
    made = np.zeros(1, BIN_ARRAY)
    made["index"] = index
    return made


def test_arrays_come_in_the_order_of_their_indices() -> None:
    arrays, addresses = sorted_arrays([("b", array(2)), ("c", array(-7)), ("a", array(0))], BIN_ARRAY)
    assert (arrays["index"].tolist(), addresses) == ([-7, 0, 2], ("c", "a", "b"))
    arrays["index"] = 5
    nothing, no_addresses = sorted_arrays([], BIN_ARRAY)
    assert (nothing.dtype, nothing.shape, no_addresses) == (BIN_ARRAY, (0,), ())


def test_an_index_that_is_there_twice_is_refused() -> None:
    with pytest.raises(AccountError, match="bin array 3 is there twice"):
        sorted_arrays([("a", array(3)), ("b", array(1)), ("c", array(3))], BIN_ARRAY)
