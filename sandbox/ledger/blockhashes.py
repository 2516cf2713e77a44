"""Which blockhashes a transaction may name, and for how long."""

from solders.hash import Hash

from dlmm.records import Record

MAX_AGE = 150
"""Blocks after its own for which a blockhash stays usable."""


class Age(Record, frozen=True):
    """Where a blockhash was made."""

    slot: int
    height: int


class Blockhashes:
    """The recent blockhashes of the living chain."""

    def __init__(self) -> None:
        self._ages: dict[Hash, Age] = {}

    def add(self, blockhash: Hash, age: Age) -> None:
        """Know a new block's hash, and forget those long expired."""
        self._ages[blockhash] = age
        while len(self._ages) > 2 * MAX_AGE + 2:
            self._ages.pop(next(iter(self._ages)))

    def forget(self, blockhash: Hash) -> None:
        """Unlearn the hash of an abandoned block."""
        self._ages.pop(blockhash, None)

    def is_usable(self, blockhash: Hash, height: int, slot: int | None = None) -> bool:
        """Whether a transaction may still name it.

        :arg height: Height of the block on top of which the transaction would run.

        :arg slot: Also ask whether a bank of this slot would know it; a younger one is unknown to it.

        """
        age = self._ages.get(blockhash)
        return age is not None and height - age.height <= MAX_AGE and (slot is None or age.slot <= slot)
