"""The walk answers by itself what needs no more than the pools, and stops for a pool that it does not have."""

import numpy as np

from dlmm.records import ANSWER
from operators.books.tables import Tables
from operators.ladders.watch import open_watches
from operators.orders.clockwork import DONE
from operators.orders.order_table import CURSOR
from operators.orders.records import FAILED, FILLED, ORDER
from operators.orders.walk import AWAITS_POOL, walk
from operators.paper.pools import PaperPools
from operators.paper.synthetic import NO_POSITIONS
from operators.portfolio import Portfolio
from tests.operators.routes.test_routing import APART, HERE, POOLS, THERE, pair, params


class Walk:
    """The rows in which SOL is cheap here and dear there, and the wish for the round between them."""

    def __init__(self) -> None:
        made = Portfolio(params())
        self.tables: Tables = made._tables
        self.pools: PaperPools = made._pools
        (wishes,) = pair().values()
        self.tables.begin(len(APART), len(wishes))
        state = self.tables.ledger, self.tables.books, self.tables.table, self.tables.accounts
        self.out = self.tables.ended, self.tables.fills, self.tables.samples, self.tables.sent
        rules = made._policies, made._limits, made._venue
        given = (APART.copy(), np.arange(len(APART)), wishes, state, rules, made._risk, made._unwinding)
        self._given = (*given, NO_POSITIONS, open_watches(1, len(POOLS)), self.out, made._tokens)
        self.cursor, self._answer = np.zeros(1, CURSOR), np.zeros(1, ANSWER)

    def go_on(self) -> int:
        at_hand = self.pools.standing, self.pools.ways
        return int(walk(*self._given, *at_hand, self.cursor, self._answer))

    def hold(self) -> int:
        """Put the pool at hand that was asked for, and return it."""
        pool = int(self.cursor["pool"][0])
        self.pools.hold(pool, self.tables.books, int(self.tables.ledger["slot"][0]))
        return pool


def test_it_asks_for_each_pool_once_and_goes_on_with_the_same_question() -> None:
    made, asked = Walk(), []
    while made.go_on() == AWAITS_POOL:
        asked.append(made.hold())
    assert asked == [HERE, THERE]
    assert made.go_on() == DONE
    cursor = made.cursor[0]
    assert (cursor["ended"], cursor["fills"], cursor["row"]) == (1, 2, len(APART))
    (order,) = made.out[0][:1]
    assert (order["status"], order["order"]) == (FILLED, 1)


def test_a_question_that_is_asked_again_changes_nothing_meanwhile() -> None:
    made = Walk()
    assert made.go_on() == AWAITS_POOL
    before = made.tables.ledger.tobytes(), made.tables.books.tobytes(), made.cursor.tobytes()
    assert made.go_on() == AWAITS_POOL
    assert (made.tables.ledger.tobytes(), made.tables.books.tobytes(), made.cursor.tobytes()) == before


def test_a_pool_that_cannot_be_used_withholds_the_wish() -> None:
    made = Walk()
    made._given[0]["liquidity"][APART["pool"] == THERE] = np.nan
    while made.go_on() == AWAITS_POOL:
        made.hold()
    (order,) = made.out[0][:1]
    assert order.dtype == ORDER
    assert order["status"] not in (FILLED, FAILED)
    assert made.cursor["fills"][0] == 0
    assert "neither its bins nor its liquidity" in made.pools.troubles[0]
