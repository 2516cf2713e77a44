"""Each rule holds to the unit and names its figures; nothing but tokens and fees stands in the way of getting out.

All amounts are multiples of powers of two, so that every figure is exact.
"""

import math
from collections.abc import Callable

import numpy as np
import pytest

from operators.books.ledger import BOOK, LEDGER
from operators.orders.records import (
    ACTIONS,
    ADD,
    BUY,
    CLAIM,
    CLOSE,
    CREATE,
    ORDER,
    REBALANCE,
    REMOVE,
    ROUTE,
    RULES,
    SELL,
    SWAP,
)
from operators.risk.gate import LIMITS, adds_risk, count_approval, objection
from operators.risk.market_risk import RISK
from operators.risk.rules import SIGNATURE_LAMPORTS

UNIT = 2.0**-20
WHOLE = 1 << 20
SLOT = 1_000
PRICE = 4.0
VALUE = 64.0
"""Quote currency of the order that is held against the rules."""
AT_RISK = 400.0 + 40.0 + 32.0 + 16.0
"""100 X held and 10 X in bins at a price of 4, 32 Y in open buys, 16 Y in bins."""


class Scene:
    """Three pools alike, an order for the first of them, and limits that nothing meets."""

    def __init__(self) -> None:
        self.books = np.zeros(3, BOOK)
        self.books["is_open"], self.books["price"], self.books["contact_slot"] = 1, PRICE, SLOT
        self.books["unit_x"] = self.books["unit_y"] = UNIT
        self.books["base"], self.books["position_x"] = 100 * WHOLE, 10 * WHOLE
        self.books["quote"], self.books["position_y"] = 1_000 * WHOLE, 16 * WHOLE
        self.books["reserved_base"], self.books["reserved_quote"] = 20 * WHOLE, 32 * WHOLE
        self.ledger = np.zeros(1, LEDGER)
        self.ledger["slot"] = SLOT
        self.limits = np.zeros(1, LIMITS)
        for name in LIMITS.names or ():
            self.limits[name] = 1 << 40
        self.limits["min_lamports"] = 0
        self.header = np.zeros(1, RISK)
        self.tails, self.correlation = np.full(3, 0.125), np.identity(3)
        self.order = np.zeros(1, ORDER)
        self.order["value"], self.order["side"] = VALUE, BUY
        self.need_x, self.need_y, self.open_in_pool = 0, 64 * WHOLE, 0

    def objection(self, *, is_adding: bool = True) -> tuple[str, float, float]:
        rule, figure, bound = objection(
            self.order[0],
            is_adding,
            self.need_x,
            self.need_y,
            self.ledger[0],
            self.books,
            self.limits,
            self.header,
            self.tails,
            self.correlation,
            self.open_in_pool,
        )
        return RULES[rule], figure, bound


Push = Callable[[Scene, int], tuple[float, float]]
"""Bring a scene to a rule's bound, and so many units beyond it; return the figure and the bound to be told."""


def _stop(scene: Scene, excess: int) -> tuple[float, float]:
    scene.ledger["stopped"], scene.ledger["drawdown"], scene.limits["emergency_stop_loss"] = excess, 0.0, 0.5
    return 0.0, 0.5


def _drawdown(scene: Scene, excess: int) -> tuple[float, float]:
    scene.limits["max_drawdown"] = 0.25
    scene.ledger["drawdown"] = 0.25 + excess * UNIT
    return 0.25 + excess * UNIT, 0.25


def _position_size(scene: Scene, excess: int) -> tuple[float, float]:
    scene.limits["max_position_size"] = VALUE - excess * UNIT
    return VALUE, VALUE - excess * UNIT


def _pool_exposure(scene: Scene, excess: int) -> tuple[float, float]:
    scene.limits["max_pool_exposure"] = AT_RISK + VALUE - excess * UNIT
    return AT_RISK + VALUE, AT_RISK + VALUE - excess * UNIT


def _total_exposure(scene: Scene, excess: int) -> tuple[float, float]:
    scene.limits["max_total_exposure"] = 3 * AT_RISK + VALUE - excess * UNIT
    return 3 * AT_RISK + VALUE, 3 * AT_RISK + VALUE - excess * UNIT


def _value_at_risk(scene: Scene, excess: int) -> tuple[float, float]:
    # The order at its own pool's tail, what is promised at that of each pool: bids in bins as well as open buys.
    scene.header["value_at_risk"], scene.tails[:] = 20.0, (0.125, 0.25, 0.5)
    figure = 20.0 + 64.0 * 0.125 + 48.0 * (0.125 + 0.25 + 0.5)
    scene.limits["max_value_at_risk"] = figure - excess * UNIT
    return figure, figure - excess * UNIT


def _correlation(scene: Scene, excess: int) -> tuple[float, float]:
    scene.limits["correlation_limit"] = 0.75
    scene.correlation[0, 1] = scene.correlation[1, 0] = 0.75  # not above the limit: it counts alone
    scene.correlation[0, 2] = scene.correlation[2, 0] = 0.875
    scene.limits["max_pool_exposure"] = 2 * AT_RISK + VALUE - excess * UNIT
    return 2 * AT_RISK + VALUE, 2 * AT_RISK + VALUE - excess * UNIT


def _feed(scene: Scene, excess: int) -> tuple[float, float]:
    scene.limits["max_feed_age_slots"] = 10
    scene.books["contact_slot"] = (SLOT - 10 - excess, SLOT, SLOT)
    return 10.0 + excess, 10.0


def _rate(scene: Scene, excess: int) -> tuple[float, float]:
    scene.limits["max_orders_per_slot"] = 2
    for _ in range(1 + excess):
        count_approval(scene.ledger[0])
    return 2.0 + excess, 2.0


def _open_orders(scene: Scene, excess: int) -> tuple[float, float]:
    scene.limits["max_open_orders"], scene.open_in_pool = 5, 4 + excess
    return 4.0 + excess, 5.0


def _quote(scene: Scene, excess: int) -> tuple[float, float]:
    scene.need_y = 968 * WHOLE + excess
    return 968.0 + excess * UNIT, 968.0


def _base(scene: Scene, excess: int) -> tuple[float, float]:
    scene.need_x = 80 * WHOLE + excess
    return 80.0 + excess * UNIT, 80.0


def _fees(scene: Scene, excess: int) -> tuple[float, float]:
    scene.ledger["is_signed"], scene.limits["min_lamports"] = 1, 50_000
    scene.ledger["lamports"] = 50_000 - excess
    return 50_000.0 - excess, 50_000.0


PUSHES: list[tuple[str, Push]] = [
    ("emergency_stop", _stop),
    ("max_drawdown", _drawdown),
    ("max_position_size", _position_size),
    ("max_pool_exposure", _pool_exposure),
    ("max_total_exposure", _total_exposure),
    ("max_value_at_risk", _value_at_risk),
    ("correlation_limit", _correlation),
    ("stale_feed", _feed),
    ("order_rate", _rate),
    ("max_open_orders", _open_orders),
    ("balance", _base),
    ("balance", _quote),
    ("fee_balance", _fees),
]
"""In the order in which the gate asks them."""
IDS = [push.__name__ for _, push in PUSHES]


@pytest.mark.parametrize(("rule", "push"), PUSHES, ids=IDS)
def test_a_rule_allows_what_is_at_its_bound_and_refuses_a_unit_more(rule: str, push: Push) -> None:
    scene = Scene()
    push(scene, 0)
    assert scene.objection() == ("none", 0.0, 0.0)
    scene = Scene()
    figure, bound = push(scene, 1)
    assert scene.objection() == (rule, figure, bound)


@pytest.mark.parametrize(
    ("rule", "push"),
    [pair for pair in PUSHES if pair[0] != "balance"],
    ids=[name for name in IDS if name not in {"_base", "_quote"}],
)
def test_no_rule_but_the_balance_refuses_what_takes_risk_off(rule: str, push: Push) -> None:
    scene = Scene()
    push(scene, 1)
    scene.need_x, scene.need_y = 80 * WHOLE, 0
    assert scene.objection(is_adding=False) == ("none", 0.0, 0.0), rule


def test_risk_comes_off_while_every_rule_at_once_objects_to_more() -> None:
    scene = Scene()
    for _, push in PUSHES:
        push(scene, 1)
    scene.need_x, scene.need_y = 80 * WHOLE, 0
    assert scene.objection()[0] == "emergency_stop"
    assert scene.objection(is_adding=False) == ("none", 0.0, 0.0)


@pytest.mark.parametrize("push", [_base, _quote])
def test_tokens_that_are_not_there_stop_what_takes_risk_off(push: Push) -> None:
    scene = Scene()
    push(scene, 0)
    assert scene.objection(is_adding=False) == ("none", 0.0, 0.0)
    scene = Scene()
    figure, bound = push(scene, 1)
    assert scene.objection(is_adding=False) == ("balance", figure, bound)


def test_what_needs_none_of_a_token_is_not_stopped_by_more_of_it_being_promised_than_is_there() -> None:
    scene = Scene()
    scene.need_x = 0
    scene.books["reserved_base"] = scene.books["base"] + 1
    assert scene.objection() == ("none", 0.0, 0.0)
    scene.need_x = 1
    assert scene.objection()[0] == "balance"


def test_the_way_out_may_use_the_lamports_that_are_kept_for_it() -> None:
    scene = Scene()
    scene.ledger["is_signed"], scene.limits["min_lamports"] = 1, 50_000_000
    scene.ledger["lamports"] = SIGNATURE_LAMPORTS
    assert scene.objection() == ("fee_balance", SIGNATURE_LAMPORTS, 50_000_000.0)
    assert scene.objection(is_adding=False)[0] == "none"
    scene.ledger["lamports"] = SIGNATURE_LAMPORTS - 1
    assert scene.objection(is_adding=False) == ("fee_balance", SIGNATURE_LAMPORTS - 1, SIGNATURE_LAMPORTS)


def test_on_paper_there_are_no_fees_to_pay() -> None:
    scene = Scene()
    scene.limits["min_lamports"] = 50_000
    assert scene.objection()[0] == "none"


def test_the_first_rule_that_objects_is_the_one_named() -> None:
    for place, (rule, _) in enumerate(PUSHES):
        scene = Scene()
        for _, push in reversed(PUSHES[place:]):
            push(scene, 1)
        assert scene.objection()[0] == rule


def test_the_stop_stays_on_whatever_the_drawdown_has_become() -> None:
    scene = Scene()
    scene.ledger["stopped"] = 1
    assert scene.objection()[0] == "emergency_stop"


def test_a_value_that_is_no_number_does_not_pass_for_small() -> None:
    scene = Scene()
    scene.order["value"] = math.nan
    assert scene.objection()[0] == "max_position_size"


def test_amounts_beyond_64_bits_do_not_wrap_around_a_limit() -> None:
    scene = Scene()
    scene.books["base"] = scene.books["position_x"] = (1 << 63) - 1
    scene.limits["max_pool_exposure"] = 1e12
    rule, figure, _ = scene.objection()
    assert rule == "max_pool_exposure"
    assert figure == pytest.approx(2.0**64 * UNIT * PRICE)


def test_the_rate_counts_anew_in_every_slot() -> None:
    scene = Scene()
    _rate(scene, 1)
    assert scene.objection()[0] == "order_rate"
    scene.ledger["slot"] = SLOT + 1
    scene.books["contact_slot"] = SLOT + 1
    assert scene.objection()[0] == "none"
    count_approval(scene.ledger[0])
    assert scene.ledger["rate_orders"].tolist() == [1]


def test_a_pool_that_was_never_heard_of_is_stale() -> None:
    scene = Scene()
    scene.limits["max_feed_age_slots"] = 150
    scene.books["contact_slot"] = -1
    assert scene.objection() == ("stale_feed", SLOT + 1.0, 150.0)


def test_before_its_first_price_a_pool_holds_nothing_and_its_open_buys_count() -> None:
    scene = Scene()
    scene.books["is_open"] = 0
    scene.limits["max_pool_exposure"] = 48.0 + VALUE - UNIT
    assert scene.objection() == ("max_pool_exposure", 48.0 + VALUE, 48.0 + VALUE - UNIT)


def test_what_adds_risk_is_known_by_its_action_and_side() -> None:
    adding = {(SWAP, BUY), (CREATE, 0), (ADD, 0), (ROUTE, BUY), (REBALANCE, 0)}
    leaving = {(SWAP, SELL), *((action, 0) for action in (REMOVE, CLAIM, CLOSE))}
    every = adding | leaving
    assert {action for action, _ in every} == set(range(len(ACTIONS)))
    order = np.zeros(1, ORDER)
    found = set()
    for action, side in every:
        order["action"], order["side"] = action, side
        if adds_risk(order[0]):
            found.add((action, side))
    assert found == adding


FREE_OF = ("max_pool_exposure", "max_total_exposure", "max_value_at_risk", "correlation_limit")
"""Rules about what an order leaves in the market."""


def _round_of(*pools: int) -> Scene:
    scene = Scene()
    scene.order["action"] = ROUTE
    scene.order["other_pool"], scene.order["third_pool"] = (*pools, -1)[:2]
    return scene


@pytest.mark.parametrize(("rule", "push"), PUSHES, ids=IDS)
def test_a_round_meets_every_rule_but_those_about_what_it_leaves_in_the_market(rule: str, push: Push) -> None:
    scene = _round_of(1)
    push(scene, 0)
    assert scene.objection() == ("none", 0.0, 0.0)
    scene = _round_of(1)
    figure, bound = push(scene, 1)
    assert scene.objection() == (("none", 0.0, 0.0) if rule in FREE_OF else (rule, figure, bound))


@pytest.mark.parametrize(("rule", "push"), PUSHES, ids=IDS)
def test_an_exchange_leaves_what_it_buys_and_meets_every_rule(rule: str, push: Push) -> None:
    scene = _round_of(1)
    scene.order["side"] = SELL
    figure, bound = push(scene, 1)
    assert scene.objection() == (rule, figure, bound)


@pytest.mark.parametrize("pool", [0, 1, 2])
def test_each_pool_of_a_route_may_be_the_one_not_heard_of(pool: int) -> None:
    for pools in ((1,), (1, 2)):
        for age in (10, 11):
            scene = _round_of(*pools)
            scene.limits["max_feed_age_slots"] = 10
            scene.books["contact_slot"][pool] = SLOT - age
            refused = age > 10 and pool in (0, *pools)
            assert scene.objection() == (("stale_feed", 11.0, 10.0) if refused else ("none", 0.0, 0.0))
