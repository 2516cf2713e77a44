"""Which slot it is: by what feeds tell, and by the wall clock when they fall silent."""

USUAL_SLOT_NS = 400_000_000
SHORTEST_SLOT_NS = 50_000_000
"""Slots that were told of in a burst, after a pause, are not shorter for that."""
SILENT_SLOTS = 5
SILENT_NS = 1_000_000_000
"""Feeds are silent after so many slots, and after so long."""
WEIGHT = 0.1
"""Of the newest slot in the running mean of their length."""


class SlotClock:
    """Follow the newest slot, and go on at the usual pace when none is heard of: timeouts hang on slots.

    An estimated slot may lie ahead of the cluster's; then the slots that are heard of next are no news until they have
    caught up.

    :arg slot: The first one known.

    :ivar slot: The newest.

    :ivar estimated: How many were made up.

    """

    def __init__(self, slot: int) -> None:
        self.slot = slot
        self.estimated = 0
        self._heard = slot
        self._heard_ns = 0
        self._length_ns = float(USUAL_SLOT_NS)

    def hear(self, slot: int, recv_ns: int) -> bool:
        """Take a slot from a feed; return whether it is news."""
        if slot > self._heard:
            if self._heard_ns:
                length_ns = (recv_ns - self._heard_ns) / (slot - self._heard)
                self._length_ns += WEIGHT * (length_ns - self._length_ns)
            self._heard, self._heard_ns = slot, recv_ns
        if slot <= self.slot:
            return False
        self.slot = slot
        return True

    def estimate(self, now_ns: int) -> int | None:
        """Return the slot that it must be by now, if no feed has told of slots for a while and it is a new one."""
        if not self._heard_ns:
            self._heard_ns = now_ns
        silent_ns = now_ns - self._heard_ns
        silent_slots = silent_ns / max(self._length_ns, SHORTEST_SLOT_NS)
        if silent_slots < SILENT_SLOTS or silent_ns < SILENT_NS:
            return None
        slot = self._heard + int(silent_slots)
        if slot <= self.slot:
            return None
        self.slot = slot
        self.estimated += 1
        return slot
