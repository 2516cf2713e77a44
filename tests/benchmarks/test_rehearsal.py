"""Signed trading with every command: what was booked is what the chain moved, and a single unit more is noticed."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import msgspec
import polars as pl
import pytest
from solders.keypair import Keypair

from benchmarks.rehearsal.__main__ import TITLES, table, verdict
from benchmarks.rehearsal.run import Rehearsed, Terms, rehearse
from benchmarks.rehearsal.verdict import COMMANDS, OnChain, Results, differences
from connectors.execution.order_phases import Order
from dlmm.records import Venue
from operators.orders.execution_reports import ExecutionReport, TokenChange, decode_report, encode_report

TERMS = Terms(orders=84, slot_ms=60, market="sigma=0,jumps=0,usd=20")
"""Each of four pools goes through twenty-one steps once; in a calm market, whose active bins seldom move."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rehearsal")


@pytest.fixture(scope="module")
def rehearsed(folder: Path) -> Rehearsed:
    return rehearse(TERMS, folder)


def test_every_command_lands_on_both_venues_and_is_booked_to_the_unit(rehearsed: Rehearsed) -> None:
    assert verdict(rehearsed) == []
    rows = table(rehearsed)
    assert [row[:2] for row in rows] == [[venue, name] for venue in Venue for name in COMMANDS] + [["both", "all"]]
    counts = dict(zip(TITLES[2:], map(int, rows[-1][2:]), strict=True))
    assert counts["orders"] >= TERMS.orders
    assert counts["sent"] == counts["landed"] + counts["failed"] + counts["expired"]
    assert len(rehearsed.chain.moved) > counts["landed"]


def _results(results: Results, **changes: object) -> Results:
    return msgspec.structs.replace(results, **changes)


def _one_more_in(frame: pl.DataFrame, column: str) -> pl.DataFrame:
    return frame.with_columns(pl.when(pl.row_index() == 3).then(pl.col(column) + 1).otherwise(column).alias(column))


def _with_report(results: Results, change: Callable[[ExecutionReport], ExecutionReport]) -> Results:
    """Change the first report on something that moved tokens."""

    def changed(order: Order) -> Order:
        report = decode_report(order.reports[0])
        assert isinstance(report, ExecutionReport)
        return msgspec.structs.replace(order, reports=(encode_report(change(report)), *order.reports[1:]))

    first, *others = results.journal
    return _results(results, journal=(changed(first), *others))


def _summary(results: Results, *path: str, add: float) -> Results:
    summary = deepcopy(results.summary)
    place = summary
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] += add
    return _results(results, summary=summary)


def _one_token_more(report: ExecutionReport) -> ExecutionReport:
    first, *others = report.changes
    return msgspec.structs.replace(report, changes=(TokenChange(first.mint, first.amount + 1), *others))


def _one_lamport_more(report: ExecutionReport) -> ExecutionReport:
    return msgspec.structs.replace(report, network_fee=report.network_fee + 1)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda results, _: _results(results, fills=_one_more_in(results.fills, "amount_in")), "filled"),
        (lambda results, _: _results(results, fills=_one_more_in(results.fills, "amount_out")), "filled"),
        (lambda results, _: _results(results, fills=results.fills[1:]), "filled []"),
        (lambda results, _: _results(results, fills=results.fills[[0, *range(len(results.fills))]]), "filled"),
        (lambda results, _: _results(results, orders=results.orders[1:]), "in the results"),
        (lambda results, _: _results(results, journal=results.journal[1:]), "belongs to no order"),
        (lambda results, _: _with_report(results, _one_token_more), "moved"),
        (lambda results, _: _with_report(results, _one_lamport_more), "lamports"),
        (lambda results, _: _summary(results, "wallet", "lamports", "ledger", add=1), "in the ledger"),
        (lambda results, _: _summary(results, "wallet", "unknown_reports", add=1), "unknown_reports"),
        (lambda results, pools: _summary(results, "pools", pools[2], "base", add=1e-6), "by its vault"),
        (lambda results, pools: _summary(results, "pools", pools[1], "quote", add=-1e-6), "by its vault"),
    ],
)
def test_a_single_unit_is_noticed(
    rehearsed: Rehearsed, spoil: Callable[[Results, list[str]], Results], said: str
) -> None:
    spoilt = spoil(rehearsed.results, [pool.address for pool in rehearsed.pools])
    assert any(said in line for line in differences(spoilt, rehearsed.chain, rehearsed.pools))


def test_a_transaction_that_is_missing_or_there_twice_is_noticed(rehearsed: Rehearsed) -> None:
    opening, closing, moved = rehearsed.chain.opening, rehearsed.chain.closing, rehearsed.chain.moved
    last = next(one for one in reversed(moved) if not one.is_failed and one.tokens)
    without = OnChain(opening, closing, tuple(one for one in moved if one is not last))
    assert any("by all transactions" in line for line in differences(rehearsed.results, without, rehearsed.pools))
    twice = OnChain(opening, closing, (*moved, msgspec.structs.replace(last, signature="another one")))
    said = differences(rehearsed.results, twice, rehearsed.pools)
    assert any("by all transactions" in line for line in said)


def test_a_step_that_landed_twice_is_noticed(rehearsed: Rehearsed) -> None:
    results = rehearsed.results
    first = results.journal[0]
    one = first.transactions[-1]
    twin = msgspec.structs.replace(one, signature="another one")
    report = decode_report(first.reports[-1])
    told = encode_report(msgspec.structs.replace(report, signature="another one"))
    spoilt = msgspec.structs.replace(first, transactions=(one, twin), reports=(*first.reports, told))
    copy = next(moved for moved in rehearsed.chain.moved if moved.signature == one.signature)
    chain = OnChain(
        rehearsed.chain.opening,
        rehearsed.chain.closing,
        (*rehearsed.chain.moved, msgspec.structs.replace(copy, signature="another one")),
    )
    said = differences(_results(results, journal=(spoilt, *results.journal[1:])), chain, rehearsed.pools)
    assert any("landed 2 times" in line for line in said)


def test_the_key_is_in_a_file_for_its_owner_alone_and_nowhere_else(folder: Path, rehearsed: Rehearsed) -> None:
    path = folder / "id.json"
    assert path.stat().st_mode & 0o777 == 0o600
    keypair = Keypair.from_json(path.read_text())
    secrets = [bytes(keypair)[:32], str(keypair).encode(), bytes(keypair)[:32].hex().encode(), path.read_bytes()[1:80]]
    others = [other for other in folder.rglob("*") if other.is_file() and other != path]
    assert len(others) > len(rehearsed.pools)
    assert [other for other in others if any(secret in other.read_bytes() for secret in secrets)] == []
