"""The pools that paper orders meet: as the recording has them, or a synthetic profile where it has no bins.

A fill changes the pool for the fills that follow in the same state of the market; the next row of the pool is again
what was recorded. So our own impact is paid in full, but the recorded market does not answer to it.
"""

import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Protocol

import numpy as np

from dlmm.errors import DlmmError, RangeError
from dlmm.meteora.pool import MeteoraPool
from dlmm.profile import PoolTerms, synthetic_pool
from dlmm.records import ANSWER, Account, Clock, Record, SwapFailure, SwapRequest, Venue
from dlmm.saros.pool import SarosPool
from dlmm.swap import Pool, apply
from dlmm.ways import Way, swap_one, way_through
from dlmm.wide import U64
from operators.blocks import AccountWrite, Rows
from operators.pools import PoolInfo

SLOTS_IN_EPOCH = 432_000


class Book(Protocol):
    """What is read of a pool's book: a view of one `BOOK` record."""

    def __getitem__(self, field: str) -> float:
        """Return a field."""


class AfterFill(Record, frozen=True):
    """A pool and the fill that it met last. The pool after that fill is worked out only if another order meets it.

    :arg seq: Row of the pool whose state was met.

    """

    seq: int
    pool: Pool
    request: SwapRequest
    clock: Clock

    def now(self) -> Pool:
        """Return the pool after the fill."""
        answer = apply(self.pool, self.request, self.clock)
        assert not isinstance(answer, SwapFailure), "this swap was filled before"
        return answer[1]


class PaperPoolsState(Record, frozen=True):
    """Snapshot: accounts by pool and address, the writes that no fill has needed yet, and the pools after our fills."""

    accounts: tuple[dict[str, Account], ...]
    writes: tuple[tuple[AccountWrite, ...], ...]
    after_fill: tuple[AfterFill | None, ...]
    troubles: dict[int, str]


class PaperPools:
    """Answer what a swap would do to a pool in the state the market last showed.

    :arg pools: All pools, in the order of the recording's list.

    :arg depth_bins: Bins on either side of the active one over which a row's liquidity is spread, evenly by value,
        where the recording has no bins.

    """

    def __init__(self, pools: tuple[PoolInfo, ...], depth_bins: int) -> None:
        """Start with no account known."""
        self._pools = pools
        self._stand_ins = [_stand_in_for(info, depth_bins) for info in pools]
        self._accounts: list[dict[str, Account]] = [{} for _ in pools]
        self._writes: list[list[AccountWrite]] = [[] for _ in pools]
        self._recorded: list[Pool | None] = [None for _ in pools]
        self._after_fill: list[AfterFill | None] = [None for _ in pools]
        self._met: list[Pool | None] = [None for _ in pools]
        self._troubles: dict[int, str] = {}

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

    def swap(self, pool: int, request: SwapRequest, books: Rows, clock: Clock) -> Rows:
        """Swap on the pool as the books' last row of it left it, and keep the pool after it for that same row.

        :returns: `ANSWER` (1,).

        """
        answer = np.zeros(1, ANSWER)
        way = self.way(pool, request.swap_for_y, books, clock.epoch)
        if way is not None:
            amount, threshold = U64(request.amount), U64(request.threshold)
            swap_one(way, clock.slot, clock.unix_timestamp, request.exact_in, amount, threshold, answer)
            if answer["is_filled"][0]:
                self.filled(pool, request, books, clock)
        return answer

    def standing(self, pool: int, book: Book) -> Pool | None:
        """Return the pool as the book's last row and our fills since have left it; `None` where it cannot be used."""
        seq = int(book["seq"])
        after = self._after_fill[pool]
        try:
            return after.now() if after is not None and after.seq == seq else self._as_recorded(pool, seq, book)
        except DlmmError as error:
            self._troubles[pool] = str(error)
            return None

    def way(self, pool: int, swap_for_y: bool, books: Rows, epoch: int) -> Way | None:
        """Return the way through a pool as `standing` has it; `None` where it cannot be used."""
        state = self._met[pool] = self.standing(pool, books[pool])
        return None if state is None else way_through(state, swap_for_y, epoch)

    def filled(self, pool: int, request: SwapRequest, books: Rows, clock: Clock) -> None:
        """Keep what a swap did to a pool on the way that was asked for last, while the books' last row of it stands."""
        state = self._met[pool]
        assert state is not None, "a swap was filled on it"
        self._after_fill[pool] = AfterFill(int(books["seq"][pool]), state, request, clock)

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

    def _as_recorded(self, pool: int, seq: int, book: Book) -> Pool:
        recorded = self.recorded(pool, seq)
        if recorded is not None:
            return recorded
        value_y = book["liquidity"] / book["unit_y"]
        if not value_y < math.inf:
            raise RangeError("neither its bins nor its liquidity are known")
        return self._stand_ins[pool](int(book["active_id"]), int(value_y))

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
            after_fill=tuple(self._after_fill),
            troubles=dict(self._troubles),
        )

    def restore(self, state: PaperPoolsState) -> None:
        """Go on from a snapshot."""
        self._accounts = [dict(accounts) for accounts in state.accounts]
        self._writes = [list(writes) for writes in state.writes]
        self._after_fill = list(state.after_fill)
        self._recorded = [None for _ in self._pools]
        self._troubles = dict(state.troubles)


def _stand_in_for(info: PoolInfo, depth_bins: int) -> Callable[[int, int], Pool]:
    """Return what makes a stand-in of an active bin and the value in raw Y.

    A price comes back to the same bins again and again, and nobody writes into a pool once it is made. Its tokens are
    plain ones, whatever the real mints withhold.
    """
    terms = PoolTerms(
        address=info.pool,
        **{name: getattr(info, name) for name in PoolTerms.__struct_fields__ if name != "address"},
    )

    @lru_cache(maxsize=64)
    def stand_in(active_id: int, value_y: int) -> Pool:
        return synthetic_pool(terms, active_id, value_y, depth_bins)

    return stand_in


def clock_of(slot: int, ts_event_ns: int) -> Clock:
    """Return the cluster's clock at a row; epochs are taken to be 432,000 slots long from slot 0, as on mainnet."""
    return Clock(slot=slot, unix_timestamp=ts_event_ns // 1_000_000_000, epoch=slot // SLOTS_IN_EPOCH)


def clock_at(ledger: Rows) -> Clock:
    """Return the cluster's clock at the row that a ledger, a `LEDGER` array (1,), has come to."""
    return clock_of(int(ledger["slot"][0]), int(ledger["ts_event_ns"][0]))
