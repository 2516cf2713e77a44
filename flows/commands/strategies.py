"""`dlmm-hft strategies`: show which strategies are installed, and which of them the settings enable."""

import inspect
import os
import sys
from collections.abc import Iterator

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from flows.settings.load import load_settings
from flows.settings.strategies import Strategies
from operators.strategies.interface import StrategyError
from operators.strategies.loading import InstalledStrategy, installed_strategies
from operators.user_classes import find_class

KINDS = {"kernel": "kernel", "group_kernel": "group", "on_row": "rows"}
"""What a class has that only one kind of strategy has."""


@click.command("strategies")
def strategies_command() -> None:
    """Show the strategies that packages have installed, and those that the settings name by their class.

    A kernel is compiled, rows go to a plain Python function, and a group strategy sees several pools at once.
    """
    if "" not in sys.path:
        sys.path.insert(0, "")  # the current folder, where `python -m bytewax.run` finds a user's module too
    chosen = load_settings(os.environ).strategies
    table = Table(title_justify="left")
    for name in ("name", "kind", "what it does", "parameters", "enabled", "class"):
        table.add_column(name, overflow="fold")
    for each in (*installed_strategies(), *_of_the_settings(chosen)):
        enabled = ", ".join(_enabled_as(each, chosen))
        kind, text, parameters = _described(each)
        table.add_row(each.name, kind, text, parameters, enabled or "no", f"{each.class_path}\n{each.package}".strip())
    console = Console()
    if not console.is_terminal:
        console = Console(width=240)
    console.print(table)


def _of_the_settings(chosen: Strategies) -> tuple[InstalledStrategy, ...]:
    """Return the classes that the settings name and no package brings."""
    brought = {each.class_path for each in installed_strategies()}
    named = {custom.class_path: custom for custom in chosen.custom if ":" in custom.class_path}
    return tuple(
        InstalledStrategy(custom.label, path, "named in the settings")
        for path, custom in named.items()
        if path not in brought
    )


def _enabled_as(each: InstalledStrategy, chosen: Strategies) -> Iterator[str]:
    """Name the sections and the custom entries that enable a strategy."""
    making = chosen.market_making
    sections = {
        "market_making": making.enabled and making.quote_with == "liquidity",
        "swap_quotes": making.enabled and making.quote_with == "swaps",
        "statistical_arbitrage": chosen.statistical_arbitrage.enabled,
        "momentum_trading": chosen.momentum_trading.enabled,
    }
    if each.class_path.startswith("operators.strategies.") and sections.get(each.name):
        yield "strategies." + ("market_making" if each.name == "swap_quotes" else each.name)
    for custom in chosen.custom:
        if custom.class_path in {each.name, each.class_path}:
            yield custom.label


def _described(each: InstalledStrategy) -> tuple[str, str | Text, str]:
    """Return a strategy's kind, its docstring's first line, and its parameters with their defaults."""
    try:
        found = find_class("strategy", each.class_path, StrategyError)
    except StrategyError as error:
        return "-", Text(str(error), style="red"), ""
    kind = next((name for attribute, name in KINDS.items() if hasattr(found, attribute)), "-")
    return kind, Text((inspect.getdoc(found) or "").partition("\n")[0]), _parameters(found)


def _parameters(found: type) -> str:
    try:
        parameters = inspect.signature(found).parameters.values()
    except ValueError:  # a class whose making is not written in Python
        return ""
    return "\n".join(
        each.name if each.default is each.empty else f"{each.name} = {_shown(each.default)}"
        for each in parameters
        if each.name != "name" and each.kind is not each.VAR_KEYWORD
    )


def _shown(default: object) -> str:
    return repr(str(default)) if isinstance(default, str) else repr(default)  # of a StrEnum, the text alone
