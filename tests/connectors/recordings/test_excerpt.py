"""A stretch begins in the state that the market was in, and shows nothing of what comes after it."""

from pathlib import Path

import numpy as np
import pytest

from connectors.recordings.excerpt import Excerpt, Stretch
from connectors.recordings.recording import Recording, write_recording
from dlmm.errors import DlmmError
from operators.blocks import MARKET, REPORT, AccountWrite
from tests.shared import ROOT
from tests.tapes import tape

SANDBOX = ROOT / "replay_data" / "sandbox.parquet"
ROWS, POOLS = tape(60, pools=2)


@pytest.fixture(scope="module")
def sandbox() -> Recording:
    return Recording.open(SANDBOX)


@pytest.fixture
def plain(tmp_path: Path) -> Recording:
    write_recording(tmp_path / "tape.parquet", ROWS, POOLS, "seeded tape of the tests")
    return Recording.open(tmp_path / "tape.parquet")


def test_without_accounts_it_is_the_rows_and_nothing_else(plain: Recording) -> None:
    excerpt = Excerpt(plain, Stretch(20, 50))
    assert len(excerpt) == 30
    assert excerpt.rows(0, 100)["seq"].tolist() == ROWS["seq"][20:50].tolist()
    assert excerpt.writes(0, 100) == []


def test_the_whole_recording_is_an_excerpt_too(sandbox: Recording) -> None:
    excerpt = Excerpt(sandbox, Stretch(0, len(sandbox)))
    assert len(excerpt) == len(sandbox)
    assert excerpt.rows(0, 100).tobytes() == sandbox.rows(0, 100).tobytes()
    assert excerpt.writes(5, 20) == sandbox.writes(5, 20)


def test_before_it_stands_the_newest_write_of_every_account(sandbox: Recording) -> None:
    start = 5_000
    known = {(write.address, write.owner): write.data for write in sandbox.writes(0, start)}
    excerpt = Excerpt(sandbox, Stretch(start, start + 100))
    before = len(excerpt) - 100
    assert {(write.address, write.owner): write.data for write in excerpt.writes(0, before)} == known
    assert {write.seq for write in excerpt.writes(0, before)} <= set(excerpt.rows(0, before)["seq"].tolist())


def test_what_stands_before_it_has_one_time_and_each_pools_newest_price(sandbox: Recording) -> None:
    start = 5_000
    excerpt = Excerpt(sandbox, Stretch(start, start + 100))
    rows = excerpt.rows(0, len(excerpt) - 100)
    past = sandbox.rows(0, start)
    for pool in range(len(sandbox.pools)):
        newest = past[(past["pool"] == pool) & (past["kind"] == MARKET)][-1]
        assert set(rows["price"][rows["pool"] == pool].tolist()) == {newest["price"]}
        assert set(rows["active_id"][rows["pool"] == pool].tolist()) == {newest["active_id"]}
    assert len(set(rows["ts_event_ns"].tolist())) == 1
    assert rows["ts_event_ns"][0] <= past["ts_event_ns"].max()
    assert (np.diff(rows["seq"]) > 0).all()
    assert rows["slot"].max() < sandbox.rows(start, 100)["slot"].min()


@pytest.mark.parametrize("size", [1, 7, 33])
def test_however_it_is_read_it_is_the_same(sandbox: Recording, size: int) -> None:
    excerpt = Excerpt(sandbox, Stretch(4_000, 4_050))
    count = len(excerpt)
    rows = np.concatenate([excerpt.rows(offset, size) for offset in range(0, count, size)])
    writes: list[AccountWrite] = []
    for offset in range(0, count, size):
        writes += excerpt.writes(offset, size)
    assert rows.tobytes() == excerpt.rows(0, count).tobytes()
    assert writes == excerpt.writes(0, count)
    assert len(excerpt.rows(count, 5)) == 0


def test_reports_of_orders_are_no_state_of_the_market(tmp_path: Path) -> None:
    rows = ROWS.copy()
    rows["kind"][1] = REPORT
    writes = [
        AccountWrite(1, "a", "owner", b"1"),
        AccountWrite(2, "", "reports", b"2"),
        AccountWrite(5, "a", "o", b"3"),
    ]
    write_recording(tmp_path / "tape.parquet", rows, POOLS, "seeded tape of the tests", writes=writes)
    recording = Recording.open(tmp_path / "tape.parquet")
    assert recording.newest_writes(4) == [0]
    assert Excerpt(recording, Stretch(4, 10)).writes(0, 1)[0].data == b"1"


def test_files_of_a_folder_are_searched_in_their_order(tmp_path: Path) -> None:
    for number in range(2):
        rows = ROWS[30 * number : 30 * number + 30].copy()
        rows["pool"] = 0
        first = int(rows["seq"][0])
        writes = [AccountWrite(first, "a", "o", b"a"), AccountWrite(first + 3 * number + 1, "b", "o", b"b")]
        write_recording(tmp_path / f"{number}.parquet", rows, POOLS, "half a tape", writes=writes)
    recording = Recording.open(tmp_path)
    assert recording.newest_writes(30) == [0, 1]
    assert recording.newest_writes(31) == [1, 30]
    assert recording.newest_writes(60) == [30, 34]


@pytest.mark.parametrize("stretch", [(10, 10), (-1, 5), (50, 61), (20, 10)])
def test_a_stretch_that_is_not_there_is_refused(plain: Recording, stretch: tuple[int, int]) -> None:
    with pytest.raises(DlmmError, match="has no rows"):
        Excerpt(plain, Stretch(*stretch))
