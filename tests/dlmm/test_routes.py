"""The size of a round is the best there is, up to the rounding of its swaps, whatever the venues, fees and mints."""

import random
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dlmm.errors import RangeError
from dlmm.meteora.pool import MeteoraPool
from dlmm.profile import DEFAULT_HALF_WIDTH, PoolTerms, synthetic_pool
from dlmm.records import MAX_U64, Clock, SwapQuote, Venue
from dlmm.routes import Leg, best_route
from dlmm.saros.layout import MIDDLE_BIN_ID
from dlmm.swap import Pool, quote_exact_in, quote_exact_out, quote_many
from dlmm.tokens import TOKEN_2022_PROGRAM, Mint, TransferFee

CLOCK = Clock(1, 1_000)
SMALL = 20_000
PAIRS = ((True, False), (False, True))
TRIANGLES = ((True, True, False), (False, True, False), (True, False, True), (False, False, True))


def pool_at(
    venue: Venue,
    bin_id: int,
    value_y: int = 10**12,
    *,
    bin_step: int = 10,
    base_factor: int = 10,
    half_width: int = DEFAULT_HALF_WIDTH,
) -> Pool:
    terms = PoolTerms(venue, bin_step, base_factor, mint_x="X", mint_y="Y")
    return synthetic_pool(terms, bin_id + (MIDDLE_BIN_ID if venue is Venue.SAROS else 0), value_y, half_width)


def profits(legs: tuple[Leg, ...], sizes: NDArray[np.uint64]) -> NDArray[np.int64]:
    amounts = sizes
    for pool, swap_for_y in legs:
        amounts = quote_many(pool, amounts, exact_in=True, swap_for_y=swap_for_y, clock=CLOCK)["amount_out"]
    return amounts.astype(np.int64) - sizes.astype(np.int64)


def margin(legs: tuple[Leg, ...], size: int) -> int:
    """Return two raw units of each token of a round of this size, in units of the token it begins with."""
    units, amount = 1, size
    for pool, swap_for_y in legs[:-1]:
        answer = quote_exact_in(pool, amount, swap_for_y=swap_for_y, clock=CLOCK)
        if not isinstance(answer, SwapQuote) or not answer.amount_out:
            return 2 * units
        amount = answer.amount_out
        units += -(-size // amount)
    return 2 * units


def mint_with_fee(mint: Mint, basis_points: int, maximum: int) -> Mint:
    fee = TransferFee(0, maximum, basis_points)
    return msgspec.structs.replace(mint, older_fee=fee, newer_fee=fee, program=TOKEN_2022_PROGRAM)


def ragged_pool(draw: random.Random, shift: int, value: int) -> Pool:
    """Make a pool of any venue, step, fee, volatility and kind of mints, with bins of different contents."""
    venue = draw.choice(tuple(Venue))
    active = shift + draw.randint(-12, 12)
    terms = PoolTerms(
        venue,
        draw.choice((1, 10, 25, 100)),
        draw.choice((0, 10, 100, 2_000)),
        filter_period=30,
        decay_period=600,
        reduction_factor=5_000,
        variable_fee_control=draw.choice((0, 10_000, 100_000)),
        max_volatility_accumulator=draw.choice((100_000, 500_000)),
    )
    pool = synthetic_pool(terms, active + (MIDDLE_BIN_ID if venue is Venue.SAROS else 0), 71 * value)
    if isinstance(pool, MeteoraPool):
        pool.pair["collect_fee_mode"] = draw.choice((0, 0, 1))
    if draw.random() < 0.4:
        pool.pair["volatility_accumulator"] = draw.choice((0, 50_000, 200_000))
        pool.pair["volatility_reference"] = draw.choice((0, 50_000))
        pool.pair["index_reference"] = int(pool.pair["active_id"][0]) + draw.choice((-8, 0, 8))
        pool.pair["last_update_timestamp"] = CLOCK.unix_timestamp - 10
    for name in ("amount_x", "amount_y") if isinstance(pool, MeteoraPool) else ("reserve_x", "reserve_y"):
        held = pool.arrays["bins"][name]
        parts = np.array([draw.choice((0.0, 1.0, 1.0, 2.0, 0.3)) for _ in range(held.size)])
        pool.arrays["bins"][name] = (held * parts.reshape(held.shape)).astype(np.uint64)
    mints = [
        mint_with_fee(mint, draw.choice((1, 30, 100)), draw.choice((3, 10**9))) if draw.random() < 0.2 else mint
        for mint in (pool.mint_x, pool.mint_y)
    ]
    return replace(pool, mint_x=mints[0], mint_y=mints[1])


def any_round(draw: random.Random, value: int) -> tuple[Leg, ...]:
    directions = draw.choice(PAIRS + TRIANGLES)
    shift = draw.choice((0, 0, 150, -150))
    return tuple((ragged_pool(draw, shift if k < 2 else 0, value), to_y) for k, to_y in enumerate(directions))


@settings(deadline=None, max_examples=150)
@given(st.integers(0, 2**32), st.sampled_from((3, 20, 100, 1_000)))
def test_no_size_earns_more_than_the_best_beyond_rounding(seed: int, value: int) -> None:
    legs = any_round(random.Random(seed), value)
    best = best_route(legs, CLOCK, cap_in=SMALL)
    every = profits(legs, np.arange(1, SMALL + 1, dtype=np.uint64))
    top = int(every.argmax())
    if best is None:
        assert every[top] <= margin(legs, top + 1)
    else:
        assert every[best.amount_in - 1] == best.profit > 0
        assert best.profit >= every[top] - margin(legs, top + 1)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32), st.sampled_from((10**7, 10**10, 10**13)))
def test_no_sampled_size_earns_more_in_deep_pools(seed: int, value: int) -> None:
    legs = any_round(random.Random(seed), value)
    cap = value * 71
    best = best_route(legs, CLOCK, cap_in=cap)
    sizes = np.unique(np.concatenate((np.linspace(1, cap, 20_000), np.geomspace(1, cap, 20_000)))).astype(np.uint64)
    if best is not None:
        near = np.geomspace(max(best.amount_in * 0.9, 1), best.amount_in * 1.1, 20_000).astype(np.uint64)
        sizes = np.concatenate((sizes, near[near <= cap]))
    sampled = profits(legs, sizes)
    top = int(sampled.argmax())
    assert (best.profit if best is not None else 0) >= sampled[top] - margin(legs, int(sizes[top]))


@pytest.mark.parametrize("cheap", tuple(Venue))
@pytest.mark.parametrize("dear", tuple(Venue))
@pytest.mark.parametrize("begins_with_x", [False, True])
def test_buying_cheap_and_selling_dear_earns(cheap: Venue, dear: Venue, begins_with_x: bool) -> None:
    buy, sell = (pool_at(cheap, 0), False), (pool_at(dear, 8), True)
    legs = (sell, buy) if begins_with_x else (buy, sell)
    best = best_route(legs, CLOCK, cap_in=MAX_U64)
    assert best is not None
    assert best.profit > 0
    assert best_route(tuple((pool, not to_y) for pool, to_y in legs), CLOCK, cap_in=MAX_U64) is None


def test_each_leg_takes_exactly_what_the_one_before_it_gave() -> None:
    legs = ((pool_at(Venue.METEORA, 0), True), (pool_at(Venue.SAROS, 3), False), (pool_at(Venue.METEORA, 9), True))
    best = best_route(legs, CLOCK, cap_in=MAX_U64)
    assert best is not None
    amount = best.amount_in
    for (pool, to_y), done in zip(legs, best.legs, strict=True):
        exact = quote_exact_in(pool, amount, swap_for_y=to_y, clock=CLOCK)
        assert isinstance(exact, SwapQuote)
        assert (done.amount_in, done.amount_out, done.compute_units) == (amount, exact.amount_out, exact.compute_units)
        amount = done.amount_out
    assert best.amount_out == amount
    assert best.profit == amount - best.amount_in


def test_the_cap_is_kept_and_used_up_where_more_would_earn_more() -> None:
    legs = ((pool_at(Venue.METEORA, 0), False), (pool_at(Venue.SAROS, 8), True))
    free = best_route(legs, CLOCK, cap_in=MAX_U64)
    assert free is not None
    capped = best_route(legs, CLOCK, cap_in=free.amount_in // 3)
    assert capped is not None
    # What the cap leaves may buy a last raw unit less than it pays for.
    assert free.amount_in // 3 - 12 <= capped.amount_in <= free.amount_in // 3
    assert capped.profit < free.profit


@pytest.mark.parametrize("cap_in", [0, -1])
def test_nothing_is_done_with_nothing(cap_in: int) -> None:
    legs = ((pool_at(Venue.METEORA, 0), False), (pool_at(Venue.SAROS, 8), True))
    assert best_route(legs, CLOCK, cap_in=cap_in) is None


def test_a_gap_within_the_fees_earns_nothing() -> None:
    legs = ((pool_at(Venue.METEORA, 0, base_factor=10_000), False), (pool_at(Venue.SAROS, 1, base_factor=10_000), True))
    assert best_route(legs, CLOCK, cap_in=MAX_U64) is None


@pytest.mark.parametrize("venue", tuple(Venue))
def test_an_empty_pool_earns_nothing(venue: Venue) -> None:
    legs = ((pool_at(venue, 0, 0), False), (pool_at(Venue.SAROS, 8), True))
    assert best_route(legs, CLOCK, cap_in=MAX_U64) is None


def test_a_falling_fee_is_followed_beyond_sizes_that_lose() -> None:
    """Where the walk comes back to the bin that volatility is measured from, its fee falls by more than a bin's price.

    The first bins cost more than they bring there, and those behind them pay for it.
    """
    terms = PoolTerms(
        Venue.METEORA, 10, 10, variable_fee_control=5_000_000, max_volatility_accumulator=500_000, filter_period=30
    )
    pool = synthetic_pool(terms, 0, 10**12)
    assert isinstance(pool, MeteoraPool)
    pool.pair["volatility_accumulator"] = 80_000
    pool.pair["index_reference"] = 8
    pool.pair["last_update_timestamp"] = CLOCK.unix_timestamp
    legs = ((pool, False), (pool_at(Venue.SAROS, 15, 10**13), True))
    first = pool.arrays["bins"]["amount_x"].ravel()
    assert profits(legs, np.array([int(first.max()) // 4], np.uint64))[0] < 0
    best = best_route(legs, CLOCK, cap_in=MAX_U64)
    assert best is not None
    opening = quote_exact_in(pool, best.amount_in, swap_for_y=False, clock=CLOCK)
    assert isinstance(opening, SwapQuote)
    assert opening.end_bin >= 7


@pytest.mark.parametrize("venue", tuple(Venue))
def test_the_first_swap_is_asked_for_exactly_what_it_gives_as_well(venue: Venue) -> None:
    legs = ((pool_at(venue, 0), False), (pool_at(Venue.SAROS, 8), True))
    best = best_route(legs, CLOCK, cap_in=MAX_U64)
    assert best is not None
    assert best.exact_out is not None
    exact = quote_exact_out(legs[0][0], best.legs[0].amount_out, swap_for_y=False, clock=CLOCK)
    assert isinstance(exact, SwapQuote)
    assert best.exact_out.amount_in == exact.amount_in <= best.amount_in
    assert best.exact_out.amount_out == exact.amount_out == best.legs[0].amount_out
    assert best.exact_out.compute_units == exact.compute_units


def test_one_swap_or_four_are_no_round() -> None:
    leg = (pool_at(Venue.METEORA, 0), True)
    for legs in ((), (leg,), (leg, leg, leg, leg)):
        with pytest.raises(RangeError, match="a round has 2 or 3 swaps"):
            best_route(legs, CLOCK, cap_in=1)


def test_one_pool_twice_is_no_round() -> None:
    pool = pool_at(Venue.METEORA, 0)
    with pytest.raises(RangeError, match="the same pool"):
        best_route(((pool, True), (pool, False)), CLOCK, cap_in=1)


def test_a_round_too_long_for_one_transaction_is_made_as_short_as_it_must_be() -> None:
    pools = (pool_at(Venue.METEORA, 0, 10**13, half_width=127), pool_at(Venue.METEORA, 330, 10**13, half_width=127))
    legs = ((pools[0], False), (pool_at(Venue.METEORA, 0, 10**15, half_width=127), False), (pools[1], True))
    best = best_route(legs, CLOCK, cap_in=MAX_U64)
    assert best is not None
    assert 1_300_000 < sum(leg.compute_units for leg in best.legs) <= 1_400_000


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32))
def test_amounts_near_the_end_of_64_bits_find_a_size_as_well(seed: int) -> None:
    legs = any_round(random.Random(seed), 2 * 10**16)
    best = best_route(legs, CLOCK, cap_in=MAX_U64)
    sizes = np.geomspace(1.0, 2.0**63, 500).astype(np.uint64)
    amounts = sizes
    for pool, swap_for_y in legs:
        amounts = quote_many(pool, amounts, exact_in=True, swap_for_y=swap_for_y, clock=CLOCK)["amount_out"]
    top = int(np.where(amounts > sizes, amounts - sizes, np.uint64(0)).max())
    assert (best.profit if best is not None else 0) >= top * (1.0 - 1e-9) - 1_000
