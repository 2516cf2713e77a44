"""Each limit holds to the unit and names its figures; nothing but want of tokens stands in the way of a sell."""

import math

import msgspec
import numpy as np
import pytest

from operators.blocks import TAKE, Rows
from operators.orders.records import RULES, STATUSES
from tests.operators.clockwork import UNIT_X, UNIT_Y, Clockwork, Rules, never
from tests.operators.markets import bin_price, market, path, signal

PRICE = bin_price(0, -996)
CENT = 0.01
QUARTERS = (0.25, 0.25, 0.25, 0.25)
"""So that several strategies have something to trade with."""


def outcome(venue: Clockwork, order: int) -> tuple[str, str]:
    (found,) = np.concatenate([venue.orders, venue.open])[np.concatenate([venue.orders, venue.open])["order"] == order]
    return STATUSES[found["status"]], RULES[found["rule"]]


def refusal(venue: Clockwork, order: int) -> tuple[str, float, float]:
    ended = venue.ended(order)
    assert STATUSES[ended["status"]] == "refused"
    return RULES[ended["rule"]], float(ended["figure"]), float(ended["bound"])


def buy(row: np.void, value: float, limit: float = PRICE / 2, strategy: int = 0) -> Rows:
    """A wish to buy for so much, at a limit that the market is far from."""
    return signal(row, bid=limit, bid_size=value / limit, strategy=strategy)


def sell(row: np.void, size: float, strategy: int = 0) -> Rows:
    return signal(row, ask=PRICE * 2, ask_size=size, strategy=strategy)


def test_the_largest_position_is_allowed_and_a_cent_more_refused() -> None:
    rows = path([0])
    rules = Rules(max_position_size=1_000.0)
    assert outcome(Clockwork(rules).walk(rows, buy(rows[0], 1_000.0 - CENT)), 1) == ("open", "none")
    rule, figure, bound = refusal(Clockwork(rules).walk(rows, buy(rows[0], 1_000.0 + CENT)), 1)
    assert (rule, bound) == ("max_position_size", 1_000.0)
    assert figure == pytest.approx(1_000.0 + CENT)


def test_the_pools_exposure_counts_what_is_held_and_what_open_buys_may_bring() -> None:
    rows = path([0])
    held = Clockwork().walk(rows).books[0]["base"] * UNIT_X[0] * PRICE
    rules = Rules(max_pool_exposure=held + 3_000.0, shares=QUARTERS)
    waiting = buy(rows[0], 2_000.0)
    fits = Clockwork(rules).walk(rows, waiting, buy(rows[0], 1_000.0 - CENT, strategy=1))
    assert outcome(fits, 2) == ("open", "none")
    rule, figure, bound = refusal(Clockwork(rules).walk(rows, waiting, buy(rows[0], 1_000.0 + CENT, strategy=1)), 2)
    assert (rule, bound) == ("max_pool_exposure", held + 3_000.0)
    assert figure == pytest.approx(held + 3_000.0 + CENT)


def test_the_total_exposure_counts_every_pool() -> None:
    rows = market([(0, 1, 0, 9), (1, 0, 0, 9)])
    held = sum(book["base"] * UNIT_X[i] * book["price"] for i, book in enumerate(Clockwork().walk(rows).books))
    rules = Rules(max_total_exposure=held + 3_000.0, max_pool_exposure=held)
    other = signal(rows[1], bid=0.3, bid_size=2_000.0 / 0.3)
    # The rows share a slot; the wish for the first pool comes second by its row.
    again = market([(0, 1, 0, 9)], first_seq=2)
    fits = Clockwork(rules).walk(rows, other).walk(again, buy(again[0], 1_000.0 - CENT))
    assert outcome(fits, 2) == ("open", "none")
    rule, figure, bound = refusal(Clockwork(rules).walk(rows, other).walk(again, buy(again[0], 1_000.0 + CENT)), 2)
    assert (rule, bound) == ("max_total_exposure", held + 3_000.0)
    assert figure == pytest.approx(held + 3_000.0 + CENT)


def test_open_orders_are_counted_by_pool_whatever_their_side() -> None:
    rows = market([(0, 1, 0, 9), (1, 0, 0, 9)])
    rules = Rules(max_open_orders=2, shares=QUARTERS)
    wanted = [buy(rows[0], 10.0, strategy=0), sell(rows[0], 1.0, strategy=1), buy(rows[0], 10.0, strategy=2)]
    venue = Clockwork(rules).walk(rows, *wanted, sell(rows[0], 1.0, strategy=3), signal(rows[1], bid=0.3))
    assert refusal(venue, 3) == ("max_open_orders", 2.0, 2.0)
    assert [outcome(venue, order)[0] for order in (1, 2, 4, 5)] == ["open"] * 4


def test_tokens_are_enough_to_the_unit_and_promised_only_once() -> None:
    rows = path([0])
    free = int(Clockwork().walk(rows).books[0]["quote"])
    spent = buy(rows[0], 10_000.0)
    rest = free - 10_000_000_000
    # In raw units, one for one: a limit of 1 Y per X and sizes in Y.
    exactly = signal(rows[0], TAKE, bid=1.0, bid_size=(rest + 0.5) * UNIT_Y[0])
    too_much = signal(rows[0], TAKE, bid=1.0, bid_size=(rest + 1.5) * UNIT_Y[0])
    assert Clockwork().walk(rows, spent, exactly).open["amount_in"].tolist() == [10_000_000_000, rest]
    rule, figure, bound = refusal(Clockwork().walk(rows, spent, too_much), 2)
    assert rule == "balance"
    assert bound == pytest.approx(rest * UNIT_Y[0])
    assert figure - bound == pytest.approx(UNIT_Y[0], rel=1e-3)


def test_a_sell_is_refused_only_for_tokens_that_are_not_there() -> None:
    rows = path([0])
    free = int(Clockwork().walk(rows).books[0]["base"])
    exactly, too_much = sell(rows[0], (free + 0.5) * UNIT_X[0]), sell(rows[0], (free + 1.5) * UNIT_X[0])
    assert outcome(Clockwork().walk(rows, exactly), 1) == ("open", "none")
    rule, figure, bound = refusal(Clockwork().walk(rows, too_much), 1)
    assert rule == "balance"
    assert (figure, bound) == pytest.approx(((free + 1) * UNIT_X[0], free * UNIT_X[0]))
    once_more = signal(rows[0], TAKE, ask=PRICE * 2, ask_size=1.0)
    assert outcome(Clockwork().walk(rows, exactly, once_more), 2) == ("refused", "balance")


def test_tokens_come_back_when_an_order_has_ended() -> None:
    rows = path([0, 0, 0])
    first = signal(rows[0], bid=PRICE / 2, bid_size=200.0, expiry_slots=1)
    venue = Clockwork().walk(rows, first, signal(rows[1], TAKE, bid=PRICE / 2, bid_size=300.0))
    assert outcome(venue, 2) == ("refused", "balance")
    venue = Clockwork().walk(rows, first, signal(rows[2], TAKE, bid=PRICE / 2, bid_size=300.0))
    assert outcome(venue, 2) == ("open", "none")


FALL = [0, 0, -60]
"""Half of the portfolio's X loses a tenth of its price, and the portfolio 2.8 %."""


def fallen(rules: Rules) -> tuple[Clockwork, Rows]:
    """A venue in which the price has fallen, and a row at which to ask for more."""
    rows = path([*FALL, -60, -60, -60])
    venue = Clockwork(msgspec.structs.replace(rules, shares=QUARTERS), never).walk(
        rows[:3], buy(rows[0], 100.0, limit=PRICE / 2), sell(rows[0], 1.0, strategy=1), sell(rows[0], 1.0, strategy=2)
    )
    return venue, rows[3:]


def test_the_fall_is_what_the_scenarios_take_it_for() -> None:
    venue, rows = fallen(Rules())
    venue.walk(rows)
    loss = 1.0 - math.exp(-60 * math.log1p(0.002))
    assert venue["drawdown"] == pytest.approx(loss / 4, rel=1e-6)
    assert 0.028 < venue["drawdown"] < 0.0283


def test_beyond_the_drawdown_limit_buys_are_refused_and_sells_are_not() -> None:
    for limit, expected in ((0.0283, "none"), (0.028, "max_drawdown")):
        venue, rows = fallen(Rules(max_drawdown=limit))
        venue.walk(rows, buy(rows[0], 10.0, strategy=1), sell(rows[1], 1.0, strategy=1))
        bought, sold = outcome(venue, 4), outcome(venue, 5)
        assert bought[1] == expected
        assert sold == ("open", "none")
    _, figure, bound = refusal(venue, 4)
    assert bound == 0.028
    assert figure == pytest.approx(venue["drawdown"])


def test_the_emergency_stop_takes_back_all_that_is_open() -> None:
    venue, rows = fallen(Rules(emergency_stop_loss=0.028, latency_slots=2))
    assert [STATUSES[order["status"]] for order in venue.open] == ["open"] * 3
    venue.walk(rows)
    # The price fell in slot 1002, the stop comes when 1003 begins, and its cancels land two slots later.
    assert venue["stopped"] == 1
    assert [(int(order["order"]), STATUSES[order["status"]], int(order["end_slot"])) for order in venue.orders] == [
        (1, "cancelled", 1_005),
        (2, "cancelled", 1_005),
        (3, "cancelled", 1_005),
    ]
    assert venue.books["reserved_base"].tolist() == venue.books["reserved_quote"].tolist() == [0, 0]


def test_the_emergency_stop_refuses_buys_and_no_sell_of_any_kind() -> None:
    venue, rows = fallen(Rules(emergency_stop_loss=0.028, max_drawdown=0.001, max_open_orders=1))
    venue.walk(rows[:1])
    venue.walk(
        rows[1:],
        buy(rows[1], 10.0),
        sell(rows[1], 1.0),
        signal(rows[2], TAKE, bid=PRICE, ask=PRICE / 2, bid_size=1.0, ask_size=1.0, strategy=1),
    )
    rule, figure, bound = refusal(venue, 4)
    assert (rule, bound) == ("emergency_stop", 0.028)
    assert figure == pytest.approx(venue["drawdown"])
    assert outcome(venue, 5) == ("open", "none")
    assert outcome(venue, 6) == ("refused", "emergency_stop")
    assert outcome(venue, 7) == ("open", "none")


def test_the_emergency_stop_stays_on_when_the_loss_is_gone() -> None:
    venue, rows = fallen(Rules(emergency_stop_loss=0.028))
    venue.walk(rows)
    recovered = market([(0, 1, bins, 9) for bins in (0, 40, 40)], first_seq=6, first_slot=1_010)
    venue.walk(recovered, buy(recovered[2], 10.0))
    assert venue["drawdown"] == 0.0
    assert venue["stopped"] == 1
    assert refusal(venue, 4)[0] == "emergency_stop"


def test_the_first_rule_that_objects_is_the_one_named() -> None:
    everything = Rules(
        max_position_size=1.0,
        max_pool_exposure=1.0,
        max_total_exposure=1.0,
        max_open_orders=1,
        max_drawdown=0.001,
        emergency_stop_loss=0.028,
    )
    venue, rows = fallen(everything)
    venue.walk(rows, buy(rows[0], 1e6))
    assert refusal(venue, 4)[0] == "emergency_stop"
    rows = path([0])
    venue = Clockwork(everything).walk(rows, buy(rows[0], 1e6))
    assert refusal(venue, 1)[0] == "max_position_size"
