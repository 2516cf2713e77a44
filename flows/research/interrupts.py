"""Interrupts kept back while what they must not part is done."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Do what is within as a whole: Ctrl-C, or a supervisor's signal, counts when it is done.

    A signal mask would not do: any other thread may take the signal, and its handler runs in the main one all the same.

    :raises ValueError: This is not the main thread.

    """
    came: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        del frame
        came.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    for late in came:
        signal.raise_signal(late)
