"""End a run that fails for a reason of our own in one line, not in a library's traceback."""

import atexit
import os
import sys
from collections.abc import Callable
from types import TracebackType

from dlmm.errors import DlmmError


def own_error(error: BaseException | None) -> DlmmError | None:
    """Return the `DlmmError` behind an exception, which Bytewax wraps once for each layer it passes."""
    while error is not None and not isinstance(error, DlmmError):
        error = error.__cause__ or error.__context__
    return error


def in_one_line(text: str) -> str:
    """Join lines, and show what cannot be printed as an escape: an error may quote what a peer or a file said."""
    joined = " ".join(text.split())
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in joined)


def say_own_errors_in_one_line() -> None:
    """From here on, let a `DlmmError` or an interrupt that ends the process print one line."""
    usual = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        own = own_error(error)
        if isinstance(error, KeyboardInterrupt):
            print("interrupted", file=sys.stderr)
        elif own is None:
            usual(kind, error, trace)
        else:
            print(f"error: {in_one_line(str(own))}", file=sys.stderr)

    sys.excepthook = hook


def exit_by(failure: Callable[[], str]) -> None:
    """At the end of the process, if a run failed, say why and exit with status 1: the runner itself would exit with 0.

    :arg failure: Returns why the run failed, or nothing.

    """

    def leave() -> None:
        reason = failure()
        if reason:
            print(f"error: {in_one_line(reason)}", file=sys.stderr)
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(1)

    atexit.register(leave)
