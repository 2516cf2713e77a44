"""Rows come back as they were appended, whether they went to disk in between or not."""

from pathlib import Path

import numpy as np
import pytest

from connectors.results import row_log
from connectors.results.row_log import RowLog
from dlmm.errors import DlmmError

DTYPE = np.dtype([("number", "i8"), ("name", "i2")])


def rows(*numbers: int) -> np.ndarray:
    made = np.zeros(len(numbers), DTYPE)
    made["number"] = numbers
    return made


def numbers(log: RowLog) -> list[int]:
    return [int(number) for part in log.take() for number in part["number"]]


def test_rows_come_back_in_their_order(tmp_path: Path) -> None:
    log = RowLog(tmp_path / "a.rows", DTYPE, 0)
    log.append(rows(1, 2))
    log.append(rows())
    log.append(rows(3))
    assert numbers(log) == [1, 2, 3]
    assert (tmp_path / "a.rows").stat().st_size == 0


def test_nothing_is_no_rows(tmp_path: Path) -> None:
    assert numbers(RowLog(tmp_path / "a.rows", DTYPE, 0)) == []


def test_what_was_saved_comes_before_what_was_not(tmp_path: Path) -> None:
    log = RowLog(tmp_path / "a.rows", DTYPE, 0)
    log.append(rows(1, 2))
    assert log.save() == 2 * DTYPE.itemsize
    log.append(rows(3))
    assert numbers(log) == [1, 2, 3]


def test_a_restart_goes_on_where_the_snapshot_was_taken(tmp_path: Path) -> None:
    log = RowLog(tmp_path / "a.rows", DTYPE, 0)
    log.append(rows(1, 2))
    length = log.save()
    log.append(rows(3))
    log.close()
    assert (tmp_path / "a.rows").stat().st_size == 3 * DTYPE.itemsize
    again = RowLog(tmp_path / "a.rows", DTYPE, length)
    again.append(rows(4))
    assert numbers(again) == [1, 2, 4]


def test_a_file_that_lost_rows_is_told(tmp_path: Path) -> None:
    with pytest.raises(DlmmError, match="0 bytes of the 10 "):
        RowLog(tmp_path / "a.rows", DTYPE, 10)


def test_too_many_rows_go_to_disk_by_themselves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_log, "HELD_BYTES", 2 * DTYPE.itemsize)
    log = RowLog(tmp_path / "a.rows", DTYPE, 0)
    log.append(rows(1, 2))
    assert (tmp_path / "a.rows").stat().st_size == 0
    log.append(rows(3))
    assert (tmp_path / "a.rows").stat().st_size == 3 * DTYPE.itemsize
    assert numbers(log) == [1, 2, 3]
