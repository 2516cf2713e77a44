"""The ladder keeper: from the wish for a ladder to the order that moves it, and from strayed inventory to its repeat.

Into a ladder goes all that the strategy's account has in the pool: X as asks, Y as bids, what its ladder of before
holds included; no more than the largest order allowed, and no more bids than the limits of exposure leave. Both sides
lean away from what there is too much of; beyond the inventory's band that side alone is quoted which brings it back. A
move is two transactions, a first ladder one: what is not expected to earn more in fees than they cost is withheld.
"""

import math

import numpy as np
from msgspec.structs import replace

from dlmm.records import Record
from operators.bin_positions import MOST_UNITS
from operators.blocks import SHAPES, SIGNAL, Rows
from operators.ladder_bins import MOST_BINS, LadderBins, bin_limits, lean, wished_bins
from operators.ladder_watch import is_due, is_under_way, open_watches, share_of, side_of
from operators.liquidity_orders import blank_order
from operators.numbered_positions import NumberedPositions
from operators.orders import (
    COST_ABOVE_PROFIT,
    IMPOSSIBLE_AMOUNT,
    NO_RULE,
    REBALANCE,
    SIZED_BY_BUDGET,
    SIZED_BY_EXPOSURE,
    SIZED_BY_LIMIT,
    TOO_SMALL,
)
from operators.pools import PoolInfo
from operators.risk.exposure import room
from operators.sizing import POLICY, policy_record
from operators.strategies.interface import PlannedStrategy
from operators.strategies.ladder_making import NEAR_BINS
from operators.tables import Tables

TRANSACTIONS_TO_PLACE, TRANSACTIONS_TO_MOVE = 1, 2

MOST_TRIES = 3
"""Orders that are sent for one wish, one after the other, while their landing fails."""

Draft = tuple[np.void, int, float, float]
"""An order, and what speaks against it as it stands: a rule, its figure and its bound."""


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
        self._bounds = [bin_limits(info) for info in pools]
        self._policies = [planned.policy for planned in strategies]
        self._positions = positions
        self._limits = limits
        self._transaction_cost = transaction_cost
        self._last: dict[tuple[int, int], LastLadder] = {}
        self._policy_records = np.array([policy_record(policy) for policy in self._policies], POLICY)
        self.watches = open_watches(len(strategies), len(pools))

    def snapshot(self) -> LaddersState:
        """Return what is remembered."""
        return tuple((strategy, pool, last) for (strategy, pool), last in self._last.items())

    def restore(self, state: LaddersState) -> None:
        """Go on from a snapshot."""
        self._last = {(strategy, pool): last for strategy, pool, last in state}
        self.watches[...] = open_watches(*self.watches.shape)
        for strategy, pool, last in state:
            self._watch(strategy, pool, last)

    def draft(self, signal: np.void, tables: Tables) -> Draft | None:
        """Turn a wish into an order.

        A wish that says what the last one said is that one, repeated: if the ladder does not stand, it is placed around
        the present price.

        :returns: `None` where it stands, or where the strategy's last ladder is still under way in the pool: the wish
            may come again.

        """
        strategy, pool = int(signal["strategy"]), int(signal["pool"])
        last = self._last.get((strategy, pool))
        if self._is_under_way(strategy, pool, tables):
            self._count_as_tried(signal, last, tables)
            return None
        if last is None or not _is_same(signal, np.frombuffer(last.signal, SIGNAL)[0]):
            return self._draft(signal, int(tables.books[pool]["active_id"]), tables)
        if last.order == self._positions.newest(pool, strategy):
            return None
        return self._draft(signal, last.active_id, tables)

    def retry(self, order: np.void, tables: Tables) -> Draft | None:
        """Return the order that tries once more what one failed to do, around the price that there now is.

        :arg order: The one that failed, which may still be in the table.

        :returns: `None` where something else was tried since, or it was tried often enough: the wish may come again.

        """
        strategy, pool = int(order["strategy"]), int(order["pool"])
        last = self._last.get((strategy, pool))
        if last is None or last.order != int(order["order"]) or last.tries + 1 >= MOST_TRIES:
            return None
        if self._is_under_way(strategy, pool, tables, besides=last.order):
            return None
        signal = np.frombuffer(last.signal, SIGNAL).copy()[0]
        signal["seq"] = order["seq"]
        return self._draft(signal, last.active_id, tables, last.tries + 1)

    def due(self, pool: int, seq: int, tables: Tables) -> list[Draft]:
        """Return the orders that repeat ladders around the present price, since inventory has left its band or is back.

        :arg seq: Of the row that made it so.

        """
        drafts = []
        for (strategy, where), last in self._last.items():
            state = (tables.ledger, tables.books, tables.accounts, self._policy_records, self.watches)
            if where != pool or not is_due(strategy, pool, *state):
                continue
            if not self._positions.newest(pool, strategy) or self._is_under_way(strategy, pool, tables):
                continue
            tables.grow()
            signal = np.frombuffer(last.signal, SIGNAL).copy()[0]
            signal["seq"] = seq
            drafts.append(self._draft(signal, last.active_id, tables))
        return drafts

    def _count_as_tried(self, signal: np.void, last: LastLadder | None, tables: Tables) -> None:
        """Take the ladder that is under way for what is wished, where it was decided around the same price."""
        place = tables.find(last.order) if last is not None else -1
        active_id = int(tables.books[int(signal["pool"])]["active_id"])
        if last is not None and place >= 0 and int(tables.table[place]["other_min_out"]) == active_id:
            key = int(signal["strategy"]), int(signal["pool"])
            self._last[key] = replace(last, signal=signal.tobytes(), active_id=active_id)

    def _is_under_way(self, strategy: int, pool: int, tables: Tables, besides: int = 0) -> bool:
        return bool(is_under_way(strategy, pool, tables.table, int(tables.ledger["open_orders"][0]), besides))

    def _share(self, strategy: int, pool: int, tables: Tables) -> float:
        target = self._policies[strategy].inventory_target
        return float(share_of(strategy, pool, tables.books, tables.accounts, target))

    def _watch(self, strategy: int, pool: int, last: LastLadder) -> None:
        pause_ns = round(self._policies[strategy].min_rebalance_s * 1e9)
        self.watches[strategy, pool] = (last.side, last.tried_ns + pause_ns)

    def _draft(self, signal: np.void, active_then: int, tables: Tables, tries: int = 0) -> Draft:
        strategy, pool = int(signal["strategy"]), int(signal["pool"])
        order = blank_order(tables, pool, strategy, int(signal["seq"]))
        order["action"] = REBALANCE
        order["urgency"] = signal["urgency"]
        order["shape"] = min(max(int(signal["shape"]), 0), len(SHAPES) - 1)
        policy, active_id = self._policies[strategy], int(tables.books[pool]["active_id"])
        share = self._share(strategy, pool, tables)
        side = int(side_of(share - policy.inventory_target, policy.max_inventory_deviation))
        now = int(tables.ledger["ts_event_ns"][0])
        last = LastLadder(signal.tobytes(), active_then, int(order["order"]), now, tries, side)
        self._last[strategy, pool] = last
        self._watch(strategy, pool, last)

        moved = lean(share, policy.inventory_target, policy.max_inventory_deviation, policy.skew_bins)
        bins = wished_bins(signal).by(active_id - active_then).beside(active_id).leaning(active_id, moved)
        bins = bins.only(bids=side <= 0, asks=side >= 0)
        return (order, *self._fill_in(order, bins, float(signal["expected_profit"]), tables))

    def _fill_in(self, order: np.void, bins: LadderBins, per_unit: float, tables: Tables) -> tuple[int, float, float]:
        """Write bins and amounts into an order; return what speaks against it."""
        strategy, pool = int(order["strategy"]), int(order["pool"])
        account, book = tables.accounts[strategy, pool], tables.books[pool]
        x = max(int(account["base"]) - int(account["reserved_base"]) + int(account["position_x"]), 0)
        unit_y, in_bins = float(book["unit_y"]), int(account["position_y"])
        y = max(int(account["quote"]) - int(account["reserved_quote"]) + in_bins, 0)
        order["sized_by"] = SIZED_BY_BUDGET
        free = int(min(room(self._limits, tables.books, pool), MOST_UNITS * unit_y) / unit_y)
        if y > in_bins + free:
            y = in_bins + free
            order["sized_by"] = SIZED_BY_EXPOSURE
        # A bin that takes less than a unit takes nothing.
        bins = bins.only(bids=y >= bins.bids, asks=x >= bins.asks)
        x, y = x if bins.asks else 0, y if bins.bids else 0
        first, last = self._bounds[pool]
        if bins.lower < first or bins.upper > last:
            return IMPOSSIBLE_AMOUNT, *((bins.lower, first) if bins.lower < first else (bins.upper, last))
        if bins.upper - bins.lower >= MOST_BINS:
            return IMPOSSIBLE_AMOUNT, bins.upper - bins.lower + 1, MOST_BINS
        value = x * float(book["unit_x"] * book["price"]) + y * unit_y
        most = float(self._limits["max_position_size"][0])
        if value > most:
            x, y, value = math.floor(x * (most / value)), math.floor(y * (most / value)), most
            order["sized_by"] = SIZED_BY_LIMIT
            bins = bins.only(bids=y >= bins.bids, asks=x >= bins.asks)
        if not bins.bids and not bins.asks:
            return TOO_SMALL, value, 0.0
        order["position"] = order["order"]
        for field in LadderBins.__struct_fields__:
            order[field] = getattr(bins, field)
        order["amount_x"], order["amount_y"] = x, y
        order["other_min_out"] = book["active_id"]
        # X was at risk before; so was the Y that stood in bins.
        order["value"] = max(y - in_bins, 0) * unit_y
        newest = self._positions.newest(pool, strategy)
        if newest:
            order["old_position"] = newest
            order["old_lower"], order["old_upper"] = self._positions.range_of(pool, newest) or (0, 0)
        cost = (TRANSACTIONS_TO_MOVE if newest else TRANSACTIONS_TO_PLACE) * self._transaction_cost
        income = _income(per_unit, value, bins, float(book["liquidity"]))
        return (COST_ABOVE_PROFIT, income, cost) if income <= cost else (NO_RULE, 0.0, 0.0)


def _income(per_unit: float, value: float, bins: LadderBins, liquidity: float) -> float:
    """Return the fee income of a whole ladder: a unit earns the less, the more of us there is in its bins.

    NaN where nothing is claimed.
    """
    density = NEAR_BINS / (bins.bids + bins.asks)
    return per_unit * value / (1.0 + value * density / max(liquidity, 1.0))


def _is_same(one: np.void, other: np.void) -> bool:
    return all(one[field] == other[field] for field in ("lower", "bid_upper", "ask_lower", "upper", "shape"))
