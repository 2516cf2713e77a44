"""A desk takes a pool's rows through every stage, and what the arbiter drops leaves no trace."""

import msgspec
import numpy as np
import pytest

from dlmm.errors import DlmmError
from operators.blocks import STATE, AccountWrite, Block, Rows
from operators.desk import Desk, DeskParams
from operators.market.volatility import VolatilityParams
from operators.strategies.interface import PlannedStrategy, Policy
from operators.strategies.swap_quotes import SwapQuotes
from tests.operators.markets import POOLS, path
from tests.operators.strategies.test_runner import EveryThird

PARAMS = DeskParams(
    pools=POOLS,
    volatility=VolatilityParams(min_samples=3),
    strategies=(
        PlannedStrategy(SwapQuotes(order_expiry_slots=3), frozenset({0}), Policy()),
        PlannedStrategy(EveryThird(), frozenset({0, 1}), Policy()),
    ),
    default_liquidity=7.0,
)


def block(rows: Rows, pool: int = 0, writes: tuple[AccountWrite, ...] = ()) -> Block:
    return Block(pool=pool, slice_no=4, slice_blocks=1, is_last=False, rows=rows.copy(), writes=writes)


def test_rows_leave_complete_measured_and_with_signals() -> None:
    rows = path([0, 1, 2, 3, 4, 5])
    rows["liquidity"] = np.nan
    out = Desk(0, PARAMS).walk(block(rows))
    assert out.rows["liquidity"].tolist() == [7.0] * 6
    assert out.rows["volatility"][0] == 0.02
    assert (out.rows["volatility"][3:] < 1e-6).all()
    assert set(out.signals["strategy"].tolist()) == {0, 1}
    assert out.signals["seq"].tolist() == sorted(out.signals["seq"].tolist())
    assert (out.slice_no, out.slice_blocks, out.is_last, out.pool) == (4, 1, False, 0)


def test_a_strategy_speaks_only_for_its_pools() -> None:
    out = Desk(1, PARAMS).walk(block(path([0, 1, 2], pool=1), pool=1))
    assert set(out.signals["strategy"].tolist()) == {1}
    assert set(out.signals["pool"].tolist()) == {1}


def test_rows_that_the_arbiter_drops_are_counted_and_cause_nothing() -> None:
    clean = path([0, 1, 2, 3, 4])
    noisy = np.concatenate([clean[:3], clean[1:2], clean[:1], clean[3:]])
    noisy["seq"] = np.arange(len(noisy))
    out, expected = Desk(0, PARAMS).walk(block(noisy)), Desk(0, PARAMS).walk(block(clean))
    assert out.dropped == (2, 0, 0)
    assert out.rows["volatility"].tolist() == expected.rows["volatility"].tolist()
    for field in ("bid", "ask", "strategy"):
        np.testing.assert_array_equal(out.signals[field], expected.signals[field])


def test_account_bytes_of_a_dropped_row_are_dropped_with_it() -> None:
    rows = path([0, 1, 2, 3])
    rows["slot"][2] = rows["slot"][0]  # late: its bytes are older than those of the row before
    rows["account"] = 1
    writes = tuple(AccountWrite(int(seq), "account", "owner", bytes([seq])) for seq in rows["seq"])
    out = Desk(0, PARAMS).walk(block(rows, writes=writes))
    assert out.dropped == (1, 0, 0)
    assert [write.seq for write in out.writes] == [0, 1, 3]


def test_a_write_that_sets_no_price_reaches_the_portfolio_and_no_strategy() -> None:
    clean = path([0, 1, 2, 3])
    rows = np.repeat(clean, 2)
    rows["seq"] = np.arange(len(rows))
    rows["kind"][1::2] = STATE
    rows["account"][1::2] = 2
    writes = tuple(AccountWrite(int(seq), "bins", "owner", bytes([seq])) for seq in rows["seq"][1::2])
    out, expected = Desk(0, PARAMS).walk(block(rows, writes=writes)), Desk(0, PARAMS).walk(block(clean))
    assert len(out.rows) == len(rows)
    assert out.writes == writes
    assert out.signals["seq"].tolist() == (2 * expected.signals["seq"]).tolist()
    for field in ("bid", "ask", "strategy"):
        np.testing.assert_array_equal(out.signals[field], expected.signals[field])


def test_a_snapshot_of_another_version_is_refused() -> None:
    desk = Desk(0, PARAMS)
    with pytest.raises(DlmmError, match="version 99"):
        desk.restore(msgspec.structs.replace(desk.snapshot(), version=99))


def test_a_snapshot_made_with_other_strategies_is_refused() -> None:
    state = Desk(0, PARAMS).snapshot()
    fewer = msgspec.structs.replace(PARAMS, strategies=PARAMS.strategies[:1])
    with pytest.raises(DlmmError, match="other settings"):
        Desk(0, fewer).restore(state)
