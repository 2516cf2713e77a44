"""What the settings ask for and this release does not do yet, so that nobody believes it done."""

from collections.abc import Callable

from dlmm.records import Record
from flows.settings.tree import Settings


class _Pending(Record, frozen=True):
    """A setting ahead of the code.

    :arg value: What the user asked for, or `None` where nothing is missing.

    :arg reason: What happens instead.

    """

    path: str
    value: Callable[[Settings], object | None]
    reason: str


_PENDING = (
    _Pending(
        "strategies.statistical_arbitrage.enabled",
        lambda s: "true" if s.strategies.statistical_arbitrage.enabled else None,
        "the strategy does not run",
    ),
)


def not_yet_in_use(settings: Settings) -> list[str]:
    """Name the settings that are switched on and that this release ignores.

    :returns: One line each, such as `trading.dry_run = false: all fills are simulated`. Limits have a value always, so
        those that are not enforced are always named.

    """
    asked = [(pending, pending.value(settings)) for pending in _PENDING]
    return [f"{pending.path} = {value}: {pending.reason}" for pending, value in asked if value is not None]
