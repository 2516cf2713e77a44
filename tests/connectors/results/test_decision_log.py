"""An order is found with the signal behind it, its fills and its attempts, or it is said why not."""

import json
import os
from pathlib import Path

import polars as pl
import pytest

from connectors.execution.order_journal import OrderJournal
from connectors.results.decision_log import (
    ResultError,
    last_orders,
    newest_run,
    quote_of,
    read_decision,
    tokens_of,
)
from connectors.results.order_contents import PoolTokens
from tests.connectors.execution.journaled_orders import OTHER, WALLET, intent, signed
from tests.connectors.results.told_run import BOUGHT, EDGELESS, QUOTED, SOLD, STALE, UNWOUND, write_run


def refusal(error: pytest.ExceptionInfo[ResultError]) -> str:
    assert "\n" not in str(error.value)
    return str(error.value)


def test_an_order_comes_with_its_signal_and_its_fills(tmp_path: Path) -> None:
    run = write_run(tmp_path)
    found = read_decision(run, BOUGHT)
    assert found.signal is not None
    assert (found.signal["reason"], found.signal["figure_1"]) == ("it rose", 0.0061)
    assert (found.figures, found.quote) == (("return", "z-score"), "USDC")
    assert [fill["price"] for fill in found.fills] == [100.5]
    assert found.attempts == ()
    both = [read_decision(run, number).signal for number in (STALE, EDGELESS)]
    assert str(both[0]) == str(both[1])


def test_an_order_that_no_strategy_asked_for_has_no_signal(tmp_path: Path) -> None:
    found = read_decision(write_run(tmp_path), UNWOUND)
    assert (found.signal, found.fills, found.order["strategy"]) == (None, (), "emergency_stop")


def test_a_ladder_comes_with_what_it_tries_again_and_with_the_wish_that_it_repeats(tmp_path: Path) -> None:
    run = write_run(tmp_path)
    orders, signals = (pl.read_parquet(run / f"{table}.parquet") for table in ("orders", "signals"))
    of_one_row = pl.col("order").is_in([STALE, EDGELESS])
    orders = orders.with_columns(
        action=pl.lit("rebalance").cast(orders["action"].dtype),
        status=pl.when(of_one_row).then(pl.lit("failed")).otherwise(pl.lit("filled")).cast(orders["status"].dtype),
    )
    orders.write_parquet(run / "orders.parquet")
    signals.with_columns(kind=pl.lit("rebalance").cast(signals["kind"].dtype)).write_parquet(run / "signals.parquet")
    again = read_decision(run, EDGELESS)
    assert again.retried is not None
    assert again.retried["order"] == STALE
    assert again.wish is None
    assert read_decision(run, STALE).retried is None
    signals.head(1).with_columns(kind=pl.lit("rebalance").cast(signals["kind"].dtype)).write_parquet(
        run / "signals.parquet"
    )
    repeated = read_decision(run, SOLD)
    assert repeated.signal is None
    assert repeated.wish is not None
    assert repeated.wish["seq"] == 10
    assert read_decision(run, UNWOUND).wish is None


def test_an_order_that_is_not_there_is_refused(tmp_path: Path) -> None:
    run = write_run(tmp_path)
    with pytest.raises(ResultError) as error:
        read_decision(run, 99)
    assert refusal(error).startswith(f"{run}: has no order 99")


def test_the_last_orders_are_listed_with_what_their_strategies_said(tmp_path: Path) -> None:
    listed = last_orders(write_run(tmp_path), 4)
    assert [order["order"] for order in listed] == [QUOTED, STALE, EDGELESS, UNWOUND]
    assert [order["said"] for order in listed] == [None, "it rose", "it rose", None]


@pytest.mark.parametrize("place", ["run", "execution.folder"])
def test_attempts_are_those_of_the_wallet_that_the_run_signed_with(place: str, tmp_path: Path) -> None:
    run = write_run(tmp_path / "runs", wallet=WALLET)
    for wallet, order in ((WALLET, SOLD), (OTHER, SOLD)):
        is_beside = place == "run" and wallet == WALLET
        journal = OrderJournal.open(run if is_beside else tmp_path / "orders" / wallet, wallet)
        journal.record(intent(order))
        journal.record(signed(f"{order}.0", signature=wallet))
        journal.record(intent(order + 1))
        journal.close()
    (attempt,) = read_decision(run, SOLD, tmp_path / "orders").attempts
    assert [one.signature for one in attempt.transactions] == [WALLET]
    assert read_decision(run, BOUGHT, tmp_path / "orders").attempts == ()
    on_paper = write_run(tmp_path / "runs", "20260102-000000-told")
    assert read_decision(on_paper, SOLD, tmp_path / "orders").attempts == ()


def test_a_run_from_before_tokens_were_kept_has_none_and_nonsense_is_refused(tmp_path: Path) -> None:
    run = write_run(tmp_path)
    assert read_decision(run, BOUGHT).tokens == tokens_of(run) == {"sol": PoolTokens("SOL", "USDC", 9, 6)}
    for pools in ({}, {"sol": {"price": 1.0}}):
        (run / "summary.json").write_text(json.dumps({"quote": "USDC", "pools": pools}))
        assert read_decision(run, BOUGHT).tokens == {}
    for nonsense in ("[]", '{"sol": 1}', '{"sol": {"base_decimals": "nine"}}'):
        (run / "summary.json").write_text(f'{{"quote": "USDC", "pools": {nonsense}}}')
        with pytest.raises(ResultError, match=r"summary\.json: pools: "):
            read_decision(run, BOUGHT)


def test_the_newest_run_is_the_one_that_ended_last(tmp_path: Path) -> None:
    first, second = write_run(tmp_path, "a"), write_run(tmp_path, "b")
    (tmp_path / "c").mkdir()
    for run, at in ((first, 2_000_000_000), (second, 1_000_000_000)):
        os.utime(run / "summary.json", (at, at))
    assert newest_run(tmp_path) == first


@pytest.mark.parametrize("folder", ["nowhere", "."])
def test_no_run_at_all_is_refused(folder: str, tmp_path: Path) -> None:
    with pytest.raises(ResultError, match="there is no run with a result"):
        newest_run(tmp_path / folder)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("summary.json", None, "has no summary.json: the run goes on, or was cut short"),
        ("summary.json", "{", "summary.json: is no summary of a run"),
        ("summary.json", "[]", "summary.json: is no summary of a run"),
        ("signals.parquet", None, "has no signals.parquet; it was made before signals were kept"),
        ("orders.parquet", None, "has no orders.parquet"),
        ("orders.parquet", "nonsense", "orders.parquet: cannot be read"),
    ],
)
def test_results_that_are_not_whole_are_refused(name: str, text: str | None, said: str, tmp_path: Path) -> None:
    run = write_run(tmp_path)
    if text is None:
        (run / name).unlink()
    else:
        (run / name).write_text(text)
    for read in (lambda: read_decision(run, BOUGHT), lambda: last_orders(run, 3) and quote_of(run)):
        with pytest.raises(ResultError) as error:
            read()
        assert said in refusal(error)


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ResultError, match="is no run folder"):
        read_decision(tmp_path / "nowhere", 1)
