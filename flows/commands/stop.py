"""`dlmm-hft stop` and `dlmm-hft clear`: the operator's emergency stop, on and off."""

import os
from collections.abc import Callable
from pathlib import Path

import click

from connectors.execution.stop_file import FILE_NAME
from connectors.execution.wallet_folders import clear_stop, folder_of, raise_stop, wallet_folders
from dlmm.errors import DlmmError
from flows.settings.load import load_settings

_WALLET = click.option(
    "--wallet", metavar="ADDRESS", help="Of this wallet alone; of all in execution.folder if left out."
)


@click.command("stop")
@click.argument("reason", nargs=-1)
@_WALLET
def stop_command(reason: tuple[str, ...], wallet: str | None) -> None:
    """Turn the emergency stop on, for REASON.

    A run takes no new risk from then on, cancels what rests, closes its positions and sells what it holds. The stop
    stays on across restarts, until `dlmm-hft clear`.
    """

    def turn_on(folder: Path) -> str:
        before = raise_stop(folder, " ".join(reason))
        return f"on: {folder / FILE_NAME}" if before is None else f"on already: {folder / FILE_NAME}: {before}"

    _for_each(wallet, turn_on)


@click.command("clear")
@_WALLET
def clear_command(wallet: str | None) -> None:
    """End the emergency stop, whatever turned it on. The drawdown is measured anew from then on."""

    def turn_off(folder: Path) -> str:
        before = clear_stop(folder)
        return f"not on: {folder / FILE_NAME}" if before is None else f"cleared: {folder / FILE_NAME}: {before}"

    _for_each(wallet, turn_off)


def _for_each(wallet: str | None, turn: Callable[[Path], str]) -> None:
    """Turn the stop of every wallet, or of one; what cannot be done for one keeps it from no other."""
    folders = wallet_folders(Path(load_settings(os.environ).execution.folder))
    failed = False
    for folder in folders if wallet is None else (folder_of(folders, wallet),):
        try:
            click.echo(turn(folder))
        except DlmmError as error:
            failed = True
            click.echo(f"error: {error}", err=True)
    if failed:
        raise click.exceptions.Exit(1)
