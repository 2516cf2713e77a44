"""The door answers for both venues alike, and what it answers never favors the trader's rounding."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from dlmm.errors import RangeError
from dlmm.meteora.pool import MeteoraPool
from dlmm.records import MAX_U64, QUOTE, Clock, SwapFailure, SwapRequest, Venue
from dlmm.saros.pool import SarosPool
from dlmm.swap import apply, quote, quote_exact_in, quote_exact_out, quote_many
from tests.golden_pools import pools

Pool = MeteoraPool | SarosPool
TOO_LATE = 4_000_000_000
CLOCK = Clock(TOO_LATE, TOO_LATE, 925)
any_pool = st.sampled_from([pool for venue in Venue for pool in pools(venue)])
amounts = st.one_of(st.integers(1, 10**4), st.integers(1, 10**13))
sides = st.booleans()


def bytes_of(pool: Pool) -> dict[str, bytes]:
    return {key: account.data for key, account in pool.to_accounts().items()}


@given(any_pool, amounts, sides, st.booleans())
def test_a_swap_does_what_its_quote_says_and_leaves_the_old_pool_alone(
    pool: Pool, amount: int, swap_for_y: bool, exact_in: bool
) -> None:
    request = SwapRequest(exact_in, amount, swap_for_y, 0 if exact_in else MAX_U64)
    before = bytes_of(pool)
    promised, done = quote(pool, request, CLOCK), apply(pool, request, CLOCK)
    assert bytes_of(pool) == before
    if isinstance(done, SwapFailure):
        assert done == promised
    else:
        assert done[0] == promised
        assert done[1].active_id == done[0].end_bin
        assert done[0].reserve_out >= done[0].amount_out
        assert done[0].amount_in >= done[0].reserve_in


@given(any_pool, amounts, sides)
def test_out_and_back_never_gains(pool: Pool, amount: int, swap_for_y: bool) -> None:
    out = apply(pool, SwapRequest(True, amount, swap_for_y, 0), CLOCK)
    if isinstance(out, SwapFailure) or out[0].amount_out == 0:
        return
    back = quote(out[1], SwapRequest(True, out[0].amount_out, not swap_for_y, 0), CLOCK)
    assert isinstance(back, SwapFailure) or back.amount_out <= amount


@given(any_pool, amounts, sides)
def test_what_exact_out_asks_for_buys_at_least_what_was_wanted(pool: Pool, amount: int, swap_for_y: bool) -> None:
    asked = quote_exact_out(pool, amount, swap_for_y=swap_for_y, clock=CLOCK)
    if isinstance(asked, SwapFailure) or asked.amount_in == 0:
        return
    again = quote_exact_out(pool, amount, swap_for_y=swap_for_y, clock=CLOCK, max_in=asked.amount_in)
    assert again == asked
    given_ = quote_exact_in(pool, asked.amount_in, swap_for_y=swap_for_y, clock=CLOCK)
    assert asked.amount_out >= amount
    if not isinstance(given_, SwapFailure):
        assert given_.reserve_in == asked.reserve_in
        assert given_.amount_out >= amount


@given(any_pool, amounts, st.integers(1, 10**6), sides)
def test_more_in_never_gives_less_out(pool: Pool, amount: int, more: int, swap_for_y: bool) -> None:
    less = quote_exact_in(pool, amount, swap_for_y=swap_for_y, clock=CLOCK)
    greater = quote_exact_in(pool, amount + more, swap_for_y=swap_for_y, clock=CLOCK)
    if not isinstance(less, SwapFailure) and not isinstance(greater, SwapFailure):
        assert greater.amount_out >= less.amount_out


@given(
    any_pool, st.lists(st.one_of(st.integers(0, 10**13), st.integers(0, MAX_U64)), max_size=12), sides, st.booleans()
)
def test_a_batch_equals_its_single_quotes(pool: Pool, wanted: list[int], swap_for_y: bool, exact_in: bool) -> None:
    batch = quote_many(pool, np.array(wanted, np.uint64), exact_in=exact_in, swap_for_y=swap_for_y, clock=CLOCK)
    assert batch.dtype == QUOTE
    assert len(batch) == len(wanted)
    for amount, row in zip(wanted, batch, strict=True):
        if exact_in:
            single = quote_exact_in(pool, amount, swap_for_y=swap_for_y, clock=CLOCK)
        else:
            single = quote_exact_out(pool, amount, swap_for_y=swap_for_y, clock=CLOCK)
        if isinstance(single, SwapFailure):
            assert row["error"] == single.code if single.code is not None else row["error"] < 0
        else:
            assert row["error"] == 0
            for name in ("amount_in", "amount_out", "fee", "protocol_fee", "end_bin", "bins"):
                assert row[name] == getattr(single, name), name


@pytest.mark.parametrize("venue", list(Venue))
@pytest.mark.parametrize(("amount", "threshold"), [(-1, 0), (MAX_U64 + 1, 0), (1, -1), (1, MAX_U64 + 1)])
def test_amounts_that_fit_no_u64_are_refused(venue: Venue, amount: int, threshold: int) -> None:
    request = SwapRequest(True, amount, True, threshold)
    for work in (quote, apply):
        with pytest.raises(RangeError, match="fits no u64"):
            work(pools(venue)[0], request, CLOCK)


@pytest.mark.parametrize("venue", list(Venue))
@pytest.mark.parametrize("kind", [np.uint64, np.int64, np.uint8, np.int32])
def test_a_batch_takes_any_integers(venue: Venue, kind: type[np.integer[Any]]) -> None:
    pool, wanted = pools(venue)[0], np.arange(100)
    expected = quote_many(pool, wanted.astype(np.uint64), exact_in=True, swap_for_y=True, clock=CLOCK)
    for given_ in (wanted.astype(kind), wanted.astype(kind)[::-1][::-1]):
        assert (quote_many(pool, given_, exact_in=True, swap_for_y=True, clock=CLOCK) == expected).all()


@pytest.mark.parametrize("venue", list(Venue))
@pytest.mark.parametrize("wanted", [np.array([1, -1]), np.array([1.0]), np.array([[1]]), np.array([2**64])])
def test_a_batch_of_what_no_u64_can_say_is_refused(venue: Venue, wanted: NDArray[Any]) -> None:
    with pytest.raises(RangeError):
        quote_many(pools(venue)[0], wanted, exact_in=True, swap_for_y=True, clock=CLOCK)


@pytest.mark.parametrize("venue", list(Venue))
def test_thresholds_are_passed_on(venue: Venue) -> None:
    pool = next(
        pool
        for pool in pools(venue)
        if not isinstance(quote_exact_in(pool, 10**6, swap_for_y=True, clock=CLOCK), SwapFailure)
    )
    assert isinstance(quote_exact_in(pool, 10**6, swap_for_y=True, clock=CLOCK, min_out=MAX_U64), SwapFailure)
    assert isinstance(quote_exact_out(pool, 10**3, swap_for_y=True, clock=CLOCK, max_in=1), SwapFailure)
