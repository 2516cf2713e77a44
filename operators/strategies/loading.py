"""Find a user's strategy class by its name and make one of it."""

from collections.abc import Mapping

from operators.strategies.interface import GroupStrategy, KernelStrategy, RowStrategy, Strategy, StrategyError
from operators.user_classes import make


def load_strategy(class_path: str, params: Mapping[str, object]) -> Strategy:
    """Import and build a strategy.

    :arg class_path: `module:Class`; the module must be on Python's path.

    :arg params: Passed to the class by name.

    :raises StrategyError: Whatever keeps the class from being used, in one line.

    """
    strategy = make("strategy", class_path, params, StrategyError)
    if not isinstance(strategy, KernelStrategy | RowStrategy | GroupStrategy):
        raise StrategyError(
            f"strategy {class_path}: is neither a KernelStrategy (name, state_dtype, kernel, parameters)"
            ", nor a RowStrategy (name, start, on_row), nor a GroupStrategy (name, state_dtype, group_kernel, groups,"
            " group_parameters); see docs/strategies.md"
        )
    return strategy
