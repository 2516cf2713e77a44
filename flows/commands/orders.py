"""`dlmm-hft orders`: show what became of the orders that were sent for a wallet."""

import click
from rich.console import Console

from connectors.execution.orders_report import render_orders, report_orders

FOLDER = "orders"


@click.command("orders")
@click.argument("folder", default=FOLDER)
@click.option("--open", "only_open", is_flag=True, help="Only those that have not ended.")
def orders_command(folder: str, only_open: bool) -> None:
    """Show the order journal in FOLDER, `orders` if none is named.

    A run may be writing to it. A signature can be looked up at any explorer of the chain.
    """
    console = Console()
    if not console.is_terminal:
        console = Console(width=240)
    console.print(render_orders(report_orders(folder), only_open=only_open))
