"""Meteora's quotes, batches and swaps agree with each other, and leave the pool they start from alone."""

from dataclasses import replace

import numpy as np
import pytest

from dlmm.meteora.bitmap import swap_path
from dlmm.meteora.failures import ARRAY_NOT_INITIALISED, EXTENSION_NOT_PROVIDED, OUT_OF_COMPUTE_UNITS
from dlmm.meteora.layout import BIN_ARRAY, LB_PAIR
from dlmm.meteora.pool import MeteoraPool
from dlmm.meteora.swap import apply, quote, quote_many
from dlmm.price import price_table
from dlmm.records import MAX_U64, Clock, SwapFailure, SwapQuote, SwapRequest
from dlmm.tokens import Mint
from tests.golden_pools import CLOCK, meteora_pools

NO_EXTENSION = np.empty(0, meteora_pools()[0].extension.dtype)


def thin_pool(*, arrays: int, amount: int, orders: int = 0, shares: int = 1 << 20) -> MeteoraPool:
    """A pool of full arrays from bin 0 upwards, of bin step 1 and 0.1 % fee, that sells X."""
    pair, held = np.zeros(1, LB_PAIR), np.zeros(arrays, BIN_ARRAY)
    pair["base_factor"], pair["bin_step"], pair["min_bin_id"], pair["max_bin_id"] = 10_000, 1, -443_636, 443_636
    pair["bitmap"][0][8] = (1 << arrays) - 1
    held["index"] = np.arange(arrays)
    bins, prices = held["bins"], price_table(0, 70 * arrays, 1).reshape(arrays, 70, 2)
    bins["amount_x"], bins["supply_high"], bins["price_low"], bins["price_high"] = (
        amount,
        shares,
        prices[:, :, 0],
        prices[:, :, 1],
    )
    bins["open_order"], bins["is_ask"] = orders, 1
    mint, keys = Mint("", 6), tuple(f"array {index}" for index in range(arrays))
    return MeteoraPool("pool", pair, held, NO_EXTENSION, mint, mint, keys)


def buy(amount: int, *, threshold: int = 0, arrays: tuple[int, ...] | None = None) -> SwapRequest:
    return SwapRequest(True, amount, False, threshold, arrays=arrays)


def done(answer: SwapQuote | SwapFailure) -> SwapQuote:
    assert isinstance(answer, SwapQuote), answer
    return answer


@pytest.mark.parametrize("exact_in", [True, False])
@pytest.mark.parametrize("swap_for_y", [True, False])
def test_a_batch_equals_its_single_quotes(exact_in: bool, swap_for_y: bool) -> None:
    rng = np.random.default_rng(7)
    for pool in meteora_pools()[::6]:
        amounts = np.concatenate(
            [np.array([0, 1, 2, MAX_U64], np.uint64), (2 ** rng.uniform(0, 48, 60)).astype(np.uint64)]
        )
        rng.shuffle(amounts)
        batch = quote_many(pool, amounts, exact_in=exact_in, swap_for_y=swap_for_y, clock=CLOCK)
        for amount, row in zip(amounts.tolist(), batch, strict=True):
            single = quote(pool, SwapRequest(exact_in, amount, swap_for_y, 0 if exact_in else MAX_U64), CLOCK)
            if isinstance(single, SwapFailure):
                assert row["error"] == (OUT_OF_COMPUTE_UNITS if single.code is None else single.code)
                assert row["amount_in"] == row["amount_out"] == 0
            else:
                assert row["error"] == 0
                for name in ("amount_in", "amount_out", "fee", "protocol_fee", "end_bin", "bins"):
                    assert row[name] == getattr(single, name), name


def test_a_swap_changes_the_new_pool_and_not_the_old_one() -> None:
    pool = thin_pool(arrays=2, amount=1000)
    before = pool.to_accounts()
    answer = apply(pool, buy(5000), CLOCK)
    assert not isinstance(answer, SwapFailure)
    swapped, after = answer
    assert swapped == quote(pool, buy(5000), CLOCK)
    assert pool.to_accounts() == before
    assert after.active_id == swapped.end_bin > pool.active_id
    assert int(after.pair["last_update_timestamp"][0]) == CLOCK.unix_timestamp


def test_a_vault_moves_with_the_swap_and_can_run_dry() -> None:
    pool = thin_pool(arrays=1, amount=1000)
    known = replace(pool, vault_x=500, vault_y=7)
    answer = apply(known, buy(300), CLOCK)
    assert not isinstance(answer, SwapFailure)
    assert (answer[1].vault_x, answer[1].vault_y) == (500 - answer[0].reserve_out, 7 + 300)
    assert quote(known, buy(600), CLOCK) == SwapFailure("InsufficientFunds", 1, "amount 600", 600)


def test_an_array_of_orders_alone_loses_its_bit_once_they_are_filled() -> None:
    pool = thin_pool(arrays=2, amount=0, orders=10**6, shares=0)
    answer = apply(pool, SwapRequest(False, 70 * 10**6 + 500, False, MAX_U64), CLOCK)
    assert not isinstance(answer, SwapFailure)
    assert swap_path(pool.pair, pool.extension, swap_for_y=False, count=5) == (0, 1)
    assert int(answer[1].pair["bitmap"][0][8]) == 0b10
    assert answer[0].limit_order_fee > 0


def test_more_bins_than_a_transaction_can_pay_for_fail() -> None:
    pool = thin_pool(arrays=5, amount=1000)
    answer = quote(pool, buy(320_000), CLOCK)
    assert isinstance(answer, SwapFailure)
    assert (answer.name, answer.code) == ("OutOfComputeUnits", None)
    assert done(quote(pool, buy(200_000), CLOCK)).compute_units < 1_400_000


def test_the_walk_ends_where_its_arrays_do() -> None:
    pool = thin_pool(arrays=2, amount=1000)
    cases: tuple[tuple[tuple[int, ...] | None, int], ...] = (
        ((0,), 3005),
        ((), 3005),
        ((1, 0), 3005),
        ((0, 5), ARRAY_NOT_INITIALISED),
        ((0, 1), EXTENSION_NOT_PROVIDED),
        (None, EXTENSION_NOT_PROVIDED),
    )
    for arrays, code in cases:
        answer = quote(pool, buy(200_000, arrays=arrays), CLOCK)
        assert isinstance(answer, SwapFailure)
        assert answer.code == code, arrays


def test_a_threshold_one_past_the_result_fails() -> None:
    pool = thin_pool(arrays=1, amount=1000)
    exact_in = done(quote(pool, buy(2500), CLOCK))
    assert done(quote(pool, buy(2500, threshold=exact_in.amount_out), CLOCK)) == exact_in
    over = quote(pool, buy(2500, threshold=exact_in.amount_out + 1), CLOCK)
    assert isinstance(over, SwapFailure)
    assert (over.code, over.paid) == (6003, 2500)
    exact_out = done(quote(pool, SwapRequest(False, 2500, False, MAX_U64), CLOCK))
    assert done(quote(pool, SwapRequest(False, 2500, False, exact_out.amount_in), CLOCK)) == exact_out
    short = quote(pool, SwapRequest(False, 2500, False, exact_out.amount_in - 1), CLOCK)
    assert isinstance(short, SwapFailure)
    assert (short.code, short.paid) == (6104, 0)


def test_an_exact_out_that_uses_up_its_amount_in_has_paid_it() -> None:
    pool = thin_pool(arrays=2, amount=1000)
    first = done(quote(pool, SwapRequest(False, 1000, False, MAX_U64), CLOCK))
    answer = quote(pool, SwapRequest(False, 2500, False, first.amount_in), CLOCK)
    assert isinstance(answer, SwapFailure)
    assert (answer.name, answer.code, answer.paid) == ("NotExactAmountOut", 6057, first.amount_in)


def test_a_vault_runs_dry_before_a_threshold_is_missed() -> None:
    pool = replace(thin_pool(arrays=1, amount=1000), vault_x=500)
    answer = quote(pool, buy(600, threshold=MAX_U64), CLOCK)
    assert isinstance(answer, SwapFailure)
    assert (answer.name, answer.code) == ("InsufficientFunds", 1)


def test_price_impact_grows_with_the_amount_and_starts_at_nothing() -> None:
    pool = thin_pool(arrays=2, amount=10**9)
    impacts = [done(quote(pool, buy(amount), CLOCK)).price_impact for amount in (10**6, 10**10, 10**11)]
    assert 0.0 <= impacts[0] < 1e-5 < impacts[1] < impacts[2] < 0.02


def test_volatility_raises_the_fee_and_fades() -> None:
    pool = thin_pool(arrays=2, amount=1000)
    for name, value in (("filter_period", 10), ("decay_period", 100), ("reduction_factor", 5000)):
        pool.pair[name] = value
    pool.pair["variable_fee_control"], pool.pair["max_volatility_accumulator"] = 10_000_000, 10_000_000
    answer = apply(pool, buy(50_000), CLOCK)
    assert not isinstance(answer, SwapFailure)
    rates = [
        done(quote(answer[1], buy(100), Clock(CLOCK.slot, CLOCK.unix_timestamp + later))).fee_rate
        for later in (1, 50, 1000)
    ]
    assert rates[0] > rates[1] > rates[2] == pool.base_fee_rate
