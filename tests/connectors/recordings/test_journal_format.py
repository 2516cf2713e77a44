"""A segment gives back every whole record, whatever became of the others, and names what it could not give back."""

import zlib
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.recordings.journal_format import JournalError, SegmentHead, encode_head, encode_slice, read_segment
from connectors.recordings.schema import RecordingError
from operators.blocks import ROW, AccountWrite, Rows
from tests.connectors.good_recordings import POOLS, SOL, good_rows

HEAD = encode_head(POOLS, "a test")


def writes_of(rows: Rows, size: int = 40) -> list[AccountWrite]:
    """A write for every second row."""
    return [
        AccountWrite(seq, f"account {seq}", "owner", bytes([seq % 256]) * size) for seq in rows["seq"].tolist()[::2]
    ]


def random_rows(count: int) -> Rows:
    """Rows with something in every field."""
    raw = np.random.default_rng(7).bytes(count * ROW.itemsize)
    return np.frombuffer(raw, ROW).copy()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "00000003.journal"


def test_every_bit_of_rows_and_writes_comes_back(path: Path) -> None:
    rows = random_rows(7)
    writes = [
        AccountWrite(int(rows["seq"][0]), "9" * 44, "8" * 44, bytes(range(256)) * 40),
        AccountWrite(int(rows["seq"][1]), "", "", b""),
        AccountWrite(-5, "Zürich", "o", b"SLC1"),
    ]
    path.write_bytes(
        HEAD + encode_slice(rows[:3], writes[:2]) + encode_slice(rows[3:6], ()) + encode_slice(rows[6:], writes[2:])
    )
    contents = read_segment(path)
    assert contents.rows.tobytes() == rows.tobytes()
    assert contents.writes == tuple(writes)
    assert contents.cuts == ()
    assert contents.head is not None
    assert (contents.head.pools, contents.head.source) == (POOLS, "a test")


def test_a_slice_that_is_no_contiguous_memory_is_written_as_it_reads(path: Path) -> None:
    rows = random_rows(9)[::2]
    path.write_bytes(HEAD + encode_slice(rows, ()))
    assert read_segment(path).rows.tobytes() == rows.tobytes()


def test_a_tail_torn_at_any_byte_costs_the_last_record_and_no_other(path: Path) -> None:
    rows = good_rows(5)
    whole = HEAD + encode_slice(rows[:3], writes_of(rows[:3]))
    last = encode_slice(rows[3:], writes_of(rows[3:]))
    for length in range(1, len(last)):
        path.write_bytes(whole + last[:length])
        contents = read_segment(path)
        assert contents.rows.tobytes() == rows[:3].tobytes()
        assert contents.writes == tuple(writes_of(rows[:3]))
        (cut,) = contents.cuts
        assert (cut.file, cut.bytes) == (path.name, length)
        assert f"the last {length} bytes were cut off" in str(cut)
        assert not contents.is_damaged


@given(place=st.integers(0), flip=st.integers(1, 255))
def test_a_flipped_byte_costs_its_record_and_is_named(
    place: int, flip: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    rows = good_rows(9)
    records = [encode_slice(rows[start : start + 3], writes_of(rows[start : start + 3])) for start in (0, 3, 6)]
    content = bytearray(b"".join(records))
    place %= len(content)
    content[place] ^= flip
    path = tmp_path_factory.getbasetemp() / "00000003.journal"
    path.write_bytes(HEAD + content)
    ends = np.cumsum([len(record) for record in records])
    hit = int(np.searchsorted(ends, place, side="right"))
    kept = [number for number in range(3) if number != hit]
    contents = read_segment(path)
    assert contents.rows.tobytes() == b"".join(rows[3 * number : 3 * number + 3].tobytes() for number in kept)
    assert sum(cut.bytes for cut in contents.cuts) == len(records[hit])
    assert contents.is_damaged == (hit < 2)


@given(garbage=st.binary(min_size=1, max_size=300))
def test_garbage_between_records_is_left_out(garbage: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    rows = good_rows(4)
    path = tmp_path_factory.getbasetemp() / "00000004.journal"
    path.write_bytes(HEAD + encode_slice(rows[:2], ()) + garbage + encode_slice(rows[2:], ()))
    contents = read_segment(path)
    assert contents.rows.tobytes() == rows.tobytes()
    assert sum(cut.bytes for cut in contents.cuts) == len(garbage)
    assert contents.is_damaged


def test_a_head_cut_at_any_byte_makes_a_segment_without_rows(path: Path) -> None:
    for length in range(len(HEAD)):
        path.write_bytes(HEAD[:length])
        contents = read_segment(path)
        assert contents.head is None
        assert len(contents.rows) == 0
        assert [cut.bytes for cut in contents.cuts] == ([length] if length else [])


def test_a_flipped_byte_in_the_head_is_named(path: Path) -> None:
    for place in range(len(HEAD)):
        content = bytearray(HEAD + encode_slice(good_rows(1), ()))
        content[place] ^= 1
        path.write_bytes(content)
        contents = read_segment(path)
        assert contents.head is None
        assert "it has no whole head" in str(contents.cuts[0])
        assert contents.is_damaged


def headed(head: SegmentHead, body: bytes) -> bytes:
    text = msgspec.json.encode(head)
    return b"DLMMJRN1" + len(text).to_bytes(4, "little") + zlib.crc32(text).to_bytes(4, "little") + text + body


def test_rows_of_another_version_keep_the_fields_that_both_have(path: Path) -> None:
    older = np.dtype([("pool", "<i2"), ("seq", "<i8"), ("slot", "<i8"), ("gone", "<f8")])
    rows = np.array([(1, 5, 70, 2.0), (0, 6, 71, 3.0)], older)
    fields = tuple((name, older[name].str) for name in older.names or ())
    path.write_bytes(headed(SegmentHead(1, "", POOLS, fields), encode_slice(rows, ())))
    contents = read_segment(path)
    assert contents.rows.dtype == ROW
    assert contents.rows[["pool", "seq", "slot", "kind"]].tolist() == [(1, 5, 70, 0), (0, 6, 71, 0)]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [((("seq", "<i8"),), "its rows have no pool"), ((("seq", "teapot"),), "its rows have a type that is none")],
)
def test_rows_that_nobody_can_read_are_refused(path: Path, fields: tuple[tuple[str, str], ...], reason: str) -> None:
    path.write_bytes(headed(SegmentHead(1, "", POOLS, fields), encode_slice(good_rows(1), ())))
    with pytest.raises(JournalError, match=reason):
        read_segment(path)


def test_a_file_that_cannot_be_read_is_named(path: Path) -> None:
    with pytest.raises(JournalError, match=r"00000003\.journal: cannot be read: No such file"):
        read_segment(path)


def test_a_pool_listed_twice_is_refused() -> None:
    with pytest.raises(RecordingError, match="names pool sol twice"):
        encode_head([SOL, SOL], "")
