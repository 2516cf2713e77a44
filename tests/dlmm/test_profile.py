"""The synthetic profile: flat in value, symmetric, and a pool like any other to quotes and swaps."""

import numpy as np
import pytest

from dlmm.errors import RangeError
from dlmm.meteora import swap as meteora_swap
from dlmm.meteora.bitmap import swap_path
from dlmm.meteora.pool import MeteoraPool
from dlmm.price import price_x64
from dlmm.profile import DEFAULT_HALF_WIDTH, MAX_HALF_WIDTH, PoolTerms, blank_pool, renew, synthetic_pool
from dlmm.records import Clock, SwapFailure, SwapQuote, SwapRequest, Venue
from dlmm.saros import swap as saros_swap
from dlmm.saros.layout import BINS_PER_ARRAY, MIDDLE_BIN_ID
from dlmm.saros.pool import SarosPool
from dlmm.ways import Way, make_swap, own_ways

CLOCK = Clock(1, 1_700_000_000)
VALUE_Y = 71 * 10**9
METEORA = PoolTerms(Venue.METEORA, 20, 8_000, variable_fee_control=40_000, max_volatility_accumulator=350_000)
SAROS = PoolTerms(Venue.SAROS, 20, 8_000, variable_fee_control=40_000, max_volatility_accumulator=350_000)
CASES = [(METEORA, 0), (METEORA, -1_234), (METEORA, 69), (SAROS, MIDDLE_BIN_ID), (SAROS, MIDDLE_BIN_ID + 383)]


def exponent(pool: MeteoraPool | SarosPool, bin_id: int) -> int:
    return bin_id - MIDDLE_BIN_ID if isinstance(pool, SarosPool) else bin_id


def contents(pool: MeteoraPool | SarosPool) -> dict[int, tuple[int, int]]:
    """Return what each bin holds, empty ones left out."""
    names = ("reserve_x", "reserve_y") if isinstance(pool, SarosPool) else ("amount_x", "amount_y")
    found = {}
    for array in pool.arrays:
        first = int(array["index"]) * len(array["bins"])
        for place, row in enumerate(array["bins"]):
            amounts = int(row[names[0]]), int(row[names[1]])
            if any(amounts):
                found[first + place] = amounts
    return found


def quote(pool: MeteoraPool | SarosPool, amount: int, swap_for_y: bool) -> SwapQuote:
    request = SwapRequest(exact_in=True, amount=amount, swap_for_y=swap_for_y, threshold=0)
    if isinstance(pool, SarosPool):
        done = saros_swap.quote(pool, request, CLOCK)
    else:
        done = meteora_swap.quote(pool, request, CLOCK)
    assert isinstance(done, SwapQuote), done
    return done


@pytest.mark.parametrize(("terms", "active_id"), CASES)
def test_every_bin_is_worth_the_same_and_the_value_adds_up(terms: PoolTerms, active_id: int) -> None:
    pool = synthetic_pool(terms, active_id, VALUE_Y)
    bins = contents(pool)
    assert sorted(bins) == list(range(active_id - DEFAULT_HALF_WIDTH, active_id + DEFAULT_HALF_WIDTH + 1))
    worth = {
        bin_id: y + (x * price_x64(exponent(pool, bin_id), terms.bin_step)) / 2**64 for bin_id, (x, y) in bins.items()
    }
    rounding = 2 + price_x64(exponent(pool, max(bins)), terms.bin_step) / 2**64  # one unit of X, at most
    assert all(abs(value - VALUE_Y / 71) <= rounding for value in worth.values())
    assert abs(sum(worth.values()) - VALUE_Y) <= rounding * len(worth)


@pytest.mark.parametrize(("terms", "active_id"), CASES)
def test_bins_above_hold_x_bins_below_hold_y_and_the_active_one_half_of_each(terms: PoolTerms, active_id: int) -> None:
    pool = synthetic_pool(terms, active_id, VALUE_Y)
    for bin_id, (x, y) in contents(pool).items():
        assert (x > 0) == (bin_id >= active_id)
        assert (y > 0) == (bin_id <= active_id)
        if bin_id == active_id:
            assert abs(y - x * price_x64(exponent(pool, bin_id), terms.bin_step) / 2**64) <= 2


@pytest.mark.parametrize(("terms", "active_id"), CASES)
@pytest.mark.parametrize("swap_for_y", [True, False])
def test_a_small_swap_gets_the_bin_price_less_the_fee(terms: PoolTerms, active_id: int, swap_for_y: bool) -> None:
    pool = synthetic_pool(terms, active_id, VALUE_Y)
    price = price_x64(exponent(pool, active_id), terms.bin_step)
    done = quote(pool, 1_000_000, swap_for_y)
    net = 1_000_000 - -(-1_000_000 * pool.base_fee_rate // 10**9)
    assert done.amount_out == (net * price >> 64 if swap_for_y else (net << 64) // price)
    assert done.end_bin == active_id


@pytest.mark.parametrize(("terms", "active_id"), CASES)
def test_both_sides_take_the_same_value_to_the_same_depth(terms: PoolTerms, active_id: int) -> None:
    pool = synthetic_pool(terms, active_id, VALUE_Y)
    price = price_x64(exponent(pool, active_id), terms.bin_step) / 2**64
    down, up = quote(pool, int(10**10 / price), True), quote(pool, 10**10, False)
    assert active_id - down.end_bin == up.end_bin - active_id
    assert abs(down.fee * price / up.fee - 1) < 0.05


@pytest.mark.parametrize(("terms", "active_id"), CASES)
def test_a_swap_changes_the_bytes_as_in_any_pool(terms: PoolTerms, active_id: int) -> None:
    pool = synthetic_pool(terms, active_id, VALUE_Y)
    before = pool.pair.tobytes(), pool.arrays.tobytes()
    request = SwapRequest(exact_in=True, amount=10**8, swap_for_y=False, threshold=0)
    done = (
        saros_swap.apply(pool, request, CLOCK)
        if isinstance(pool, SarosPool)
        else meteora_swap.apply(pool, request, CLOCK)
    )
    assert not isinstance(done, SwapFailure)
    assert (pool.pair.tobytes(), pool.arrays.tobytes()) == before
    assert done[1].arrays.tobytes() != before[1]
    assert done[1].active_id == done[0].end_bin


@pytest.mark.parametrize("active_id", [0, 33, 34, 35, -36, -35_840, 35_839, 35_840, 100_000, -100_000])
def test_meteora_flags_exactly_the_arrays_with_liquidity(active_id: int) -> None:
    pool = synthetic_pool(PoolTerms(Venue.METEORA, 1, 8_000), active_id, VALUE_Y)
    assert isinstance(pool, MeteoraPool)
    expected = sorted({bin_id // 70 for bin_id in contents(pool)})
    down = swap_path(pool.pair, pool.extension, swap_for_y=True, count=9)
    up = swap_path(pool.pair, pool.extension, swap_for_y=False, count=9)
    assert sorted({*down, *up}) == expected == pool.arrays["index"].tolist()
    flags = int(np.bitwise_count(pool.pair["bitmap"]).sum())
    if len(pool.extension):
        flags += sum(int(np.bitwise_count(pool.extension[side]).sum()) for side in ("positive", "negative"))
    assert flags == len(expected)


def test_a_pool_without_value_has_nothing_to_sell() -> None:
    pool = synthetic_pool(SAROS, MIDDLE_BIN_ID, 0)
    assert isinstance(pool, SarosPool)
    assert contents(pool) == {}
    assert isinstance(saros_swap.quote(pool, SwapRequest(True, 10, True, 0), CLOCK), SwapFailure)


@pytest.mark.parametrize(
    ("terms", "active_id", "value_y", "half_width"),
    [
        (METEORA, 17_570, VALUE_Y, 35),
        (SAROS, MIDDLE_BIN_ID + 2**19, VALUE_Y, 35),
        (SAROS, 3, VALUE_Y, 0),
        (SAROS, MIDDLE_BIN_ID, -1, 35),
        (SAROS, MIDDLE_BIN_ID, 2**80, 35),
        (SAROS, MIDDLE_BIN_ID - 20_000, 2**60, 35),
        (METEORA, -17_000, 2**60, 35),
        (METEORA, 0, VALUE_Y, MAX_HALF_WIDTH + 1),
        (METEORA, 0, VALUE_Y, -1),
        (PoolTerms(Venue.SAROS, 400, 8_000), MIDDLE_BIN_ID, VALUE_Y, 35),
        (PoolTerms(Venue.SAROS, 4, 8_000, base_fee_power_factor=1), MIDDLE_BIN_ID, VALUE_Y, 35),
    ],
)
def test_what_no_pool_can_hold_is_refused(terms: PoolTerms, active_id: int, value_y: int, half_width: int) -> None:
    with pytest.raises(RangeError):
        synthetic_pool(terms, active_id, value_y, half_width)


def ways_through(pool: MeteoraPool | SarosPool) -> tuple[Way, Way]:
    return own_ways(pool, CLOCK.epoch)


@pytest.mark.parametrize(("terms", "active_id"), CASES)
@pytest.mark.parametrize("away", [0, 1, -3])
def test_a_pool_that_is_made_anew_is_the_one_that_would_be_made(terms: PoolTerms, active_id: int, away: int) -> None:
    pool, blank = (blank_pool(terms, active_id, 20) for _ in range(2))
    _, way = ways_through(pool)
    assert renew(way, ways_through(blank)[1], active_id, 20, np.uint64(10**9))
    make_swap(way, ways_through(pool)[0], 1, CLOCK.unix_timestamp, True, np.uint64(5 * 10**9))
    expected = synthetic_pool(terms, active_id + away, 41 * 10**6 + 7, 20)
    is_made = renew(way, ways_through(blank)[1], active_id + away, 20, np.uint64(10**6))
    is_within = expected.array_addresses == pool.array_addresses
    if terms.venue is Venue.SAROS:
        is_within &= active_id // BINS_PER_ARRAY == (active_id + away) // BINS_PER_ARRAY
    assert is_made is is_within
    if is_made:
        assert (pool.pair.tobytes(), pool.arrays.tobytes()) == (expected.pair.tobytes(), expected.arrays.tobytes())


@pytest.mark.parametrize(
    ("terms", "origin", "active_id"),
    [
        (METEORA, 0, 70),  # in the next array
        (METEORA, 17_560, 17_572),  # beyond the last bin that has a price
        (SAROS, MIDDLE_BIN_ID, MIDDLE_BIN_ID + 128),  # the window's arrays are others
        (SAROS, MIDDLE_BIN_ID, MIDDLE_BIN_ID - 1),  # its prices are
    ],
)
def test_where_bins_lie_in_other_arrays_no_pool_is_made_anew(terms: PoolTerms, origin: int, active_id: int) -> None:
    pool, blank = (blank_pool(terms, origin, 10) for _ in range(2))
    assert not renew(ways_through(pool)[1], ways_through(blank)[1], active_id, 10, np.uint64(10**9))


@pytest.mark.parametrize(("terms", "active_id"), [(METEORA, -5_000), (SAROS, MIDDLE_BIN_ID - 5_000)])
def test_what_no_bin_can_hold_is_not_made_anew(terms: PoolTerms, active_id: int) -> None:
    pool, blank = (blank_pool(terms, active_id, 10) for _ in range(2))
    assert not renew(ways_through(pool)[1], ways_through(blank)[1], active_id, 10, np.uint64(1 << 62))
