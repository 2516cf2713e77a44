"""Every row leaves the view complete, and a tick says again what was last known."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from operators.blocks import TICK
from operators.market.pool_view import PoolView
from tests.operators.markets import market, moves, path, ticks_among


def test_liquidity_is_carried_forward_from_the_last_row_that_said_it() -> None:
    rows = PoolView(7.0).complete(market([(0, 1, 0, 0), (0, 1, 0, 500), (0, 1, 0, 0), (0, 1, 0, 900), (0, 1, 0, 0)]))
    assert rows["liquidity"].tolist() == [7.0, 500.0, 500.0, 900.0, 900.0]


def test_liquidity_of_nothing_is_believed() -> None:
    rows = market([(0, 1, 0, 500), (0, 1, 0, 0), (0, 1, 0, 0)])
    rows["liquidity"][1] = 0.0
    assert PoolView(7.0).complete(rows)["liquidity"].tolist() == [500.0, 0.0, 0.0]


def test_an_unknown_volume_counts_as_none() -> None:
    rows = path([0, 1])
    rows["volume"] = [math.nan, 3.0]
    assert PoolView(7.0).complete(rows)["volume"].tolist() == [0.0, 3.0]


def test_a_tick_repeats_price_bin_and_liquidity() -> None:
    rows = PoolView(7.0).complete(ticks_among(path([3, 9, 4], liquidity=500), [False, True, False]))
    assert rows["price"][1] == rows["price"][0]
    assert rows["active_id"][1] == rows["active_id"][0]
    assert rows["liquidity"].tolist() == [500.0, 500.0, 500.0]
    assert rows["slot"].tolist() == [1_000, 1_001, 1_002]


def test_a_tick_before_the_first_price_is_left_out() -> None:
    rows = PoolView(7.0).complete(ticks_among(path([3, 9, 4]), [True, True, False]))
    assert rows["slot"].tolist() == [1_002]


@given(moves(40, pools=1), st.data())
def test_every_row_that_leaves_is_complete(made: list[tuple[int, int, int, int]], data: st.DataObject) -> None:
    market_rows = market(made)
    is_tick = data.draw(st.lists(st.booleans(), min_size=len(made), max_size=len(made)))
    rows = PoolView(7.0).complete(ticks_among(market_rows, is_tick))
    assert (rows["price"] > 0.0).all()
    assert np.isfinite(rows["liquidity"]).all()
    assert np.isfinite(rows["volume"]).all()
    from_market = rows[rows["kind"] != TICK]
    assert from_market["seq"].tolist() == market_rows["seq"][~np.array(is_tick)].tolist()
    assert from_market["price"].tolist() == market_rows["price"][~np.array(is_tick)].tolist()
