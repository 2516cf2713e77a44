"""A pair that reverts is entered and left at known rows, is given up where it must be, and what is flat is let be."""

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlmm.records import Venue
from operators.blocks import ARBITRAGE, TICK, Rows, order_by_seq
from operators.pools import PoolInfo
from operators.strategies.cointegration import (
    AGAIN_SLOTS,
    EXIT_TRIES,
    PAIRS,
    RETURNED,
    STOPPED,
    STRAYED,
    TIMED_OUT,
    Cointegration,
)
from operators.strategies.groups import GroupRunner
from operators.strategies.interface import GroupStrategy, StrategyError
from operators.strategies.price_grid import SAMPLES
from tests.operators.markets import cut, places
from tests.operators.strategies.test_statistical_arbitrage import market

MSOL = PoolInfo("msol", Venue.METEORA, "mSOL", "USDC", 10, 10_000)
SOL = PoolInfo("sol", Venue.SAROS, "SOL", "USDC", 20, 5_000)
JITO = PoolInfo("jito", Venue.METEORA, "jitoSOL", "USDC", 10, 10_000)
POOLS = (MSOL, SOL, JITO)
PAIR = (("msol", "sol"),)
ALL = frozenset(range(3))
SWING = 0.005
"""How far the spread swings on either side of its mean, once a sample: its standard deviation."""
WINDOW_S = 305
"""When the window is full, with samples five seconds apart, the first at the end of the first interval."""


def swinging(seconds: int = WINDOW_S, swing: float = SWING) -> list[tuple[float, int, float]]:
    """mSOL at 1.1 SOL, give or take the swing; SOL at 100."""
    return [
        step
        for at in range(0, seconds, 5)
        for step in ((at + 0.0, 1, 100.0), (at + 1.0, 0, 110.0 * math.exp(swing if at // 5 % 2 else -swing)))
    ]


def spread_at(second: float, z_score: float, pool: int = 0) -> tuple[float, int, float]:
    """A price that puts the spread so many of the swings from its mean."""
    return (second, pool, (110.0 if pool == 0 else 100.0) * math.exp((z_score if pool == 0 else -z_score) * SWING))


def wanted(steps: list[tuple[float, int, float]], **settings: object) -> Rows:
    rows = market(steps)
    strategy = Cointegration(**{"pairs": PAIR, "min_deviation_threshold": 0.002, **settings})  # type: ignore[arg-type]
    return GroupRunner(strategy, POOLS, ALL).decide(rows, order_by_seq(rows))


def said(signals: Rows) -> list[tuple[int, int, int]]:
    """Reason, pool sold in, pool bought in; without what is only said again."""
    texts = [(int(one["reason"]), int(one["pool"]), int(one["other_pool"])) for one in signals]
    return [text for index, text in enumerate(texts) if text[0] == STRAYED or text not in texts[:index]]


def test_it_is_a_strategy_over_several_pools_that_explains_itself() -> None:
    assert isinstance(Cointegration(PAIR), GroupStrategy)
    assert len(Cointegration.reasons) == 4
    assert len(Cointegration.figures) == 4


@pytest.mark.parametrize(("way", "sold", "bought"), [(1.0, 0, 1), (-1.0, 1, 0)])
def test_a_pair_that_strays_and_returns_is_exchanged_and_exchanged_back(way: float, sold: int, bought: int) -> None:
    calm = swinging()
    walk = [spread_at(WINDOW_S + at, way * z) for at, z in enumerate((1.9, 2.1, 3.0, 1.0, 0.6, 0.4))]
    entry, leaving = wanted([*calm, *walk])[:2]
    assert (entry["seq"], leaving["seq"]) == (len(calm) + 2, len(calm) + 6)
    for signal, places_, reason in ((entry, (sold, bought), STRAYED), (leaving, (bought, sold), RETURNED)):
        assert signal["kind"] == ARBITRAGE
        assert (signal["pool"], signal["other_pool"], signal["third_pool"]) == (*places_, -1)
        assert signal["directions"] == 0b01
        assert signal["reason"] == reason
        assert math.isnan(signal["bid_size"])
    assert math.isnan(entry["fraction"])
    assert leaving["fraction"] == 1.0
    dear, fair = 110.0 * math.exp(way * 2.1 * SWING), 100.0
    assert (entry["ask"], entry["bid"]) == pytest.approx((dear, fair) if way > 0 else (fair, dear))
    deviation, z_score, half_life_s, ratio = entry["figures"]
    assert deviation == pytest.approx(math.exp(way * 2.1 * SWING) - 1.0)
    assert z_score == pytest.approx(way * 2.1)
    assert half_life_s == 0.0  # the swing turns with every sample
    assert ratio == pytest.approx(1.1)
    assert entry["confidence"] == pytest.approx(math.erf(2.1 / math.sqrt(2.0)))
    assert leaving["figures"][1] == pytest.approx(way * 0.4)


def test_the_other_pool_may_be_the_one_that_strays() -> None:
    calm = swinging()
    signals = wanted([*calm, spread_at(WINDOW_S, 1.0), spread_at(WINDOW_S + 1, 2.1, pool=1)])
    assert len(signals) == 1
    assert (signals[0]["pool"], signals[0]["other_pool"]) == (0, 1)


def test_a_spread_that_strays_on_is_given_up_once_and_not_entered_again_until_it_was_calm() -> None:
    stopped = [spread_at(WINDOW_S + at, z) for at, z in enumerate((2.5, 3.9, 4.1))]
    away = [spread_at(WINDOW_S + 5 + at, 3.5) for at in range(30)]
    signals = wanted([*swinging(), *stopped, *away])
    assert said(signals) == [(STRAYED, 0, 1), (STOPPED, 1, 0)]
    assert signals["urgency"][1] == 2
    calm = [spread_at(WINDOW_S + 5 + at, 0.0) for at in range(30)]
    again = wanted([*swinging(), *stopped, *calm, spread_at(WINDOW_S + 40, 3.5)])
    assert said(again) == [(STRAYED, 0, 1), (STOPPED, 1, 0), (STRAYED, 0, 1)]


def test_a_position_is_left_when_its_time_is_up_on_whichever_row_comes() -> None:
    steps = [*swinging(), *[spread_at(WINDOW_S + at, 2.5) for at in range(0, 130, 2)]]
    signals = wanted(steps, max_holding_minutes=2.0)
    assert said(signals) == [(STRAYED, 0, 1), (TIMED_OUT, 1, 0)]
    times = [steps[int(seq) - 1][0] for seq in signals["seq"][:2]]
    assert times == [WINDOW_S, WINDOW_S + 120]
    rows = market([*swinging(), spread_at(WINDOW_S, 2.5), (WINDOW_S + 121, 1, 100.0)])
    rows["kind"][-1] = TICK
    ticked = GroupRunner(Cointegration(PAIR, max_holding_minutes=2.0), POOLS, ALL).decide(rows, order_by_seq(rows))
    assert ticked["reason"].tolist() == [STRAYED, TIMED_OUT]


def slots_of(steps: list[tuple[float, int, float]], signals: Rows) -> list[int]:
    return [1_000 + math.floor(2.0 * steps[int(seq) - 1][0]) for seq in signals["seq"]]


def test_an_exit_is_said_a_few_times_each_pause_twice_as_long() -> None:
    steps = [*swinging(), spread_at(WINDOW_S, 2.5), *[spread_at(WINDOW_S + 1 + at / 2, 0.0) for at in range(400)]]
    signals = wanted(steps)
    leaving = signals[signals["reason"] == RETURNED]
    assert (len(signals), len(leaving)) == (1 + EXIT_TRIES, EXIT_TRIES)
    assert np.diff(slots_of(steps, leaving)).tolist() == [AGAIN_SLOTS * 2**pause for pause in range(EXIT_TRIES - 1)]


def test_an_exit_whose_reason_has_changed_is_said_again_at_once() -> None:
    steps = [*swinging(), *[spread_at(WINDOW_S + at, z) for at, z in enumerate((2.5, 0.4, 1.9, 4.1, 4.2, 4.3))]]
    signals = wanted(steps)
    assert signals["reason"].tolist() == [STRAYED, RETURNED, STOPPED]
    assert slots_of(steps, signals) == [1_000 + 2 * (WINDOW_S + at) for at in (0, 1, 3)]
    assert signals["pool"].tolist() == [0, 1, 1]
    assert signals["urgency"].tolist() == [1, 1, 2]


def test_a_new_position_ends_the_exit_from_the_one_before() -> None:
    steps = [*swinging(), *[spread_at(WINDOW_S + at, z) for at, z in enumerate((2.5, 0.0, 0.0, -2.5, *[-1.0] * 60))]]
    assert wanted(steps)["reason"].tolist() == [STRAYED, RETURNED, STRAYED]


def test_a_flat_market_and_constant_prices_want_nothing() -> None:
    assert len(wanted(swinging(1_200))) == 0
    constant = [(float(at), pool, price) for at in range(700) for pool, price in ((0, 110.0), (1, 100.0))]
    assert len(wanted([*constant, (700.0, 0, 115.0)])) == 0


def test_an_edge_smaller_than_the_fees_of_four_swaps_wants_nothing() -> None:
    # Left at half a deviation, an entry at 2.1 has 1.6 of them to earn; the four fees are 0.4 %.
    fees = -4.0 * math.log(0.999)
    for swing, entries in ((fees / 1.6 * 1.001, 1), (fees / 1.6 * 0.999, 0)):
        steps = [*swinging(swing=swing), (WINDOW_S + 0.0, 0, 110.0 * math.exp(2.1 * swing))]
        assert len(wanted(steps)) == entries


def test_a_deviation_below_the_threshold_wants_nothing() -> None:
    steps = [*swinging(), spread_at(WINDOW_S, 2.5)]
    assert len(wanted(steps, min_deviation_threshold=math.exp(2.5 * SWING) - 1.0 + 1e-6)) == 0
    assert len(wanted(steps, min_deviation_threshold=math.exp(2.5 * SWING) - 1.0 - 1e-6)) == 1


def test_beyond_the_stop_and_below_the_confidence_nothing_is_entered() -> None:
    assert len(wanted([*swinging(), spread_at(WINDOW_S, 4.5)])) == 0
    believed = math.erf(2.5 / math.sqrt(2.0))
    steps = [*swinging(), spread_at(WINDOW_S, 2.5)]
    assert len(wanted(steps, confidence_threshold=believed + 1e-6)) == 0
    assert len(wanted(steps, confidence_threshold=believed - 1e-6)) == 1


def test_a_spread_that_shows_no_pull_is_not_entered() -> None:
    trend = [
        step
        for at in range(0, WINDOW_S, 5)
        for step in ((at + 0.0, 1, 100.0), (at + 1.0, 0, 110.0 * math.exp(SWING * (at / 100.0) ** 2)))
    ]
    jump = (float(WINDOW_S), 0, 110.0 * math.exp(SWING * 16.0))
    assert len(wanted([*trend, jump], stop_zscore=100.0, confidence_threshold=0.0)) == 0


def test_a_window_that_is_not_full_wants_nothing() -> None:
    assert len(wanted([*swinging(WINDOW_S - 10), spread_at(WINDOW_S - 10, 3.0)])) == 0
    assert len(wanted([*swinging(), spread_at(WINDOW_S, 3.0)], lookback_period_minutes=60.0)) == 0
    assert len(wanted([(0.0, 0, 110.0)])) == 0
    assert SAMPLES * 5 < WINDOW_S + 5


def test_the_mean_of_the_entry_counts_until_the_exit() -> None:
    # The window has long taken the new level for its mean; the position has not.
    stays = [spread_at(WINDOW_S + at, 2.5) for at in range(600)]
    assert said(wanted([*swinging(), *stays])) == [(STRAYED, 0, 1)]


def test_a_pool_may_be_in_two_pairs_and_each_has_its_position() -> None:
    pairs = (("msol", "sol"), ("jito", "sol"))
    calm = sorted([*swinging(), *((at + 2.0, 2, price * 1.2) for at, pool, price in swinging() if pool == 0)])
    walk = [spread_at(WINDOW_S, 2.5), (WINDOW_S + 1.0, 2, 132.0 * math.exp(-2.5 * SWING)), spread_at(WINDOW_S + 2, 0.0)]
    assert said(wanted([*calm, *walk], pairs=pairs)) == [(STRAYED, 0, 1), (STRAYED, 1, 2), (RETURNED, 1, 0)]


@pytest.mark.parametrize(
    ("pairs", "complaint"),
    [
        ((("sol", "sol"),), "the two pools of a pair are one pool, sol"),
        ((("sol", "bonk"),), "bonk is not traded; traded are msol, sol, jito, sol again"),
        ((("sol", "sol again"),), "sol and sol again trade one token"),
        ((("sol", "msol"), ("msol", "sol")), "two pairs are of the same pools"),
    ],
)
def test_a_pair_that_is_none_is_refused_by_name(pairs: tuple[tuple[str, str], ...], complaint: str) -> None:
    with pytest.raises(StrategyError, match=f"cointegrated: {complaint}"):
        Cointegration(pairs).groups((*POOLS, msgspec.structs.replace(SOL, pool="sol again")), frozenset(range(4)))


def test_more_pairs_than_are_followed_are_refused() -> None:
    pools = tuple(PoolInfo(f"p{number}", Venue.METEORA, f"T{number}", "USDC", 10, 10_000) for number in range(8))
    pairs = tuple((f"p{one}", f"p{other}") for one in range(8) for other in range(one))[: PAIRS + 1]
    with pytest.raises(StrategyError, match=f"{PAIRS} pairs of 16 pools at most, here are {PAIRS + 1}"):
        Cointegration(pairs).groups(pools, frozenset(range(8)))


WALK = st.lists(st.tuples(st.sampled_from((0.5, 3.0, 40.0)), st.sampled_from((-4.5, -2.5, -0.3, 0.0, 2.2, 3.0, 5.0))))


@given(WALK, places())
def test_cuts_and_restarts_change_no_byte(walk: list[tuple[float, float]], cuts: list[int]) -> None:
    steps, now = swinging(), float(WINDOW_S)
    for seconds, z_score in walk:
        steps.append(spread_at(now, z_score))
        now += seconds
    rows = market(steps)

    def fresh() -> GroupRunner:
        return GroupRunner(Cointegration(PAIR, max_holding_minutes=1.0), POOLS, ALL)

    runner, parts = fresh(), []
    for piece in cut(rows, cuts):
        parts.append(runner.decide(piece, order_by_seq(piece)))
        state = runner.snapshot()
        runner = fresh()
        runner.restore(state)
    whole, pieces = fresh().decide(rows, order_by_seq(rows)).copy(), np.concatenate(parts)
    whole["row"] = pieces["row"] = 0
    assert pieces.tobytes() == whole.tobytes()
