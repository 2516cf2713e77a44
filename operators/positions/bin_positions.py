"""What stands in bins: the wallet's positions, and what they hold in the state of the pool that the market last showed.

A position's own bytes change by our transactions alone, and come with their reports. What its shares are worth follows
from the bin arrays, which the feeds bring.
"""

from collections.abc import Mapping

import numpy as np
from msgspec.structs import replace
from solders.pubkey import Pubkey

from dlmm.errors import DlmmError
from dlmm.liquidity import Amounts, LiquidityState
from dlmm.meteora import layout as meteora
from dlmm.meteora.pdas import bitmap_extension_address
from dlmm.records import Account, Record, Venue
from dlmm.saros import layout as saros
from operators.orders.execution_reports import PositionState
from operators.pools import PoolInfo
from operators.positions.bin_conversions import FeesEarned
from operators.positions.position_looks import UNSEEN, Look, earned_between, lacks_bins, look_at

NOTHING = Amounts(0, 0)
MOST_UNITS = 1 << 62
"""Raw units of a token that positions can hold."""


class HeldPosition(Record, frozen=True):
    """A position of the wallet.

    :arg strategy: Index of the strategy that it belongs to, -1 where to none of this run.

    :arg look: What the last valuation saw; `None` before the first of one that was there before the run.

    """

    state: PositionState
    strategy: int
    look: Look | None = None


class BinPositions:
    """The positions of one portfolio, by address."""

    def __init__(self, pools: tuple[PoolInfo, ...]) -> None:
        """Start with none."""
        self._pools = pools
        self._index = {info.pool: index for index, info in enumerate(pools)}
        self._held: dict[str, HeldPosition] = {}

    def take(self, states: tuple[PositionState, ...], strategy: int) -> None:
        """Take over positions as a transaction left them; those that were closed are forgotten.

        :arg strategy: Index of the strategy whose order touched them.

        """
        for state in states:
            before = self._held.pop(state.address, None)
            if state.data and state.pool in self._index:
                position = state.position or (before.state.position if before is not None else 0)
                held = before or HeldPosition(state, strategy, UNSEEN if strategy >= 0 else None)
                self._held[state.address] = replace(held, state=replace(state, position=position))

    def take_over(self, states: tuple[PositionState, ...], owners: tuple[int, ...]) -> None:
        """Take over positions that were there before the run.

        :arg owners: Index of the strategy that each one belongs to, -1 where to none of this run.

        """
        for state, owner in zip(states, owners, strict=True):
            if state.data and state.pool in self._index:
                self._held[state.address] = HeldPosition(state, owner)

    def in_pool(self, pool: int) -> list[HeldPosition]:
        """Return the positions in one pool, by their numbers."""
        address = self._pools[pool].pool
        return sorted((held for held in self._held.values() if held.state.pool == address), key=_place)

    def range_of(self, pool: int, position: int) -> tuple[int, int] | None:
        """Return the first and last bin of a position, all of its parts together; `None` where there is none."""
        parts = [held.state for held in self.in_pool(pool) if held.state.position == position]
        if not parts:
            return None
        return min(part.lower for part in parts), max(part.upper for part in parts)

    def newest(self, pool: int, strategy: int) -> int:
        """Return the number of the position that a strategy opened last in a pool, 0 where it holds none."""
        return max((held.state.position for held in self.in_pool(pool) if held.strategy == strategy), default=0)

    def newest_range(self, pool: int, strategy: int) -> tuple[int, int, int]:
        """Return that number, and the position's first and last bin; zeros where it holds none."""
        number = self.newest(pool, strategy)
        return (number, *(self.range_of(pool, number) or (0, 0))) if number else (0, 0, 0)

    def owner_of(self, pool: int, position: int) -> int:
        """Return the strategy that a position belongs to, -1 where to none of this run."""
        return next((held.strategy for held in self.in_pool(pool) if held.state.position == position), -1)

    def numbered(self) -> list[tuple[int, int]]:
        """Return pool and number of every position that has one, in order."""
        return sorted(
            {(self._index[held.state.pool], held.state.position) for held in self._held.values() if held.state.position}
        )

    @property
    def pools(self) -> frozenset[int]:
        """Pools in which there are positions."""
        return frozenset(self._index[held.state.pool] for held in self._held.values())

    def value(self, pool: int, accounts: Mapping[str, Account]) -> Amounts:
        """Return what all positions in one pool hold, as `follow` says."""
        return sum((look.worth for _, look in self._looks(pool, accounts)), NOTHING)

    def follow(self, pool: int, accounts: Mapping[str, Account]) -> tuple[dict[int, Amounts], dict[int, FeesEarned]]:
        """Return what the positions of each strategy in one pool hold, and the fees they earned since they were valued.

        What they hold includes fees. Bins in arrays that are not among the accounts count as nothing.

        :arg accounts: Of the pool, by address.

        :raises DlmmError: An account is not what it should be.

        """
        worth: dict[int, Amounts] = {}
        earned: dict[int, FeesEarned] = {}
        for held, look in self._looks(pool, accounts):
            owner = held.strategy
            worth[owner] = worth.get(owner, NOTHING) + look.worth
            if held.look is not None:
                fees = earned_between(held.look, look, self._pools[pool])
                earned[owner] = earned.get(owner, FeesEarned()) + fees
            self._held[held.state.address] = replace(held, look=look)
        return worth, earned

    def lacks_accounts(self, pool: int, accounts: Mapping[str, Account]) -> bool:
        """Tell whether positions in one pool cannot be valued in full yet, as it or some of their bins are not there.

        :raises DlmmError: An account is not what it should be.

        """
        venue, address = self._pools[pool].venue, self._pools[pool].pool
        return address not in accounts or any(lacks_bins(venue, state) for _, state in self._states(pool, accounts))

    def _states(self, pool: int, accounts: Mapping[str, Account]) -> list[tuple[HeldPosition, LiquidityState]]:
        info = self._pools[pool]
        pair = accounts.get(info.pool)
        positions = self.in_pool(pool)
        if pair is None or not positions:
            return []
        arrays = _arrays(info.venue, accounts)
        extension = None
        if info.venue is Venue.METEORA:
            found = accounts.get(str(bitmap_extension_address(Pubkey.from_string(info.pool))))
            extension = found.data if found is not None else None
        return [(held, LiquidityState(pair.data, held.state.data, arrays, extension)) for held in positions]

    def _looks(self, pool: int, accounts: Mapping[str, Account]) -> list[tuple[HeldPosition, Look]]:
        info = self._pools[pool]
        looks: list[tuple[HeldPosition, Look]] = []
        for held, state in self._states(pool, accounts):
            try:
                looks.append((held, look_at(info.venue, state)))
            except (ZeroDivisionError, OverflowError):
                raise DlmmError(f"position {held.state.address}: its bins are not in the pool's state yet") from None
        total = sum((look.worth for _, look in looks), NOTHING)
        if max(total.x, total.y) > MOST_UNITS:
            # Fees count from where a position last looked: from bins older than that they come out as nearly 2**64.
            raise DlmmError(f"pool {info.pool}: its positions are newer than its bins")
        return looks

    def snapshot(self) -> tuple[HeldPosition, ...]:
        """Return all positions."""
        return tuple(self._held.values())

    def restore(self, held: tuple[HeldPosition, ...]) -> None:
        """Go on from a snapshot."""
        self._held = {position.state.address: position for position in held}


def _place(held: HeldPosition) -> tuple[int, int, str]:
    return held.state.position, held.state.lower, held.state.address


def _arrays(venue: Venue, accounts: Mapping[str, Account]) -> dict[int, bytes]:
    layout, discriminator = (
        (saros.BIN_ARRAY, saros.BIN_ARRAY_DISCRIMINATOR)
        if venue is Venue.SAROS
        else (meteora.BIN_ARRAY, meteora.BIN_ARRAY_DISCRIMINATOR)
    )
    found = {}
    for account in accounts.values():
        if account.data[:8] == discriminator and len(account.data) == layout.itemsize:
            found[int(np.frombuffer(account.data, layout)["index"][0])] = account.data
    return found
