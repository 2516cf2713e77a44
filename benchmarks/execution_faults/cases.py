"""What goes wrong in each run of `benchmarks.execution_faults`."""

from enum import StrEnum

from dlmm.errors import DlmmError
from dlmm.records import Record

BLOCKHASH_BLOCKS = 150
"""Blocks for which a transaction may land; a sandbox cannot be told otherwise, but its blocks can be short."""


class Outage(StrEnum):
    """What befalls the run beside the sandbox's own faults."""

    NONE = ""
    FROZEN = "frozen"
    """The node's process stands still for a while, again and again; its sockets stay open."""
    BLACK_HOLE = "black hole"
    """One of two endpoints takes transactions and never passes them on."""


class Case(Record, frozen=True):
    """One run.

    :arg spec: For `sandbox.faults`.

    :arg share: Part of the run that the faults last.

    :arg slot_ms: Length of a slot: what is to expire within the run needs short ones.

    :arg commitment: At which the run follows the chain and counts what landed.

    :arg skip_preflight: Whether the node passes transactions on without a simulation.

    """

    name: str
    spec: str = ""
    share: float = 1.0
    slot_ms: int = 200
    commitment: str = "confirmed"
    skip_preflight: bool = True
    outages: tuple[Outage, ...] = ()


EVERYTHING = (
    "tx.drop=0.3,tx.delay=0:8,tx.expire=0.1,ws.drop=10,ws.close=10,ws.delay=0:1000,ws.dup=0.2,ws.lose=0.2,ws.stall=15:4,"
    "ws.reorder=0.1,ws.refuse=0.2,http.delay=0:200,http.429=0.1,http.5xx=0.1,http.reset=0.1,http.hang=0.03,"
    "http.malformed=0.1,http.unhealthy=0.05,http.lag=3,slot.skip=0.1,slot.stall=20:2,fork=0.1"
)

CASES = (
    Case("nothing"),
    Case("half of all lost", "tx.drop=0.5"),
    Case("all lost for a third", "tx.drop=1", share=1 / 3, slot_ms=100),
    Case("late landings", "tx.delay=5:20"),
    Case("blockhash not found", "tx.expire=0.5", skip_preflight=False),
    Case("blockhashes expire", "tx.drop=0.93", slot_ms=60),
    Case("notified twice", "ws.dup=1"),
    Case("notified late", "ws.delay=2000:5000"),
    Case("never notified", "ws.lose=1"),
    Case("websocket cut", "ws.drop=2"),
    Case("websocket closed", "ws.close=2"),
    Case("websocket silent", "ws.stall=8:5"),
    Case("http 429", "http.429=0.3"),
    Case("http 502", "http.5xx=0.3"),
    Case("http cut", "http.reset=0.3"),
    Case("http hangs", "http.hang=0.1"),
    Case("http slow", "http.delay=200:800"),
    Case("http malformed", "http.malformed=0.3"),
    Case("reads lag", "http.lag=20"),
    Case("fork, processed", "fork=0.3", commitment="processed"),
    Case("fork, confirmed", "fork=0.3"),
    Case("blocks stop", "slot.stall=8:4"),
    Case("node frozen", outages=(Outage.FROZEN,)),
    Case("endpoint swallows", outages=(Outage.BLACK_HOLE,)),
    Case("everything", EVERYTHING, outages=(Outage.BLACK_HOLE,)),
    Case("everything, processed", EVERYTHING, commitment="processed", outages=(Outage.BLACK_HOLE,)),
)


class NoSuchCaseError(DlmmError):
    """Refuse the name of a case.

    :arg name: As it was given.

    """

    def __init__(self, name: str) -> None:
        super().__init__(f"no case begins with {name!r}; there are {', '.join(case.name for case in CASES)}")
        self.name = name


def chosen(names: tuple[str, ...]) -> tuple[Case, ...]:
    """Return the cases whose names begin so, in the order of `CASES`; all where none is named.

    :raises NoSuchCaseError: There is none for one of them.

    """
    for name in names:
        if not any(case.name.startswith(name) for case in CASES):
            raise NoSuchCaseError(name)
    return tuple(case for case in CASES if not names or case.name.startswith(names))
