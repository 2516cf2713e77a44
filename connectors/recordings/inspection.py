"""The data check: which rows of a recording or feed may be traded on, and what is wrong with the others.

What each kind of finding means is written in `operators.inspection.KINDS` and in `docs/recordings.md`.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dlmm.errors import DlmmError
from dlmm.records import Record, Venue
from operators.blocks import ROW, Rows
from operators.inspection import (
    ACCOUNT_STATE,
    ACCOUNTS,
    FACTS,
    FINDING,
    KINDS,
    LIMITS,
    OVERALL,
    POOL_STATE,
    inspect_rows,
)
from operators.pools import PoolInfo

METEORA_REACH = 351_639
"""Meteora's ids end at this many basis points from 1."""
_LOG_PRICE_REACH = 64.0 * math.log(2.0)
"""Beyond it a Q64.64 price fits no u128, or is zero."""


class Finding(Record, frozen=True):
    """One kind of fault, over all rows so far.

    :arg kind: Name of the fault.

    :arg is_refused: Whether such rows are kept from the strategies; otherwise they are only noted.

    :arg count: Rows.

    :arg first_seq: Sequence number of the first.

    :arg worst: The largest figure, in `unit`; `None` where the kind has none.

    :arg worst_seq: Where it stands.

    :arg meaning: The fault in words.

    """

    kind: str
    is_refused: bool
    count: int
    first_seq: int
    worst: float | None
    worst_seq: int
    unit: str
    meaning: str


class PoolCount(Record, frozen=True):
    """What one pool's rows amount to; times, slots and prices are those of the good rows, zero when there are none."""

    pool: str
    rows: int
    refused: int
    first_ns: int
    last_ns: int
    first_slot: int
    last_slot: int
    low: float
    high: float
    volume: float


def pool_facts(pool: PoolInfo) -> tuple[int, int, float, float]:
    """Return what places a pool's bins.

    :returns: Id of the bin whose raw price is 1, how far ids may be from it, the logarithm of one bin's step, and the
        logarithm of the human price that a raw price of 1 is.

    """
    log_step = math.log1p(pool.bin_step / 10_000)
    log_unit = (pool.decimals_x - pool.decimals_y) * math.log(10.0)
    if pool.venue is Venue.SAROS:
        return pool.zero_bin, int(_LOG_PRICE_REACH / log_step), log_step, log_unit
    return 0, METEORA_REACH // pool.bin_step, log_step, log_unit


class Inspector:
    """Check a stream slice by slice; how it is cut does not matter.

    :arg pools: The recording's list of pools.

    :arg gap_s: Seconds of the source's clock without a row of any pool that are called a gap.

    :arg gap_slots: Slots without a row of any pool that are called a gap.

    :arg jump_factor: Change of a pool's price between neighbouring rows that is called a jump.

    """

    def __init__(
        self, pools: Sequence[PoolInfo], *, gap_s: float = 60.0, gap_slots: int = 150, jump_factor: float = 2.0
    ) -> None:
        self._names = [pool.pool for pool in pools]
        self._facts = np.zeros(len(pools), FACTS)
        for fact, pool in zip(self._facts, pools, strict=True):
            fact["origin"], fact["reach"], fact["log_step"], fact["log_unit"] = pool_facts(pool)
        self._limits = np.zeros(1, LIMITS)
        self._limits[0] = (int(gap_s * 1e9), gap_slots, math.log(jump_factor))
        self._state = (
            np.zeros(1, OVERALL),
            np.zeros(len(pools), POOL_STATE),
            np.zeros((len(pools), ACCOUNTS), ACCOUNT_STATE),
            np.zeros(len(KINDS), FINDING),
        )

    def check(self, rows: Rows) -> NDArray[np.bool_]:
        """Return whether each row may be traded on, and remember what is wrong with the others.

        :arg rows: `ROW` array that continues where the one before ended.

        """
        assert rows.dtype == ROW
        is_good = np.empty(len(rows), np.bool_)
        inspect_rows(rows, is_good, self._facts, self._limits, *self._state)
        return is_good

    @property
    def findings(self) -> list[Finding]:
        """Every kind of fault that occurred, those that refuse rows first."""
        return [
            Finding(
                kind=kind,
                is_refused=is_refused,
                count=int(found["count"]),
                first_seq=int(found["first_seq"]),
                worst=None if math.isnan(found["worst"]) else float(found["worst"]),
                worst_seq=int(found["worst_seq"]),
                unit=unit,
                meaning=meaning,
            )
            for found, (kind, (is_refused, unit, meaning)) in zip(self._state[3], KINDS.items(), strict=True)
            if found["count"]
        ]

    @property
    def refused(self) -> int:
        """Rows refused so far, of all pools and of none."""
        return sum(finding.count for finding in self.findings if finding.is_refused)

    @property
    def pools(self) -> list[PoolCount]:
        """Counts of each pool of the list."""
        fields = PoolCount.__struct_fields__[1:]
        return [
            PoolCount(name, *(state[field].item() for field in fields))
            for name, state in zip(self._names, self._state[1], strict=True)
        ]

    def snapshot(self) -> bytes:
        """Return the state as bytes that later calls do not change."""
        return b"".join(part.tobytes() for part in self._state)

    def restore(self, state: bytes) -> None:
        """Go on from a snapshot.

        :raises DlmmError: It was taken with another number of pools.

        """
        if len(state) != sum(part.nbytes for part in self._state):
            raise DlmmError(f"the data check's state of {len(state)} bytes is not one of {len(self._names)} pools")
        start = 0
        for part in self._state:
            part[...] = np.frombuffer(state[start : start + part.nbytes], part.dtype).reshape(part.shape)
            start += part.nbytes
