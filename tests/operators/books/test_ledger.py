"""The ledger's figures equal their definitions."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlmm.records import Venue
from operators.blocks import TAKE
from operators.books.ledger import open_books
from operators.pools import PoolInfo
from tests.operators.clockwork import UNIT_X, UNIT_Y, Clockwork, Rules
from tests.operators.markets import ORIGINS, POOLS, base_fee, bin_price, market, path, signal


def test_capital_is_split_evenly_over_the_pools_that_are_traded() -> None:
    pools = (*POOLS, PoolInfo("third", Venue.METEORA, "A", "USDC", 1, 10_000))
    books = open_books(pools, {0: 0.5, 2: 0.25}, 9_000.0)
    assert books["budget"].tolist() == [4_500.0, 0.0, 4_500.0]
    assert books["inventory_target"].tolist() == [0.5, 0.0, 0.25]


def test_the_base_fee_is_the_programs() -> None:
    pools = (*POOLS, PoolInfo("power", Venue.METEORA, "A", "USDC", 100, 5, base_fee_power_factor=2))
    assert open_books(pools, {}, 1.0)["fee_rate"].tolist() == pytest.approx([0.002, 0.0002, 0.0005])


def test_the_base_fee_is_capped_as_the_programs_cap_it() -> None:
    pools = (
        PoolInfo("dear", Venue.METEORA, "A", "USDC", 400, 65_535),
        PoolInfo("whole", Venue.METEORA, "A", "USDC", 100, 10_000, base_fee_power_factor=2),
        PoolInfo("saros", Venue.SAROS, "A", "USDC", 400, 65_535),
        PoolInfo("lost", Venue.SAROS, "A", "USDC", 10_000, 10_000),
    )
    fees = open_books(pools, {}, 1.0)["fee_rate"]
    assert fees.tolist() == pytest.approx([0.1, 0.1, 0.26214, 1.0])
    assert (fees < 1.0).all()


def test_a_pool_whose_fee_takes_everything_fills_nothing_and_kills_nothing() -> None:
    rows = path([0, -60, 60, 0])
    venue = Clockwork()
    venue.books["fee_rate"] = open_books((PoolInfo("lost", Venue.SAROS, "A", "USDC", 10_000, 10_000),), {}, 1.0)[
        "fee_rate"
    ][0]
    price = bin_price(0, -996)
    venue.walk(rows, signal(rows[0], bid=price * 1.5, ask=price / 1.5))
    assert venue.asked == []
    assert len(venue.open) == 2


@pytest.mark.parametrize("pool", [0, 1], ids=["meteora", "saros"])
def test_the_bins_price_is_that_of_the_pool_in_whole_tokens(pool: int) -> None:
    info, rows = POOLS[pool], market([(pool, 1, 7, 9)])
    rows["price"] = 1.0  # what the row says of the price does not count
    expected = (1.0 + info.bin_step / 1e4) ** (ORIGINS[pool] + 7 - (1 << 23 if pool else 0))
    expected *= 10.0 ** (info.decimals_x - info.decimals_y)
    assert Clockwork().walk(rows).books[pool]["bin_price"] == pytest.approx(expected, rel=1e-9)


def test_a_pool_no_row_has_shown_yet_counts_with_its_budget() -> None:
    venue = Clockwork(Rules(capital=1_000.0)).walk(path([0, 0]))
    assert venue["equity"] == pytest.approx(1_000.0, abs=1e-5)
    assert venue.books["is_open"].tolist() == [1, 0]


@settings(max_examples=40)
@given(st.integers(0, 19), st.floats(1e-9, 1e9), st.floats(0.0, 1.0))
def test_laying_out_a_budget_loses_less_than_one_raw_unit(decimals: int, price: float, target: float) -> None:
    rows = path([0])
    rows["price"] = price
    venue = Clockwork(Rules(inventory_target=target))
    venue.books[0]["unit_x"] = 10.0**-decimals
    venue.walk(rows)
    book = venue.books[0]
    assert 0 <= book["base"] <= 1 << 62
    worth = float(book["base"] * book["unit_x"] * price + book["quote"] * UNIT_Y[0])
    assert worth == pytest.approx(50_000.0, rel=1e-12, abs=2 * UNIT_Y[0])


def test_drawdown_is_measured_from_the_highest_equity_and_its_worst_is_kept() -> None:
    rows = path([0, 20, 20, -10, -10, 5, 5])
    venue = Clockwork(Rules(inventory_target=1.0, max_inventory_deviation=1.0)).walk(rows)
    # One pool of two trades: half of the capital moves with the price, the other half stays.
    high, low, last = (1.0 + bin_price(0, -996 + bins) / bin_price(0, -996) for bins in (20, -10, 5))
    assert venue["max_drawdown"] == pytest.approx(1.0 - low / high, rel=1e-6)
    assert venue["drawdown"] == pytest.approx(1.0 - last / high, rel=1e-6)


def bought_and_sold(fee_on_input: bool) -> Clockwork:
    rows = path([0, 0, 0, 0])
    fee = base_fee(0)

    def answer(order: int, pool: int, side: int, amount_in: int, active_id: int) -> tuple[int, int]:
        raw = bin_price(0, active_id) * UNIT_X[0] / UNIT_Y[0]
        whole = amount_in / raw if side > 0 else amount_in * raw
        out = math.floor(whole * (1.0 - fee))
        return out, math.ceil(amount_in * fee) if fee_on_input else math.ceil(whole * fee)

    venue = Clockwork(answer=answer)
    venue.fee_on_input = fee_on_input
    buy = signal(rows[0], TAKE, bid=bin_price(0, -996) * 1.01, bid_size=10.0)
    sell = signal(rows[1], TAKE, ask=bin_price(0, -996) * 0.99, ask_size=10.0)
    return venue.walk(rows, buy, sell)


@pytest.mark.parametrize("fee_on_input", [True, False])
def test_fees_are_valued_in_the_quote_currency_whichever_token_they_are_taken_in(fee_on_input: bool) -> None:
    venue = bought_and_sold(fee_on_input)
    paid = [fill["amount_in" if fill["side"] > 0 else "amount_out"] * UNIT_Y[0] for fill in venue.fills]
    # On the way in the fee is a part of what is paid; on the way out it was taken off already.
    expected = [paid[0] * 0.002, paid[1] * 0.002 / 0.998]
    assert venue.fills["fee"].tolist() == pytest.approx(expected, rel=1e-6)
    assert venue.books[0]["fees"] == pytest.approx(sum(expected), rel=1e-6)


def test_cost_is_the_average_paid_and_a_sell_realises_against_it() -> None:
    venue = bought_and_sold(True)
    price = bin_price(0, -996)
    bought, sold = venue.fills
    held = float(Clockwork().walk(path([0])).books[0]["base"]) * UNIT_X[0]
    paid, got = bought["amount_in"] * UNIT_Y[0], bought["amount_out"] * UNIT_X[0]
    cost = (held * price + paid) / (held + got)
    received = sold["amount_out"] * UNIT_Y[0]
    assert venue.books[0]["cost"] == pytest.approx(cost, rel=1e-12)
    assert (bought["realised"], sold["realised"]) == (0.0, pytest.approx(received - cost * 10.0))
    assert bought["price"] == pytest.approx(paid / got)
    assert sold["price"] == pytest.approx(received / 10.0)
    assert venue["volume"] == pytest.approx(paid + received)
    assert (venue["wins"], venue["losses"]) == (0, 1)
    assert venue["gross_loss"] == pytest.approx(-float(sold["realised"]))


def test_samples_are_stamped_with_their_interval_and_show_the_state_before_the_row() -> None:
    rows = path([0, 0, 5, 5, 5, 9], slots=4)  # 1.6 s apart
    venue = Clockwork(Rules(interval_ns=1_000_000_000)).walk(rows)
    seconds = (venue.samples["ts_event_ns"] - rows["ts_event_ns"][0]) // 10**9
    assert seconds.tolist() == [1, 3, 4, 6, 8]
    flat = float(venue.samples["equity"][0])
    assert venue.samples["equity"][1] == flat
    assert venue.samples["equity"][2] > flat
    assert np.isfinite(venue.samples["drawdown"]).all()
