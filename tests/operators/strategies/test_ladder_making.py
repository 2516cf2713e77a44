"""A ladder is wished once, and anew only when the price has left it or volatility is of another regime."""

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlmm.shapes import Shape
from operators.blocks import REBALANCE, ROW, SHAPES, TICK, Rows
from operators.strategies.interface import KernelStrategy
from operators.strategies.ladder_making import FIRST, LEFT, LONGEST_LIFE_S, REGIME, REPEATED, LadderMaking
from operators.strategies.runner import KernelRunner
from tests.operators.markets import JUP, SOL

STEP = math.log1p(SOL.bin_step / 10_000)
PLAIN = LadderMaking(spread_target=0.001, volatility_multiplier=0.0, min_updates=2, min_rebalance_s=0.0, repeat_slots=0)


def rows_at(bins: list[int], volatility: float = 0.001, seconds: float = 1.0, volume: float = 100.0) -> Rows:
    rows = np.zeros(len(bins), ROW)
    rows["active_id"] = bins
    rows["price"] = np.exp(np.array(bins) * STEP)
    rows["volatility"], rows["volume"], rows["liquidity"] = volatility, volume, 50_000.0
    rows["slot"] = 100 + np.arange(len(bins))
    rows["ts_event_ns"] = 1_700_000_000_000_000_000 + np.round(np.arange(len(bins)) * seconds * 1e9).astype(np.int64)
    return rows


def wishes(strategy: LadderMaking, rows: Rows) -> Rows:
    return KernelRunner(strategy, SOL).decide(rows)


def changed(**fields: object) -> LadderMaking:
    return msgspec.structs.replace(PLAIN, **fields)


def test_it_is_a_kernel_strategy_that_explains_itself() -> None:
    assert isinstance(PLAIN, KernelStrategy)
    assert len(PLAIN.reasons) == 4
    assert PLAIN.figures == ("spread", "volatility", "volume_per_s", "life_s")


@given(
    st.floats(1e-5, 0.2), st.floats(0.0, 30.0), st.floats(0.0, 0.1), st.integers(1, 64), st.integers(-30_000, 30_000)
)
def test_each_side_begins_where_half_the_spread_ends(
    target: float, multiplier: float, volatility: float, bins: int, active_id: int
) -> None:
    strategy = changed(spread_target=target, volatility_multiplier=multiplier, ladder_bins=bins)
    wish = wishes(strategy, rows_at([active_id] * 2, volatility))[0]
    spread = target * (1.0 + multiplier * volatility)
    offset = min(max(math.ceil(spread / 2.0 / STEP), 1), 69)
    fits = min(bins, 70 - offset)
    assert wish["kind"] == REBALANCE
    assert wish["figures"][0] == pytest.approx(spread)
    assert (wish["bid_upper"], wish["ask_lower"]) == (active_id - offset, active_id + offset)
    assert (wish["lower"], wish["upper"]) == (wish["bid_upper"] - fits + 1, wish["ask_lower"] + fits - 1)
    assert wish["upper"] - wish["lower"] < 140


def test_a_spread_beyond_all_bins_still_has_a_ladder() -> None:
    strategy = changed(volatility_multiplier=1e6, ladder_bins=64)
    wish = wishes(strategy, rows_at([0] * 2, volatility=1e300))[0]
    assert [int(wish[name]) for name in ("lower", "bid_upper", "ask_lower", "upper")] == [-69, -69, 69, 69]


def test_the_shape_is_the_chosen_one() -> None:
    wish = wishes(changed(ladder_shape=Shape.BID_ASK), rows_at([0] * 2))[0]
    assert SHAPES[wish["shape"]] is Shape.BID_ASK


def test_the_first_ladder_waits_for_an_estimate_of_volatility() -> None:
    made = wishes(changed(min_updates=10), rows_at([0] * 30))
    assert made["row"].tolist() == [9]
    assert made["reason"].tolist() == [FIRST]


def test_ticks_are_no_updates() -> None:
    rows = rows_at([0] * 12)
    rows["kind"][1:7] = TICK
    assert wishes(changed(min_updates=4), rows)["row"].tolist() == [9]


def test_a_flat_market_is_given_one_ladder_and_nothing_more() -> None:
    made = wishes(PLAIN, rows_at([0] * 5_000, volatility=0.0))
    assert made["row"].tolist() == [1]


@pytest.mark.parametrize("direction", [1, -1])
def test_the_price_leaves_a_ladder_beyond_its_outermost_bin(direction: int) -> None:
    path = [0, 0, 10 * direction, 0, 11 * direction, 11 * direction]
    made = wishes(changed(ladder_bins=10), rows_at(path))
    assert made["row"].tolist() == [1, 4]
    assert made["reason"].tolist() == [FIRST, LEFT]
    assert (made["lower"] + made["upper"]).tolist() == [0, 22 * direction]


@pytest.mark.parametrize(
    ("after", "changes"), [(5.99, False), (6.01, True), (1.51, False), (1.49, True), (3.0, False), (0.0, True)]
)
def test_volatility_is_of_another_regime_from_its_factor_on(after: float, changes: bool) -> None:
    rows = rows_at([0] * 4)
    rows["volatility"] = 3.0 * STEP, 3.0 * STEP, after * STEP, after * STEP
    made = wishes(changed(volatility_regime=2.0), rows)
    assert made["row"].tolist() == [1, 2][: 1 + changes]
    assert made["reason"].tolist() == [FIRST, REGIME][: 1 + changes]


def test_moves_finer_than_a_bin_make_no_regime() -> None:
    rows = rows_at([0] * 6)
    rows["volatility"] = 0.0, 0.0, 0.9 * STEP, 0.0, 1.9 * STEP, 2.1 * STEP
    assert wishes(PLAIN, rows)["row"].tolist() == [1, 5]


def test_no_ladder_is_moved_before_its_time() -> None:
    made = wishes(changed(ladder_bins=2, min_rebalance_s=5.0), rows_at([0, 0, 9, 9, 9, 9, 9, 30, 30, 30, 30, 30]))
    assert made["row"].tolist() == [1, 6, 11]
    assert made["reason"].tolist() == [FIRST, LEFT, LEFT]
    assert wishes(changed(ladder_bins=2), rows_at([0, 0, 9, 30]))["row"].tolist() == [1, 2, 3]


def test_a_ladder_that_fits_is_wished_again_where_it_was() -> None:
    made = wishes(changed(repeat_slots=3), rows_at([0, 0, 1, 2, 3, 4, 5, 4]))
    assert made["row"].tolist() == [1, 4, 7]
    assert made["reason"].tolist() == [FIRST, REPEATED, REPEATED]
    assert len(set(made[["lower", "bid_upper", "ask_lower", "upper"]].tolist())) == 1


def test_what_a_unit_earns_is_the_closed_form() -> None:
    volatility, volume, seconds = 0.004, 120.0, 0.5
    wish = wishes(changed(ladder_bins=10, min_updates=5), rows_at([0] * 5, volatility, seconds, volume))[0]
    reach = 11 * STEP
    life = reach**2 / (volatility**2 / seconds)
    fee = 10_000 * 20 * 10 / 1e9
    earned = volume / seconds * fee * life * (10 / 11) ** 2 * (71 / 20) / 50_000.0
    assert wish["figures"][1:].tolist() == pytest.approx([volatility, volume / seconds, life], rel=1e-9)
    assert wish["expected_profit"] == pytest.approx(earned, rel=1e-9)


def test_liquidity_providers_get_what_the_protocol_leaves() -> None:
    shared = msgspec.structs.replace(SOL, protocol_share=2_500)
    whole, part = (KernelRunner(PLAIN, pool).decide(rows_at([0] * 3))[0]["expected_profit"] for pool in (SOL, shared))
    assert part == pytest.approx(0.75 * whole)


def test_no_life_is_longer_than_an_hour_and_no_volume_earns_nothing() -> None:
    calm = wishes(PLAIN, rows_at([0] * 3, volatility=0.0))[0]
    assert calm["figures"][3] == LONGEST_LIFE_S
    assert calm["expected_profit"] > 0.0
    silent = wishes(PLAIN, rows_at([0] * 3, volume=math.nan))[0]
    assert silent["expected_profit"] == 0.0


def test_volume_of_rows_at_one_instant_is_added_up() -> None:
    rows = rows_at([0] * 9, volatility=0.0)
    rows["ts_event_ns"] = rows["ts_event_ns"][0] + np.arange(9) // 3 * 1_000_000_000
    wish = wishes(changed(min_updates=7), rows)[0]
    # Two rows of the first instant tell of trades, as the first row's own are older; then three a second.
    first = -math.expm1(-math.log(2.0) / 60.0)
    second = first
    average = (200.0 + 100.0) * first * (1.0 - second) + 300.0 * second
    assert wish["figures"][2] == pytest.approx(average / (first * (1.0 - second) + second))


def test_one_row_and_rows_without_liquidity_make_no_trouble() -> None:
    assert len(wishes(PLAIN, rows_at([0]))) == 0
    rows = rows_at([0] * 3)
    rows["liquidity"] = 0.0
    assert np.isfinite(wishes(PLAIN, rows)[0]["expected_profit"])


@pytest.mark.parametrize("active_id", [(1 << 31) - 1, -(1 << 31), 1 << 23, 351_639])
def test_bins_at_the_ends_of_all_numbers_crash_nothing(active_id: int) -> None:
    assert len(KernelRunner(PLAIN, JUP).decide(_flat_at(active_id))) >= 1


def _flat_at(active_id: int) -> Rows:
    rows = rows_at([0] * 3)
    rows["active_id"] = active_id
    return rows
