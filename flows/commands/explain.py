"""`dlmm-hft explain`: say why an order was sent or refused, and what became of it."""

import os
from pathlib import Path

import click
from rich.console import Console

from connectors.results.decision_log import last_orders, newest_run, quote_of, read_decision, tokens_of
from connectors.results.explanation import explain, list_orders
from flows.settings.load import load_settings

LISTED = 20
EXPLAINED_COLUMNS, LISTED_COLUMNS = 240, 120
"""Where the output is no terminal, which would have a width of its own."""


@click.command("explain")
@click.argument("order", required=False)
@click.argument("run_folder", required=False, type=click.Path(path_type=Path))
def explain_command(order: str | None, run_folder: Path | None) -> None:
    """Say why ORDER of the run in RUN_FOLDER was sent or refused; of the newest run if no folder is named.

    Without ORDER the last orders of that run are listed.
    """
    number = int(order) if order is not None and order.isascii() and order.isdecimal() else None
    if order is not None and number is None:
        if run_folder is not None:
            raise click.UsageError(f"{order!r} is no order's number")
        run_folder = Path(order)
    settings = load_settings(os.environ)
    run = run_folder if run_folder is not None else newest_run(Path(settings.results.runs_dir))
    console = Console()
    if not console.is_terminal:
        console = Console(width=EXPLAINED_COLUMNS if number is not None else LISTED_COLUMNS)
    if number is not None:
        console.print(explain(read_decision(run, number, Path(settings.execution.folder))))
    else:
        listed = list_orders(last_orders(run, LISTED), f"{run}: last orders", quote_of(run), tokens_of(run))
        console.print(listed)
