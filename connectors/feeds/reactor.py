"""One epoll that all sockets and timers of the feeds share, inside the thread that also decides.

The inbox calls `run_once` from its `next_batch`: whatever arrived is read, parsed and put into the outlets right there,
so nothing has to wake another thread. In return nothing that the reactor calls may block.
"""

import heapq
import math
import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable

SHORT_WAIT_S = 0.01
"""Waits below this go through `select`, which counts in microseconds: epoll rounds up to whole milliseconds."""

LARGEST_SELECT_FD = 1023
COMPACT_FROM = 64


class Timer:
    """A call that is due later; made by `Reactor.call_in`."""

    __slots__ = ("_call", "_reactor")

    def __init__(self, reactor: "Reactor", call: Callable[[], None]) -> None:
        self._reactor = reactor
        self._call: Callable[[], None] | None = call

    @property
    def is_pending(self) -> bool:
        """Whether it is still to be called."""
        return self._call is not None

    def cancel(self) -> None:
        """Make sure that it is not called; a no-op once it was."""
        if self._call is not None:
            self._call = None
            self._reactor._cancelled += 1

    def _fire(self) -> None:
        call, self._call = self._call, None
        if call is not None:
            call()


class Reactor:
    """Watch sockets, keep timers and make the calls that are due, all in the thread that calls `run_once`.

    Every method belongs to that thread, `post` alone may be called from any.
    """

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._calls: dict[int, Callable[[int], None]] = {}
        self._new: set[int] = set()
        self._timers: list[tuple[float, int, Timer]] = []
        self._count = 0
        self._cancelled = 0
        self._soon: deque[Callable[[], None]] = deque()
        self._posted: deque[Callable[[], None]] = deque()
        self._lock = threading.Lock()
        self._is_closed = False
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.watch(self._wake, select.EPOLLIN, self._take_posted)

    def watch(self, fd: int, events: int, call: Callable[[int], None]) -> None:
        """Call back with the events of a file descriptor, level-triggered, until it is forgotten.

        :arg events: `select.EPOLLIN` and `select.EPOLLOUT`; errors and hang-ups always come.

        """
        self._epoll.register(fd, events)
        self._calls[fd] = call
        self._new.add(fd)

    def modify(self, fd: int, events: int) -> None:
        """Change the events that a watched file descriptor is called for."""
        self._epoll.modify(fd, events)

    def forget(self, fd: int) -> None:
        """Stop watching; call it before the descriptor is closed. Unknown ones are ignored."""
        if self._calls.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def call_in(self, delay_s: float, call: Callable[[], None]) -> Timer:
        """Call once, `delay_s` seconds from now or a little later."""
        timer = Timer(self, call)
        self._count += 1
        heapq.heappush(self._timers, (self.now() + delay_s, self._count, timer))
        return timer

    def call_soon(self, call: Callable[[], None]) -> None:
        """Call in the next round, which then does not wait."""
        self._soon.append(call)

    def post(self, call: Callable[[], None]) -> None:
        """Have the reactor's thread call it; the only method for other threads. After `close` it does nothing."""
        with self._lock:
            if not self._is_closed:
                self._posted.append(call)
                os.eventfd_write(self._wake, 1)

    def now(self) -> float:
        """Return monotonic seconds."""
        return time.monotonic()

    def run_once(self, longest_s: float) -> bool:
        """Wait for something to do, at most `longest_s` seconds, and do it.

        An exception of a call goes through to the caller; what else was due comes in the next round.

        :returns: Whether anything was called.

        """
        events = self._epoll.poll(0) or self._wait(longest_s)
        self._new.clear()
        was_called = bool(events)
        for fd, mask in events:
            call = self._calls.get(fd)
            # A number closed and opened again in this round is another descriptor than the one the event was for.
            if call is not None and fd not in self._new:
                call(mask)
        for _ in range(len(self._soon)):
            was_called = True
            self._soon.popleft()()
        return self._run_timers() or was_called

    def _wait(self, longest_s: float) -> list[tuple[int, int]]:
        wait_s = 0.0 if self._soon else min(longest_s, self._until_due())
        if wait_s <= 0.0:
            return []
        if wait_s < SHORT_WAIT_S and (epoll_fd := self._epoll.fileno()) <= LARGEST_SELECT_FD:
            ready, _, _ = select.select((epoll_fd,), (), (), wait_s)
            return self._epoll.poll(0) if ready else []
        return self._epoll.poll(wait_s)

    def _until_due(self) -> float:
        """Seconds until the next timer, infinity without one."""
        timers = self._timers
        if self._cancelled > COMPACT_FROM and self._cancelled * 2 > len(timers):
            self._timers = timers = [entry for entry in timers if entry[2].is_pending]
            heapq.heapify(timers)
            self._cancelled = 0
        while timers and not timers[0][2].is_pending:
            heapq.heappop(timers)
            self._cancelled -= 1
        return timers[0][0] - self.now() if timers else math.inf

    def _run_timers(self) -> bool:
        """Call what is due by now; a timer set meanwhile waits for the next round, so that none can hold it up."""
        if not self._timers:
            return False
        now, newest, was_called = self.now(), self._count, False
        while self._timers and self._timers[0][0] <= now and self._timers[0][1] <= newest:
            _, _, timer = heapq.heappop(self._timers)
            if timer.is_pending:
                was_called = True
                timer._fire()
            else:
                self._cancelled -= 1
        return was_called

    def _take_posted(self, events: int) -> None:
        del events
        os.eventfd_read(self._wake)
        try:
            for _ in range(len(self._posted)):
                self._posted.popleft()()
        finally:
            if self._posted:  # posted meanwhile, or left over by a call that failed
                os.eventfd_write(self._wake, 1)

    def close(self) -> None:
        """Forget everything; the sockets themselves belong to who opened them."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
        self._epoll.close()
        os.close(self._wake)
        self._calls.clear()
        self._timers.clear()
        self._soon.clear()
        self._posted.clear()
