"""An example strategy of liquidity: bids in the bins below the price and asks in those above, moved when it leaves."""

from dlmm.records import Record
from operators.strategies.interface import Ladder, Row, Wish


class RestingLadder(Record, frozen=True):
    """Fill `bins` bins on either side of the price, and move them once the price has left them."""

    bins: int = 10
    name: str = "resting_ladder"
    reasons = ("the price is outside",)

    def start(self, pool: object) -> int | None:
        """Remember the bin around which the ladder stands."""
        return None

    def on_row(self, row: Row, memory: int | None) -> tuple[Wish | None, int | None]:
        """Return a ladder around the active bin, which stays empty itself."""
        middle = row.active_id
        if memory is not None and abs(middle - memory) <= self.bins:
            return None, memory
        return Ladder(middle - self.bins, middle + self.bins, bid_upper=middle - 1, ask_lower=middle + 1), middle
