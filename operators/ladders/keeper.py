"""The ladder keeper: from the wish for a ladder to the order that moves it, and from strayed inventory to its repeat.

Into a ladder goes all that the strategy's account has in the pool: X as asks, Y as bids, what its ladder of before
holds included; no more than the largest order allowed, and no more bids than the limits of exposure leave. Both sides
lean away from what there is too much of; beyond the inventory's band that side alone is quoted which brings it back. A
move is two transactions, a first ladder one: what is not expected to earn more in fees than they cost is withheld.
"""

import numpy as np
from numpy.typing import NDArray

from dlmm.records import Record
from dlmm.struct_arrays import copied
from operators.blocks import SIGNAL, Rows
from operators.books.tables import Tables
from operators.ladders.bins import bin_limits
from operators.ladders.drafts import LADDER_POLICY, LAST, draft_again, draft_wish
from operators.ladders.watch import open_watches
from operators.orders.blank_orders import BLANK
from operators.pools import PoolInfo
from operators.positions.numbered_positions import NumberedPositions
from operators.strategies.interface import PlannedStrategy, Policy

MOST_TRIES = 3
"""Orders that are sent for one wish, one after the other, while their landing fails."""

Draft = tuple[np.void, int, float, float]
"""An order, and what speaks against it as it stands: a rule, its figure and its bound."""

State = tuple[Rows, Rows, Rows, Rows, Rows, Rows, Rows, Rows, Rows, NDArray[np.int64], float]
"""What `operators.ladders.drafts` reads and writes, in the order of its kernels' arguments."""


class LastLadder(Record, frozen=True):
    """What was wished last of one strategy's ladder in one pool, and what came of it.

    :arg signal: `SIGNAL` record.

    :arg active_id: Of the pool, when it was wished.

    :arg order: That was to place it; where that is the number of the strategy's newest position, it did.

    :arg tried_ns: Market time of that order.

    :arg tries: Orders, one after the other, whose landing failed before this one.

    :arg side: Of the inventory's band on which the strategy was then: 1 long, -1 short, 0 inside.

    """

    signal: bytes
    active_id: int
    order: int
    tried_ns: int
    tries: int
    side: int


LaddersState = tuple[tuple[int, int, LastLadder], ...]
"""Snapshot: strategy, pool, and what is remembered of its ladder there."""


class LadderKeeper:
    """Draft the orders that place and move ladders.

    :arg limits: `LIMITS` (1,).

    :arg transaction_cost: Quote currency.

    :ivar watches: `WATCH` (strategies, pools), for the clockwork's kernel.

    """

    def __init__(
        self,
        pools: tuple[PoolInfo, ...],
        strategies: tuple[PlannedStrategy, ...],
        positions: NumberedPositions,
        limits: Rows,
        transaction_cost: float,
    ) -> None:
        self._bounds: NDArray[np.int64] = np.array([bin_limits(info) for info in pools], np.int64)
        self._policies = np.array([_ladder_policy(planned.policy) for planned in strategies], LADDER_POLICY)
        self._positions = positions
        self._limits = limits
        self._transaction_cost = transaction_cost
        shape = len(strategies), len(pools)
        self._wishes, self._last, self.watches = np.zeros(shape, SIGNAL), np.zeros(shape, LAST), open_watches(*shape)
        self._wished: list[list[int]] = [[] for _ in pools]  # strategies, by who wished first

    def snapshot(self) -> LaddersState:
        """Return what is remembered."""
        return tuple(
            (strategy, pool, self._remembered(strategy, pool))
            for pool, strategies in enumerate(self._wished)
            for strategy in strategies
        )

    def restore(self, state: LaddersState) -> None:
        """Go on from a snapshot."""
        self._last[...] = np.zeros(1, LAST)
        self.watches[...] = open_watches(*self.watches.shape)
        self._wished = [[] for _ in self._wished]
        for strategy, pool, last in state:
            self._wished[pool].append(strategy)
            self._wishes[strategy, pool] = np.frombuffer(last.signal, SIGNAL)[0]
            self._last[strategy, pool] = last.active_id, last.order, last.tried_ns, last.tries
            due_ns = last.tried_ns + int(self._policies["pause_ns"][strategy])
            self.watches[strategy, pool] = last.side, due_ns

    def draft(self, signal: np.void, tables: Tables) -> Draft | None:
        """Turn a wish into an order.

        A wish that says what the last one said is that one, repeated: if the ladder does not stand, it is placed around
        the present price.

        :returns: `None` where it stands, or where the strategy's last ladder is still under way in the pool: the wish
            may come again.

        """
        strategy, pool = int(signal["strategy"]), int(signal["pool"])
        orders = copied(BLANK)
        position, lower, upper = self._positions.newest_range(pool, strategy)
        state = self._state(tables)
        is_drafted, rule, figure, bound = draft_wish(orders, signal, position, lower, upper, *state)
        if not is_drafted:
            return None
        if strategy not in self._wished[pool]:
            self._wished[pool].append(strategy)
        return orders[0], rule, figure, bound

    def retry(self, order: np.void, tables: Tables) -> Draft | None:
        """Return the order that tries once more what one failed to do, around the price that there now is.

        :arg order: The one that failed, which may still be in the table.

        :returns: `None` where something else was tried since, or it was tried often enough: the wish may come again.

        """
        strategy, pool, failed = int(order["strategy"]), int(order["pool"]), int(order["order"])
        if strategy not in self._wished[pool]:
            return None
        last = self._last[strategy, pool]
        if int(last["order"]) != failed or int(last["tries"]) + 1 >= MOST_TRIES:
            return None
        return self._again(strategy, pool, int(order["seq"]), failed, tables)

    def due(self, pool: int, seq: int, tables: Tables) -> list[Draft]:
        """Return the orders that repeat ladders around the present price, since inventory has left its band or is back.

        :arg seq: Of the row that made it so.

        """
        drafts = [self._again(strategy, pool, seq, 0, tables) for strategy in self._wished[pool]]
        return [drafted for drafted in drafts if drafted is not None]

    def _again(self, strategy: int, pool: int, seq: int, failed: int, tables: Tables) -> Draft | None:
        orders = copied(BLANK)
        position, lower, upper = self._positions.newest_range(pool, strategy)
        of_what = (strategy, pool, seq, failed, position, lower, upper, *self._state(tables))
        is_drafted, rule, figure, bound = draft_again(orders, *of_what)
        return (orders[0], rule, figure, bound) if is_drafted else None

    def _state(self, tables: Tables) -> State:
        return (
            self._wishes,
            self._last,
            self.watches,
            tables.ledger,
            tables.books,
            tables.accounts,
            tables.table,
            self._limits,
            self._policies,
            self._bounds,
            self._transaction_cost,
        )

    def _remembered(self, strategy: int, pool: int) -> LastLadder:
        active_id, order, tried_ns, tries = self._last[strategy, pool].item()
        signal, side = self._wishes[strategy, pool].tobytes(), int(self.watches["side"][strategy, pool])
        return LastLadder(signal, active_id, order, tried_ns, tries, side)


def _ladder_policy(policy: Policy) -> tuple[float, float, float, int]:
    pause_ns = round(policy.min_rebalance_s * 1e9)
    return policy.inventory_target, policy.max_inventory_deviation, policy.skew_bins, pause_ns
