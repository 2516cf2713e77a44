"""An order journal is read as far as it is whole, and says what is not."""

import struct
import zlib
from pathlib import Path

import msgspec
import pytest

from connectors.execution.order_journal_format import (
    NAME,
    OrderJournalContents,
    encode_order_head,
    encode_record,
    read_order_journal,
)
from connectors.recordings.journal_format import JournalError
from tests.connectors.execution.journaled_orders import WALLET, WHOLE_LIFE

HEAD = encode_order_head(WALLET)
RECORDS = [encode_record(entry) for entry in WHOLE_LIFE]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / NAME


def read(path: Path, content: bytes) -> OrderJournalContents:
    path.write_bytes(content)
    return read_order_journal(path)


def record_of(body: bytes) -> bytes:
    length = struct.pack("<I", len(body))
    return b"ORD1" + length + struct.pack("<I", zlib.crc32(length + body)) + body


def test_what_was_written_is_read(path: Path) -> None:
    content = HEAD + b"".join(RECORDS)
    contents = read(path, content)
    assert (contents.wallet, contents.entries, contents.length) == (WALLET, WHOLE_LIFE, len(content))
    assert (contents.cuts, contents.is_damaged) == ((), False)
    assert read(path, HEAD).entries == []


def test_a_torn_tail_is_cut_wherever_it_is_torn(path: Path) -> None:
    whole = HEAD + b"".join(RECORDS[:2])
    for kept in range(1, len(RECORDS[2])):
        contents = read(path, whole + RECORDS[2][:kept])
        assert (contents.entries, contents.length, contents.is_damaged) == (WHOLE_LIFE[:2], len(whole), False)
        (cut,) = contents.cuts
        assert cut.bytes == kept
        assert str(cut).startswith(f"{NAME}: the last {kept} bytes were cut off: ")


def test_zeros_after_the_death_of_the_machine_are_a_torn_tail(path: Path) -> None:
    contents = read(path, HEAD + RECORDS[0] + bytes(4096))
    assert (contents.entries, contents.is_damaged) == (WHOLE_LIFE[:1], False)


@pytest.mark.parametrize("broken", range(4))
def test_records_around_a_damaged_one_are_read(path: Path, broken: int) -> None:
    start = len(HEAD) + sum(len(record) for record in RECORDS[:broken])
    content = bytearray(HEAD + b"".join(RECORDS))
    for place in range(len(RECORDS[broken])):
        content[start + place] ^= 0x10
        contents = read(path, bytes(content))
        content[start + place] ^= 0x10
        assert contents.entries == WHOLE_LIFE[:broken] + WHOLE_LIFE[broken + 1 :]
        assert contents.is_damaged
        assert contents.length == len(content)
        (cut,) = contents.cuts
        assert cut.named.startswith(f"{len(RECORDS[broken])} bytes at {start} were left out: ")


def test_what_does_not_say_whose_it_is_is_refused(path: Path) -> None:
    with pytest.raises(JournalError, match="there is no order journal"):
        read_order_journal(path)
    for content in (b"", b"DLMM", b"DLMMJRN1" + HEAD[8:], bytes(100)):
        with pytest.raises(JournalError, match="is no order journal"):
            read(path, content)
    for content in (HEAD[:-1], HEAD[:20] + b"?" + HEAD[21:]):
        with pytest.raises(JournalError, match="its head is damaged"):
            read(path, content)
    path.unlink()
    path.mkdir()
    with pytest.raises(JournalError, match="cannot be read: Is a directory"):
        read_order_journal(path)


def test_what_another_version_wrote_is_refused(path: Path) -> None:
    text = msgspec.json.encode({"version": 2, "wallet": WALLET})
    head = b"DLMMORD1" + struct.pack("<II", len(text), zlib.crc32(text)) + text
    with pytest.raises(JournalError, match="another version of this program"):
        read(path, head)
    for body in (msgspec.msgpack.encode({"type": "bundled", "key": "7.0"}), b"\xc1", b""):
        with pytest.raises(JournalError, match=f"the entry at {len(HEAD)} was written by another version"):
            read(path, HEAD + record_of(body) + RECORDS[0])
