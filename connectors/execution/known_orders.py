"""All orders of an order journal, in memory: what each entry makes of them, and what may not follow."""

from bisect import bisect_left

from msgspec.structs import replace

from connectors.execution.order_entries import (
    Entry,
    EntryRefused,
    Failed,
    Landed,
    OfTransaction,
    SignatureKnown,
    Signed,
    StillPending,
    Undone,
)
from connectors.execution.order_phases import Order, adopt, advance


class KnownOrders:
    """Every order that has an entry. An entry is first `check`ed, then written, then `keep`ed."""

    def __init__(self) -> None:
        self._orders: dict[str, Order] = {}
        self._open: dict[str, Order] = {}
        self._attempts: dict[int, list[str]] = {}
        self._holders: dict[str, str] = {}  # signature -> key
        self._fee_times: list[int] = []  # rising
        self._fee_sums: list[int] = [0]  # one more: what was paid before the time of the same index
        self.next_order = 1
        """The least order id, from 1, that is above all known ones."""

    @classmethod
    def of(cls, entries: list[Entry]) -> tuple["KnownOrders", list[str]]:
        """Read entries that were written before.

        Their transactions are forgotten where the order has ended: nobody sends them again.

        :returns: Them, and what contradicts each other among the entries, a line each.

        :raises ReportUnreadable: Another version of this program wrote a report that this one cannot read.

        """
        orders = cls()
        contradictions = []
        for entry in entries:
            try:
                order = orders.check(entry)
            except EntryRefused as error:
                order = adopt(orders.get(entry.key), entry)
                contradictions.append(str(error))
            orders.keep(order, entry)
        for key, order in orders._orders.items():
            if not order.is_open and order.transactions:
                bare = tuple(replace(one, transaction=b"") for one in order.transactions)
                orders._orders[key] = replace(order, transactions=bare)
        return orders, contradictions

    def check(self, entry: Entry, begun: Order | None = None) -> Order:
        """Return the order as it would be after an entry.

        :arg begun: What `check` returned for the order's intent, where that is not kept yet.

        :raises EntryRefused: The entry contradicts what is known.

        """
        if isinstance(entry, Signed):
            self._refuse_signing(entry)
        return advance(self._orders.get(entry.key) if begun is None else begun, entry)

    def keep(self, order: Order, entry: Entry) -> None:
        """Take what `check` returned for an entry."""
        key = order.key
        before = self._orders.get(key)
        if before is None:
            number = _number(key)
            self._attempts.setdefault(number, []).append(key)
            self.next_order = max(self.next_order, number + 1)
        self._orders[key] = order
        if order.is_open:
            self._open[key] = order
        else:
            self._open.pop(key, None)
        if isinstance(entry, OfTransaction):
            self._holders.setdefault(entry.signature, key)
        if isinstance(entry, Landed | Failed | Undone):
            self._pay(entry.ts_ns, _fees(order) - (0 if before is None else _fees(before)))

    def get(self, key: str) -> Order | None:
        """Return an order, `None` where it is not known."""
        return self._orders.get(key)

    def all(self) -> list[Order]:
        """Return all orders, in the order of their arrival."""
        return list(self._orders.values())

    def open(self) -> list[Order]:
        """Return those that have not ended, in the order of their arrival; those that are open again come last."""
        return list(self._open.values())

    def fees_since(self, ts_ns: int) -> int:
        """Return the lamports paid since a time, at least 0."""
        first = bisect_left(self._fee_times, ts_ns)
        return max(self._fee_sums[-1] - self._fee_sums[first], 0)

    def _refuse_signing(self, entry: Signed) -> None:
        holder = self._holders.get(entry.signature)
        if holder is not None:
            raise SignatureKnown(entry.key, entry.signature, holder)
        for key in self._attempts.get(_number(entry.key), ()):
            if key != entry.key:
                for one in self._orders[key].pending:
                    raise StillPending(entry.key, key, one.step, one.signature)

    def _pay(self, ts_ns: int, lamports: int) -> None:
        if lamports:
            last = self._fee_times[-1] if self._fee_times else ts_ns
            self._fee_times.append(max(ts_ns, last))  # a clock that was set back
            self._fee_sums.append(self._fee_sums[-1] + lamports)


def _number(key: str) -> int:
    return int(key.partition(".")[0])


def _fees(order: Order) -> int:
    return sum(one.fee for one in order.transactions)
