"""A new order has a number of its own, the time of the ledger and the price of its book, and nothing else."""

import numpy as np

from dlmm.struct_arrays import copied
from operators.books.ledger import BOOK, LEDGER
from operators.orders.blank_orders import BLANK, number_first
from operators.orders.records import NEVER


def test_orders_are_numbered_and_dated_and_the_blank_stays_blank() -> None:
    ledger, books = np.zeros(1, LEDGER), np.zeros(2, BOOK)
    ledger["next_order"], ledger["slot"], ledger["ts_event_ns"] = 7, 40, 5_000
    books["price"] = 1.5, 2.5
    orders = [copied(BLANK) for _ in range(2)]
    for made in orders:
        number_first(made, ledger, books, 1, -1, 99)
    assert [int(made["order"][0]) for made in orders] == [7, 8]
    assert (ledger["next_order"][0], ledger["orders"][0]) == (9, 2)
    (order,) = orders[0]
    fields = ("pool", "strategy", "seq", "slot", "land_slot", "ts_event_ns", "fair", "limit")
    assert [order[field] for field in fields] == [1, -1, 99, 40, 40, 5_000, 2.5, 2.5]
    assert (order["cancel_slot"], order["expiry_slot"], order["tried_slot"]) == (NEVER, NEVER, -1)
    assert np.isnan(order["size_fraction"])
    assert BLANK["order"][0] == 0
