"""Straight pieces whose best size can be told by hand."""

import numpy as np
import pytest

from dlmm.route_search import NEAR, find_near, find_tops

NO_FEES = np.zeros((2, 4))


def curves(*points: tuple[tuple[float, float], ...]) -> tuple[np.ndarray, np.ndarray]:
    made = np.zeros((len(points), 2, 8))
    for leg, edges in enumerate(points):
        made[leg, :, 1 : len(edges) + 1] = np.array(edges).T
    return made, np.array([len(edges) for edges in points])


def tops(points: tuple[tuple[tuple[float, float], ...], ...], cap: float, fees: np.ndarray = NO_FEES) -> list[float]:
    made, counts = curves(*points)
    room = np.empty(int(counts.sum()) + 1)
    return sorted(room[: find_tops(made, counts, fees, cap, room)].tolist())


# One unit buys 2 up to 1,000, then 1.5; what was bought sells at 0.6 up to 3,000, then at 0.4.
CHEAP = ((1_000.0, 2_000.0), (3_000.0, 5_000.0))
DEAR = ((2_600.0, 1_560.0), (9_000.0, 4_120.0))


def test_the_top_is_where_one_more_unit_earns_no_more() -> None:
    # 2 x 0.6 earns, 1.5 x 0.6 loses.
    assert tops((CHEAP, DEAR), 1e9) == [1_000.0]


def test_the_top_may_be_an_edge_of_the_second_swap() -> None:
    # 1.8 x 0.6 earns beyond the first bin; 1.8 x 0.4 does not.
    (top,) = tops((((1_000.0, 2_000.0), (3_000.0, 5_600.0)), DEAR), 1e9)
    assert top == pytest.approx(1_000.0 + 600.0 / 1.8)


def test_a_cap_below_the_top_is_the_top() -> None:
    assert tops((CHEAP, DEAR), 700.0) == [700.0]


def test_a_round_that_loses_by_more_than_rounding_has_no_top() -> None:
    assert tops((((1_000.0, 900.0),), ((1_000.0, 1_000.0),)), 1e9) == []


def test_sizes_that_rounding_may_bring_together_are_all_named() -> None:
    level = ((1_000.0, 1_100.0), (2_000.0, 2_101.0)), ((5_000.0, 5_000.0),)
    assert tops(level, 1e9) == [1_000.0, 2_000.0]


def test_a_transfer_fee_counts_and_its_maximum_ends_it() -> None:
    free = (((10_000.0, 11_000.0),), ((20_000.0, 20_000.0),))
    assert tops(free, 1e9) == [10_000.0]
    dear, capped = np.zeros((2, 4)), np.zeros((2, 4))
    dear[0, :2] = 1_000.0, 1e9  # a tenth of what goes in
    capped[0, :2] = 1_000.0, 100.0
    assert tops(free, 1e9, dear) == []
    assert tops(free, 1e9, capped) == [10_100.0]


def test_an_empty_swap_ends_the_search() -> None:
    assert tops(((), DEAR), 1e9) == []


def test_neighbours_lie_around_the_size_and_around_what_coarse_swaps_bring() -> None:
    coarse = ((100_000.0, 100.0),), ((1_000.0, 200_000.0),)
    made, counts = curves(*coarse)
    room = np.empty(4 * (2 * NEAR + 1) * 3, np.uint64)
    near = set(room[: find_near(made, counts, NO_FEES, np.uint64(10**6), np.uint64(50_000), room)].tolist())
    assert set(range(50_000 - NEAR, 50_000 + NEAR + 1)) <= near
    # A unit that the first swap brings costs 1,000: the sizes that buy some more or less of them.
    assert {50_000 + 1_000 * step for step in range(-NEAR, NEAR + 1)} <= near


def test_no_neighbour_is_beyond_the_cap_or_nothing() -> None:
    made, counts = curves(*(CHEAP, DEAR))
    room = np.empty(4 * (2 * NEAR + 1) * 3, np.uint64)
    near = room[: find_near(made, counts, NO_FEES, np.uint64(8), np.uint64(4), room)]
    assert set(near.tolist()) == set(range(1, 9))


def test_sizes_beyond_what_floats_can_count_have_neighbours_that_floats_tell_apart() -> None:
    size = 1 << 60
    made, counts = curves(((float(size), float(size)),), ((float(size), float(size) * 1.1),))
    room = np.empty(4 * (2 * NEAR + 1) * 3, np.uint64)
    near = set(room[: find_near(made, counts, NO_FEES, np.uint64(2**64 - 1), np.uint64(size), room)].tolist())
    assert {size - 512, size - 2_048, size - 8_192, size - NEAR, size + NEAR} <= near
