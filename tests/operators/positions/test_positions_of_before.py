"""What stood in bins before a run is capital that it began with, and no income of its."""

import numpy as np
import pytest
from msgspec.structs import replace

from dlmm.liquidity import LiquidityChange, LiquidityState
from dlmm.meteora.instructions.liquidity import BinShare
from dlmm.meteora.layout import PROGRAM
from dlmm.records import Account
from operators.books.accounts import NOBODY, open_accounts
from operators.books.ledger import open_books
from operators.books.tables import Tables
from operators.orders.execution_reports import PositionState, TokenChange, WalletReport
from operators.orders.settlement import Settlement
from operators.positions.bin_positions import BinPositions
from operators.strategies.interface import PlannedStrategy, Policy
from operators.strategies.swap_quotes import SwapQuotes
from tests.dlmm.meteora.test_liquidity import deposit, quiet, scene
from tests.operators.markets import SOL

ADDRESS = "11111111111111111111111111111111"
POOLS = (replace(SOL, pool=ADDRESS, mint_x="X", mint_y="Y"),)
RAW = 10**9
PRICE = 150.0
WORTH = RAW * 10.0**-SOL.decimals_x * PRICE + RAW * 10.0**-SOL.decimals_y


@pytest.fixture
def held() -> LiquidityState:
    change = deposit(scene(quiet()), BinShare(0, 10_000, 10_000), amount=RAW)
    assert isinstance(change, LiquidityChange)
    return change.after


@pytest.mark.parametrize(
    ("number", "opened_by", "owner"), [(0, "", NOBODY), (7, "market_making", 0), (7, "no_more", NOBODY)]
)
def test_it_counts_as_capital_once_the_pool_and_all_of_its_bins_were_seen(
    number: int, opened_by: str, owner: int, held: LiquidityState
) -> None:
    strategies = (PlannedStrategy(SwapQuotes(), frozenset({0}), Policy()),)
    tables = Tables(open_books(POOLS, {0: 0.5}, 1.0), open_accounts(strategies, POOLS))
    settlement = Settlement(POOLS, (0,), ("market_making",), BinPositions(POOLS))
    position = PositionState(number, ADDRESS, "position", 0, 0, held.position, opened_by)
    tokens = (TokenChange("X", 0), TokenChange("Y", 0))
    settlement.book(WalletReport("opening", "wallet", 1, 0, tokens, (position,), 1), tables)
    book, began = tables.books[0], float(tables.ledger["start"][0])
    account, others = tables.accounts[owner, 0], tables.accounts[NOBODY if owner == 0 else 0, 0]
    account_began = float(account["start"])
    book["is_open"], book["price"] = 1, PRICE

    pool = {ADDRESS: Account(PROGRAM, held.pair)}
    bins = {str(index): Account(PROGRAM, data) for index, data in held.bin_arrays.items()}
    for seen in ({}, bins, pool, pool | bins, pool | bins):  # of a pool the bins are told first, and far ones late
        assert settlement.revalue(0, seen, tables) == ""
        assert book["realised"] == 0.0
        is_whole = len(seen) > 1
        assert (book["position_x"], book["position_y"]) == ((RAW, RAW) if is_whole else (0, 0))
        assert (account["position_x"], account["position_y"]) == ((RAW, RAW) if is_whole else (0, 0))
        assert (others["position_x"], others["position_y"]) == (0, 0)
        assert tables.ledger["start"][0] - began == pytest.approx(WORTH if is_whole else 0.0)
        assert account["start"] - account_began == pytest.approx(WORTH if is_whole else 0.0)
    assert np.all(tables.accounts["realised"] == 0.0)


def test_of_several_the_newest_is_the_strategys_again_and_the_others_are_nobodys(held: LiquidityState) -> None:
    strategies = (
        PlannedStrategy(SwapQuotes(), frozenset({0}), Policy()),
        PlannedStrategy(SwapQuotes(name="elsewhere"), frozenset(), Policy()),
    )
    tables = Tables(open_books(POOLS, {0: 0.5}, 1.0), open_accounts(strategies, POOLS))
    positions = BinPositions(POOLS)
    settlement = Settlement(POOLS, (0,), ("market_making", "elsewhere"), positions)
    tokens = (TokenChange("X", 0), TokenChange("Y", 0))
    opened = [(3, "market_making"), (9, "market_making"), (9, "market_making"), (12, "elsewhere"), (0, "")]
    states = tuple(
        PositionState(number, ADDRESS, f"position {place}", place, place, held.position, name)
        for place, (number, name) in enumerate(opened)
    )
    settlement.book(WalletReport("opening", "wallet", 1, 0, tokens, states, 13), tables)
    assert {held.state.address: held.strategy for held in positions.in_pool(0)} == {
        "position 0": NOBODY,
        "position 1": 0,
        "position 2": 0,  # a wide one is several on chain
        "position 3": NOBODY,  # which does not trade in this pool any more
        "position 4": NOBODY,
    }
    assert positions.newest_range(0, 0) == (9, 1, 2)
