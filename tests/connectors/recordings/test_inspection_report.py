"""A whole recording is checked and shown."""

from pathlib import Path

import numpy as np
import polars as pl
from rich.console import Console

from connectors.recordings.inspection_report import InspectionReport, inspect_recording, render_report
from connectors.recordings.journal_format import encode_head, encode_slice
from connectors.recordings.recording import write_recording
from connectors.recordings.sealing import segment_path
from operators.blocks import TICK
from tests.connectors.good_recordings import POOLS, START_NS, as_frame, good_rows, write_foreign


def text_of(report: InspectionReport) -> str:
    console = Console(width=160)
    with console.capture() as capture:
        console.print(render_report(report))
    return capture.get()


def test_a_report_covers_the_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "market.parquet"
    rows = good_rows(100)
    rows["price"][7] = -1.0
    write_recording(path, rows, POOLS, "a test")
    seen: list[tuple[int, int]] = []
    report = inspect_recording(path, lambda done, total: seen.append((done, total)))
    assert (report.rows, report.refused, report.source) == (100, 1, "a test")
    assert (report.first_ns, report.last_ns) == (START_NS, int(rows["ts_event_ns"][-1]))
    assert (report.first_slot, report.last_slot) == (1_000, 1_049)
    assert [finding.kind for finding in report.findings] == ["price_not_positive"]
    assert seen == [(100, 100)]
    text = text_of(report)
    assert "price_not_positive" in text
    assert "100 rows, 1 refused; 2023-11-14 22:13:20 UTC" in text


def test_unknown_pools_are_shown_by_name(tmp_path: Path) -> None:
    path = tmp_path / "market.parquet"
    write_foreign(path, as_frame(good_rows(4)).with_columns(pool=pl.Series(["sol", "moon", "sol", "jup"])))
    report = inspect_recording(path)
    assert (report.refused, report.unknown_pools) == (1, {"moon": 1})
    assert "moon, not in the metadata" in text_of(report)


def test_a_recording_without_a_good_row_has_a_report(tmp_path: Path) -> None:
    path = tmp_path / "market.parquet"
    rows = good_rows(4)
    rows["price"] = 0.0
    write_recording(path, rows, POOLS, "a test")
    report = inspect_recording(path)
    assert (report.refused, report.first_ns, report.last_slot) == (4, 0, 0)
    assert "4 rows, 4 refused" in text_of(report)


def test_ticks_and_what_is_missing_are_said(tmp_path: Path) -> None:
    rows = good_rows(20)
    rows["kind"][5:7] = TICK
    rows["price"][5:7] = np.nan
    head, torn = encode_head(POOLS, "a test"), encode_slice(good_rows(1, 20), ())[:-3]
    segment_path(tmp_path, 0).write_bytes(head + encode_slice(rows, ()) + torn)
    report = inspect_recording(tmp_path)
    assert (report.rows, report.ticks, report.refused) == (20, 2, 0)
    text = text_of(report)
    assert "20 rows, 2 of them ticks, 0 refused" in text
    assert f"Not in it: 00000000.journal: the last {len(torn)} bytes were cut off" in text
