"""An example strategy in plain Python: quote around a slow average of the price."""

from dlmm.records import Record
from operators.pools import PoolInfo
from operators.strategies.interface import Quote, Row, Wish


class Reversion(Record, frozen=True):
    """Quote `width` on either side of an average with weight `weight` for each new price, every `every` slots."""

    weight: float = 0.02
    width: float = 0.001
    every: int = 10
    name: str = "reversion"

    def start(self, pool: PoolInfo) -> tuple[float, int]:
        """Remember the average and the slot of the last quote."""
        return 0.0, 0

    def on_row(self, row: Row, memory: tuple[float, int]) -> tuple[Wish | None, tuple[float, int]]:
        """Return a new pair of quotes when it is time for one."""
        average, quoted_slot = memory
        average = row.price if average == 0.0 else average + self.weight * (row.price - average)
        if row.slot < quoted_slot + self.every:
            return None, (average, quoted_slot)
        return Quote(bid=average * (1 - self.width), ask=average * (1 + self.width)), (average, row.slot)
