"""What a person sees of bad input: one line that names it, exit status 1, and no traceback of any library."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from connectors.recordings.recording import write_recording
from connectors.recordings.schema import METADATA_KEY
from tests.shared import ROOT
from tests.tapes import tape


def good(path: Path) -> None:
    rows, pools = tape(400)
    write_recording(path, rows, pools, "test")


def empty(path: Path) -> None:
    rows, pools = tape(400)
    write_recording(path, rows[:0], pools, "test")


def without_a_column(path: Path) -> None:
    good(path)
    meta = pl.read_parquet_metadata(path)[METADATA_KEY]
    pl.read_parquet(path).drop("price").write_parquet(path, metadata={METADATA_KEY: meta})


def cut_in_half(path: Path) -> None:
    good(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def damaged(path: Path) -> None:
    good(path)
    data = bytearray(path.read_bytes())
    data[1_000:4_000] = bytes(3_000)
    path.write_bytes(data)


def without_a_price(path: Path) -> None:
    rows, pools = tape(400)
    rows["price"] = np.nan
    write_recording(path, rows, pools, "test")


def no_recording(path: Path) -> None:
    pl.DataFrame({"time": [1, 2], "price": [1.0, 2.0]}).write_parquet(path)


def nothing(path: Path) -> None:
    pass


@pytest.mark.parametrize(
    ("make", "settings", "said"),
    [
        (empty, {}, "has no rows"),
        (without_a_column, {}, "price"),
        (cut_in_half, {}, "cannot be read as Parquet"),
        (damaged, {}, "is damaged"),
        (without_a_price, {}, "no row may be traded on: price_not_positive in 400"),
        (no_recording, {}, "is not a recording"),
        (nothing, {}, "does not exist"),
        (good, {"HFT_CONFIG": "/nowhere/my.toml"}, "/nowhere/my.toml: cannot be read"),
        (good, {"HFT__PAPER__LATENCY_SLOTS": "0"}, "paper.latency_slots: found 0"),
        (good, {"HFT__TARGET_POOLS__POOLS": '["elsewhere"]'}, "none of elsewhere is in the recording"),
        (good, {"HFT__PORTFOLIO__QUOTE": "EURC"}, "pool-0 quotes in USDC"),
        (good, {"HFT__RESULTS__RUNS_DIR": "/proc/nowhere"}, "results.runs_dir: /proc/nowhere: cannot be made"),
        (good, {"HFT__STRATEGIES__MARKET_MAKING__ENABLED": "false"}, "none is enabled"),
    ],
)
def test_bad_input_is_named_in_one_line(
    make: Callable[[Path], None], settings: dict[str, str], said: str, tmp_path: Path
) -> None:
    recording = tmp_path / "tape.parquet"
    make(recording)
    variables = {"HFT__REPLAY__RECORDING": str(recording), "HFT__RESULTS__RUNS_DIR": str(tmp_path / "runs"), **settings}
    done = subprocess.run(
        [sys.executable, "-m", "bytewax.run", "flows.replay"],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert said in line


def test_bad_rows_among_good_ones_are_counted_and_the_replay_goes_on(tmp_path: Path) -> None:
    rows, pools = tape(400)
    rows["price"][[3, 50]] = np.nan, -1.0
    rows["slot"][200] = 0
    rows["ts_event_ns"][300] = 0
    recording = tmp_path / "tape.parquet"
    write_recording(recording, rows, pools, "test")
    variables = {"HFT__REPLAY__RECORDING": str(recording), "HFT__RESULTS__RUNS_DIR": str(tmp_path / "runs")}
    subprocess.run(
        [sys.executable, "-m", "bytewax.run", "flows.replay"],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        timeout=120,
        check=True,
    )
    (summary,) = (tmp_path / "runs").glob("*/summary.json")
    found = pl.read_json(summary)
    assert found["updates"].item() == 396
    assert found["refused_rows"].item() == {"price_not_positive": 2, "time_backwards": 1, "clock_backwards": 1}
