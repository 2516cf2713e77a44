"""What feeds say becomes rows once and in order, however often, late and shuffled they say it."""

import itertools
import math
from collections.abc import Sequence

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from connectors.execution.building.steps import BuildError
from connectors.feeds.outlet import Outlet
from connectors.inboxes.intake import Intake
from connectors.wire.events import AccountUpdate, Event, PriceUpdate, SlotUpdate, SwapVolume
from flows.plan import plan
from flows.planted import planted_pools
from flows.settings.load import load_settings
from operators.blocks import MARKET, REPORT, STATE, TICK, AccountWrite, Block, Rows
from operators.desk import Desk
from operators.orders.execution_reports import (
    REPORT_OWNER,
    ExecutionReport,
    OperatorCommand,
    PositionState,
    decode_report,
)
from operators.portfolio import Portfolio
from tests.live_market import ARRAYS_AROUND, FIRST_SLOT, swaps

POOLS = planted_pools(FIRST_SLOT, ARRAYS_AROUND)[:1]
CLEAN = list(swaps(POOLS, 14, seed=7, worth=60_000.0))
ADDRESS = POOLS[0].info.pool
FEEDS = ("first", "second", "third", "fourth")
PLAN = plan(load_settings({"HFT__RISK_LIMITS__MAX_DRAWDOWN": "0.1"}), tuple(pool.info for pool in POOLS))
NOW_NS = 1_750_000_000_000_000_000


class Bench:
    """An intake with outlets that a test fills by hand."""

    def __init__(self, pools: Sequence[object] = POOLS, feeds: Sequence[str] = FEEDS) -> None:
        self.outlets = [Outlet(name) for name in feeds]
        self.intake = Intake(pools, self.outlets, ARRAYS_AROUND)  # type: ignore[arg-type]  # a test's own pools
        self.rows: list[Rows] = []
        self.writes: list[AccountWrite] = []

    def loaded(self) -> "Bench":
        """Begin as a run does, with the accounts that were loaded."""
        rows, writes = self.intake.first(NOW_NS)
        self.rows.append(rows)
        self.writes += writes
        return self

    def turn(self, *said: tuple[int, Event]) -> Rows:
        for feed, event in said:
            self.outlets[feed].put(event)
        brought = self.intake.collect(NOW_NS)
        self.intake.follow()
        if brought is None:
            return np.zeros(0, np.dtype([("kind", "i1")]))
        self.rows.append(brought[0])
        self.writes += brought[1]
        return brought[0]

    def said(self) -> list[tuple[object, ...]]:
        """All that rows say of the market: not which feed brought them, nor when."""
        fields = ["slot", "write_order", "price", "liquidity", "active_id", "pool", "kind", "account"]
        rows = np.concatenate(self.rows)
        data = {write.seq: (write.address, write.data) for write in self.writes}
        return [(*_comparable(row[fields].item()), hash(data.get(int(row["seq"])))) for row in rows]

    def decided(self) -> tuple[list[object], list[object]]:
        """Orders and fills of the default strategies, without the numbers of the rows that caused them."""
        desk, portfolio = Desk(0, PLAN.desk), Portfolio(PLAN.portfolio)
        orders, fills = [], []
        for number, rows in enumerate(self.rows):
            writes = tuple(write for write in self.writes if write.seq in rows["seq"])
            is_last = number + 1 == len(self.rows)
            block = Block(0, number, 1, is_last, rows.copy(), writes)
            for report in portfolio.take(desk.walk(block)):
                orders += _without_seq(report.orders)
                fills += _without_seq(report.fills)
        return orders, fills


def _without_seq(rows: Rows) -> list[object]:
    kept = [name for name in rows.dtype.names or () if "seq" not in name and "_ns" not in name]
    return [_comparable(row) for row in rows[kept].tolist()]


def _comparable(values: tuple[float, ...]) -> list[float | None]:
    return [None if math.isnan(value) else value for value in values]


def clean() -> Bench:
    bench = Bench().loaded()
    for group in CLEAN:
        bench.turn(*((0, event) for event in group))
    return bench


EXPECTED = clean().said()
DECIDED = clean().decided()


def test_a_clean_feed_causes_orders_and_fills() -> None:
    orders, fills = DECIDED
    assert len(orders) > len(CLEAN)
    assert fills


def test_a_clean_feed_gives_a_tick_a_slot_and_a_price_a_swap() -> None:
    kinds = [row[6] for row in EXPECTED]
    assert kinds.count(TICK) == len(CLEAN)
    loaded = len(POOLS[0].accounts)
    assert kinds.count(MARKET) == 1 + sum(1 for group in CLEAN for event in group if _is_pair(event))
    assert kinds.count(STATE) == loaded - 1 + sum(1 for group in CLEAN for event in group if _is_array(event))


def _is_pair(event: Event) -> bool:
    return isinstance(event, AccountUpdate) and event.address == ADDRESS


def _is_array(event: Event) -> bool:
    return isinstance(event, AccountUpdate) and event.address != ADDRESS


EVERY = [event for group in CLEAN for event in group]
ENDS = list(itertools.accumulate(len(group) for group in CLEAN))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_four_feeds_of_duplicate_late_and_shuffled_updates_give_the_rows_of_a_clean_one(data: st.DataObject) -> None:
    bench = Bench().loaded()
    for group, end in zip(CLEAN, ENDS, strict=True):
        clean_ones = [(0, place) for place in range(end - len(group), end)]
        echoes = data.draw(st.lists(st.tuples(st.integers(1, 3), st.integers(0, end - 1)), max_size=8))
        said = data.draw(st.permutations([*clean_ones, *echoes]))
        bench.turn(*((feed, EVERY[place]) for feed, place in said))
    assert bench.said() == EXPECTED
    assert bench.decided() == DECIDED


@settings(max_examples=40, deadline=None)
@given(st.permutations(list(itertools.product(range(4), range(len(EVERY))))), st.integers(1, 20))
def test_a_feed_that_is_ahead_never_takes_the_others_back(said: list[tuple[int, int]], at_once: int) -> None:
    bench = Bench().loaded()
    for start in range(0, len(said), at_once):
        bench.turn(*((feed, EVERY[place]) for feed, place in said[start : start + at_once]))
    rows = np.concatenate(bench.rows)
    for account in np.unique(rows["account"]):
        slots = rows["slot"][(rows["account"] == account) & (rows["kind"] != TICK)]
        assert (np.diff(slots) >= 0).all()
    last = {write.address: hash(write.data) for write in bench.writes}
    assert last == {write.address: hash(write.data) for write in clean().writes}


def test_what_came_together_is_sorted_by_slot_bins_before_the_price() -> None:
    bench = Bench()
    rows = bench.turn(*((0, event) for event in reversed([*CLEAN[0], *CLEAN[1]])))
    rank = {TICK: 0, STATE: 1, MARKET: 2}
    places = [(slot, rank[kind]) for slot, kind in zip(rows["slot"].tolist(), rows["kind"].tolist(), strict=True)]
    assert places == sorted(places)
    assert rows["seq"].tolist() == list(range(1, len(rows) + 1))


@pytest.mark.parametrize("is_at_once", [False, True])
def test_the_end_of_a_slot_is_stale_after_what_was_read_from_the_next_block(is_at_once: bool) -> None:
    bench = Bench()
    ended, later = CLEAN[0][-1], CLEAN[1][-1]
    assert isinstance(ended, AccountUpdate)
    assert isinstance(later, AccountUpdate)
    said = [(0, replace(later, slot=ended.slot, is_later=True)), (1, ended)]
    for together in [said] if is_at_once else [[one] for one in said]:
        bench.turn(*together)
    assert hash(bench.writes[-1].data) == hash(later.data.encode("latin-1"))
    bench.turn((1, replace(ended, slot=later.slot)))  # the end of that block, in which the account came back
    assert hash(bench.writes[-1].data) == hash(ended.data.encode("latin-1"))


def test_drops_are_counted_by_feed_and_cause() -> None:
    bench = Bench()
    first, second = CLEAN[0][-1], CLEAN[1][-1]
    bench.turn((0, second))
    bench.turn((1, second), (2, first))
    assert bench.intake.dropped == {("second", "duplicate"): 1, ("third", "stale"): 1}


def test_an_account_that_changed_owner_shrank_or_closed_is_refused_and_the_rest_goes_on() -> None:
    bench = Bench()
    good = CLEAN[0][-1]
    assert isinstance(good, AccountUpdate)
    bench.turn((0, replace(good, owner="11111111111111111111111111111111")))
    bench.turn((0, replace(good, data=good.data[:-1])))
    bench.turn((0, replace(good, data="", owner="11111111111111111111111111111111")))
    bench.turn((0, replace(good, data="x", encoding="base64")))
    causes = {cause: count for (_, cause), count in bench.intake.dropped.items()}
    assert causes == {"foreign_owner": 1, "malformed_account": 1, "account_closed": 1, "account_garbled": 1}
    assert bench.turn((0, good))["kind"].tolist() == [MARKET]


def test_an_account_that_nobody_asked_for_is_dropped() -> None:
    bench = Bench()
    good = CLEAN[0][-1]
    assert isinstance(good, AccountUpdate)
    bench.turn((0, replace(good, address="SysvarC1ock11111111111111111111111111111111")))
    assert bench.intake.dropped == {("first", "not_followed"): 1}


def test_a_third_partys_price_counts_only_once_the_accounts_fall_silent() -> None:
    bench = Bench()
    price = PriceUpdate(ADDRESS, 151.0, 1e6, 1e9)
    bench.turn((0, SlotUpdate(FIRST_SLOT + 1)), (3, price))
    assert bench.intake.dropped == {("fourth", "superseded"): 1}
    rows = bench.turn((0, SlotUpdate(FIRST_SLOT + 50)))
    rows = bench.turn((3, price))
    assert rows["price"].tolist() == [151.0]
    assert rows["account"].tolist() == [0]
    pair = CLEAN[0][-1]
    assert isinstance(pair, AccountUpdate)
    assert bench.turn((0, replace(pair, slot=FIRST_SLOT + 50)))["kind"].tolist() == [MARKET]
    bench.turn((3, price))
    assert bench.intake.dropped[("fourth", "superseded")] == 2


@pytest.mark.parametrize("price", [5e-324, 1e300])
def test_a_price_beyond_every_bin_is_dropped(price: float) -> None:
    bench = Bench()
    bench.turn((0, SlotUpdate(FIRST_SLOT + 50)))
    bench.turn((3, PriceUpdate(ADDRESS, price, 1.0, 1.0)))
    assert bench.intake.dropped == {("fourth", "price_out_of_range"): 1}


def test_a_swap_that_two_feeds_tell_of_counts_once_towards_the_next_price() -> None:
    bench = Bench()
    swap = SwapVolume(ADDRESS, FIRST_SLOT + 1, "signature", 10**9, 150_000_000)
    rows = bench.turn((0, swap), (1, swap), (0, CLEAN[0][-1]))
    assert rows["volume"].tolist() == [150.0]
    assert bench.turn((0, CLEAN[1][-1]))["volume"].tolist() == [0.0]


def test_ticks_go_on_by_the_clock_when_no_feed_tells_of_slots() -> None:
    bench = Bench()
    bench.turn((0, SlotUpdate(FIRST_SLOT + 1)))
    heard_ns = bench.outlets[0].last_event_ns
    assert bench.intake.collect(heard_ns + 1_000_000_000) is None
    brought = bench.intake.collect(heard_ns + 4_000_000_000)
    assert brought is not None
    assert brought[0]["slot"].tolist() == [FIRST_SLOT + 11]
    assert bench.turn((0, SlotUpdate(FIRST_SLOT + 5))).tolist() == []  # the cluster has to catch up first
    assert bench.turn((0, SlotUpdate(FIRST_SLOT + 12)))["slot"].tolist() == [FIRST_SLOT + 12]


def test_the_loaded_accounts_come_first_with_the_pools_own_last() -> None:
    bench = Bench()
    rows, writes = bench.intake.first(NOW_NS)
    assert rows["kind"].tolist() == [STATE] * (len(rows) - 1) + [MARKET]
    assert {write.address for write in writes} == set(POOLS[0].accounts)
    assert len(set(rows["account"].tolist())) == len(rows)


def test_the_followed_bins_move_with_the_price() -> None:
    bench = Bench()
    moved = list(swaps(POOLS, 40, seed=3, worth=900_000.0))
    before = bench.intake.wanted[ADDRESS]
    followed = {before}
    for group in moved:
        bench.turn(*((0, event) for event in group))
        followed.add(bench.intake.wanted[ADDRESS])
    assert len(followed) > 1
    assert all(accounts[0] == ADDRESS and len(accounts) == len(before) for accounts in followed)


def test_a_report_becomes_a_row_with_the_report_in_the_place_of_an_accounts_bytes() -> None:
    bench = Bench().loaded()
    told = ExecutionReport(7, 0, "landed", True, slot=3)
    rows = bench.turn((1, told), (0, SlotUpdate(FIRST_SLOT + 1)))
    assert rows["kind"].tolist() == [TICK, REPORT]
    assert (rows["slot"][1], rows["feed"][1]) == (FIRST_SLOT + 1, 2)
    (write,) = [write for write in bench.writes if write.owner == REPORT_OWNER]
    assert (write.seq, decode_report(write.data)) == (rows["seq"][1], told)


def test_reports_from_before_the_feeds_come_before_the_loaded_accounts() -> None:
    bench = Bench()
    rows, writes = bench.intake.first(NOW_NS, (OperatorCommand("stop", "why"), OperatorCommand("clear", "")))
    assert rows["kind"][:3].tolist() == [REPORT, REPORT, STATE]
    assert [write.owner for write in writes[:2]] == [REPORT_OWNER, REPORT_OWNER]
    assert np.all(np.diff(rows["seq"]) == 1)


def test_the_bins_of_a_position_of_ours_are_followed_wherever_the_price_is() -> None:
    bench = Bench().loaded()
    before = bench.intake.wanted[ADDRESS]
    active = bench.intake._by_pool[ADDRESS].active_id
    far = PositionState(1, ADDRESS, "position", active + 1_000, active + 1_060, b"bytes")
    bench.turn((0, ExecutionReport(1, 0, "landed", True, positions=(far,))))
    wanted = bench.intake.wanted[ADDRESS]
    assert set(before) < set(wanted)
    assert len(wanted) - len(before) in (1, 2)
    bench.turn((0, ExecutionReport(2, 0, "landed", True, positions=(msgspec.structs.replace(far, data=b""),))))
    assert bench.intake.wanted[ADDRESS] == before


def test_a_tick_tells_how_long_ago_a_pool_was_heard_of() -> None:
    bench = Bench().loaded()
    loaded_slot = bench.intake.slots.slot
    assert bench.turn((0, SlotUpdate(loaded_slot + 9)))["account"].tolist() == [9]


def test_the_live_view_of_a_pool_is_what_was_seen_last() -> None:
    bench = clean()
    seen = bench.intake.accounts_of(ADDRESS)
    last = {write.address: write.data for write in bench.writes}
    assert all(account.data == last[address] for address, account in seen.accounts.items())
    assert ADDRESS in seen.accounts
    with pytest.raises(BuildError, match="missing_account"):
        bench.intake.accounts_of("another")
