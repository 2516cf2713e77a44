"""The table of open orders says what is under way."""

import numpy as np
import pytest

from operators.blocks import SIGNAL
from operators.books.ledger import LEDGER
from operators.orders.order_table import is_route_open
from operators.orders.records import ORDER, ROUTE, SWAP


@pytest.mark.parametrize(
    ("strategy", "pools", "expected"),
    [(0, (3, 1, -1), True), (0, (2, 3, 0), True), (0, (3, 4, -1), False), (1, (0, 1, -1), False)],
)
def test_a_route_is_open_in_all_of_its_pools(strategy: int, pools: tuple[int, int, int], expected: bool) -> None:
    ledger, table, signal = np.zeros(1, LEDGER), np.zeros(2, ORDER), np.zeros(1, SIGNAL)[0]
    table["action"], table["pool"], table["other_pool"], table["third_pool"] = ROUTE, 0, 1, -1
    signal["strategy"], signal["pool"], signal["other_pool"], signal["third_pool"] = strategy, *pools
    assert not is_route_open(signal, ledger[0], table)
    ledger["open_orders"] = 1
    assert is_route_open(signal, ledger[0], table) == expected
    table["action"] = SWAP
    assert not is_route_open(signal, ledger[0], table)
