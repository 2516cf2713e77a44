"""A strategy that trades all the time, whatever the market does, so that a kill finds something on its way."""

from dlmm.records import Record
from operators.pools import PoolInfo
from operators.strategies.interface import Row, Take


class Restless(Record, frozen=True):
    """Buy and sell in turn, at limits that hold.

    :arg every: Slots between two trades.

    :arg worth: Of each, in the quote currency.

    :arg slack: How far from the price the limits lie, as a fraction.

    """

    every: int = 4
    worth: float = 200.0
    slack: float = 0.02
    name: str = "restless"

    def start(self, pool: PoolInfo) -> int:
        """Trade at the first row; what is remembered is the next one's slot, and by its parity the side."""
        del pool
        return 0

    def on_row(self, row: Row, memory: int) -> tuple[Take | None, int]:
        """Trade when it is time."""
        if row.slot < memory:
            return None, memory
        size = self.worth / row.price
        if row.slot // self.every % 2:
            wish = Take(bid=row.price * (1.0 + self.slack), bid_size=size)
        else:
            wish = Take(ask=row.price * (1.0 - self.slack), ask_size=size)
        return wish, row.slot + self.every
