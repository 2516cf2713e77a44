"""The portfolio's step: all pools of one wallet in one order of events, against one ledger.

Blocks arrive pool by pool, in any order between pools. A slice is taken up when all of its blocks are there, and slices
in the order of their numbers; then rows and signals are merged by sequence number. So the result is a pure function of
the rows, however many workers brought them and however they were cut.

Whether orders are simulated or real, the rows say: the first report of an execution connector opens the wallet, and
from then on reports alone move the books.
"""

import bytewax.operators as op
import numpy as np
from bytewax.dataflow import operator
from bytewax.operators import KeyedStream, StatefulBatchLogic

from dlmm.errors import DlmmError
from dlmm.records import ANSWER
from dlmm.struct_arrays import copied, join, spanned, taken
from operators.blocks import REPORT, Block, Rows, order_by_seq
from operators.books.accounts import ACCOUNT, inventory_targets, open_accounts
from operators.books.baselines import Baselines
from operators.books.ledger import EQUITY, LEDGER, mark, open_books, sample
from operators.books.sizing import POLICY, VENUE, policy_record
from operators.books.strategy_totals import strategy_totals
from operators.books.tables import NO_FILLS, NO_ORDERS, NO_SAMPLES, Tables
from operators.ladders.keeper import LadderKeeper
from operators.market.arbitrate import NONE_DROPPED
from operators.orders.clockwork import (
    AWAITS_COMMAND,
    AWAITS_REPORT,
    AWAITS_RESULT,
    AWAITS_VALUE,
    DONE,
    DONE_ELSEWHERE,
)
from operators.orders.commanding import Commands
from operators.orders.dispatch import approved_of
from operators.orders.execution_reports import REPORT_OWNER, decode_report
from operators.orders.records import EXPIRED, FAILED, ORDER
from operators.orders.settlement import Settlement
from operators.orders.walk import AWAITS_POOL, walk
from operators.paper.landing import PaperLiquidity
from operators.paper.pools import PaperPools
from operators.paper.positions import PaperPositions
from operators.portfolio_records import PortfolioParams, PortfolioState, Report, Totals
from operators.positions.bin_positions import BinPositions
from operators.positions.numbered_positions import PositionsAtHand
from operators.risk.gate import LIMITS
from operators.risk.market_risk import books_changed, open_risk, restore_risk, snapshot_risk
from operators.risk.unwinding import SALE, UNWINDING, open_sales
from operators.routes.legs import route_tokens
from operators.routes.routing import Routing, traded_by
from operators.strategies.groups import add_group_signals, group_runners

STATE_VERSION = 7
DUST_VALUE = 1.0
"""Quote currency; less than this the emergency stop leaves where it is."""


class Portfolio:
    """One ledger over all pools, with the paper venue or the execution connector behind it."""

    def __init__(self, params: PortfolioParams) -> None:
        """Lay out the capital; each pool's share of it is invested at the pool's first row."""
        self._params = params
        self._pools = PaperPools(params.pools, params.depth_bins)
        self._policies = np.array([policy_record(planned.policy) for planned in params.strategies], POLICY)
        limit = params.limits
        self._limits = np.array([tuple(getattr(limit, name) for name in LIMITS.names or ())], LIMITS)
        venue = (params.latency_slots, round(params.equity_interval_s * 1e9), params.slippage_bps / 10_000.0)
        self._venue = np.array([venue], VENUE)
        traded = inventory_targets(params.strategies, params.pools)
        accounts = open_accounts(params.strategies, params.pools)
        self._tables = Tables(open_books(params.pools, traded, params.capital), accounts)
        self._tables.ledger["start"] = params.capital
        near_bins = 2 * params.depth_bins + 1
        cost = params.transaction_cost
        self._baselines = Baselines(params.pools, self._tables.books, cost=cost, near_bins=near_bins)
        self._tables.ledger["transaction_cost"] = params.transaction_cost
        self._risk = open_risk(len(params.pools), limit.var_sample_s, limit.var_horizon_s, limit.default_volatility)
        unwinding = (DUST_VALUE, limit.emergency_slippage, limit.unwind_retry_slots)
        pools = len(params.pools)
        self._unwinding = np.array([unwinding], UNWINDING), open_sales(pools), np.zeros(pools, SALE)
        self._positions = BinPositions(params.pools)
        self._paper_positions = PaperPositions(params.pools, params.depth_bins)
        self._paper = PaperLiquidity(params.pools, self._pools, self._paper_positions)
        at_hand = PositionsAtHand(self._positions, self._paper_positions, self._tables)
        slippage = params.slippage_bps / 10_000.0
        self._tokens = route_tokens(params.pools, traded_by(params.strategies))
        routing = Routing(self._tokens, self._pools, params.strategies, self._limits, slippage)
        self._ladders = LadderKeeper(params.pools, params.strategies, at_hand, self._limits, params.transaction_cost)
        self._commands = Commands(routing, at_hand, self._ladders, self._limits, self._venue)
        self._names = tuple(planned.name for planned in params.strategies)
        self._settlement = Settlement(params.pools, tuple(sorted(traded)), self._names, self._positions)
        self._result = np.zeros(1, ANSWER)
        self._next_slice = 0
        self._waiting: dict[int, list[Block]] = {}
        self._dropped = np.zeros(3, np.int64)
        self._signals = np.zeros(len(params.strategies), np.int64)
        self._groups = group_runners(params.strategies, params.pools)

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
        rows = spanned([block.rows for block in blocks])
        signals = join([block.signals for block in blocks])
        if len(blocks) > 1:  # those of one block are in order
            signals = taken(signals, np.argsort(signals["seq"], kind="stable"))
        reports = self._reports_of(blocks, rows)
        for block in blocks:
            if block.dropped != NONE_DROPPED:
                self._dropped += block.dropped
            if block.writes:
                self._pools.note(block.pool, tuple([w for w in block.writes if w.owner != REPORT_OWNER]))
        order_of_rows = order_by_seq(rows) if len(blocks) > 1 else np.arange(len(rows))
        if self._groups:
            signals = add_group_signals(self._groups, rows, order_of_rows, signals)
        if len(signals):
            self._signals += np.bincount(signals["strategy"], minlength=len(self._signals))

        tables = self._tables
        tables.begin(len(rows), len(signals) + len(reports))
        self._run(rows, order_of_rows, signals, reports)
        self._baselines.walk(rows, order_of_rows)
        for block in blocks:
            if block.writes:
                self._pools.settle(block.pool, block.writes[-1].seq)
        return self._report(blocks, signals)

    def _reports_of(self, blocks: list[Block], rows: Rows) -> dict[int, bytes]:
        """Return the reports of a slice, encoded, by sequence number."""
        if REPORT not in rows["kind"].tobytes():
            return {}
        return {write.seq: write.data for block in blocks for write in block.writes if write.owner == REPORT_OWNER}

    def _run(self, rows: Rows, order_of_rows: np.ndarray, signals: Rows, reports: dict[int, bytes]) -> None:
        """Walk the slice, and do what that stops for."""
        tables = self._tables
        rules = (self._policies, self._limits, self._venue)
        while True:
            state = (tables.ledger, tables.books, tables.table, tables.accounts)
            out = (tables.ended, tables.fills, tables.samples, tables.sent)
            positions = self._paper_positions.synthetic, self._ladders.watches
            given = (rows, order_of_rows, signals, state, rules, self._risk, self._unwinding, *positions, out)
            pools = (self._tokens, self._pools.standing, self._pools.ways)
            match int(walk(*given, *pools, tables.cursor, self._result)):
                case kind if kind == DONE:
                    return
                case kind if kind == AWAITS_POOL:
                    self._pools.hold(int(tables.cursor["pool"][0]), tables.books, int(tables.ledger["slot"][0]))
                case kind if kind == AWAITS_RESULT:
                    self._land(tables.table[int(tables.cursor["order"][0])])
                case kind if kind == AWAITS_REPORT:
                    row = rows[order_of_rows[int(tables.cursor["row"][0])]]
                    self._book(reports.get(int(row["seq"])), int(row["seq"]))
                case kind if kind == AWAITS_VALUE:
                    row = rows[order_of_rows[int(tables.cursor["row"][0])]]
                    self._revalue(int(row["pool"]), int(row["seq"]))
                case kind:
                    assert kind == AWAITS_COMMAND, f"the walk stopped for {kind}"
                    self._commands.take(signals[int(tables.cursor["signal"][0])], tables, self._risk)

    def _book(self, encoded: bytes | None, seq: int) -> None:
        """Book a report; what the emergency stop or the end of the run asks for then is done at once."""
        if encoded is None or not self._params.follows_reports:
            return
        was_signed, ended = self._tables.is_signed, int(self._tables.cursor["ended"][0])
        self._settlement.book(decode_report(encoded), self._tables)
        if self._tables.is_signed and not was_signed:
            self._baselines.begin_with(self._tables.books, seq)
            self._paper.leave(self._tables)
        self._follow_mode()
        books_changed(self._risk)
        mark(self._tables.ledger[0], self._tables.books)
        if self._tables.ledger["closing"][0] or self._tables.ledger["stopped"][0]:
            self._tables.take_back_all(self._params.latency_slots)
        self._close_when_stopped(seq)
        for order in self._tables.ended[ended : int(self._tables.cursor["ended"][0])].copy():
            if int(order["status"]) in (FAILED, EXPIRED):
                self._commands.retry_ladder(order, self._tables, self._risk)

    def _close_when_stopped(self, seq: int) -> None:
        """Let the emergency stop close what stands in bins."""
        ledger = self._tables.ledger
        if ledger["stopped"][0] and not ledger["closing"][0]:
            retry_slots = self._params.limits.unwind_retry_slots
            self._commands.close_positions(self._tables, self._settlement, seq, retry_slots)

    def _follow_mode(self) -> None:
        """Send a signed order when it is decided: its latency is the chain's, and none of ours is added."""
        if self._tables.is_signed:
            self._venue["latency_slots"] = 0

    def _revalue(self, pool: int, seq: int) -> None:
        if self._tables.is_signed:
            self._pools.settle(pool, seq)
            trouble = self._settlement.revalue(pool, self._pools.accounts_of(pool), self._tables)
            if trouble:
                self._pools.trouble(pool, trouble)
        else:
            self._paper.revalue(pool, self._tables)
        books_changed(self._risk)
        self._close_when_stopped(seq)
        self._commands.follow_inventory(pool, seq, self._tables, self._risk)

    def _land(self, order: np.void) -> None:
        """Find out what comes of a liquidity command that has landed, and leave it where the clockwork looks for it."""
        is_done = self._paper.land(order, self._tables)
        if not is_done:
            self._commands.retry_ladder(order, self._tables, self._risk)
        self._result["is_filled"] = DONE_ELSEWHERE if is_done else 0

    def _report(self, blocks: list[Block], signals: Rows) -> Report:
        tables = self._tables
        ended, filled, sampled, sent = (int(tables.cursor[name][0]) for name in ("ended", "fills", "samples", "sent"))
        orders, fills, equity = tables.ended[:ended], tables.fills[:filled], tables.samples[:sampled]
        recv_ns = max([int(block.rows["ts_recv_ns"][-1]) for block in blocks if len(block.rows)], default=0)
        whose = self._params.pools, self._names, self._params.name
        approved = tuple([approved_of(order, *whose, recv_ns) for order in tables.sent[:sent]])
        totals = None
        if blocks[0].is_last:
            orders = join([orders, tables.open_orders])
            last = np.zeros(1, EQUITY)
            ledger = tables.ledger[0]
            sample(ledger, tables.books, int(ledger["ts_event_ns"]), last[0])
            equity = join([equity, last])
            totals = self._totals(blocks[0])
        return Report(
            slice_no=blocks[0].slice_no,
            orders=copied(orders) if len(orders) else NO_ORDERS,
            fills=copied(fills) if len(fills) else NO_FILLS,
            equity=copied(equity) if len(equity) else NO_SAMPLES,
            ledger=copied(tables.ledger),
            ts_recv_ns=recv_ns,
            totals=totals,
            approved=approved,
            signals=signals,
        )

    def _totals(self, last: Block) -> Totals:
        tables = self._tables
        mark(tables.ledger[0], tables.books)
        return Totals(
            ledger=_fields(tables.ledger[0]),
            books=tuple(_fields(book) for book in tables.books),
            dropped=_three(self._dropped),
            findings=last.findings,
            signals=tuple(self._signals.tolist()),
            troubles=self._pools.troubles,
            failure=last.failure,
            wallet=self._settlement.wallet,
            positions=len(self._positions.snapshot()) + len(self._paper_positions),
            unknown_reports=self._settlement.unknown,
            baselines=self._baselines.results(),
            strategies=strategy_totals(tables.accounts, tables.books, self._policies),
        )

    def snapshot(self) -> PortfolioState:
        """Return all that the portfolio knows, as values that later rows cannot change."""
        tables = self._tables
        return PortfolioState(
            version=STATE_VERSION,
            fingerprint=self._params.fingerprint,
            ledger=tables.ledger.tobytes(),
            books=tables.books.tobytes(),
            accounts=tables.accounts.tobytes(),
            open_orders=tables.open_orders.tobytes(),
            pools=self._pools.snapshot(),
            next_slice=self._next_slice,
            waiting=tuple(block for blocks in self._waiting.values() for block in blocks),
            dropped=_three(self._dropped),
            signals=tuple(self._signals.tolist()),
            risk=snapshot_risk(self._risk),
            sold=self._unwinding[1].tobytes(),
            baselines=self._baselines.snapshot(),
            positions=self._positions.snapshot(),
            paper=self._paper_positions.snapshot(),
            settlement=self._settlement.snapshot(),
            ladders=self._ladders.snapshot(),
            groups=tuple(runner.snapshot() for _, runner in self._groups),
        )

    def restore(self, state: PortfolioState) -> None:
        """Go on from a snapshot.

        :raises DlmmError: The snapshot was made by another version of this step, or for other pools or strategies.

        """
        if state.version != STATE_VERSION:
            raise DlmmError(f"portfolio state has version {state.version}, this program reads {STATE_VERSION}")
        is_ours = state.fingerprint == self._params.fingerprint
        tables = self._tables
        is_ours = is_ours and len(state.groups) == len(self._groups)
        if not is_ours or len(state.accounts) != tables.accounts.nbytes or len(state.signals) != len(self._signals):
            raise DlmmError("portfolio state was saved under other settings; go back to them, or start anew")
        tables.ledger = np.frombuffer(state.ledger, LEDGER).copy()
        tables.books = np.frombuffer(state.books, tables.books.dtype).copy()
        tables.accounts = np.frombuffer(state.accounts, ACCOUNT).reshape(tables.accounts.shape).copy()
        tables.table = np.frombuffer(state.open_orders, ORDER).copy()
        self._pools.restore(state.pools)
        self._next_slice = state.next_slice
        for block in state.waiting:
            self._waiting.setdefault(block.slice_no, []).append(block)
        self._dropped = np.array(state.dropped, np.int64)
        self._signals = np.array(state.signals, np.int64)
        self._risk = restore_risk(state.risk, len(self._params.pools))
        self._unwinding = self._unwinding[0], np.frombuffer(state.sold, np.int64).copy(), self._unwinding[2]
        self._positions.restore(state.positions)
        self._paper_positions.restore(state.paper)
        self._settlement.restore(state.settlement)
        self._ladders.restore(state.ladders)
        self._baselines.restore(state.baselines)
        for (_, runner), saved in zip(self._groups, state.groups, strict=True):
            runner.restore(saved)
        self._follow_mode()


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
    """Hold every wish against the ledger and the limits, and let what passes meet the market.

    :arg step_id: Unique ID.

    :arg up: Blocks of all pools, keyed by portfolio.

    :arg params: The portfolio's plan.

    :returns: A report for each slice, in order.

    """
    return op.stateful_batch("portfolio", up, lambda state: _PortfolioLogic(params, state))
