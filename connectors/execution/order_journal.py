"""The order journal: every order from its intent to its end, written before the socket sees a byte of it.

An entry is one record, written with one system call, so the death of this process loses nothing that `record` returned
from. The death of the machine loses at most the last second, and with `fsync` nothing that was signed.

    journal = OrderJournal.open(folder, wallet_address)
    journal.record(Intent(approved, slot, ts_ns))     # then sign
    journal.record(Signed(approved.key, 0, ...))      # then send

What is signed in the moment that it arrives is recorded once it is signed, both at once: `begin(intent, signed)`.
"""

import logging
from contextlib import ExitStack
from pathlib import Path

from connectors.execution.known_orders import KnownOrders
from connectors.execution.order_entries import Entry, Intent, Signed
from connectors.execution.order_journal_disk import OrderFile, begin_file
from connectors.execution.order_journal_format import NAME, encode_order_head, encode_record, read_order_journal
from connectors.execution.order_phases import Order, Phase, Transaction
from connectors.recordings.journal_format import Cut, JournalError
from connectors.recordings.sealing import WriterLock

_log = logging.getLogger(__name__)


class OtherWallet(JournalError):
    """An order journal of another wallet than the one that would go on with it.

    :arg theirs: Address of the wallet whose journal it is.

    :arg ours: Address of the other one.

    """

    def __init__(self, path: Path, theirs: str, ours: str) -> None:
        """Name both."""
        super().__init__(path, f"is the order journal of wallet {theirs}, not of {ours}; name another folder for it")
        self.theirs = theirs
        self.ours = ours


class OrderJournal:
    """Append entries to a folder's order journal, and know all that it says. Made by `open`; for one thread.

    :ivar cuts: What could not be read of the file: a torn tail was cut off, damage in the middle was left where it is.

    :ivar is_damaged: Whether more is missing than a torn tail, which a writer's death explains: orders may be missing.

    """

    def __init__(
        self,
        file: OrderFile,
        lock: WriterLock,
        orders: KnownOrders,
        cuts: tuple[Cut, ...],
        *,
        damaged: bool,
        sync: bool,
    ) -> None:
        self.cuts = cuts
        self.is_damaged = damaged
        self._file = file
        self._lock = lock
        self._orders = orders
        self._sync = sync

    @classmethod
    def open(cls, folder: Path | str, wallet_address: str, *, fsync: bool = False) -> "OrderJournal":
        """Go on with a wallet's order journal, or begin it.

        :arg folder: Made where it is not there.

        :arg fsync: Whether `record` returns from a `Signed` only when the disk has it, and all before it.

        :raises DlmmError: Another process has it open (`WriterAlive`), it is another wallet's (`OtherWallet`), it
            cannot be read or written, or another version of this program wrote what this one cannot read.

        """
        folder = Path(folder)
        path = folder / NAME
        with ExitStack() as undo:
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise JournalError(folder, f"cannot be made: {error.strerror}") from None
            lock = WriterLock(folder)
            undo.callback(lock.close)
            if not path.exists():
                begin_file(path, encode_order_head(wallet_address))
            contents = read_order_journal(path)
            if contents.wallet != wallet_address:
                raise OtherWallet(path, contents.wallet, wallet_address)
            orders, contradictions = KnownOrders.of(contents.entries)
            cuts = (*contents.cuts, *(Cut(path.name, 0, f"out of order: {line}") for line in contradictions))
            for cut in cuts:
                _log.warning("%s: %s", folder, cut)
            file = OrderFile(path, contents.length)
            undo.pop_all()
        damaged = contents.is_damaged or bool(contradictions)
        return cls(file, lock, orders, cuts, damaged=damaged, sync=fsync)

    def record(self, entry: Entry) -> Order:
        """Write an entry. When this returns, the death of the process no longer loses it.

        :returns: The order as it is now.

        :raises EntryRefused: It contradicts what the journal knows; a subclass says how.

        :raises JournalError: It cannot be written. Nothing of it stays in the journal.

        """
        order = self._orders.check(entry)
        self._file.append(encode_record(entry), sync=self._sync and isinstance(entry, Signed))
        self._orders.keep(order, entry)
        return order

    def begin(self, intent: Intent, entry: Entry) -> Order:
        """Write an order's intent together with the entry that follows it, with one system call; see `record`."""
        order = self._orders.check(entry, self._orders.check(intent))
        records = encode_record(intent) + encode_record(entry)
        self._file.append(records, sync=self._sync and isinstance(entry, Signed))
        self._orders.keep(order, entry)
        return order

    def close(self) -> None:
        """Have the disk keep all of it, and let the folder go."""
        try:
            self._file.close()
        finally:
            self._lock.close()

    def knows(self, key: str) -> bool:
        """Tell whether the journal has anything on an order."""
        return self._orders.get(key) is not None

    def phase(self, key: str) -> Phase | None:
        """Return an order's phase, `None` where it is not known."""
        order = self._orders.get(key)
        return None if order is None else order.phase

    def order(self, key: str) -> Order | None:
        """Return all that is known of an order, `None` where it is not known."""
        return self._orders.get(key)

    def signatures_of(self, key: str) -> tuple[Transaction, ...]:
        """Return the transactions that were signed for an order, in that order."""
        order = self._orders.get(key)
        return () if order is None else order.transactions

    def open_orders(self) -> list[Order]:
        """Return those that have not ended, in the order of their arrival; those that are open again come last."""
        return self._orders.open()

    def last_reports(self) -> dict[str, bytes]:
        """Return the last encoded report on each order that has one, by key; `Order.reports` has all of them."""
        return {order.key: order.reports[-1] for order in self._orders.all() if order.reports}

    def fees_since(self, ts_ns: int) -> int:
        """Return the lamports paid since a time: network fees and tips; what a fork took back is given back."""
        return self._orders.fees_since(ts_ns)

    @property
    def next_order(self) -> int:
        """The least order id, from 1, that is above all known ones."""
        return self._orders.next_order
