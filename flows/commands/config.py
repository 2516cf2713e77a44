"""`dlmm-hft config`: check a configuration file, and show what is in force."""

import os

import click

from flows.settings.dump import dump_settings, without_secrets
from flows.settings.load import check_file, load_settings


@click.group()
def config() -> None:
    """Check and show the settings."""


@config.command()
@click.argument("file")
def check(file: str) -> None:
    """Check FILE and name everything that is wrong with it, one line each."""
    _, problems = check_file(file)
    for problem in problems:
        click.echo(f"error: {problem}" if problem.path == file else f"error: {file}: {problem}", err=True)
    if problems:
        raise click.exceptions.Exit(1)
    click.echo(f"{file}: ok")


@config.command()
def show() -> None:
    """Print the settings in force: defaults, then the file in HFT_CONFIG, then HFT__SECTION__KEY.

    Addresses of clusters are cut down to their hosts, since providers put keys into the rest.
    """
    click.echo(dump_settings(without_secrets(load_settings(os.environ))), nl=False)
