"""Run a command as the terminal's own job: `python -m flows.foreground COMMAND ..`.

Ctrl-C goes to the whole foreground group of a terminal, and `make` ends by it whatever its command makes of it. Here
the command gets a group of its own: the interrupt is the command's alone, and its exit status is what remains.
"""

import os
import signal
import subprocess
import sys


def run(command: list[str]) -> int:
    """Run a command in the terminal's foreground until it ends; without a terminal, plainly.

    :returns: Its exit status; 128 and the signal's number where a signal ended it.

    """
    if not sys.stdin.isatty():
        return _status(subprocess.run(command, check=False).returncode)
    terminal = sys.stdin.fileno()
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)  # handing the terminal over and taking it back would stop this
    process = subprocess.Popen(command, process_group=0)
    os.tcsetpgrp(terminal, process.pid)
    try:
        return _status(process.wait())
    finally:
        os.tcsetpgrp(terminal, os.getpgrp())


def _status(code: int) -> int:
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
