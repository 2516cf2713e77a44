"""The portfolio's step: all pools of one wallet in one order of events, against one ledger.

Blocks arrive pool by pool, in any order between pools. A slice is taken up when all of its blocks are there, and slices
in the order of their numbers; then rows and signals are merged by sequence number. So the result is a pure function of
the rows, however many workers brought them and however they were cut.
"""

import bytewax.operators as op
import msgspec
import numpy as np
from bytewax.dataflow import operator
from bytewax.operators import KeyedStream, StatefulBatchLogic

from dlmm.errors import DlmmError
from dlmm.records import Record, SwapFailure, SwapRequest
from dlmm.struct_arrays import copied, join, taken
from operators.arbitrate import NONE_DROPPED
from operators.blocks import Block, Rows, order_by_seq
from operators.ledger import EQUITY, LEDGER, mark, open_books, sample
from operators.orders import BUY, FILL, ORDER
from operators.paper import AWAITS_RESULT, CURSOR, RESULT, advance
from operators.paper_pools import PaperPools, PaperPoolsState, clock_of
from operators.pools import PoolInfo
from operators.risk.gate import LIMITS
from operators.sizing import POLICY, VENUE, policy_record
from operators.strategies.interface import PlannedStrategy

STATE_VERSION = 1
_NO_ORDERS, _NO_FILLS, _NO_SAMPLES = np.zeros(0, ORDER), np.zeros(0, FILL), np.zeros(0, EQUITY)


class RiskLimits(Record, frozen=True):
    """Limits in quote currency, and fractions of the peak of equity."""

    max_position_size: float
    max_pool_exposure: float
    max_total_exposure: float
    max_drawdown: float
    emergency_stop_loss: float
    max_open_orders: int


class PortfolioParams(Record, frozen=True):
    """What a portfolio is built from.

    :arg pools: All pools, in the order of the recording's list.

    :arg capital: Quote currency, split evenly over the pools that a strategy trades.

    :arg latency_slots: Slots from a decision to its landing, at least 1.

    :arg slippage_bps: How much worse than its price a swap at once may come out.

    :arg equity_interval_s: Seconds of market time between samples of the equity curve.

    :arg depth_bins: Half width of the synthetic liquidity profile.

    :arg fingerprint: Of the settings; a snapshot taken under others is refused.

    """

    pools: tuple[PoolInfo, ...]
    strategies: tuple[PlannedStrategy, ...]
    limits: RiskLimits
    capital: float
    latency_slots: int
    slippage_bps: float
    equity_interval_s: float
    depth_bins: int
    fingerprint: str = ""


class Totals(Record, frozen=True):
    """What a portfolio came to when its input ended.

    :arg ledger: The `LEDGER` record, by field.

    :arg books: The `BOOK` records, by field, in the order of the pools.

    """

    ledger: dict[str, float]
    books: tuple[dict[str, float], ...]
    dropped: tuple[int, int, int]
    findings: tuple[tuple[str, bool, int], ...]
    signals: tuple[int, ...]
    troubles: tuple[str, ...]
    failure: str


class Report(msgspec.Struct, frozen=True, gc=False):
    """What one slice brought: orders that ended, fills, samples of equity.

    With the last slice come the orders that are still open, and the totals.

    :arg ledger: The `LEDGER` record after the slice, (1,).

    :arg ts_recv_ns: When the newest row of the slice was received; 0 where it has none.

    """

    slice_no: int
    orders: Rows
    fills: Rows
    equity: Rows
    ledger: Rows
    ts_recv_ns: int = 0
    totals: Totals | None = None


class PortfolioState(Record, frozen=True):
    """A portfolio's snapshot."""

    version: int
    fingerprint: str
    ledger: bytes
    books: bytes
    open_orders: bytes
    pools: PaperPoolsState
    next_slice: int
    waiting: tuple[Block, ...]
    dropped: tuple[int, int, int]
    signals: tuple[int, ...]


class Portfolio:
    """One ledger over all pools, with the paper venue behind it."""

    def __init__(self, params: PortfolioParams) -> None:
        """Lay out the capital; each pool's share of it is invested at the pool's first row."""
        self._params = params
        self._pools = PaperPools(params.pools, params.depth_bins)
        self._policies = np.array([policy_record(planned.policy) for planned in params.strategies], POLICY)
        limit = params.limits
        self._limits = np.array([tuple(getattr(limit, name) for name in RiskLimits.__struct_fields__)], LIMITS)
        venue = (params.latency_slots, round(params.equity_interval_s * 1e9), params.slippage_bps / 10_000.0)
        self._venue = np.array([venue], VENUE)
        targets: dict[int, float] = {}
        for planned in params.strategies:
            for pool in planned.pools:
                targets.setdefault(pool, planned.policy.inventory_target)
        self._books = open_books(params.pools, targets, params.capital)
        self._ledger = np.zeros(1, LEDGER)
        self._ledger["slot"] = -1
        self._ledger["next_order"] = 1
        self._table = self._ended = _NO_ORDERS
        self._fills, self._samples = _NO_FILLS, _NO_SAMPLES
        self._result = np.zeros(1, RESULT)
        self._next_slice = 0
        self._waiting: dict[int, list[Block]] = {}
        self._dropped = np.zeros(3, np.int64)
        self._signals = np.zeros(len(params.strategies), np.int64)

    def take(self, block: Block) -> list[Report]:
        """Take up a block, and report on every slice that it completes."""
        self._waiting.setdefault(block.slice_no, []).append(block)
        reports = []
        while blocks := self._waiting.get(self._next_slice):
            if len(blocks) < blocks[0].slice_blocks:
                break
            reports.append(self._walk(sorted(blocks, key=lambda block: block.pool)))
            del self._waiting[self._next_slice]
            self._next_slice += 1
        return reports

    def _walk(self, blocks: list[Block]) -> Report:
        rows = join([block.rows for block in blocks])
        signals = join([block.signals for block in blocks])
        if len(blocks) > 1:  # those of one block are in order
            signals = taken(signals, np.argsort(signals["seq"], kind="stable"))
        for block in blocks:
            if block.dropped != NONE_DROPPED:
                self._dropped += block.dropped
            if block.writes:
                self._pools.note(block.pool, block.writes)
        if len(signals):
            self._signals += np.bincount(signals["strategy"], minlength=len(self._signals))

        self._make_room(len(rows), len(signals))
        cursor = np.zeros(1, CURSOR)
        state = (self._ledger, self._books, self._table)
        rules = (self._policies, self._limits, self._venue)
        out = (self._ended, self._fills, self._samples)
        order_of_rows = order_by_seq(rows) if len(blocks) > 1 else np.arange(len(rows))
        while advance(rows, order_of_rows, signals, state, rules, out, cursor, self._result) == AWAITS_RESULT:
            self._ask_pool(self._table[int(cursor[0]["order"])])
        for block in blocks:
            if block.writes:
                self._pools.settle(block.pool, block.writes[-1].seq)

        totals = None
        is_last = blocks[0].is_last
        *_, ended, filled, sampled = cursor.item()
        orders, fills, equity = self._ended[:ended], self._fills[:filled], self._samples[:sampled]
        if is_last:
            orders = join([orders, self._table[: int(self._ledger[0]["open_orders"])]])
            last = np.zeros(1, EQUITY)
            sample(self._ledger[0], self._books, int(self._ledger[0]["ts_event_ns"]), last[0])
            equity = join([equity, last])
            totals = self._totals(blocks[0])
        return Report(
            slice_no=blocks[0].slice_no,
            orders=copied(orders) if len(orders) else _NO_ORDERS,
            fills=copied(fills) if len(fills) else _NO_FILLS,
            equity=copied(equity) if len(equity) else _NO_SAMPLES,
            ledger=copied(self._ledger),
            ts_recv_ns=max([int(block.rows["ts_recv_ns"][-1]) for block in blocks if len(block.rows)], default=0),
            totals=totals,
        )

    def _make_room(self, rows: int, signals: int) -> None:
        """See to it that the tables can take all that so many rows and signals may bring."""
        held = int(self._ledger["open_orders"][0])
        room = held + 2 * signals + 1
        if len(self._table) < room:
            self._table = join([self._table[:held], np.zeros(2 * room - held, ORDER)])
        if len(self._ended) < room:
            self._ended, self._fills = np.zeros(2 * room, ORDER), np.zeros(2 * room, FILL)
        if len(self._samples) < rows:
            self._samples = np.zeros(rows, EQUITY)

    def _ask_pool(self, order: np.void) -> None:
        """Find out what an order's swap would do, and leave the answer where the clockwork looks for it."""
        pool = int(order["pool"])
        ledger = self._ledger[0]
        request = SwapRequest(
            exact_in=True,
            amount=int(order["amount_in"]),
            swap_for_y=int(order["side"]) != BUY,
            threshold=int(order["min_out"]),
        )
        clock = clock_of(int(ledger["slot"]), int(ledger["ts_event_ns"]))
        answer = self._pools.swap(pool, request, self._books[pool], clock)
        if isinstance(answer, SwapFailure):
            self._result[0] = (0, 0, 0, 0, 0, 0, 0.0)
        else:
            self._result[0] = (
                1,
                answer.amount_in,
                answer.amount_out,
                answer.fee,
                answer.fee_on_input,
                answer.bins,
                answer.price_impact,
            )

    def _totals(self, last: Block) -> Totals:
        mark(self._ledger[0], self._books)
        return Totals(
            ledger=_fields(self._ledger[0]),
            books=tuple(_fields(book) for book in self._books),
            dropped=_three(self._dropped),
            findings=last.findings,
            signals=tuple(self._signals.tolist()),
            troubles=self._pools.troubles,
            failure=last.failure,
        )

    def snapshot(self) -> PortfolioState:
        """Return all that the portfolio knows, as values that later rows cannot change."""
        held = int(self._ledger[0]["open_orders"])
        return PortfolioState(
            version=STATE_VERSION,
            fingerprint=self._params.fingerprint,
            ledger=self._ledger.tobytes(),
            books=self._books.tobytes(),
            open_orders=self._table[:held].tobytes(),
            pools=self._pools.snapshot(),
            next_slice=self._next_slice,
            waiting=tuple(block for blocks in self._waiting.values() for block in blocks),
            dropped=_three(self._dropped),
            signals=tuple(self._signals.tolist()),
        )

    def restore(self, state: PortfolioState) -> None:
        """Go on from a snapshot.

        :raises DlmmError: The snapshot was made by another version of this step, or for other pools or strategies.

        """
        if state.version != STATE_VERSION:
            raise DlmmError(f"portfolio state has version {state.version}, this program reads {STATE_VERSION}")
        is_ours = state.fingerprint == self._params.fingerprint
        if not is_ours or len(state.books) != self._books.nbytes or len(state.signals) != len(self._signals):
            raise DlmmError("portfolio state was saved under other settings; go back to them, or start anew")
        self._ledger = np.frombuffer(state.ledger, LEDGER).copy()
        self._books = np.frombuffer(state.books, self._books.dtype).copy()
        self._table = np.frombuffer(state.open_orders, ORDER).copy()
        self._pools.restore(state.pools)
        self._next_slice = state.next_slice
        for block in state.waiting:
            self._waiting.setdefault(block.slice_no, []).append(block)
        self._dropped = np.array(state.dropped, np.int64)
        self._signals = np.array(state.signals, np.int64)


def _fields(record: np.void) -> dict[str, float]:
    return {name: record[name].item() for name in record.dtype.names or ()}


def _three(counts: np.ndarray) -> tuple[int, int, int]:
    return int(counts[0]), int(counts[1]), int(counts[2])


class _PortfolioLogic(StatefulBatchLogic[Block, Report, PortfolioState]):
    def __init__(self, params: PortfolioParams, state: PortfolioState | None) -> None:
        self._portfolio = Portfolio(params)
        if state is not None:
            self._portfolio.restore(state)

    def on_batch(self, values: list[Block]) -> tuple[list[Report], bool]:
        reports = [report for block in values for report in self._portfolio.take(block)]
        return reports, StatefulBatchLogic.RETAIN

    def snapshot(self) -> PortfolioState:
        return self._portfolio.snapshot()


@operator
def portfolio(step_id: str, up: KeyedStream[Block], params: PortfolioParams) -> KeyedStream[Report]:
    """Hold every wish against the ledger and the limits, and let paper orders meet the market.

    :arg step_id: Unique ID.

    :arg up: Blocks of all pools, keyed by portfolio.

    :arg params: The portfolio's plan.

    :returns: A report for each slice, in order.

    """
    return op.stateful_batch("portfolio", up, lambda state: _PortfolioLogic(params, state))
