"""Liquidity commands on paper: when they land, what they book, and how they fail."""

import math

import msgspec
import numpy as np
import pytest

from operators.blocks import CLOSE, DEPOSIT, OPEN, REBALANCE, WITHDRAW
from operators.orders.records import FAILED, FILLED, RULES, WITHHELD
from operators.portfolio_records import RiskLimits
from operators.risk.exposure import exposure
from tests.operators.markets import ORIGINS
from tests.operators.paper.paper_market import PaperMarket, paper_params, wish

ORIGIN = ORIGINS[0]


def opened(made: PaperMarket | None = None) -> PaperMarket:
    made = made or PaperMarket()
    made.row(0, 0)
    made.row(0, 0, wish(OPEN, lower=ORIGIN + 1, upper=ORIGIN + 10))
    made.row(0, 0)
    return made


def filled(made: PaperMarket | None = None, amount: float = 10.0) -> PaperMarket:
    made = opened(made)
    made.row(0, 0, wish(DEPOSIT, amount_x=amount))
    made.row(0, 0)
    return made


def failure(made: PaperMarket) -> tuple[str, float, float]:
    """Why the last order failed, by its own account: its pool is in no trouble."""
    order = made.orders()[-1]
    assert order["status"] == FAILED
    assert not made.troubles
    return RULES[order["rule"]], float(order["figure"]), float(order["bound"])


def ladder(active: int = 0, **changes: float) -> dict[str, float]:
    origin = ORIGIN + active
    bins = {"lower": origin - 8, "bid_upper": origin - 1, "ask_lower": origin + 1, "upper": origin + 8}
    return bins | {"expected_profit": math.nan} | changes


def test_a_deposit_lands_a_slot_later_and_moves_from_the_account_into_the_bins() -> None:
    made = opened()
    before = made.book(0)
    made.row(0, 0, wish(DEPOSIT, amount_x=10.0))
    assert made.book(0)["reserved_base"] == 10**10
    assert made.book(0)["base"] == before["base"]
    made.row(0, 0)
    after = made.book(0)
    assert after["base"] + after["position_x"] == before["base"]
    assert after["position_x"] == pytest.approx(10**10, abs=10)
    assert after["reserved_base"] == 0
    assert made.account(0, 0)["position_x"] == after["position_x"]
    assert exposure(after) == pytest.approx(exposure(before))
    assert after["has_positions"] == 2
    assert made.ledger["equity"] == pytest.approx(200_000.0)
    assert made.adds_up()


def test_until_a_position_was_opened_there_is_nothing_to_put_into() -> None:
    made = PaperMarket()
    made.row(0, 0, wish(OPEN, lower=ORIGIN + 1, upper=ORIGIN + 10), wish(DEPOSIT, amount_x=1.0))
    (order,) = made.orders()
    assert RULES[order["rule"]] == "no_position"


def test_a_deposit_that_no_bin_takes_fails_by_name_and_moves_nothing() -> None:
    made = opened()
    before = made.book(0)["base"]
    made.row(0, 0, wish(DEPOSIT, amount_y=10.0))
    made.row(0, 0)
    assert made.orders()["status"].tolist() == [FILLED, FAILED]
    assert failure(made) == ("no_bins", ORIGIN, 0)
    assert (made.book(0)["base"], made.book(0)["reserved_quote"]) == (before, 0)


def test_a_deposit_fails_where_the_price_has_gone_far_meanwhile() -> None:
    made = opened()
    made.row(0, 0, wish(DEPOSIT, amount_x=10.0), slots=0)
    made.row(0, 6, slots=0)
    made.row(0, 6)
    assert made.orders()["status"].tolist() == [FILLED, FAILED]
    assert failure(made) == ("active_moved", ORIGIN + 6, ORIGIN)


def test_a_position_that_is_gone_when_a_command_lands_fails_it() -> None:
    made = filled()
    made.row(0, 0, wish(CLOSE), wish(WITHDRAW, fraction=0.5))
    made.row(0, 0)
    assert made.orders()["status"].tolist() == [FILLED, FILLED, FILLED, FAILED]
    assert failure(made)[0] == "no_position"
    assert made.adds_up()


def test_a_position_too_wide_for_paper_is_withheld_by_name() -> None:
    made = PaperMarket()
    made.row(0, 0, wish(OPEN, lower=0, upper=140))
    (order,) = made.orders()
    assert (order["status"], RULES[order["rule"]]) == (WITHHELD, "needs_signed_execution")
    assert (order["figure"], order["bound"]) == (141.0, 140.0)


@pytest.mark.parametrize("lower", [400_000_000, -400_000_000])
def test_bins_without_a_price_fail_by_name(lower: int) -> None:
    made = PaperMarket()
    made.row(0, 0, wish(OPEN, lower=lower, upper=lower + 5))
    made.row(0, 0)
    assert made.orders()["status"].tolist() == [FAILED]
    assert failure(made) == ("no_bins", ORIGIN, 0)


def test_one_bin_alone_is_no_position_on_saros() -> None:
    made = PaperMarket()
    made.row(1, 0, wish(OPEN, lower=ORIGINS[1], upper=ORIGINS[1]))
    made.row(1, 0)
    assert failure(made) == ("no_bins", ORIGINS[1], 0)


def test_positions_are_their_strategys_own() -> None:
    made = PaperMarket(paper_params(number=2))
    made.row(0, 0)
    made.row(0, 0, wish(OPEN, lower=ORIGIN + 1, upper=ORIGIN + 5, strategy=1))
    made.row(0, 0, wish(DEPOSIT, amount_x=1.0), wish(DEPOSIT, amount_x=2.0, strategy=1))
    made.row(0, 0)
    assert [RULES[rule] for rule in made.orders()["rule"]] == ["none", "no_position", "none"]
    assert made.account(0, 0)["position_x"] == 0
    assert made.account(1, 0)["position_x"] == pytest.approx(2 * 10**9, abs=10)
    assert made.adds_up()


def test_a_strategy_may_hold_several_positions_and_names_them_by_number() -> None:
    made = filled()
    first = int(made.synthetic["position"][0])
    made.row(0, 0, wish(OPEN, lower=ORIGIN + 20, upper=ORIGIN + 25))
    made.row(0, 0)
    made.row(0, 0, wish(DEPOSIT, amount_x=5.0))
    made.row(0, 0, wish(CLOSE, position=first))
    made.row(0, 0)
    (left,) = made.synthetic
    assert left["position"] > first
    assert made.book(0)["position_x"] == left["x"].sum()


def test_a_ladder_is_placed_and_moved_as_one_order() -> None:
    made = PaperMarket()
    made.row(0, 0)
    made.row(0, 0, wish(REBALANCE, **ladder()))
    made.row(0, 0)
    (first,) = made.synthetic.copy()
    assert (first["lower"], first["upper"]) == (ORIGIN - 8, ORIGIN + 8)
    assert first["x"][:9].sum() == 0 == first["y"][8:].sum()
    assert (first["y"][:8] > 0).all()
    assert (first["x"][9:17] > 0).all()
    made.row(0, 5)
    made.row(0, 5, wish(REBALANCE, **ladder(5)))
    made.row(0, 5)
    assert made.orders()["status"].tolist() == [FILLED, FILLED]
    (second,) = made.synthetic
    assert second["position"] == made.orders()[1]["order"]
    assert second["upper"] > first["upper"]
    assert (made.book(0)["reserved_base"], made.book(0)["reserved_quote"]) == (0, 0)
    assert made.adds_up()


def test_where_the_price_has_left_the_new_ladder_the_old_one_is_closed_all_the_same() -> None:
    made = PaperMarket()
    made.row(0, 0)
    made.row(0, 0, wish(REBALANCE, **ladder()))
    made.row(0, 0)
    made.row(0, 3, wish(REBALANCE, **ladder(3)), slots=0)
    made.row(0, 12, slots=0)
    made.row(0, 12)
    assert made.orders()["status"].tolist() == [FILLED, FAILED]
    assert len(made.synthetic) == 0
    assert made.book(0)["position_x"] == 0
    assert failure(made) == ("active_moved", ORIGIN + 12, ORIGIN + 3)
    assert made.adds_up()


def test_a_ladder_that_sold_too_much_is_repeated_without_being_asked() -> None:
    terms = paper_params()
    (planned,) = terms.strategies
    policy = msgspec.structs.replace(planned.policy, max_inventory_deviation=0.2, min_rebalance_s=0.0)
    made = PaperMarket(paper_params(strategies=(msgspec.structs.replace(planned, policy=policy),)))
    made.row(0, 0, wish(REBALANCE, **ladder()))
    made.row(0, 0)
    for bins in range(1, 8):  # of eight bins of asks five are sold before the band is left
        made.row(0, bins)
    made.row(0, 8)
    assert made.orders()["status"].tolist()[:2] == [FILLED, FILLED]
    assert made.orders()["action"].tolist()[:2] == [7, 7]
    assert made.adds_up()


def test_the_positions_of_paper_are_gone_once_the_wallet_is_opened() -> None:
    made = filled()
    made.portfolio._paper.leave(made.portfolio._tables)
    assert len(made.synthetic) == 0
    assert (made.book(0)["position_x"], made.account(0, 0)["position_x"]) == (0, 0)


def stopped_by(loss: float) -> PaperMarket:
    return PaperMarket(paper_params(limits=RiskLimits(1e12, 1e12, 1e12, 1.0, loss, 1_000)))


def test_the_emergency_stop_closes_positions_and_sells_what_was_in_them() -> None:
    made = filled(stopped_by(0.01), amount=100.0)
    for _ in range(20):
        made.row(0, -40)
    assert made.ledger["stopped"] == 1
    book = made.book(0)
    assert (book["has_positions"], book["position_x"], book["base"]) == (0, 0, 0)
    assert made.adds_up()


def test_a_deposit_that_lands_as_the_emergency_stop_comes_is_taken_out_again() -> None:
    made = opened(stopped_by(0.01))
    made.row(0, -40, wish(DEPOSIT, amount_x=10.0), slots=0)
    for _ in range(20):
        made.row(0, -40)
    book = made.book(0)
    assert made.ledger["stopped"] == 1
    assert (book["has_positions"], book["position_x"], book["base"], book["reserved_base"]) == (0, 0, 0, 0)
    assert made.adds_up()


def test_while_the_emergency_stop_is_on_no_position_is_opened() -> None:
    made = filled(stopped_by(0.01), amount=100.0)
    made.row(0, -40)
    made.row(0, -40)
    made.row(0, -40, wish(OPEN, lower=ORIGIN, upper=ORIGIN + 1))
    assert [RULES[order["rule"]] for order in made.orders()][-1] == "emergency_stop"


def test_a_transaction_on_paper_costs_what_one_costs() -> None:
    made = filled(PaperMarket(paper_params(transaction_cost=0.25)))
    assert np.isclose(made.ledger["transaction_costs"], 0.5)
