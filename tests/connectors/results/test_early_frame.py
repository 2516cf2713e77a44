"""What was framed part by part is what would have been framed at once."""

import numpy as np
import polars as pl
import pytest

from connectors.results import early_frame
from connectors.results.early_frame import EarlyFrame

DTYPE = np.dtype([("number", "i8")])


def frame_of(rows: np.ndarray) -> pl.DataFrame:
    return pl.DataFrame({"number": rows["number"].copy()})


def rows(begin: int, end: int) -> np.ndarray:
    made = np.zeros(end - begin, DTYPE)
    made["number"] = range(begin, end)
    return made


def framed(*cuts: int) -> pl.DataFrame | None:
    early = EarlyFrame(frame_of)
    for begin, end in zip((0, *cuts), cuts, strict=False):
        early.add(rows(begin, end))
    return early.take()


@pytest.mark.parametrize("cuts", [(1,), (9, 10), (10, 20, 25), (3, 3, 30)])
def test_all_rows_are_there_in_their_order(cuts: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(early_frame, "PART_ROWS", 10)
    frame = framed(*cuts)
    assert frame is not None
    assert frame["number"].to_list() == list(range(cuts[-1]))


def test_of_no_rows_there_is_no_frame() -> None:
    assert framed() is None


def test_of_too_many_rows_there_is_no_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(early_frame, "PART_ROWS", 4)
    monkeypatch.setattr(early_frame, "MOST_ROWS", 20)
    assert framed(8, 16, 20) is not None
    assert framed(8, 16, 21) is None
    assert framed(8, 16, 21, 22, 40) is None


def test_what_goes_wrong_is_told_at_the_end() -> None:
    def broken(rows: np.ndarray) -> pl.DataFrame:
        raise ValueError(f"{len(rows)} rows")

    early = EarlyFrame(broken)
    early.add(rows(0, 3))
    with pytest.raises(ValueError, match="3 rows"):
        early.take()
