"""Walk-forward windows: a recording cut by time into folds, each of a part to choose on and a later one to judge on."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from connectors.recordings.excerpt import Stretch
from connectors.recordings.inspection import Inspector
from connectors.recordings.recording import Recording
from dlmm.errors import DlmmError
from dlmm.records import Record

_ROWS = 1 << 16
_MINUTE_NS = 60_000_000_000


class Window(Record, frozen=True):
    """A stretch of market time in a recording.

    :arg seconds: Its length.

    """

    stretch: Stretch
    begin_ns: int
    seconds: float


class Fold(Record, frozen=True):
    """What is chosen on, and what it is then judged on: the window that follows."""

    train: Window
    test: Window


def cut_folds(recording: Recording, folds: int, train: float, window_minutes: float | None) -> list[Fold]:
    """Cut a recording into folds that follow each other and share no row.

    The clock is the source's, of the rows that may be traded on; where it steps back the latest time seen counts.

    :arg train: Part of each fold that is chosen on, between 0 and 1.

    :arg window_minutes: Length of a fold; `None`: what the recording allows. What is left over at the end is not used.

    :raises DlmmError: The recording is too short, or has no rows in one of the windows.

    """
    first, last = _span(recording)
    length = (last + 1 - first) // folds
    if window_minutes is not None:
        length = round(window_minutes * _MINUTE_NS)
        if folds * length > last + 1 - first:
            raise DlmmError(
                f"walk_forward.window_minutes: {folds} folds of {window_minutes:g} minutes need"
                f" {folds * window_minutes:g}, but {recording.path} is {(last - first) / _MINUTE_NS:.3g} minutes long"
            )
    times = []
    for fold in range(folds):
        begin = first + fold * length
        times += [begin, begin + round(train * length)]
    times.append(first + folds * length if window_minutes is not None else last + 1)
    offsets = _offsets(recording, times)
    windows = [
        Window(Stretch(offsets[place], offsets[place + 1]), times[place], (times[place + 1] - times[place]) / 1e9)
        for place in range(2 * folds)
    ]
    for place, window in enumerate(windows):
        if not len(window.stretch):
            part = "test" if place % 2 else "train"
            raise DlmmError(
                f"walk_forward.folds: fold {place // 2 + 1} of {recording.path} has no rows in its {part} window;"
                " cut it into fewer folds"
            )
    return [Fold(windows[2 * fold], windows[2 * fold + 1]) for fold in range(folds)]


def _good_times(recording: Recording) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.int64]]]:
    """Yield slices: offset of the first row, offsets in the slice of the rows that count, and their times."""
    inspector = Inspector(recording.pools)
    for number, rows in enumerate(recording.slices(_ROWS)):
        places = np.flatnonzero(inspector.check(rows))
        yield number * _ROWS, places, np.ascontiguousarray(rows["ts_event_ns"])[places]


def _span(recording: Recording) -> tuple[int, int]:
    first = last = None
    for _, _, times in _good_times(recording):
        if len(times):
            first = int(times[0]) if first is None else first
            last = int(times.max()) if last is None else max(last, int(times.max()))
    if first is None or last is None:
        raise DlmmError(f"{recording.path}: no row may be traded on")
    return first, last


def _offsets(recording: Recording, boundaries: Sequence[int]) -> list[int]:
    """Return the first row at or behind each time; the number of rows where there is none."""
    found: list[int] = []
    latest = np.iinfo(np.int64).min
    for start, places, times in _good_times(recording):
        if not len(times):
            continue
        running = np.maximum(np.maximum.accumulate(times), latest)
        latest = running[-1]
        while len(found) < len(boundaries) and boundaries[len(found)] <= latest:
            found.append(start + int(places[np.searchsorted(running, boundaries[len(found)])]))
    return found + [len(recording)] * (len(boundaries) - len(found))
