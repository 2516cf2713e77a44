import asyncio
import contextlib

from sandbox.faults import Faults
from sandbox.node.slot_clock import SlotClock
from tests.sandbox.nodes import play


class Slots:
    """Counts slots, and tells when there were so many."""

    def __init__(self) -> None:
        self.count = 0
        self.reached = asyncio.Event()
        self.wanted = 0

    def step(self) -> None:
        self.count += 1
        if self.count >= self.wanted:
            self.reached.set()

    async def more(self, count: int) -> None:
        self.reached.clear()
        self.wanted = self.count + count
        await self.reached.wait()


def test_slots_follow_each_other_until_the_clock_is_cancelled() -> None:
    async def scenario() -> None:
        slots = Slots()
        clock = SlotClock(0.001, slots.step, Faults())
        running = asyncio.create_task(clock.run())
        await slots.more(10)
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        assert slots.count >= 10

    play(scenario())


def test_a_paused_clock_makes_no_slots() -> None:
    slots = Slots()
    clock = SlotClock(0.4, slots.step, Faults())
    clock.tick(1.0)
    clock.is_paused = True
    clock.tick(2.0)
    assert slots.count == 1
    clock.is_paused = False
    clock.tick(3.0)
    assert slots.count == 2


def test_a_stall_stops_slots_for_its_length_or_until_it_is_off() -> None:
    slots, faults = Slots(), Faults("slot.stall=0.000001:5")
    clock = SlotClock(0.4, slots.step, faults)
    clock.tick(10.0)
    assert slots.count == 1
    for now in (10.4, 10.8, 15.3):
        clock.tick(now)
    assert (slots.count, faults.hits["slot.stall"]) == (1, 1)
    clock.tick(15.401)
    assert faults.hits["slot.stall"] == 2
    faults.set("")
    clock.tick(15.8)
    assert slots.count == 2
