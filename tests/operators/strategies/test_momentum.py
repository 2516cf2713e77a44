"""A rise is bought at the row where it begins to count, and sold by the clock, by its turn or by the stop."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from operators.blocks import ROW, TAKE, TICK, Rows
from operators.strategies.momentum import ENTRY, GRID, HIGH, HOLDING_PERIOD, MEDIUM, REVERSAL, TRAILING_STOP, Momentum
from operators.strategies.runner import KernelRunner
from tests.operators.markets import SOL, base_fee

SECOND_NS = 1_000_000_000
FLAT = 200
"""Seconds of a still price before anything happens: more than three windows of a minute."""
STEP = 0.0002
PLAIN = Momentum(momentum_threshold=0.006, min_zscore=2.0, window_minutes=1.0, volume_ratio=0.0, trailing_stop=100.0)


def rows_of(moves: list[float] | NDArray[np.float64], every_s: float = 1.0) -> Rows:
    """One row a second: the log price moves by so much at each."""
    rows = np.zeros(len(moves), ROW)
    rows["price"] = 100.0 * np.exp(np.cumsum(moves))
    rows["ts_event_ns"] = 1_700_000_000 * SECOND_NS + (np.arange(len(moves)) * every_s * SECOND_NS).astype("i8")
    return rows


def still(seconds: int = FLAT) -> list[float]:
    return [0.0] * seconds


def ramp(seconds: int, step: float = STEP) -> list[float]:
    return [step] * seconds


def said(strategy: Momentum, rows: Rows) -> list[tuple[int, int]]:
    signals = KernelRunner(strategy, SOL).decide(rows)
    return list(zip(signals["row"].tolist(), signals["reason"].tolist(), strict=True))


def test_a_ramp_is_bought_where_its_return_reaches_the_threshold() -> None:
    rows = rows_of(still() + ramp(100))
    entry = math.ceil(math.log(1.006) / STEP)  # moves until the return over the window is 0.6 %
    (signal,) = KernelRunner(PLAIN, SOL).decide(rows)[:1]
    gain = math.exp(entry * STEP) - 1.0
    volatility = STEP * math.sqrt(entry - 1)  # the last move has not crossed a border yet
    assert (signal["row"], signal["kind"], signal["reason"]) == (FLAT + entry - 1, TAKE, ENTRY)
    assert signal["figures"][[0, 1, 3]].tolist() == pytest.approx([gain, gain / volatility, volatility])
    assert math.isnan(signal["figures"][2])
    assert signal["bid"] == pytest.approx(rows["price"][signal["row"]] / (1.0 - base_fee(0)))
    assert math.isnan(signal["ask"])
    assert math.isnan(signal["bid_size"])
    assert signal["confidence"] == pytest.approx(math.erf(gain / volatility / math.sqrt(2.0)))
    assert signal["urgency"] == MEDIUM
    assert math.isnan(signal["expected_profit"])


def test_it_leaves_when_the_holding_period_is_over() -> None:
    strategy = PLAIN
    rows = rows_of(still() + ramp(400))
    entry = FLAT + math.ceil(math.log(1.006) / STEP) - 1
    assert said(strategy, rows) == [(entry, ENTRY), (entry + 120, HOLDING_PERIOD)]
    sale = KernelRunner(strategy, SOL).decide(rows)[1]
    assert (sale["fraction"], sale["urgency"], sale["confidence"]) == (1.0, MEDIUM, 1.0)
    assert sale["ask"] == pytest.approx(rows["price"][entry + 120] * (1.0 - base_fee(0)))
    assert math.isnan(sale["bid"])
    assert math.isnan(sale["ask_size"])


def test_a_tick_ends_the_holding_period_in_a_silent_market_and_begins_nothing() -> None:
    rows = rows_of(still() + ramp(400))
    entry = FLAT + math.ceil(math.log(1.006) / STEP) - 1
    rows = rows[: entry + 150]
    rows["kind"][entry + 1 :] = TICK
    rows["price"][entry + 1 :] = rows["price"][entry]
    assert said(PLAIN, rows) == [(entry, ENTRY), (entry + 120, HOLDING_PERIOD)]
    rows["kind"][entry] = TICK
    assert said(PLAIN, rows) == []


def test_it_leaves_where_the_rise_has_turned_into_a_fall() -> None:
    up = math.ceil(math.log(1.006) / STEP)
    rows = rows_of(still() + ramp(up) + ramp(60, -2 * STEP))
    # It stands above the price of a minute ago until all of the rise is lost again.
    turn = next(k for k in range(60) if up * STEP - 2 * STEP * (k + 1) < 0.0)
    assert said(PLAIN, rows) == [(FLAT + up - 1, ENTRY), (FLAT + up + turn, REVERSAL)]


def test_the_stop_trails_the_highest_price_by_the_volatility_of_the_entry() -> None:
    up = math.ceil(math.log(1.006) / STEP)
    strategy = Momentum(0.006, 2.0, 1.0, 0.0, trailing_stop=1.5)
    stop = 1.5 * STEP * math.sqrt(up - 1)
    rows = rows_of(still() + ramp(up + 20) + ramp(60, -STEP))
    fall = math.ceil(-math.log(1.0 - stop) / STEP)
    out = KernelRunner(strategy, SOL).decide(rows)
    assert out["row"].tolist() == [FLAT + up - 1, FLAT + up + 20 + fall - 1]
    assert out["reason"].tolist() == [ENTRY, TRAILING_STOP]
    assert out["urgency"].tolist() == [MEDIUM, HIGH]


def test_it_enters_again_only_after_the_return_has_been_below_its_bound() -> None:
    strategy = Momentum(0.006, 2.0, 1.0, 0.0, holding_period_minutes=0.5, trailing_stop=100.0)
    up = math.ceil(math.log(1.006) / STEP)
    first = FLAT + up - 1
    assert said(strategy, rows_of(still() + ramp(400))) == [(first, ENTRY), (first + 30, HOLDING_PERIOD)]
    again = FLAT + 300 + FLAT + up - 1
    assert said(strategy, rows_of(still() + ramp(300) + still() + ramp(100))) == [
        (first, ENTRY),
        (first + 30, HOLDING_PERIOD),
        (again, ENTRY),
        (again + 30, HOLDING_PERIOD),
    ]


@pytest.mark.parametrize("step", [0.0, -STEP])
def test_a_market_that_stands_still_or_falls_is_left_alone(step: float) -> None:
    assert said(PLAIN, rows_of(still() + ramp(300, step))) == []


def test_a_jump_is_no_trend() -> None:
    # It is one of sixty moves, so that its return is as large as the volatility that it makes.
    assert said(PLAIN, rows_of([*still(), 0.02, *still()])) == []
    assert said(Momentum(0.006, 0.9, 1.0, 0.0), rows_of([*still(), 0.02, *still()]))[0] == (FLAT + 1, ENTRY)


def test_a_return_below_the_fees_of_both_ways_is_not_worth_it() -> None:
    eager = Momentum(0.001, 2.0, 1.0, 0.0)
    both_ways = 2.0 * base_fee(0)
    enough = math.ceil(math.log(1.0 + both_ways) / STEP)
    assert said(eager, rows_of(still() + ramp(enough - 1) + still())) == []
    assert said(eager, rows_of(still() + ramp(enough) + still()))[0] == (FLAT + enough - 1, ENTRY)


def test_noise_without_a_trend_stays_below_the_z_score() -> None:
    zigzag = [0.004 * (-1.0) ** k for k in range(600)]
    assert said(Momentum(0.001, 2.0, 1.0, 0.0), rows_of(zigzag)) == []


def test_nothing_is_said_before_a_whole_window_is_known() -> None:
    assert said(PLAIN, rows_of(ramp(GRID + 1))) == []
    # The first row's price stands at the first border, one step later, and the window is full GRID steps after that.
    assert said(PLAIN, rows_of(ramp(GRID + 2))) == [(GRID + 1, ENTRY)]


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_one_trade_or_none_is_no_history(rows: int) -> None:
    assert said(PLAIN, rows_of(ramp(rows, 0.5))) == []


def test_a_window_longer_than_the_recording_trades_nothing() -> None:
    assert said(Momentum(window_minutes=10_080.0, volume_ratio=0.0), rows_of(ramp(5_000))) == []


def test_a_pool_that_was_silent_for_a_window_begins_anew() -> None:
    rows = rows_of(still() + ramp(100))
    rows["ts_event_ns"][FLAT + 10 :] += (GRID + 1) * SECOND_NS
    entry = FLAT + 10 + GRID + 1
    assert said(PLAIN, rows) == [(entry, ENTRY)]


def test_many_rows_in_one_step_and_time_that_goes_back_are_one_step() -> None:
    fast = rows_of(still(4 * FLAT) + ramp(400, STEP / 4), every_s=0.25)
    moves = math.ceil(math.log(1.006) / (STEP / 4))
    (row, reason), *_ = said(PLAIN, fast)
    assert (row, reason) == (4 * FLAT + moves - 1, ENTRY)
    shaken = fast.copy()
    shaken["ts_event_ns"][4 * FLAT + 1 :: 4] -= SECOND_NS // 4  # back to the row before, over no border
    assert said(PLAIN, shaken)[0] == (row, ENTRY)


def with_volume(rows: Rows, usual: float, burst: float) -> Rows:
    rows["volume"] = usual
    rows["volume"][FLAT:] = burst
    return rows


@pytest.mark.parametrize(("ratio", "enters"), [(1.4, True), (1.6, False)])
def test_volume_confirms_or_holds_back(ratio: float, enters: bool) -> None:
    up = math.ceil(math.log(1.006) / STEP)
    strategy = Momentum(0.006, 2.0, 1.0, ratio)
    rows = with_volume(rows_of(still() + ramp(up)), 10.0, 20.0)
    # The window holds GRID whole steps and the one that has begun: `up` of them trade twice as much.
    expected = (10.0 * (GRID + 1 - up) + 20.0 * up) / (10.0 * GRID)
    assert 1.4 < expected < 1.6
    out = KernelRunner(strategy, SOL).decide(rows)
    assert len(out) == enters
    if enters:
        assert out["figures"][0, 2] == pytest.approx(expected)


def test_where_volume_is_unknown_only_a_strategy_that_does_not_ask_for_it_trades() -> None:
    rows = rows_of(still() + ramp(60))
    assert said(Momentum(0.006, 2.0, 1.0, 0.5), rows) == []
    assert len(said(Momentum(0.006, 2.0, 1.0, 0.0), rows)) == 1


def test_what_is_usual_is_unknown_until_a_window_has_passed_through() -> None:
    early = rows_of(still(GRID) + ramp(60))
    early["volume"] = 10.0
    early["volume"][GRID:] = 40.0
    assert said(Momentum(0.006, 2.0, 1.0, 1.1), early) == []


@pytest.mark.parametrize("cut", [1, 7, 61])
def test_cuts_between_rows_change_nothing(cut: int) -> None:
    rng = np.random.default_rng(5)
    rows = rows_of(rng.normal(1e-4, 8e-4, 3_000))
    rows["volume"] = rng.exponential(100.0, len(rows))
    strategy = Momentum(0.002, 0.5, 0.5, 0.9, holding_period_minutes=0.3, trailing_stop=0.5)
    whole = KernelRunner(strategy, SOL).decide(rows)
    assert set(whole["reason"].tolist()) >= {ENTRY, TRAILING_STOP, HOLDING_PERIOD}
    runner = KernelRunner(strategy, SOL)
    seen = []
    for start in range(0, len(rows), cut):
        part = runner.decide(rows[start : start + cut])
        part["row"] += start
        seen.append(part)
    assert np.concatenate(seen).tobytes() == whole.tobytes()


def test_it_names_what_it_says() -> None:
    assert len(Momentum.reasons) == TRAILING_STOP + 1
    assert Momentum.figures == ("return", "z-score", "volume ratio", "volatility")
