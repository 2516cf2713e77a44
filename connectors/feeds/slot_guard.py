"""Which slots to believe: a single number that leaps ahead would make everything that follows look stale."""

LARGEST_LEAP = 10_000
"""Slots, more than an hour of them; whoever was away longer is believed the second time."""


class SlotGuard:
    """Believe slots near the newest one, and a leap once another message confirms it.

    :ivar newest: The newest slot believed, 0 before the first.

    """

    def __init__(self) -> None:
        self.newest = 0
        self._leapt_to = 0

    def believes(self, slot: int) -> bool:
        """Take a slot that a peer tells of, and say whether to believe it; older slots than the newest always are."""
        if slot <= self.newest:
            return True
        if self.newest and slot - self.newest > LARGEST_LEAP and abs(slot - self._leapt_to) > LARGEST_LEAP:
            self._leapt_to = slot
            return False
        self.newest = slot
        self._leapt_to = 0
        return True

    def reset(self) -> None:
        """Forget what was believed."""
        self.newest = self._leapt_to = 0
