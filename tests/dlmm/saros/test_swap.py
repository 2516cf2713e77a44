"""Swaps on Saros: the golden vectors, a reference in Python's integers, and what must hold of any swap."""

import functools
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlmm.conformance.swaps import fails_for_accounts, pool_of, request_of
from dlmm.conformance.vectors import Vector, VectorFolder
from dlmm.price import price_x64
from dlmm.records import MAX_U64, Clock, SwapFailure, SwapQuote, SwapRequest, Venue
from dlmm.saros.heap import DONE, HEAP_BYTES, heap_used
from dlmm.saros.layout import BINS_PER_ARRAY, MIDDLE_BIN_ID
from dlmm.saros.pool import SarosPool
from dlmm.saros.swap import apply, quote, quote_many, trace
from dlmm.tokens import Mint
from tests.dlmm.saros.pools import FEE_MINT, LOWER, NOW, PLAIN_MINT, saros_pool
from tests.shared import need_shared

CLOCK = Clock(1, NOW, 950)


@functools.cache
def saros_rows() -> list[Vector]:
    vectors = VectorFolder.load(need_shared("vectors/ours")).vectors()
    return [vector for vector in vectors if vector.venue is Venue.SAROS and vector.row["kind"] == "swap"]


def test_walks_and_deaths_are_those_of_the_golden_vectors() -> None:
    checked = 0
    for vector in saros_rows():
        row: dict[str, Any] = vector.row
        if fails_for_accounts(vector):
            continue
        pool = pool_of(vector)
        assert isinstance(pool, SarosPool)
        done = trace(pool, request_of(row), Clock(*row["clock"]))
        checked += 1
        if row["ok"]:
            assert not isinstance(done, SwapFailure), (row["id"], done)
            fields = ("bin_id", "amount_in", "amount_out", "fee", "protocol_fee", "volatility_accumulator")
            assert [[int(step[name]) for name in fields] for step in done[1]] == row["bins"], row["id"]
            if row["bins"]:
                assert done[0].end_bin == row["bins"][-1][0]
                assert done[0].compute_units == pytest.approx(row["cu"], rel=0.08)
        else:
            assert isinstance(done, SwapFailure), (row["id"], row["err"])
            assert done.code == row["err"].get("custom"), (row["id"], done)
            assert done.name == named(row["err"]), row["id"]
    assert checked > 2_500


def named(error: dict[str, Any]) -> str:
    """Return our name for a failure of the vectors."""
    log = error.get("log") or ""
    if "out of memory" in log:
        return "OutOfMemory"
    if "panicked" in log:
        return "Panic"
    return str(error.get("name") or error["other"].split(".")[-1])


def reference(
    pool: SarosPool, amount: int, *, exact_in: bool, swap_for_y: bool, extra_rate: int = 0
) -> tuple[int, int, int, int] | None:
    """Swap in Python's integers at a constant fee: amount in and out, fee, last bin; `None` beyond the arrays."""
    rate = pool.base_fee_rate + extra_rate
    bin_id, left, paid, bought, fees = pool.active_id, amount, 0, 0, 0
    while left > 0:
        place = bin_id // BINS_PER_ARRAY - LOWER
        if place not in (0, 1):
            return None
        row = pool.arrays["bins"][place, bin_id % BINS_PER_ARRAY]
        price = price_x64(bin_id - MIDDLE_BIN_ID, pool.bin_step)
        reserve = int(row["reserve_y"] if swap_for_y else row["reserve_x"])
        if reserve:
            out = reserve if exact_in else min(left, reserve)
            net = -(-(out << 64) // price) if swap_for_y else -(-out * price >> 64)
            fee = -(-net * rate // (10**9 - rate))
            if exact_in and left < net + fee:
                fee = -(-left * rate // 10**9)
                net = left - fee
                out = min(net * price >> 64 if swap_for_y else (net << 64) // price, reserve)
            paid, bought, fees = paid + net + fee, bought + out, fees + fee
            left -= net + fee if exact_in else out
        if left > 0:
            bin_id += -1 if swap_for_y else 1
    return paid, bought, fees, bin_id


amounts = st.one_of(st.integers(0, 2**20), st.integers(0, 2**45), st.integers(1, 40).flatmap(lambda b: st.just(2**b)))
reserves = st.one_of(st.just(0), st.integers(1, 3), st.integers(1, 2**40))


SURCHARGED = {"variable_fee_control": 40_000, "max_volatility_accumulator": 300_000}
FREE = {"base_factor": 0}


@st.composite
def pools(
    draw: st.DrawFn,
    /,
    mint_x: Mint = PLAIN_MINT,
    mint_y: Mint = PLAIN_MINT,
    fields: Mapping[str, int] = MappingProxyType({}),
) -> SarosPool:
    active = draw(st.integers(235, 275))
    bins = {}
    for bin_id in range(active - 20, active + 21):
        amount = draw(reserves)
        bins[bin_id] = (amount if bin_id >= active else 0, amount if bin_id <= active else 0)
    steps, factors = st.sampled_from([1, 20, 100, 255]), st.sampled_from([0, 100, 8_000])
    drawn = {"bin_step": draw(steps), "base_factor": draw(factors)}
    return saros_pool(bins, active=active, mint_x=mint_x, mint_y=mint_y, fields={**drawn, **fields})


@settings(max_examples=200)
@given(pools(), amounts, st.booleans(), st.booleans())
def test_a_swap_equals_the_reference(pool: SarosPool, amount: int, exact_in: bool, swap_for_y: bool) -> None:
    request = SwapRequest(exact_in, amount, swap_for_y, 0 if exact_in else MAX_U64)
    done = quote(pool, request, CLOCK)
    expected = reference(pool, amount, exact_in=exact_in, swap_for_y=swap_for_y)
    if isinstance(done, SwapFailure):
        bins = 99 if expected is None else abs(expected[3] - pool.active_id) + 1
        assert bins > 28
        assert done.name in ("OutOfMemory", "BinNotFound")
    else:
        assert (done.amount_in, done.amount_out, done.fee, done.end_bin) == expected


@settings(max_examples=60)
@given(
    pools(FEE_MINT, FEE_MINT, SURCHARGED),
    st.lists(amounts, min_size=1, max_size=40),
    st.booleans(),
    st.booleans(),
)
def test_many_quotes_are_each_what_one_quote_is(
    pool: SarosPool, many: list[int], exact_in: bool, swap_for_y: bool
) -> None:
    many.append(MAX_U64)
    rows = quote_many(pool, np.array(many, np.uint64), exact_in=exact_in, swap_for_y=swap_for_y, clock=CLOCK)
    for amount, row in zip(many, rows, strict=True):
        one = quote(pool, SwapRequest(exact_in, amount, swap_for_y, 0 if exact_in else MAX_U64), CLOCK)
        if isinstance(one, SwapFailure):
            assert int(row["error"]) == (one.code or {"OutOfMemory": -2, "Panic": -1}[one.name])
            assert not row["amount_in"]
        else:
            expected = (one.amount_in, one.amount_out, one.fee, one.protocol_fee, one.end_bin, one.bins, 0)
            assert row.item() == expected


@settings(max_examples=100)
@given(
    pools(FEE_MINT, PLAIN_MINT, SURCHARGED),
    amounts,
    st.booleans(),
    st.booleans(),
)
def test_applying_moves_exactly_what_was_quoted_and_leaves_the_old_pool(
    pool: SarosPool, amount: int, exact_in: bool, swap_for_y: bool
) -> None:
    before = pool.pair.tobytes(), pool.arrays.tobytes()
    request = SwapRequest(exact_in, amount, swap_for_y, 0 if exact_in else MAX_U64)
    done, told, same = apply(pool, request, CLOCK), trace(pool, request, CLOCK), quote(pool, request, CLOCK)
    assert (pool.pair.tobytes(), pool.arrays.tobytes()) == before
    if isinstance(done, SwapFailure):
        assert done == told == same
        return
    assert not isinstance(told, SwapFailure)
    assert done[0] == told[0] == same
    after, side_in, side_out = done[1], *(("x", "y") if swap_for_y else ("y", "x"))
    gained = {
        side: sum(after.arrays["bins"][f"reserve_{side}"].ravel().tolist())
        - sum(pool.arrays["bins"][f"reserve_{side}"].ravel().tolist())
        for side in "xy"
    }
    if amount:
        assert gained[side_in] == same_in(done[0]) - done[0].protocol_fee
        assert int(after.pair[f"protocol_fee_{side_in}"][0]) == done[0].protocol_fee
        assert sum(told[1]["amount_in"].tolist()) == done[0].reserve_in
        assert sum(told[1]["fee"].tolist()) == done[0].fee
    assert gained[side_out] == -done[0].reserve_out
    assert after.active_id == done[0].end_bin
    assert int(after.pair["last_update_timestamp"][0]) == NOW


def same_in(done: SwapQuote) -> int:
    """Return what the pool got, transfer fee taken off."""
    return done.amount_in - done.transfer_fee_in


@settings(max_examples=100)
@given(pools(fields=FREE), st.integers(1, 2**40), st.booleans())
def test_there_and_back_never_gains(pool: SarosPool, amount: int, swap_for_y: bool) -> None:
    there = apply(pool, SwapRequest(True, amount, swap_for_y, 0), CLOCK)
    if isinstance(there, SwapFailure):
        return
    back = quote(there[1], SwapRequest(True, there[0].amount_out, not swap_for_y, 0), CLOCK)
    if isinstance(back, SwapQuote):
        assert back.amount_out <= amount


@settings(max_examples=100)
@given(pools(), st.integers(1, 2**40), st.booleans())
def test_what_exact_out_asks_for_buys_at_least_that(pool: SarosPool, amount: int, swap_for_y: bool) -> None:
    wanted = quote(pool, SwapRequest(False, amount, swap_for_y, MAX_U64), CLOCK)
    if isinstance(wanted, SwapQuote):
        bought = quote(pool, SwapRequest(True, wanted.amount_in, swap_for_y, 0), CLOCK)
        assert isinstance(bought, SwapQuote)
        assert bought.amount_out >= amount


def flat(active: int = 100, **fields: int) -> SarosPool:
    bins = {
        bin_id: (10**9 if bin_id >= active else 0, 10**9 if bin_id <= active else 0)
        for bin_id in range(max(active - 120, 0), min(active + 120, 512))
    }
    return saros_pool(bins, active=active, fields=fields)


def test_a_threshold_holds_to_the_last_unit() -> None:
    pool = flat()
    sold = quote(pool, SwapRequest(True, 10**10, True, 0), CLOCK)
    assert isinstance(sold, SwapQuote)
    assert quote(pool, SwapRequest(True, 10**10, True, sold.amount_out), CLOCK) == sold
    refused = quote(pool, SwapRequest(True, 10**10, True, sold.amount_out + 1), CLOCK)
    assert isinstance(refused, SwapFailure)
    assert (refused.name, refused.code, refused.paid) == ("InvalidAmountOut", 6004, 0)
    bought = quote(pool, SwapRequest(False, 10**10, False, MAX_U64), CLOCK)
    assert isinstance(bought, SwapQuote)
    assert quote(pool, SwapRequest(False, 10**10, False, bought.amount_in), CLOCK) == bought
    refused = quote(pool, SwapRequest(False, 10**10, False, bought.amount_in - 1), CLOCK)
    assert isinstance(refused, SwapFailure)
    assert (refused.name, refused.code, refused.paid) == ("InvalidAmountIn", 6005, 0)


@pytest.mark.parametrize(
    ("active", "indices", "passed"),
    [
        (300, (0, 1, 2), (0, 1)),
        (384, (0, 1, 2), (1, 2)),
        (300, (1, 2), (1, 2)),
        (500, (0, 1), (0, 1)),
        (127, (-1, 0, 1), (-1, 0)),
    ],
)
def test_the_nearer_neighbour_is_passed_unless_only_the_other_exists(
    active: int, indices: tuple[int, ...], passed: tuple[int, int]
) -> None:
    bins = {active: (10**6, 10**6)} | {bin_id: (5, 5) for index in indices for bin_id in (256 * index,)}
    pool = saros_pool(bins, active=active, indices=indices)
    arrays = (LOWER + passed[0], LOWER + passed[1])
    for swap_for_y in (True, False):
        chosen = quote(pool, SwapRequest(True, 10**5, swap_for_y, 0), CLOCK)
        assert chosen == quote(pool, SwapRequest(True, 10**5, swap_for_y, 0, arrays=arrays), CLOCK)
        assert isinstance(chosen, SwapQuote)


@pytest.mark.parametrize(
    ("arrays", "name", "code"),
    [
        ((1, 0), "BinArrayIndexMismatch", 6003),
        ((0, 2), "BinArrayIndexMismatch", 6003),
        ((1, 1), "AccountBorrowFailed", None),
        ((1, 3), "AccountOwnedByWrongProgram", 3007),
        ((-5, -4), "AccountOwnedByWrongProgram", 3007),
        ((1, 2), "BinNotFound", 6000),
    ],
)
def test_wrong_arrays_fail_as_in_the_program(arrays: tuple[int, int], name: str, code: int | None) -> None:
    pool = saros_pool({100: (5, 5)}, indices=(0, 1, 2))
    request = SwapRequest(True, 10, True, 0, arrays=tuple(LOWER + index for index in arrays))
    failure = quote(pool, request, CLOCK)
    assert isinstance(failure, SwapFailure)
    assert (failure.name, failure.code) == (name, code)


@pytest.mark.parametrize("arrays", [(), (LOWER,), (LOWER, LOWER + 1, LOWER + 2)])
def test_two_arrays_are_passed_no_more_no_fewer(arrays: tuple[int, ...]) -> None:
    failure = quote(flat(), SwapRequest(True, 10, True, 0, arrays=arrays), CLOCK)
    assert isinstance(failure, SwapFailure)
    assert failure.code == 3005


@pytest.mark.parametrize("swap_for_y", [True, False])
@pytest.mark.parametrize("active", [100, 240, 260, 300])
def test_a_walk_ends_where_the_heap_does(active: int, swap_for_y: bool) -> None:
    pool = flat(active, bin_step=1, base_factor=0)
    for bins in range(26, 37):
        done = quote(pool, SwapRequest(False, bins * 10**9, swap_for_y, MAX_U64), CLOCK)
        ids = range(active, active - bins, -1) if swap_for_y else range(active, active + bins)
        upper = sum(bin_id >= 256 for bin_id in ids) if active >= 128 else 0
        fits = heap_used(DONE, False, 0, False, bins, upper, active >= 256) <= HEAP_BYTES
        if active < 128:  # the window reaches down to an array that does not exist, so the other pair is passed
            assert isinstance(done, SwapQuote) == (heap_used(DONE, False, 0, False, bins, 0, False) <= HEAP_BYTES)
        else:
            assert isinstance(done, SwapQuote) == fits
        if isinstance(done, SwapFailure):
            assert (done.name, done.code) == ("OutOfMemory", None)
            assert done.paid > 0  # the lists still fit, so the memory ends only in the events, after the transfers
        else:
            assert done.bins == bins


def test_memory_that_ends_in_the_walk_ends_before_the_payment() -> None:
    done = quote(flat(200, bin_step=1, base_factor=0), SwapRequest(False, 150 * 10**9, True, MAX_U64), CLOCK)
    assert isinstance(done, SwapFailure)
    assert (done.name, done.paid) == ("OutOfMemory", 0)


def test_a_clock_before_the_last_swap_is_a_panic() -> None:
    failure = quote(flat(), SwapRequest(True, 10, True, 0), Clock(1, NOW - 1_001))
    assert isinstance(failure, SwapFailure)
    assert (failure.name, failure.code) == ("Panic", None)
    assert isinstance(quote(flat(), SwapRequest(True, 10, True, 0), Clock(1, NOW - 1_000)), SwapQuote)


def test_nothing_in_is_nothing_out_and_no_failure() -> None:
    for exact_in in (True, False):
        done = apply(flat(), SwapRequest(exact_in, 0, True, 0), CLOCK)
        assert not isinstance(done, SwapFailure)
        assert (done[0].amount_in, done[0].amount_out, done[0].bins) == (0, 0, 0)


def test_one_unit_in_may_buy_nothing() -> None:
    done = quote(flat(), SwapRequest(True, 1, True, 0), CLOCK)
    assert isinstance(done, SwapQuote)
    assert (done.amount_in, done.amount_out, done.fee) == (1, 0, 1)


def test_a_rate_of_everything_is_a_panic() -> None:
    pool = flat(
        bin_step=200, variable_fee_control=2**32 - 1, max_volatility_accumulator=2**20, volatility_reference=10**6
    )
    pool.pair["last_update_timestamp"], pool.pair["filter_period"] = NOW, 10
    failure = quote(pool, SwapRequest(True, 10, True, 0), CLOCK)
    assert isinstance(failure, SwapFailure)
    assert failure.name == "Panic"


def test_the_rate_told_is_that_of_the_last_bin() -> None:
    pool = flat(variable_fee_control=40_000, max_volatility_accumulator=10**6)
    told = trace(pool, SwapRequest(True, 35 * 10**8, True, 0), CLOCK)
    assert not isinstance(told, SwapFailure)
    accumulator = int(told[1]["volatility_accumulator"][-1])
    assert accumulator == 10_000 * (told[0].bins - 1) > 0
    surcharge = -(-((accumulator * pool.bin_step) ** 2) * 40_000 // 10**11)
    assert told[0].fee_rate == pool.base_fee_rate + surcharge


def test_price_impact_grows_from_nothing() -> None:
    pool = flat(base_factor=0)
    impacts = []
    for amount in (10**6, 5 * 10**9, 10**10):
        done = quote(pool, SwapRequest(True, amount, False, 0), CLOCK)
        assert isinstance(done, SwapQuote)
        impacts.append(done.price_impact)
    assert impacts[0] == pytest.approx(0.0, abs=2e-6)
    assert impacts == sorted(impacts)
    assert 0.002 < impacts[1] < impacts[2] < 0.02
