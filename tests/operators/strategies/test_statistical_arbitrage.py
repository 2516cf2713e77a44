"""Rounds are wanted where a gap is large, unusual, believed and beyond its fees: known markets, known answers."""

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlmm.records import Venue
from operators.blocks import ARBITRAGE, ROW, TICK, Rows, order_by_seq
from operators.pools import PoolInfo
from operators.strategies.groups import GroupRunner
from operators.strategies.interface import GroupStrategy
from operators.strategies.price_grid import SAMPLES
from operators.strategies.statistical_arbitrage import AGAIN_SLOTS, PAIR, PRIOR, TRIANGLE, StatisticalArbitrage
from tests.operators.markets import cut, places

# A base fee of a tenth of a percent each.
HERE = PoolInfo("here", Venue.METEORA, "SOL", "USDC", 10, 10_000)
THERE = PoolInfo("there", Venue.SAROS, "SOL", "USDC", 20, 5_000, decimals_x=8)
TURNED = PoolInfo("turned", Venue.METEORA, "USDC", "SOL", 10, 10_000, decimals_x=6, decimals_y=9)
MSOL = PoolInfo("msol", Venue.METEORA, "mSOL", "USDC", 10, 10_000)
MSOL_SOL = PoolInfo("msol-sol", Venue.METEORA, "mSOL", "SOL", 10, 10_000)
TWO = (HERE, THERE)
COST = -2.0 * math.log(0.999)
SECOND = 10**9
START_NS = 1_700_000_000 * SECOND


def market(steps: list[tuple[float, int, float]]) -> Rows:
    """Make rows of (second, pool, price), two slots a second."""
    rows = np.zeros(len(steps), ROW)
    for index, (second, pool, price) in enumerate(steps):
        rows[index]["seq"] = 1 + index
        rows[index]["slot"] = 1_000 + math.floor(2.0 * second)
        rows[index]["ts_event_ns"] = START_NS + round(second * SECOND)
        rows[index]["pool"] = pool
        rows[index]["price"] = price
    return rows


def level(seconds: int, *prices: float) -> list[tuple[float, int, float]]:
    """Every pool at its price, once a second."""
    return [(float(second), pool, price) for second in range(seconds) for pool, price in enumerate(prices)]


def wanted(
    steps: list[tuple[float, int, float]],
    pools: tuple[PoolInfo, ...] = TWO,
    strategy: StatisticalArbitrage | None = None,
) -> Rows:
    rows = market(steps)
    runner = GroupRunner(strategy or StatisticalArbitrage(), pools, frozenset(range(len(pools))))
    return runner.decide(rows, order_by_seq(rows))


def test_it_is_a_strategy_over_several_pools_that_explains_itself() -> None:
    assert isinstance(StatisticalArbitrage(), GroupStrategy)
    assert len(StatisticalArbitrage.reasons) == 2
    assert len(StatisticalArbitrage.figures) == 4


@pytest.mark.parametrize(("stepped", "bought", "sold"), [(101.0, 0, 1), (99.0, 1, 0)])
def test_a_step_in_one_of_two_pools_buys_in_the_cheap_and_sells_in_the_dear(
    stepped: float, bought: int, sold: int
) -> None:
    (signal,) = wanted([*level(400, 100.0, 100.0), (400.0, 1, stepped)])
    assert signal["kind"] == ARBITRAGE
    assert (signal["pool"], signal["other_pool"], signal["third_pool"]) == (bought, sold, -1)
    assert signal["directions"] == 0b10
    assert signal["seq"] == 801
    assert signal["urgency"] == 2
    assert signal["reason"] == PAIR
    assert np.isnan([signal["bid_size"], signal["expected_profit"]]).all()
    gap = abs(math.log(stepped / 100.0))
    deviation = COST * math.sqrt(PRIOR / (PRIOR + SAMPLES))
    assert signal["figures"][[0, 1, 3]] == pytest.approx([math.exp(gap) - 1.0, gap / deviation, 1.0])
    assert signal["figures"][2] == 0.0
    assert signal["confidence"] == pytest.approx(math.erf(gap / deviation / math.sqrt(2.0)))


def test_a_flat_market_wants_nothing() -> None:
    assert len(wanted(level(900, 100.0, 100.0))) == 0
    assert len(wanted(level(900, 100.0, 100.15))) == 0


def test_an_edge_smaller_than_the_fees_wants_nothing() -> None:
    calm = level(400, 100.0, 100.0)
    eager = StatisticalArbitrage(min_deviation_threshold=1e-6, entry_zscore=1e-6, confidence_threshold=0.0)
    just_within, just_beyond = 100.0 * math.exp(COST * 0.9999), 100.0 * math.exp(COST * 1.0001)
    assert len(wanted([*calm, (400.0, 1, just_within)], strategy=eager)) == 0
    assert len(wanted([*calm, (400.0, 1, just_beyond)], strategy=eager)) == 1


def test_a_deviation_below_the_threshold_wants_nothing_though_it_would_pay() -> None:
    calm = level(400, 100.0, 100.0)
    strategy = StatisticalArbitrage(min_deviation_threshold=0.005)
    assert len(wanted([*calm, (400.0, 1, 100.49)], strategy=strategy)) == 0
    assert len(wanted([*calm, (400.0, 1, 100.51)], strategy=strategy)) == 1


def test_one_trade_is_no_history_and_wants_nothing() -> None:
    assert len(wanted([(0.0, 0, 100.0)])) == 0
    assert len(wanted([])) == 0
    assert len(wanted([(float(second), 0, 100.0 + second) for second in range(100)])) == 0


def test_with_a_window_longer_than_the_recording_parity_within_the_fees_is_what_is_expected() -> None:
    strategy = StatisticalArbitrage(lookback_period_minutes=10_080.0)
    at_once = [(0.0, 0, 100.0), (0.1, 1, 100.0 * math.exp(2.01 * COST))]
    assert wanted(at_once, strategy=strategy)["figures"][0, 1] == pytest.approx(2.01)
    short_of_it = [(0.0, 0, 100.0), (0.1, 1, 100.0 * math.exp(1.99 * COST))]
    assert len(wanted(short_of_it, strategy=strategy)) == 0


def test_an_offset_within_the_fees_is_the_expected_ratio_once_the_window_has_seen_it() -> None:
    offset = 0.8 * COST
    quiet = level(400, 100.0, 100.0 * math.exp(offset))
    back = [(400.0, 1, 100.0 * math.exp(-0.9 * COST)), (401.0, 1, 100.0 * math.exp(-2.0 * COST))]
    (signal,) = wanted([*quiet, *back])
    expected = offset * SAMPLES / (SAMPLES + PRIOR)
    assert (signal["pool"], signal["other_pool"]) == (1, 0)
    assert signal["figures"][3] == pytest.approx(math.exp(-expected), rel=1e-6)
    assert signal["figures"][0] == pytest.approx(math.exp(2.0 * COST + expected) - 1.0, rel=1e-3)


def test_an_offset_beyond_the_fees_stays_wanted_however_long_it_lasts() -> None:
    signals = wanted(level(900, 100.0, 100.0 * math.exp(3.0 * COST)))
    assert signals["seq"][-1] > 1_790
    assert signals["figures"][-1, 3] == pytest.approx(math.exp(COST * SAMPLES / (SAMPLES + PRIOR)))


def test_gaps_that_keep_coming_are_taken_each_time() -> None:
    swinging = [
        step
        for second in range(400)
        for step in ((float(second), 0, 100.0), (second + 0.5, 1, 101.0 if second // 20 % 2 else 100.0))
    ]
    signals = wanted(swinging)
    openings = [2 * second + 2 for second in range(20, 400, 40)]
    assert set(openings) <= set(signals["seq"].tolist())


def test_a_swing_within_the_fees_makes_a_small_gap_beyond_them_less_unusual() -> None:
    def after(*quiet: float) -> Rows:
        calm = [
            step
            for second in range(400)
            for step in ((float(second), 0, 100.0), (second + 0.5, 1, quiet[second // 9 % 2]))
        ]
        strategy = StatisticalArbitrage(min_deviation_threshold=1e-6, entry_zscore=1e-6, confidence_threshold=0.0)
        return wanted([*calm, (400.0, 1, 100.0 * math.exp(1.5 * COST))], strategy=strategy)["figures"][:, 1]

    (calm,) = after(100.0, 100.0)
    (swinging,) = after(100.0 * math.exp(0.9 * COST), 100.0 * math.exp(-0.9 * COST))
    assert calm == pytest.approx(1.5 / math.sqrt(PRIOR / (PRIOR + SAMPLES)))
    assert 1.0 < swinging < 2.0


def test_a_gap_that_takes_long_to_close_is_believed_less() -> None:
    slow = [(float(second), 1, 100.0 + (5.0 if second > 280 else 0.0)) for second in range(300)]
    steps = sorted([*slow, *((float(second), 0, 100.0) for second in range(300))])
    signals = wanted(steps, strategy=StatisticalArbitrage(confidence_threshold=0.0))
    first, last = signals[0], signals[-1]
    assert first["confidence"] == pytest.approx(1.0)
    assert last["figures"][2] > 60.0
    assert last["confidence"] == pytest.approx(1.0 / (1.0 + last["figures"][2] / 300.0))
    assert wanted(steps, strategy=StatisticalArbitrage(confidence_threshold=0.9))["seq"].max() < last["seq"]


def test_confidence_below_its_threshold_wants_nothing() -> None:
    steps = [(0.0, 0, 100.0), (0.1, 1, 100.0 * math.exp(2.1 * COST))]
    confidence = math.erf(2.1 / math.sqrt(2.0))
    assert len(wanted(steps, strategy=StatisticalArbitrage(confidence_threshold=confidence + 1e-6))) == 0
    (signal,) = wanted(steps, strategy=StatisticalArbitrage(confidence_threshold=confidence - 1e-6))
    assert signal["confidence"] == pytest.approx(confidence)


def test_free_swaps_and_constant_prices_leave_no_deviation_and_any_gap_is_unusual() -> None:
    free = tuple(msgspec.structs.replace(info, base_factor=0) for info in TWO)
    (signal,) = wanted([*level(400, 100.0, 100.0), (400.0, 1, 100.3)], free)
    assert signal["figures"][1] == math.inf
    assert signal["confidence"] == 1.0
    assert len(wanted(level(400, 100.0, 100.0), free)) == 0


@pytest.mark.parametrize("stepped", [101.0, 99.0])
def test_a_pool_of_reversed_order_is_the_same_market_with_its_swap_turned(stepped: float) -> None:
    calm, turned = level(400, 100.0, 100.0), level(400, 100.0, 0.01)
    (plain,) = wanted([*calm, (400.0, 1, stepped)])
    (other,) = wanted([*turned, (400.0, 1, 1.0 / stepped)], (HERE, TURNED))
    assert (other["pool"], other["other_pool"]) == (plain["pool"], plain["other_pool"])
    assert other["figures"][[0, 1, 3]] == pytest.approx(plain["figures"][[0, 1, 3]], rel=1e-6)
    # Buying SOL gives Y in the one and X in the other.
    assert other["directions"] == (0b00 if stepped > 100.0 else 0b11)


def test_the_same_gap_is_wanted_again_after_some_slots_once_it_changes_or_when_it_opens_anew() -> None:
    calm = level(400, 100.0, 100.0)
    gap = [(400.0 + tenth / 10.0, 1, 101.0) for tenth in range(45)]
    slots = [1_800 + number * AGAIN_SLOTS for number in range(3)]
    rows = market([*calm, *gap])
    assert rows["slot"][wanted([*calm, *gap])["seq"] - 1].tolist() == slots
    changing = [(400.0, 1, 101.0), (400.1, 1, 101.03), (400.2, 1, 101.06), (400.3, 1, 100.9)]
    assert wanted([*calm, *changing])["seq"].tolist() == [801, 803, 804]
    closing = [(400.0, 1, 101.0), (400.1, 1, 101.0), (400.2, 1, 100.1), (400.3, 1, 101.0)]
    assert wanted([*calm, *closing])["seq"].tolist() == [801, 804]


def test_a_tick_wants_again_what_did_not_land_in_a_silent_market() -> None:
    rows = market([*level(400, 100.0, 100.0), (400.0, 1, 101.0), (402.5, 0, 100.0)])
    rows["kind"][-1] = TICK
    signals = GroupRunner(StatisticalArbitrage(), TWO, frozenset({0, 1})).decide(rows, order_by_seq(rows))
    assert signals["seq"].tolist() == [801, 802]


def test_of_several_pools_the_largest_edge_speaks() -> None:
    third = msgspec.structs.replace(HERE, pool="third")
    (signal,) = wanted([*level(400, 100.0, 100.5, 99.8), (400.0, 1, 101.0)], (*TWO, third))[-1:]
    assert (signal["pool"], signal["other_pool"]) == (2, 1)


@pytest.mark.parametrize(
    ("msol_sol", "route", "directions"),
    [
        # Dear in SOL: buy mSOL for USDC, give it for SOL, sell the SOL; cheap: the other way round.
        (1.13, (1, 2, 0), 0b110),
        (1.07, (0, 2, 1), 0b100),
    ],
)
def test_a_triangle_is_walked_the_way_that_pays(msol_sol: float, route: tuple[int, int, int], directions: int) -> None:
    pools = (HERE, MSOL, MSOL_SOL)
    calm = level(400, 100.0, 110.0, 1.1)
    (signal,) = wanted([*calm, (400.0, 2, msol_sol)], pools)
    assert (signal["pool"], signal["other_pool"], signal["third_pool"]) == route
    assert signal["directions"] == directions
    assert signal["reason"] == TRIANGLE
    assert signal["figures"][0] == pytest.approx(max(msol_sol / 1.1, 1.1 / msol_sol) - 1.0)
    assert len(wanted([*calm, (400.0, 2, 1.1 * math.exp(1.49 * COST))], pools)) == 0
    assert len(wanted([*calm, (400.0, 2, msol_sol)], pools, StatisticalArbitrage(triangles=False))) == 0


WALK = st.lists(
    st.tuples(st.floats(0.0, 30.0), st.integers(0, 2), st.sampled_from((99.0, 99.7, 100.0, 100.3, 100.6, 101.5))),
    max_size=60,
)


@given(WALK, places())
def test_cuts_and_restarts_change_no_byte(walk: list[tuple[float, int, float]], cuts: list[int]) -> None:
    pools = (*TWO, msgspec.structs.replace(TURNED, base="SOL", quote="USDC"))
    steps, now = [], 0.0
    for seconds, pool, price in walk:
        now += seconds
        steps.append((now, pool, price))
    rows = market(steps)

    def fresh() -> GroupRunner:
        return GroupRunner(StatisticalArbitrage(), pools, frozenset(range(3)))

    runner, parts = fresh(), [np.zeros(0, fresh().decide(rows[:0], order_by_seq(rows[:0])).dtype)]
    for piece in cut(rows, cuts):
        parts.append(runner.decide(piece, order_by_seq(piece)))
        state = runner.snapshot()
        runner = fresh()
        runner.restore(state)
    whole, pieces = fresh().decide(rows, order_by_seq(rows)).copy(), np.concatenate(parts)
    whole["row"] = pieces["row"] = 0
    assert pieces.tobytes() == whole.tobytes()
