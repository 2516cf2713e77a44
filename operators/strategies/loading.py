"""Find a strategy's class, by its module or among those that are installed, and make one of it."""

from collections.abc import Mapping
from importlib.metadata import entry_points

from dlmm.records import Record
from operators.blocks import FIGURES
from operators.strategies.interface import GroupStrategy, KernelStrategy, RowStrategy, Strategy, StrategyError
from operators.user_classes import make

GROUP = "dlmm_hft.strategies"
"""Entry points by which a package says which strategies it brings."""
MOST_REASONS = 128


class InstalledStrategy(Record, frozen=True):
    """What a package says of a strategy that it brings.

    :arg name: Unique among those of all packages.

    :arg class_path: `module:Class`.

    :arg package: Which one brings it, and in which version.

    """

    name: str
    class_path: str
    package: str


def installed_strategies() -> tuple[InstalledStrategy, ...]:
    """Return the strategies that all installed packages bring, in order of their names."""
    found = {
        InstalledStrategy(point.name, point.value, f"{point.dist.name} {point.dist.version}" if point.dist else "")
        for point in entry_points(group=GROUP)
    }
    return tuple(sorted(found, key=lambda each: (each.name, each.class_path)))


def load_strategy(class_path: str, params: Mapping[str, object]) -> Strategy:
    """Import and build a strategy.

    :arg class_path: `module:Class`, the module on Python's path; or the name of an installed one.

    :arg params: Passed to the class by name.

    :raises StrategyError: Whatever keeps the class from being used, in one line.

    """
    what = "strategy"
    if ":" not in class_path:
        what, class_path = f"strategy {class_path},", _installed(class_path)
    strategy = make(what, class_path, params, StrategyError)
    if not isinstance(strategy, KernelStrategy | RowStrategy | GroupStrategy):
        raise StrategyError(
            f"{what} {class_path}: is neither a KernelStrategy (name, state_dtype, kernel, parameters)"
            ", nor a RowStrategy (name, start, on_row), nor a GroupStrategy (name, state_dtype, group_kernel, groups,"
            " group_parameters); see docs/strategies.md"
        )
    for name, most in (("reasons", MOST_REASONS), ("figures", FIGURES)):
        words = getattr(strategy, name, ())
        if not isinstance(words, tuple | list) or len(words) > most or not all(isinstance(word, str) for word in words):
            raise StrategyError(f"{what} {class_path}: its {name} are no tuple of at most {most} texts")
    return strategy


def _installed(name: str) -> str:
    """Return the class of an installed strategy."""
    known = installed_strategies()
    found = [each for each in known if each.name == name]
    if not found:
        raise StrategyError(
            f"strategy {name}: none of that name is installed (there are {', '.join(each.name for each in known)});"
            " a class of your own is named module:Class"
        )
    if len(found) > 1:
        raise StrategyError(
            f"strategy {name}: {' and '.join(f'{each.class_path} of {each.package}' for each in found)} both have that"
            " name; name the class itself"
        )
    return found[0].class_path
