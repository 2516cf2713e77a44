"""Shares, fees and values in exact integers."""

from hypothesis import assume, given
from hypothesis import strategies as st

from dlmm.liquidity import (
    NOTHING,
    Amounts,
    PoolTokens,
    amounts_for,
    claimable_fee,
    composition_fee,
    composition_fees,
    liquidity_of,
    part_of,
    root_share,
    share_for,
)
from dlmm.tokens import Mint, TransferFee

ONE = 1 << 64
SMALL = st.integers(0, 10**12)
PRICES = st.integers(1 << 40, 1 << 90)


def test_liquidity_counts_both_tokens_in_y() -> None:
    assert liquidity_of(Amounts(3, 5), 2 * ONE) == 11 * ONE


def test_the_first_share_is_the_root() -> None:
    assert root_share(10) == 3


def test_a_bin_without_shares_is_worth_nothing() -> None:
    assert amounts_for(5, supply=0, reserves=Amounts(7, 7)) == NOTHING


def test_basis_points_round_down() -> None:
    assert part_of(99, 9_999) == 98


def test_a_composition_fee_is_charged_on_the_fee_too() -> None:
    assert composition_fee(1_000_000, 100_000_000) == 110_000


def test_a_deposit_in_the_bins_own_mix_pays_nothing() -> None:
    fees = composition_fees(Amounts(10, 10), reserves=Amounts(100, 100), supply=1000, share=100, rate=10**7)
    assert fees == NOTHING


def test_the_token_in_excess_pays_unless_y_always_does() -> None:
    terms = {"reserves": Amounts(10**6, 10**6), "supply": 2 * 10**6, "share": 10**6, "rate": 10**8}
    excess_x = composition_fees(Amounts(10**6, 0), **terms)  # type: ignore[arg-type]  # terms of mixed types
    assert excess_x.x > 0
    assert excess_x.y == 0
    in_y = composition_fees(Amounts(10**6, 0), always_in_y=True, **terms)  # type: ignore[arg-type]
    assert in_y.x == 0
    assert in_y.y > 0


def test_only_whole_shares_earn_and_pending_stays() -> None:
    assert claimable_fee(share=ONE - 1, per_share=9 * ONE, per_share_before=0, pending=4) == 4
    assert claimable_fee(share=3 * ONE, per_share=9 * ONE, per_share_before=7 * ONE, pending=4) == 10


def test_fees_per_share_may_wrap_around() -> None:
    assert claimable_fee(share=ONE, per_share=ONE, per_share_before=(1 << 128) - ONE, pending=0) == 2


def test_transfer_fees_are_left_out_on_arrival_and_added_to_send() -> None:
    fee = TransferFee(0, 10**9, 100)
    tokens = PoolTokens(Mint("x", 6, older_fee=fee, newer_fee=fee), Mint("y", 6), 5)
    assert tokens.arrives(Amounts(1000, 1000)) == Amounts(990, 1000)
    assert tokens.to_send(Amounts(990, 1000)) == Amounts(1000, 1000)
    assert tokens.to_send(Amounts((1 << 64) - 1, 0)) is None


@given(SMALL, SMALL, SMALL, SMALL, PRICES, st.integers(1, 1 << 100))
def test_out_and_back_never_gains(x: int, y: int, in_x: int, in_y: int, price: int, supply: int) -> None:
    reserves, deposit = Amounts(x, y), Amounts(in_x, in_y)
    there = liquidity_of(reserves, price)
    assume(there > 0)
    share = share_for(liquidity_of(deposit, price), supply=supply, bin_liquidity=there)
    back = amounts_for(share, supply=supply + share, reserves=reserves + deposit)
    assert liquidity_of(back, price) <= liquidity_of(deposit, price)
