"""Liquidity commands that land on paper: what they do to the positions, and to the books.

The wallet pays and receives as with a report of the execution connector: what goes in comes out of the strategy's
account and stands in bins from then on. What a deposit loses on the way (a composition fee, a transfer fee, a rounding)
is a loss at once.
"""

from collections.abc import Mapping

import numpy as np
from msgspec.structs import replace

from dlmm.errors import DlmmError, RangeError
from dlmm.liquidity import BASIS_POINTS, NOTHING, Amounts
from dlmm.spreads import SpreadError
from dlmm.swap import Pool
from operators.blocks import SHAPES
from operators.books.tables import Tables
from operators.orders.records import (
    ADD,
    BALANCE,
    CLAIM,
    CLOSE,
    CREATE,
    NO_BINS,
    NO_POSITION,
    POOL_UNUSABLE,
    REBALANCE,
    REMOVE,
)
from operators.paper.failures import FailedCommand, Failure, failure_of
from operators.paper.minting import RefusedDeposit, arriving, mint, pool_tokens
from operators.paper.pools import PaperPools, clock_at
from operators.paper.positions import LEAST_BINS, RECORDED, PaperPositions
from operators.paper.spreading import PaperDeposit, PaperLadder, Spread, spread_deposit, spread_ladder
from operators.paper.synthetic import MOST_BINS
from operators.pools import PoolInfo
from operators.positions.bin_conversions import FeesEarned, count_fees, free_of, hold_in_bins, leave_bins
from operators.positions.bin_positions import MOST_UNITS


class UncountableWorth(DlmmError):
    """The recorded bins make positions worth more than there is."""


class PaperLiquidity:
    """Land liquidity commands in the pools that the recording shows, or in a profile that stands in for them."""

    def __init__(self, pools: tuple[PoolInfo, ...], states: PaperPools, positions: PaperPositions) -> None:
        self._pools = pools
        self._states = states
        self._positions = positions

    def land(self, order: np.void, tables: Tables) -> bool:
        """Do what an order asks, as far as the program would.

        :returns: Whether it did; if not, the order's rule says why. Where its pool cannot be used, so do the pool's
            troubles.

        """
        pool = int(order["pool"])
        earned: dict[int, FeesEarned] = {}
        try:
            recorded = self._states.recorded(pool, int(tables.books[pool]["seq"]))
            if recorded is not None:
                earned = self._positions.follow(pool, recorded)
            elif int(order["action"]) == REBALANCE:
                return self._move_ladder(order, pool, tables)
            self._worth(pool)
            failure = self._try(order, recorded, tables)
        except DlmmError as error:
            self._states.trouble(pool, str(error))
            failure = Failure(POOL_UNUSABLE)
        self._take_worth(pool, earned, tables)
        if failure is not None:
            order["rule"], order["figure"], order["bound"] = failure
        return failure is None

    def _move_ladder(self, order: np.void, pool: int, tables: Tables) -> bool:
        """Close and place ladders where no bins are recorded."""
        is_placed, is_countable = self._positions.move_ladder(order, tables.books, tables.accounts)
        if not is_countable:
            self._states.trouble(pool, str(self._uncountable(pool)))
        tables.books["has_positions"][pool] = self._positions.kind_in(pool)
        return is_placed

    def leave(self, tables: Tables) -> None:
        """Forget all positions: the wallet has been opened, and what it holds counts from now on."""
        for _, position in self._positions.numbered():
            self._positions.forget(position)
        for holders in (tables.books, tables.accounts):
            for field in ("position_x", "position_y"):
                holders[field] = 0

    def revalue(self, pool: int, tables: Tables) -> None:
        """Take the positions in a recorded pool on to its last row."""
        if self._positions.kind_in(pool) != RECORDED:
            return
        try:
            recorded = self._states.recorded(pool, int(tables.books[pool]["seq"]))
        except DlmmError as error:
            self._states.trouble(pool, str(error))
            return
        earned = self._positions.follow(pool, recorded) if recorded is not None else {}
        self._take_worth(pool, earned, tables)

    def _try(self, order: np.void, recorded: Pool | None, tables: Tables) -> Failure | None:
        """Carry an order out; return why that was impossible, if it was, and no fault of the pool's."""
        try:
            self._carry_out(order, recorded, tables)
        except (FailedCommand, RefusedDeposit, SpreadError, RangeError) as error:
            return failure_of(error, order, int(tables.books[int(order["pool"])]["active_id"]))
        return None

    def _carry_out(self, order: np.void, recorded: Pool | None, tables: Tables) -> None:
        pool, position = int(order["pool"]), int(order["position"])
        match int(order["action"]):
            case action if action == CREATE:
                self._open(order, tables)
            case action if action == REBALANCE:
                assert recorded is not None, "where no bins are recorded, ladders land by themselves"
                self._rebalance(order, recorded, tables)
            case action:
                owner = self._owner(pool, position)
                out = NOTHING
                if action == ADD:
                    self._deposit(order, recorded, tables)
                if action in (REMOVE, CLOSE):
                    bps = int(order["fraction_bps"]) if action == REMOVE else BASIS_POINTS
                    out += self._positions.withdraw(position, bps)
                if action in (CLAIM, CLOSE):
                    out += self._positions.claim(position)
                if action == CLOSE:
                    self._positions.forget(position)
                self._receive(pool, owner, out, recorded, tables)

    def _open(self, order: np.void, tables: Tables) -> None:
        pool, lower, upper = int(order["pool"]), int(order["lower"]), int(order["upper"])
        least = LEAST_BINS[self._pools[pool].venue]
        if not least <= upper - lower + 1 <= MOST_BINS:
            reason = f"bins {lower} to {upper} are no position of {least} to {MOST_BINS} bins"
            raise FailedCommand(Failure(NO_BINS, float(tables.books[pool]["active_id"])), reason)
        self._positions.open(int(order["position"]), pool, int(order["strategy"]), lower, upper)

    def _deposit(self, order: np.void, recorded: Pool | None, tables: Tables) -> None:
        pool, position = int(order["pool"]), int(order["position"])
        self._owner(pool, position)
        lower, upper = self._positions.range_of(pool, position) or (0, 0)
        wanted = PaperDeposit(
            lower=lower,
            upper=upper,
            amount_x=int(order["amount_x"]),
            amount_y=int(order["amount_y"]),
            active_id=int(order["other_min_out"]),
            shape=SHAPES[int(order["shape"])],
        )
        self._place(pool, position, wanted, recorded, tables)

    def _rebalance(self, order: np.void, recorded: Pool, tables: Tables) -> None:
        """Close the old ladder, if any, and place the new one with what there then is.

        Where the new one cannot be placed, the old one is closed all the same: they are transactions of their own.
        """
        pool, old = int(order["pool"]), int(order["old_position"])
        if old and self._positions.range_of(pool, old) is not None:
            owner = self._owner(pool, old)
            out = self._positions.withdraw(old, BASIS_POINTS) + self._positions.claim(old)
            self._positions.forget(old)
            self._receive(pool, owner, out, recorded, tables)
        free = _free(order, tables)
        wanted = PaperLadder(
            lower=int(order["lower"]),
            bid_upper=int(order["bid_upper"]),
            ask_lower=int(order["ask_lower"]),
            upper=int(order["upper"]),
            amount_x=min(int(order["amount_x"]), free.x),
            amount_y=min(int(order["amount_y"]), free.y),
            active_id=int(order["other_min_out"]),
            shape=SHAPES[int(order["shape"])],
        )
        if not wanted.amount_x and not wanted.amount_y:
            book = tables.books[pool]
            needs = int(order["amount_x"]) * float(book["unit_x"]) or int(order["amount_y"]) * float(book["unit_y"])
            raise FailedCommand(
                Failure(BALANCE, needs), f"nothing is free for the ladder of order {int(order['order'])}"
            )
        position = int(order["order"])
        self._open(order, tables)
        try:
            self._place(pool, position, wanted, recorded, tables)
        except DlmmError:
            self._positions.forget(position)
            raise

    def _place(
        self, pool: int, position: int, wanted: PaperDeposit | PaperLadder, recorded: Pool | None, tables: Tables
    ) -> None:
        strategy = self._owner(pool, position)
        if recorded is None or self._positions.is_synthetic(position):
            active_id = int(tables.books[pool]["active_id"])
            paid = self._positions.put(position, self._spread(pool, wanted, active_id), active_id)
        else:
            clock = clock_at(tables.ledger)
            arrives = arriving(recorded, Amounts(wanted.amount_x, wanted.amount_y), clock)
            bins = self._spread(pool, replace(wanted, amount_x=arrives.x, amount_y=arrives.y), recorded.active_id)
            minted = mint(recorded, wanted.lower, wanted.upper, bins, clock)
            self._positions.mint(position, recorded, minted.bins)
            paid = minted.paid
        _book(pool, strategy, NOTHING - paid, tables)

    def _spread(self, pool: int, wanted: PaperDeposit | PaperLadder, active_id: int) -> Spread:
        info = self._pools[pool]
        if isinstance(wanted, PaperLadder):
            return spread_ladder(wanted, active_id, info.bin_step)
        return spread_deposit(info.venue, wanted, active_id, info.bin_step)

    def _receive(self, pool: int, strategy: int, out: Amounts, recorded: Pool | None, tables: Tables) -> None:
        """Take what came out of bins into the wallet, less what Token-2022 withholds on the way."""
        arrived = out if recorded is None else pool_tokens(recorded, clock_at(tables.ledger)).arrives(out)
        _book(pool, strategy, arrived, tables)

    def _owner(self, pool: int, position: int) -> int:
        if self._positions.range_of(pool, position) is None:
            raise FailedCommand(Failure(NO_POSITION, position), f"there is no position {position}")
        return self._positions.owner_of(pool, position)

    def _worth(self, pool: int) -> dict[int, Amounts]:
        """Return what the positions of each strategy in a pool hold, where books can count it."""
        worth = self._positions.worth(pool)
        if any(max(held.x, held.y) > MOST_UNITS for held in worth.values()):
            raise self._uncountable(pool)
        return worth

    def _uncountable(self, pool: int) -> UncountableWorth:
        return UncountableWorth(f"positions in pool {self._pools[pool].pool} hold more than 62 bits can count")

    def _take_worth(self, pool: int, earned: Mapping[int, FeesEarned], tables: Tables) -> None:
        """Book what positions hold by now, and what of it they have earned."""
        tables.books[pool]["has_positions"] = self._positions.kind_in(pool)
        try:
            hold_in_bins(pool, self._worth(pool), tables)
            count_fees(pool, earned, tables)
        except UncountableWorth as error:
            self._states.trouble(pool, str(error))


def _book(pool: int, strategy: int, flow: Amounts, tables: Tables) -> None:
    """Book what came from bins into the wallet, or with a negative sign went there."""
    leave_bins(pool, strategy, flow.x, flow.y, tables.books, tables.accounts)


def _free(order: np.void, tables: Tables) -> Amounts:
    """Return what an order may take: all that is its strategy's own and not promised to another order."""
    x, y = free_of(int(order["strategy"]), int(order["pool"]), tables.books, tables.accounts)
    return Amounts(max(x + int(order["amount_x"]), 0), max(y + int(order["amount_y"]), 0))
