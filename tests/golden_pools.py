"""Pools of the golden vectors, built once a test run."""

from functools import cache
from pathlib import Path

from dlmm.conformance.swaps import pool_of
from dlmm.conformance.vectors import Vector, VectorFolder
from dlmm.meteora.pool import MeteoraPool
from dlmm.records import Clock, Venue
from dlmm.saros.pool import SarosPool

GOLDEN = Path(__file__).resolve().parent / "golden"
CLOCK = Clock(slot=400_000_500, unix_timestamp=1_760_000_700, epoch=925)


@cache
def vectors() -> list[Vector]:
    """Return every golden vector of both venues."""
    return list(VectorFolder.load(GOLDEN).vectors())


@cache
def pools(venue: Venue) -> list[MeteoraPool | SarosPool]:
    """Return the pool of every state that a golden swap met and came through."""
    states = {
        vector.row["state"]: vector
        for vector in vectors()
        if vector.venue is venue and vector.row["kind"] == "swap" and vector.row["ok"]
    }
    return [pool_of(vector) for vector in states.values()]


def meteora_pools() -> list[MeteoraPool]:
    """Return Meteora's golden pools."""
    return [pool for pool in pools(Venue.METEORA) if isinstance(pool, MeteoraPool)]


@cache
def pool_named(name: str) -> MeteoraPool | SarosPool:
    """Return the pool of the first golden swap on a pool of that name."""
    return next(pool_of(found) for found in vectors() if found.row["kind"] == "swap" and found.row["pool"] == name)
