"""Names that indices in a run's rows stand for."""

from collections.abc import Iterable

from dlmm.records import Record
from operators.pools import PoolInfo
from operators.strategies.interface import PlannedStrategy


class Wording(Record, frozen=True):
    """The words in which one strategy explains itself; none where it does not.

    :arg reasons: What a signal's `reason` is an index into.

    :arg figures: Names of a signal's `figures`.

    """

    reasons: tuple[str, ...] = ()
    figures: tuple[str, ...] = ()


class RunLabels(Record, frozen=True):
    """Names that indices in rows stand for, and what the result is measured against.

    :arg wordings: Those of the strategies, in their order.

    :arg configuration: The settings used, as TOML.

    :arg notes: Settings that this run did not act upon, a line each.

    """

    name: str
    infos: tuple[PoolInfo, ...]
    strategies: tuple[str, ...]
    quote: str
    capital: float
    equity_interval_s: float
    configuration: str
    recording: str
    notes: tuple[str, ...] = ()
    wordings: tuple[Wording, ...] = ()

    @property
    def pools(self) -> tuple[str, ...]:
        """Addresses of the pools, in the order of their indices."""
        return tuple(info.pool for info in self.infos)


def wordings_of(strategies: Iterable[PlannedStrategy]) -> tuple[Wording, ...]:
    """Return the words of each strategy, as `operators.strategies.interface.Explained` describes them."""
    return tuple(
        Wording(tuple(getattr(each.strategy, "reasons", ())), tuple(getattr(each.strategy, "figures", ())))
        for each in strategies
    )
