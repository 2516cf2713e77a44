"""The order journal: every order from its intent to its end, written before the socket sees a byte of it.

journal = OrderJournal.open(folder, wallet.address)
journal.record(Intent(approved, slot, ts_ns))     # then sign
journal.record(Signed(approved.key, 0, ...))      # then send
"""

from pathlib import Path

from connectors.execution.order_entries import Entry
from connectors.execution.order_phases import Order, Phase, Transaction
from connectors.recordings.journal_format import Cut


class OrderJournal:
    """Append entries to a folder's order journal, and know all that it says. Made by `open`; for one thread.

    :ivar cuts: What could not be read of the file: a torn tail was cut off, damage in the middle was left where it is.

    :ivar is_damaged: Whether more is missing than a torn tail, which a writer's death explains: orders may be missing.

    """

    cuts: tuple[Cut, ...]
    is_damaged: bool

    @classmethod
    def open(cls, folder: Path | str, wallet_address: str, *, fsync: bool = False) -> "OrderJournal":
        """Go on with a wallet's order journal, or begin it.

        :arg fsync: Whether `record` returns from a `Signed` only when the disk has it.

        :raises DlmmError: Another process has it open, or it is another wallet's, or it cannot be read or written.

        """
        raise NotImplementedError

    def record(self, entry: Entry) -> Order:
        """Write an entry. When this returns, the death of the process no longer loses it.

        :returns: The order as it is now.

        :raises EntryRefused: It contradicts what the journal knows.

        :raises JournalError: It cannot be written. Nothing of it stays in the journal.

        """
        raise NotImplementedError

    def close(self) -> None:
        """Have the disk keep it, and let the folder go."""
        raise NotImplementedError

    def knows(self, key: str) -> bool:
        """Tell whether an order has an intent here."""
        raise NotImplementedError

    def phase(self, key: str) -> Phase | None:
        """Return an order's phase, `None` where it is not known."""
        raise NotImplementedError

    def order(self, key: str) -> Order | None:
        """Return all that is known of an order, `None` where it is not known."""
        raise NotImplementedError

    def signatures_of(self, key: str) -> tuple[Transaction, ...]:
        """Return the transactions that were signed for an order, in that order."""
        raise NotImplementedError

    def open_orders(self) -> list[Order]:
        """Return the orders that have not ended, in the order of their arrival."""
        raise NotImplementedError

    def last_reports(self) -> dict[str, bytes]:
        """Return the last encoded report on each order that has one, by key."""
        raise NotImplementedError

    def fees_since(self, ts_ns: int) -> int:
        """Return the lamports paid since a time, network fees and tips; what a fork took back is given back."""
        raise NotImplementedError

    @property
    def next_order(self) -> int:
        """The least order id, from 1, that is above all known ones."""
        raise NotImplementedError
