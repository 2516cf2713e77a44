"""From a wish to a liquidity command."""

import math

import numpy as np

from dlmm.struct_arrays import copied
from operators.blocks import CLAIM as CLAIM_FEES
from operators.blocks import CLOSE as CLOSE_POSITION
from operators.blocks import DEPOSIT, SHAPES, WITHDRAW, Fields
from operators.blocks import OPEN as OPEN_POSITION
from operators.books.ledger import MAX_BASE
from operators.books.tables import Tables
from operators.orders.blank_orders import BLANK, number_first
from operators.orders.records import (
    ADD,
    CLAIM,
    CLOSE,
    CREATE,
    IMPOSSIBLE_AMOUNT,
    NO_POSITION,
    NO_RULE,
    REMOVE,
    SIGNED_ONLY,
    TOO_SMALL,
)
from operators.paper.synthetic import MOST_BINS
from operators.positions.numbered_positions import NumberedPositions

ACTION_OF = {
    OPEN_POSITION: CREATE,
    DEPOSIT: ADD,
    WITHDRAW: REMOVE,
    CLAIM_FEES: CLAIM,
    CLOSE_POSITION: CLOSE,
}


def blank_order(tables: Tables, pool: int, strategy: int, seq: int) -> np.void:
    """Return a new order of no action yet, numbered and dated."""
    orders = copied(BLANK)
    number_first(orders, tables.ledger, tables.books, pool, strategy, seq)
    order: np.void = orders[0]
    return order


def close_order(tables: Tables, positions: NumberedPositions, pool: int, position: int, seq: int) -> np.void:
    """Return the order that closes a position, whoever opened it: what the emergency stop does."""
    order = blank_order(tables, pool, -1, seq)
    order["action"], order["position"] = CLOSE, position
    order["lower"], order["upper"] = positions.range_of(pool, position) or (0, 0)
    order["urgency"] = 3
    return order


def draft_command(signal: Fields, tables: Tables, positions: NumberedPositions) -> tuple[np.void, int, float, float]:
    """Turn a signal into an order.

    :returns: The order, and what speaks against it as it stands: a rule, its figure and its bound.

    """
    pool = int(signal["pool"])
    order = blank_order(tables, pool, int(signal["strategy"]), int(signal["seq"]))
    order["action"] = ACTION_OF[int(signal["kind"])]
    order["urgency"] = signal["urgency"]
    match int(signal["kind"]):
        case kind if kind == OPEN_POSITION:
            order["position"] = order["order"]
            order["lower"], order["upper"] = signal["lower"], signal["upper"]
            width = int(signal["upper"]) - int(signal["lower"]) + 1
            if width > MOST_BINS and not tables.is_signed:
                return order, SIGNED_ONLY, float(width), float(MOST_BINS)
            return order, NO_RULE if width > 0 else TOO_SMALL, float(width), 1.0
        case _:
            return (order, *_on_position(order, signal, tables, positions))


def _on_position(
    order: np.void, signal: Fields, tables: Tables, positions: NumberedPositions
) -> tuple[int, float, float]:
    pool = int(signal["pool"])
    position = int(signal["position"]) or positions.newest(pool, int(signal["strategy"]))
    place = positions.range_of(pool, position) if position else None
    if place is None:
        return NO_POSITION, float(position), 0.0
    order["position"] = position
    order["lower"], order["upper"] = place
    if signal["kind"] == WITHDRAW:
        fraction = float(signal["fraction"])
        order["fraction_bps"] = round(min(fraction, 1.0) * 10_000) if fraction > 0.0 else 0
        return (NO_RULE if order["fraction_bps"] else TOO_SMALL), fraction, 0.0
    if signal["kind"] != DEPOSIT:
        return NO_RULE, 0.0, 0.0
    book = tables.books[pool]
    raw_x, raw_y = _raw(signal["amount_x"], book["unit_x"]), _raw(signal["amount_y"], book["unit_y"])
    if not (0.0 <= raw_x < MAX_BASE and 0.0 <= raw_y < MAX_BASE):
        return IMPOSSIBLE_AMOUNT, max(raw_x, raw_y), MAX_BASE
    order["amount_x"], order["amount_y"] = round(raw_x), round(raw_y)
    order["value"] = order["amount_x"] * book["unit_x"] * book["price"] + order["amount_y"] * book["unit_y"]
    order["shape"] = min(max(int(signal["shape"]), 0), len(SHAPES) - 1)
    order["other_min_out"] = book["active_id"]
    return (NO_RULE if order["amount_x"] or order["amount_y"] else TOO_SMALL), float(order["value"]), 0.0


def _raw(whole: float, unit: float) -> float:
    return 0.0 if math.isnan(whole) else float(whole / unit)
