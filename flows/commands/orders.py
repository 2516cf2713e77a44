"""`dlmm-hft orders`: show what became of the orders that were sent for a wallet."""

import os
from pathlib import Path

import click
from rich.console import Console

from connectors.execution.orders_report import render_orders, report_orders
from connectors.execution.wallet_folders import wallet_folders
from dlmm.errors import DlmmError
from flows.settings.load import load_settings


@click.command("orders")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option("--open", "only_open", is_flag=True, help="Only those that have not ended.")
def orders_command(folder: Path | None, only_open: bool) -> None:
    """Show the order journals in FOLDER, a wallet's or one with several in it; execution.folder if none is named.

    A run may be writing to them. A signature can be looked up at any explorer of the chain.
    """
    console = Console()
    if not console.is_terminal:
        console = Console(width=240)
    failed = False
    for each in wallet_folders(folder or Path(load_settings(os.environ).execution.folder)):
        try:
            console.print(render_orders(report_orders(each), only_open=only_open))
        except DlmmError as error:
            failed = True
            click.echo(f"error: {error}", err=True)
    if failed:
        raise click.exceptions.Exit(1)
