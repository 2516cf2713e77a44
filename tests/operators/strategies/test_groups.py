"""A strategy over several pools sees its rows in their one order, and what it says stands among the desks' signals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from dlmm.jit import kernel
from dlmm.records import Record
from operators.blocks import ARBITRAGE, REPORT, STATE, TAKE, TICK, Fields, Rows, order_by_seq
from operators.pools import PoolInfo
from operators.strategies.groups import GroupRunner, add_group_signals, group_runners
from operators.strategies.interface import GroupKernel, GroupStrategy, PlannedStrategy, Policy, StrategyError
from tests.operators.markets import cut, no_signals, places, signal
from tests.operators.strategies.test_runner import EverySecond
from tests.tapes import tape

SEEN = np.dtype([("rows", "i8"), ("last", "f8", (4,))])
COUNT = np.dtype([("every", "i8")])


@kernel
def speak_now_and_then(
    rows: Rows, order: NDArray[np.int64], members: Rows, state: Rows, parameters: Rows, signals: Rows
) -> int:
    count = 0
    for index in range(order.shape[0]):
        row = rows[order[index]]
        member = members[row.pool]
        if member.group < 0:
            continue
        group: Fields = state[member.group]
        group.last[member.place] = row.price
        group.rows += 1
        if group.rows % parameters[member.group].every == 0:
            signal = signals[count]
            signal.row = order[index]
            signal.pool = row.pool
            signal.kind = 1
            signal.bid = group.last.sum()
            count += 1
    return count


class NowAndThen(Record, frozen=True):
    """Speaks at every third row of its first group and at every fourth of its second."""

    parts: tuple[tuple[int, ...], ...] = ((2, 0), (1, 3))
    kernel_of: GroupKernel = speak_now_and_then
    name: str = "now_and_then"

    @property
    def state_dtype(self) -> np.dtype[np.void]:
        return SEEN

    @property
    def group_kernel(self) -> GroupKernel:
        return self.kernel_of

    def groups(self, pools: tuple[PoolInfo, ...], traded: frozenset[int]) -> tuple[tuple[int, ...], ...]:
        return self.parts

    def group_parameters(self, pools: tuple[PoolInfo, ...], groups: tuple[tuple[int, ...], ...]) -> Rows:
        made = np.zeros(len(groups), COUNT)
        made["every"] = 3 + np.arange(len(groups))
        return made


ROWS, POOLS = tape(400, pools=5, seed=5)
ALL = frozenset(range(5))


def runner(strategy: GroupStrategy | None = None) -> GroupRunner:
    return GroupRunner(strategy or NowAndThen(), POOLS, ALL)


def said(rows: Rows) -> Rows:
    return runner().decide(rows, order_by_seq(rows))


def bare(signals: Rows) -> Rows:
    """Signals without where in their slice their row was."""
    signals = signals.copy()
    signals["row"] = 0
    return signals


def test_the_door_tells_a_strategy_over_several_pools_from_the_others() -> None:
    assert isinstance(NowAndThen(), GroupStrategy)
    assert not isinstance(EverySecond(), GroupStrategy)
    planned = (PlannedStrategy(EverySecond(), ALL, Policy()), PlannedStrategy(NowAndThen(), ALL, Policy()))
    assert [index for index, _ in group_runners(planned, POOLS)] == [1]


def test_each_group_counts_its_own_rows_and_no_other_pool_is_seen() -> None:
    signals = said(ROWS)
    for group, every in (((2, 0), 3), ((1, 3), 4)):
        own = ROWS[np.isin(ROWS["pool"], group)]
        assert signals["seq"][np.isin(signals["pool"], group)].tolist() == own["seq"][every - 1 :: every].tolist()
    assert 4 not in signals["pool"]


def test_rows_that_lie_pool_by_pool_are_seen_in_order_of_their_numbers() -> None:
    shuffled = ROWS[np.argsort(ROWS["pool"], kind="stable")]
    signals = said(shuffled)
    assert (shuffled["seq"][signals["row"]] == signals["seq"]).all()
    assert bare(signals).tobytes() == bare(said(ROWS)).tobytes()


@given(places())
def test_where_a_slice_ends_changes_no_byte(cuts: list[int]) -> None:
    part, parts = runner(), []
    for piece in cut(ROWS, cuts):
        parts.append(bare(part.decide(piece, order_by_seq(piece))))
        state = part.snapshot()
        part = runner()
        part.restore(state)
    assert np.concatenate(parts).tobytes() == bare(said(ROWS)).tobytes()


@given(st.integers(0, 399))
def test_the_past_ignores_the_future(now: int) -> None:
    assert bare(said(ROWS)).tobytes().startswith(bare(said(ROWS[:now])).tobytes())


def test_a_snapshot_is_not_touched_by_what_comes_after_it() -> None:
    part = runner()
    part.decide(ROWS, order_by_seq(ROWS))
    before = part.snapshot()
    part.decide(ROWS, order_by_seq(ROWS))
    assert part.snapshot() != before
    part.restore(before)
    assert part.snapshot() == before


def test_account_writes_and_reports_reach_no_strategy_and_ticks_do() -> None:
    rows = ROWS[:60].copy()
    rows["kind"][[3, 10, 11, 20]] = STATE, REPORT, STATE, TICK
    merged = add_group_signals([(0, runner())], rows, order_by_seq(rows), no_signals())
    assert bare(merged).tobytes() == bare(said(rows[rows["kind"] < STATE])).tobytes()
    assert len(merged)


def test_signals_of_desks_and_of_groups_stand_in_order_of_row_then_of_strategy() -> None:
    desks = np.concatenate([signal(row, TAKE, bid=1.0, strategy=strategy) for row in ROWS for strategy in (0, 2)])
    merged = add_group_signals([(1, runner())], ROWS, order_by_seq(ROWS), desks)
    stamps = list(zip(merged["seq"].tolist(), merged["strategy"].tolist(), strict=True))
    assert stamps == sorted(stamps)
    assert bare(merged[merged["strategy"] == 1])["bid"].tolist() == said(ROWS)["bid"].tolist()
    assert merged[merged["strategy"] != 1].tobytes() == desks.tobytes()


def test_no_group_no_row_and_no_wish_say_nothing() -> None:
    idle = runner(NowAndThen(parts=()))
    assert len(idle.decide(ROWS, order_by_seq(ROWS))) == 0
    assert len(runner().decide(ROWS[:0], order_by_seq(ROWS[:0]))) == 0
    assert len(said(ROWS[:1])) == 0
    assert len(add_group_signals([(0, idle)], ROWS, order_by_seq(ROWS), no_signals())) == 0


@pytest.mark.parametrize("parts", [((0, 1), (1, 2)), ((0, 0),), ((0, 9),)])
def test_groups_that_share_a_pool_or_hold_a_foreign_one_are_refused(parts: tuple[tuple[int, ...], ...]) -> None:
    with pytest.raises(StrategyError, match="now_and_then: its groups must hold pools that it trades, each once"):
        runner(NowAndThen(parts=parts))


def test_constants_must_be_there_for_each_group() -> None:
    class Forgetful(NowAndThen, frozen=True):
        def group_parameters(self, pools: tuple[PoolInfo, ...], groups: tuple[tuple[int, ...], ...]) -> Rows:
            return np.zeros(1, COUNT)

    with pytest.raises(StrategyError, match="1 sets of constants for 2 groups"):
        runner(Forgetful())


def broken(count: int, row: int, pool: int, other_pool: int) -> GroupKernel:
    """Return what says one signal after the other about the same row and pools."""

    def decide(
        rows: Rows, order: NDArray[np.int64], members: Rows, state: Rows, parameters: Rows, signals: Rows
    ) -> int:
        signals[: min(count, len(signals))]["kind"] = ARBITRAGE
        for field, value in (("row", row), ("pool", pool), ("other_pool", other_pool)):
            signals[: min(count, len(signals))][field] = value
        return count

    return decide


@pytest.mark.parametrize(
    ("decision", "complaint"),
    [
        (broken(401, 0, 0, 0), "returned 401 signals for 400 rows"),
        (broken(-1, 0, 0, 0), "returned -1 signals for 400 rows"),
        (broken(1, 400, 0, 0), r"signals at rows \[400\], of 400"),
        (broken(1, -1, 0, 0), r"signals at rows \[-1\], of 400"),
        (broken(2, 7, 0, 0), "at most one signal a row, in order of seq"),
        (broken(1, 7, 4, 0), "names pool 4, which is in no group"),
        (broken(1, 7, 0, -1), "names pool -1, which is in no group"),
        (broken(1, 7, 0, 5), "names pool 5, which is in no group"),
    ],
)
def test_a_kernel_that_breaks_the_rules_is_named(decision: GroupKernel, complaint: str) -> None:
    with pytest.raises(StrategyError, match=f"now_and_then: .*{complaint}|now_and_then: {complaint}"):
        runner(NowAndThen(kernel_of=decision)).decide(ROWS, order_by_seq(ROWS))
