"""An example strategy that earns nothing: it goes through every command in each pool, again and again."""

import msgspec

from dlmm.records import Record
from operators.pools import PoolInfo
from operators.strategies.interface import (
    Arbitrage,
    ClaimFees,
    ClosePosition,
    Deposit,
    Ladder,
    OpenPosition,
    Row,
    Take,
    Wish,
    Withdraw,
)

POSITION = ("deposit", "withdraw", "claim", "close")
LADDERS = ("ladder", "move", "close", "ladder wide", "move wide", "close")
STEPS = (
    *("buy", "sell", "buy exactly", "sell exactly"),
    *("open", *POSITION),
    *("open wide", *POSITION),
    "arbitrage",
    *LADDERS,
)
WIDE = (*range(STEPS.index("open wide"), STEPS.index("arbitrage")), *range(STEPS.index("ladder wide"), len(STEPS)))
"""These take a transaction for each position that the wide range is on chain, one after the other."""


class Place(Record, frozen=True):
    """Where the rehearsal stands in one pool.

    :arg step: Of the next wish, counted from the run's beginning.

    :arg due_slot: In which it is said.

    """

    pool: str
    step: int = 0
    due_slot: int = 0


class Rehearsal(Record, frozen=True):
    """Say the next of `STEPS` when the one before has had time to land; limits are so loose that it does.

    :arg partners: Pool to sell in by pool to buy in, of the same tokens; the others do no arbitrage.

    :arg worth: Of each trade and of each side of a deposit, in the quote currency.

    :arg narrow: Bins of a position that is one on chain.

    :arg wide: Bins of one that is several: more than 70 on Meteora, more than 22 on Saros. Ladders are as wide, with
        all that the strategy has in the pool as asks and bids.

    :arg every: Slots that a transaction has to land.

    :arg slack: How far from the price limits lie, as a fraction.

    """

    partners: dict[str, str] = msgspec.field(default_factory=dict)
    worth: float = 50.0
    narrow: int = 16
    wide: int = 76
    every: int = 10
    slack: float = 0.03
    name: str = "rehearsal"

    def start(self, pool: PoolInfo) -> Place:
        """Begin with the first step."""
        return Place(pool.pool)

    def on_row(self, row: Row, memory: Place) -> tuple[Wish | None, Place]:
        """Return the next wish when it is due."""
        if row.slot < memory.due_slot:
            return None, memory
        step = memory.step % len(STEPS)
        pause = self.every * (4 if step in WIDE else 1)
        return self._wish(STEPS[step], row, memory.pool), Place(memory.pool, memory.step + 1, row.slot + pause)

    def _wish(self, step: str, row: Row, pool: str) -> Wish | None:
        size = self.worth / row.price
        high, low = row.price * (1 + self.slack), row.price * (1 - self.slack)
        match step:
            case "buy" | "buy exactly":
                return Take(bid=high, bid_size=size, exact_out=step == "buy exactly")
            case "sell" | "sell exactly":
                return Take(ask=low, ask_size=size, exact_out=step == "sell exactly")
            case "open" | "open wide":
                width = self.wide if step == "open wide" else self.narrow
                lower = row.active_id - width // 2
                return OpenPosition(lower, lower + width - 1)
            case "deposit":
                return Deposit(amount_x=size, amount_y=self.worth)
            case "withdraw":
                return Withdraw(0.5)
            case "claim":
                return ClaimFees()
            case "ladder" | "move" | "ladder wide" | "move wide":
                # a ladder takes the place of another one where it is not the same
                reach = (self.wide if "wide" in step else self.narrow) // 2 + ("move" in step)
                middle = row.active_id
                return Ladder(middle - reach, middle + reach, bid_upper=middle - 1, ask_lower=middle + 1)
            case "close":
                return ClosePosition()
            case _:
                partner = self.partners.get(pool)
                return Arbitrage(partner, bid=high, ask=low, size=size) if partner else None
