"""Orders join, fill by generation, and are paid out whole; the life-cycle rows hold the bytes."""

import numpy as np
import pytest

from dlmm.errors import AccountError
from dlmm.liquidity import MAX_U64, Amounts, LiquidityFailure, LiquidityState, PoolTokens
from dlmm.meteora.instructions.orders import OrderBin
from dlmm.meteora.layout import BIN_ARRAY, LB_PAIR, LB_PAIR_DISCRIMINATOR
from dlmm.meteora.orders import OrderChange, cancel_limit_order, order_values, place_limit_order
from dlmm.meteora.positions import new_bin_array
from dlmm.tokens import Mint

TOKENS = PoolTokens(Mint("x", 6), Mint("y", 6), 0)


def scene(**held: int) -> LiquidityState:
    """Give a pool whose active bin is 0 and whose bin 1 holds what is said."""
    pair = np.zeros(1, LB_PAIR)
    pair["discriminator"] = np.frombuffer(LB_PAIR_DISCRIMINATOR, np.uint8)
    pair["bin_step"] = 10
    array = np.frombuffer(new_bin_array(lb_pair=bytes(32), index=0, bin_step=10), BIN_ARRAY).copy()
    for name, value in held.items():
        array[0]["bins"][1][name] = value
    return LiquidityState(pair.tobytes(), b"", {0: array.tobytes()})


def place(state: LiquidityState, *bins: OrderBin, is_ask: bool = True) -> OrderChange | LiquidityFailure:
    return place_limit_order(state, lb_pair=bytes(32), owner=bytes(32), is_ask=is_ask, bins=bins, tokens=TOKENS)


def placed(state: LiquidityState, *bins: OrderBin) -> OrderChange:
    change = place(state, *bins)
    assert isinstance(change, OrderChange)
    return change


def row_of(state: LiquidityState, bin_id: int = 1) -> np.void:
    row: np.void = np.frombuffer(state.bin_arrays[0], BIN_ARRAY)[0]["bins"][bin_id]
    return row


def with_bin(state: LiquidityState, **held: int) -> LiquidityState:
    array = np.frombuffer(state.bin_arrays[0], BIN_ARRAY).copy()
    for name, value in held.items():
        array[0]["bins"][1][name] = value
    return LiquidityState(state.pair, state.position, {0: array.tobytes()})


def test_an_untouched_order_comes_back_whole_and_leaves_no_trace() -> None:
    before = scene(is_ask=1)
    change = placed(before, OrderBin(1, 500), OrderBin(2, 70))
    assert change.user == Amounts(-570, 0)
    back = cancel_limit_order(change.after, change.limit_order, bin_ids=[1, 2], tokens=TOKENS)
    assert isinstance(back, OrderChange)
    assert back.user == Amounts(570, 0)
    assert back.after.pair == before.pair


def test_a_new_order_takes_over_a_bin_whose_orders_are_all_filled() -> None:
    change = placed(scene(total_processing=9, fulfilled_y=9, order_age=1), OrderBin(1, 500))
    row = row_of(change.after)
    assert (int(row["is_ask"]), int(row["order_age"]), int(row["total_processing"])) == (1, 2, 0)


def test_a_half_filled_order_pays_both_tokens_and_its_part_of_the_fees() -> None:
    change = placed(scene(), OrderBin(1, 1000))
    traded = with_bin(
        change.after,
        open_order=0,
        total_processing=1000,
        processed_remaining=400,
        order_age=1,
        fulfilled_x=600,
        order_fee_ask=30,
    )
    value = order_values(traded, change.limit_order)[1]
    assert (value.filled, value.unfilled, value.bought, value.fee) == (600, 400, 600, Amounts(0, 30))
    paid = cancel_limit_order(traded, change.limit_order, bin_ids=[1], tokens=TOKENS)
    assert isinstance(paid, OrderChange)
    assert paid.user == Amounts(400, 630)
    row = row_of(paid.after)
    assert not any(int(row[name]) for name in ("total_processing", "processed_remaining", "fulfilled_x", "order_age"))


def test_an_older_generation_is_filled_whatever_the_present_one_does() -> None:
    change = placed(scene(), OrderBin(1, 1000))
    later = with_bin(
        change.after, open_order=5, total_processing=50, processed_remaining=50, order_age=2, fulfilled_x=1000
    )
    assert order_values(later, change.limit_order)[1].filled == 1000


@pytest.mark.parametrize(
    ("bins", "is_ask"),
    [
        ([OrderBin(2, 5), OrderBin(1, 5)], True),
        ([OrderBin(1, 5), OrderBin(1, 5)], True),
        ([OrderBin(1, 0)], True),
        ([OrderBin(-1, 5)], True),
        ([OrderBin(1, 5)], False),
    ],
)
def test_orders_that_the_program_refuses(bins: list[OrderBin], is_ask: bool) -> None:
    failure = place(scene(), *bins, is_ask=is_ask)
    assert isinstance(failure, LiquidityFailure)
    assert failure.code == 6105


def test_a_bin_with_open_orders_of_the_other_side_is_refused() -> None:
    failure = place(scene(open_order=3), OrderBin(1, 5))
    assert isinstance(failure, LiquidityFailure)
    assert failure.code == 6105


@pytest.mark.parametrize("held", [{"open_order": MAX_U64 - 4, "is_ask": 1}, {}])
def test_more_than_64_bits_in_a_bin_or_in_an_order_is_an_overflow(held: dict[str, int]) -> None:
    failure = place(scene(**held), OrderBin(1, 5), OrderBin(2, MAX_U64))
    assert isinstance(failure, LiquidityFailure)
    assert failure.code == 6018


def test_cancelling_twice_is_refused() -> None:
    change = placed(scene(), OrderBin(1, 1000))
    once = cancel_limit_order(change.after, change.limit_order, bin_ids=[1], tokens=TOKENS)
    assert isinstance(once, OrderChange)
    failure = cancel_limit_order(once.after, once.limit_order, bin_ids=[1], tokens=TOKENS)
    assert isinstance(failure, LiquidityFailure)
    assert failure.code == 6109


def test_a_garbled_or_short_order_is_refused() -> None:
    change = placed(scene(), OrderBin(1, 1000))
    for spoilt in (b"", change.limit_order[:-1], b"x" * len(change.limit_order)):
        with pytest.raises(AccountError, match="limit_order"):
            order_values(change.after, spoilt)
