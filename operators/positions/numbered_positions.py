"""The positions that commands speak of, by number: those of the wallet, or those on paper."""

from typing import Protocol

from operators.books.tables import Tables
from operators.paper.positions import PaperPositions
from operators.positions.bin_positions import BinPositions


class NumberedPositions(Protocol):
    """Positions by the number of the order that created them."""

    def range_of(self, pool: int, position: int) -> tuple[int, int] | None:
        """Return the first and last bin of a position; `None` where there is none."""
        ...

    def newest(self, pool: int, strategy: int) -> int:
        """Return the number of the position that a strategy opened last in a pool, 0 where it holds none."""
        ...

    def newest_range(self, pool: int, strategy: int) -> tuple[int, int, int]:
        """Return that number, and the position's first and last bin; zeros where it holds none."""
        ...

    def numbered(self) -> list[tuple[int, int]]:
        """Return pool and number of every position that has one, in order."""
        ...


class PositionsAtHand:
    """The wallet's positions where orders are real transactions, and those on paper where they are not.

    :arg tables: Whose ledger says which.

    """

    def __init__(self, signed: BinPositions, paper: PaperPositions, tables: Tables) -> None:
        self._signed = signed
        self._paper = paper
        self._tables = tables

    def range_of(self, pool: int, position: int) -> tuple[int, int] | None:
        """Return the first and last bin of a position; `None` where there is none."""
        return self._now.range_of(pool, position)

    def newest(self, pool: int, strategy: int) -> int:
        """Return the number of the position that a strategy opened last in a pool, 0 where it holds none."""
        return self._now.newest(pool, strategy)

    def newest_range(self, pool: int, strategy: int) -> tuple[int, int, int]:
        """Return that number, and the position's first and last bin; zeros where it holds none."""
        return self._now.newest_range(pool, strategy)

    def numbered(self) -> list[tuple[int, int]]:
        """Return pool and number of every position that has one, in order."""
        return self._now.numbered()

    @property
    def _now(self) -> NumberedPositions:
        return self._signed if self._tables.is_signed else self._paper
