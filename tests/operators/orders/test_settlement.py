"""The books of a portfolio that really trades move by reports alone, and end as the chain has it."""

import random

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.blocks import CLOSE, DEPOSIT, OPEN, QUOTE, TAKE, WITHDRAW, Rows
from operators.orders.commands import AddLiquidity, Approved, ClosePosition, CreatePosition, RemoveLiquidity, Swap
from operators.orders.execution_reports import ExecutionReport, PositionState, TokenChange, WalletReport
from operators.orders.records import (
    CANCELLED,
    EXPIRED,
    FAILED,
    FILLED,
    ORDER,
    REFUSED,
    RULES,
    SELL,
    SIMULATED,
    STATUSES,
    WITHHELD,
)
from operators.portfolio_records import RiskLimits
from tests.operators.markets import bin_price, signal
from tests.operators.signed_market import FEE, JUPITER, LAMPORTS, OPENING, POOLS, USDC, WRAPPED, SignedMarket, params

PRICE = bin_price(0, -996)


def wish(kind: int = TAKE, /, **fields: float) -> Rows:
    blank = np.zeros(1, [("seq", "i8"), ("pool", "i2"), ("price", "f8")])
    made = signal(blank[0], kind)
    for name, value in fields.items():
        made[name] = value
    return made


def buying(size: float = 1.0, limit: float = 1.2, **fields: float) -> Rows:
    return wish(bid=PRICE * limit, bid_size=size, **fields)


def opened(restarts: bool = False, limits: RiskLimits | None = None) -> SignedMarket:
    """A market whose two pools have shown a price."""
    made = SignedMarket(params(limits), restarts=restarts)
    for pool in (0, 1, 0):  # what the third begins marks what the first two have shown
        made.row(pool, 0)
    return made


def only(approved: list[Approved]) -> Approved:
    (one,) = approved
    return one


def test_the_wallet_is_divided_among_its_pools_to_the_last_unit() -> None:
    made = opened()
    assert made.agrees()
    assert (made.book(0, "base"), made.book(1, "base")) == (OPENING[WRAPPED], OPENING[JUPITER])
    assert (made.book(0, "quote"), made.book(1, "quote")) == (40_000_000_001, 40_000_000_000)
    worth = made.ledger["equity"]
    assert made.ledger["start"] == pytest.approx(worth)
    assert worth == pytest.approx(
        300.000000001 * PRICE + 70_000 * bin_price(1, (1 << 23) - 500) + 80_000.000001 + LAMPORTS * 1e-9 * PRICE
    )


def test_a_wallet_that_holds_less_than_the_configured_capital_is_no_loss() -> None:
    made = SignedMarket(params(RiskLimits(1e12, 1e12, 1e12, 0.05, 0.1, 1_000), capital=1e9))
    for pool in (0, 1, 0):
        made.row(pool, 0)
    assert (made.ledger["stopped"], made.ledger["max_drawdown"]) == (0, 0.0)
    assert made.ledger["peak"] == made.ledger["equity"]


def test_an_order_is_sent_when_it_is_decided_and_books_nothing() -> None:
    made = opened()
    before = made.held()
    sent = only(made.row(0, 0, buying()))
    assert isinstance(sent.command, Swap)
    assert (sent.order, sent.attempt, sent.command.pool, sent.command.swap_for_y) == (1, 0, POOLS[0].pool, False)
    assert sent.command.compute_units > 0
    assert made.held() == before
    assert made.ledger["in_flight"] == 1
    assert made.book(0, "reserved_quote") == sent.command.amount


def test_what_landed_is_booked_as_the_wallet_changed() -> None:
    made = opened()
    sent = only(made.row(0, 0, buying()))
    made.tell(made.land(sent))
    assert made.agrees()
    assert made.ended() == [(1, FILLED)]
    assert made.ledger["in_flight"] == 0
    assert made.ledger["network_fees"] == FEE
    assert made.book(0, "reserved_quote") == 0
    fill = made.reports[-1].fills[0]
    assert isinstance(sent.command, Swap)
    assert (fill["amount_in"], fill["amount_out"]) == (sent.command.amount, sent.command.threshold)


def test_an_exact_out_order_names_what_comes_out() -> None:
    made = opened()
    sent = only(made.row(0, 0, buying(2.0, is_exact_out=1)))
    assert isinstance(sent.command, Swap)
    assert (sent.command.exact_in, sent.command.amount) == (False, 2_000_000_000)
    made.tell(made.land(sent))
    assert made.agrees()


def test_a_resting_order_is_sent_once_the_pool_would_fill_it() -> None:
    made = opened()
    assert made.row(0, 0, wish(QUOTE, bid=bin_price(0, -1_010), bid_size=1.0)) == []
    assert made.row(0, -5) == []
    sent = only(made.row(0, -40))
    assert made.row(0, -41) == []
    made.tell(made.land(sent))
    assert made.agrees()
    assert made.ended() == [(1, FILLED)]


@pytest.mark.parametrize("status", ["failed", "expired"])
def test_a_resting_order_is_tried_again_and_at_last_given_up(status: str) -> None:
    made = opened()
    made.row(0, 0, wish(QUOTE, bid=bin_price(0, -1_010), bid_size=1.0))
    for attempt in range(3):
        sent = only(made.row(0, -40 - attempt))
        assert (sent.order, sent.attempt) == (1, attempt)
        assert made.tell(made.fail(sent, status)) == []
    assert made.row(0, -50) == []
    assert made.ended() == [(1, FAILED if status == "failed" else EXPIRED)]
    assert made.agrees()
    assert made.book(0, "reserved_quote") == 0


@pytest.mark.parametrize(
    ("status", "end"),
    [("failed", FAILED), ("expired", EXPIRED), ("refused", FAILED), ("simulated", SIMULATED)],
)
def test_an_immediate_order_ends_with_its_only_attempt(status: str, end: int) -> None:
    made = opened()
    sent = only(made.row(0, 0, buying()))
    made.tell(made.fail(sent, status))
    assert made.ended() == [(1, end)]
    assert made.agrees()
    assert made.book(0, "reserved_quote") == 0
    assert made.ledger["in_flight"] == 0


def test_a_cancel_ends_what_rests_at_once_and_leaves_what_was_sent() -> None:
    made = opened()
    made.row(0, 0, wish(QUOTE, bid=bin_price(0, -1_010), bid_size=1.0))
    made.row(0, 0, wish(QUOTE, bid=bin_price(0, -1_012), bid_size=1.0))
    assert made.ended() == [(1, CANCELLED)]
    sent = only(made.row(0, -40))
    made.row(0, -39, wish(QUOTE, bid=bin_price(0, -1_100), bid_size=1.0))
    assert made.ended() == [(1, CANCELLED)]
    made.tell(made.fail(sent))
    assert made.ended() == [(1, CANCELLED), (2, CANCELLED)]


def test_a_report_told_twice_is_booked_once() -> None:
    made = opened()
    sent = only(made.row(0, 0, buying()))
    landed = made.land(sent)
    for _ in range(3):
        made.tell(landed)
    assert made.agrees()
    assert made.ended() == [(1, FILLED)]


def test_a_report_for_an_order_that_was_never_made_is_counted_and_books_nothing() -> None:
    made = opened()
    sent = only(made.row(0, 0, buying()))
    foreign = msgspec.structs.replace(made.land(sent), order=77)
    before = made.held()
    made.tell(foreign)
    assert made.held() == before
    assert made.portfolio.snapshot().settlement.unknown == 1


def test_a_landing_that_a_fork_took_back_is_taken_back_and_may_land_again() -> None:
    made = opened()
    sent = only(made.row(0, 0, buying()))
    landed = made.land(sent)
    made.tell(landed)
    undone = msgspec.structs.replace(
        landed,
        status="undone",
        is_final=False,
        number=1,
        changes=tuple(msgspec.structs.replace(change, amount=-change.amount) for change in landed.changes),
        flows=tuple(msgspec.structs.replace(flow, x=-flow.x, y=-flow.y) for flow in landed.flows),
    )
    made.tell(undone)
    assert made.held() == OPENING
    assert made.ledger["lamports"] == LAMPORTS
    for _ in range(2):
        made.tell(msgspec.structs.replace(landed, number=2))
    assert made.agrees()
    for number, report in enumerate((landed, undone, landed)):  # a restart tells all of it once more
        made.tell(msgspec.structs.replace(report, number=number))
    assert made.agrees()


def test_what_came_from_outside_is_booked_and_is_no_profit() -> None:
    made = opened()
    profit = made.ledger["equity"] - made.ledger["start"]
    made.chain[USDC] += 5_000_000
    made.chain[JUPITER] -= 1_000_000
    made.lamports += 7
    made.tell(made.wallet("check"))
    made.row(0, 0)
    assert made.agrees()
    assert made.ledger["equity"] - made.ledger["start"] == pytest.approx(profit, abs=1e-6)
    found = made.portfolio.snapshot().settlement.wallet.differences
    assert {(each.mint, each.amount) for each in found} == {(USDC, 5_000_000), (JUPITER, -1_000_000), ("lamports", 7)}


def test_tokens_that_no_pool_trades_are_no_difference() -> None:
    made = opened()
    made.chain["the token of a position"] = 1
    made.tell(made.wallet("check"))
    made.tell(made.wallet("closing"))
    assert made.portfolio.snapshot().settlement.wallet.differences == ()


def test_the_wallet_is_not_compared_while_an_order_is_on_its_way() -> None:
    made = opened()
    sent = only(made.row(0, 0, buying()))
    landed = made.land(sent)
    made.tell(made.wallet("check"))
    assert made.portfolio.snapshot().settlement.wallet.differences == ()
    made.tell(landed)
    made.tell(made.wallet("check"))
    assert made.portfolio.snapshot().settlement.wallet.differences == ()
    assert made.agrees()


def test_when_a_run_is_taken_up_the_wallet_is_compared_even_with_an_order_on_its_way() -> None:
    made = opened()
    sent = only(made.row(0, 0, buying()))
    made.chain[USDC] += 5
    again = made.tell(made.wallet("opening"))
    assert [difference.amount for difference in made.portfolio.snapshot().settlement.wallet.differences] == [5]
    assert made.portfolio.snapshot().settlement.wallet.compared == 1
    assert again == [sent]  # what nobody may have heard of is handed over once more, by the same id
    made.tell(made.land(sent))
    assert made.agrees()
    assert made.tell(made.wallet("opening")) == []


def test_reports_that_a_restart_tells_once_more_are_booked_once_each() -> None:
    made = opened()
    sent = only(made.row(0, 0, buying()))
    first, last = made.move(sent, 0, 0, -7, is_final=False), made.move(sent, 0, 0, -5)
    made.tell(first)
    for _ in range(2):
        made.tell(first)
        made.tell(last)
    assert made.agrees()
    assert made.ledger["in_flight"] == 0


def test_what_landed_after_it_was_given_up_is_booked() -> None:
    made = opened()
    sent = only(made.row(0, 0, buying()))
    made.tell(made.fail(sent, "expired"))
    made.tell(made.land(sent))
    assert made.agrees()
    assert made.ended() == [(1, EXPIRED)]


def test_reports_of_before_the_wallet_was_opened_book_nothing() -> None:
    made = SignedMarket(opens=False)
    opening = made.wallet("opening")
    early = ExecutionReport(7, 0, "landed", True, changes=(TokenChange(USDC, 9),))
    made.tell(early)
    made.tell(WalletReport("opening", "w", 1, opening.lamports, opening.tokens, (), 41))
    made.tell(early)
    made.row(0, 0)
    assert made.agrees()
    assert made.portfolio.snapshot().settlement.unknown == 0


def test_order_ids_go_on_above_those_that_only_the_journal_knows() -> None:
    made = opened()
    opening = made.wallet("opening")
    made.tell(WalletReport("opening", "w", 1, opening.lamports, opening.tokens, (), 41))
    assert only(made.row(0, 0, buying())).order == 41


def test_order_ids_go_on_where_the_journal_ends() -> None:
    made = SignedMarket(opens=False)
    opening = made.wallet("opening")
    made.tell(WalletReport("opening", "w", 1, opening.lamports, opening.tokens, (), 41))
    made.row(0, 0)
    assert only(made.row(0, 0, buying())).order == 41


def test_a_run_that_closes_cancels_and_sends_nothing_more() -> None:
    made = opened()
    made.row(0, 0, wish(QUOTE, bid=bin_price(0, -1_010), bid_size=1.0))
    sent = only(made.row(0, 0, buying()))
    made.command("close")
    assert made.ended() == [(1, CANCELLED)]
    assert made.row(0, -40, buying()) == []
    made.tell(made.land(sent))
    assert made.agrees()
    made.tell(made.wallet("closing"))
    assert made.portfolio.snapshot().settlement.wallet.is_closed


def test_without_following_reports_all_stays_on_paper() -> None:
    made = SignedMarket(params(follows_reports=False))
    made.row(0, 0)
    made.row(1, 0)
    assert made.row(0, 0, buying()) == []
    assert made.ledger["is_signed"] == 0


# Positions


def position(number: int, data: bytes = b"position", lower: int = -1_000, upper: int = -990) -> PositionState:
    return PositionState(number, POOLS[0].pool, f"position {number}", lower, upper, data)


def with_position(made: SignedMarket) -> Approved:
    sent = only(made.row(0, 0, wish(OPEN, lower=-1_000, upper=-990)))
    assert sent.command == CreatePosition(POOLS[0].pool, sent.order, -1_000, -990)
    made.tell(made.move(sent, 0, 0, 0, position(sent.order), rent=57_406_080))
    return sent


def test_liquidity_commands_name_the_position_and_move_the_wallet() -> None:
    made = opened()
    created = with_position(made)
    sent = only(made.row(0, 0, wish(DEPOSIT, amount_x=2.0, amount_y=300.0)))
    assert sent.command == AddLiquidity(POOLS[0].pool, created.order, -1_000, -990, 2_000_000_000, 300_000_000, -996)
    assert made.book(0, "reserved_base") == 2_000_000_000
    made.tell(made.move(sent, 0, -1_500_000_000, -300_000_000, position(created.order), is_final=False))
    assert made.book(0, "reserved_base") == 500_000_000
    made.tell(made.move(sent, 0, -500_000_000, 0, position(created.order)))
    assert made.agrees()
    assert (made.book(0, "reserved_base"), made.book(0, "reserved_quote")) == (0, 0)
    assert (made.book(0, "position_x"), made.book(0, "position_y")) == (2_000_000_000, 300_000_000)
    part = only(made.row(0, 0, wish(WITHDRAW, fraction=0.25)))
    assert part.command == RemoveLiquidity(POOLS[0].pool, created.order, -1_000, -990, 2_500)
    made.tell(made.move(part, 0, 500_000_000, 75_000_000, position(created.order)))
    gone = only(made.row(0, 0, wish(CLOSE)))
    assert gone.command == ClosePosition(POOLS[0].pool, created.order, -1_000, -990)
    made.tell(made.move(gone, 0, 1_500_000_100, 225_000_007, position(created.order, b""), rent=-57_406_080))
    assert made.agrees()
    assert (made.book(0, "position_x"), made.book(0, "position_y")) == (0, 0)
    assert made.ledger["rent"] == 0
    assert made.ledger["equity"] == pytest.approx(
        made.ledger["start"] - 4 * FEE * 1e-9 * PRICE - FEE * 1e-9 * PRICE + 100e-9 * PRICE + 7e-6, rel=1e-9
    )


def test_a_deposit_without_a_position_is_withheld_by_name() -> None:
    made = opened()
    assert made.row(0, 0, wish(DEPOSIT, amount_x=2.0)) == []
    assert made.ended() == [(1, WITHHELD)]
    assert RULES[made.reports[-1].orders[0]["rule"]] == "no_position"


def test_a_deposit_beyond_what_is_free_is_refused() -> None:
    made = opened()
    with_position(made)
    made.row(0, 0, wish(DEPOSIT, amount_x=301.0))
    assert made.ended()[-1] == (2, REFUSED)
    assert RULES[made.reports[-1].orders[0]["rule"]] == "balance"


# The emergency stop


def sales(approved: list[Approved]) -> list[tuple[str, bool]]:
    return [(each.command.pool, each.command.swap_for_y) for each in approved if isinstance(each.command, Swap)]


def test_the_emergency_stop_cancels_unwinds_and_closes_and_refuses_what_adds_risk() -> None:
    made = opened()
    created = with_position(made)
    made.row(0, 0, wish(QUOTE, bid=bin_price(0, -1_010), bid_size=1.0))
    closing = made.command("stop")
    assert only(closing).command == ClosePosition(POOLS[0].pool, created.order, -1_000, -990)
    assert only(closing).urgency == 3
    assert made.ended()[-1] == (2, CANCELLED)
    sold = made.row(0, 0)
    assert sales(sold) == [(POOLS[0].pool, True), (POOLS[1].pool, True)]
    assert made.row(0, 0, buying()) == []
    assert RULES[made.reports[-1].orders[0]["rule"]] == "emergency_stop"
    for sale in sold:
        made.tell(made.land(sale))
    made.tell(made.move(only(closing), 0, 0, 0, position(created.order, b"")))
    assert made.agrees()
    assert (made.chain[WRAPPED], made.chain[JUPITER]) == (0, 0)
    assert sales(made.row(0, 0, slots=30)) == []


def test_a_sale_of_the_emergency_stop_that_fails_is_tried_again_after_a_while() -> None:
    made = opened()
    made.command("stop")
    sold = made.row(0, 0)
    for sale in sold:
        made.tell(made.fail(sale))
    assert made.row(0, 0, slots=1) == []
    assert len(made.row(0, 0, slots=10)) == 2


def test_the_stop_stays_on_until_it_is_cleared() -> None:
    made = opened(restarts=True)
    made.command("stop")
    assert made.ledger["stopped"] == 1
    made.tell(made.wallet("opening"))
    assert made.ledger["stopped"] == 1
    made.command("clear")
    for sale in made.row(0, 0):
        made.tell(made.fail(sale))
    assert made.ledger["stopped"] == 0
    assert len(made.row(0, 0, buying())) == 1


def test_a_drawdown_turns_the_stop_on_by_itself() -> None:
    made = opened(limits=RiskLimits(1e12, 1e12, 1e12, 1.0, 0.02, 1_000))
    made.row(0, -60)
    assert sales(made.row(0, -60)) == [(POOLS[0].pool, True), (POOLS[1].pool, True)]
    assert made.ledger["stopped"] == 1


# Laws


def random_day(seed: int, *, restarts: bool) -> SignedMarket:
    """A day of orders of all kinds, whose transactions land, fail, expire and are told late, twice and out of order."""
    rng = random.Random(seed)
    made = opened(restarts=restarts)
    flying: list[Approved] = []
    told: list[ExecutionReport] = []
    bins = 0
    for _ in range(120):
        bins += rng.randint(-6, 6)
        pool = rng.randint(0, 1)
        kind = rng.random()
        at = bin_price(pool, (-996, (1 << 23) - 500)[pool] + bins)
        size = rng.choice((0.5, 2.0)) if pool == 0 else rng.choice((100.0, 400.0))
        if kind < 0.3:
            wishes = [wish(QUOTE, bid=at * 0.995, ask=at * 1.005, bid_size=size, ask_size=size)]
        elif kind < 0.5:
            wishes = [wish(bid=at * 1.05, bid_size=size)]
        elif kind < 0.7:
            wishes = [wish(ask=at * 0.95, ask_size=size, is_exact_out=rng.randint(0, 1))]
        else:
            wishes = []
        flying += made.row(pool, bins, *wishes, slots=rng.randint(0, 3))
        while flying and rng.random() < 0.5:
            sent = flying.pop(rng.randrange(len(flying)))
            outcome = rng.random()
            if outcome < 0.6:
                told.append(made.land(sent))
            else:
                told.append(made.fail(sent, rng.choice(("failed", "expired", "refused"))))
            flying += made.tell(told[-1])
            if rng.random() < 0.3:
                flying += made.tell(rng.choice(told))
    for sent in flying:
        made.tell(made.land(sent))
    return made


@settings(max_examples=15)
@given(st.integers(0, 1 << 30))
def test_whatever_happens_the_ledger_is_what_the_chain_says(seed: int) -> None:
    made = random_day(seed, restarts=False)
    assert made.agrees()
    assert made.ledger["in_flight"] == 0
    made.tell(made.wallet("closing"))
    assert made.portfolio.snapshot().settlement.wallet.differences == ()
    left = made.portfolio.snapshot()
    assert made.book(0, "reserved_base") + made.book(1, "reserved_base") == sum_of_asks(left.open_orders)


def sum_of_asks(table: bytes) -> int:
    orders = np.frombuffer(table, ORDER)
    return int(orders["amount_in"][orders["side"] == SELL].sum())


@settings(max_examples=5)
@given(st.integers(0, 1 << 30))
def test_a_portfolio_taken_up_again_after_every_slice_ends_as_an_unbroken_one(seed: int) -> None:
    broken, unbroken = random_day(seed, restarts=True), random_day(seed, restarts=False)
    assert broken.approved == unbroken.approved
    assert broken.portfolio.snapshot().ledger == unbroken.portfolio.snapshot().ledger
    assert broken.portfolio.snapshot().books == unbroken.portfolio.snapshot().books


@settings(max_examples=5)
@given(st.integers(0, 1 << 30), st.sampled_from((1, 7, 1_000)))
def test_slices_of_any_size_decide_the_same(seed: int, size: int) -> None:
    made = random_day(seed, restarts=False)
    again = made.again(size)
    assert [each for report in again for each in report.approved] == [
        msgspec.structs.replace(each, recv_ns=other.recv_ns)
        for each, other in zip(made.approved, [a for report in again for a in report.approved], strict=True)
    ]
    for table in ("orders", "fills", "equity"):
        mine = b"".join(getattr(report, table).tobytes() for report in made.reports)
        assert b"".join(getattr(report, table).tobytes() for report in again) == mine
    assert again[-1].ledger.tobytes() == made.reports[-1].ledger.tobytes()


def test_every_status_is_reached_by_the_random_days() -> None:
    seen = {status for seed in range(6) for _, status in random_day(seed, restarts=False).ended()}
    assert {STATUSES[status] for status in seen} >= {"filled", "cancelled", "expired", "failed"}
