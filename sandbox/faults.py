"""Faults to order: a spec `key=value,...`, one seeded generator, and yes-or-no or duration draws.

Every knob is off by default. Probabilities are per event; `a:b` is a uniform range; `every:length` is a mean interval
and a duration, both in seconds.
"""

import random
from collections import Counter
from enum import StrEnum

from dlmm.errors import DlmmError
from dlmm.records import Record


class Kind(StrEnum):
    """How a knob's value is written."""

    PROBABILITY = "probability"
    NUMBER = "number"
    RANGE = "range"
    EVERY = "every"


class Knob(Record, frozen=True):
    """One fault that can be switched on."""

    kind: Kind
    meaning: str


_P, _N, _R, _E = Kind.PROBABILITY, Kind.NUMBER, Kind.RANGE, Kind.EVERY

KNOBS = {
    "http.delay": Knob(_R, "milliseconds before each answer"),
    "http.429": Knob(_P, "HTTP 429 with Retry-After"),
    "http.rps": Knob(_N, "requests a second that are answered; the rest get 429"),
    "http.5xx": Knob(_P, "HTTP 502 with an HTML body"),
    "http.reset": Knob(_P, "connection cut in the middle of the answer"),
    "http.hang": Knob(_P, "no answer at all"),
    "http.malformed": Knob(_P, "HTTP 200 with truncated JSON"),
    "http.unhealthy": Knob(_P, "JSON-RPC error -32005 Node is behind"),
    "http.lag": Knob(_N, "every read answers from this many slots ago"),
    "ws.drop": Knob(_N, "mean seconds until a connection is cut without a close frame"),
    "ws.close": Knob(_N, "mean seconds until a connection is closed with code 1013"),
    "ws.refuse": Knob(_P, "a new connection is answered with HTTP 503"),
    "ws.delay": Knob(_R, "milliseconds added to each notification (order kept)"),
    "ws.dup": Knob(_P, "notification sent twice"),
    "ws.reorder": Knob(_P, "notification held back and sent after the next one"),
    "ws.lose": Knob(_P, "notification not sent"),
    "ws.malformed": Knob(_P, "a truncated copy of the notification is sent first"),
    "ws.stray": Knob(_P, "a copy for a subscription that nobody made is sent first"),
    "ws.bomb": Knob(_P, "a copy whose base64+zstd data unpacks to 256 MiB is sent first"),
    "ws.oversize": Knob(_P, "a frame of 20 MiB is sent first"),
    "ws.stall": Knob(_E, "the connection goes silent but stays open (every:length seconds)"),
    "ws.mute": Knob(_P, "a request to subscribe is never answered"),
    "ws.deaf": Knob(_P, "a subscription is confirmed and never notified"),
    "tx.drop": Knob(_P, "accepted, never passed on (bundles are)"),
    "tx.delay": Knob(_R, "slots an accepted transaction waits"),
    "tx.expire": Knob(_P, "preflight answers Blockhash not found"),
    "bundle.drop": Knob(_P, "a bundle is taken, never auctioned, and pending for ever"),
    "bundle.lose": Knob(_P, "a bundle loses its auction, and is told as failed"),
    "status.lie": Knob(
        _P, "who asks first, or hears first, what came of a failed transaction is told that it succeeded"
    ),
    "slot.skip": Knob(_P, "a skipped slot"),
    "slot.stall": Knob(_E, "block production stops (every:length seconds)"),
    "fork": Knob(_P, "a processed slot is abandoned: its state is undone, its transactions are tried again"),
    "seed": Knob(_N, "seed of the generator"),
}
"""Every knob, by the name that a spec gives it. Those of `ws.` also hold for the price feed."""

_SEED = 0xD1A0


class FaultSpecError(DlmmError):
    """Refuse a spec of faults.

    :arg part: The part of it that cannot be read.

    """

    def __init__(self, part: str, reason: str) -> None:
        super().__init__(f"fault {part!r}: {reason}")
        self.part = part


def _values(part: str) -> tuple[str, tuple[float, ...]]:
    key, sep, text = part.partition("=")
    if key not in KNOBS or not sep:
        raise FaultSpecError(part, f"not known; known are {', '.join(KNOBS)}")
    try:
        numbers = tuple(float(x) for x in text.split(":"))
    except ValueError:
        raise FaultSpecError(part, "not a number") from None
    kind = KNOBS[key].kind
    if kind is Kind.RANGE and len(numbers) == 1:
        numbers *= 2
    if len(numbers) != (2 if kind in {Kind.RANGE, Kind.EVERY} else 1):
        raise FaultSpecError(part, f"needs {'a:b' if kind in {Kind.RANGE, Kind.EVERY} else 'one number'}")
    if not all(0 <= x < float("inf") for x in numbers) or (kind is Kind.PROBABILITY and numbers[0] > 1):
        raise FaultSpecError(part, "out of range")
    return key, numbers


class Faults:
    """The knobs that are on, their generator, and how often each one hit."""

    def __init__(self, spec: str = "") -> None:
        self.revision = 0
        self.set(spec)

    def set(self, spec: str) -> None:
        """Switch to another spec, from now on; counts start anew.

        :raises FaultSpecError: The spec cannot be read; the old one stays.

        """
        values = dict(_values(part) for part in (p.strip() for p in spec.split(",")) if part)
        self.spec, self.values = spec, values
        self.hits: Counter[str] = Counter()
        self.revision += 1
        self._chance = random.Random(int(values["seed"][0]) if "seed" in values else _SEED)

    def is_on(self, key: str) -> bool:
        """Whether the knob is set, to whatever value."""
        return key in self.values

    def number(self, key: str) -> float:
        """Read the knob's number, 0 where it is off."""
        return self.values[key][0] if key in self.values else 0.0

    def length_s(self, key: str) -> float:
        """Seconds that an `every:length` fault lasts."""
        return self.values[key][1] if key in self.values else 0.0

    def hit(self, key: str) -> bool:
        """Draw whether the fault happens now, and count it."""
        values = self.values.get(key)
        if values is None or self._chance.random() >= values[0]:
            return False
        self.hits[key] += 1
        return True

    def draw(self, key: str) -> float:
        """Draw from a range, in the knob's unit; 0 where it is off."""
        values = self.values.get(key)
        return self._chance.uniform(*values) if values else 0.0

    def wait_s(self, key: str) -> float | None:
        """Draw the exponential time until a fault at intervals, or `None` where it is off."""
        mean = self.number(key)
        return self._chance.expovariate(1.0 / mean) if mean else None

    def note(self, key: str) -> None:
        """Count a fault that happened without a draw."""
        self.hits[key] += 1
