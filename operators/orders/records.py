"""Orders and fills as rows: what the portfolio sends, and what came of it."""

import numpy as np

from dlmm.jit import kernel
from operators.blocks import Fields, Rows

ORDER = np.dtype(
    [
        ("order", "i8"),  # id, a pure function of state: counts up from 1
        ("seq", "i8"),  # of the row that caused it
        ("slot", "i8"),  # of the decision
        ("ts_event_ns", "i8"),
        ("land_slot", "i8"),  # from this slot on it can fill
        ("cancel_slot", "i8"),  # from this slot on it cannot
        ("expiry_slot", "i8"),
        ("end_seq", "i8"),  # of the row at which it ended
        ("end_slot", "i8"),
        ("amount_in", "i8"),  # raw units of the token that goes in
        ("min_out", "i8"),  # raw units of the token that comes out
        ("limit", "f8"),  # Y per X in whole tokens, fees included
        ("value", "f8"),  # quote currency
        ("fair", "f8"),  # price of the pool at the decision
        ("figure", "f8"),  # what a refusal objects to ..
        ("bound", "f8"),  # .. and what is allowed
        ("tried_slot", "i8"),  # where the last attempt that fell short was made
        ("tried_bin", "i8"),
        ("sent_slot", "i8"),  # in which the last attempt was sent
        ("position", "i8"),  # of a liquidity command: order that created the position
        ("amount_x", "i8"),  # raw units that a deposit reserves
        ("amount_y", "i8"),
        ("other_in", "i8"),  # of the second swap of an arbitrage
        ("other_min_out", "i8"),
        ("third_in", "i8"),
        ("third_min_out", "i8"),
        ("old_position", "i8"),  # of a rebalance: what it closes, 0 for nothing
        ("size_fraction", "f8"),  # of equity that its size was asked as, before the caps; NaN where it was named
        ("lower", "i4"),
        ("upper", "i4"),
        ("bid_upper", "i4"),  # of a ladder: last bin of its bids, first of its asks
        ("ask_lower", "i4"),
        ("old_lower", "i4"),
        ("old_upper", "i4"),
        ("compute_units", "i4"),  # estimate of the quote it was sent with
        ("fraction_bps", "i4"),  # of a withdrawal
        ("attempts", "i2"),  # transactions sent for it, one after the other
        ("other_pool", "i2"),
        ("third_pool", "i2"),  # of an arbitrage, -1 where two swaps make the round
        ("strategy", "i2"),
        ("pool", "i2"),
        ("directions", "i1"),  # of an arbitrage: bit k is set where swap k gives X for Y
        ("sized_by", "i1"),  # index into SIZED_BY
        ("side", "i1"),  # BUY or SELL
        ("kind", "i1"),  # RESTING or IMMEDIATE
        ("status", "i1"),
        ("rule", "i1"),  # index into RULES of what objected, or why it failed
        ("action", "i1"),
        ("is_exact_out", "i1"),  # `min_out` comes out exactly, and `amount_in` is the most that goes in
        ("urgency", "i1"),
        ("shape", "i1"),
        ("_reserved", "i4"),
    ]
)
BUY, SELL = 1, -1
NO_POOL = -1
"""In place of the third pool of a route that has none."""

TURNED = 0b1000
"""In the directions of a route: its pool makes the last of the swaps instead of the first."""

RESTING, IMMEDIATE = 0, 1
OPEN, FILLED, CANCELLED, EXPIRED, FAILED, REFUSED, WITHHELD, SENT, SIMULATED = range(9)
STATUSES = ("open", "filled", "cancelled", "expired", "failed", "refused", "withheld", "sent", "simulated")
"""An order *failed* when it landed and its limit could not be met; the gate *refused* it; its policy *withheld* it. It
is *sent* while its transaction is on the way; a dry run ends with *simulated*."""

ACTIONS = (
    "swap",
    "create_position",
    "add_liquidity",
    "remove_liquidity",
    "claim_fees",
    "close_position",
    "route",
    "rebalance",
)
SWAP, CREATE, ADD, REMOVE, CLAIM, CLOSE, ROUTE, REBALANCE = range(len(ACTIONS))

SIZED_BY = ("strategy", "kelly", "liquidity", "budget", "max_position_size", "holdings", "profit", "exposure")
SIZED_BY_STRATEGY, SIZED_BY_KELLY, SIZED_BY_LIQUIDITY, SIZED_BY_BUDGET, SIZED_BY_LIMIT = range(5)
SIZED_BY_HOLDINGS, SIZED_BY_PROFIT, SIZED_BY_EXPOSURE = range(5, len(SIZED_BY))
"""What an order's size was in the end: named by the strategy, a fraction of Kelly's, or the least of what capped it. An
arbitrage ends where its marginal profit does."""

RULES = (
    "none",
    "emergency_stop",
    "max_drawdown",
    "max_position_size",
    "max_pool_exposure",
    "max_total_exposure",
    "max_value_at_risk",
    "correlation_limit",
    "stale_feed",
    "order_rate",
    "max_open_orders",
    "balance",
    "fee_balance",
    "inventory_band",
    "too_small",
    "impossible_amount",
    "no_position",
    "needs_signed_execution",
    "no_edge",
    "strategy_budget",
    "cost_above_profit",
    "active_moved",
    "no_bins",
    "program_refused",
    "pool_unusable",
)
"""What objected to an order, or why a liquidity command failed when it landed on paper."""

(
    NO_RULE,
    EMERGENCY_STOP,
    MAX_DRAWDOWN,
    MAX_POSITION_SIZE,
    MAX_POOL_EXPOSURE,
    MAX_TOTAL_EXPOSURE,
    MAX_VALUE_AT_RISK,
    CORRELATION_LIMIT,
    STALE_FEED,
    ORDER_RATE,
    MAX_OPEN_ORDERS,
    BALANCE,
    FEE_BALANCE,
    INVENTORY_BAND,
    TOO_SMALL,
    IMPOSSIBLE_AMOUNT,
    NO_POSITION,
    SIGNED_ONLY,
    NO_EDGE,
    STRATEGY_BUDGET,
    COST_ABOVE_PROFIT,
    ACTIVE_MOVED,
    NO_BINS,
    PROGRAM_REFUSED,
    POOL_UNUSABLE,
) = range(len(RULES))

FILL = np.dtype(
    [
        ("order", "i8"),
        ("seq", "i8"),  # of the row whose pool state it met
        ("slot", "i8"),
        ("ts_event_ns", "i8"),
        ("amount_in", "i8"),
        ("amount_out", "i8"),
        ("price", "f8"),  # paid or received per X, fees included
        ("fair", "f8"),  # price of the pool at the fill
        ("fee", "f8"),  # quote currency
        ("price_impact", "f8"),
        ("realised", "f8"),  # quote currency, against the average cost; 0 on a buy
        ("strategy", "i2"),
        ("pool", "i2"),
        ("side", "i1"),
        ("bins", "i1"),  # bins walked, at most 127
        ("_reserved", "i2"),
    ]
)

NEVER = np.iinfo(np.int64).max


@kernel
def compact(table: Rows, count: int) -> int:
    """Close the gaps that ended orders leave in the table of open ones; keep the order of ids."""
    kept = 0
    for index in range(count):
        if table[index].status == OPEN or table[index].status == SENT:
            if kept != index:
                table[kept] = table[index]
            kept += 1
    return kept


@kernel
def end(order: Fields, status: int, seq: int, slot: int, ended: Rows, count: int) -> int:
    """Take an order to its end and copy it out; return the new count of ended orders."""
    order.status = status
    order.end_seq = seq
    order.end_slot = slot
    ended[count] = order
    return count + 1
