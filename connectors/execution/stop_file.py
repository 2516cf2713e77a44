"""The operator's emergency stop: a file that appears, and vanishes when the stop is to end."""

from collections.abc import Callable
from pathlib import Path

from connectors.feeds.reactor import Reactor, Timer
from operators.orders.execution_reports import OperatorCommand

FILE_NAME = "STOP"
LOOK_EVERY_S = 0.25
LONGEST_REASON = 200
NO_REASON = "no reason given"


class StopFile:
    """Look for a file four times a second, and say when it appears and when it vanishes.

    A file that is there at the start is told at once; none at the start is told nothing, since a stop that was raised
    before may have had another cause.

    :arg path: Of the file; its text is the reason.

    :arg tell: Takes the commands `stop` and `clear`.

    """

    def __init__(self, reactor: Reactor, path: Path, tell: Callable[[OperatorCommand], None]) -> None:
        self._reactor = reactor
        self._path = path
        self._tell = tell
        self._timer: Timer | None = None
        self.is_there = False
        """Whether the file was there when it was last looked for."""

    def start(self) -> None:
        """Look now, and again and again."""
        self._look()

    def stop(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        self._timer = self._reactor.call_in(LOOK_EVERY_S, self._look)
        is_there = self._exists()
        if is_there and not self.is_there:
            self._tell(OperatorCommand("stop", self._reason()))
        elif self.is_there and not is_there:
            self._tell(OperatorCommand("clear", f"{self._path.name} is gone"))
        self.is_there = is_there

    def _exists(self) -> bool:
        try:
            self._path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError:
            return True  # it cannot be seen that it is not there: stopping is the safe side
        return True

    def _reason(self) -> str:
        """Read the first line of the file; whatever is in it, it stops."""
        try:
            with self._path.open("rb") as file:
                text = file.read(LONGEST_REASON * 4).decode("utf-8", "replace")
        except OSError as error:
            return f"{self._path.name}: {error.strerror}"
        lines = text.strip().splitlines()
        if not lines:
            return NO_REASON
        line = lines[0][:LONGEST_REASON]
        return line if line.isprintable() else ascii(line)[1:-1]
