"""Makes slots happen: one each period, unless it is paused or a fault stops them."""

import asyncio
import time
from collections.abc import Callable

from sandbox.faults import Faults


class SlotClock:
    """Calls `step` once a slot, on a grid that does not drift.

    :arg period_s: Length of a slot.

    :arg step: Produces a slot.

    """

    def __init__(self, period_s: float, step: Callable[[], None], faults: Faults) -> None:
        self._period_s = period_s
        self._step = step
        self._faults = faults
        self._revision = -1
        self._stall_at: float | None = None
        self._stalled_until = 0.0
        self.is_paused = False
        self.late = 0
        self.longest_s = 0.0

    def _is_stalled(self, now: float) -> bool:
        faults = self._faults
        if self._revision != faults.revision:
            self._revision = faults.revision
            wait = faults.wait_s("slot.stall")
            self._stall_at = now + wait if wait is not None else None
            self._stalled_until = 0.0
        if self._stall_at is not None and now >= self._stall_at:
            faults.note("slot.stall")
            self._stalled_until = now + faults.length_s("slot.stall")
            self._stall_at = self._stalled_until + (faults.wait_s("slot.stall") or 0.0)
        return now < self._stalled_until

    def tick(self, now_s: float) -> None:
        """Produce a slot, unless the clock is paused or a fault has stopped it.

        :arg now_s: Monotonic seconds.

        """
        if not self.is_paused and not self._is_stalled(now_s):
            self._step()

    async def run(self) -> None:
        """Produce slots until the task is cancelled."""
        due = time.monotonic() + self._period_s
        while True:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            began = time.monotonic()
            self.tick(began)
            ended = time.monotonic()
            self.longest_s = max(self.longest_s, ended - began)
            due += self._period_s
            if ended > due:  # too slow for this slot length: go on from here, and let the sockets have their turn
                self.late += 1
                due = ended + 0.001
