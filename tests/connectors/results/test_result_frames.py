"""What strategies said is kept in words, and what they left blank takes no room."""

import numpy as np
import polars as pl

from connectors.results.result_frames import SIGNAL_KINDS, table_frame
from connectors.results.run_labels import RunLabels, Wording, wordings_of
from dlmm.shapes import Shape
from operators.blocks import ARBITRAGE, DEPOSIT, QUOTE, REBALANCE, SHAPES, TAKE, Rows
from operators.orders.records import ACTIONS, NO_EDGE, ORDER, RULES, SIZED_BY, SIZED_BY_KELLY, STATUSES
from operators.strategies.interface import PlannedStrategy, Policy
from operators.strategies.momentum import Momentum
from operators.strategies.runner import BLANK
from operators.strategies.swap_quotes import SwapQuotes
from tests.operators.markets import POOLS
from tests.operators.strategies.test_runner import EveryThird

LABELS = RunLabels(
    name="test",
    infos=POOLS,
    strategies=("quoting", "following"),
    quote="USDC",
    capital=1.0,
    equity_interval_s=1.0,
    configuration="",
    recording="",
    wordings=(Wording(), Wording(("it rose", "it fell"), ("return", "z-score"))),
)


def signals(*kinds: int) -> Rows:
    rows = np.repeat(BLANK, len(kinds))
    rows["kind"], rows["seq"] = kinds, np.arange(len(kinds))
    return rows


def frame(rows: Rows) -> pl.DataFrame:
    return table_frame("signals", [rows], LABELS)


def test_every_kind_of_signal_has_a_name() -> None:
    assert frame(signals(*range(len(SIGNAL_KINDS))))["kind"].to_list() == list(SIGNAL_KINDS)
    assert (SIGNAL_KINDS[QUOTE], SIGNAL_KINDS[ARBITRAGE], SIGNAL_KINDS[REBALANCE]) == (
        "quote",
        "arbitrage",
        "rebalance",
    )


def test_a_column_that_says_nothing_is_left_out() -> None:
    rows = signals(QUOTE, QUOTE)
    rows["bid"] = 99.0, np.nan
    made = frame(rows)
    assert made.columns == ["seq", "strategy", "pool", "kind", "reason", "bid"]
    assert made["reason"].to_list() == [None, None]


def test_reasons_are_the_strategys_own_words() -> None:
    rows = signals(TAKE, TAKE, TAKE, TAKE)
    rows["strategy"], rows["reason"], rows["pool"] = (1, 1, 1, 0), (0, 1, 2, 1), (0, 1, 1, 1)
    rows["figures"][:2, 0] = 0.01, -0.01
    made = frame(rows)
    assert made["reason"].to_list() == ["it rose", "it fell", None, None]
    assert made["strategy"].to_list() == ["following"] * 3 + ["quoting"]
    assert made["pool"].to_list() == ["sol", "jup", "jup", "jup"]
    assert made["figure_1"].to_list()[:2] == [0.01, -0.01]
    assert "figure_2" not in made.columns


def test_where_no_strategy_has_words_there_is_no_reason() -> None:
    silent = RunLabels("test", POOLS, ("quoting",), "USDC", 1.0, 1.0, "", "")
    assert "reason" not in table_frame("signals", [signals(TAKE)], silent).columns


def test_what_some_kinds_alone_say_is_empty_for_the_others() -> None:
    rows = signals(QUOTE, REBALANCE, ARBITRAGE, DEPOSIT)
    rows["lower"], rows["upper"], rows["other_pool"] = (7, -3, 7, 7), (7, 0, 7, 7), (1, 1, 1, 1)
    rows["shape"] = SHAPES.index(Shape.CURVE)
    made = frame(rows)
    assert made["lower"].to_list() == [None, -3, None, None]
    assert made["upper"].to_list() == [None, 0, None, None]
    assert made["shape"].to_list() == [None, "curve", None, "curve"]
    assert made["other_pool"].to_list() == [None, None, "jup", None]
    assert made["third_pool"].to_list() == [None] * 4


def test_no_signals_are_an_empty_table() -> None:
    made = frame(signals())
    assert made.height == 0
    assert made.columns[:4] == ["seq", "strategy", "pool", "kind"]


def test_orders_are_told_in_names_and_those_of_the_emergency_stop_by_its_own() -> None:
    rows = np.zeros(3, ORDER)
    rows["strategy"], rows["side"], rows["rule"] = (0, 1, -1), (1, -1, 0), (0, NO_EDGE, 0)
    rows["sized_by"], rows["status"] = (SIZED_BY_KELLY, 0, 0), (1, len(STATUSES) - 1, 0)
    rows["action"] = (0, 0, len(ACTIONS) - 1)
    made = table_frame("orders", [rows], LABELS)
    assert made["strategy"].to_list() == ["quoting", "following", "emergency_stop"]
    assert made["side"].to_list() == ["buy", "sell", "none"]
    assert made["rule"].to_list() == ["none", RULES[NO_EDGE], "none"]
    assert made["sized_by"].to_list() == ["kelly", SIZED_BY[0], SIZED_BY[0]]
    assert made["status"].to_list() == ["filled", STATUSES[-1], "open"]
    assert made["action"].to_list() == ["swap", "swap", ACTIONS[-1]]
    assert not {"tried_slot", "tried_bin", "_reserved"} & set(made.columns)


def test_the_words_are_taken_from_the_strategies() -> None:
    planned = [PlannedStrategy(each, frozenset({0}), Policy()) for each in (Momentum(), EveryThird(), SwapQuotes())]
    following, silent, _ = wordings_of(planned)
    assert following == Wording(Momentum.reasons, Momentum.figures)
    assert silent == Wording()
