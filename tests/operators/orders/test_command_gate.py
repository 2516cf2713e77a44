"""A command is held against the gate as it stands behind the open orders, and then is among them or at its end."""

import numpy as np
import pytest

from operators.books.accounts import ACCOUNT
from operators.books.ledger import BOOK, LEDGER
from operators.books.sizing import VENUE
from operators.orders.command_gate import admit, decide, passes, refuse
from operators.orders.order_table import CURSOR
from operators.orders.records import (
    ADD,
    COST_ABOVE_PROFIT,
    FAILED,
    NO_RULE,
    OPEN,
    ORDER,
    REBALANCE,
    REFUSED,
    ROUTE,
    RULES,
    SELL,
    SENT,
    WITHHELD,
)
from operators.risk.gate import LIMITS
from operators.risk.market_risk import open_risk


class Gate:
    """Strategy 0 with 1,000 X and 1,000 Y in each of two pools, and nothing that limits it."""

    def __init__(self, *, is_signed: bool = False) -> None:
        self.ledger, self.cursor = np.zeros(1, LEDGER), np.zeros(1, CURSOR)
        self.ledger["is_signed"], self.ledger["lamports"], self.ledger["slot"] = is_signed, 1, 7
        self.books, self.accounts = np.zeros(2, BOOK), np.zeros((2, 2), ACCOUNT)
        for field in ("unit_x", "unit_y", "price", "is_open"):
            self.books[field] = 1
        for holders in (self.books, self.accounts[0]):
            holders["base"] = holders["quote"] = 1_000
        self.table, self.ended, self.sent = (np.zeros(3, ORDER) for _ in range(3))
        self.limits, self.venue = np.zeros(1, LIMITS), np.zeros(1, VENUE)
        for name in LIMITS.names or ():
            self.limits[name] = 1_000_000
        self.limits["min_lamports"] = 0
        self.venue["latency_slots"] = 2
        self.risk = open_risk(2, 10.0, 3600.0, 0.001)

    def order(self, action: int, **fields: int) -> np.void:
        order: np.void = self.table[int(self.ledger["open_orders"][0])]
        order["action"], order["land_slot"] = action, 7
        for field, value in fields.items():
            order[field] = value
        return order

    def passes(self, rule: int = NO_RULE, figure: float = 0.0, bound: float = 0.0) -> bool:
        state = (self.ledger, self.books, self.accounts, self.table)
        return bool(passes(rule, figure, bound, *state, self.limits, self.risk, self.ended, self.cursor))

    def decide(self, rule: int = NO_RULE) -> bool:
        state = (self.ledger, self.books, self.accounts, self.table, self.limits, self.risk, self.venue)
        return bool(decide(rule, 0.0, 0.0, *state, self.sent, self.ended, self.cursor))

    def admit(self) -> None:
        admit(self.ledger, self.books, self.accounts, self.table, self.venue, self.sent, self.cursor)

    @property
    def end(self) -> np.void:
        assert self.cursor["ended"][0] == 1
        end: np.void = self.ended[0]
        return end


def test_what_passes_is_open_with_its_tokens_set_aside() -> None:
    gate = Gate()
    order = gate.order(ADD, amount_x=600, amount_y=700)
    assert gate.passes()
    gate.admit()
    assert (gate.ledger["open_orders"][0], gate.cursor["ended"][0], gate.cursor["sent"][0]) == (1, 0, 0)
    assert (order["status"], order["land_slot"]) == (OPEN, 9)
    for holder in (gate.books[0], gate.accounts[0, 0]):
        assert (holder["reserved_base"], holder["reserved_quote"]) == (600, 700)
    assert gate.ledger["rate_orders"][0] == 1


def test_with_signed_execution_it_is_sent() -> None:
    gate = Gate(is_signed=True)
    order = gate.order(ADD, amount_x=1)
    assert gate.passes()
    gate.admit()
    assert (order["status"], gate.sent[0]["status"], gate.ledger["in_flight"][0]) == (SENT, SENT, 1)


def test_an_objection_of_the_draft_withholds_it_with_its_figures() -> None:
    gate = Gate()
    gate.order(ADD, amount_x=1)
    assert not gate.passes(COST_ABOVE_PROFIT, 0.5, 2.0)
    end = gate.end
    assert (end["status"], end["rule"], end["figure"], end["bound"]) == (WITHHELD, COST_ABOVE_PROFIT, 0.5, 2.0)
    assert (gate.ledger["open_orders"][0], gate.ledger["rate_orders"][0]) == (0, 0)


def test_a_limit_refuses_it_by_name() -> None:
    gate = Gate()
    gate.limits["max_open_orders"] = 1
    gate.ledger["open_orders"] = 1
    gate.order(ADD, amount_x=1)
    assert not gate.passes()
    assert (gate.end["status"], RULES[gate.end["rule"]]) == (REFUSED, "max_open_orders")


def test_a_deposit_takes_no_more_than_its_account_has() -> None:
    gate = Gate()
    gate.accounts[0, 0]["base"] = 10
    gate.order(ADD, amount_x=11)
    assert not gate.passes()
    end = gate.end
    assert (end["status"], RULES[end["rule"]], end["figure"], end["bound"]) == (WITHHELD, "strategy_budget", 11.0, 10.0)


def test_a_ladder_may_count_on_what_the_old_one_holds() -> None:
    for position, expected in ((0, False), (500, True)):
        gate = Gate()
        gate.books[0]["position_x"] = gate.accounts[0, 0]["position_x"] = position
        gate.order(REBALANCE, amount_x=1_500)
        assert gate.passes() == expected


@pytest.mark.parametrize(("is_back", "expected"), [(0, "order_rate"), (1, "none")])
def test_an_exchange_adds_risk_on_its_way_there_alone(is_back: int, expected: str) -> None:
    gate = Gate()
    gate.limits["max_orders_per_slot"] = 0
    order = gate.order(ROUTE, side=SELL, pool=0, other_pool=1, other_in=5, fraction_bps=is_back)
    assert gate.passes() == (expected == "none")
    assert RULES[order["rule"]] == expected
    assert (order["pool"], order["other_pool"]) == (0, 1)


def test_what_is_hopeless_ends_where_it_is() -> None:
    gate = Gate()
    gate.order(ROUTE)
    refuse(FAILED, NO_RULE, 0.0, 0.0, gate.ledger, gate.books, gate.table, gate.ended, gate.cursor)
    assert (gate.end["status"], gate.end["end_slot"]) == (FAILED, 7)


@pytest.mark.parametrize("is_signed", [False, True])
def test_what_passes_is_admitted_at_once(is_signed: bool) -> None:
    gate = Gate(is_signed=is_signed)
    order = gate.order(ADD, amount_x=600)
    assert not gate.decide()
    assert gate.ledger["open_orders"][0] == 1
    assert (order["status"], order["land_slot"]) == (SENT if is_signed else OPEN, 9)


@pytest.mark.parametrize(("is_signed", "is_asked"), [(False, False), (True, True)])
def test_of_a_route_that_is_to_be_sent_now_the_caller_is_asked(is_signed: bool, is_asked: bool) -> None:
    gate = Gate(is_signed=is_signed)
    gate.order(ROUTE, pool=0, other_pool=1, third_pool=-1)
    assert gate.decide() == is_asked
    assert gate.ledger["open_orders"][0] == int(not is_asked)


def test_what_a_rule_objects_to_is_not_admitted() -> None:
    gate = Gate()
    gate.order(ADD, amount_x=600)
    assert not gate.decide(COST_ABOVE_PROFIT)
    assert gate.ledger["open_orders"][0] == 0
    assert gate.end["status"] == WITHHELD
