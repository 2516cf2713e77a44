"""Drive the paper venue's kernel by itself, with a plain rule for fills in place of the pools."""

import math
from collections.abc import Callable, Iterable

import msgspec
import numpy as np

from dlmm.records import ANSWER
from dlmm.struct_arrays import join
from operators.blocks import Rows, order_by_seq
from operators.books.accounts import ACCOUNT
from operators.books.ledger import EQUITY, LEDGER, open_books
from operators.books.sizing import POLICY, VENUE
from operators.ladders.watch import open_watches
from operators.orders.clockwork import AWAITS_RESULT, advance
from operators.orders.order_table import CURSOR
from operators.orders.records import BUY, FILL, ORDER
from operators.paper.synthetic import NO_POSITIONS, chained
from operators.risk.gate import LIMITS
from operators.risk.market_risk import open_risk
from operators.risk.unwinding import SALE, UNWINDING, open_sales
from tests.operators.markets import POOLS, base_fee, bin_price, no_signals

UNIT_X = tuple(10.0**-info.decimals_x for info in POOLS)
UNIT_Y = tuple(10.0**-info.decimals_y for info in POOLS)

Answer = Callable[[int, int, int, int, int], tuple[int, int] | None]
"""From id, pool, side, amount in and active bin of an order to what comes out and the fee; `None` stands for a
failure. Whether the least amount is kept is judged by the caller."""


class Rules(msgspec.Struct, frozen=True):
    """All numbers that a walk depends on; nothing is limited unless a test says so."""

    size_fraction: float = 0.05
    """Of equity, in an order without a size: by default the record counts for nothing, and Kelly's fraction is 1."""
    win_rate: float = 1.0
    average_win: float = 0.001
    average_loss: float = 0.001
    prior_trades: float = 1e18
    max_liquidity_share: float = 1.0
    inventory_target: float = 0.5
    max_inventory_deviation: float = 0.5
    max_position_size: float = 1e12
    max_pool_exposure: float = 1e12
    max_total_exposure: float = 1e12
    max_drawdown: float = 1.0
    emergency_stop_loss: float = 1.0
    max_open_orders: int = 1_000
    max_value_at_risk: float = 1e15
    correlation_limit: float = 1.0
    max_feed_age_slots: int = 1_000_000
    max_orders_per_slot: int = 1_000_000
    min_lamports: int = 0
    dust_value: float = math.inf  # so that the emergency stop sells nothing
    emergency_slippage: float = 0.02
    unwind_retry_slots: int = 10
    latency_slots: int = 1
    interval_ns: int = 1_000_000_000
    slippage: float = 0.005
    capital: float = 100_000.0
    transaction_cost: float = 0.0
    strategies: int = 4
    shares: tuple[float, ...] = (1.0,)
    """Of each pool's budget, by strategy; those beyond have none."""


def at_bin_price(order: int, pool: int, side: int, amount_in: int, active_id: int) -> tuple[int, int]:
    """Swap all of it at the bin's price, less the base fee: a pool of one endless bin."""
    raw = bin_price(pool, active_id) * UNIT_X[pool] / UNIT_Y[pool]
    fee = math.ceil(amount_in * base_fee(pool))
    net = amount_in - fee
    return math.floor(net / raw if side == BUY else net * raw), fee


def never(order: int, pool: int, side: int, amount_in: int, active_id: int) -> None:
    """Fail, whatever is asked."""


class Clockwork:
    """The state of a venue and its ledger, and what came of the rows so far."""

    def __init__(self, rules: Rules | None = None, answer: Answer = at_bin_price) -> None:
        r = rules or Rules()
        self.answer = answer
        self.fee_on_input = True
        self.asked: list[tuple[int, int]] = []
        self.ledger = np.zeros(1, LEDGER)
        self.ledger["slot"], self.ledger["next_order"] = -1, 1
        self.books = open_books(POOLS, dict.fromkeys(range(len(POOLS)), r.inventory_target), r.capital)
        self.ledger["transaction_cost"] = r.transaction_cost
        self.accounts = np.zeros((r.strategies + 1, len(POOLS)), ACCOUNT)
        self.accounts["inventory_target"][:-1] = r.inventory_target
        for strategy, share in enumerate(r.shares):
            self.accounts["share"][strategy] = share
        self.accounts["share"][-1] = max(1.0 - sum(r.shares), 0.0)
        self.table = np.zeros(0, ORDER)
        prior = (r.win_rate, r.average_win, r.average_loss, r.prior_trades)
        policy = (r.size_fraction, *prior, r.max_liquidity_share, r.inventory_target, r.max_inventory_deviation, 0.0)
        self.policies = np.array([policy] * r.strategies, POLICY)
        self.limits = np.array([tuple(getattr(r, name) for name in LIMITS.names or ())], LIMITS)
        self.risk = open_risk(len(POOLS), 10.0, 3600.0, 0.001)
        unwinding = np.array([(r.dust_value, r.emergency_slippage, r.unwind_retry_slots)], UNWINDING)
        self.unwinding = unwinding, open_sales(len(POOLS)), np.zeros(len(POOLS), SALE)
        self.venue = np.array([(r.latency_slots, r.interval_ns, r.slippage)], VENUE)
        self.orders, self.fills, self.samples = np.zeros(0, ORDER), np.zeros(0, FILL), np.zeros(0, EQUITY)

    def walk(self, rows: Rows, *signals: Rows) -> "Clockwork":
        """Walk rows, and the signals given at them."""
        wanted = join([no_signals(), *signals])
        wanted = wanted[np.argsort(wanted["seq"], kind="stable")]
        held = int(self.ledger[0]["open_orders"])
        room = held + 2 * len(wanted) + 2 * len(POOLS) + 1
        self.table = np.concatenate([self.table[:held], np.zeros(room - held, ORDER)])
        out = (np.zeros(room, ORDER), np.zeros(room, FILL), np.zeros(len(rows) + 1, EQUITY), np.zeros(room, ORDER))
        cursor, result = np.zeros(1, CURSOR), np.zeros(1, ANSWER)
        state, rules = (self.ledger, self.books, self.table, self.accounts), (self.policies, self.limits, self.venue)
        order_of_rows = order_by_seq(rows)
        nothing_stands = NO_POSITIONS, chained(NO_POSITIONS, len(POOLS)), open_watches(len(self.policies), len(POOLS))
        terms = (rules, self.risk, self.unwinding, nothing_stands)
        while advance(rows, order_of_rows, wanted, state, *terms, out, cursor, result) == AWAITS_RESULT:
            result[0] = self._result(self.table[int(cursor[0]["order"])])
        end = cursor[0]
        assert end["signal"] == len(wanted), "every signal belongs to a row"
        self.orders = np.concatenate([self.orders, out[0][: end["ended"]]])
        self.fills = np.concatenate([self.fills, out[1][: end["fills"]]])
        self.samples = np.concatenate([self.samples, out[2][: end["samples"]]])
        return self

    def _result(self, order: np.void) -> tuple[int, int, int, int, int, int, float, int]:
        book = self.books[order["pool"]]
        self.asked.append((int(order["order"]), int(book["seq"])))
        amount_in = int(order["amount_in"])
        active_id = int(book["active_id"])
        answer = self.answer(int(order["order"]), int(order["pool"]), int(order["side"]), amount_in, active_id)
        if answer is None or answer[0] < order["min_out"]:
            return (0, 0, 0, 0, 0, 0, 0.0, 0)
        return (1, amount_in, answer[0], answer[1], int(self.fee_on_input), 1, 0.0, 0)

    @property
    def open(self) -> Rows:
        """The orders that are open."""
        return self.table[: int(self.ledger[0]["open_orders"])]

    def ended(self, order: int) -> np.void:
        """The end of an order."""
        (found,) = self.orders[self.orders["order"] == order]
        return np.void(found)

    def __getitem__(self, field: str) -> float:
        """A figure of the ledger."""
        value: float = self.ledger[0][field].item()
        return value


def tokens(orders: Iterable[np.void]) -> int:
    """Sum of what goes in."""
    return sum(int(order["amount_in"]) for order in orders)
