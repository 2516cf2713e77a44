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
        ("strategy", "i2"),
        ("pool", "i2"),
        ("side", "i1"),  # BUY or SELL
        ("kind", "i1"),  # RESTING or IMMEDIATE
        ("status", "i1"),
        ("rule", "i1"),  # index into RULES of what objected
    ]
)
BUY, SELL = 1, -1
RESTING, IMMEDIATE = 0, 1
OPEN, FILLED, CANCELLED, EXPIRED, FAILED, REFUSED, WITHHELD = 0, 1, 2, 3, 4, 5, 6
STATUSES = ("open", "filled", "cancelled", "expired", "failed", "refused", "withheld")
"""An order *failed* when it landed and its limit could not be met; the gate *refused* it; its policy *withheld* it."""

RULES = (
    "none",
    "emergency_stop",
    "max_drawdown",
    "max_position_size",
    "max_pool_exposure",
    "max_total_exposure",
    "max_open_orders",
    "balance",
    "inventory_band",
    "too_small",
    "impossible_amount",
)
(
    NO_RULE,
    EMERGENCY_STOP,
    MAX_DRAWDOWN,
    MAX_POSITION_SIZE,
    MAX_POOL_EXPOSURE,
    MAX_TOTAL_EXPOSURE,
    MAX_OPEN_ORDERS,
    BALANCE,
    INVENTORY_BAND,
    TOO_SMALL,
    IMPOSSIBLE_AMOUNT,
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
        if table[index].status == OPEN:
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
