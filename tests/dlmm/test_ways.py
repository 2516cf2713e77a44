"""A way answers what the pool that it goes through would answer, whatever the venue."""

import math
import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlmm.meteora.pool import MeteoraPool
from dlmm.profile import PoolTerms, synthetic_pool
from dlmm.records import ANSWER, MAX_U64, Clock, SwapFailure, SwapQuote, SwapRequest, Venue
from dlmm.saros.layout import MIDDLE_BIN_ID
from dlmm.struct_arrays import copied
from dlmm.swap import Pool, apply, quote, quote_many
from dlmm.ways import (
    log_gain,
    make_swap,
    own_ways,
    put_way,
    reach_of,
    rising,
    swap_many,
    swap_one,
    transfer_fees,
    way_list,
    way_through,
)
from tests.dlmm.test_routes import mint_with_fee, pool_at, ragged_pool

CLOCK = Clock(1, 1_000)


def answer_of(pool: Pool, request: SwapRequest) -> np.void:
    answer = np.zeros(1, ANSWER)
    way = way_through(pool, request.swap_for_y, CLOCK.epoch)
    amount, threshold = np.uint64(request.amount), np.uint64(request.threshold)
    swap_one(way, CLOCK.slot, CLOCK.unix_timestamp, request.exact_in, amount, threshold, answer)
    told: np.void = answer[0]
    return told


@settings(deadline=None, max_examples=300)
@given(st.integers(0, 2**32), st.booleans(), st.booleans(), st.integers(1, 10**6), st.floats(0.5, 1.5))
def test_one_swap_is_what_the_pool_quotes(
    seed: int, exact_in: bool, swap_for_y: bool, amount: int, strictness: float
) -> None:
    pool = ragged_pool(random.Random(seed), 0, 10_000)
    free = quote(pool, SwapRequest(exact_in, amount, swap_for_y, 0 if exact_in else MAX_U64), CLOCK)
    other = 1 if isinstance(free, SwapFailure) else free.amount_out if exact_in else free.amount_in
    request = SwapRequest(exact_in, amount, swap_for_y, int(other * strictness))
    expected, told = quote(pool, request, CLOCK), answer_of(pool, request)
    assert bool(told["is_filled"]) == (not isinstance(expected, SwapFailure))
    for field in (ANSWER.names or ())[1:] if not isinstance(expected, SwapFailure) else ():
        assert told[field] == getattr(expected, field), field


@settings(deadline=None, max_examples=100)
@given(st.integers(0, 2**32), st.booleans(), st.lists(st.integers(1, 10**6), min_size=1, max_size=20))
def test_many_swaps_are_what_the_pool_quotes(seed: int, swap_for_y: bool, sizes: list[int]) -> None:
    pool, amounts = ragged_pool(random.Random(seed), 0, 10_000), np.array(sizes, np.uint64)
    expected = quote_many(pool, amounts, exact_in=True, swap_for_y=swap_for_y, clock=CLOCK)
    bought, units = np.zeros(len(sizes), np.uint64), np.zeros(len(sizes), np.int64)
    way = way_through(pool, swap_for_y, CLOCK.epoch)
    swap_many(way, CLOCK.slot, CLOCK.unix_timestamp, amounts, rising(amounts), bought, units)
    assert bought.tolist() == np.where(expected["error"] == 0, expected["amount_out"], 0).tolist()


@pytest.mark.parametrize("venue", tuple(Venue))
def test_more_than_63_bits_can_count_is_not_filled(venue: Venue) -> None:
    pool = pool_at(venue, 0, 71 * 2**60)
    request = SwapRequest(True, 1 << 63, True, 0)
    assert not isinstance(quote(pool, request, CLOCK), SwapFailure)
    assert not answer_of(pool, request)["is_filled"]


@pytest.mark.parametrize("venue", tuple(Venue))
@pytest.mark.parametrize("swap_for_y", [False, True])
def test_no_swap_gains_more_than_the_way_promises(venue: Venue, swap_for_y: bool) -> None:
    terms = PoolTerms(venue, 25, 2_000, variable_fee_control=50_000, max_volatility_accumulator=500_000)
    pool = synthetic_pool(terms, 300 + (MIDDLE_BIN_ID if venue is Venue.SAROS else 0), 71 * 10**12)
    gain = log_gain(way_through(pool, swap_for_y, 0))
    gains = []
    for amount in (10**6, 10**9, 10**12):
        done = quote(pool, SwapRequest(True, amount, swap_for_y, 0), CLOCK)
        assert isinstance(done, SwapQuote)
        gains.append(math.log(done.amount_out / done.amount_in))
    assert max(gains) <= gain + 1e-9
    assert gains[-1] < gain - 1e-4  # the largest went through several bins


def test_the_reach_ends_one_bin_beyond_what_eats_up_a_gain() -> None:
    way = way_through(pool_at(Venue.METEORA, 0, bin_step=100), True, 0)
    assert reach_of(way, math.log(1.01) * 3.5, 500) == 5
    assert reach_of(way, math.log(1.01) * 3.5, 4) == 4


@pytest.mark.parametrize("venue", tuple(Venue))
def test_transfer_fees_stand_in_the_order_of_the_swap(venue: Venue) -> None:
    pool = pool_at(venue, 0)
    fees = np.zeros(4)
    with_fee = replace(pool, mint_x=mint_with_fee(pool.mint_x, 30, 7))
    transfer_fees(way_through(with_fee, True, 0), fees)
    assert fees.tolist() == [30.0, 7.0, 0.0, 0.0]
    transfer_fees(way_through(with_fee, False, 0), fees)
    assert fees.tolist() == [0.0, 0.0, 30.0, 7.0]


def test_a_way_is_made_once() -> None:
    pool = pool_at(Venue.METEORA, 0)
    assert isinstance(pool, MeteoraPool)
    assert way_through(pool, True, 0) is way_through(pool, True, 0)
    assert way_through(pool, True, 0) is not way_through(pool, False, 0)


@given(st.lists(st.integers(0, 9)))
def test_rising_places_are_those_of_a_stable_sort(amounts: list[int]) -> None:
    given_ = np.array(amounts, np.uint64)
    assert rising(given_).tolist() == np.argsort(given_, kind="stable").tolist()


def made_on(pool: Pool, request: SwapRequest) -> tuple[Pool, bool]:
    """Write a swap into a pool of one's own, and return it as a pool with its vaults."""
    own = replace(pool, pair=copied(pool.pair), arrays=copied(pool.arrays))
    y_in, x_in = own_ways(own, CLOCK.epoch)
    way, back = (x_in, y_in) if request.swap_for_y else (y_in, x_in)
    serves = make_swap(way, back, CLOCK.slot, CLOCK.unix_timestamp, request.exact_in, np.uint64(request.amount))
    if isinstance(own, MeteoraPool):
        x, y = (int(way.meteora.terms["vault_out"][0]) for way in (y_in, x_in))
        assert [int(way.meteora.terms["vault_out"][1]) for way in (y_in, x_in)] == [x, y]
        own = replace(own, vault_x=x, vault_y=y)
    return own, serves


@settings(deadline=None, max_examples=200)
@given(st.integers(0, 2**32), st.booleans(), st.booleans(), st.integers(1, 10**6), st.booleans())
def test_a_swap_that_is_made_leaves_the_pool_as_apply_does(
    seed: int, exact_in: bool, swap_for_y: bool, amount: int, has_vaults: bool
) -> None:
    pool = ragged_pool(random.Random(seed), 0, 10_000)
    if isinstance(pool, MeteoraPool) and has_vaults:
        pool = replace(pool, vault_x=10**12, vault_y=10**13)
    request = SwapRequest(exact_in, amount, swap_for_y, 0 if exact_in else MAX_U64)
    applied = apply(pool, request, CLOCK)
    if isinstance(applied, SwapFailure):
        return
    before = pool.pair.tobytes(), pool.arrays.tobytes()
    made, _ = made_on(pool, request)
    expected = applied[1]
    assert (made.pair.tobytes(), made.arrays.tobytes()) == (expected.pair.tobytes(), expected.arrays.tobytes())
    if isinstance(made, MeteoraPool) and isinstance(expected, MeteoraPool):
        assert (made.vault_x, made.vault_y) == (expected.vault_x, expected.vault_y)
    assert (pool.pair.tobytes(), pool.arrays.tobytes()) == before


@pytest.mark.parametrize(("away", "serves"), [(60, True), (10, False)])
def test_ways_through_a_saros_pool_end_where_another_block_of_bins_begins(away: int, serves: bool) -> None:
    last_of_block = MIDDLE_BIN_ID + 255
    terms = PoolTerms(Venue.SAROS, 10, 1_000)
    pool = synthetic_pool(terms, last_of_block - away, 71 * 10**9, 35)
    made, still = made_on(pool, SwapRequest(True, 25 * 10**9, False, 0))
    assert still is serves
    assert (made.active_id > last_of_block) is not serves


def test_a_list_of_ways_costs_kernels_the_same_however_long_it_is_and_holds_what_was_put() -> None:
    meteora, saros = (way_through(pool_at(venue, 3, bin_step=10), True, 0) for venue in Venue)
    ways = way_list(meteora, 5)
    put_way(ways, 3, saros)
    assert [bool(way.is_meteora) for way in ways] == [True, True, True, False, True]
