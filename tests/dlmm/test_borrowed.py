"""Borrowed arrays are the same memory, and nobody counts references to them."""

import sys

import numpy as np
from numpy.typing import NDArray

from dlmm.borrowed import borrowed
from dlmm.jit import kernel

PAIR = np.dtype([("a", "i8"), ("b", "f8")])

Given = tuple[NDArray[np.int64], tuple[NDArray[np.void], float], int]


@kernel
def _write(numbers: NDArray[np.int64], records: NDArray[np.void], factor: float, shift: int) -> float:
    total = 0.0
    for index in range(len(numbers)):
        numbers[index] += shift
        records[index].b *= factor
        total += records[index].b
    return total


@kernel
def _through(given: Given) -> float:
    numbers, (records, factor), shift = borrowed(given)
    return _write(numbers, records, factor, shift) + _write(borrowed(numbers), borrowed(records), 1.0, 0)


def given(count: int = 3) -> Given:
    records = np.zeros(count, PAIR)
    records["b"] = np.arange(count) + 1.0
    return np.arange(count), (records, 10.0), 5


def test_what_is_written_into_them_is_written_into_the_arrays_themselves() -> None:
    numbers, (records, factor), shift = made = given()
    assert _through(made) == 2 * 60.0
    assert numbers.tolist() == [5, 6, 7]
    assert records["b"].tolist() == [10.0, 20.0, 30.0]
    assert (factor, shift) == (10.0, 5)


def test_the_callers_references_are_as_before() -> None:
    numbers, (records, _), _ = made = given()
    before = sys.getrefcount(numbers), sys.getrefcount(records)
    for _ in range(100):
        _through(made)
    assert (sys.getrefcount(numbers), sys.getrefcount(records)) == before


def test_empty_arrays_are_borrowed_like_others() -> None:
    assert _through(given(0)) == 0.0
