"""Whose tokens are whose: the accounts of a pool add up to its book, and none spends what is another's."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.blocks import DEPOSIT, OPEN, TAKE, Rows
from operators.books.accounts import ACCOUNT, NOBODY, BudgetError, budget_shares, inventory_targets, move, open_accounts
from operators.orders.commands import ClosePosition
from operators.orders.records import FILLED, STATUSES
from operators.orders.records import RULES as RULE_NAMES
from operators.strategies.interface import PlannedStrategy, Policy
from operators.strategies.swap_quotes import SwapQuotes
from tests.operators.clockwork import UNIT_X, UNIT_Y, Clockwork, Rules
from tests.operators.markets import POOLS, bin_price, path, signal
from tests.operators.orders.test_clockwork import days, moody, rulebooks
from tests.operators.orders.test_settlement import position, wish
from tests.operators.signed_market import LAMPORTS, USDC, WRAPPED, SignedMarket, params

PRICE = bin_price(0, -996)
BOTH = frozenset({0, 1})


def planned(
    name: str, budget: float | None = None, pools: frozenset[int] = BOTH, target: float = 0.5
) -> PlannedStrategy:
    return PlannedStrategy(SwapQuotes(), pools, Policy(budget=budget, inventory_target=target), label=name)


def shares(*strategies: PlannedStrategy) -> list[list[float]]:
    found: list[list[float]] = budget_shares(strategies, POOLS).tolist()
    return found


def test_a_strategy_alone_has_all_of_its_pools() -> None:
    assert shares(planned("one")) == [[1.0, 1.0]]
    assert shares(planned("one", pools=frozenset({1}))) == [[0.0, 1.0]]


def test_those_that_name_no_budget_share_evenly_what_the_others_leave() -> None:
    assert shares(planned("one", 0.5), planned("two"), planned("three")) == [[0.5, 0.5], [0.25, 0.25], [0.25, 0.25]]
    there = shares(planned("one", 0.4), planned("two", pools=frozenset({0})), planned("three"))
    assert np.array(there) == pytest.approx(np.array([[0.4, 0.4], [0.3, 0.0], [0.3, 0.6]]))


def test_more_than_a_pools_budget_is_refused_by_the_names_of_strategies_and_pool() -> None:
    with pytest.raises(BudgetError, match=r"pool jup: one 0.7, two 0.6 add up to 1.3"):
        shares(planned("one", 0.7, frozenset({1})), planned("two", 0.6))


def test_a_budget_that_leaves_nothing_for_another_is_refused() -> None:
    with pytest.raises(BudgetError, match="one take all of it, and nothing is left for two"):
        shares(planned("one", 1.0), planned("two"))


def test_shares_written_with_decimals_may_add_up_to_all() -> None:
    assert sum(share[0] for share in shares(*[planned(f"{n}", 0.1) for n in range(10)])) == pytest.approx(1.0)


def test_a_pool_begins_with_the_x_that_its_strategies_aim_at() -> None:
    ours = (planned("one", 0.6, target=0.5), planned("two", pools=frozenset({0}), target=0.0))
    assert inventory_targets(ours, POOLS) == pytest.approx({0: 0.3, 1: 0.3})


def test_what_no_budget_covers_belongs_to_nobody() -> None:
    accounts = open_accounts((planned("one", 0.6), planned("two", 0.1, frozenset({0}))), POOLS)
    assert accounts["share"][NOBODY].tolist() == pytest.approx([0.3, 0.4])
    assert open_accounts((planned("one", pools=frozenset({0})),), POOLS)["share"][NOBODY].tolist() == [0.0, 0.0]


TOKENS = ("base", "quote", "reserved_base", "reserved_quote", "position_x", "position_y")


def add_up(venue: Clockwork) -> None:
    for field in TOKENS:
        assert venue.accounts[field].sum(axis=0).tolist() == venue.books[field].tolist(), field
    assert venue.accounts["realised"].sum(axis=0).tolist() == pytest.approx(venue.books["realised"].tolist())
    assert venue.accounts["fees"].sum(axis=0).tolist() == pytest.approx(venue.books["fees"].tolist())
    assert float(venue.accounts["transaction_costs"].sum()) == pytest.approx(venue["transaction_costs"])
    for pool, book in enumerate(venue.books):
        held = venue.accounts["base"][:, pool]
        assert float((venue.accounts["cost"][:, pool] * held).sum()) == pytest.approx(book["cost"] * book["base"])


PARTS = st.sampled_from(((1.0,), (0.5, 0.5), (0.25, 0.75), (0.3, 0.2), (0.0, 1.0), (1 / 3, 1 / 3, 1 / 3)))


@settings(max_examples=80)
@given(days(), rulebooks(), st.integers(0, 4), PARTS, st.booleans())
def test_accounts_add_up_to_their_book_to_the_unit(
    day: tuple[Rows, Rows], rules: Rules, seed: int, parts: tuple[float, ...], sells: bool
) -> None:
    rules = msgspec.structs.replace(rules, shares=parts, transaction_cost=0.125, dust_value=1.0 if sells else np.inf)
    rows, signals = day
    venue = Clockwork(rules, moody(seed)).walk(rows, signals)
    add_up(venue)
    for field in ("base", "quote"):
        assert (venue.accounts[field] >= 0).all()


def test_money_is_laid_out_by_share_and_by_each_ones_target() -> None:
    venue = Clockwork(Rules(shares=(0.5, 0.3)))
    venue.accounts["inventory_target"][1] = 0.0
    venue.walk(path([0]))
    one, two, idle = (venue.accounts[place, 0] for place in (0, 1, NOBODY))
    assert [float(each["start"]) for each in (one, two, idle)] == pytest.approx([25_000.0, 15_000.0, 10_000.0])
    assert one["base"] * UNIT_X[0] * PRICE == pytest.approx(12_500.0, abs=1e-6)
    assert (two["base"], two["quote"]) == (0, pytest.approx(15_000_000_000, abs=1))
    assert (idle["base"], idle["quote"]) == (0, pytest.approx(10_000_000_000, abs=1))
    add_up(venue)


def test_a_sell_with_a_profit_is_a_trade_won_by_its_return_on_cost() -> None:
    rows = path([0, 0, 10, 10])
    venue = Clockwork(Rules(shares=(0.5, 0.5)))
    venue.walk(rows, signal(rows[1], TAKE, ask=PRICE * 0.9, ask_size=10.0, strategy=1))
    (fill,) = venue.fills
    assert fill["realised"] < 0.0  # at the price it was laid out at, less the fee
    account = venue.accounts[1, 0]
    assert (account["trades_won"], account["trades_lost"], account["fills"]) == (0, 1, 1)
    assert account["lost"] == pytest.approx(-fill["realised"] / (10.0 * PRICE))
    assert account["realised"] == fill["realised"]
    assert venue.accounts[0, 0]["fills"] == 0
    assert (venue["wins"], venue["losses"]) == (0, 1)


def test_each_strategy_realises_against_what_it_has_paid_itself() -> None:
    rows = path([0, 0, 10, 10, 10, 10, 10])
    venue = Clockwork(Rules(shares=(0.5, 0.5), inventory_target=0.0, max_inventory_deviation=1.0))
    for row, strategy in ((0, 0), (3, 1)):
        venue.walk(rows[row : row + 3], signal(rows[row], TAKE, bid=PRICE * 1.2, bid_size=10.0, strategy=strategy))
    low, high = (float(venue.accounts["cost"][strategy, 0]) for strategy in (0, 1))
    assert high / low == pytest.approx(bin_price(0, -986) / PRICE, rel=1e-3)
    assert venue.books[0]["cost"] == pytest.approx((low + high) / 2, rel=1e-3)
    add_up(venue)


@pytest.mark.parametrize("end", ["filled", "failed"])
def test_on_paper_an_order_that_reaches_its_pool_costs_a_transaction(end: str) -> None:
    rows = path([0, 0, 0])
    limit = 1.05 if end == "filled" else 0.9
    wish = signal(rows[0], TAKE, bid=PRICE * limit, bid_size=1.0, strategy=1)
    costs = []
    for cost in (0.0, 0.25):
        venue = Clockwork(Rules(shares=(0.5, 0.5), transaction_cost=cost)).walk(rows, wish)
        assert len(venue.fills) == (end == "filled")
        costs.append((venue["equity"], venue["transaction_costs"]))
        assert venue.accounts["transaction_costs"][:, 0].tolist() == [0.0, cost, 0.0, 0.0, 0.0]
    assert costs[1][0] == pytest.approx(costs[0][0] - 0.25, abs=1e-9)
    assert costs[1][1] == 0.25


def test_what_never_reached_its_pool_costs_nothing() -> None:
    rows = path([0, 0, 0, 0])
    resting = signal(rows[0], bid=PRICE * 0.5, bid_size=1.0)
    taken_back = signal(rows[1], bid=PRICE * 0.4, bid_size=1.0)
    withheld = signal(rows[2], TAKE, bid=PRICE, bid_size=0.0)
    refused = signal(rows[2], TAKE, bid=PRICE, bid_size=1e6)
    venue = Clockwork(Rules(transaction_cost=0.25)).walk(rows, resting, taken_back, withheld, refused)
    assert len(venue.orders) == 3
    assert venue["transaction_costs"] == 0.0


def accounts_of(*held: tuple[int, int, int], idle: int = 0) -> Rows:
    """One pool's accounts of (X, X reserved, Y)."""
    made = np.zeros((len(held) + 1, 1), ACCOUNT)
    for account, (base, reserved, quote) in zip(made[:, 0], held, strict=False):
        account["share"], account["base"], account["reserved_base"], account["quote"] = 0.5, base, reserved, quote
    made["base"][NOBODY] = idle
    return made


@pytest.mark.parametrize(
    ("x", "left"),
    [
        (-5, [10, 20, 2]),
        (-9, [8, 20, 0]),
        (-14, [6, 17, 0]),
        (-20, [6, 11, 0]),
        (-37, [0, 0, 0]),
        (-40, [0, 0, -3]),
        (6, [16, 20, 7]),
    ],
)
def test_what_no_strategy_moved_is_nobodys_first_then_theirs_in_order_the_free_before_the_promised(
    x: int, left: list[int]
) -> None:
    accounts = accounts_of((10, 6, 0), (20, 5, 0), idle=7)
    move(accounts, NOBODY, 0, x, 0)
    assert accounts["base"][:, 0].tolist() == left


def test_what_a_strategy_moved_is_its_own() -> None:
    accounts = accounts_of((10, 0, 5), (20, 0, 5))
    move(accounts, 1, 0, -7, 9)
    assert accounts["base"][:, 0].tolist() == [10, 13, 0]
    assert accounts["quote"][:, 0].tolist() == [5, 14, 0]


def test_the_emergency_stop_sells_everyones_tokens_and_gives_each_its_proceeds() -> None:
    rows = path([0, -200, -200, -200, -200])
    rules = Rules(shares=(0.5, 0.25), emergency_stop_loss=0.05, dust_value=1.0, emergency_slippage=0.2)
    venue = Clockwork(rules).walk(rows)
    assert venue["stopped"] == 1
    assert venue.books[0]["base"] == 0
    add_up(venue)
    first, second = venue.accounts[0, 0], venue.accounts[1, 0]
    gained = [int(each["quote"]) * UNIT_Y[0] - float(each["start"]) / 2 for each in (first, second)]
    assert gained[0] == pytest.approx(2.0 * gained[1], rel=1e-6)
    assert (first["trades_lost"], first["fills"]) == (0, 0)


# With signed execution


def opened(first: Policy, second: Policy) -> SignedMarket:
    strategies = (PlannedStrategy(SwapQuotes(), BOTH, first), PlannedStrategy(SwapQuotes(name="other"), BOTH, second))
    made = SignedMarket(params(strategies=strategies))
    for pool in (0, 1, 0):
        made.row(pool, 0)
    return made


def test_a_wallet_is_divided_by_shares_and_targets_to_the_last_unit() -> None:
    made = opened(Policy(budget=0.25, inventory_target=0.2), Policy(inventory_target=0.6))
    assert made.agrees()
    x, y = 300_000_000_001, 40_000_000_001
    weights_x, weights_y = (0.25 * 0.2, 0.75 * 0.6), (0.25 * 0.8, 0.75 * 0.4)
    for strategy in (0, 1):
        account = made.accounts[strategy, 0]
        assert account["base"] == pytest.approx(x * weights_x[strategy] / sum(weights_x), abs=2)
        assert account["quote"] == pytest.approx(y * weights_y[strategy] / sum(weights_y), abs=2)
    assert made.accounts["base"][NOBODY].tolist() == [0, 0]
    assert float(made.accounts["start"].sum()) + LAMPORTS * 1e-9 * PRICE == pytest.approx(made.ledger["start"])


def test_a_token_that_no_strategy_aims_at_is_divided_all_the_same() -> None:
    made = opened(Policy(inventory_target=0.0), Policy(inventory_target=0.0))
    assert made.accounts["base"][:, 0].tolist() == [150_000_000_001, 150_000_000_000, 0]


def test_what_landed_is_in_the_account_of_its_strategy() -> None:
    made = opened(Policy(), Policy())
    before = made.accounts["quote"][1, 0]
    (sent,) = made.row(0, 0, wish(bid=PRICE * 1.2, bid_size=1.0, strategy=1))
    assert made.accounts["reserved_quote"][1, 0] > 0
    landed = made.land(sent)
    made.tell(landed)
    assert made.accounts["quote"][1, 0] < before
    assert made.accounts["reserved_quote"][1, 0] == 0
    assert made.accounts["fills"][:, 0].tolist() == [0, 1, 0]
    assert made.agrees()


def test_what_came_from_outside_is_the_first_strategys_and_no_profit_of_it() -> None:
    made = opened(Policy(), Policy())
    before = made.accounts
    made.chain[USDC] += 5_000_000
    made.chain[WRAPPED] -= 7
    made.tell(made.wallet("check"))
    assert made.agrees()
    moved = made.accounts["quote"] - before["quote"]
    assert moved.tolist() == [[5_000_000, 0], [0, 0], [0, 0]]
    assert (made.accounts["start"] - before["start"])[0, 0] == pytest.approx(5.0 - 7e-9 * PRICE, abs=1e-6)


def test_a_deposit_and_what_the_emergency_stop_closes_are_in_the_account_of_the_strategy_that_opened() -> None:
    made = opened(Policy(), Policy())
    (created,) = made.row(0, 0, wish(OPEN, lower=-1_000, upper=-990, strategy=1))
    made.tell(made.move(created, 0, 0, 0, position(created.order), rent=57_406_080))
    (sent,) = made.row(0, 0, wish(DEPOSIT, amount_x=2.0, amount_y=300.0, strategy=1))
    before = made.accounts
    made.tell(made.move(sent, 0, -2_000_000_000, -300_000_000, position(created.order)))
    assert (made.accounts["base"] - before["base"])[:, 0].tolist() == [0, -2_000_000_000, 0]
    assert made.accounts["position_x"][:, 0].tolist() == [0, 2_000_000_000, 0]
    assert made.agrees()
    approved = made.command("stop")
    closing = next(each for each in approved if isinstance(each.command, ClosePosition))
    made.tell(made.move(closing, 0, 2_000_000_000, 300_000_000, position(created.order, b""), rent=-57_406_080))
    assert made.accounts["position_x"][:, 0].tolist() == [0, 0, 0]
    assert made.accounts["quote"][1, 0] == before["quote"][1, 0]
    assert made.agrees()


def test_with_signed_execution_no_transaction_cost_is_taken_beside_the_networks() -> None:
    strategies = (PlannedStrategy(SwapQuotes(), BOTH, Policy()), PlannedStrategy(SwapQuotes(name="o"), BOTH, Policy()))
    made = SignedMarket(params(strategies=strategies, transaction_cost=0.5))
    for pool in (0, 1, 0):
        made.row(pool, 0)
    (sent,) = made.row(0, 0, wish(bid=PRICE * 1.2, bid_size=1.0))
    made.tell(made.land(sent))
    assert made.ended()[-1] == (1, FILLED)
    assert made.ledger["transaction_costs"] == 0.0


def test_a_deposit_takes_nothing_that_is_another_strategys() -> None:
    made = opened(Policy(), Policy())
    (created,) = made.row(0, 0, wish(OPEN, lower=-1_000, upper=-990, strategy=1))
    made.tell(made.move(created, 0, 0, 0, position(created.order), rent=57_406_080))
    assert made.row(0, 0, wish(DEPOSIT, amount_x=160.0, strategy=1)) == []
    ended = made.reports[-1].orders[0]
    assert (STATUSES[ended["status"]], RULE_NAMES[ended["rule"]]) == ("withheld", "strategy_budget")
    assert (ended["figure"], ended["bound"]) == (pytest.approx(160.0), pytest.approx(150.0))
    assert len(made.row(0, 0, wish(DEPOSIT, amount_x=140.0, strategy=1))) == 1
