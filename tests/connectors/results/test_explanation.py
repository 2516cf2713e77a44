"""Each order is explained in sentences that carry its own figures."""

from collections.abc import Mapping
from pathlib import Path

import msgspec
import numpy as np
import pytest
from rich.console import Console

from connectors.execution.known_orders import KnownOrders
from connectors.results.decision_log import Decision, last_orders, read_decision, tokens_of
from connectors.results.explanation import (
    END_SENTENCES,
    RULE_SENTENCES,
    SIZE_SENTENCES,
    explain,
    list_orders,
    rule_sentence,
    sentences,
)
from operators.orders.records import RULES, SIZED_BY, STATUSES
from tests.connectors.execution.journaled_orders import POOL, WHOLE_LIFE
from tests.connectors.results.told_run import BOUGHT, EDGELESS, QUOTED, SOLD, STALE, UNWOUND, write_run


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_run(tmp_path)


def text(what: object, width: int = 240) -> str:
    console = Console(width=width)
    with console.capture() as captured:
        console.print(what)
    return captured.get()


def test_every_rule_every_size_and_every_end_has_its_sentence() -> None:
    assert tuple(RULE_SENTENCES) == RULES
    assert tuple(SIZE_SENTENCES) == SIZED_BY
    assert tuple(END_SENTENCES) == STATUSES


@pytest.mark.parametrize("rule", RULES)
def test_a_rules_sentence_carries_its_figures(rule: str) -> None:
    counted_in, template = RULE_SENTENCES[rule]
    said = rule_sentence({"rule": rule, "figure": 0.25, "bound": 0.125}, "USDC")
    shown = {"part": ("25.00%", "12.50%"), "money": ("0.25 USDC", "0.125 USDC"), "number": ("0.25", "0.125")}
    figure, bound = shown.get(counted_in, ("0", "0"))
    assert (figure in said) or "{figure}" not in template
    assert (bound in said) or "{bound}" not in template
    assert "{" not in said
    assert "no number" in rule_sentence({"rule": rule, "figure": np.nan, "bound": np.nan}, "X") or "{" not in template


def test_an_order_that_filled_is_told_from_its_reason_to_its_fill(run: Path) -> None:
    decision = read_decision(run, BOUGHT)
    assert list(sentences(decision)) == [
        "following asked for it (take): it rose. Confidence 95.0%, urgency medium, no profit claimed.",
        "Its size is what Kelly's fraction asks for; Kelly's fraction came to 4.750% of equity. It is worth 4,750.00"
        " USDC.",
        "Its limit was 101 USDC, fees included, 100.0 basis points above the pool's price of 100 USDC.",
        "Nothing objected to it. It filled in slot 1,002, 2 slots after the decision.",
    ]
    shown = text(explain(decision))
    assert "Order 1: buy, immediate in sol, decided in slot 1,000 (2023-11-14 22:13:20 UTC): filled" in shown
    for cells in (("return", "0.0061"), ("z-score", "2.5"), ("100.5", "9.4", "4,750 USDC", "47.263681593 SOL")):
        assert any(all(cell in line for cell in cells) for line in shown.splitlines()), cells
    assert "attempts" not in shown


def test_what_a_sale_won_or_lost_is_shown(run: Path) -> None:
    assert "-47.25" in text(explain(read_decision(run, SOLD)))
    assert "It is as large as what the strategy had free" in text(explain(read_decision(run, SOLD)))


def test_amounts_are_whole_tokens_to_the_last_unit_and_raw_where_the_results_know_none(run: Path) -> None:
    sold = read_decision(run, SOLD)
    assert "│ 47.5 SOL │ 4,726.250001 USDC │" in text(explain(sold))
    assert "│ 47,500,000,000 raw X │ 4,726,250,001 raw Y │" in text(explain(msgspec.structs.replace(sold, tokens={})))
    dust = {**sold.fills[0], "amount_in": 0, "amount_out": 1}
    assert "│ 0 SOL │ 0.000001 USDC │" in text(explain(msgspec.structs.replace(sold, fills=(dust,))))


def test_a_refusal_names_its_rule_and_its_figures(run: Path) -> None:
    *_, said = sentences(read_decision(run, STALE))
    assert said == (
        "stale_feed: Its pool had not been heard of for 31 slots, and 25 are allowed."
        " So the gate refused it, and nothing was sent."
    )
    *_, said = sentences(read_decision(run, EDGELESS))
    assert said.startswith("no_edge: By what the strategy has won and lost")
    assert "-0.02. So it was withheld" in said
    assert "expected profit 0.25 USDC" in next(sentences(read_decision(run, STALE)))


def test_a_strategy_without_words_and_the_emergency_stop_are_told_as_such(run: Path) -> None:
    why, size, _, end = sentences(read_decision(run, QUOTED))
    assert why.startswith("quoting asked for it (quote), and gives no reason.")
    assert size == "The strategy named its size. It is worth 10.00 USDC."
    assert end.endswith("It was taken back in slot 1,002, 2 slots after the decision, before it filled.")
    assert next(sentences(read_decision(run, UNWOUND))).startswith("The emergency stop made it")
    repeated = msgspec.structs.replace(read_decision(run, BOUGHT), signal=None)
    assert next(sentences(repeated)).startswith("following said nothing at that row")


def test_a_route_and_a_liquidity_command_are_named(run: Path) -> None:
    decision = read_decision(run, BOUGHT)

    def told(**changes: object) -> str:
        changed: Decision = msgspec.structs.replace(decision, order={**decision.order, **changes})
        return text(explain(changed))

    assert "Order 1: route through jup too, in sol" in told(action="route", other_pool="jup", third_pool=None)
    assert "Order 1: remove liquidity in sol" in told(action="remove_liquidity")
    assert "Its limit was" not in told(action="remove_liquidity")
    assert "It takes 25.00% of its liquidity out of position 3 (bins -5 to 5)." in told(
        action="remove_liquidity", position=3, lower=-5, upper=5, fraction_bps=2_500
    )
    assert "It landed in slot 1,002" in told(action="claim_fees")


LADDER = {
    "action": "rebalance",
    "sized_by": "max_position_size",
    "size_fraction": np.nan,
    "position": 1,
    "lower": 90,
    "bid_upper": 98,
    "ask_lower": 102,
    "upper": 110,
    "amount_x": 1_000_000_000,
    "amount_y": 50_000_000,
    "fair": 100.0,
    "value": 30.0,
}
ONLY_BIDS = {"ask_lower": 99, "upper": 98, "amount_x": 0}
ONLY_ASKS = {"lower": 102, "bid_upper": 101, "amount_y": 0, "value": 0.0}


def moved(run: Path, order: Mapping[str, object], **changes: object) -> list[str]:
    decision = read_decision(run, BOUGHT)
    wish = {name: LADDER[name] for name in ("lower", "bid_upper", "ask_lower", "upper")}
    its = {"signal": None, "wish": wish, "order": {**decision.order, **LADDER, **order}}
    return list(sentences(msgspec.structs.replace(decision, **its | changes)))


def test_a_ladder_is_worth_all_that_is_in_it_and_puts_at_risk_only_its_new_quote_tokens(run: Path) -> None:
    *_, size, _ = moved(run, {})
    assert size == (
        "It was cut to the largest order allowed (trading.max_position_size). It is worth 150.00 USDC."
        " It puts 30.00 USDC newly at risk: its SOL, and what stood in bins, was at risk before."
    )
    assert "It puts no USDC newly at risk" in moved(run, ONLY_ASKS)[-2]
    assert "It is worth" not in moved(run, {}, tokens={})[-2]
    assert "It puts no Y newly" in moved(run, {"value": 0.0}, tokens={})[-2]
    assert [line for line in moved(run, {"position": 0}) if "newly" in line] == []


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ({}, "The inventory was back in its band, so that both sides are quoted again."),
        (ONLY_BIDS, "The inventory had left its band: there was too little SOL, so that only bids are placed."),
        (ONLY_ASKS, "The inventory had left its band: there was too much SOL, so that only asks are placed."),
        ({**ONLY_ASKS, "sized_by": "exposure"}, "The inventory had left its band, or was back in it."),
        ({"position": 0}, "The inventory had left its band, or was back in it."),
    ],
)
def test_a_ladder_that_inventory_moved_says_so(order: dict[str, object], said: str, run: Path) -> None:
    why = moved(run, order)[0]
    assert why.startswith("following said nothing at that row: the portfolio made it")
    assert why.endswith(said)


def test_a_one_sided_wish_leaves_open_where_the_inventory_was(run: Path) -> None:
    assert "or was back in it" in moved(run, ONLY_BIDS, wish={**LADDER, **ONLY_BIDS})[0]
    assert "or was back in it" in moved(run, ONLY_BIDS, wish=None)[0]


def test_a_ladder_that_tries_again_names_the_order_that_failed(run: Path) -> None:
    why = moved(run, {}, retried={"order": 7, "status": "failed"})[0]
    assert why.endswith("Order 7, which was to do it, failed: this one tries again, around the price of by then.")
    assert "inventory" not in why


def test_a_wish_for_a_ladder_claims_fees_for_each_unit_in_it(run: Path) -> None:
    asked = read_decision(run, STALE).signal
    assert asked is not None
    why = moved(run, {}, signal={**asked, "kind": "rebalance"})[0]
    assert "expected fees 0.25 USDC for each USDC in it." in why


def test_what_a_route_realised_is_the_sum_of_its_swaps(run: Path) -> None:
    sold = read_decision(run, SOLD)
    leg = {**sold.fills[0], "realised": 1.25}
    for side, said in (("buy", "-46 USDC, before"), ("sell", "-46 USDC, against the average cost of what it sold, be")):
        order = {**sold.order, "action": "route", "other_pool": "jup", "side": side}
        *_, realised = sentences(msgspec.structs.replace(sold, order=order, fills=(*sold.fills, leg)))
        assert realised.startswith(f"It realised {said}")


def test_a_route_that_did_not_pay_at_any_size_is_not_told_as_sized_by_its_strategy(run: Path) -> None:
    decision = read_decision(run, STALE)
    route = {"action": "route", "other_pool": "jup", "third_pool": None}
    for amount, said in ((0, "It came to no size."), (1, "The strategy named its size. It is worth 1.00 USDC.")):
        order = {**decision.order, **route, "amount_in": amount}
        assert said in list(sentences(msgspec.structs.replace(decision, order=order)))


def test_attempts_are_shown_with_their_signatures(run: Path) -> None:
    orders, _ = KnownOrders.of(WHOLE_LIFE)
    decision = msgspec.structs.replace(read_decision(run, BOUGHT), attempts=tuple(orders.all()))
    shown = text(explain(decision))
    assert "attempts, by the order journal" in shown
    assert "A landed" in shown
    assert f"swap 1,000,000 raw X for at least 149,000 raw Y in {POOL}" in shown
    known = msgspec.structs.replace(decision, tokens={POOL: decision.tokens["sol"]})
    assert f"swap 0.001 SOL for at least 0.149 USDC in {POOL}" in text(explain(known))


def test_the_list_has_a_line_for_each_order(run: Path) -> None:
    shown = text(list_orders(last_orders(run, 20), "the last", "USDC", tokens_of(run)))
    lines = [line for line in shown.splitlines() if "SOL/USDC sol" in line]
    assert len(lines) == 6
    assert "stale_feed" in lines[STALE - 1]
    assert "it rose" in lines[BOUGHT - 1]
    assert "emergency_stop" in lines[UNWOUND - 1]
    assert " route with jup " in text(list_orders([routed(run)], "the last", "USDC", tokens_of(run)))


def routed(run: Path) -> dict[str, object]:
    return {**last_orders(run, 1)[0], "action": "route", "other_pool": "jup", "third_pool": None}


def test_the_list_fits_into_120_columns_with_real_addresses(run: Path) -> None:
    pool, tokens = "65shmpuYmxx5p7ggNCZbyrGLCXVqbBR1ZD5aAocRBUNG", tokens_of(run)["sol"]
    long = {"strategy": "statistical_arbitrage", "pool": pool, "said": "a rise that its volatility does not explain"}
    orders = [{**order, **long} for order in last_orders(run, 20)]
    shown = text(list_orders(orders, "the last", "USDC", {pool: tokens}), width=120)
    assert max(len(line) for line in shown.splitlines()) <= 120
    for whole in ("SOL/USDC 65sh", "statistical_arbitrage", "11-14 22:13:20", "stale_feed", "4,750.00"):
        assert whole in shown
    assert pool not in shown
