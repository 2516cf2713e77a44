"""Of all that several feeds say, each state passes once and in order, and what does not pass is counted."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from operators.blocks import ROW, TICK, Rows
from operators.market.arbitrate import CAUSES, MAX_ACCOUNTS, Arbiter
from tests.operators.markets import cut, places


def writes(*marks: tuple[int, int], account: int = 0, feed: int = 0) -> Rows:
    rows = np.zeros(len(marks), ROW)
    rows["seq"] = np.arange(len(marks))
    rows["slot"] = [slot for slot, _ in marks]
    rows["write_order"] = [order for _, order in marks]
    rows["price"] = [slot + order / 100 for slot, order in marks]
    rows["account"], rows["feed"] = account, feed
    return rows


def passed(rows: Rows) -> list[tuple[int, int]]:
    return list(zip(rows["slot"].tolist(), rows["write_order"].tolist(), strict=True))


def test_rows_in_order_all_pass() -> None:
    rows, dropped = Arbiter().pass_on(writes((5, 3), (5, 4), (6, 0), (9, 0)))
    assert passed(rows) == [(5, 3), (5, 4), (6, 0), (9, 0)]
    assert dropped == (0, 0, 0)


def test_each_cause_is_counted_by_itself() -> None:
    rows, dropped = Arbiter().pass_on(writes((5, 3), (4, 9), (5, 3), (5, 3), (5, 2), (5, 1), (5, 0), (3, 0), (5, 4)))
    assert passed(rows) == [(5, 3), (5, 4)]
    assert dict(zip(CAUSES, dropped, strict=True)) == {"stale": 2, "duplicate": 2, "out_of_order": 3}


def test_a_write_that_passed_before_is_stale_once_its_slot_is_over() -> None:
    _, dropped = Arbiter().pass_on(writes((5, 3), (6, 0), (5, 3)))
    assert dropped == (1, 0, 0)


def test_slot_zero_and_negative_write_orders_pass_at_the_start() -> None:
    rows, _ = Arbiter().pass_on(writes((0, -3), (0, 0)))
    assert passed(rows) == [(0, -3), (0, 0)]


def test_the_first_feed_to_bring_a_write_wins() -> None:
    fast, slow = writes((1, 0), (2, 0), feed=1), writes((1, 0), (2, 0), feed=2)
    rows, dropped = Arbiter().pass_on(np.concatenate([fast[:1], slow[:1], slow[1:], fast[1:]]))
    assert rows["feed"].tolist() == [1, 2]
    assert dropped == (0, 2, 0)


def test_accounts_are_kept_apart() -> None:
    rows = np.concatenate([writes((9, 0)), writes((5, 0), account=1), writes((4, 0), account=1), writes((9, 1))])
    kept, dropped = Arbiter().pass_on(rows)
    assert passed(kept) == [(9, 0), (5, 0), (9, 1)]
    assert dropped == (1, 0, 0)


def test_accounts_beyond_the_last_place_share_it() -> None:
    rows = np.concatenate([writes((9, 0), account=MAX_ACCOUNTS - 1), writes((8, 0), account=MAX_ACCOUNTS + 900)])
    assert Arbiter().pass_on(rows)[1] == (1, 0, 0)


def test_a_tick_passes_whatever_its_slot_and_stops_nothing() -> None:
    rows = writes((5, 0), (9, 0), (1, 0), (6, 0))
    rows["kind"][1:3] = TICK
    kept, dropped = Arbiter().pass_on(rows)
    assert passed(kept) == [(5, 0), (9, 0), (1, 0), (6, 0)]
    assert dropped == (0, 0, 0)


@st.composite
def feeds(draw: st.DrawFn) -> tuple[Rows, Rows]:
    """A clean feed of a few accounts, and the same with other feeds' copies of it: late, repeated, in any order."""
    steps = draw(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 3), st.integers(0, 2)), min_size=1, max_size=30))
    slot, order, clean = 10, 0, []
    for slots, orders, account in steps:
        slot, order = slot + slots, order + orders
        clean.append(writes((slot, order), account=account))
    noisy: list[Rows] = []
    copies = draw(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=60))
    for index, row in enumerate(clean):
        noisy.append(row)
        late = [source % (index + 1) for place, source in copies if place % len(clean) == index]
        for copy in late:
            again = clean[copy].copy()
            again["feed"] = 1
            noisy.append(again)
    return np.concatenate(clean), np.concatenate(noisy)


@given(feeds())
def test_late_repeated_and_shuffled_copies_leave_the_clean_feed(made: tuple[Rows, Rows]) -> None:
    clean, noisy = made
    kept, dropped = Arbiter().pass_on(noisy.copy())
    assert kept.tobytes() == clean.tobytes()
    assert sum(dropped) == len(noisy) - len(clean)


@given(feeds(), places())
def test_how_the_feeds_are_cut_changes_neither_rows_nor_counts(made: tuple[Rows, Rows], cuts: list[int]) -> None:
    _, noisy = made
    whole, dropped = Arbiter().pass_on(noisy.copy())
    arbiter = Arbiter()
    parts = [arbiter.pass_on(part) for part in cut(noisy, cuts)]
    assert b"".join(rows.tobytes() for rows, _ in parts) == whole.tobytes()
    assert tuple(np.sum([counts for _, counts in parts], axis=0)) == dropped


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 4), st.integers(0, 1)), max_size=60))
def test_what_passes_is_strictly_newer_and_ends_at_the_newest(marks: list[tuple[int, int, int]]) -> None:
    rows = np.concatenate([writes((slot, order), account=account) for slot, order, account in marks] or [writes()])
    kept, dropped = Arbiter().pass_on(rows.copy())
    assert len(kept) + sum(dropped) == len(rows)
    for account in (0, 1):
        seen = passed(kept[kept["account"] == account])
        assert all(before < after for before, after in itertools.pairwise(seen))
        brought = passed(rows[rows["account"] == account])
        assert seen[-1:] == ([max(brought)] if brought else [])
