"""Logs: readable lines on a terminal, one JSON object a line elsewhere, and never a wait for either.

Who logs puts a record into a queue; a thread of its own formats and writes it.
"""

import atexit
import json
import logging
import queue
import sys
from datetime import UTC, datetime
from logging.handlers import QueueHandler, QueueListener
from typing import TextIO

_PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
CLEAR_LINE = "\r\x1b[K"


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, text, and whatever `extra` was given."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {key: value for key, value in vars(record).items() if key not in _PLAIN}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class Readable(logging.Formatter):
    """Time, level where it is none of the usual, text; over a status line, if one stands there."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record."""
        at = datetime.fromtimestamp(record.created).astimezone()
        level = "" if record.levelno == logging.INFO else f"{record.levelname.lower()}: "
        text = f"{CLEAR_LINE}{at:%H:%M:%S} {level}{_harmless(record.getMessage())}"
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


def _harmless(message: str) -> str:
    """Show what cannot be printed as an escape: a message may quote a peer, and a terminal obeys such characters."""
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in message)


class _Prepared(QueueHandler):
    """Hand records on as they are: the formatter on the other side wants their parts."""

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        return record


def start_logging(level: str, stream: TextIO = sys.stderr) -> None:
    """Send the logs of this process to a stream, until it ends.

    :arg level: `debug`, `info`, `warning` or `error`.

    """
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Readable() if stream.isatty() else JsonLines())
    records: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    root = logging.getLogger()
    root.handlers = [_Prepared(records)]
    root.setLevel(level.upper())
    for chatty in ("httpx", "httpx2", "httpcore", "httpcore2", "asyncio", "numba", "websockets"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))
    listener = QueueListener(records, handler)
    listener.start()
    atexit.register(listener.stop)
