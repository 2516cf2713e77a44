"""What an order does is said in whole tokens and bins, and in raw units where the results know no tokens."""

from typing import Any

import pytest

from connectors.results.order_contents import PoolTokens, contents, label, worth
from operators.blocks import SHAPES
from operators.orders.records import ORDER, TURNED

TOKENS = {
    "sol": PoolTokens("SOL", "USDC", 9, 6),
    "jup": PoolTokens("JUP", "USDC", 6, 6),
    "pair": PoolTokens("JUP", "SOL", 6, 9),
}
BLANK: dict[str, Any] = dict.fromkeys(ORDER.names or (), 0)


def order(action: str, **changes: object) -> dict[str, Any]:
    return {**BLANK, "action": action, "pool": "sol", "other_pool": None, "third_pool": None, "fair": 100.5, **changes}


def said(action: str, **changes: object) -> list[str]:
    return list(contents(order(action, **changes), TOKENS))


LADDER = {
    "position": 20,
    "lower": -12,
    "bid_upper": -3,
    "ask_lower": 1,
    "upper": 1,
    "amount_x": 2_500_000_000,
    "amount_y": 10_000_000,
    "other_min_out": -1,
}
ROUND = {
    "side": "buy",
    "directions": 0b10,
    "other_pool": "jup",
    "amount_in": 100_000_000,
    "min_out": 1_000_000_000,
    "other_in": 1_000_000_000,
    "other_min_out": 100_250_000,
}


def test_a_ladder_says_its_bins_its_amounts_its_shape_and_what_it_closes() -> None:
    assert said("rebalance", **LADDER, old_position=19, old_lower=-20, old_upper=-2) == [
        "Its ladder: bids of 10 USDC in bins -12 to -3 and asks of 2.5 SOL in bin 1, shape spot."
        " When it was decided the active bin was -1, and the pool's price 100.5 USDC.",
        "It takes the place of position 19 (bins -20 to -2), which it closes.",
    ]


def test_a_side_without_bins_is_left_out_and_a_first_ladder_closes_nothing() -> None:
    ladder, old = said("rebalance", **{**LADDER, "ask_lower": -2, "upper": -3}, shape=len(SHAPES) - 1)
    assert ladder.startswith("Its ladder: bids of 10 USDC in bins -12 to -3, shape bid_ask.")
    assert old == "It closes nothing: the strategy had no position in this pool."
    ladder, _ = said("rebalance", **{**LADDER, "bid_upper": -13})
    assert ladder.startswith("Its ladder: asks of 2.5 SOL in bin 1, shape spot.")


@pytest.mark.parametrize("action", ["rebalance", "close_position", "add_liquidity", "swap"])
def test_what_was_refused_before_it_had_a_position_and_a_swap_say_nothing(action: str) -> None:
    assert said(action) == []


def test_a_ladder_is_worth_both_of_its_sides() -> None:
    assert worth(order("rebalance", **LADDER), TOKENS) == pytest.approx(2.5 * 100.5 + 10.0)
    assert worth(order("rebalance", **LADDER), {}) is None
    assert worth(order("rebalance"), TOKENS) is None
    assert worth(order("swap", value=3.0), {}) == 3.0


@pytest.mark.parametrize(
    ("action", "changes", "sentence"),
    [
        ("create_position", {}, "It opens position 4 over bins -5 to 5, with nothing in it yet."),
        (
            "remove_liquidity",
            {"fraction_bps": 5_000},
            "It takes 50.00% of its liquidity out of position 4 (bins -5 to 5).",
        ),
        ("claim_fees", {}, "It claims what position 4 (bins -5 to 5) has earned in fees."),
        ("close_position", {}, "It closes position 4 (bins -5 to 5)."),
        ("close_position", {"lower": 0, "upper": 0}, "It closes position 4."),
        (
            "add_liquidity",
            {"amount_x": 1, "amount_y": 2_000_000, "other_min_out": 3},
            "It adds 0.000000001 SOL and 2 USDC to position 4 (bins -5 to 5), shape spot."
            " When it was decided the active bin was 3, and the pool's price 100.5 USDC.",
        ),
    ],
)
def test_a_liquidity_command_names_its_position(action: str, changes: dict[str, Any], sentence: str) -> None:
    assert said(action, **{"position": 4, "lower": -5, "upper": 5, **changes}) == [sentence]


def test_a_round_says_each_swap_and_its_floor() -> None:
    assert said("route", **ROUND, is_exact_out=1) == [
        "Swap 1, in SOL/USDC sol, buys: at most 100 USDC for exactly 1 SOL.",
        "Swap 2, in JUP/USDC jup, sells: 1,000 JUP for at least 100.25 USDC.",
        "All are made, or none. What comes back is at least 0.25 USDC more than what goes in, before the transaction's"
        " cost.",
    ]
    assert "at most 0.5 USDC less than what goes in" in said("route", **{**ROUND, "other_min_out": 99_500_000})[-1]


def test_a_turned_round_begins_in_the_other_pool_and_one_of_three_ends_in_the_third() -> None:
    first, second, _ = said("route", **{**ROUND, "directions": TURNED | 0b10})
    assert first.startswith("Swap 1, in JUP/USDC jup, buys: 100 USDC for at least 1,000 JUP")
    assert second.startswith("Swap 2, in SOL/USDC sol, sells: 1 SOL")
    three = {"other_pool": "pair", "third_pool": "jup", "directions": 0b100, "third_in": 7_000_000}
    *legs, floor = said("route", **{**ROUND, **three, "other_min_out": 7_000_000, "third_min_out": 101_000_000})
    assert legs[1:] == [
        "Swap 2, in JUP/SOL pair, buys: 1 SOL for at least 7 JUP.",
        "Swap 3, in JUP/USDC jup, sells: 7 JUP for at least 101 USDC.",
    ]
    assert "at least 1 USDC more" in floor


def test_a_round_that_was_withheld_before_it_had_a_size_says_its_way() -> None:
    assert said("route", side="buy", directions=0b10, other_pool="jup") == [
        "Swap 1, in SOL/USDC sol, buys: USDC for SOL.",
        "Swap 2, in JUP/USDC jup, sells: JUP for USDC.",
    ]


def test_an_exchange_has_no_floor() -> None:
    exchange = {"side": "sell", "directions": 0b01, "amount_in": 1_000_000_000, "min_out": 99_000_000}
    assert said("route", **{**ROUND, **exchange, "other_in": 99_000_000, "other_min_out": 150_000_000}) == [
        "Swap 1, in SOL/USDC sol, sells: 1 SOL for at least 99 USDC.",
        "Swap 2, in JUP/USDC jup, buys: 99 USDC for at least 150 JUP.",
        "Both are made, or neither.",
    ]


def test_a_pool_without_known_tokens_is_told_in_raw_units() -> None:
    first, *_ = contents(order("route", **ROUND), {})
    assert first == "Swap 1, in sol, buys: 100,000,000 raw Y for at least 1,000,000,000 raw X."
    assert label("65shmpuYmxx5p7gg", {}) == "65sh.."
