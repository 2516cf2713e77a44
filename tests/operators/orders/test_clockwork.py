"""The paper venue keeps its rules of time and of money, against a plain reference and in scenarios made by hand."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlmm.struct_arrays import join
from operators.blocks import CANCEL, QUOTE, TAKE, Rows
from operators.orders.records import BUY, FILLED, RULES, SELL, SIZED_BY, STATUSES
from tests.operators.clockwork import UNIT_X, UNIT_Y, Answer, Clockwork, Rules, at_bin_price, never, tokens
from tests.operators.markets import base_fee, bin_price, market, moves, path, places, signal, wishes
from tests.operators.reference_venue import ReferenceVenue


def moody(seed: int) -> Answer:
    """A pool whose surcharge depends on who asks and where it stands: it fills, falls short, and fills later."""

    def answer(order: int, pool: int, side: int, amount_in: int, active_id: int) -> tuple[int, int] | None:
        out, fee = at_bin_price(order, pool, side, amount_in, active_id)
        mood = (order * 7_919 + active_id * 104_729 + seed) % 5
        if mood == 4:
            return None
        return math.floor(out * (1.0 - (0.0, 0.0, 0.0004, 0.01)[mood])), fee

    return answer


@st.composite
def rulebooks(draw: st.DrawFn) -> Rules:
    """Rules of which some bite."""
    return Rules(
        size_fraction=draw(st.sampled_from((0.01, 0.2, 0.6))),
        max_liquidity_share=draw(st.sampled_from((1.0, 0.02))),
        inventory_target=draw(st.sampled_from((0.5, 0.0, 0.9))),
        max_inventory_deviation=draw(st.sampled_from((0.5, 0.1, 0.02))),
        max_position_size=draw(st.sampled_from((1e12, 10_000.0, 700.0))),
        max_pool_exposure=draw(st.sampled_from((1e12, 60_000.0, 27_000.0))),
        max_total_exposure=draw(st.sampled_from((1e12, 90_000.0, 52_000.0))),
        max_drawdown=draw(st.sampled_from((1.0, 0.01, 0.002))),
        emergency_stop_loss=draw(st.sampled_from((1.0, 0.02, 0.004))),
        max_open_orders=draw(st.sampled_from((1_000, 4, 1))),
        latency_slots=draw(st.sampled_from((1, 1, 2, 3))),
        interval_ns=draw(st.sampled_from((1_000_000_000, 400_000_000))),
        slippage=draw(st.sampled_from((0.0, 0.005))),
        shares=draw(st.sampled_from(((0.5, 0.5), (1.0, 0.0), (0.25, 0.5)))),
    )


@st.composite
def days(draw: st.DrawFn, most: int = 50) -> tuple[Rows, Rows]:
    """Rows with complete liquidity, and signals at some of them."""
    rows = market(draw(moves(most)))
    rows["liquidity"] = np.where(np.isnan(rows["liquidity"]), 2_000_000.0, rows["liquidity"])
    return rows, draw(wishes(rows))


def figures(objects: list[Any], exact: tuple[str, ...], close: tuple[str, ...]) -> list[dict[str, object]]:
    """What the reference says, its floats to within rounding."""
    read = [made if isinstance(made, dict) else vars(made) for made in objects]
    return [
        {
            **{name: of[name] for name in exact},
            **{name: pytest.approx(float(of[name]), rel=1e-9, abs=1e-9) for name in close},
        }
        for of in read
    ]


ORDER_EXACT = (
    *("order", "seq", "slot", "pool", "strategy", "side", "land_slot", "expiry_slot", "cancel_slot"),
    *("amount_in", "min_out", "end_seq", "end_slot"),
)
ORDER_CLOSE = ("limit", "value", "figure", "bound")
FILL_EXACT = ("order", "seq", "slot", "ts_event_ns", "amount_in", "amount_out")
FILL_CLOSE = ("price", "fair", "realised")
SAMPLE_EXACT = ("ts_event_ns", "slot")
SAMPLE_CLOSE = ("equity", "cash", "inventory", "realised", "fees", "drawdown")


def plain(records: Rows, names: tuple[str, ...]) -> list[dict[str, object]]:
    return [{name: record[name].item() for name in names} for record in records]


@settings(max_examples=150)
@given(days(), rulebooks(), st.integers(0, 4))
def test_the_kernel_does_what_the_plain_reference_does(day: tuple[Rows, Rows], rules: Rules, seed: int) -> None:
    rows, signals = day
    reference = ReferenceVenue(rules, moody(seed))
    reference.walk(rows, signals)
    venue = Clockwork(rules, moody(seed)).walk(rows, signals)
    for ours, theirs in ((venue.orders, reference.ended), (venue.open, reference.open)):
        assert plain(ours, ORDER_EXACT + ORDER_CLOSE) == figures(theirs, ORDER_EXACT, ORDER_CLOSE)
        assert [STATUSES[status] for status in ours["status"]] == [order.status for order in theirs]
        assert [RULES[rule] for rule in ours["rule"]] == [order.rule for order in theirs]
        assert [SIZED_BY[by] for by in ours["sized_by"]] == [order.sized_by for order in theirs]
    assert plain(venue.fills, FILL_EXACT + FILL_CLOSE) == figures(reference.fills, FILL_EXACT, FILL_CLOSE)
    assert plain(venue.samples, SAMPLE_EXACT + SAMPLE_CLOSE) == figures(reference.samples, SAMPLE_EXACT, SAMPLE_CLOSE)
    for book, purse in zip(venue.books, reference.purses, strict=True):
        assert (int(book["base"]), int(book["quote"])) == (purse.base, purse.quote)
        assert int(book["reserved_quote"]) == reference.promised(purse.pool, BUY)
        assert int(book["reserved_base"]) == reference.promised(purse.pool, SELL)
        for name in ("cost", "realised", "fees") if purse.base else ("realised", "fees"):
            assert float(book[name]) == pytest.approx(getattr(purse, name), rel=1e-9, abs=1e-9)
    assert venue["max_drawdown"] == pytest.approx(reference.max_drawdown, abs=1e-12)
    assert bool(venue["stopped"]) == reference.is_stopped
    assert venue["orders"] == reference.next_order - 1
    assert venue["fills"] == len(reference.fills)


@settings(max_examples=60)
@given(days(), rulebooks(), st.integers(0, 4), places())
def test_where_the_walk_is_cut_changes_no_byte(
    day: tuple[Rows, Rows], rules: Rules, seed: int, cuts: list[int]
) -> None:
    rows, signals = day
    whole = Clockwork(rules, moody(seed)).walk(rows, signals)
    parts = Clockwork(rules, moody(seed))
    bounds = sorted({0, len(rows), *(place % (len(rows) + 1) for place in cuts)})
    for start, end in itertools.pairwise(bounds):
        part = rows[start:end]
        parts.walk(part, signals[np.isin(signals["seq"], part["seq"])])
    for name in ("orders", "fills", "samples", "ledger", "books", "open"):
        assert getattr(parts, name).tobytes() == getattr(whole, name).tobytes(), name


@settings(max_examples=60)
@given(days(), days(), st.integers(0, 50), rulebooks(), st.integers(0, 4))
def test_no_later_row_changes_an_earlier_order_or_fill(
    day: tuple[Rows, Rows], other: tuple[Rows, Rows], place: int, rules: Rules, seed: int
) -> None:
    rows, signals = day
    now = place % (len(rows) + 1)
    past, seen = rows[:now], signals[signals["seq"] < now]
    future, later = other[0].copy(), other[1].copy()
    for made in (future, later):
        made["seq"] += now
    future["slot"] += int(past["slot"].max() - 1_000) if now else 0
    alone = Clockwork(rules, moody(seed)).walk(past, seen)
    for after, wishes_after in ((rows[now:], signals[signals["seq"] >= now]), (future, later)):
        both = Clockwork(rules, moody(seed)).walk(join([past, after]), seen, wishes_after)
        for name in ("orders", "fills", "samples"):
            before = getattr(alone, name)
            assert getattr(both, name)[: len(before)].tobytes() == before.tobytes(), name


@settings(max_examples=60)
@given(days(), rulebooks(), st.integers(0, 4))
def test_tokens_move_only_by_fills_and_promises_are_kept_exactly(
    day: tuple[Rows, Rows], rules: Rules, seed: int
) -> None:
    rows, signals = day
    venue = Clockwork(rules, moody(seed)).walk(rows, signals)
    for pool, book in enumerate(venue.books):
        start = Clockwork(rules).walk(rows).books[pool]
        fills = venue.fills[venue.fills["pool"] == pool]
        bought, sold = fills[fills["side"] == BUY], fills[fills["side"] == SELL]
        assert book["base"] == start["base"] + bought["amount_out"].sum() - sold["amount_in"].sum()
        assert book["quote"] == start["quote"] - bought["amount_in"].sum() + sold["amount_out"].sum()
        mine = venue.open[venue.open["pool"] == pool]
        assert book["reserved_quote"] == tokens(mine[mine["side"] == BUY])
        assert book["reserved_base"] == tokens(mine[mine["side"] == SELL])
        assert 0 <= book["reserved_base"] <= book["base"]
        assert 0 <= book["reserved_quote"] <= book["quote"]
    ids = np.sort(np.concatenate([venue.orders["order"], venue.open["order"]]))
    assert ids.tolist() == list(range(1, len(ids) + 1))
    assert sorted(venue.fills["order"]) == sorted(venue.orders["order"][venue.orders["status"] == FILLED])

    # Long after, with everything taken back, nothing is promised any more.
    last = market([(0, 1_000, 0, 1), (1, 0, 0, 1), (0, 500, 0, 1)], first_seq=len(rows), first_slot=3_000)
    cancels = [signal(last[pool], CANCEL, strategy=by) for pool in (0, 1) for by in (0, 1)]
    venue.walk(last, *cancels)
    assert len(venue.open) == 0
    assert venue.books["reserved_base"].tolist() == venue.books["reserved_quote"].tolist() == [0, 0]


@settings(max_examples=60)
@given(days(), rulebooks(), st.integers(0, 4))
def test_no_order_meets_the_pool_in_its_own_slot_or_after_its_end(
    day: tuple[Rows, Rows], rules: Rules, seed: int
) -> None:
    rows, signals = day
    venue = Clockwork(rules, moody(seed)).walk(rows, signals)
    ends = {int(order["order"]): order for order in venue.orders}
    for fill in venue.fills:
        order = ends[int(fill["order"])]
        assert fill["slot"] >= order["slot"] + rules.latency_slots == order["land_slot"]
        assert fill["slot"] < min(order["cancel_slot"], order["expiry_slot"])
        assert fill["seq"] >= order["seq"]
        assert fill["amount_in"] == order["amount_in"]
        assert fill["amount_out"] >= order["min_out"]
        assert (fill["price"] - order["limit"]) * order["side"] <= order["limit"] * 1e-6


# Scenarios: one pool, SOL, in whose bin 0 one X costs about 137 Y. Limits far below or above the market wait.


SHARED = Rules(shares=(0.5, 0.5))


def price_at(bins: int) -> float:
    return bin_price(0, -996 + bins)


def above(bins: int) -> float:
    """A limit at which a buy fills once the pool is in this bin."""
    return price_at(bins) * (1.0 + 1e-6) / (1.0 - base_fee(0))


def below(bins: int) -> float:
    """A limit at which a sell fills once the pool is in this bin."""
    return price_at(bins) * (1.0 - 1e-6) * (1.0 - base_fee(0))


def status(venue: Clockwork, order: int) -> str:
    return STATUSES[venue.ended(order)["status"]] if order not in venue.open["order"] else "open"


@pytest.mark.parametrize("latency", [1, 3])
@pytest.mark.parametrize("kind", [QUOTE, TAKE])
def test_an_order_lands_after_its_latency_and_not_before(kind: int, latency: int) -> None:
    rows = path([0, 0, 0, 0, 0, 0])
    venue = Clockwork(Rules(latency_slots=latency)).walk(rows, signal(rows[0], kind, bid=above(0)))
    assert venue.fills["slot"].tolist() == [1_000 + latency]
    assert venue.ended(1)["land_slot"] == 1_000 + latency


def test_more_rows_of_the_same_slot_do_not_let_an_order_land() -> None:
    rows = path([0, -5, -9, 0], slots=0)
    venue = Clockwork().walk(rows, signal(rows[0], bid=above(0)))
    assert len(venue.fills) == 0
    assert len(venue.open) == 1


def test_what_lands_when_a_slot_begins_meets_the_pool_as_the_last_slot_left_it() -> None:
    rows = path([0, 0, 7])
    venue = Clockwork().walk(rows, signal(rows[0], TAKE, bid=above(0)))
    (fill,) = venue.fills
    assert (fill["slot"], fill["seq"], fill["fair"]) == (1_001, 0, price_at(0))


def test_a_slot_that_was_skipped_lands_at_the_next_one_there_is() -> None:
    rows = path([0, 0], slots=50)
    venue = Clockwork(Rules(latency_slots=3)).walk(rows, signal(rows[0], bid=above(0)))
    assert venue.fills["slot"].tolist() == [1_050]


def test_a_resting_order_waits_for_its_price_and_fills_in_the_row_that_brings_it() -> None:
    rows = path([0, -1, -4, -5, -6])
    venue = Clockwork().walk(rows, signal(rows[0], bid=above(-5)))
    (fill,) = venue.fills
    assert (fill["seq"], fill["slot"], fill["fair"]) == (3, 1_003, price_at(-5))
    assert venue.asked == [(1, 3)]


def test_a_resting_order_whose_price_is_never_reached_is_never_tried() -> None:
    rows = path([0, -1, -4, -1, 3])
    venue = Clockwork().walk(rows, signal(rows[0], bid=above(-5), ask=below(5)))
    assert venue.asked == []
    assert len(venue.open) == 2


def test_the_base_fee_counts_towards_the_limit() -> None:
    rows = path([0, 0, 0])
    limits = signal(rows[0], bid=price_at(0) * (1.0 + 0.9 * base_fee(0)))
    assert Clockwork().walk(rows, limits).asked == []


def test_an_attempt_that_fell_short_is_made_again_in_a_new_slot_or_a_new_bin() -> None:
    rows = market([(0, 1, bins, 1_000) for bins in (0, -5)] + [(0, 0, bins, 1_000) for bins in (-5, -6, -6, -5, 0)])
    rows = join([rows, market([(0, 1, 0, 1_000), (0, 0, -5, 1_000)], first_seq=7, first_slot=1_002)])
    venue = Clockwork(answer=never).walk(rows, signal(rows[0], bid=above(-5)))
    assert venue.asked == [(1, 1), (1, 3), (1, 5), (1, 8)]
    assert status(venue, 1) == "open"


def test_an_immediate_order_is_tried_once_and_fails() -> None:
    rows = path([0, 0, 0])
    venue = Clockwork(answer=never).walk(rows, signal(rows[0], TAKE, bid=above(0)))
    assert venue.asked == [(1, 0)]
    assert (status(venue, 1), venue.ended(1)["end_slot"]) == ("failed", 1_001)
    assert venue.books[0]["reserved_quote"] == 0


def test_an_immediate_order_fails_once_the_price_slipped_beyond_its_tolerance() -> None:
    for bins, expected in ((1, "filled"), (3, "failed")):
        rows = path([0, bins, bins])
        rows["slot"] = 1_000, 1_000, 1_001
        venue = Clockwork(Rules(slippage=0.005)).walk(rows, signal(rows[0], TAKE, bid=price_at(0), bid_size=1.0))
        assert status(venue, 1) == expected


def test_an_order_expires_so_many_slots_after_it_landed() -> None:
    rows = path([0] * 8 + [-5])
    venue = Clockwork(Rules(latency_slots=2)).walk(rows, signal(rows[0], bid=above(-5), expiry_slots=4))
    assert (status(venue, 1), venue.ended(1)["end_slot"]) == ("expired", 1_006)
    assert venue.books[0]["reserved_quote"] == 0


def test_an_order_may_fill_in_the_last_slot_before_it_expires() -> None:
    rows = path([0] * 6 + [-5, -5])
    venue = Clockwork(Rules(latency_slots=2)).walk(rows, signal(rows[0], bid=above(-5), expiry_slots=5))
    assert (status(venue, 1), venue.ended(1)["end_slot"]) == ("filled", 1_006)


@pytest.mark.parametrize(("bins", "expected"), [([0, 0, 0, -5], "cancelled"), ([0, 0, -5, -5], "filled")])
def test_in_the_slot_where_a_cancel_lands_it_beats_the_fill(bins: list[int], expected: str) -> None:
    rows = path(bins)
    venue = Clockwork().walk(rows, signal(rows[0], bid=above(-5)), signal(rows[2], CANCEL))
    # The cancel of slot 1002 lands in 1003; a price that comes in 1002 still meets the order.
    assert status(venue, 1) == expected
    assert venue.books[0]["reserved_quote"] == 0


def test_a_quote_replaces_the_last_one_of_its_strategy_in_its_pool_only() -> None:
    rows = market([(0, 1, 0, 9), (1, 0, 0, 9), (0, 1, 0, 9), (0, 1, 0, 9)])
    first = [signal(rows[0], bid=above(-9)), signal(rows[0], bid=above(-9), strategy=1), signal(rows[1], bid=0.3)]
    venue = Clockwork(SHARED).walk(rows, *first, signal(rows[2], bid=above(-8)))
    assert [status(venue, order) for order in (1, 2, 3, 4)] == ["cancelled", "open", "open", "open"]


def test_a_quote_leaves_swaps_that_are_under_way_alone() -> None:
    rows = path([0, 0, 0])
    venue = Clockwork(Rules(latency_slots=2)).walk(
        rows, signal(rows[0], TAKE, bid=price_at(0)), signal(rows[0], bid=above(-9))
    )
    assert status(venue, 1) == "filled"


def test_a_quote_replaced_before_it_landed_never_rests() -> None:
    rows = market([(0, 1, 0, 9), (0, 0, 0, 9), (0, 1, -9, 9)])
    venue = Clockwork().walk(rows, signal(rows[0], bid=above(-5)), signal(rows[1], bid=above(-20)))
    assert (status(venue, 1), venue.ended(1)["end_slot"]) == ("cancelled", 1_002)
    assert status(venue, 2) == "open"


def test_orders_of_one_pool_fill_in_the_order_of_their_ids() -> None:
    rows = path([0, -9, 0])
    venue = Clockwork(SHARED).walk(
        rows, *[signal(rows[0], bid=above(bins), strategy=number) for number, bins in enumerate((-6, -5))]
    )
    assert venue.asked == [(1, 1), (2, 1)]


def test_money_is_laid_out_at_the_first_row_and_none_of_it_is_lost() -> None:
    venue = Clockwork(Rules(capital=100_000.0, inventory_target=0.3))
    rows = path([0])
    venue.walk(rows)
    book = venue.books[0]
    assert book["base"] == math.floor(15_000.0 / price_at(0) / UNIT_X[0])
    assert book["base"] * UNIT_X[0] * price_at(0) + book["quote"] * UNIT_Y[0] == pytest.approx(50_000.0, abs=2e-6)


def test_a_round_trip_in_a_flat_market_costs_its_fees() -> None:
    rows = path([0, 0, 0, 0])
    # Limits generous enough that only the pool's own price and fee decide what is paid.
    bid = signal(rows[0], TAKE, bid=price_at(0) * 1.01, bid_size=10.0)
    ask = signal(rows[1], TAKE, ask=price_at(0) * 0.99, ask_size=10.0)
    venue = Clockwork().walk(rows, bid, ask)
    assert [status(venue, order) for order in (1, 2)] == ["filled", "filled"]
    equity = sum(
        float(book["base"] * UNIT_X[i] * book["price"] + book["quote"] * UNIT_Y[i])
        for i, book in enumerate(venue.books)
        if book["is_open"]
    )
    assert equity - 50_000.0 == pytest.approx(-float(venue.books[0]["fees"]), rel=1e-6)
    assert venue.books[0]["fees"] == pytest.approx(venue.fills["fee"].sum())
    assert (venue["wins"], venue["losses"]) == (0, 1)
