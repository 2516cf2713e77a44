"""Money that was held, rebalanced or left in bins comes to what a pencil says it comes to."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.blocks import REPORT, STATE, TICK, Rows
from operators.books.baselines import LP_BINS, NAMES, Baseline, Baselines
from operators.books.ledger import open_books
from tests.operators.markets import ORIGINS, POOLS, base_fee, bin_price, market, moves, path
from tests.operators.signed_market import OPENING, WRAPPED, SignedMarket
from tests.operators.signed_market import POOLS as SIGNED_POOLS

BUDGET = 10_000.0


def baselines(pools: int = 1, *, target: float = 0.5, cost: float = 0.0) -> Baselines:
    traded = dict.fromkeys(range(pools), target)
    books = open_books(POOLS, traded, BUDGET * pools)
    return Baselines(POOLS, books, cost=cost, near_bins=71)


def after(rows: Rows, made: Baselines | None = None) -> dict[str, Baseline]:
    made = made if made is not None else baselines()
    made.walk(rows, np.arange(len(rows)))
    return {result.name: result for result in made.results()}


def bin_value(cost: float = 0.0) -> float:
    """What each bin of the passive position is worth: the money at hand buys them all at the first price."""
    price = bin_price(0, ORIGINS[0])
    base = 0.5 / price + sum(1.0 / bin_price(0, ORIGINS[0] + step) for step in range(1, LP_BINS + 1))
    return (BUDGET - cost) / (LP_BINS + 0.5 + base * price)


def earned(value: float) -> float:
    return value * base_fee(0) / (1.0 - base_fee(0))


def test_before_the_first_price_all_are_what_they_began_with() -> None:
    assert [(each.name, each.profit, each.max_drawdown, each.trades) for each in baselines(2).results()] == [
        (name, 0.0, 0.0, 0) for name in NAMES
    ]


def test_held_money_gains_the_rise_of_what_is_held_in_the_base_token() -> None:
    rows = path([0, 0])
    rows["price"] = 100.0, 200.0
    assert after(rows)["hold"].profit == pytest.approx(0.5 * BUDGET)
    assert after(rows, baselines(target=0.2))["hold"].profit == pytest.approx(0.2 * BUDGET)
    assert after(rows, baselines(target=0.0))["hold"].profit == 0.0


def test_held_money_falls_as_far_as_its_base_token() -> None:
    rows = path([0, 0, 0])
    rows["price"] = 100.0, 50.0, 100.0
    held = after(rows)["hold"]
    assert held.profit == pytest.approx(0.0)
    assert held.max_drawdown == pytest.approx(0.25)


def test_halves_are_restored_at_the_price_for_the_fee_and_a_transaction() -> None:
    rows = path([0, 0, 0])
    rows["price"] = 100.0, 101.0, 121.0  # the first rise keeps the shares within the band
    result = after(rows, baselines(cost=0.25))["rebalanced"]
    base, quote = 0.5 * BUDGET * 1.21, 0.5 * BUDGET
    fee = 0.5 * (base - quote) * base_fee(0)
    assert result.trades == 1
    assert result.fees == pytest.approx(fee)
    assert result.profit == pytest.approx(base + quote - fee - 0.25 - BUDGET)


def test_halves_sell_what_rose_and_buy_it_back_when_it_falls() -> None:
    rows = path([0, 0, 0])
    rows["price"] = 100.0, 121.0, 100.0
    result = after(rows)["rebalanced"]
    first = BUDGET * (1.105 - 0.0525 * base_fee(0))
    second = first * (0.5 + 0.5 / 1.21)
    fee = 0.5 * (0.5 * first - 0.5 * first / 1.21) * base_fee(0)
    assert result.trades == 2
    assert result.profit == pytest.approx(second - fee - BUDGET)
    assert result.profit > 0.0  # a round trip is what rebalancing lives on; held money gains nothing by it


def test_halves_stay_as_they_are_where_nothing_would_be_left_of_them() -> None:
    rows = path([0, 0])
    rows["price"] = 100.0, 150.0
    assert after(rows, baselines(cost=1e9))["rebalanced"].trades == 0


def test_a_price_that_rises_through_the_range_turns_all_of_it_into_quote_currency() -> None:
    value = bin_value(cost=0.5)
    result = after(path([0, LP_BINS + 5]), baselines(cost=0.5))["passive_lp"]
    fees = earned(value * (LP_BINS + 0.5))
    assert result.fees == pytest.approx(fees)
    assert result.profit == pytest.approx(value * (2 * LP_BINS + 1) + fees - BUDGET)
    assert result.trades == 1


def test_a_price_that_comes_back_leaves_the_position_its_fees_and_no_loss() -> None:
    result = after(path([0, LP_BINS + 5, 0]))["passive_lp"]
    fees = earned(bin_value() * (LP_BINS + 0.5 + LP_BINS))
    assert result.fees == pytest.approx(fees)
    assert result.profit == pytest.approx(fees)


def test_a_price_that_falls_through_the_range_turns_all_of_it_into_the_base_token() -> None:
    value, last = bin_value(), -LP_BINS - 5
    result = after(path([0, last]))["passive_lp"]
    price = bin_price(0, ORIGINS[0])
    base = 0.5 / price + sum(1.0 / bin_price(0, ORIGINS[0] + step) for step in range(1, LP_BINS + 1))
    base += 0.5 / price + sum(1.0 / bin_price(0, ORIGINS[0] - step) for step in range(1, LP_BINS + 1))
    assert result.profit == pytest.approx(
        value * base * bin_price(0, ORIGINS[0] + last) + result.fees - BUDGET, rel=1e-9
    )


def test_one_jump_earns_what_its_steps_would() -> None:
    steps = after(path(range(12)))["passive_lp"]
    jump = after(path([0, 11]))["passive_lp"]
    assert steps.profit == pytest.approx(jump.profit)
    assert steps.fees == pytest.approx(jump.fees)


def test_a_bin_that_is_left_where_it_was_entered_converted_nothing() -> None:
    once = after(path([0, 3, 4, 3]))["passive_lp"].fees
    again = after(path([0, 3, 4, 3, 4, 3]))["passive_lp"].fees
    assert once == pytest.approx(earned(3.5 * bin_value()))
    assert again == once


def test_volume_that_stays_in_a_bin_pays_the_position_its_part() -> None:
    rows = path([0, 0])
    rows["volume"] = np.nan, 5_000.0
    value = bin_value()
    share = value / (value + 1_000_000 / 71)
    assert after(rows)["passive_lp"].fees == pytest.approx(5_000.0 * base_fee(0) * share)


def test_volume_outside_of_the_range_pays_nothing() -> None:
    rows = path([0, 100, 100])
    rows["volume"] = np.nan, np.nan, 5_000.0
    assert after(rows)["passive_lp"].fees == after(rows[:2])["passive_lp"].fees


def test_a_jump_across_all_bins_is_no_endless_loop() -> None:
    rows = path([0, 1])
    rows["active_id"][1] = (1 << 31) - 1
    assert math.isfinite(after(rows)["passive_lp"].profit)


def test_rows_without_a_price_of_their_own_change_nothing() -> None:
    rows = path([0, 3, 7, 7])
    among = rows.copy()
    among["kind"][1:] = TICK, STATE, REPORT
    assert after(among) == after(rows[:1])
    rows["price"][1:] = np.nan, 0.0, -1.0
    assert after(rows) == after(rows[:1])


def test_a_pool_without_a_budget_has_no_part() -> None:
    only_other = market([(1, 1, step, 0) for step in range(5)])
    assert after(only_other) == {each.name: each for each in baselines().results()}


def test_a_wallet_begins_with_what_it_brought() -> None:
    made = baselines()
    made.walk(path([0, 5]), np.arange(2))
    books = open_books(POOLS, {0: 0.5}, 0.0)
    books[0]["base"], books[0]["quote"] = 2_000_000_000, 300_000_000
    made.begin_with(books, seq=10)
    rows = path([0, 0, 0])
    rows["seq"] = 10, 11, 12  # the first came before the wallet
    rows["price"] = 7.0, 100.0, 110.0
    held = after(rows, made)["hold"]
    assert held.profit == pytest.approx(2.0 * 10.0)
    assert held.max_drawdown == 0.0


@pytest.mark.parametrize("restarts", [False, True])
def test_a_portfolio_measures_them_by_its_wallet(restarts: bool) -> None:
    made = SignedMarket(restarts=restarts, opens=False)
    made.row(0, 5)  # what was seen before the wallet does not count
    made.tell(made.wallet("opening"))
    for bins in (0, 20):
        made.row(0, bins)
    found = Baselines(SIGNED_POOLS, open_books(SIGNED_POOLS, {}, 0.0), cost=0.0, near_bins=61)
    found.restore(made.portfolio.snapshot().baselines)
    rise = bin_price(0, ORIGINS[0] + 20) - bin_price(0, ORIGINS[0])
    assert found.results()[0].profit == pytest.approx(OPENING[WRAPPED] * 1e-9 * rise)


@given(moves(40), st.integers(1, 39), st.booleans())
def test_cuts_and_restarts_leave_every_bit_as_it_is(
    made_of: list[tuple[int, int, int, int]], cut: int, is_restarted: bool
) -> None:
    rows = market(made_of)
    whole = baselines(2, cost=0.1)
    whole.walk(rows, np.arange(len(rows)))
    parts = baselines(2, cost=0.1)
    parts.walk(rows[:cut], np.arange(len(rows[:cut])))
    if is_restarted:
        restored = baselines(2, cost=0.1)
        restored.restore(parts.snapshot())
        parts = restored
    parts.walk(rows[cut:], np.arange(len(rows[cut:])))
    assert parts.snapshot() == whole.snapshot()
    assert parts.results() == whole.results()
