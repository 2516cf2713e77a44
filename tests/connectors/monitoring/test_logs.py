"""The log of a process of its own, on a pipe and on a terminal."""

import json
import logging
import os
import pty
import subprocess
import sys
from datetime import datetime

import pytest

from connectors.monitoring.logs import CLEAR_LINE, JsonLines, Readable
from tests.shared import ROOT

START = (
    "import logging; from connectors.monitoring.logs import start_logging; start_logging({level!r});"
    " log = logging.getLogger('a.b'); "
)


def on_a_pipe(script: str, level: str = "info") -> list[dict[str, str]]:
    command = [sys.executable, "-c", START.format(level=level) + script]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == ""
    return [json.loads(line) for line in done.stderr.splitlines()]


def on_a_terminal(script: str, level: str = "info") -> str:
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb", buffering=0) as screen:
        subprocess.run([sys.executable, "-c", START.format(level=level) + script], cwd=ROOT, stderr=theirs, check=True)
        os.close(theirs)
        return screen.read(65_536).decode()


def record(message: str, *args: object, level: int = logging.INFO, **extra: object) -> logging.LogRecord:
    made = logging.LogRecord("a.b", level, "file.py", 1, message, args, None)
    vars(made).update(extra)
    return made


def test_elsewhere_than_on_a_terminal_each_line_is_an_object() -> None:
    (line,) = on_a_pipe("log.warning('%s of %d', 'one', 2, extra={'feed': 'chain', 'odd': {1, }})")
    at = datetime.fromisoformat(line.pop("time"))
    assert at.tzinfo is not None
    assert line == {"level": "warning", "logger": "a.b", "message": "one of 2", "feed": "chain", "odd": "{1}"}


def test_on_a_terminal_each_line_is_for_a_person() -> None:
    shown = on_a_terminal("log.info('all is well'); log.error('%s is not', 'this')")
    first, second, rest = shown.split("\r\n")
    assert first.startswith(CLEAR_LINE)
    assert first.endswith(" all is well")
    assert second.endswith(" error: this is not")
    assert rest == ""


def test_what_is_logged_before_the_end_is_written_by_it() -> None:
    lines = on_a_pipe("[log.info('%d', n) for n in range(5_000)]")
    assert [line["message"] for line in lines] == [str(n) for n in range(5_000)]


@pytest.mark.parametrize(
    ("level", "said"), [("debug", ["d", "i", "w"]), ("info", ["i", "w"]), ("warning", ["w"]), ("error", [])]
)
def test_a_level_keeps_what_is_below_it_out(level: str, said: list[str]) -> None:
    assert [line["message"] for line in on_a_pipe("log.debug('d'); log.info('i'); log.warning('w')", level)] == said


def test_libraries_that_talk_much_are_heard_from_warnings_on() -> None:
    script = "[getattr(logging.getLogger(n), how)(n) for n in ('asyncio', 'numba') for how in ('info', 'warning')]"
    assert [line["message"] for line in on_a_pipe(script, "debug")] == ["asyncio", "numba"]


def test_an_exception_comes_with_its_line() -> None:
    script = "\ntry:\n    1 / 0\nexcept ZeroDivisionError:\n    log.exception('broken')"
    (line,) = on_a_pipe(script)
    assert line["message"] == "broken"
    assert line["exception"].endswith("ZeroDivisionError: division by zero")


def test_what_a_peer_said_cannot_steer_a_terminal() -> None:
    text = Readable().format(record("%s says %s", "node", "a\x1b[2Jb\r\nc"))
    assert text.startswith(CLEAR_LINE)
    assert text.removeprefix(CLEAR_LINE).isprintable()
    assert text.endswith(r"node says a\x1b[2Jb\r\nc")


def test_a_line_of_json_stays_one_whatever_was_said() -> None:
    line = JsonLines().format(record("%s", "a\nb\x1b", level=logging.DEBUG, pool="p"))
    assert "\n" not in line
    assert json.loads(line) | {"time": ""} == {
        "time": "",
        "level": "debug",
        "logger": "a.b",
        "message": "a\nb\x1b",
        "pool": "p",
    }
