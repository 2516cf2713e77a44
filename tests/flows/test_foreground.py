"""Ctrl-C at a terminal is for the command alone; whoever started it sees its exit status."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from flows.foreground import run
from tests.shared import ROOT

POLITE = """
import signal, sys
signal.signal(signal.SIGINT, lambda *_: sys.exit(0))
print("ready", flush=True)
signal.pause()
"""


def read_until(terminal: int, text: bytes) -> bytes:
    seen = b""
    while text not in seen:
        try:
            part = os.read(terminal, 4096)
        except OSError:  # how Linux says that the other side is closed
            break
        if not part:
            break
        seen += part
    return seen


def test_an_interrupt_at_the_terminal_leaves_make_with_the_commands_own_status(tmp_path: Path) -> None:
    (tmp_path / "polite.py").write_text(POLITE)
    (tmp_path / "Makefile").write_text(f"job:\n\t@{sys.executable} -m flows.foreground {sys.executable} polite.py\n")
    child, terminal = pty.fork()
    if child == 0:
        os.environ["PYTHONPATH"] = str(ROOT)
        os.chdir(tmp_path)
        os.execvp("make", ["make", "job"])
    assert b"ready" in read_until(terminal, b"ready")
    os.write(terminal, b"\x03")
    read_until(terminal, b"\0 never comes: until the end")
    _, status = os.waitpid(child, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 0


@pytest.mark.parametrize(("code", "status"), [("sys.exit(3)", 3), ("os.kill(os.getpid(), 9)", 137)])
def test_the_status_is_handed_on(code: str, status: int) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "flows.foreground", sys.executable, "-c", f"import os, sys; {code}"],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert ended.returncode == status


def test_without_a_terminal_the_command_runs_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    with Path(os.devnull).open() as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        assert run([sys.executable, "-c", "raise SystemExit(5)"]) == 5
