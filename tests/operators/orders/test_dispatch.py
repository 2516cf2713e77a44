"""What passed the gate reaches the execution connector with every figure in its place."""

import numpy as np
import pytest

from dlmm.shapes import Shape
from operators.blocks import SHAPES
from operators.books.accounts import NOBODY
from operators.orders.commands import Rebalance
from operators.orders.dispatch import DEADLINE_SLOTS, approved_of
from operators.orders.records import ORDER, REBALANCE
from tests.operators.markets import POOLS


@pytest.mark.parametrize("shape", list(Shape))
def test_a_ladders_order_becomes_its_command(shape: Shape) -> None:
    order = np.zeros(1, ORDER)[0]
    figures = {
        **{"order": 9, "strategy": 1, "position": 9, "pool": 1, "action": REBALANCE, "attempts": 1, "sent_slot": 70},
        **{"lower": 10, "bid_upper": 14, "ask_lower": 17, "upper": 21, "amount_x": 5_000, "amount_y": 6_000},
        **{"other_min_out": 15, "shape": SHAPES.index(shape), "old_position": 4, "old_lower": 1, "old_upper": 8},
        "urgency": 2,
    }
    for field, value in figures.items():
        order[field] = value
    made = approved_of(order, POOLS, ("one", "other"), "main", 123)
    assert made.command == Rebalance(
        pool="jup",
        position=9,
        lower=10,
        upper=21,
        bid_upper=14,
        ask_lower=17,
        amount_x=5_000,
        amount_y=6_000,
        active_id=15,
        shape=shape,
        old_position=4,
        old_lower=1,
        old_upper=8,
    )
    assert (made.key, made.deadline_slot, made.urgency, made.recv_ns) == ("9.0", 70 + DEADLINE_SLOTS, 2, 123)
    assert (made.portfolio, made.strategy) == ("main", "other")


def test_what_the_emergency_stop_sends_is_no_strategys() -> None:
    order = np.zeros(1, ORDER)[0]
    order["strategy"], order["attempts"] = NOBODY, 1
    assert approved_of(order, POOLS, ("one", "other"), "main", 0).strategy == ""
