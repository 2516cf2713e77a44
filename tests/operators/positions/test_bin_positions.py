"""What stands in bins is valued by bins that are as new as the position, or not at all."""

import numpy as np
import pytest
from msgspec.structs import replace

from dlmm.errors import DlmmError
from dlmm.liquidity import Amounts, LiquidityChange, LiquidityState
from dlmm.meteora.instructions.liquidity import BinShare
from dlmm.meteora.layout import BIN_ARRAY, POSITION, PROGRAM
from dlmm.records import Account
from operators.orders.execution_reports import PositionState
from operators.positions.bin_positions import BinPositions
from tests.dlmm.meteora.test_liquidity import deposit, quiet, scene
from tests.operators.markets import SOL

POOL = "11111111111111111111111111111111"
ADDRESS = "position"


def value(state: LiquidityState) -> Amounts:
    positions = BinPositions((replace(SOL, pool=POOL),))
    positions.take((PositionState(1, POOL, ADDRESS, 0, 0, state.position),), 0)
    accounts = {str(index): data for index, data in state.bin_arrays.items()} | {POOL: state.pair}
    return positions.value(0, {address: Account(PROGRAM, data) for address, data in accounts.items()})


@pytest.fixture
def held() -> LiquidityState:
    change = deposit(scene(quiet()), BinShare(0, 10_000, 10_000), amount=10**9)
    assert isinstance(change, LiquidityChange)
    return change.after


def looked_after(state: LiquidityState, fees: int) -> LiquidityState:
    """Have a position look at a bin of a later state, in which each whole share had earned so much."""
    position = np.frombuffer(state.position, POSITION).copy()
    position["fees"]["y_complete_high"] = fees
    return replace(state, position=position.tobytes())


def test_a_position_is_worth_what_its_bins_hold(held: LiquidityState) -> None:
    assert value(held) == Amounts(10**9, 10**9)


@pytest.mark.parametrize("fees", [1, 5, 10**6])
def test_a_position_that_is_newer_than_its_bins_is_not_valued(held: LiquidityState, fees: int) -> None:
    with pytest.raises(DlmmError, match="bins"):
        value(looked_after(held, fees))
    array = np.frombuffer(held.bin_arrays[0], BIN_ARRAY).copy()
    array["bins"]["fee_y_high"] = fees
    assert value(replace(looked_after(held, fees), bin_arrays={0: array.tobytes()})) == Amounts(10**9, 10**9)
