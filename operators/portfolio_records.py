"""What goes into the portfolio's step and what comes out of it, as values."""

import msgspec

from dlmm.records import Record
from operators.blocks import NO_SIGNALS, Block, Rows
from operators.books.baselines import Baseline
from operators.books.strategy_totals import StrategyTotals
from operators.books.wallet_books import WalletTotals
from operators.ladders.keeper import LaddersState
from operators.orders.commands import Approved
from operators.orders.settlement import SettlementState
from operators.paper.pools import PaperPoolsState
from operators.paper.positions import PaperPositionsState
from operators.pools import PoolInfo
from operators.positions.bin_positions import HeldPosition
from operators.strategies.interface import PlannedStrategy


class RiskLimits(Record, frozen=True):
    """Limits in quote currency, and fractions of the peak of equity.

    :arg max_value_at_risk: At 95 %, over `var_horizon_s`.

    :arg correlation_limit: Pools whose returns correlate more than this count as one for `max_pool_exposure`.

    :arg max_feed_age_slots: Slots without a word about a pool's accounts after which it takes no new risk.

    :arg max_orders_per_slot: Of those that add risk.

    :arg min_lamports: Native SOL below which nothing that adds risk is sent; with signed execution only.

    :arg var_sample_s: Market time between two samples of the returns that the value at risk is judged by.

    :arg default_volatility: Standard deviation of a log return between two samples, until there are enough of them.

    :arg emergency_slippage: How much worse than the price the emergency stop sells, as a fraction.

    :arg unwind_retry_slots: Slots between two attempts of the emergency stop to sell or close.

    """

    max_position_size: float
    max_pool_exposure: float
    max_total_exposure: float
    max_drawdown: float
    emergency_stop_loss: float
    max_open_orders: int
    max_value_at_risk: float = 1e12
    correlation_limit: float = 1.0
    max_feed_age_slots: int = 1_000_000
    max_orders_per_slot: int = 1_000_000
    min_lamports: int = 0
    var_sample_s: float = 10.0
    var_horizon_s: float = 3_600.0
    default_volatility: float = 0.001
    emergency_slippage: float = 0.02
    unwind_retry_slots: int = 10


class PortfolioParams(Record, frozen=True):
    """What a portfolio is built from.

    :arg pools: All pools, in the order of the recording's list.

    :arg capital: Quote currency, split evenly over the pools that a strategy trades.

    :arg latency_slots: Slots from a decision to its landing, at least 1.

    :arg slippage_bps: How much worse than its price a swap at once may come out.

    :arg equity_interval_s: Seconds of market time between samples of the equity curve.

    :arg depth_bins: Half width of the synthetic liquidity profile.

    :arg transaction_cost: Quote currency that one transaction costs. On paper each order that reaches its pool pays it.

    :arg name: Of the portfolio.

    :arg follows_reports: Whether the reports of an execution connector count. Where its first is there, orders are real
        transactions; without any, or where they do not count, all is simulated.

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
    transaction_cost: float = 0.0
    name: str = "main"
    follows_reports: bool = True
    fingerprint: str = ""


class Totals(Record, frozen=True):
    """What a portfolio came to when its input ended.

    :arg ledger: The `LEDGER` record, by field.

    :arg books: The `BOOK` records, by field, in the order of the pools.

    :arg strategies: In their order.

    :arg baselines: What the same money would have come to without a strategy.

    """

    ledger: dict[str, float]
    books: tuple[dict[str, float], ...]
    dropped: tuple[int, int, int]
    findings: tuple[tuple[str, bool, int], ...]
    signals: tuple[int, ...]
    troubles: tuple[str, ...]
    failure: str
    wallet: WalletTotals = WalletTotals()
    positions: int = 0
    unknown_reports: int = 0
    baselines: tuple[Baseline, ...] = ()
    strategies: tuple[StrategyTotals, ...] = ()


class Report(msgspec.Struct, frozen=True, gc=False):
    """What one slice brought: orders that ended, fills, samples of equity, what strategies said.

    With the last slice come the orders that are still open, and the totals.

    :arg ledger: The `LEDGER` record after the slice, (1,).

    :arg ts_recv_ns: When the newest row of the slice was received; 0 where it has none.

    :arg approved: What passed the gate in this slice and is to be carried out now; with signed execution only.

    """

    slice_no: int
    orders: Rows
    fills: Rows
    equity: Rows
    ledger: Rows
    ts_recv_ns: int = 0
    totals: Totals | None = None
    approved: tuple[Approved, ...] = ()
    signals: Rows = NO_SIGNALS


class PortfolioState(Record, frozen=True):
    """A portfolio's snapshot."""

    version: int
    fingerprint: str
    ledger: bytes
    books: bytes
    accounts: bytes
    open_orders: bytes
    pools: PaperPoolsState
    next_slice: int
    waiting: tuple[Block, ...]
    dropped: tuple[int, int, int]
    signals: tuple[int, ...]
    risk: bytes
    sold: bytes
    baselines: bytes
    positions: tuple[HeldPosition, ...]
    paper: PaperPositionsState
    settlement: SettlementState
    ladders: LaddersState
    groups: tuple[bytes, ...] = ()
