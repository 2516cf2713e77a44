"""Folds follow each other in time, share no row, and leave none of theirs out."""

from pathlib import Path

import numpy as np
import pytest

from connectors.recordings.recording import Recording, write_recording
from connectors.research.windows import Fold, cut_folds
from dlmm.errors import DlmmError
from operators.blocks import Rows
from tests.tapes import tape

ROWS, POOLS = tape(1_200, pools=2)  # a tenth of a second apart: two minutes


def recorded(folder: Path, rows: Rows = ROWS) -> Recording:
    write_recording(folder / "tape.parquet", rows, POOLS, "seeded tape of the tests")
    return Recording.open(folder / "tape.parquet")


def bounds(folds: list[Fold]) -> list[tuple[int, int]]:
    return [(window.stretch.start, window.stretch.stop) for fold in folds for window in (fold.train, fold.test)]


def test_a_recording_is_used_up_where_no_length_is_named(tmp_path: Path) -> None:
    folds = cut_folds(recorded(tmp_path), 2, 0.75, None)
    assert bounds(folds) == [(0, 450), (450, 600), (600, 1_050), (1_050, 1_200)]
    assert folds[0].train.seconds == pytest.approx(45.0, abs=0.1)
    assert folds[0].test.seconds == pytest.approx(15.0, abs=0.1)


def test_folds_of_a_length_begin_at_the_first_row(tmp_path: Path) -> None:
    assert bounds(cut_folds(recorded(tmp_path), 2, 0.5, 0.5)) == [(0, 150), (150, 300), (300, 450), (450, 600)]


def test_a_length_that_does_not_fit_is_refused_with_both_lengths(tmp_path: Path) -> None:
    with pytest.raises(DlmmError, match=r"walk_forward.window_minutes: 3 folds of 1 minutes need 3, but .* is 2 min"):
        cut_folds(recorded(tmp_path), 3, 0.5, 1.0)


def test_more_folds_than_rows_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DlmmError, match=r"fold 1 of .* has no rows in its test window"):
        cut_folds(recorded(tmp_path, ROWS[:3]), 3, 0.5, None)


def test_one_row_is_too_short_for_two_windows(tmp_path: Path) -> None:
    with pytest.raises(DlmmError, match="has no rows"):
        cut_folds(recorded(tmp_path, ROWS[:1]), 1, 0.5, None)


def test_a_recording_of_bad_rows_is_refused(tmp_path: Path) -> None:
    rows = ROWS.copy()
    rows["price"] = -1.0
    with pytest.raises(DlmmError, match="no row may be traded on"):
        cut_folds(recorded(tmp_path, rows), 2, 0.5, None)


def test_the_time_of_a_bad_row_moves_no_boundary(tmp_path: Path) -> None:
    rows = ROWS.copy()
    rows["price"][100] = np.nan
    rows["ts_event_ns"][100] = 1 << 62
    assert bounds(cut_folds(recorded(tmp_path, rows), 2, 0.75, None)) == [
        (0, 450),
        (450, 600),
        (600, 1_050),
        (1_050, 1_200),
    ]
