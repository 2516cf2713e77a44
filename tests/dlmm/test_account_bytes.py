"""Bin arrays are put in order, each once."""

import numpy as np
import pytest

from dlmm.account_bytes import sorted_arrays
from dlmm.errors import AccountError
from dlmm.meteora.layout import BIN_ARRAY


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
