"""The pools that paper orders meet: as the recording has them, or a synthetic profile where it has no bins.

A fill changes the pool for the fills that follow in the same state of the market; the next row of the pool is again
what was recorded. So our own impact is paid in full, but the recorded market does not answer to it.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from dlmm.errors import DlmmError, RangeError
from dlmm.meteora.pool import MeteoraPool
from dlmm.profile import PoolTerms, blank_pool, synthetic_pool
from dlmm.records import Account, Clock, Record, Venue
from dlmm.saros.layout import BINS_PER_ARRAY
from dlmm.saros.pool import SarosPool
from dlmm.struct_arrays import copied, plain
from dlmm.swap import Pool
from dlmm.ways import NO_WAY, Way, own_ways, put_way, way_list, way_through
from operators.blocks import AccountWrite, Rows
from operators.paper.pools_at_hand import (
    BLANK,
    NANOSECONDS,
    RECORDED,
    STAND_IN,
    STANDING,
    UNUSABLE,
    WAYS,
    X_IN,
    Y_IN,
    epoch_of,
)
from operators.pools import PoolInfo

_MOST_COUNTED = (1 << 63) - 1


class _Held(NamedTuple):
    """A pool that kernels write our fills into.

    :ivar pool: Its arrays are what they write into; the vaults are those of before.

    :ivar ways: With Y going in, and with X going in.

    :ivar made_of: What was recorded.

    """

    pool: Pool
    ways: tuple[Way, Way]
    made_of: Pool | None

    def now(self) -> Pool:
        """Return the pool with all fills in it."""
        if isinstance(self.pool, SarosPool):
            return self.pool
        x, y = (int(way.meteora.terms["vault_out"][0]) for way in self.ways)
        return replace(self.pool, vault_x=x, vault_y=y)

    def becomes(self, recorded: Pool) -> bool:
        """Take over what was recorded, where its accounts are the same ones; return whether they are."""
        mine = self.pool
        if _outline(mine) != _outline(recorded):
            return False
        _overwrite(mine.pair, recorded.pair)
        _overwrite(mine.arrays, recorded.arrays)
        if isinstance(mine, MeteoraPool) and isinstance(recorded, MeteoraPool):
            _overwrite(mine.extension, recorded.extension)
            for way, vault in zip(self.ways, (recorded.vault_x, recorded.vault_y), strict=True):
                way.meteora.terms["vault_out"] = vault
        return True


class AfterFill(Record, frozen=True):
    """A pool as our fills have left it.

    :arg seq: Row of the pool whose state they met.

    """

    seq: int
    pool: Pool


class PaperPoolsState(Record, frozen=True):
    """Snapshot: accounts by pool and address, the writes that no fill has needed yet, and the pools after our fills."""

    accounts: tuple[dict[str, Account], ...]
    writes: tuple[tuple[AccountWrite, ...], ...]
    after_fill: tuple[AfterFill | None, ...]
    troubles: dict[int, str]


class PaperPools:
    """Keep what is known of all pools, and put them at hand for kernels.

    :arg pools: All pools, in the order of the recording's list.

    :arg depth_bins: Bins on either side of the active one over which a row's liquidity is spread, evenly by value,
        where the recording has no bins.

    :ivar standing: `STANDING` (pools,), with `ways` what kernels take.

    """

    def __init__(self, pools: tuple[PoolInfo, ...], depth_bins: int) -> None:
        """Start with no account known."""
        self._pools = pools
        self._depth_bins = depth_bins
        self._terms = [terms_of(info) for info in pools]
        self._accounts: list[dict[str, Account]] = [{} for _ in pools]
        self._writes: list[list[AccountWrite]] = [[] for _ in pools]
        self._recorded: list[Pool | None] = [None for _ in pools]
        self._troubles: dict[int, str] = {}
        self.standing = np.zeros(len(pools), STANDING)
        self.standing["seq"], self.standing["half_width"] = -1, depth_bins
        self.ways = way_list(NO_WAY, WAYS * len(pools))
        self._held: list[_Held | None] = [None for _ in pools]

    @property
    def troubles(self) -> tuple[str, ...]:
        """Why pools could not be swapped on, the latest reason of each."""
        return tuple(f"{self._pools[pool].pool}: {self._troubles[pool]}" for pool in sorted(self._troubles))

    def trouble(self, pool: int, reason: str) -> None:
        """Keep the latest reason why a pool could not be used."""
        self._troubles[pool] = reason

    def accounts_of(self, pool: int) -> Mapping[str, Account]:
        """Return the accounts of a pool that are known, by address."""
        return self._accounts[pool]

    def note(self, pool: int, writes: tuple[AccountWrite, ...]) -> None:
        """Keep account bytes until the market has come to their row."""
        self._writes[pool].extend(writes)
        if writes and self.standing["kind"][pool] == STAND_IN:
            self.standing["kind"][pool] = RECORDED  # as it may be at the next row

    def hold(self, pool: int, books: Rows, slot: int) -> None:
        """Put a pool at hand as the books' last row of it, and our fills since, have left it."""
        now, held, epoch = self.standing[pool], self._held[pool], int(epoch_of(slot))
        seq = int(books["seq"][pool])
        try:
            if held is not None and now["has_fills"] and now["seq"] == seq:
                own = held.now()
                self._put(pool, _Held(own, own_ways(own, epoch), None))
                now["kind"] = RECORDED
            else:
                now["kind"] = self._put_as_recorded(pool, seq, books[pool], epoch)
                now["has_fills"] = 0
        except DlmmError as error:
            self._troubles[pool] = str(error)
            self._held[pool] = None
            now["kind"], now["has_fills"] = UNUSABLE, 0
        now["seq"], now["epoch"], now["is_outgrown"] = seq, epoch, 0

    def _put_as_recorded(self, pool: int, seq: int, book: np.void, epoch: int) -> int:
        """Put a pool at hand without any fill of ours, and return of which kind it is."""
        now, held, recorded = self.standing[pool], self._held[pool], self.recorded(pool, seq)
        if recorded is None:
            return self._put_stand_in(pool, book, epoch)
        if held is not None and held.made_of is not None and now["epoch"] == epoch and not now["is_outgrown"]:
            if held.made_of is recorded and not now["has_fills"]:
                return RECORDED
            if held.becomes(recorded):
                self._held[pool] = held._replace(made_of=recorded)
                return RECORDED
        own = _copy_of(recorded)
        self._put(pool, _Held(own, own_ways(own, epoch), recorded))
        return RECORDED

    def _put_stand_in(self, pool: int, book: np.void, epoch: int) -> int:
        """Make a stand-in of the active bin and the value in raw Y. Its tokens are plain, whatever the mints withhold.

        :raises RangeError: Neither bins nor liquidity are known, or a bin lies where none can be.

        """
        value = float(book["liquidity"] / book["unit_y"])
        if not value < math.inf:
            raise RangeError("neither its bins nor its liquidity are known")
        terms, active_id = self._terms[pool], int(book["active_id"])
        own = synthetic_pool(terms, active_id, int(value), self._depth_bins)
        blank = blank_pool(terms, active_id, self._depth_bins)
        self._put(pool, _Held(own, own_ways(own, epoch), None))
        put_way(self.ways, WAYS * pool + BLANK, way_through(blank, True, epoch))
        now = self.standing[pool]
        now["active_id"], now["value_y"] = active_id, min(int(value), _MOST_COUNTED)
        return RECORDED if self._writes[pool] else STAND_IN

    def _put(self, pool: int, held: _Held) -> None:
        self._held[pool] = held
        for place, way in zip((Y_IN, X_IN), held.ways, strict=True):
            put_way(self.ways, WAYS * pool + place, way)

    def recorded(self, pool: int, seq: int) -> Pool | None:
        """Return a pool as the recording had it at a row, none of our fills in it; `None` where it has no bins.

        :raises DlmmError: An account is not what it should be.

        """
        self.settle(pool, seq)
        if self._pools[pool].pool not in self._accounts[pool]:
            return None
        return self._decoded(pool)

    def settle(self, pool: int, seq: int) -> None:
        """Take over the account bytes of all rows up to one."""
        writes = self._writes[pool]
        taken = 0
        for write in writes:
            if write.seq > seq:
                break
            self._accounts[pool][write.address] = Account(write.owner, write.data)
            taken += 1
        if taken:
            del writes[:taken]
            self._recorded[pool] = None

    def _decoded(self, pool: int) -> Pool:
        recorded = self._recorded[pool]
        if recorded is not None:
            return recorded
        info = self._pools[pool]
        decode = SarosPool.from_accounts if info.venue is Venue.SAROS else MeteoraPool.from_accounts
        state: Pool = decode(info.pool, self._accounts[pool])
        self._recorded[pool] = state
        return state

    def snapshot(self) -> PaperPoolsState:
        """Return all that is known; a pool after a fill may still stand when the next rows arrive."""
        return PaperPoolsState(
            accounts=tuple(dict(accounts) for accounts in self._accounts),
            writes=tuple(tuple(writes) for writes in self._writes),
            after_fill=tuple(
                AfterFill(int(now["seq"]), _copy_of(held.now())) if held is not None and now["has_fills"] else None
                for now, held in zip(self.standing, self._held, strict=True)
            ),
            troubles=dict(self._troubles),
        )

    def restore(self, state: PaperPoolsState) -> None:
        """Go on from a snapshot."""
        self._accounts = [dict(accounts) for accounts in state.accounts]
        self._writes = [list(writes) for writes in state.writes]
        self._recorded = [None for _ in self._pools]
        self._troubles = dict(state.troubles)
        self.standing["seq"] = self.standing["epoch"] = -1  # so that nothing is at hand
        self.standing["has_fills"] = 0
        for pool, after in enumerate(state.after_fill):
            if after is not None:
                own = _copy_of(after.pool)
                self._held[pool] = _Held(own, own_ways(own, 0), None)
                self.standing["seq"][pool], self.standing["has_fills"][pool] = after.seq, 1


def _outline(pool: Pool) -> tuple[object, ...]:
    """Return what of a pool decides on the shape of its ways: all but the bytes of its accounts."""
    tokens = pool.mint_x, pool.mint_y, pool.array_addresses
    if isinstance(pool, MeteoraPool):
        return *tokens, pool.extension_address
    block = pool.active_id // BINS_PER_ARRAY
    return *tokens, block, pool.bin_step, pool.extended_x, pool.extended_y, pool.vault_bumps, pool.program


def _overwrite(records: Rows, others: Rows) -> None:
    plain(records)[:] = plain(others)


def _copy_of(pool: Pool) -> Pool:
    """Return a pool that may be written into."""
    own = replace(pool, pair=copied(pool.pair), arrays=copied(pool.arrays))
    return replace(own, extension=copied(own.extension)) if isinstance(own, MeteoraPool) else own


def terms_of(info: PoolInfo) -> PoolTerms:
    """Return what a stand-in for a pool copies from it."""
    fields = (name for name in PoolTerms.__struct_fields__ if name != "address")
    return PoolTerms(address=info.pool, **{name: getattr(info, name) for name in fields})


def clock_of(slot: int, ts_event_ns: int) -> Clock:
    """Return the cluster's clock at a row."""
    return Clock(slot=slot, unix_timestamp=ts_event_ns // NANOSECONDS, epoch=int(epoch_of(slot)))


def clock_at(ledger: Rows) -> Clock:
    """Return the cluster's clock at the row that a ledger, a `LEDGER` array (1,), has come to."""
    return clock_of(int(ledger["slot"][0]), int(ledger["ts_event_ns"][0]))
