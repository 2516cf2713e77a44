"""One battery for everything that remembers: cuts, restarts, snapshots, and the future that nobody sees."""

import itertools
import pickle
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from operators.blocks import Block, Rows, split_by_pool
from operators.desk import Desk, DeskParams
from operators.market.arbitrate import Arbiter
from operators.market.pool_view import PoolView
from operators.market.volatility import Volatility, VolatilityParams
from operators.pools import PoolInfo
from operators.portfolio import Portfolio
from operators.portfolio_records import PortfolioParams, RiskLimits
from operators.strategies.cointegration import Cointegration
from operators.strategies.interface import KernelStrategy, PlannedStrategy, Policy
from operators.strategies.ladder_making import LadderMaking
from operators.strategies.momentum import Momentum
from operators.strategies.runner import KernelRunner, RowRunner
from operators.strategies.statistical_arbitrage import StatisticalArbitrage
from operators.strategies.swap_quotes import SwapQuotes
from tests.operators.markets import ORIGINS, POOLS, SOL, bin_price, market, moves, places
from tests.operators.strategies.test_runner import EverySecond, EveryThird

Out = tuple[bytes, ...]
"""What came out, one entry for each kind of result, each in order of time."""


class Part(Protocol):
    """Anything that takes rows and remembers."""

    def feed(self, rows: Rows) -> Out:
        """Take rows and return what is said about them."""

    def snapshot(self) -> object:
        """Return the state."""

    def restore(self, state: object) -> None:
        """Go on from a state."""


class Wrapped:
    """A part of the line, fed rows of one pool."""

    def __init__(self, made: object, feed: Callable[[Rows], Out]) -> None:
        self._made = made
        self.feed = feed

    def snapshot(self) -> object:
        return self._made.snapshot()  # type: ignore[attr-defined]  # each part has one of its own type

    def restore(self, state: object) -> None:
        self._made.restore(state)  # type: ignore[attr-defined]  # as above


def arbiter() -> Part:
    made = Arbiter()

    def feed(rows: Rows) -> Out:
        kept, dropped = made.pass_on(rows.copy())
        return kept.tobytes(), b"." * sum(dropped)

    return Wrapped(made, feed)


def view() -> Part:
    made = PoolView(5_000.0)
    return Wrapped(made, lambda rows: (made.complete(rows.copy()).tobytes(),))


def volatility(estimator: str) -> Callable[[], Part]:
    def make() -> Part:
        made = Volatility(VolatilityParams(estimator="ewma" if estimator == "ewma" else "rolling", min_samples=4))

        def feed(rows: Rows) -> Out:
            measured = rows.copy()
            made.estimate(measured)
            return (measured.tobytes(),)

        return Wrapped(made, feed)

    return make


def seen(rows: Rows, signals: Rows) -> Out:
    """Signals by the row they are about, whichever block it came in."""
    about = signals.copy()
    about["seq"] = rows["seq"][about["row"]]
    about["row"] = 0
    return (about.tobytes(),)


def measured(rows: Rows) -> Rows:
    rows = rows.copy()
    rows["volatility"] = 0.001 * (1.0 + rows["seq"] % 3)
    return rows


def kernel_runner(strategy: KernelStrategy) -> Callable[[], Part]:
    def make() -> Part:
        made = KernelRunner(strategy, SOL)
        return Wrapped(made, lambda rows: seen(rows, made.decide(measured(rows))))

    return make


def row_runner() -> Part:
    made = RowRunner(EveryThird(), SOL)
    return Wrapped(made, lambda rows: seen(rows, made.decide(measured(rows))))


STRATEGIES = (
    PlannedStrategy(
        SwapQuotes(spread_target=0.0025, order_expiry_slots=6, volatility_multiplier=0.1),
        frozenset({0, 1}),
        Policy(kelly_fraction=1.0, max_liquidity_share=1.0, max_inventory_deviation=0.3),
    ),
    PlannedStrategy(EveryThird(), frozenset({0, 1}), Policy()),
    PlannedStrategy(
        LadderMaking(ladder_bins=3, min_updates=3, min_rebalance_s=0.5, repeat_slots=4, volatility_multiplier=0.1),
        frozenset({0, 1}),
        Policy(max_inventory_deviation=0.1, skew_bins=2.0, min_rebalance_s=0.5),
    ),
)
DESK = DeskParams(pools=POOLS, volatility=VolatilityParams(), strategies=STRATEGIES, default_liquidity=40_000.0)
PORTFOLIO = PortfolioParams(
    pools=POOLS,
    strategies=STRATEGIES,
    limits=RiskLimits(
        max_position_size=15_000.0,
        max_pool_exposure=45_000.0,
        max_total_exposure=80_000.0,
        max_drawdown=0.01,
        emergency_stop_loss=0.02,
        max_open_orders=6,
    ),
    capital=100_000.0,
    latency_slots=1,
    slippage_bps=20.0,
    equity_interval_s=1.0,
    depth_bins=20,
)


def desk() -> Part:
    made = Desk(0, DESK)

    def feed(rows: Rows) -> Out:
        out = made.walk(Block(pool=0, slice_no=0, slice_blocks=1, is_last=False, rows=rows.copy()))
        signals = out.signals.copy()
        signals["row"] = 0
        return out.rows.tobytes(), signals.tobytes(), b"." * sum(out.dropped)

    return Wrapped(made, feed)


TWIN = msgspec.structs.replace(SOL, pool="twin", base_factor=500)
MATE = msgspec.structs.replace(TWIN, base="mSOL")
ARBITRAGE = PlannedStrategy(
    StatisticalArbitrage(lookback_period_minutes=0.05, entry_zscore=0.5, confidence_threshold=0.2),
    frozenset({0, 1}),
    Policy(max_liquidity_share=1.0, inventory_target=0.0, max_inventory_deviation=1.0, budget=0.5),
)
SPREAD = PlannedStrategy(
    Cointegration(
        (("sol", "twin"),),
        lookback_period_minutes=0.05,
        entry_zscore=0.5,
        exit_zscore=0.1,
        stop_zscore=2.0,
        max_holding_minutes=0.05,
        confidence_threshold=0.1,
    ),
    frozenset({0, 1}),
    Policy(kelly_fraction=1.0, max_liquidity_share=1.0, max_inventory_deviation=1.0, budget=0.5),
)


class Line:
    """Both pools' desks and the portfolio behind them."""

    def __init__(self, desk: DeskParams = DESK, portfolio: PortfolioParams = PORTFOLIO) -> None:
        self.desks = [Desk(pool, desk) for pool in range(len(POOLS))]
        self.portfolio = Portfolio(portfolio)
        self.slice_no = 0

    def blocks(self, rows: Rows, *, is_last: bool = False) -> list[Block]:
        parts = split_by_pool(rows, len(POOLS)) or [(0, rows)]
        blocks = [Block(pool, self.slice_no, len(parts), is_last, part) for pool, part in parts]
        self.slice_no += 1
        return [self.desks[block.pool].walk(block) for block in blocks]

    def feed(self, rows: Rows) -> Out:
        reports = [report for block in self.blocks(rows) for report in self.portfolio.take(block)]
        return (
            b"".join(report.orders.tobytes() for report in reports),
            b"".join(report.fills.tobytes() for report in reports),
            b"".join(report.equity.tobytes() for report in reports),
        )

    def snapshot(self) -> object:
        return [desk.snapshot() for desk in self.desks], self.portfolio.snapshot(), self.slice_no

    def restore(self, state: object) -> None:
        assert isinstance(state, tuple)
        of_desks, of_portfolio, self.slice_no = state
        for desk, saved in zip(self.desks, of_desks, strict=True):
            desk.restore(saved)
        self.portfolio.restore(of_portfolio)


class TwinLine(Line):
    """The same where both pools have one range of prices, for a strategy that looks at both."""

    def __init__(self, other: PoolInfo, strategy: PlannedStrategy) -> None:
        made = {"pools": (SOL, other), "strategies": (*STRATEGIES[:1], strategy)}
        wide = RiskLimits(1e6, 1e6, 1e6, max_drawdown=0.5, emergency_stop_loss=0.6, max_open_orders=20)
        super().__init__(msgspec.structs.replace(DESK, **made), msgspec.structs.replace(PORTFOLIO, limits=wide, **made))

    def feed(self, rows: Rows) -> Out:
        rows = rows.copy()
        is_twin = rows["pool"] == 1
        rows["active_id"][is_twin] += ORIGINS[0] - ORIGINS[1]
        rows["price"][is_twin] = [bin_price(0, active_id) for active_id in rows["active_id"][is_twin].tolist()]
        return super().feed(rows)


LINES: dict[str, Callable[[], Part]] = {
    "line with portfolio": Line,
    "line with arbitrage": lambda: TwinLine(TWIN, ARBITRAGE),
    "line with a pair": lambda: TwinLine(MATE, SPREAD),
}
ONE_POOL: dict[str, Callable[[], Part]] = {
    "arbiter": arbiter,
    "view": view,
    "rolling volatility": volatility("rolling"),
    "ewma volatility": volatility("ewma"),
    "swap quotes": kernel_runner(SwapQuotes(order_expiry_slots=4)),
    "swap quotes around an average": kernel_runner(SwapQuotes(fair_half_life_s=1.0, requote_price_bps=1.0)),
    "ladders": kernel_runner(LadderMaking(ladder_bins=3, min_updates=3, min_rebalance_s=1.0, repeat_slots=4)),
    "momentum": kernel_runner(Momentum(0.001, 0.1, 0.05, 0.0, holding_period_minutes=0.02, trailing_stop=1.0)),
    "a user's kernel": kernel_runner(EverySecond()),
    "a user's function": row_runner,
    "desk": desk,
}
EACH = pytest.mark.parametrize(
    ("make", "pools"),
    [(make, 1) for make in ONE_POOL.values()] + [(make, 2) for make in LINES.values()],
    ids=[*ONE_POOL, *LINES],
)


def tape(pools: int, size: int = 60) -> st.SearchStrategy[Rows]:
    """Rows in order of their numbers, now and then late or repeated, with a price that wanders."""

    def wander(steps: list[tuple[int, int, int, int]], again: list[int]) -> Rows:
        bins = [0] * pools
        walked = []
        for pool, slots, move, liquidity in steps:
            bins[pool] = max(-30, min(30, bins[pool] + move))
            walked.append((pool, slots, bins[pool], liquidity))
        rows = market(walked)
        rows["volume"] = 1_000.0
        for place in again:
            if place < len(rows):
                rows[["slot", "write_order"]][place] = rows[["slot", "write_order"]][place // 2]
        return rows

    return st.builds(wander, moves(size, pools=pools, reach=6), st.lists(st.integers(1, size), max_size=4))


FEW = settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])


def together(parts: Sequence[Out]) -> Out:
    return tuple(b"".join(pieces) for pieces in zip(*parts, strict=True))


def cut_at(rows: Rows, cuts: list[int]) -> list[Rows]:
    bounds = sorted({0, len(rows), *(place % (len(rows) + 1) for place in cuts)})
    return [rows[start:end] for start, end in itertools.pairwise(bounds)]


@EACH
@FEW
@given(data=st.data())
def test_where_rows_are_cut_changes_no_byte(make: Callable[[], Part], pools: int, data: st.DataObject) -> None:
    rows, cuts = data.draw(tape(pools)), data.draw(places())
    part = make()
    assert together([part.feed(piece) for piece in cut_at(rows, cuts)]) == make().feed(rows)


@EACH
@FEW
@given(data=st.data())
def test_stopping_and_going_on_equals_going_on(make: Callable[[], Part], pools: int, data: st.DataObject) -> None:
    rows, cuts = data.draw(tape(pools)), data.draw(places())
    part, out = make(), []
    for piece in cut_at(rows, cuts):
        out.append(part.feed(piece))
        state = pickle.loads(pickle.dumps(part.snapshot()))
        part = make()
        part.restore(state)
    assert together(out) == make().feed(rows)


@EACH
@FEW
@given(data=st.data())
def test_a_snapshot_survives_what_comes_after_it(make: Callable[[], Part], pools: int, data: st.DataObject) -> None:
    rows = data.draw(tape(pools))
    half = len(rows) // 2
    part = make()
    part.feed(rows[:half])
    state = part.snapshot()
    before = pickle.dumps(state)
    going_on = part.feed(rows[half:])
    assert pickle.dumps(state) == before
    restored = make()
    restored.restore(state)
    assert restored.feed(rows[half:]) == going_on
    assert pickle.dumps(state) == before


@EACH
@FEW
@given(data=st.data())
def test_the_past_ignores_the_future(make: Callable[[], Part], pools: int, data: st.DataObject) -> None:
    rows, other = data.draw(tape(pools)), data.draw(tape(pools))
    now = data.draw(st.integers(0, len(rows)))
    other["seq"] += now
    if now:
        for name in ("slot", "ts_event_ns"):
            other[name] += rows[name][:now].max() - other[name][0]
    alone = make().feed(rows[:now])
    for future in (rows[now:], other):
        for said, before in zip(make().feed(np.concatenate([rows[:now], future])), alone, strict=True):
            assert said.startswith(before)
