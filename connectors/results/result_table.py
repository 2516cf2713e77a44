"""The result as a person reads it."""

import os
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

BASELINES = {"hold": "held instead", "rebalanced": "50/50 instead", "passive_lp": "passive LP instead"}
SIDE_BY_SIDE = 4
"""Strategies that a terminal of 80 columns has room for beside each other; further ones come below."""
NAME_WIDTH = 13
_EXCHANGED = str.maketrans("_-", "-_")


def render_result(summary: dict[str, Any], folder: Path) -> str:
    """Return a run's summary as the table that standard output shows, in colours where that is a terminal.

    :arg summary: What `summary.json` holds.

    """
    console = Console(markup=False, emoji=False)
    with console.capture() as captured:
        for part in _result(summary, folder):
            console.print(part, soft_wrap=isinstance(part, Text))
    return captured.get()


def print_result(rendered: str) -> None:
    """Print it, unless whoever was reading has gone."""
    try:
        print(rendered, end="", flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is flushed at exit


def _result(summary: dict[str, Any], folder: Path) -> Iterator[Table | Text]:
    quote = summary["quote"]
    table = Table(title=f"{summary['name']}: {Path(summary['recording']).name}", title_justify="left")
    table.add_column("figure", overflow="fold")
    table.add_column("value", justify="right", overflow="fold")
    table.add_column("of which", style="dim", overflow="fold")
    rows = [
        ("updates", f"{summary['updates']:,}", _parts({**summary["dropped"], **summary["refused_rows"]}, "not used")),
        ("signals", f"{sum(summary['signals'].values()):,}", _parts(summary["signals"])),
        ("orders", f"{summary['orders']:,}", _parts(summary["orders_by_status"])),
        ("objections", f"{sum(summary['objections'].values()):,}", _parts(summary["objections"])),
        ("fills", f"{summary['fills']:,}", f"{summary['volume']:,.2f} {quote} traded"),
        ("fees paid", f"{summary['fees']:,.2f} {quote}", "included in the P&L"),
        *_earned_row(summary["fees_earned"], quote),
        ("transactions paid", _paid(summary), "included in the P&L"),
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
        yield table
    if summary["updates"] and len(summary["strategies"]) > 1:
        yield from _strategies(summary["strategies"], quote)
    for trouble in summary["troubles"]:
        yield Text(f"no fills: {trouble}", style="red")
    for note in summary["notes"]:
        yield Text(f"note: {note}", style="yellow")
    yield Text(f"results in {folder}")


def _strategies(strategies: dict[str, dict[str, Any]], quote: str) -> Iterator[Table]:
    """Set the strategies side by side, a column each: there are few of them, and many figures."""
    names = list(strategies)
    for first in range(0, len(names), SIDE_BY_SIDE):
        table = Table(title="" if first else f"by strategy, {quote}", title_justify="left")
        table.add_column("figure", overflow="fold")
        shown = names[first : first + SIDE_BY_SIDE]
        for name in shown:
            table.add_column(_broken(name), justify="right", overflow="fold")
        columns = [_came_to(strategies[name]) for name in shown]
        for figure in columns[0]:
            table.add_row(figure, *(column[figure] for column in columns))
        yield table


def _came_to(strategy: dict[str, Any]) -> dict[str, str]:
    """Name what one strategy did and came to."""
    counts = {figure: f"{strategy[figure]:,}" for figure in ("signals", "orders", "fills")}
    return counts | {
        "volume": f"{strategy['volume']:,.2f}",
        "fees": f"{strategy['fees']:,.2f}",
        "fees earned": f"{strategy['fees_earned']:,.2f}",
        "transactions": f"{strategy['transaction_costs']:,.2f}",
        "realised": f"{strategy['realised']:+,.2f}",
        "P&L": f"{strategy['pnl']:+,.2f}",
        "wins": _figure(strategy["win_rate"], "{:.1%}"),
        "Kelly": f"{strategy['kelly_fraction']:.2%}",
    }


def _broken(name: str) -> str:
    """Break a long name into lines, behind an underscore if it has one there."""
    lines = textwrap.wrap(name.translate(_EXCHANGED), NAME_WIDTH)  # knows of hyphens as places to break at
    return "\n".join(lines).translate(_EXCHANGED)


def _earned_row(earned: float, quote: str) -> list[tuple[str, str, str]]:
    """Say what bin positions earned, where they did."""
    return [("fees earned", f"{earned:,.2f} {quote}", "by bin positions, included in the P&L")] if earned else []


def _paid(summary: dict[str, Any]) -> str:
    """Say what transactions cost: on chain lamports, on paper what the settings assume."""
    if summary.get("wallet"):
        return f"{summary['wallet']['network_fees_lamports'] / 1e9:.6f} SOL"
    return f"{summary['transaction_costs']:,.2f} {summary['quote']}"


def _baseline_row(baseline: dict[str, Any], quote: str) -> tuple[str, str, str]:
    """Say what the same money would have come to without a strategy."""
    parts = [f"drawdown {baseline['max_drawdown']:.3%}"]
    if baseline["fees"]:
        verb = "earned" if baseline["name"] == "passive_lp" else "paid"
        parts.append(f"fees {verb} {baseline['fees']:,.2f}")
    return f"  {BASELINES[baseline['name']]}", f"{baseline['profit']:+,.2f} {quote}", ", ".join(parts)


def _wallet_rows(wallet: dict[str, Any], quote: str) -> list[tuple[str, str, str]]:
    spent = f"rent locked {wallet['rent_lamports'] / 1e9:.6f} SOL"
    if not wallet["is_closed"]:
        return [("wallet", "not read", spent)]
    differences = len(wallet["differences"])
    verdict = "equals the ledger" if not differences else f"{differences} differences from the ledger"
    pnl = wallet["pnl"] + wallet["in_bins"]
    rows = [("wallet on chain", verdict, spent), ("its P&L", f"{pnl:+,.2f} {quote}", wallet["address"])]
    if wallet["open_positions"]:
        worth = f"{wallet['in_bins']:,.2f} {quote} by the ledger, included in it"
        rows.append(("bin positions", f"{wallet['open_positions']} open", worth))
    return rows


def _of_capital(profit: float, capital: float) -> str:
    return f"{profit / capital:+.3%} of capital" if capital > 0.0 else ""


def _parts(counts: dict[str, int], suffix: str = "") -> str:
    named = ", ".join(f"{name} {count:,}" for name, count in counts.items() if count)
    return f"{named} {suffix}".strip() if named else ""


def _figure(value: float | None, form: str = "{:.2f}") -> str:
    return "-" if value is None else form.format(value)
