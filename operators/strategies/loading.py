"""Find a user's strategy class by its name and make one of it."""

import importlib
from collections.abc import Mapping

from operators.strategies.interface import KernelStrategy, RowStrategy, Strategy, StrategyError


def load_strategy(class_path: str, params: Mapping[str, object]) -> Strategy:
    """Import and build a strategy.

    :arg class_path: `module:Class`; the module must be on Python's path.

    :arg params: Passed to the class by name.

    :raises StrategyError: Whatever keeps the class from being used, in one line.

    """
    module_name, _, class_name = class_path.partition(":")
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # the module is the user's: it may raise whatever it likes
        raise StrategyError(f"strategy {class_path}: cannot import {module_name}: {_said(error)}") from error
    found = getattr(module, class_name, None)
    if not isinstance(found, type):
        raise StrategyError(f"strategy {class_path}: {module_name} has no class {class_name}")
    try:
        strategy = found(**params)
    except Exception as error:  # and so may its class
        raise StrategyError(f"strategy {class_path}: {_said(error)}") from error
    if not isinstance(strategy, KernelStrategy | RowStrategy):
        raise StrategyError(
            f"strategy {class_path}: is neither a KernelStrategy (name, state_dtype, kernel, parameters)"
            " nor a RowStrategy (name, start, on_row); see docs/strategies.md"
        )
    return strategy


def _said(error: Exception) -> str:
    """Return an error in one line, led by its kind."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
