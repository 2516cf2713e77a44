"""The result as a person reads it."""

import contextlib
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

BASELINES = {"hold": "held instead", "rebalanced": "50/50 instead", "passive_lp": "passive LP instead"}


def print_result(summary: dict[str, Any], folder: Path) -> None:
    """Print a run's summary as a table on standard output.

    :arg summary: What `summary.json` holds.

    """
    quote = summary["quote"]
    table = Table(title=f"{summary['name']}: {Path(summary['recording']).name}", title_justify="left")
    table.add_column("figure")
    table.add_column("value", justify="right")
    table.add_column("of which", style="dim")
    rows = [
        ("updates", f"{summary['updates']:,}", _parts({**summary["dropped"], **summary["refused_rows"]}, "not used")),
        ("signals", f"{sum(summary['signals'].values()):,}", _parts(summary["signals"])),
        ("orders", f"{summary['orders']:,}", _parts(summary["orders_by_status"])),
        ("objections", f"{sum(summary['objections'].values()):,}", _parts(summary["objections"])),
        ("fills", f"{summary['fills']:,}", f"{summary['volume']:,.2f} {quote} traded"),
        ("fees paid", f"{summary['fees']:,.2f} {quote}", "included in the P&L"),
        ("transactions paid", f"{summary['transaction_costs']:,.2f} {quote}", "included in the P&L"),
        ("P&L", f"{summary['profit']:+,.2f} {quote}", _of_capital(summary["profit"], summary["start_equity"])),
        ("realised", f"{summary['realised']:+,.2f} {quote}", f"unrealised {summary['unrealised']:+,.2f}"),
        ("Sharpe", _figure(summary["sharpe"]), f"yearly, from {summary['equity_samples']:,} samples of equity"),
        ("max drawdown", f"{summary['max_drawdown']:.3%}", "emergency stop" if summary["emergency_stop"] else ""),
        ("win rate", _figure(summary["win_rate"], "{:.1%}"), "of sells, against average cost"),
        ("profit factor", _figure(summary["profit_factor"]), ""),
        ("updates/s", _figure(summary["updates_per_s"], "{:,.0f}"), f"{summary['seconds']:.2f} s"),
    ]
    rows += [_baseline_row(baseline, quote) for baseline in summary.get("baselines", ())]
    if summary.get("wallet"):
        rows += _wallet_rows(summary["wallet"], quote)
    for row in rows:
        table.add_row(*row)
    if summary["updates"]:
        _print(table)
    if summary["updates"] and len(summary["strategies"]) > 1:
        _print(_strategies(summary["strategies"], quote))
    for trouble in summary["troubles"]:
        _print(Text(f"no fills: {trouble}", style="red"))
    for note in summary["notes"]:
        _print(Text(f"note: {note}", style="yellow"))
    _print(Text(f"results in {folder}"))


def _strategies(strategies: dict[str, dict[str, Any]], quote: str) -> Table:
    """Set the strategies side by side."""
    table = Table(title=f"by strategy, {quote}", title_justify="left")
    table.add_column("strategy")
    for column in ("signals", "orders", "fills", "volume", "fees", "transactions", "realised", "P&L", "wins", "Kelly"):
        table.add_column(column, justify="right")
    for name, came_to in strategies.items():
        counts = [f"{came_to[figure]:,}" for figure in ("signals", "orders", "fills")]
        paid = [f"{came_to[figure]:,.2f}" for figure in ("volume", "fees", "transaction_costs")]
        made = [f"{came_to[figure]:+,.2f}" for figure in ("realised", "pnl")]
        odds = [_figure(came_to["win_rate"], "{:.1%}"), f"{came_to['kelly_fraction']:.2%}"]
        table.add_row(name, *counts, *paid, *made, *odds)
    return table


def _baseline_row(baseline: dict[str, Any], quote: str) -> tuple[str, str, str]:
    """Say what the same money would have come to without a strategy."""
    parts = [f"drawdown {baseline['max_drawdown']:.3%}"]
    if baseline["fees"]:
        verb = "earned" if baseline["name"] == "passive_lp" else "paid"
        parts.append(f"fees {verb} {baseline['fees']:,.2f}")
    return f"  {BASELINES[baseline['name']]}", f"{baseline['profit']:+,.2f} {quote}", ", ".join(parts)


def _wallet_rows(wallet: dict[str, Any], quote: str) -> list[tuple[str, str, str]]:
    spent = f"network fees {wallet['network_fees_lamports'] / 1e9:.6f} SOL, rent {wallet['rent_lamports'] / 1e9:.6f}"
    if not wallet["is_closed"]:
        return [("wallet", "not read", spent)]
    differences = len(wallet["differences"])
    verdict = "equals the ledger" if not differences else f"{differences} differences from the ledger"
    rows = [("wallet on chain", verdict, spent), ("its P&L", f"{wallet['pnl']:+,.2f} {quote}", wallet["address"])]
    if wallet["open_positions"]:
        rows.append(("bin positions", f"{wallet['open_positions']} open", "not part of the wallet's P&L"))
    return rows


def _print(what: Table | Text) -> None:
    """Print, unless whoever was reading has gone."""
    with contextlib.suppress(BrokenPipeError, SystemExit):
        Console().print(what, soft_wrap=isinstance(what, Text))


def _of_capital(profit: float, capital: float) -> str:
    return f"{profit / capital:+.3%} of capital" if capital > 0.0 else ""


def _parts(counts: dict[str, int], suffix: str = "") -> str:
    named = ", ".join(f"{name} {count:,}" for name, count in counts.items() if count)
    return f"{named} {suffix}".strip() if named else ""


def _figure(value: float | None, form: str = "{:.2f}") -> str:
    return "-" if value is None else form.format(value)
