"""An example strategy in plain Python: quote around a slow average of the price."""

from dlmm.records import Record
from operators.strategies.interface import Quote, Row, Wish


class Reversion(Record, frozen=True):
    """Quote `width` on either side of an average with weight `weight` for each new price, every `every` slots."""

    weight: float = 0.02
    width: float = 0.001
    every: int = 10
    name: str = "reversion"
    figures = ("distance from the average",)

    def start(self, pool: object) -> tuple[float, int]:
        """Remember the average and the slot of the last quote."""
        return 0.0, 0

    def on_row(self, row: Row, memory: tuple[float, int]) -> tuple[Wish | None, tuple[float, int]]:
        """Return a new pair of quotes when it is time for one."""
        average, quoted_slot = memory[0] + self.weight * (row.price - memory[0]) if memory[0] else row.price, memory[1]
        if row.slot < quoted_slot + self.every:
            return None, (average, quoted_slot)
        bid, ask = average * (1 - self.width), average * (1 + self.width)
        return Quote(bid, ask, figures=(row.price / average - 1,)), (average, row.slot)
