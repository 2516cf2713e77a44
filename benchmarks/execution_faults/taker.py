"""The strategy that keeps execution busy: a small buy, then a small sale of as much, in every pool every few slots."""

from dlmm.records import Record
from operators.pools import PoolInfo
from operators.strategies.interface import Row, Take

BEYOND = 0.002
"""How far beyond the price each order may go: most land, and those that the market runs away from fail."""


class Memory(Record, frozen=True):
    """What is remembered of one pool."""

    slot: int = 0
    is_holding: bool = False


class Taker:
    """Take alternately from either side.

    :arg every_slots: Slots between two orders in one pool.

    :arg value: Of each order, in the quote currency.

    """

    name = "taker"

    def __init__(self, every_slots: int = 3, value: float = 20.0) -> None:
        self._every_slots = every_slots
        self._value = value

    def start(self, pool: PoolInfo) -> Memory:
        del pool
        return Memory()

    def on_row(self, row: Row, memory: Memory) -> tuple[Take | None, Memory]:
        if row.price <= 0.0 or row.slot < memory.slot + self._every_slots:
            return None, memory
        size = self._value / row.price
        after = Memory(row.slot, not memory.is_holding)
        if memory.is_holding:
            return Take(ask=row.price * (1.0 - BEYOND), ask_size=size), after
        return Take(bid=row.price * (1.0 + BEYOND), bid_size=size), after
