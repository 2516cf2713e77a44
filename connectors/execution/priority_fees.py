"""What to bid for a place in a block: a percentile of what others paid of late, within limits."""

from collections.abc import Sequence

from connectors.wire.refusal import Refusal, refusal
from dlmm.records import Record

PERCENTILES = (25, 50, 75, 95)
"""Of the recent prices, by urgency."""

MICRO = 1_000_000


class FeeTerms(Record, frozen=True):
    """Limits of the priority fees.

    :arg floor: Least price of a compute unit, micro-lamports.

    :arg cap: Highest price of a compute unit, micro-lamports.

    :arg order_cap_lamports: Most that one transaction may pay for priority; it lowers the price, and goes before the
        floor.

    :arg day_cap_lamports: Most that all transactions of 24 hours may pay for priority.

    """

    floor: int = 1_000
    cap: int = 5_000_000
    order_cap_lamports: int = 1_000_000
    day_cap_lamports: int = 200_000_000


def priority_fee(price: int, compute_units: int) -> int:
    """Return what a price comes to, in lamports, rounded up as the cluster rounds it.

    :arg price: Micro-lamports for each compute unit.

    :arg compute_units: The transaction's limit, not what it uses.

    """
    return -(-price * compute_units // MICRO)


def percentile(recent: Sequence[int], percent: int) -> int:
    """Return the least of the prices that `percent` of them do not exceed, 0 where there are none.

    >>> percentile([30, 10, 20, 40], 50)
    20

    """
    if not recent:
        return 0
    return sorted(recent)[max(-(-len(recent) * percent // 100), 1) - 1]


def price_of(
    recent: Sequence[int], *, urgency: int, compute_units: int, terms: FeeTerms, spent_today: int
) -> int | Refusal:
    """Choose the price of a compute unit, micro-lamports.

    :arg recent: Prices that were paid of late for the same accounts, one a slot, micro-lamports.

    :arg urgency: 0 low to 3 critical.

    :arg compute_units: The transaction's limit.

    :arg spent_today: Priority fees of the last 24 hours, lamports.

    :returns: `daily_fee_cap` where the day's limit has no room for it. Who must send all the same, because it takes
        risk off, sends at the floor.

    """
    price = min(max(percentile(recent, PERCENTILES[urgency]), terms.floor), terms.cap)
    if compute_units > 0:
        price = min(price, terms.order_cap_lamports * MICRO // compute_units)
    fee = priority_fee(price, compute_units)
    if fee > 0 and spent_today + fee > terms.day_cap_lamports:
        return refusal("daily_fee_cap", f"{spent_today} + {fee} > {terms.day_cap_lamports} lamports")
    return price
