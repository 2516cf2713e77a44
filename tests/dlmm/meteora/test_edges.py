"""The curve that a size is sought on goes through what exact swaps pay and get at the end of each bin."""

import numpy as np
import pytest

from dlmm.meteora.pool import MeteoraPool
from dlmm.meteora.swap import quote
from dlmm.meteora.way import drain, way_through
from dlmm.profile import PoolTerms, synthetic_pool
from dlmm.records import MAX_U64, Clock, SwapQuote, SwapRequest, Venue

CLOCK = Clock(1, 1_000)
TERMS = PoolTerms(Venue.METEORA, 10, 10_000, variable_fee_control=50_000, max_volatility_accumulator=500_000)


@pytest.mark.parametrize("swap_for_y", [False, True])
def test_each_edge_is_what_an_exact_amount_out_costs_there(swap_for_y: bool) -> None:
    pool = synthetic_pool(TERMS, -1_000, 71 * 10**9)
    assert isinstance(pool, MeteoraPool)
    curve = np.zeros((2, 513))
    count = drain(way_through(pool, swap_for_y, 0), CLOCK.slot, CLOCK.unix_timestamp, 12, curve)
    assert count == 13  # the active bin, and those within reach
    for paid, bought in curve[:, 1 : count + 1].T:
        done = quote(pool, SwapRequest(False, int(bought), swap_for_y, MAX_U64), CLOCK)
        assert isinstance(done, SwapQuote)
        assert done.amount_in == int(paid)


def test_the_curve_ends_where_a_swap_cannot_go_on() -> None:
    pool = synthetic_pool(TERMS, -1_000, 71 * 10**9)
    assert isinstance(pool, MeteoraPool)
    curve = np.zeros((2, 513))
    count = drain(way_through(pool, True, 0), CLOCK.slot, CLOCK.unix_timestamp, 511, curve)
    assert count == 36
    most = int(curve[0, count])
    for amount, is_fine in ((most, True), (most + 2, False)):
        done = quote(pool, SwapRequest(True, amount, True, 0), CLOCK)
        assert isinstance(done, SwapQuote) == is_fine


def test_a_curve_has_the_room_that_it_is_given() -> None:
    pool = synthetic_pool(TERMS, -1_000, 71 * 10**9)
    assert isinstance(pool, MeteoraPool)
    curve = np.zeros((2, 4))
    assert drain(way_through(pool, True, 0), CLOCK.slot, CLOCK.unix_timestamp, 511, curve) == 3
    assert (np.diff(curve) > 0.0).all()
