"""The command line `dlmm-hft`: its commands live in `flows.commands`, one module each."""

from typing import Any

import click

from dlmm.errors import DlmmError
from flows.commands.config import config
from flows.commands.explain import explain_command
from flows.commands.live import live_command
from flows.commands.orders import orders_command
from flows.commands.recordings import import_command, inspect_command
from flows.commands.stop import clear_command, stop_command
from flows.commands.strategies import strategies_command
from flows.commands.sweep import sweep_command


class Program(click.Group):
    """A group whose commands end in one line on standard error, never in a traceback, where our own errors end them."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except DlmmError as error:
            click.echo(f"error: {' '.join(str(error).splitlines())}", err=True)
            ctx.exit(1)


@click.group(cls=Program)
@click.version_option(package_name="dlmm-hft")
def main() -> None:
    """High-frequency trading for DLMM pools on Solana."""


main.add_command(config)
main.add_command(explain_command)
main.add_command(live_command)
main.add_command(orders_command)
main.add_command(stop_command)
main.add_command(clear_command)
main.add_command(import_command)
main.add_command(inspect_command)
main.add_command(sweep_command)
main.add_command(strategies_command)
