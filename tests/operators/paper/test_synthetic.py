"""Positions where the recording has no bins: what they come to is known in closed form."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlmm.price import price_x64
from dlmm.records import Venue
from operators.blocks import CLAIM, CLOSE, DEPOSIT, OPEN, REBALANCE, WITHDRAW
from operators.orders.records import FILLED
from operators.pools import PoolInfo
from tests.operators.markets import ORIGINS
from tests.operators.paper.paper_market import PaperMarket, outcome, paper_params, wish

SHARE = 2_000
"""The protocol's part of every fee, basis points."""

TAXED = (
    PoolInfo("sol", Venue.METEORA, "SOL", "USDC", 20, 10_000, protocol_share=SHARE),
    PoolInfo("jup", Venue.SAROS, "JUP", "USDC", 10, 2_000, decimals_x=6, protocol_share=SHARE),
)
TEN = 10.0
RAW = (10**10, 10**7)
"""Ten whole X of each pool."""


def price(pool: int, bins: int) -> int:
    info = TAXED[pool]
    return price_x64(ORIGINS[pool] + bins - info.zero_bin, info.bin_step)


def providers_fee(pool: int, amount: int) -> int:
    info = TAXED[pool]
    rate = info.base_factor * info.bin_step * 10
    fee = -(-amount * rate // (10**9 - rate))
    return fee - fee * SHARE // 10_000


def asks(pool: int) -> PaperMarket:
    """A market whose strategy has put ten X into the ten bins above the price."""
    made = PaperMarket(paper_params(TAXED))
    made.row(pool, 0)
    made.row(pool, 0, wish(OPEN, lower=ORIGINS[pool] + 1, upper=ORIGINS[pool] + 10))
    made.row(pool, 0, wish(DEPOSIT, amount_x=TEN))
    made.row(pool, 0)
    return made


def bid(pool: int) -> PaperMarket:
    """A market whose strategy has put Y into the active bin and the one below."""
    made = PaperMarket(paper_params(TAXED))
    made.row(pool, 0)
    made.row(pool, 0, wish(OPEN, lower=ORIGINS[pool] - 1, upper=ORIGINS[pool]))
    made.row(pool, 0, wish(DEPOSIT, amount_y=2_000.0))
    made.row(pool, 0)
    return made


def position(made: PaperMarket) -> np.void:
    (row,) = made.synthetic
    return np.void(row.copy())


@pytest.mark.parametrize("pool", [0, 1])
def test_up_through_all_asks_and_back_earns_the_fees_of_both_ways(pool: int) -> None:
    made = asks(pool)
    begun = position(made)["x"][:10].tolist()
    assert sum(begun) == pytest.approx(RAW[pool], abs=10)  # the program rounds down bin by bin
    made.row(pool, 11)
    up = [int(x) * price(pool, 1 + place) >> 64 for place, x in enumerate(begun)]
    fees_up = [providers_fee(pool, y) for y in up]
    assert (made.book(pool)["position_x"], made.book(pool)["position_y"]) == (0, sum(up) + sum(fees_up))
    made.row(pool, 0)
    # On Saros the fee stays in the bin and turns with it; on Meteora it waits.
    stands = [y + fee for y, fee in zip(up, fees_up, strict=True)] if pool == 1 else up
    down = [(y << 64) // price(pool, 1 + place) for place, y in enumerate(stands)]
    fees_down = [providers_fee(pool, x) for x in down]
    now = made.book(pool)
    assert now["position_x"] == sum(down) + sum(fees_down)
    assert now["position_y"] == (0 if pool == 1 else sum(fees_up))
    made.row(pool, 0, wish(CLOSE))
    made.row(pool, 0)
    closed = made.book(pool)
    assert (closed["position_x"], closed["position_y"], closed["has_positions"]) == (0, 0, 0)
    assert closed["base"] == now["base"] + now["position_x"]
    assert closed["quote"] == now["quote"] + now["position_y"]
    assert made.adds_up()


def test_of_the_principal_nothing_is_lost_but_what_rounding_takes() -> None:
    made = asks(0)
    begun = position(made)["x"][:10].copy()
    made.row(0, 11)
    made.row(0, 0)
    lost = begun.astype(int) - position(made)["x"][:10].astype(int)
    most = math.ceil(2**64 / price(0, 1)) + 1  # a unit of Y on the way up, one of X on the way down
    assert ((lost >= 0) & (lost <= most)).all()


def test_what_the_position_earned_is_what_the_equity_gained() -> None:
    made = asks(0)
    made.row(0, 11)
    made.row(0, 0)
    made.row(0, 0)  # when a slot begins, all is marked as the last one left it
    book, row = made.book(0), position(made)
    earned = int(row["fee_y"]) * book["unit_y"] + int(row["fee_x"]) * book["unit_x"] * book["price"]
    assert earned > 1.0
    assert made.ledger["equity"] - 200_000.0 == pytest.approx(earned, abs=1e-3)
    held = (book["base"] + book["position_x"]) * book["unit_x"]
    assert book["realised"] + held * (book["price"] - book["cost"]) == pytest.approx(earned, abs=1e-3)
    assert made.account(0, 0)["realised"] == book["realised"]


def test_half_way_up_the_lower_bins_are_sold_and_the_active_one_is_not() -> None:
    made = asks(0)
    begun = position(made)["x"][:10]
    made.row(0, 4)
    now = position(made)
    assert now["x"][:3].tolist() == [0, 0, 0]
    assert (now["x"][3:10] == begun[3:]).all()
    assert (now["y"][:3] > 0).all()
    assert now["y"][3:].sum() == 0


def test_rows_in_between_change_nothing_of_the_way() -> None:
    jumped, walked = asks(0), asks(0)
    jumped.row(0, 11)
    for bins in range(1, 12):
        walked.row(0, bins)
    for field in ("x", "y", "fee_x", "fee_y"):
        assert (position(jumped)[field] == position(walked)[field]).all()


@pytest.mark.parametrize("pool", [0, 1])
def test_volume_that_stays_in_the_bin_earns_the_fee_on_our_part_of_it(pool: int) -> None:
    made = bid(pool)
    ours = int(position(made)["y"][1]) * made.book(pool)["unit_y"]
    before = int(made.book(pool)["position_y"])
    made.row(pool, 0, volume=50_000.0, liquidity=610_000)
    info = TAXED[pool]
    rate = info.base_factor * info.bin_step * 10 / 1e9
    fee = math.floor(rate * 50_000.0 * ours / (ours + 10_000.0) / 1e-6)
    assert fee > 10_000
    assert int(made.book(pool)["position_y"]) - before == pytest.approx(fee - fee * SHARE // 10_000, abs=1)


def test_volume_of_a_row_that_moves_the_bin_or_lies_beside_ours_earns_nothing() -> None:
    made = bid(0)
    before = made.book(0)["position_y"]
    made.row(0, 3, volume=50_000.0)
    made.row(0, 3, volume=50_000.0)
    assert made.book(0)["position_y"] == before


@pytest.mark.parametrize("liquidity", [0.0, 610_000.0, math.nan])
@pytest.mark.parametrize("volume", [math.nan, 0.0, -1.0, math.inf])
def test_volume_that_is_none_earns_nothing(volume: float, liquidity: float) -> None:
    made = bid(0)
    before = made.book(0)["position_y"]
    made.row(0, 0, volume=volume, liquidity=liquidity)
    assert made.book(0)["position_y"] == before


def test_alone_in_the_bin_we_earn_all_of_the_fee() -> None:
    made = bid(0)
    before = int(made.book(0)["position_y"])
    made.row(0, 0, volume=1_000.0, liquidity=0.0)
    fee = 2_000_000  # 0.2 % of it
    assert int(made.book(0)["position_y"]) - before == pytest.approx(fee - fee * SHARE // 10_000, abs=1)


def test_a_withdrawal_takes_its_part_and_leaves_the_fees_on_meteora() -> None:
    made = asks(0)
    made.row(0, 11)
    row, before = position(made), made.book(0)
    made.row(0, 11, wish(WITHDRAW, fraction=0.25))
    made.row(0, 11)
    after = made.book(0)
    assert after["quote"] - before["quote"] == sum(int(y) * 2_500 // 10_000 for y in row["y"])
    assert position(made)["fee_y"] == row["fee_y"] > 0
    made.row(0, 11, wish(CLAIM))
    made.row(0, 11)
    assert made.book(0)["quote"] - after["quote"] == row["fee_y"]
    assert made.adds_up()


def test_on_saros_a_claim_moves_nothing_for_the_fees_are_in_the_bins() -> None:
    made = asks(1)
    made.row(1, 11)
    before = made.book(1)
    made.row(1, 11, wish(CLAIM))
    made.row(1, 11)
    assert made.orders()["status"].tolist() == [FILLED] * 3
    assert made.book(1)["quote"] == before["quote"]


def ladder(pool: int, bins: int) -> dict[str, float]:
    origin = ORIGINS[pool] + bins
    return {"lower": origin - 8, "bid_upper": origin - 1, "ask_lower": origin + 1, "upper": origin + 8}


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(-14, 14), st.integers(0, 9)), min_size=4, max_size=30))
def test_cut_in_any_way_and_restarted_at_any_row_it_is_the_same(steps: list[tuple[int, int, int]]) -> None:
    broken = PaperMarket(paper_params(TAXED, number=2), restarts=True)
    for pool, bins, kind in steps:
        origin = ORIGINS[pool] + bins
        wishes = {
            1: [wish(OPEN, lower=origin - 6, upper=origin + 6)],
            2: [wish(DEPOSIT, amount_x=3.0, amount_y=70.0, shape=1)],
            3: [wish(WITHDRAW, fraction=0.4), wish(CLAIM, strategy=1)],
            4: [wish(CLOSE)],
            5: [wish(REBALANCE, shape=2, expected_profit=math.nan, **ladder(pool, bins))],
            6: [wish(REBALANCE, strategy=1, expected_profit=math.nan, **ladder(pool, bins))],
        }.get(kind, [])
        broken.row(pool, bins, *wishes, slots=kind % 2, volume=1_000.0)
        assert broken.adds_up()
    unbroken = outcome(broken.again(len(broken.tape)))
    assert outcome(broken.reports) == unbroken
    for size in (1, 7, 1_000):
        assert outcome(broken.again(size)) == unbroken
