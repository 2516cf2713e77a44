"""The data check refuses impossible and disordered rows, notes gaps and jumps, and does so however the rows come."""

import math
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.recordings.inspection import Finding, Inspector
from connectors.recordings.schema import ACCOUNT_COLUMNS, OPTIONAL_COLUMNS, REQUIRED_COLUMNS
from dlmm.errors import DlmmError
from operators.blocks import TICK, Rows
from operators.inspection import KINDS, MISSING_I32, MISSING_I64
from operators.market.arbitrate import Arbiter
from operators.pools import PoolInfo
from tests.connectors.good_recordings import POOLS, good_rows
from tests.shared import ROOT


def found(rows: Rows, **options: Any) -> tuple[list[int], dict[str, Finding]]:
    """What the check says: indices of refused rows, and the findings by kind."""
    inspector = Inspector(POOLS, **options)
    is_good = inspector.check(rows)
    return np.flatnonzero(~is_good).tolist(), {finding.kind: finding for finding in inspector.findings}


def test_a_good_stream_passes_without_a_word() -> None:
    assert found(good_rows(500)) == ([], {})


@pytest.mark.parametrize(
    ("field", "value", "kind", "worst"),
    [
        ("price", math.nan, "price_not_positive", None),
        ("price", math.inf, "price_not_positive", None),
        ("price", 0.0, "price_not_positive", 0.0),
        ("price", -3.0, "price_not_positive", 3.0),
        ("liquidity", -2.0, "negative_liquidity", 2.0),
        ("liquidity", math.inf, "negative_liquidity", None),
        ("volume", -1.0, "negative_volume", 1.0),
        ("active_id", 1 << 30, "active_id_out_of_range", float(1 << 30)),
        ("active_id", MISSING_I32, "missing_value", None),
        ("slot", MISSING_I64, "missing_value", None),
        ("seq", MISSING_I64, "missing_value", None),
        ("ts_event_ns", MISSING_I64, "missing_value", None),
        ("account", -1, "missing_value", None),
        ("pool", -1, "unknown_pool", None),
        ("pool", 2, "unknown_pool", None),
        ("seq", 7, "seq_not_increasing", 2.0),
        ("slot", 1, "time_backwards", 1_004.0 - 1.0),
    ],
)
def test_an_impossible_row_is_refused_under_its_name(field: str, value: float, kind: str, worst: float | None) -> None:
    rows = good_rows(20)
    rows[10][field] = value
    refused, findings = found(rows)
    assert refused == [10]
    assert list(findings) == [kind]
    finding = findings[kind]
    assert (finding.is_refused, finding.count, finding.first_seq) == (True, 1, rows[10]["seq"])
    assert finding.worst == worst


def test_a_saros_id_counts_from_its_own_origin() -> None:
    rows = good_rows(20)
    rows[11]["active_id"] = 0
    assert found(rows)[0] == [11]


def test_unknown_numbers_are_no_fault() -> None:
    rows = good_rows(20)
    rows["liquidity"] = math.nan
    rows["volume"] = math.nan
    assert found(rows) == ([], {})


def test_a_row_that_comes_again_is_a_duplicate() -> None:
    rows = np.concatenate([good_rows(10), good_rows(2, 8)])
    rows["seq"] = np.arange(12)
    refused, findings = found(rows)
    assert refused == [10, 11]
    assert findings["duplicate"].count == 2


def test_a_lower_write_order_in_the_same_slot_is_disorder() -> None:
    rows = good_rows(4)[::2].copy()
    rows["slot"] = 7
    rows["write_order"] = [5, 4]
    refused, findings = found(rows)
    assert (refused, list(findings)) == ([1], ["time_backwards"])


def test_the_order_of_another_feed_is_left_to_the_arbiter() -> None:
    rows = np.concatenate([good_rows(10), good_rows(10)])
    rows["seq"] = np.arange(20)
    rows["feed"][10:] = 1
    refused, findings = found(rows)
    assert refused == []
    assert set(findings) == {"slot_behind"}


def test_the_order_of_another_account_is_its_own() -> None:
    rows = good_rows(6)[::2].copy()
    rows["slot"] = [9, 8, 9]
    rows["write_order"] = [4, 2, 4]
    rows["account"] = [0, 1, 2]
    assert found(rows)[0] == []


def test_a_clock_set_back_is_refused_once_and_followed() -> None:
    rows = good_rows(20)
    rows["ts_event_ns"][10:] -= 3_600_000_000_000
    refused, findings = found(rows)
    assert refused == [10, 11]
    assert findings["clock_backwards"].worst == pytest.approx(3_599.6)


def test_a_stream_that_runs_backwards_passes_one_row_a_pool() -> None:
    rows = good_rows(20)[::-1].copy()
    rows["seq"] = np.arange(20)
    refused, findings = found(rows)
    assert len(refused) == 18
    assert findings["time_backwards"].count == 18


def test_a_jump_is_noted_and_passes() -> None:
    rows = good_rows(20)
    rows["price"][10:] *= 3.0
    refused, findings = found(rows)
    assert refused == []
    assert findings["price_jump"].count == 2
    assert findings["price_jump"].worst == pytest.approx(3.0, rel=0.01)
    assert findings["price_off_bin"].count == 10
    assert not findings["price_jump"].is_refused


def test_half_a_bin_off_is_still_that_bin() -> None:
    rows = good_rows(20)
    is_sol = rows["pool"] == 0
    step = np.where(is_sol, 1.0004, 1.001)
    rows["price"] *= step**0.499
    assert found(rows) == ([], {})
    rows["price"] *= step**0.002
    assert found(rows)[1]["price_off_bin"].worst == pytest.approx(0.501, abs=1e-6)


def test_a_gap_says_how_long_and_where() -> None:
    rows = good_rows(30)
    rows["ts_event_ns"][10:] += 90_000_000_000
    rows["ts_event_ns"][20:] += 120_000_000_000
    rows["slot"][20:] += 1_000
    refused, findings = found(rows)
    assert refused == []
    gap = findings["time_gap"]
    assert (gap.count, gap.first_seq, gap.worst_seq) == (2, 10, 20)
    assert gap.worst == pytest.approx(120.4)
    assert (findings["slot_gap"].count, findings["slot_gap"].worst) == (1, 1_001.0)
    assert found(rows, gap_s=500.0, gap_slots=5_000) == ([], {})


def test_pools_one_after_the_other_are_noted() -> None:
    rows = good_rows(40)
    rows = np.concatenate([rows[0::2], rows[1::2]])
    rows["seq"] = np.arange(40)
    refused, findings = found(rows)
    assert refused == []
    assert findings["slot_behind"].worst == 19.0


def test_ticks_of_known_pools_pass() -> None:
    rows = good_rows(6)
    rows["kind"][3] = TICK
    rows["price"][3] = np.nan
    assert found(rows) == ([], {})


def test_a_tick_of_an_unknown_pool_is_refused() -> None:
    rows = good_rows(6)
    rows["kind"][3] = TICK
    rows["pool"][3] = -1
    refused, findings = found(rows)
    assert refused == [3]
    assert findings["unknown_pool"].count == 1


def test_counts_of_a_pool_cover_its_good_rows() -> None:
    rows = good_rows(20)
    rows["price"][4] = -1.0
    inspector = Inspector(POOLS)
    inspector.check(rows)
    sol, jup = inspector.pools
    assert (sol.pool, sol.rows, sol.refused) == ("sol", 10, 1)
    assert (jup.rows, jup.refused, jup.first_slot, jup.last_slot) == (10, 0, 1_000, 1_009)
    assert jup.low == rows["price"][1::2].min()
    assert jup.high == rows["price"][1::2].max()
    assert jup.volume == np.nansum(rows["volume"][1::2])
    assert inspector.refused == 1


def spoiled(seed: int) -> Rows:
    """A stream in which every field of some rows is wrong in some way."""
    generator = np.random.default_rng(seed)
    rows = good_rows(120)
    rows["account"] = generator.integers(0, 3, 120)
    rows["feed"] = generator.integers(0, 2, 120)
    bad: dict[str, list[float]] = {
        "seq": [MISSING_I64, 0, 1 << 40],
        "slot": [MISSING_I64, 0, 1_010, 5_000],
        "ts_event_ns": [MISSING_I64, 0, 1 << 61],
        "write_order": [MISSING_I64, 0, 1],
        "price": [math.nan, -1.0, 0.0, math.inf, 1e9],
        "liquidity": [-1.0, math.nan, math.inf],
        "volume": [-1.0, math.nan, math.inf],
        "active_id": [MISSING_I32, 0, 1 << 23, 1 << 30],
        "pool": [-1, 0, 1, 2],
    }
    for field, values in bad.items():
        for index in generator.integers(0, 120, 4):
            rows[field][index] = values[generator.integers(len(values))]
    return rows


@given(seed=st.integers(0, 10_000), cuts=st.lists(st.integers(0, 120), max_size=8), restarts=st.booleans())
@settings(max_examples=60)
def test_how_the_stream_is_cut_does_not_matter(seed: int, cuts: list[int], restarts: bool) -> None:
    rows = spoiled(seed)
    whole = Inspector(POOLS)
    expected = whole.check(rows)
    edges = [0, *sorted(cuts), len(rows)]
    inspector = Inspector(POOLS)
    masks = []
    for start, end in pairwise(edges):
        if restarts:
            state = inspector.snapshot()
            inspector.check(rows[:50])  # the snapshot does not change with what it was taken of
            inspector = Inspector(POOLS)
            inspector.restore(state)
        masks.append(inspector.check(rows[start:end]))
    assert np.concatenate(masks).tobytes() == expected.tobytes()
    assert msgspec.json.encode(inspector.findings) == msgspec.json.encode(whole.findings)
    assert inspector.snapshot() == whole.snapshot()


@given(seed=st.integers(0, 10_000))
@settings(max_examples=60)
def test_what_passes_in_order_is_what_the_arbiter_would_pass_anyway(seed: int) -> None:
    """Refusing disorder at the source must not change what the line behind it sees."""
    rows = spoiled(seed)
    inspector = Inspector(POOLS)
    is_good = inspector.check(rows)
    rows["volatility"] = np.arange(len(rows))  # marks each row through the arbiter's reordering of memory
    disorder = {"time_backwards", "duplicate"}
    for pool in range(2):
        of_pool = rows["pool"] == pool
        checked, _ = Arbiter().pass_on(rows[of_pool & is_good].copy())
        refused_for_order = np.zeros(len(rows), bool)
        for index in np.flatnonzero(~is_good & of_pool):
            again = Inspector(POOLS)
            again.check(rows[:index])
            before = {finding.kind: finding.count for finding in again.findings}
            again.check(rows[index : index + 1])
            grown = {f.kind for f in again.findings if f.count > before.get(f.kind, 0)}
            refused_for_order[index] = bool(grown & disorder)
        unchecked, _ = Arbiter().pass_on(rows[of_pool & (is_good | refused_for_order)].copy())
        assert unchecked["volatility"].tolist() == checked["volatility"].tolist()


def test_a_state_of_other_pools_is_refused() -> None:
    with pytest.raises(DlmmError, match="is not one of 1 pools"):
        Inspector(POOLS[:1]).restore(Inspector(POOLS).snapshot())


def test_every_kind_is_explained() -> None:
    assert all(meaning for _, _, meaning in KINDS.values())


def test_the_documentation_names_every_kind_and_column() -> None:
    text = (ROOT / "docs/recordings.md").read_text()
    for name in (*KINDS, *REQUIRED_COLUMNS, *OPTIONAL_COLUMNS, *ACCOUNT_COLUMNS, *PoolInfo.__struct_fields__):
        assert f"`{name}`" in text
