"""One bin's exchange rounds for the pool, fills its layers in order, and divides the fee without loss."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dlmm.meteora.exchange import (
    exchange_in,
    exchange_out,
    fill,
    offered,
    overflows,
    split_fee,
    store,
    total_offered,
)
from dlmm.meteora.failures import INSUFFICIENT_IN_AMOUNT, TYPE_CAST_FAILED
from dlmm.meteora.layout import BIN
from dlmm.price import price_x64
from dlmm.records import MAX_U64
from dlmm.wide import U64
from tests.exact import exact_cost

amounts = st.one_of(st.integers(0, 1000), st.integers(0, MAX_U64))
moderate = st.integers(1, 2**40)
prices = st.builds(price_x64, st.integers(-6000, 6000), st.sampled_from([1, 10, 25]))
Layers = tuple[int, int, int]
layer_amounts = st.tuples(st.integers(0, 2**36), st.integers(0, 2**36), st.integers(0, 2**36))


def halves(price: int) -> tuple[U64, U64]:
    return U64(price >> 64), U64(price & MAX_U64)


def words(layers: Layers) -> tuple[U64, U64, U64]:
    return U64(layers[0]), U64(layers[1]), U64(layers[2])


@given(st.integers(0, 2**44), layer_amounts, prices, st.booleans())
def test_layers_fill_one_after_the_other(paid: int, layers: Layers, price: int, swap_for_y: bool) -> None:
    error, own_in, used, outs = fill(U64(paid), words(layers), *halves(price), swap_for_y)
    left, want = paid, []
    for held in layers:
        whole = exact_cost(held, price, swap_for_y=swap_for_y)
        if whole > MAX_U64:
            assert error == TYPE_CAST_FAILED or left == 0
            return
        if left >= whole:
            left, out = left - whole, held
        else:
            left, out = 0, left * price >> 64 if swap_for_y else (left << 64) // price
        want.append(out)
    assert error == 0
    assert [int(out) for out in outs] == want
    assert int(used) == paid - left
    assert int(own_in) <= int(used)


@given(moderate, layer_amounts, prices, st.integers(0, 10**8), st.booleans(), st.booleans())
def test_what_is_taken_never_exceeds_what_is_given_or_held(
    gross: int, layers: Layers, price: int, rate: int, swap_for_y: bool, fee_on_input: bool
) -> None:
    error, taken, used, out, fee, _, outs = exchange_in(
        U64(gross), words(layers), halves(price), U64(rate), swap_for_y, fee_on_input
    )
    assert error in (0, TYPE_CAST_FAILED)
    if error == 0:
        assert int(taken) <= gross
        assert int(taken) == int(used) + (int(fee) if fee_on_input else 0)
        assert int(out) + (0 if fee_on_input else int(fee)) == sum(map(int, outs))
        assert all(int(filled) <= held for filled, held in zip(outs, layers, strict=True))


@given(moderate, prices, st.integers(0, 10**8), st.booleans())
def test_exact_out_asks_for_no_more_than_its_limit(wanted: int, price: int, rate: int, swap_for_y: bool) -> None:
    layers = words((2**60, 0, 0))
    error, taken, *_ = exchange_out(U64(wanted), U64(MAX_U64), layers, halves(price), U64(rate), swap_for_y, True)
    if error == 0 and int(taken) > 0:
        less = exchange_out(U64(wanted), taken - U64(1), layers, halves(price), U64(rate), swap_for_y, True)
        assert less[0] == INSUFFICIENT_IN_AMOUNT


def test_a_cost_that_fits_64_bits_but_not_with_its_fee_is_a_failed_cast() -> None:
    layers, rate, price = words((MAX_U64, 0, 0)), U64(10**7), halves(1 << 64)
    for wanted, error in ((MAX_U64 * 99 // 100 - 1, 0), (MAX_U64 - 1, TYPE_CAST_FAILED)):
        for fee_on_input in (True, False):
            done = exchange_out(U64(wanted), U64(MAX_U64), layers, price, rate, True, fee_on_input)
            assert done[0] == error


@given(amounts, amounts, amounts, st.integers(0, 2500))
def test_the_fee_is_divided_without_loss(fee: int, own_in: int, rest: int, share: int) -> None:
    used = own_in + rest
    if used > MAX_U64:
        return
    parts = [int(part) for part in split_fee(U64(fee), U64(own_in), U64(used), U64(share), False)]
    assert sum(parts) == fee
    hosted = [int(part) for part in split_fee(U64(fee), U64(own_in), U64(used), U64(share), True)]
    assert hosted[:2] == parts[:2]
    assert hosted[2] + hosted[3] == parts[2]


def test_the_whole_fee_is_the_protocols_where_nothing_else_is_left() -> None:
    assert [int(part) for part in split_fee(U64(7), U64(0), U64(0), U64(500), True)] == [0, 0, 7, 0]


def test_orders_of_the_other_side_do_not_count() -> None:
    rows = np.zeros(2, BIN)
    rows["amount_x"], rows["amount_y"], rows["processed_remaining"], rows["open_order"] = 5, 6, 7, 8
    rows[1]["is_ask"] = 1
    found = [[int(part) for part in offered(rows[k], side, True)] for k in (0, 1) for side in (True, False)]
    assert found == [[6, 7, 8], [5, 0, 0], [6, 0, 0], [5, 7, 8]]
    assert [int(part) for part in offered(rows[0], True, False)] == [6, 0, 0]


def test_a_total_beyond_64_bits_stays_at_the_top() -> None:
    top = U64(MAX_U64)
    assert [int(total_offered(*case)) for case in ((top, U64(1), U64(0)), (U64(1), U64(2), top))] == [MAX_U64, MAX_U64]


def test_an_untouched_order_begins_and_the_fee_spreads_over_shares() -> None:
    row = np.zeros(1, BIN)
    row["amount_y"], row["processed_remaining"], row["open_order"], row["supply_high"] = 10, 20, 30, 4
    outs = words((10, 20, 12))
    assert not overflows(row[0], True, U64(9), outs, U64(3))
    store(row[0], True, True, U64(9), outs, U64(2), U64(3))
    names = ("amount_x", "amount_y", "open_order", "total_processing", "processed_remaining", "order_age")
    assert [int(row[0][name]) for name in names] == [9, 0, 0, 30, 18, 1]
    assert (int(row[0]["fulfilled_y"]), int(row[0]["order_fee_bid"])) == (32, 3)
    assert int(row[0]["fee_x_low"]) == 2**63
    row["order_age"] = 2**32 - 1
    assert overflows(row[0], True, U64(0), words((0, 0, 1)), U64(0))
