"""End on request: SIGINT and SIGTERM ask the inbox to end the input, and all else follows from that."""

import logging
import os
import signal
from types import FrameType

_log = logging.getLogger(__name__)


class Stop:
    """Whether somebody asked the run to end.

    :ivar reason: Who did; empty while nobody has.

    """

    def __init__(self) -> None:
        self.reason = ""

    @property
    def is_requested(self) -> bool:
        """Whether to end."""
        return bool(self.reason)

    def request(self, reason: str) -> None:
        """Ask for the end; the first reason stays."""
        self.reason = self.reason or reason

    def on_signals(self) -> None:
        """From here on, let SIGINT and SIGTERM ask for the end, and a second one end the process at once."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._take)

    def _take(self, number: int, frame: FrameType | None) -> None:
        del frame
        if self.reason:
            os._exit(128 + number)
        self.request(signal.Signals(number).name)
        _log.info("%s: ending the run; a second signal ends it at once", self.reason)
