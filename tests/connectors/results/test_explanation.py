"""Each order is explained in sentences that carry its own figures."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
from rich.console import Console

from connectors.execution.known_orders import KnownOrders
from connectors.results.decision_log import Decision, last_orders, read_decision
from connectors.results.explanation import (
    END_SENTENCES,
    RULE_SENTENCES,
    SIZE_SENTENCES,
    explain,
    list_orders,
    rule_sentence,
    sentences,
)
from operators.orders import RULES, SIZED_BY, STATUSES
from tests.connectors.execution.journaled_orders import WHOLE_LIFE
from tests.connectors.results.told_run import BOUGHT, EDGELESS, QUOTED, SOLD, STALE, UNWOUND, write_run


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_run(tmp_path)


def text(what: object) -> str:
    console = Console(width=240)
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
    assert "│ 47,500,000,000 raw │ 4,726,250,001 raw │" in text(explain(msgspec.structs.replace(sold, tokens={})))
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


def test_attempts_are_shown_with_their_signatures(run: Path) -> None:
    orders, _ = KnownOrders.of(WHOLE_LIFE)
    shown = text(explain(msgspec.structs.replace(read_decision(run, BOUGHT), attempts=tuple(orders.all()))))
    assert "attempts, by the order journal" in shown
    assert "A landed" in shown
    assert "swap 1,000,000 X for at least 149,000 Y" in shown


def test_the_list_has_a_line_for_each_order(run: Path) -> None:
    shown = text(list_orders(last_orders(run, 20), "the last", "USDC"))
    lines = [line for line in shown.splitlines() if line.startswith("│")]
    assert len(lines) == 6
    assert "stale_feed" in lines[STALE - 1]
    assert "it rose" in lines[BOUGHT - 1]
    assert "emergency_stop" in lines[UNWOUND - 1]
