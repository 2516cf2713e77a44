"""What goes wrong in each run of `benchmarks.faults`: strong, and such as happens."""

from enum import StrEnum

from dlmm.errors import DlmmError
from dlmm.records import Record


class Outage(StrEnum):
    """What befalls the node's process, beside the sandbox's own faults."""

    NONE = ""
    KILLED = "killed"
    FROZEN = "frozen"


class Case(Record, frozen=True):
    """One run.

    :arg spec: For `sandbox.faults`; empty where the process is what fails.

    :arg commitment: At which the feeds follow the chain; empty for the one that the command line names.

    :arg late_s: How late a message may arrive at most for this fault alone, seconds.

    """

    name: str
    spec: str = ""
    outage: Outage = Outage.NONE
    commitment: str = ""
    late_s: float = 0.0


EVERYTHING = (
    "http.delay=0:600,http.429=0.1,http.5xx=0.1,http.reset=0.05,http.hang=0.03,http.malformed=0.1,http.unhealthy=0.1,"
    "http.lag=2,ws.drop=15,ws.close=15,ws.refuse=0.3,ws.delay=0:800,ws.dup=0.1,ws.reorder=0.1,ws.lose=0.1,"
    "ws.malformed=0.1,ws.stray=0.1,ws.bomb=0.02,ws.oversize=0.002,ws.stall=30:4,ws.mute=0.1,ws.deaf=0.1,slot.skip=0.1,"
    "slot.stall=20:2,fork=0.1"
)

LATE_S = 3.0
"""What is held back by `ws.delay`, or by `ws.reorder` until the next message, comes so much later at most."""

CASES = (
    Case("nothing"),
    Case("nothing, processed", commitment="processed"),
    Case("http.delay", "http.delay=300:1500"),
    Case("http.429", "http.429=0.5"),
    Case("http.rps", "http.rps=2"),
    Case("http.5xx", "http.5xx=0.5"),
    Case("http.reset", "http.reset=0.5"),
    Case("http.hang", "http.hang=0.3"),
    Case("http.malformed", "http.malformed=0.5"),
    Case("http.unhealthy", "http.unhealthy=0.5"),
    Case("http.lag", "http.lag=20"),
    Case("ws.drop", "ws.drop=2"),
    Case("ws.close", "ws.close=2"),
    Case("ws.refuse", "ws.refuse=0.7,ws.drop=5"),
    Case("ws.delay", "ws.delay=200:3000", late_s=LATE_S),
    Case("ws.delay, processed", "ws.delay=200:3000", commitment="processed", late_s=LATE_S),
    Case("ws.dup", "ws.dup=0.5"),
    Case("ws.reorder", "ws.reorder=0.5", late_s=LATE_S),
    Case("ws.reorder, processed", "ws.reorder=0.5", commitment="processed", late_s=LATE_S),
    Case("ws.lose", "ws.lose=0.5"),
    Case("ws.malformed", "ws.malformed=0.5"),
    Case("ws.stray", "ws.stray=0.5"),
    Case("ws.bomb", "ws.bomb=0.1"),
    Case("ws.oversize", "ws.oversize=0.02"),
    Case("ws.stall", "ws.stall=10:8"),
    Case("ws.mute", "ws.mute=0.5,ws.drop=10"),
    Case("ws.deaf", "ws.deaf=0.5,ws.drop=10"),
    Case("slot.skip", "slot.skip=0.3"),
    Case("slot.stall", "slot.stall=10:5"),
    Case("fork", "fork=0.3"),
    Case("fork, processed", "fork=0.3", commitment="processed"),
    Case("node killed", outage=Outage.KILLED),
    Case("node frozen", outage=Outage.FROZEN),
    Case("everything", EVERYTHING, late_s=LATE_S),
    Case("everything, processed", EVERYTHING, commitment="processed", late_s=LATE_S),
)
"""Where `ws.refuse`, `ws.mute` and `ws.deaf` are on, connections are cut too: only a new one meets these faults."""


class NoSuchCaseError(DlmmError):
    """Refuse the name of a case.

    :arg name: As it was given.

    """

    def __init__(self, name: str) -> None:
        super().__init__(f"no case begins with {name!r}; there are {', '.join(case.name for case in CASES)}")
        self.name = name


def chosen(names: tuple[str, ...]) -> tuple[Case, ...]:
    """Return the cases of these names, at whichever commitment; all where none is named.

    :arg names: `fork` chooses `fork` and `fork, processed`; `http.` all of those.

    :raises NoSuchCaseError: There is none of such a name.

    """
    found: dict[str, Case] = {}
    for name in names:
        cases = [case for case in CASES if case.name.startswith(name)]
        if not cases:
            raise NoSuchCaseError(name)
        found.update((case.name, case) for case in cases)
    return tuple(found.values()) if names else CASES
