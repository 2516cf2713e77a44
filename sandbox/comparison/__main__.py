"""Compare the model with the true programs: `python -m sandbox.comparison --program ID=FILE --program ID=FILE`."""

import sys

import click
from rich.console import Console

from dlmm.errors import DlmmError
from sandbox.cluster import MODEL_PROGRAMS
from sandbox.comparison.campaign import SHOWN, Tally, compare, table_of
from sandbox.model.engine import ModelEngine
from sandbox.real import RealEngine, read_program


@click.command()
@click.option("--program", "programs", multiple=True, required=True, metavar="ID=FILE", help="a true program")
@click.option("--transactions", default=2_000, show_default=True, type=click.IntRange(1), help="how many to run")
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0), help="decides every one of them")
@click.option("--logs", is_flag=True, help="show the logs of both engines with the differences")
def main(programs: tuple[str, ...], transactions: int, seed: int, logs: bool) -> None:
    """Run the same random transactions on the model and on the true programs; exit 1 where they differ."""
    try:
        real = RealEngine(dict(map(read_program, programs)))
        tallies = compare(real, ModelEngine(MODEL_PROGRAMS), transactions=transactions, seed=seed)
    except DlmmError as error:
        raise click.ClickException(str(error)) from error
    console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)
    console.print(table_of(tallies))
    _show(tallies, logs=logs)
    sys.exit(any(tally.differing for tally in tallies.values()))


def _show(tallies: dict[str, Tally], *, logs: bool) -> None:
    for kind, tally in tallies.items():
        for outcome in tally.differing[:SHOWN]:
            spoiled = outcome.command.spoiled
            result = "ok" if outcome.error is None else outcome.error
            click.echo(f"{kind}{f', {spoiled}' if spoiled else ''} ({result}):")
            for line in outcome.differences:
                click.echo(f"  {line}")
            if not logs:
                continue
            for instruction in outcome.command.instructions:
                click.echo(f"    {instruction.program_id} {bytes(instruction.data).hex()}")
            for name, lines in zip(("there", "here"), outcome.logs, strict=True):
                for line in lines:
                    click.echo(f"    {name}: {line}")


if __name__ == "__main__":
    main(prog_name="python -m sandbox.comparison")
