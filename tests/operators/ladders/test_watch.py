"""A ladder moves where inventory left its band or is well back, once its time has come and nothing is on its way."""

import numpy as np
import pytest

from operators.books.accounts import ACCOUNT
from operators.books.ledger import BOOK, LEDGER
from operators.books.sizing import POLICY
from operators.ladders.watch import calls_keeper, is_due, open_watches, share_in_x
from operators.orders.records import CLOSE, ORDER, REBALANCE, SWAP
from operators.paper.synthetic import SYNTHETIC, chained

TARGET, BAND = 0.5, 0.2


class Watched:
    """Strategy 1 with a ladder in pool 1 of two, at a price of 1; so much of 1,000 units is X."""

    def __init__(self, x: int, side: int = 0) -> None:
        self.ledger, self.table = np.zeros(1, LEDGER), np.zeros(3, ORDER)
        self.ledger["ts_event_ns"] = 100
        self.books, self.accounts = np.zeros(2, BOOK), np.zeros((3, 2), ACCOUNT)
        self.books["unit_x"] = self.books["unit_y"] = self.books["price"] = 1.0
        self.accounts[1, 1]["base"], self.accounts[1, 1]["position_x"] = x // 2, x - x // 2
        self.accounts[1, 1]["position_y"] = 1_000 - x
        self.policies, self.watches = np.zeros(2, POLICY), open_watches(2, 2)
        self.policies["inventory_target"], self.policies["max_inventory_deviation"] = TARGET, BAND
        self.watches[1, 1] = (side, 100)
        self.positions = np.zeros(1, SYNTHETIC)
        self.positions["strategy"], self.positions["pool"] = 1, 1

    def is_due(self, strategy: int = 1, pool: int = 1) -> bool:
        return is_due(strategy, pool, self.ledger, self.books, self.accounts, self.policies, self.watches)

    def calls(self, pool: int = 1) -> bool:
        state = (self.ledger, self.books, self.accounts, self.table, self.policies, self.watches)
        return calls_keeper(pool, self.positions, chained(self.positions, 2), *state)


@pytest.mark.parametrize(
    ("x", "side", "expected"),
    [
        (500, 0, False),
        (699, 0, False),
        (701, 0, True),
        (301, 0, False),
        (299, 0, True),
        (800, 1, False),
        (601, 1, False),
        (599, 1, True),
        (200, -1, False),
        (399, -1, False),
        (401, -1, True),
    ],
)
def test_it_moves_beyond_the_band_and_once_more_in_its_inner_half(x: int, side: int, expected: bool) -> None:
    watched = Watched(x, side)
    assert (watched.is_due(), watched.calls()) == (expected, expected)


def test_it_waits_for_its_time_and_without_a_ladder_for_ever() -> None:
    watched = Watched(900)
    watched.ledger["ts_event_ns"] = 99
    assert not watched.is_due()
    watched.ledger["ts_event_ns"] = 100
    assert watched.is_due()
    assert not watched.is_due(strategy=0)
    assert not watched.calls(pool=0)


@pytest.mark.parametrize(("action", "waits"), [(REBALANCE, True), (CLOSE, True), (SWAP, False)])
def test_it_waits_for_orders_that_move_positions(action: int, waits: bool) -> None:
    watched = Watched(900)
    watched.ledger["open_orders"] = 2
    watched.table["order"], watched.table["strategy"], watched.table["pool"] = (1, 2, 3), 1, 1
    watched.table["action"] = (SWAP, action, REBALANCE)
    assert watched.calls() != waits
    watched.table["strategy"] = 0
    assert watched.calls()


def test_who_holds_nothing_is_on_target() -> None:
    watched = Watched(900)
    watched.accounts[1, 1] = np.zeros(1, ACCOUNT)[0]
    assert share_in_x(watched.accounts[1, 1], watched.books[1], 0.25) == 0.25
    assert not watched.is_due()
