"""Run strategies over blocks and stamp what they want."""

import pickle
from typing import assert_never

import numpy as np

from dlmm.jit import kernel
from dlmm.struct_arrays import join, taken
from operators.blocks import (
    ARBITRAGE,
    CANCEL,
    CLAIM,
    CLOSE,
    DEPOSIT,
    FIGURES,
    NO_SIGNALS,
    OPEN,
    QUOTE,
    REBALANCE,
    SHAPES,
    SIGNAL,
    TAKE,
    TICK,
    WITHDRAW,
    Rows,
)
from operators.pools import PoolInfo
from operators.strategies.interface import (
    Arbitrage,
    Cancel,
    ClaimFees,
    ClosePosition,
    Deposit,
    KernelStrategy,
    Ladder,
    OpenPosition,
    Quote,
    Row,
    RowStrategy,
    Strategy,
    StrategyError,
    Take,
    Wish,
    Withdraw,
)

MOST_URGENT = 3
_LAST_BIN = (1 << 31) - 1
BLANK = np.zeros(1, SIGNAL)
for _field in ("bid", "ask", "bid_size", "ask_size", "fair", "amount_x", "amount_y", "fraction", "expected_profit"):
    BLANK[_field] = np.nan
BLANK["figures"] = np.nan
BLANK["third_pool"] = -1
"""One signal that says nothing yet, which runners hand to kernels."""


@kernel
def _take_out(scratch: Rows, count: int, rows: int, blank: Rows, out: Rows) -> bool:
    """Move signals out of the scratch, which then is blank again; none where one is at no row behind the last one's.

    :arg rows: How many there are.

    :returns: Whether they were moved.

    """
    last = -1
    for index in range(count):
        row = scratch[index].row
        if row <= last or row >= rows:
            return False
        last = row
    for index in range(count):
        out[index] = scratch[index]
        scratch[index] = blank[0]
    return True


@kernel
def _stamp(signals: Rows, rows: Rows, strategy: int, pool: int) -> None:
    """Write down whose signals they are, and of which rows."""
    for index in range(signals.shape[0]):
        signal = signals[index]
        signal.strategy, signal.pool = strategy, pool
        signal.seq = rows[signal.row].seq


class KernelRunner:
    """Call one strategy's kernel on one pool's rows."""

    def __init__(self, strategy: KernelStrategy, pool: PoolInfo) -> None:
        """Start from a state of zeros."""
        self._name = strategy.name
        self._kernel = strategy.kernel
        self._parameters = strategy.parameters(pool)
        self._state = np.zeros(1, strategy.state_dtype)
        self._scratch = BLANK.repeat(0)

    def decide(self, rows: Rows) -> Rows:
        """Return the strategy's signals, with `row` as the only link to the rows so far."""
        if len(self._scratch) < len(rows):
            self._scratch = BLANK.repeat(len(rows))
        count = int(self._kernel(rows, self._state, self._parameters, self._scratch))
        if count == 0:
            return NO_SIGNALS
        signals = np.empty(min(max(count, 0), len(rows)), SIGNAL)
        if len(signals) != count or not _take_out(self._scratch, count, len(rows), BLANK, signals):
            places = self._scratch["row"][: max(count, 0)][:5].tolist()
            raise StrategyError(
                f"strategy {self._name}: its kernel must write at most one signal a row, in order, and return how many;"
                f" it returned {count} for {len(rows)} rows, at rows {places}"
            )
        return signals

    def snapshot(self) -> bytes:
        """Return the state as bytes."""
        return self._state.tobytes()

    def restore(self, state: bytes) -> None:
        """Go on from a snapshot."""
        self._state = np.frombuffer(state, self._state.dtype).copy()


class RowRunner:
    """Call one strategy's Python function for each of one pool's rows."""

    def __init__(self, strategy: RowStrategy, pool: PoolInfo, pools: tuple[PoolInfo, ...] = ()) -> None:
        """Start from the strategy's own first memory."""
        self._strategy = strategy
        self._index = {info.pool: index for index, info in enumerate(pools)}
        self._memory = strategy.start(pool)

    def decide(self, rows: Rows) -> Rows:
        """Return the strategy's signals, with `row` as the only link to the rows so far."""
        out = []
        columns = [rows[name].tolist() for name in (*Row.__struct_fields__, "kind")]
        for index, (*values, kind) in enumerate(zip(*columns, strict=True)):
            if kind == TICK:
                continue
            wish, self._memory = self._strategy.on_row(Row(*values), self._memory)
            if wish is not None:
                out.append(self._signal(index, wish))
        return np.concatenate(out) if out else BLANK.repeat(0)

    def _signal(self, index: int, wish: Wish) -> Rows:
        signal = BLANK.copy()
        signal["row"] = index
        match wish:
            case Quote():
                signal["kind"] = QUOTE
                signal["expiry_slots"] = wish.expiry_slots
            case Take():
                signal["kind"] = TAKE
                signal["is_exact_out"] = wish.exact_out
                signal["urgency"] = max(min(wish.urgency, MOST_URGENT), 0)
            case Cancel():
                signal["kind"] = CANCEL
            case OpenPosition():
                signal["kind"] = OPEN
                signal["lower"], signal["upper"] = _bounded(wish.lower), _bounded(wish.upper)
            case Deposit():
                signal["kind"] = DEPOSIT
                signal["amount_x"], signal["amount_y"] = wish.amount_x, wish.amount_y
                signal["shape"] = SHAPES.index(wish.shape)
            case Withdraw():
                signal["kind"], signal["fraction"] = WITHDRAW, wish.fraction
            case ClaimFees():
                signal["kind"] = CLAIM
            case ClosePosition():
                signal["kind"] = CLOSE
            case Arbitrage():
                if wish.other_pool not in self._index:
                    raise StrategyError(f"strategy {self._strategy.name}: no pool {wish.other_pool} is traded")
                signal["kind"], signal["other_pool"] = ARBITRAGE, self._index[wish.other_pool]
                signal["bid"], signal["ask"], signal["bid_size"] = wish.bid, wish.ask, wish.size
                signal["directions"] = 0b10
            case Ladder():
                signal["kind"], signal["shape"] = REBALANCE, SHAPES.index(wish.shape)
                for field in ("lower", "upper", "bid_upper", "ask_lower"):
                    signal[field] = _bounded(getattr(wish, field))
            case _:
                assert_never(wish)
        if isinstance(wish, Quote | Take):
            for field in ("bid", "ask", "bid_size", "ask_size"):
                value = getattr(wish, field)
                if value is not None:
                    signal[field] = value
        if isinstance(wish, Take) and wish.fraction is not None:
            signal["fraction"] = wish.fraction
        if isinstance(wish, Quote | Take | Ladder):
            signal["confidence"], signal["reason"] = wish.confidence, wish.reason
            if wish.expected_profit is not None:
                signal["expected_profit"] = wish.expected_profit
            signal["figures"][0, : len(wish.figures)] = wish.figures[:FIGURES]
        return signal

    def snapshot(self) -> bytes:
        """Return the state as bytes."""
        return pickle.dumps(self._memory)

    def restore(self, state: bytes) -> None:
        """Go on from a snapshot that this program made."""
        self._memory = pickle.loads(state)


def _bounded(number: int) -> int:
    """Keep a bin within what the program can count."""
    return max(min(number, _LAST_BIN), -_LAST_BIN)


Runner = KernelRunner | RowRunner


def runner_of(strategy: Strategy, pool: PoolInfo, pools: tuple[PoolInfo, ...] = ()) -> Runner:
    """Return what runs a strategy on a pool.

    :arg pools: All pools, in the order that signals count them.

    """
    if isinstance(strategy, KernelStrategy):
        return KernelRunner(strategy, pool)
    assert isinstance(strategy, RowStrategy), f"{strategy.name} looks at several pools, and runs in the portfolio"
    return RowRunner(strategy, pool, pools)


def run(runners: list[tuple[int, Runner]], rows: Rows, pool: int) -> Rows:
    """Run several strategies over a block.

    :arg runners: Index of the strategy, and its runner.

    :returns: `SIGNAL` array in order of row, then of strategy.

    """
    parts: list[Rows] = []
    for index, runner in runners:
        signals = runner.decide(rows)
        if len(signals):
            _stamp(signals, rows, index, pool)
            parts.append(signals)
    if not parts:
        return NO_SIGNALS
    if len(parts) == 1:
        return parts[0]
    together = join(parts)
    return taken(together, np.lexsort((together["strategy"], together["row"])))
