"""All that the account has goes into a ladder, leaning with the inventory, where that pays."""

import math
import pickle

import msgspec
import numpy as np
import pytest

from operators.blocks import REBALANCE, SIGNAL, Rows
from operators.books.accounts import open_accounts
from operators.books.ledger import open_books
from operators.books.tables import Tables
from operators.ladders.keeper import Draft, LadderKeeper
from operators.orders.commands import Rebalance
from operators.orders.execution_reports import PositionState
from operators.orders.records import CLOSE, OPEN, ORDER, RULES, SIZED_BY, SWAP
from operators.orders.records import REBALANCE as REBALANCE_ORDER
from operators.positions.bin_positions import BinPositions
from operators.risk.gate import LIMITS
from operators.strategies.interface import PlannedStrategy, Policy
from operators.strategies.ladder_making import LadderMaking
from tests.operators.markets import JUP, ORIGINS, SOL, bin_price
from tests.operators.signed_market import OPENING, USDC, WRAPPED, SignedMarket

POOLS = (SOL, JUP)
HERE = ORIGINS[0]
PRICE = bin_price(0, HERE)
BAND = Policy(inventory_target=0.5, max_inventory_deviation=0.2, skew_bins=4.0, min_rebalance_s=5.0)
SECOND = 1_000_000_000


class Maker:
    """A keeper, the tables it reads, and a strategy that wishes for ten bins a side, two away from the price."""

    def __init__(
        self,
        policy: Policy = BAND,
        cost: float = 0.0,
        most: float = 1e12,
        pool: float = 1e12,
        total: float = 1e12,
        strategies: int = 1,
    ) -> None:
        planned = tuple(PlannedStrategy(LadderMaking(), frozenset({0}), policy) for _ in range(strategies))
        self.tables = Tables(open_books(POOLS, {0: 0.5}, 1.0), open_accounts(planned, POOLS))
        self.tables.begin(10, 10)
        self.tables.books["liquidity"], self.tables.books["is_open"] = 1e6, 1
        self.positions = BinPositions(POOLS)
        limits = np.zeros(1, LIMITS)
        limits["max_position_size"], limits["max_pool_exposure"], limits["max_total_exposure"] = most, pool, total
        self.keeper = LadderKeeper(POOLS, planned, self.positions, limits, cost)
        self.show(0)
        self.hold(1_000.0, 1_000.0)

    @property
    def account(self) -> np.void:
        account: np.void = self.tables.accounts[0, 0]
        return account

    def show(self, bins: int, seconds: float = 0.0) -> None:
        """Let the market be so many bins from where it began, so much later."""
        book = self.tables.books[0]
        book["active_id"], book["price"] = HERE + bins, bin_price(0, HERE + bins)
        self.tables.ledger["ts_event_ns"] += round(seconds * SECOND)

    def hold(self, x_value: float, y_value: float, *, in_bins: bool = False) -> None:
        """Give the account so much of either token, by its worth at the first price."""
        names = ("position_x", "position_y") if in_bins else ("base", "quote")
        self.account[names[0]], self.account[names[1]] = round(x_value / PRICE * 1e9), round(y_value * 1e6)

    def place(self, number: int, lower: int = HERE - 11, upper: int = HERE + 11, strategy: int = 0) -> None:
        state = PositionState(number, SOL.pool, f"position {number}", lower, upper, b"position")
        self.positions.take((state,), strategy)

    def wish(self, at: int = 0, earns: float = 1.0, **fields: object) -> Draft | None:
        return self.keeper.draft(wished(at, earns, **fields)[0], self.tables)

    def order(self, at: int = 0, earns: float = 1.0, **fields: object) -> np.void:
        drafted = self.wish(at, earns, **fields)
        assert drafted is not None
        order, rule, figure, bound = drafted
        assert (RULES[rule], figure, bound) == ("none", 0.0, 0.0)
        return order

    def due(self) -> list[Draft]:
        return self.keeper.due(0, 99, self.tables)


def wished(at: int = 0, earns: float = 1.0, **fields: object) -> Rows:
    made = np.zeros(1, SIGNAL)
    made["kind"], made["seq"], made["expected_profit"] = REBALANCE, 7, earns
    place = HERE + at
    made["lower"], made["bid_upper"], made["ask_lower"], made["upper"] = place - 11, place - 2, place + 2, place + 11
    for field, value in fields.items():
        made[field] = value
    return made


def places(order: np.void, around: int = 0) -> list[int]:
    return [int(order[field]) - HERE - around for field in ("lower", "bid_upper", "ask_lower", "upper")]


def refusal(drafted: Draft | None) -> str:
    assert drafted is not None
    return RULES[drafted[1]]


def test_a_balanced_account_goes_into_the_ladder_as_it_is_wished() -> None:
    maker = Maker()
    order = maker.order(urgency=1, shape=2)
    assert places(order) == [-11, -2, 2, 11]
    assert (order["amount_x"], order["amount_y"]) == (round(1_000.0 / PRICE * 1e9), 1_000_000_000)
    assert (order["action"], order["order"], order["position"]) == (REBALANCE_ORDER, 1, 1)
    assert (order["other_min_out"], order["old_position"]) == (HERE, 0)
    assert (order["seq"], order["strategy"], order["pool"]) == (7, 0, 0)
    assert (order["urgency"], order["shape"], SIZED_BY[order["sized_by"]]) == (1, 2, "budget")
    assert order["value"] == pytest.approx(1_000.0)


def test_what_the_old_ladder_holds_goes_into_the_new_and_is_no_new_risk() -> None:
    maker = Maker()
    maker.place(5, HERE - 30, HERE - 8)
    maker.hold(100.0, 200.0)
    maker.hold(900.0, 800.0, in_bins=True)
    order = maker.order()
    assert order["amount_x"] == pytest.approx(1_000.0 / PRICE * 1e9, abs=2)
    assert order["amount_y"] == 1_000_000_000
    assert [int(order[field]) - HERE for field in ("old_lower", "old_upper")] == [-30, -8]
    assert order["old_position"] == 5
    assert order["value"] == pytest.approx(200.0)


def test_what_is_promised_to_other_orders_stays_out() -> None:
    maker = Maker()
    maker.account["reserved_base"] = maker.account["base"] - 1_000
    maker.account["reserved_quote"] = 400_000_000
    order = maker.order()
    assert (order["amount_x"], order["amount_y"]) == (1_000, 600_000_000)


def test_the_largest_order_bounds_both_sides_alike() -> None:
    order = Maker(most=500.0).order()
    assert order["amount_x"] * 1e-9 * PRICE == pytest.approx(250.0)
    assert order["amount_y"] * 1e-6 == pytest.approx(250.0)
    assert SIZED_BY[order["sized_by"]] == "max_position_size"


def test_bids_take_no_more_than_the_limits_of_exposure_leave() -> None:
    for maker in (Maker(pool=700.0), Maker(total=700.0)):
        maker.tables.books[0]["base"] = round(400.0 / PRICE * 1e9)
        maker.tables.books[0]["position_y"] = 50_000_000
        maker.account["position_y"] = 50_000_000
        order = maker.order()
        assert order["amount_x"] == maker.account["base"]
        assert order["amount_y"] == pytest.approx(300_000_000, abs=2)
        assert order["value"] == pytest.approx(250.0, abs=1e-5)
        assert SIZED_BY[order["sized_by"]] == "exposure"
    full = Maker(pool=700.0)
    full.tables.books[0]["base"] = round(800.0 / PRICE * 1e9)
    order = full.order()
    assert (order["amount_x"] > 0, order["amount_y"]) == (True, 0)
    assert places(order)[:2] == [2, 1]


@pytest.mark.parametrize(
    ("x_value", "expected"),
    [(1_100.0, [-12, -3, 1, 10]), (1_390.0, [-15, -6, 1, 10]), (900.0, [-10, -1, 3, 12]), (610.0, [-10, -1, 6, 15])],
)
def test_a_ladder_leans_away_from_what_there_is_too_much_of(x_value: float, expected: list[int]) -> None:
    maker = Maker()
    maker.hold(x_value, 2_000.0 - x_value)
    assert places(maker.order()) == expected


@pytest.mark.parametrize(
    ("x_value", "expected", "side"), [(1_410.0, [1, 0, 1, 10], "x"), (590.0, [-10, -1, 0, -1], "y")]
)
def test_beyond_the_band_only_the_side_that_brings_it_back_is_quoted(
    x_value: float, expected: list[int], side: str
) -> None:
    maker = Maker()
    maker.hold(x_value, 2_000.0 - x_value)
    order = maker.order()
    assert places(order) == expected
    assert (order["amount_x"] > 0, order["amount_y"] > 0) == (side == "x", side == "y")


@pytest.mark.parametrize(
    ("x_value", "y_value", "expected"), [(50.0, 0.0, [2, 1, 2, 11]), (0.0, 50.0, [-11, -2, -1, -2])]
)
def test_with_one_token_the_ladder_has_one_side(x_value: float, y_value: float, expected: list[int]) -> None:
    maker = Maker(msgspec.structs.replace(BAND, max_inventory_deviation=1.0, skew_bins=0.0))
    maker.hold(x_value, y_value)
    assert places(maker.order()) == expected


def test_with_less_than_a_unit_for_each_bin_nothing_is_placed() -> None:
    maker = Maker()
    assert refusal(_holding(maker, 0, 0)) == "too_small"
    assert refusal(_holding(maker, 9, 9)) == "too_small"


def _holding(maker: Maker, x: int, y: int) -> Draft | None:
    maker.account["base"], maker.account["quote"] = x, y
    return maker.wish()


def test_a_first_ladder_must_earn_one_transaction_and_a_move_two() -> None:
    value, density, liquidity = 2_000.0, 71 / 20, 1e6
    earns = 0.001 * (1.0 + value * density / liquidity) / value  # so that the whole ladder earns a tenth of a cent
    assert refusal(Maker(cost=0.00099).wish(earns=earns)) == "none"
    drafted = Maker(cost=0.00101).wish(earns=earns)
    assert drafted is not None
    assert (RULES[drafted[1]], drafted[3]) == ("cost_above_profit", 0.00101)
    assert drafted[2] == pytest.approx(0.001, rel=1e-6)
    moving = Maker(cost=0.00051)
    moving.place(5)
    assert refusal(moving.wish(earns=earns)) == "cost_above_profit"


def test_a_ladder_that_earns_nothing_is_not_placed_though_it_costs_nothing() -> None:
    assert refusal(Maker(cost=0.0).wish(earns=0.0)) == "cost_above_profit"


def test_a_strategy_that_claims_nothing_is_not_held_to_it() -> None:
    assert refusal(Maker(cost=1e9).wish(earns=math.nan)) == "none"


@pytest.mark.parametrize(
    "fields",
    [
        {"lower": -17_582, "bid_upper": -17_580},
        {"upper": 17_582},
        {"lower": -(1 << 31), "upper": (1 << 31) - 1},
        {"lower": HERE - 70, "upper": HERE + 70},
    ],
)
def test_bins_beyond_the_programs_limits_are_refused_by_name(fields: dict[str, int]) -> None:
    assert refusal(Maker(msgspec.structs.replace(BAND, skew_bins=0.0)).wish(**fields)) == "impossible_amount"


@pytest.mark.parametrize(
    "fields", [{"lower": 1, "bid_upper": 0, "ask_lower": 5, "upper": 4}, {"bid_upper": -9_999, "ask_lower": 9_999}]
)
def test_a_ladder_without_bins_is_too_small(fields: dict[str, int]) -> None:
    assert refusal(Maker().wish(**fields)) == "too_small"


def test_at_the_edge_of_all_bins_it_is_refused() -> None:
    maker = Maker()
    maker.tables.books["active_id"] = 17_581
    made = wished()
    shift = 17_581 - HERE
    for field in ("lower", "bid_upper", "ask_lower", "upper"):
        made[field] += shift
    assert refusal(maker.keeper.draft(made[0], maker.tables)) == "impossible_amount"


def test_a_wish_that_is_fulfilled_asks_for_nothing() -> None:
    maker = Maker()
    number = int(maker.order()["order"])
    maker.place(number)
    assert maker.wish() is None
    maker.show(3)
    assert maker.wish() is None
    assert places(maker.order(at=3), around=3) == [-11, -2, 2, 11]


def test_a_wish_that_failed_is_tried_again_around_the_present_price() -> None:
    maker = Maker()
    maker.order()
    maker.show(5)
    assert places(maker.order(), around=5) == [-11, -2, 2, 11]
    withheld = Maker(cost=1e9)
    assert refusal(withheld.wish()) == "cost_above_profit"
    assert refusal(withheld.wish()) == "cost_above_profit"


@pytest.mark.parametrize(("action", "waits"), [(REBALANCE_ORDER, True), (CLOSE, True), (SWAP, False)])
def test_nothing_is_wished_while_a_ladder_is_on_its_way(action: int, waits: bool) -> None:
    maker = Maker()
    maker.tables.table = np.zeros(4, ORDER)
    maker.tables.ledger["open_orders"] = 1
    maker.tables.table[0]["order"], maker.tables.table[0]["action"], maker.tables.table[0]["status"] = 1, action, OPEN
    assert (maker.wish() is None) == waits
    maker.tables.table[0]["strategy"] = 1
    assert maker.wish(at=1) is not None


def standing(policy: Policy = BAND) -> Maker:
    """A ladder that stands, with all that the account has in it."""
    maker = Maker(policy)
    number = int(maker.order()["order"])
    maker.place(number)
    maker.hold(0.0, 0.0)
    maker.hold(1_000.0, 1_000.0, in_bins=True)
    maker.show(0, seconds=60.0)
    return maker


def test_inventory_within_its_band_moves_nothing() -> None:
    maker = standing()
    maker.hold(1_390.0, 610.0, in_bins=True)
    assert maker.due() == []


def test_inventory_that_leaves_its_band_moves_the_ladder_once_around_the_present_price() -> None:
    maker = standing()
    maker.show(-4)
    maker.hold(1_500.0, 500.0, in_bins=True)
    ((order, rule, _, _),) = maker.due()
    assert RULES[rule] == "none"
    assert (order["seq"], order["old_position"]) == (99, 1)
    assert places(order, around=-4) == [1, 0, 1, 10]
    assert order["amount_x"] == maker.account["position_x"]
    maker.place(int(order["order"]))
    maker.show(-4, seconds=60.0)
    assert maker.due() == []


def test_inventory_that_is_back_has_both_sides_again_and_not_before_it_is_well_inside() -> None:
    maker = standing()
    maker.hold(1_500.0, 500.0, in_bins=True)
    ((order, *_),) = maker.due()
    maker.place(int(order["order"]))
    maker.show(0, seconds=60.0)
    maker.hold(1_250.0, 750.0, in_bins=True)
    assert maker.due() == []
    maker.hold(1_190.0, 810.0, in_bins=True)
    ((order, *_),) = maker.due()
    assert order["amount_x"] > 0 < order["amount_y"]


def test_the_keeper_waits_between_two_moves() -> None:
    maker = standing()
    maker.hold(1_500.0, 500.0, in_bins=True)
    ((order, *_),) = maker.due()
    maker.place(int(order["order"]))
    maker.hold(1_000.0, 1_000.0, in_bins=True)
    maker.show(0, seconds=4.9)
    assert maker.due() == []
    maker.show(0, seconds=0.2)
    assert len(maker.due()) == 1


def test_without_a_ladder_strayed_inventory_moves_nothing() -> None:
    maker = Maker()
    maker.order()
    maker.hold(1_900.0, 100.0)
    maker.show(0, seconds=60.0)
    assert maker.due() == []


def test_what_is_remembered_survives_a_restart() -> None:
    maker = standing()
    state = pickle.loads(pickle.dumps(maker.keeper.snapshot()))
    maker.hold(1_500.0, 500.0, in_bins=True)
    expected = maker.due()
    other = standing()
    other.keeper.restore(())
    assert other.due() == []
    other.keeper.restore(state)
    other.hold(1_500.0, 500.0, in_bins=True)
    assert [order.tobytes() for order, *_ in other.due()] == [order.tobytes() for order, *_ in expected]


def signed() -> SignedMarket:
    made = SignedMarket()
    made.row(0, 0)
    made.row(1, 0)
    return made


def test_a_signed_ladder_takes_what_is_free_and_a_move_what_the_old_one_holds() -> None:
    made = signed()
    (first,) = made.row(0, 0, wished())
    x, y = OPENING[WRAPPED] // 2 + 1, OPENING[USDC] // 2 // 2 + 1
    assert isinstance(first.command, Rebalance)
    assert (first.command.amount_x, first.command.amount_y) == (x, y)
    assert (first.command.position, first.command.old_position) == (first.order, 0)
    assert made.row(0, 0, wished(at=1)) == []  # while the first is on its way
    state = PositionState(first.order, SOL.pool, "first", HERE - 11, HERE + 11, b"position")
    made.tell(made.move(first, 0, -x, -y, state))
    assert made.agrees()
    assert made.row(0, 0, wished()) == []
    assert (made.book(0, "reserved_base"), made.book(0, "reserved_quote")) == (0, 0)


def test_the_emergency_stop_lets_no_ladder_be_placed() -> None:
    made = signed()
    made.command("stop")
    assert not [each for each in made.row(0, 0, wished()) if isinstance(each.command, Rebalance)]
    assert RULES[made.reports[-1].orders[-1]["rule"]] == "emergency_stop"


def test_a_run_that_is_to_end_places_no_ladder() -> None:
    made = signed()
    made.command("close")
    assert made.row(0, 0, wished()) == []


def test_a_ladder_that_failed_to_land_is_tried_again_where_the_price_then_is_and_not_for_ever() -> None:
    maker = Maker()
    first = maker.order()
    tried = [first]
    for move in (4, 6):
        maker.show(move)
        drafted = maker.keeper.retry(tried[-1], maker.tables)
        assert drafted is not None
        assert places(drafted[0], around=move) == [-11, -2, 2, 11]
        assert drafted[0]["seq"] == first["seq"]
        assert maker.keeper.retry(tried[-1], maker.tables) is None  # a newer one is tried already
        tried.append(drafted[0])
    assert maker.keeper.retry(tried[-1], maker.tables) is None
    maker.order(at=9)
    assert maker.keeper.retry(tried[-1], maker.tables) is None


def test_a_signed_ladder_that_failed_is_sent_anew_with_the_tokens_of_the_first() -> None:
    made = signed()
    (first,) = made.row(0, 0, wished())
    sent = [first]
    for status in ("failed", "expired"):
        (again,) = made.tell(made.fail(sent[-1], status))
        assert isinstance(again.command, Rebalance)
        assert again.order > sent[-1].order
        sent.append(again)
    moved = [each.command for each in sent if isinstance(each.command, Rebalance)]
    assert [command.amount_x for command in moved] == [OPENING[WRAPPED] // 2 + 1] * 3
    assert made.tell(made.fail(sent[-1])) == []
    assert (made.book(0, "reserved_base"), made.book(0, "reserved_quote")) == (0, 0)
    assert len(made.row(0, 0, wished())) == 1


def test_holdings_that_64_bits_cannot_count_are_refused_by_name() -> None:
    maker = Maker()
    maker.account["base"] = maker.account["position_x"] = 1 << 62
    assert refusal(maker.wish()) == "impossible_amount"


def test_a_wish_while_its_like_is_under_way_is_taken_for_fulfilled_once_that_lands() -> None:
    maker = Maker()
    first = maker.order()
    maker.tables.table[0] = first
    maker.tables.ledger["open_orders"] = 1
    assert maker.wish(at=1) is None
    maker.tables.ledger["open_orders"] = 0
    maker.place(int(first["order"]))
    assert maker.wish(at=1) is None
    assert maker.wish(at=2) is not None


def test_strategies_of_one_pool_repeat_in_the_order_in_which_they_first_wished() -> None:
    maker = Maker(strategies=2)
    maker.tables.accounts[1] = maker.tables.accounts[0]
    for strategy in (1, 0):
        maker.place(int(maker.order(strategy=strategy)["order"]), strategy=strategy)
    maker.tables.accounts["quote"] = 0
    for _ in range(2):
        maker.show(0, seconds=60.0)
        maker.keeper.restore(pickle.loads(pickle.dumps(maker.keeper.snapshot())))
        drafts = maker.due()
        assert [int(order["strategy"]) for order, *_ in drafts] == [1, 0]
        for order, *_ in drafts:
            maker.place(int(order["order"]), strategy=int(order["strategy"]))
        maker.tables.accounts["quote"] = maker.tables.accounts["base"]
        maker.tables.accounts["base"] = 0
