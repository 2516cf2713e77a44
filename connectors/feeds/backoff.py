"""How long to wait before the next attempt: longer each time, and never in step with others."""

import numpy as np

MOST_DOUBLINGS = 32
LONGEST_WISH_S = 120.0
"""What a peer's `Retry-After` is heeded up to; a garbled one must not end a feed."""


class Backoff:
    """Exponential delays with jitter, back to the first once a connection has lived.

    :arg first_s: Longest delay after the first failure; each further one doubles it. What is drawn lies between half
        of it and all of it.

    :arg longest_s: Where the doubling ends.

    :arg lived_s: A connection that lasted this long counts as good.

    :arg generator: Draws the jitter; give a seeded one where delays shall repeat.

    """

    def __init__(
        self,
        first_s: float = 0.25,
        longest_s: float = 30.0,
        lived_s: float = 10.0,
        generator: np.random.Generator | None = None,
    ) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._lived_s = lived_s
        self._generator = np.random.default_rng() if generator is None else generator
        self._failures = 0

    def delay(self, lived_s: float = 0.0, at_least_s: float = 0.0) -> float:
        """Return the seconds to wait after a connection that ended.

        :arg lived_s: How long it had been established; 0 for an attempt that failed.

        :arg at_least_s: What the peer asked for, as in `Retry-After`.

        """
        if lived_s >= self._lived_s:
            self._failures = 0
        longest = min(self._longest_s, self._first_s * 2 ** min(self._failures, MOST_DOUBLINGS))
        self._failures += 1
        return max(float(self._generator.uniform(longest / 2, longest)), min(at_least_s, LONGEST_WISH_S))
