"""The printed result can be read on a terminal of 80 columns, whatever it holds."""

from pathlib import Path
from typing import Any

import pytest

from connectors.results.result_table import print_result, render_result

STRATEGY = {
    "signals": 2_345_678,
    "orders": 1_234_567,
    "fills": 123_456,
    "volume": 1_234_567.891,
    "fees": 12_345.678,
    "fees_earned": 1_234.567,
    "transaction_costs": 123.456,
    "realised": -123_456.789,
    "pnl": -123_456.123,
    "win_rate": 0.5432,
    "kelly_fraction": 0.0475,
}
BASELINE = {"profit": -123_456.789, "max_drawdown": 0.123456, "fees": 12_345.678}
LONG = "a_very_long_name_of_a_strategy_that_somebody_may_well_have_thought_of"
SUMMARY: dict[str, Any] = {
    "name": "replay",
    "recording": "somewhere/tape.parquet",
    "quote": "USDC",
    "updates": 12_345_678,
    "dropped": {"duplicate": 1_234, "stale": 0},
    "refused_rows": {},
    "signals": {"market_making": 1_234_567, LONG: 1_234_567},
    "orders": 1_234_567,
    "orders_by_status": {"filled": 123_456, "cancelled": 123_456, "refused": 123_456, "withheld": 123_456},
    "objections": {"inventory_band": 123_456, "max_total_exposure": 123_456, "cost_above_profit": 12},
    "fills": 123_456,
    "volume": 123_456_789.123,
    "fees": 123_456.789,
    "fees_earned": 12_345.678,
    "transaction_costs": 1_234.5,
    "profit": -123_456.789,
    "start_equity": 1_000_000.0,
    "realised": -123_456.789,
    "unrealised": 123.456,
    "sharpe": -12.34,
    "equity_samples": 123_456,
    "max_drawdown": 0.123456,
    "emergency_stop": True,
    "win_rate": None,
    "profit_factor": 1.5,
    "updates_per_s": 12_345_678,
    "seconds": 123.4,
    "strategies": {},
    "baselines": [{"name": name, **BASELINE} for name in ("hold", "rebalanced", "passive_lp")],
    "wallet": {
        "network_fees_lamports": 123_456_789,
        "rent_lamports": 123_456_789,
        "is_closed": True,
        "differences": ["one", "two"],
        "pnl": -123_456.789,
        "address": "8szGkuLTAux9XMgZ2vtY39jVSowEcpBfFfD8hXSEqdGC",
        "open_positions": 12,
        "in_bins": 123_456.789,
    },
    "troubles": [],
    "notes": [],
}


def lines_of(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], quote: str = "USDC", *strategies: str
) -> list[str]:
    """Print a result on 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    summary = {**SUMMARY, "quote": quote, "strategies": dict.fromkeys(strategies, STRATEGY)}
    print_result(render_result(summary, Path("runs/x")))
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert not [line for line in lines if "…" in line]
    return lines


@pytest.mark.parametrize(
    "strategies",
    [
        ("market_making", "momentum_trading"),
        ("market_making", "statistical_arbitrage", "momentum_trading"),
        ("market_making", "statistical_arbitrage", "momentum_trading", LONG),
        ("market_making", "statistical_arbitrage", "momentum_trading", LONG, "x" * 200, "a b", "_", "[b]of mine[/b]"),
    ],
)
def test_strategies_stand_side_by_side_with_all_their_figures(
    strategies: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = lines_of(monkeypatch, capsys, "USDC", *strategies)
    told = " ".join(" ".join(lines).partition("by strategy, USDC")[2].split())
    for figure in (
        "2,345,678",
        "1,234,567",
        "123,456",
        "1,234,567.89",
        "12,345.68",
        "1,234.57",
        "123.46",
        "-123,456.79",
        "-123,456.12",
    ):
        assert told.count(f" {figure} ") == len(strategies), figure
    assert told.count("54.3%") == told.count("4.75%") == len(strategies)


def test_a_name_breaks_behind_its_underscores(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told = "\n".join(lines_of(monkeypatch, capsys, "USDC", "market_making", "statistical_arbitrage", "my-own"))
    assert "market_making ┃" in told
    assert "statistical_ ┃" in told
    assert "   arbitrage ┃" in told
    assert "my-own ┃" in told


def test_one_strategy_alone_has_no_table_of_its_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not [line for line in lines_of(monkeypatch, capsys, "USDC", "making") if "by strategy" in line]


def test_every_baseline_has_its_profit_and_its_drawdown_on_its_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told = lines_of(monkeypatch, capsys)
    for name in ("held instead", "50/50 instead", "passive LP instead"):
        (line,) = [line for line in told if name in line]
        assert "-123,456.79 USDC" in line
        assert "drawdown 12.346%" in line


def test_transactions_cost_lamports_on_chain_and_an_assumed_amount_on_paper(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (line,) = [line for line in lines_of(monkeypatch, capsys) if "transactions paid" in line]
    assert f"{SUMMARY['wallet']['network_fees_lamports'] / 1e9:.6f} SOL" in line
    monkeypatch.setitem(SUMMARY, "wallet", None)
    (line,) = [line for line in lines_of(monkeypatch, capsys) if "transactions paid" in line]
    assert "1,234.50 USDC" in line


def test_fees_earned_have_a_line_where_there_were_any(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told = lines_of(monkeypatch, capsys)
    assert [line for line in told if "fees earned" in line and "12,345.68 USDC" in line]
    monkeypatch.setitem(SUMMARY, "fees_earned", 0.0)
    assert not [line for line in lines_of(monkeypatch, capsys) if "fees earned" in line]


def test_a_currency_that_is_an_address_is_folded(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines_of(monkeypatch, capsys, SUMMARY["wallet"]["address"], "one", "two")
