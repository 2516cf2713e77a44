"""Rows are split, joined and put in order without losing one."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dlmm.struct_arrays import join
from operators.blocks import ROW, order_by_seq, split_by_pool
from tests.operators.markets import cut, market, moves, places


@given(moves(60))
def test_each_pool_gets_its_rows_in_order(made: list[tuple[int, int, int, int]]) -> None:
    rows = market(made)
    parts = split_by_pool(rows, 3)
    assert [pool for pool, _ in parts] == sorted(set(rows["pool"].tolist()))
    for pool, part in parts:
        assert part.tobytes() == rows[rows["pool"] == pool].tobytes()


@given(moves(60), st.integers(1, 10))
def test_joined_and_put_in_order_the_parts_are_the_whole(made: list[tuple[int, int, int, int]], step: int) -> None:
    rows = market(made)
    rows["seq"] *= step
    rows["seq"] -= 30
    together = join([part for _, part in split_by_pool(rows, 2)])
    assert together[order_by_seq(together)].tobytes() == rows.tobytes()


@given(moves(60), places())
def test_what_is_cut_joins_again(made: list[tuple[int, int, int, int]], cuts: list[int]) -> None:
    rows = market(made)
    assert join(cut(rows, cuts)).tobytes() == rows.tobytes()


def test_nothing_splits_and_orders_to_nothing() -> None:
    rows = np.zeros(0, ROW)
    assert split_by_pool(rows, 2) == []
    assert len(order_by_seq(rows)) == 0
    assert len(join([rows, rows])) == 0


def test_sequence_numbers_far_apart_are_sorted_too() -> None:
    rows = np.zeros(3, ROW)
    rows["seq"] = 1 << 62, -(1 << 62), 0
    assert order_by_seq(rows).tolist() == [1, 2, 0]
