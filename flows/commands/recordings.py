"""`dlmm-hft import` and `dlmm-hft inspect`: make a recording of a foreign table, and look at what a recording holds."""

import sys
from datetime import UTC, datetime
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress

from connectors.importers.columns import NS_PER
from connectors.importers.detect import detect_kind
from connectors.importers.intake import ImportSummary
from connectors.importers.table import TableColumns, import_table
from connectors.importers.terms import PoolTerms
from connectors.importers.ticks import DEFAULT_TERMS, import_ticks
from connectors.importers.uniswap import import_uniswap
from connectors.importers.whirlpool import import_whirlpool_swaps
from connectors.recordings.inspection_report import inspect_recording, render_report
from dlmm.records import Venue

_TABLE_ONLY = ("time", "price", "time_unit", "pool", "pool_column", "slot", "liquidity", "volume", "base", "decimals")
_NOT_FOR: dict[str, tuple[str, ...]] = {
    "table": (),
    "whirlpool": (*_TABLE_ONLY, "fee_bps"),
    "ticks": _TABLE_ONLY,
    "uniswap": (*_TABLE_ONLY, "fee_bps", "quote"),
}
_LONG_ROWS = 5_000_000
"""A check that takes longer than a second or two shows how far it is."""


@click.command("import")
@click.argument("source")
@click.argument("out")
@click.option("--kind", type=click.Choice(list(_NOT_FOR)), help="What SOURCE is; told by its columns if not given.")
@click.option("--pools", multiple=True, help="Only this pool, pair (SOL/USDC) or exchange; may be repeated.")
@click.option("--quote", help="table: symbol prices are in. whirlpool: only such pools. ticks: for all pools.")
@click.option("--bin-step", type=click.IntRange(1, 10_000), help="Basis points between bins.  [default: 4, ticks 1]")
@click.option("--fee-bps", type=click.FloatRange(0.0, 1_000.0), help="Base fee of the stand-in pool.  [default: 10]")
@click.option("--venue", type=click.Choice([venue.value for venue in Venue]), default="meteora", show_default=True)
@click.option("--time", help="table: column of the time.")
@click.option("--time-unit", type=click.Choice(list(NS_PER)), help="table: of times in numbers; guessed if not given.")
@click.option("--price", help="table: column of the price.")
@click.option("--pool-column", help="table: column that names the pool or symbol.")
@click.option("--pool", help="table: name of its one pool.")
@click.option("--slot", help="table: column of the slot; made of the time, 0.4 s each, if there is none.")
@click.option("--liquidity", help="table: column of the quote currency standing near the price.")
@click.option("--volume", help="table: column of the quote currency traded.")
@click.option("--base", help="table: symbol of the token that is priced.")
@click.option("--decimals", type=click.IntRange(0, 18), nargs=2, help="table: of base and quote.  [default: 9 6]")
def import_command(source: str, out: str, kind: str | None, **options: Any) -> None:
    """Make the recording OUT of SOURCE, a Parquet or CSV file.

    \b
    table      any table with a time and a price
    whirlpool  swaps of Orca Whirlpools
    ticks      best quotes and trades of exchanges
    uniswap    events of Uniswap v3 USDC/WETH pools

    Rows that cannot be believed are refused and counted. docs/recordings.md says what each kind assumes.
    """  # noqa: D301 - \b is click's mark for a list that stays as it is
    kind = kind or detect_kind(source)
    given = {name: value for name, value in options.items() if value not in (None, ())}
    for name in _NOT_FOR[kind]:
        if name in given:
            raise click.UsageError(f"--{name.replace('_', '-')} does not apply to the kind {kind!r}")
    default = DEFAULT_TERMS if kind == "ticks" else PoolTerms()
    terms = PoolTerms(
        Venue(given["venue"]),
        given.get("bin_step", default.bin_step),
        round(given["fee_bps"] * 1e5) if "fee_bps" in given else default.fee_rate,
    )
    pools, quote = given.get("pools", ()), given.get("quote")
    if kind == "whirlpool":
        summary = import_whirlpool_swaps(source, out, pools=pools, quote=quote, terms=terms)
    elif kind == "ticks":
        summary = import_ticks(source, out, pools=pools, quote=quote, terms=terms)
    elif kind == "uniswap":
        summary = import_uniswap(source, out, pools=pools, terms=terms)
    else:
        decimals = given.get("decimals", (None, None))
        summary = import_table(
            source,
            out,
            columns=TableColumns(
                given.get("time"),
                given.get("price"),
                given.get("pool_column"),
                given.get("slot"),
                given.get("liquidity"),
                given.get("volume"),
                given.get("time_unit"),
            ),
            terms=terms,
            pool=given.get("pool"),
            pools=pools,
            base=given.get("base", "BASE"),
            quote=given.get("quote", "USDC"),
            decimals_x=decimals[0],
            decimals_y=decimals[1],
        )
    click.echo(_summary_text(summary))


@click.command("inspect")
@click.argument("path")
def inspect_command(path: str) -> None:
    """Check the recording PATH, a file or a folder of them, and show what it holds and what is wrong with it."""
    console = Console()
    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("inspect", visible=False)

        def show(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total, visible=total > _LONG_ROWS)

        report = inspect_recording(path, show)
    if not console.is_terminal:
        console = Console(width=160)
    console.print(render_report(report))


def _summary_text(summary: ImportSummary) -> str:
    total = sum(summary.rows.values())
    lines = [f"{summary.out}: {total:,} rows, {_time(summary.first_ns)} to {_time(summary.last_ns)} ({summary.kind})"]
    lines += [f"  {pool}  {count:,} rows" for pool, count in summary.rows.items()]
    lines += [f"  refused: {count:,} rows, {why}" for why, count in summary.refused.items()]
    lines += [f"  left out: {count:,} rows, {why}" for why, count in summary.passed_over.items()]
    lines += [f"  note: {note}" for note in summary.notes]
    return "\n".join(lines)


def _time(ns: int) -> str:
    return datetime.fromtimestamp(ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
