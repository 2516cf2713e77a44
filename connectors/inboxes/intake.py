"""From what the feeds have brought since the last turn to rows: in order, numbered, each state once.

What came together is sorted by slot; within a slot the tick comes first and a pool's own account last, so that a price
meets the bins that belong to it; what is left goes by address. What the execution connector reports comes last.
Sorting happens before numbering: the recording shows the order that was acted on.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from struct import Struct

import numpy as np

from connectors.clusters.pool_loading import LoadedPool
from connectors.execution.building.pool_accounts import PoolAccounts
from connectors.execution.building.steps import BuildError
from connectors.feeds.outlet import Outlet
from connectors.inboxes.followed_pool import FollowedPool, Sighting
from connectors.inboxes.slot_clock import SlotClock
from connectors.wire.account_data import decode
from connectors.wire.events import AccountUpdate, Event, PriceUpdate, SlotUpdate, SwapVolume
from connectors.wire.refusal import WireError
from dlmm.records import Account
from operators.blocks import REPORT, ROW, TICK, AccountWrite, Rows
from operators.orders.execution_reports import (
    REPORT_OWNER,
    ExecutionReport,
    PositionState,
    Report,
    WalletReport,
    encode_report,
)

LARGEST_ACCOUNT = 1 << 14
"""Bytes of an account, decoded; the largest that is followed has 10,136."""
LAST_SLOT = (1 << 63) - 1
LONGEST_AGE = (1 << 31) - 1
LOADED = 0
"""Feed number of the accounts that were loaded before the feeds began; the feeds count from 1."""

_ROW = Struct("<qqqqqddddihbbii")
"""The fields of `ROW`; packing one costs a third of what numpy takes to make an array of a tuple."""
assert _ROW.size == ROW.itemsize

_Arrival = tuple[int, int, Event]  # number of the feed, receive time, event


class Intake:
    """Turn events into rows and account writes.

    :arg pools: As loaded, in the order that rows count pools.

    :arg outlets: One for each feed, in the order that rows count feeds from 1.

    :arg arrays_around: Bin arrays to follow on either side of a pool's active one.

    :arg last_seq: Sequence number of the last row that there is already.

    :arg report_pool: Index of the pool among whose rows reports travel: one that is handed on.

    :ivar dropped: Events that became no row, by name of the feed and cause.

    :ivar passed: Rows, by name of the feed.

    """

    def __init__(
        self,
        pools: Sequence[LoadedPool],
        outlets: Sequence[Outlet],
        arrays_around: int,
        last_seq: int = 0,
        report_pool: int = 0,
    ) -> None:
        """Start from the loaded accounts."""
        self.dropped: Counter[tuple[str, str]] = Counter()
        self.passed: Counter[str] = Counter()
        self.slots = SlotClock(max((pool.slot for pool in pools), default=0))
        self._pools = [FollowedPool(index, pool, arrays_around) for index, pool in enumerate(pools)]
        self._by_pool = {pool.info.pool: pool for pool in self._pools}
        self._outlets = tuple(outlets)
        self._seq = last_seq
        self._report_pool = report_pool
        self._ts_event_ns = 0
        self._encoded: dict[str, str] = {}
        self._wanted: dict[str, tuple[str, ...]] = {}
        self._has_moved = True
        self._by_account: dict[str, FollowedPool] = {}
        self.follow()

    def follow(self) -> Mapping[str, tuple[str, ...]] | None:
        """Return the accounts to follow by pool if they are others than at the last call, else `None`."""
        if not self._has_moved:
            return None
        self._has_moved = False
        wanted = {pool.info.pool: pool.wanted for pool in self._pools}
        if wanted == self._wanted:
            return None
        self._wanted = wanted
        self._by_account = {address: pool for pool in self._pools for address in pool.wanted}
        self._encoded = {address: text for address, text in self._encoded.items() if address in self._by_account}
        return wanted

    @property
    def wanted(self) -> Mapping[str, tuple[str, ...]]:
        """The accounts to follow, by pool."""
        return self._wanted

    def accounts_of(self, pool: str) -> PoolAccounts:
        """Return a followed pool's accounts as they were last seen.

        :raises BuildError: `missing_account`: no such pool is followed.

        """
        followed = self._by_pool.get(pool)
        if followed is None:
            raise BuildError("missing_account", f"pool {pool} is not followed")
        slot = max(followed.contact_slot, self.slots.slot)
        return PoolAccounts(followed.info, followed.accounts(), slot, self._ts_event_ns // 1_000_000_000)

    def first(self, recv_ns: int, reports: Sequence[Report] = ()) -> tuple[Rows, list[AccountWrite]]:
        """Return the loaded accounts as rows, so that a recording begins with all of them.

        :arg reports: Of the execution connector, from before the feeds began; they come first.

        """
        rows = bytearray()
        writes: list[AccountWrite] = []
        for report in reports:
            self._report(report, LOADED, recv_ns, rows, writes)
        for pool in self._pools:
            for sighting in pool.first_sightings():
                self._add(sighting, pool, LOADED, recv_ns, rows, writes)
        return np.frombuffer(rows, ROW), writes

    def collect(self, now_ns: int) -> tuple[Rows, list[AccountWrite]] | None:
        """Take what the feeds brought since the last call.

        :arg now_ns: Wall clock; ticks go on by it when no feed tells of slots any more.

        :returns: `ROW` array and account bytes, or `None` where there is nothing new.

        """
        arrivals: list[_Arrival] = []
        for feed, outlet in enumerate(self._outlets, 1):
            if len(outlet):
                arrivals += [(feed, recv_ns, event) for recv_ns, event in outlet.drain()]
        rows = bytearray()
        writes: list[AccountWrite] = []
        for feed, recv_ns, event in sorted(arrivals, key=self._place) if len(arrivals) > 1 else arrivals:
            self._take(feed, recv_ns, event, rows, writes)
        estimated = self.slots.estimate(now_ns)
        if estimated is not None:
            self._tick(LOADED, estimated, now_ns, rows)
        return (np.frombuffer(rows, ROW), writes) if rows else None

    def _place(self, arrival: _Arrival) -> tuple[int, int, str, bool]:
        event = arrival[2]
        match event:
            case AccountUpdate(slot=slot, address=address, is_later=is_later):
                return slot, 2 if address in self._by_pool else 1, address, is_later
            case SlotUpdate(slot=slot):
                return slot, 0, "", False
            case SwapVolume(signature=signature):
                return -1, 0, signature, False  # what it adds belongs to the next price
            case PriceUpdate(pool=pool):
                return self.slots.slot, 3, pool, False
            case _:
                return LAST_SLOT, 4, "", False

    def _take(self, feed: int, recv_ns: int, event: Event, rows: bytearray, writes: list[AccountWrite]) -> None:
        match event:
            case AccountUpdate():
                pool = self._by_account.get(event.address)
                seen = "not_followed" if pool is None else self._see_account(pool, event)
            case SlotUpdate(slot=slot):
                if self.slots.hear(slot, recv_ns):
                    self._tick(feed, slot, recv_ns, rows)
                return
            case SwapVolume():
                pool = self._by_pool.get(event.pool)
                if pool is not None and not pool.see_swap(event):
                    self._drop(feed, "duplicate_swap")
                return
            case PriceUpdate():
                pool = self._by_pool.get(event.pool)
                seen = "not_followed" if pool is None else pool.see_price(event, self.slots.slot)
            case _:
                self._report(event, feed, recv_ns, rows, writes)
                return
        if isinstance(seen, str) or pool is None:
            self._drop(feed, str(seen))
        else:
            self._add(seen, pool, feed, recv_ns, rows, writes)

    def _see_account(self, pool: FollowedPool, event: AccountUpdate) -> Sighting | str:
        if self._encoded.get(event.address) == event.data:  # the very text: no need to decode it once more
            return pool.confirm(event.address, event.place)
        try:
            data = decode(event.data, event.encoding, LARGEST_ACCOUNT)
        except WireError as error:
            return error.cause
        wanted = pool.wanted
        seen = pool.see(event.address, event.place, Account(event.owner, data))
        if isinstance(seen, Sighting):
            self._encoded[event.address] = event.data
            self._has_moved |= pool.wanted is not wanted
        return seen

    def _drop(self, feed: int, cause: str) -> None:
        self.dropped[self._outlets[feed - 1].feed, cause] += 1

    def _tick(self, feed: int, slot: int, recv_ns: int, rows: bytearray) -> None:
        """Add one tick for each pool."""
        self._ts_event_ns = max(self._ts_event_ns, recv_ns)
        nan = math.nan
        for pool in self._pools:
            self._seq += 1
            age = min(max(slot - pool.contact_slot, 0), LONGEST_AGE)
            rows += _ROW.pack(
                self._seq, slot, self._ts_event_ns, recv_ns, 0, nan, nan, nan, nan, 0, pool.index, feed, TICK, age, 0
            )

    def _report(self, report: Report, feed: int, recv_ns: int, rows: bytearray, writes: list[AccountWrite]) -> None:
        """Add a report: a row without a price, and the report itself in the place of an account's bytes."""
        self._seq += 1
        self._ts_event_ns = max(self._ts_event_ns, recv_ns)
        nan, slot = math.nan, self.slots.slot
        rows += _ROW.pack(
            self._seq, slot, self._ts_event_ns, recv_ns, 0, nan, nan, nan, nan, 0, self._report_pool, feed, REPORT, 0, 0
        )
        if isinstance(report, ExecutionReport | WalletReport):
            self._follow_positions(report.positions)
        name = type(report).__name__
        writes.append(AccountWrite(self._seq, name, REPORT_OWNER, encode_report(report)))

    def _follow_positions(self, positions: Sequence[PositionState]) -> None:
        """Follow the bins of positions that a report tells of: what stands in them counts, wherever the price is."""
        for position in positions:
            pool = self._by_pool.get(position.pool)
            if pool is not None:
                wanted = pool.wanted
                if position.data:
                    pool.hold(position.address, position.lower, position.upper)
                else:
                    pool.let_go(position.address)
                self._has_moved |= pool.wanted != wanted

    def _add(
        self,
        seen: Sighting,
        pool: FollowedPool,
        feed: int,
        recv_ns: int,
        rows: bytearray,
        writes: list[AccountWrite],
    ) -> None:
        self._seq += 1
        self._ts_event_ns = max(self._ts_event_ns, recv_ns)
        self.passed[self._outlets[feed - 1].feed if feed != LOADED else "loaded"] += 1
        rows += _ROW.pack(
            self._seq,
            seen.slot,
            self._ts_event_ns,
            recv_ns,
            seen.write_order,
            seen.price,
            seen.liquidity,
            seen.volume,
            math.nan,
            seen.active_id,
            pool.index,
            feed,
            seen.kind,
            seen.number,
            0,
        )
        if seen.account is not None:
            writes.append(AccountWrite(self._seq, seen.address, seen.account.owner, seen.account.data))
