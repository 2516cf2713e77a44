"""Deposits into the active bin leave what the program leaves; the rest is held by the life-cycle rows."""

import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from dlmm.errors import AccountError, RangeError
from dlmm.liquidity import NOTHING, Amounts, LiquidityChange, LiquidityFailure, LiquidityState, PoolTokens
from dlmm.meteora.instructions.liquidity import BinShare, Strategy, StrategyDeposit
from dlmm.meteora.layout import BIN_ARRAY, LB_PAIR, LB_PAIR_DISCRIMINATOR, POSITION
from dlmm.meteora.liquidity import add_liquidity, add_liquidity_by_strategy, claim_fees, remove_liquidity
from dlmm.meteora.liquidity import deposit as put
from dlmm.meteora.positions import new_bin_array, new_position, position_value
from dlmm.price import price_x64
from dlmm.tokens import TOKEN_2022_PROGRAM, Mint, TransferFee

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "meteora_deposits.json"
CASES: list[dict[str, Any]] = json.loads(GOLDEN.read_text())["cases"]
TOKENS = PoolTokens(Mint("x", 6), Mint("y", 6), 0)
TIME = 1_700_000_000
LOW = (1 << 64) - 1
PAIR_FIELDS = [
    "active_id",
    "bin_step",
    "base_factor",
    "filter_period",
    "decay_period",
    "reduction_factor",
    "variable_fee_control",
    "max_volatility_accumulator",
    "volatility_accumulator",
    "volatility_reference",
    "index_reference",
    "protocol_share",
    "collect_fee_mode",
]


def scene(case: dict[str, Any], *, width: int = 1) -> LiquidityState:
    pair = np.zeros(1, LB_PAIR)
    pair["discriminator"] = np.frombuffer(LB_PAIR_DISCRIMINATOR, np.uint8)
    for name in PAIR_FIELDS:
        pair[name] = case[name]
    pair["last_update_timestamp"] = TIME - case["elapsed"]
    active_id, index = case["active_id"], case["active_id"] // 70
    array = np.frombuffer(new_bin_array(lb_pair=bytes(32), index=index, bin_step=case["bin_step"]), BIN_ARRAY).copy()
    row = array[0]["bins"][active_id % 70]
    row["amount_x"], row["amount_y"] = case["reserve_x"], case["reserve_y"]
    row["supply_low"], row["supply_high"] = case["supply"] & LOW, case["supply"] >> 64
    position = new_position(lb_pair=bytes(32), owner=bytes(32), lower_bin_id=active_id, width=width, time=TIME)
    assert isinstance(position, bytes)
    return LiquidityState(pair.tobytes(), position, {index: array.tobytes()})


def quiet(**changes: int) -> dict[str, Any]:
    return dict.fromkeys(PAIR_FIELDS, 0) | {
        "bin_step": 10,
        "base_factor": 5000,
        "elapsed": 0,
        "reserve_x": 0,
        "reserve_y": 0,
        "supply": 0,
        **changes,
    }


@pytest.mark.parametrize("case", CASES, ids=[str(index) for index in range(len(CASES))])
def test_the_program_leaves_this_behind(case: dict[str, Any]) -> None:
    change = add_liquidity(
        scene(case),
        amount_x=case["amount_x"],
        amount_y=case["amount_y"],
        shares=[BinShare(case["active_id"], 10_000, 10_000)],
        tokens=TOKENS,
        time=TIME,
    )
    if "code" in case:
        assert isinstance(change, LiquidityFailure)
        assert change.code == case["code"]
        return
    assert isinstance(change, LiquidityChange)
    array = np.frombuffer(change.after.bin_arrays[case["active_id"] // 70], BIN_ARRAY)
    row, pair = array[0]["bins"][case["active_id"] % 70], np.frombuffer(change.after.pair, LB_PAIR)[0]
    ours = {name: int(row[name]) for name in ("amount_x", "amount_y")}
    ours["supply"] = int(row["supply_low"]) | int(row["supply_high"]) << 64
    ours |= {name: int(pair[name]) for name in case["after"] if name not in ours}
    assert ours == case["after"]


def deposit(state: LiquidityState, *shares: BinShare, amount: int = 1000) -> LiquidityChange | LiquidityFailure:
    return add_liquidity(state, amount_x=amount, amount_y=amount, shares=shares, tokens=TOKENS, time=TIME)


def test_everything_put_in_comes_out_again_but_for_the_rounding() -> None:
    put = deposit(scene(quiet(), width=3), BinShare(0, 5000, 10_000), BinShare(2, 5000, 0), amount=999)
    assert isinstance(put, LiquidityChange)
    assert put.user == Amounts(-998, -999)
    assert position_value(put.after).held == Amounts(998, 999)
    taken = remove_liquidity(put.after, from_bin_id=0, to_bin_id=2, bps=10_000, tokens=TOKENS, time=TIME)
    assert isinstance(taken, LiquidityChange)
    assert taken.user == Amounts(998, 999)
    pair = np.frombuffer(taken.after.pair, LB_PAIR)[0]
    assert not pair["bitmap"].any(), "an empty array is not flagged"


def test_fees_are_claimed_once_and_counted() -> None:
    put = deposit(scene(quiet()), BinShare(0, 10_000, 10_000))
    assert isinstance(put, LiquidityChange)
    array = np.frombuffer(put.after.bin_arrays[0], BIN_ARRAY).copy()
    array[0]["bins"][0]["fee_y_high"] = 3
    earned = LiquidityState(put.after.pair, put.after.position, {0: array.tobytes()})
    assert position_value(earned).fees == Amounts(0, 6000)
    claimed = claim_fees(earned, min_bin_id=0, max_bin_id=0, tokens=TOKENS, time=TIME)
    assert claimed.user == Amounts(0, 6000)
    assert claim_fees(claimed.after, min_bin_id=0, max_bin_id=0, tokens=TOKENS, time=TIME).user == NOTHING
    assert int(np.frombuffer(claimed.after.position, POSITION)[0]["total_claimed_fee_y"]) == 6000


@pytest.mark.parametrize(
    ("shares", "code"),
    [
        ([BinShare(0, 9_999, 10_000)], 6002),
        ([BinShare(1, 10_000, 0), BinShare(0, 0, 10_000)], 6002),
        ([BinShare(0, 10_000, 0), BinShare(1, 0, 10_000)], 6005),
        ([BinShare(3, 0, 10_000), BinShare(4, 10_000, 0)], 6005),
        ([BinShare(3, 10_000, 0), BinShare(4, 0, 10_000)], 6008),
        ([BinShare(0, 10_000, 10_000), *(BinShare(bin_id, 0, 0) for bin_id in range(1, 4))], 6002),
        ([], 6002),
    ],
)
def test_distributions_that_the_program_refuses(shares: list[BinShare], code: int) -> None:
    failure = deposit(scene(quiet(), width=3), *shares)
    assert isinstance(failure, LiquidityFailure)
    assert failure.code == code


def test_a_share_of_nothing_crosses_no_active_bin() -> None:
    shares = [BinShare(0, 10_000, 0), BinShare(1, 0, 10_000)]
    change = add_liquidity(scene(quiet(), width=3), amount_x=5, amount_y=0, shares=shares, tokens=TOKENS, time=TIME)
    assert isinstance(change, LiquidityChange)
    assert change.user == Amounts(-5, 0)


def test_a_bin_past_the_position_that_takes_nothing_has_its_fees_noted() -> None:
    state = scene(quiet(), width=2)
    array = np.frombuffer(state.bin_arrays[0], BIN_ARRAY).copy()
    array[0]["bins"][3]["fee_x_high"] = 7
    state = msgspec.structs.replace(state, bin_arrays={0: array.tobytes()})
    change = deposit(state, BinShare(0, 10_000, 10_000), BinShare(3, 0, 0))
    assert isinstance(change, LiquidityChange)
    fees = np.frombuffer(change.after.position, POSITION)[0]["fees"]
    assert [int(row["x_complete_high"]) for row in fees[:5]] == [0, 0, 0, 7, 0]
    beyond = deposit(state, BinShare(0, 10_000, 10_000), BinShare(70, 0, 0))
    assert isinstance(beyond, LiquidityFailure)
    assert beyond.code is None


@pytest.mark.parametrize(
    ("held", "bin_id", "code", "line"),
    [
        ({"reserve_x": LOW, "supply": 1 << 90}, 0, 6018, "add_liquidity.rs:354"),
        ({"reserve_y": LOW, "supply": 1 << 90}, 0, 6018, "add_liquidity.rs:360"),
        ({"reserve_y": LOW, "supply": (1 << 128) - 1}, 0, 6018, "add_liquidity.rs:355"),
        ({"reserve_x": 1, "supply": (1 << 128) - 1}, 0, 6019, ""),
        ({"reserve_x": LOW}, 0, 6018, "bin.rs:302"),
        ({"reserve_y": LOW}, 0, 6018, "bin.rs:303"),
        ({"active_id": 0}, 1, 6018, "bin.rs:302"),
    ],
)
def test_what_a_bin_cannot_hold_is_refused_where_the_program_refuses_it(
    held: dict[str, int], bin_id: int, code: int, line: str
) -> None:
    state = scene(quiet(**held), width=2)
    array = np.frombuffer(state.bin_arrays[0], BIN_ARRAY).copy()
    array[0]["bins"][1]["amount_x"] = LOW
    state = msgspec.structs.replace(state, bin_arrays={0: array.tobytes()})
    shares = [BinShare(bin_id, 10_000, 10_000)] if bin_id == 0 else [BinShare(0, 0, 10_000), BinShare(1, 10_000, 0)]
    failure = deposit(state, *shares)
    assert isinstance(failure, LiquidityFailure)
    assert failure.code == code
    assert failure.place.endswith(line)
    assert bool(failure.place) == bool(line)


def test_deposits_that_add_up_to_more_than_64_bits_are_an_overflow() -> None:
    fee = TransferFee(0, 5, 100)
    mint = Mint("x", 6, TOKEN_2022_PROGRAM, fee, fee)
    for x in (TOKENS.mint_x, mint):
        parts = [(0, Amounts(1 << 63, 0)), (1, Amounts(1 << 63, 0))]
        failure = put(scene(quiet(), width=2), parts, tokens=PoolTokens(x, TOKENS.mint_y, 0), time=TIME)
        assert isinstance(failure, LiquidityFailure)
        assert failure.code == 6018


def test_a_strategy_is_refused_when_the_active_bin_has_moved_too_far() -> None:
    wanted = StrategyDeposit(1, 1, 5, 4, 0, 2, Strategy.SPOT_IMBALANCED)
    failure = add_liquidity_by_strategy(scene(quiet(), width=3), wanted, tokens=TOKENS, time=TIME)
    assert isinstance(failure, LiquidityFailure)
    assert failure.code == 6004


def test_bytes_given_stay_as_they_are() -> None:
    before = scene(quiet())
    copy = LiquidityState(bytes(before.pair), bytes(before.position), dict(before.bin_arrays))
    deposit(before, BinShare(0, 10_000, 10_000))
    assert before == copy


def test_the_price_of_an_old_array_is_filled_in_on_first_use() -> None:
    state = scene(quiet(active_id=3))
    array = np.frombuffer(state.bin_arrays[0], BIN_ARRAY).copy()
    array[0]["bins"]["price_low"] = array[0]["bins"]["price_high"] = 0
    put = deposit(LiquidityState(state.pair, state.position, {0: array.tobytes()}), BinShare(3, 10_000, 10_000))
    assert isinstance(put, LiquidityChange)
    row = np.frombuffer(put.after.bin_arrays[0], BIN_ARRAY)[0]["bins"][3]
    assert int(row["price_low"]) | int(row["price_high"]) << 64 == price_x64(3, 10)


@pytest.mark.parametrize("part", ["pair", "position", "bin_arrays"])
def test_garbled_or_short_accounts_are_refused_by_name(part: str) -> None:
    good = scene(quiet())
    for spoil in (lambda data: data[:-1], lambda data: b"garbage!" + data[8:], lambda _: b"x"):
        spoilt = {
            "pair": msgspec.structs.replace(good, pair=spoil(good.pair)),
            "position": msgspec.structs.replace(good, position=spoil(good.position)),
            "bin_arrays": msgspec.structs.replace(good, bin_arrays={0: spoil(good.bin_arrays[0])}),
        }[part]
        with pytest.raises(AccountError, match=r"length|discriminator"):
            deposit(spoilt, BinShare(0, 10_000, 10_000))


def test_bins_outside_the_position_or_without_their_array_are_named() -> None:
    state = scene(quiet())
    with pytest.raises(RangeError, match="bin 1 is not of the position"):
        claim_fees(state, min_bin_id=0, max_bin_id=1, tokens=TOKENS, time=TIME)
    with pytest.raises(AccountError, match="bin_array 0"):
        claim_fees(msgspec.structs.replace(state, bin_arrays={}), min_bin_id=0, max_bin_id=0, tokens=TOKENS, time=TIME)
