"""Deposits into the active bin leave what the program leaves; the rest is held by the life-cycle rows."""

import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from dlmm.errors import AccountError
from dlmm.liquidity import Amounts, LiquidityChange, LiquidityFailure, LiquidityState, PoolTokens
from dlmm.saros.instructions import LiquidityShare
from dlmm.saros.layout import (
    BIN_ARRAY,
    BIN_ARRAY_DISCRIMINATOR,
    MIDDLE_BIN_ID,
    PAIR,
    PAIR_DISCRIMINATOR,
    POSITION,
)
from dlmm.saros.liquidity import (
    close_position,
    create_position,
    decrease_position,
    increase_position,
    position_shares,
    position_value,
)
from dlmm.tokens import Mint

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "saros_deposits.json"
DATA: dict[str, Any] = json.loads(GOLDEN.read_text())
CASES: list[dict[str, Any]] = DATA["cases"]
TOKENS = PoolTokens(Mint("x", 6), Mint("y", 6), 0)
LOW = (1 << 64) - 1


def scene(case: dict[str, Any]) -> LiquidityState:
    active_id = MIDDLE_BIN_ID + case["exponent"]
    pair = np.zeros(1, PAIR)
    pair["discriminator"] = np.frombuffer(PAIR_DISCRIMINATOR, np.uint8)
    for name, value in DATA["pair"].items():
        pair[name] = value
    pair["active_id"], pair["bin_step"] = active_id, 100
    pair["volatility_accumulator"] = case["volatility_accumulator"]
    array = np.zeros(1, BIN_ARRAY)
    array["discriminator"] = np.frombuffer(BIN_ARRAY_DISCRIMINATOR, np.uint8)
    row = array[0]["bins"][active_id % 256]
    row["reserve_x"], row["reserve_y"] = case["reserve_x"], case["reserve_y"]
    row["liquidity_supply_low"], row["liquidity_supply_high"] = case["supply"] & LOW, case["supply"] >> 64
    position = create_position(
        pair_address=bytes(32),
        pair=pair.tobytes(),
        position_mint=bytes(32),
        relative_bin_id_left=0,
        relative_bin_id_right=1,
    )
    assert isinstance(position, bytes)
    return LiquidityState(pair.tobytes(), position, {active_id // 256: array.tobytes()})


QUIET = {"exponent": 0, "reserve_x": 0, "reserve_y": 0, "supply": 0, "volatility_accumulator": 0}


@pytest.mark.parametrize("case", CASES, ids=[str(index) for index in range(len(CASES))])
def test_the_program_leaves_this_behind(case: dict[str, Any]) -> None:
    change = increase_position(
        scene(case),
        amount_x=case["amount_x"],
        amount_y=case["amount_y"],
        shares=[LiquidityShare(0, 10_000, 10_000)],
        tokens=TOKENS,
    )
    if "code" in case:
        assert isinstance(change, LiquidityFailure)
        assert change.code == case["code"]
        return
    assert isinstance(change, LiquidityChange)
    active_id = MIDDLE_BIN_ID + case["exponent"]
    row = np.frombuffer(change.after.bin_arrays[active_id // 256], BIN_ARRAY)[0]["bins"][active_id % 256]
    ours = {
        "reserve_x": int(row["reserve_x"]),
        "reserve_y": int(row["reserve_y"]),
        "supply": int(row["liquidity_supply_low"]) | int(row["liquidity_supply_high"]) << 64,
        "protocol_fee_x": change.protocol_fee.x,
        "protocol_fee_y": change.protocol_fee.y,
        "paid_x": -change.user.x,
        "paid_y": -change.user.y,
    }
    assert ours == case["after"]


def opened() -> LiquidityState:
    change = increase_position(
        scene(QUIET),
        amount_x=1000,
        amount_y=500,
        shares=[LiquidityShare(0, 6000, 10_000), LiquidityShare(1, 4000, 0)],
        tokens=TOKENS,
    )
    assert isinstance(change, LiquidityChange)
    assert change.user == Amounts(-1000, -500)
    return change.after


def test_a_position_is_worth_what_went_in_and_closes_to_it() -> None:
    state = opened()
    assert position_value(state) == Amounts(1000, 500)
    closed = close_position(state, tokens=TOKENS)
    assert isinstance(closed, LiquidityChange)
    assert closed.user == Amounts(1000, 500)
    assert position_shares(closed.after.position) == [0, 0]


def test_shares_are_asked_for_bin_by_bin() -> None:
    state = opened()
    first, second = position_shares(state.position)
    half = decrease_position(state, shares=[first // 2, 0], tokens=TOKENS)
    assert isinstance(half, LiquidityChange)
    assert position_shares(half.after.position) == [first - first // 2, second]
    for shares, code in (
        ([first], 6002),
        ([first + 1, 0], 6008),
        ([1, 0], 6002),  # worth nothing
        ([2 * first, 0], 6022),
        ([1 << 127, 0], 6021),
    ):
        failure = decrease_position(state, shares=shares, tokens=TOKENS)
        assert isinstance(failure, LiquidityFailure)
        assert failure.code == code


@pytest.mark.parametrize(
    ("share", "code"),
    [(LiquidityShare(1, 0, 1), 6006), (LiquidityShare(-1, 1, 0), 6006), (LiquidityShare(2, 1, 0), 6000)],
)
def test_bins_that_the_program_refuses(share: LiquidityShare, code: int) -> None:
    failure = increase_position(scene(QUIET), amount_x=10**6, amount_y=10**6, shares=[share], tokens=TOKENS)
    assert isinstance(failure, LiquidityFailure)
    assert failure.code == code


@pytest.mark.parametrize(
    ("shares", "name"),
    [
        ([LiquidityShare(-(1 << 31), 0, 1)], "ActiveIdOverflow"),
        ([LiquidityShare(0, 10_001, 0)], "Panic"),
        ([LiquidityShare(0, 0, 1), LiquidityShare(0, 0, 10_000)], "Panic"),
        ([LiquidityShare(0, 0, 10_000), LiquidityShare(0, 0, 10_001)], "Panic"),
    ],
    ids=["no such bin", "more than a u64 for a bin", "more than a u64 in a bin", "the second of two"],
)
def test_deposits_beyond_64_bits_are_refused(shares: list[LiquidityShare], name: str) -> None:
    most = (1 << 64) - 1
    failure = increase_position(scene(QUIET), amount_x=most, amount_y=most, shares=shares, tokens=TOKENS)
    assert isinstance(failure, LiquidityFailure)
    assert failure.name == name


def test_each_deposit_into_the_active_bin_says_what_its_excess_paid() -> None:
    shares = [LiquidityShare(0, 10, 20), LiquidityShare(0, 20, 10), LiquidityShare(0, 0, 0), LiquidityShare(1, 5, 0)]
    case = {**QUIET, "reserve_x": 10**9, "reserve_y": 10**9, "supply": 10**20}
    change = increase_position(scene(case), amount_x=10**9, amount_y=10**9, shares=shares, tokens=TOKENS)
    assert isinstance(change, LiquidityChange)
    excess_y, excess_x, nothing, above = change.bins
    assert excess_y.composition_fee is not None
    assert excess_x.composition_fee is not None
    assert excess_y.composition_fee.x == excess_x.composition_fee.y == 0
    assert excess_y.composition_fee + excess_x.composition_fee == change.composition_fee
    assert excess_y.protocol_fee + excess_x.protocol_fee == change.protocol_fee
    assert nothing.composition_fee is None
    assert above.composition_fee is None


@pytest.mark.parametrize(("left", "right"), [(0, 0), (3, 1), (0, 64)])
def test_a_position_has_two_to_64_bins(left: int, right: int) -> None:
    failure = create_position(
        pair_address=bytes(32),
        pair=scene(QUIET).pair,
        position_mint=bytes(32),
        relative_bin_id_left=left,
        relative_bin_id_right=right,
    )
    assert isinstance(failure, LiquidityFailure)
    assert failure.code == 6025


def test_a_positions_range_is_counted_from_the_active_bin() -> None:
    row = np.frombuffer(scene(QUIET).position, POSITION)[0]
    assert (int(row["lower_bin_id"]), int(row["upper_bin_id"])) == (MIDDLE_BIN_ID, MIDDLE_BIN_ID + 1)


def test_garbled_or_short_accounts_are_refused_by_name() -> None:
    state = opened()
    for name, spoilt in (
        ("pair", msgspec.structs.replace(state, pair=b"x" + state.pair[1:])),
        ("position", msgspec.structs.replace(state, position=state.position[:-1])),
        ("bin_array 32768", msgspec.structs.replace(state, bin_arrays={32768: b""})),
    ):
        with pytest.raises(AccountError, match=name):
            close_position(spoilt, tokens=TOKENS)


def test_a_share_in_an_array_that_was_not_passed_is_not_found() -> None:
    state = msgspec.structs.replace(opened(), bin_arrays={})
    failure = close_position(state, tokens=TOKENS)
    assert isinstance(failure, LiquidityFailure)
    assert failure.code == 6000
    assert isinstance(decrease_position(state, shares=[0, 0], tokens=TOKENS), LiquidityChange)
