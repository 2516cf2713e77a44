"""A process that replays what it is told to, one stretch after the other: `python -m flows.research.worker`.

Jobs come in as lines of JSON on standard input and go out so on standard output; it ends when there are no more.
"""

import json
import os
import signal
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import msgspec
from bytewax.testing import run_main

from connectors.recordings.excerpt import Stretch
from connectors.research.trials import Figures
from connectors.results.run_folder import Outcome
from connectors.results.run_summary import SUMMARY
from dlmm.errors import DlmmError
from dlmm.records import Record
from flows.failure import in_one_line, own_error, say_own_errors_in_one_line
from flows.replay import replay
from flows.settings.tree import Settings


class Job(Record, frozen=True):
    """One run: settings, a recording in the place of theirs, and which of its rows."""

    settings: Settings
    recording: str
    stretch: Stretch


class Answer(Record, frozen=True):
    """What came of it: figures, or the reason why there are none."""

    figures: Figures | None
    failure: str = ""


def answer(job: Job, folder: Path) -> Answer:
    """Replay, and read the figures off the result."""
    chosen = job.settings
    settings = msgspec.structs.replace(
        chosen,
        replay=msgspec.structs.replace(chosen.replay, recording=job.recording),
        results=msgspec.structs.replace(chosen.results, runs_dir=str(folder)),
    )
    outcome = Outcome()
    try:
        run_main(replay(settings, outcome, stretch=job.stretch))
    except DlmmError as error:
        return Answer(None, str(error))
    if outcome.failure:
        return Answer(None, outcome.failure)
    (run,) = folder.iterdir()
    return Answer(figures_of(json.loads((run / SUMMARY).read_text())))


def figures_of(summary: dict[str, object]) -> Figures:
    """Keep of a summary what is compared."""
    return msgspec.convert(summary, Figures)


def serve(jobs: BinaryIO, answers: BinaryIO) -> None:
    """Answer each line until there are no more."""
    decode = msgspec.json.Decoder(Job).decode
    for line in jobs:
        with tempfile.TemporaryDirectory(prefix="dlmm-hft-sweep-") as folder:
            said = answer(decode(line), Path(folder))
        answers.write(msgspec.json.encode(said) + b"\n")
        answers.flush()


def _end_with_the_cause() -> None:
    """Let the last line that a dying process says be what it died of: Bytewax wraps that in words of its own."""
    say_own_errors_in_one_line()
    usual = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        usual(kind, error, trace)
        cause = error
        while deeper := cause.__cause__ or cause.__context__:
            cause = deeper
        if own_error(error) is None:
            print(f"{type(cause).__name__}: {in_one_line(str(cause))}", file=sys.stderr)

    sys.excepthook = hook


def main() -> None:
    """Serve, with standard output kept from everything else that prints."""
    _end_with_the_cause()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever gave the jobs ends this process
    answers = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.close(nothing)
    serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
