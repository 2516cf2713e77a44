"""Strategies of both kinds are run the same way, and what they want is stamped and put in order."""

import numpy as np
import pytest
from numpy.typing import NDArray

from dlmm.jit import kernel
from dlmm.records import Record
from operators.blocks import CANCEL, QUOTE, TAKE, TICK, Rows
from operators.pools import PoolInfo
from operators.strategies.interface import (
    Cancel,
    Kernel,
    KernelStrategy,
    Quote,
    Row,
    RowStrategy,
    StrategyError,
    Take,
    Wish,
)
from operators.strategies.runner import KernelRunner, RowRunner, run, runner_of
from operators.strategies.swap_quotes import SwapQuotes
from tests.operators.markets import SOL, path
from tests.tapes import tape

COUNT = np.dtype([("rows", "i8")])


@kernel
def every_second(rows: Rows, state: Rows, parameters: Rows, signals: Rows) -> int:
    count = 0
    for index in range(rows.shape[0]):
        state[0].rows += 1
        if state[0].rows % 2 == 0:
            signals[count].row = index
            signals[count].kind = 1
            signals[count].bid = rows[index].price
            signals[count].bid_size = state[0].rows
            count += 1
    return count


class EverySecond(Record, frozen=True):
    """A strategy with a kernel, stateful across blocks."""

    name: str = "every_second"

    @property
    def state_dtype(self) -> np.dtype[np.void]:
        return COUNT

    @property
    def kernel(self) -> Kernel:
        return every_second

    def parameters(self, pool: PoolInfo) -> NDArray[np.void]:
        return np.zeros(1, COUNT)


class EveryThird(Record, frozen=True):
    """A strategy without a kernel, that says each kind of wish in turn."""

    name: str = "every_third"

    def start(self, pool: PoolInfo) -> list[int]:
        return [0]

    def on_row(self, row: Row, memory: object) -> tuple[Wish | None, object]:
        assert isinstance(memory, list)
        memory[0] += 1  # in place, as a careless user would
        if memory[0] % 3:
            return None, memory
        number = memory[0] // 3
        wishes: tuple[Wish, ...] = (
            Quote(bid=row.price, ask=None, expiry_slots=9),
            Take(ask=row.price, ask_size=2.0),
            Cancel(),
        )
        return wishes[number % 3], memory


def test_both_kinds_are_told_apart() -> None:
    assert isinstance(EverySecond(), KernelStrategy)
    assert isinstance(SwapQuotes(), KernelStrategy)
    assert isinstance(EveryThird(), RowStrategy)
    assert not isinstance(EveryThird(), KernelStrategy)
    assert isinstance(runner_of(EverySecond(), SOL), KernelRunner)
    assert isinstance(runner_of(EveryThird(), SOL), RowRunner)


def test_each_kind_of_wish_becomes_its_signal() -> None:
    rows = path(list(range(9)))
    signals = RowRunner(EveryThird(), SOL).decide(rows)
    assert signals["row"].tolist() == [2, 5, 8]
    assert signals["kind"].tolist() == [TAKE, CANCEL, QUOTE]
    take, cancel, quote = signals
    assert (take["ask"], take["ask_size"]) == (rows[2]["price"], 2.0)
    assert np.isnan(
        [take["bid"], take["bid_size"], cancel["bid"], cancel["ask"], quote["ask"], quote["bid_size"]]
    ).all()
    assert (quote["bid"], quote["expiry_slots"]) == (rows[8]["price"], 9)


def test_a_python_strategy_is_not_shown_ticks() -> None:
    rows = path([0, 1, 2, 3])
    rows["kind"][1] = TICK
    signals = RowRunner(EveryThird(), SOL).decide(rows)
    assert signals["row"].tolist() == [3]


def test_blank_fields_stay_blank_after_a_block_that_filled_them() -> None:
    runner = KernelRunner(EverySecond(), SOL)
    first = runner.decide(path([0, 1, 2, 3]))
    second = runner.decide(path([4, 5]))
    assert first["bid_size"].tolist() == [2.0, 4.0]
    assert np.isnan(second["ask"]).all()
    assert np.isnan(first["ask_size"]).all()


def test_what_one_block_gave_is_not_touched_by_the_next() -> None:
    runner = KernelRunner(EverySecond(), SOL)
    first = runner.decide(path([0, 1, 2, 3]))
    before = first.tobytes()
    runner.decide(path([7, 8, 9, 9]))
    assert first.tobytes() == before


def test_several_strategies_speak_in_order_of_row_then_of_number() -> None:
    rows = path(list(range(12)))
    rows["seq"] += 500
    runners = [(3, runner_of(EverySecond(), SOL)), (1, runner_of(EveryThird(), SOL))]
    signals = run(runners, rows, 6)
    said = list(zip(signals["seq"].tolist(), signals["strategy"].tolist(), strict=True))
    expected = [(500 + row, 3) for row in range(1, 12, 2)] + [(500 + row, 1) for row in range(2, 12, 3)]
    assert said == sorted(expected)
    assert set(signals["pool"].tolist()) == {6}


def test_no_strategy_and_no_wish_say_nothing() -> None:
    assert len(run([], path([0, 1]), 0)) == 0
    assert len(run([(0, runner_of(EverySecond(), SOL))], path([0]), 0)) == 0
    assert len(run([(0, runner_of(EveryThird(), SOL))], path([]), 0)) == 0


@kernel
def _boast(rows: Rows, state: Rows, parameters: Rows, signals: Rows) -> int:
    """Return more signals than there are rows."""
    return len(rows) + 1


@kernel
def _stutter(rows: Rows, state: Rows, parameters: Rows, signals: Rows) -> int:
    """Write two signals for the same row."""
    signals[0].row = 0
    signals[1].row = 0
    return 2


@kernel
def _turn_back(rows: Rows, state: Rows, parameters: Rows, signals: Rows) -> int:
    """Write two signals, the second one for a row before the first one's."""
    signals[0].row, signals[1].row = 5, 3
    return 2


@pytest.mark.parametrize("decision", [_boast, _stutter])
def test_a_kernel_that_breaks_the_rules_is_named(decision: Kernel) -> None:
    class Unruly(SwapQuotes, frozen=True):
        @property
        def kernel(self) -> Kernel:
            return decision

    rows, pools = tape(8)
    with pytest.raises(StrategyError, match="market_making: its kernel must write at most one signal a row"):
        KernelRunner(Unruly(), pools[0]).decide(rows)


def test_the_rows_of_a_kernel_that_breaks_the_rules_are_those_that_it_wrote() -> None:
    class Unruly(SwapQuotes, frozen=True):
        @property
        def kernel(self) -> Kernel:
            return _turn_back

    rows, pools = tape(8)
    with pytest.raises(StrategyError, match=r"returned 2 for 8 rows, at rows \[5, 3\]"):
        KernelRunner(Unruly(), pools[0]).decide(rows)
