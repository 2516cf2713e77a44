"""The journal's bytes: how a slice becomes one record of a segment file, and how a segment is read back.

    segment   b"DLMMJRN1", length and crc32 of the head, the head as JSON; then records
    record    b"SLC1", bytes of the rows, bytes of all that follows this header, crc32 of sizes and body;
              the rows as they are; then each account write: seq, three lengths, address, owner, data

Everything is little-endian. A record is either whole or it is cut: whether it is, its sizes and its crc32 tell.
"""

import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np

from connectors.recordings.schema import refuse_repeated_pools
from dlmm.errors import DlmmError
from dlmm.records import Record
from operators.blocks import ROW, AccountWrite, Rows
from operators.pools import PoolInfo

SUFFIX = ".journal"
_FILE_MAGIC = b"DLMMJRN1"
_FILE = struct.Struct("<8sII")
_RECORD_MAGIC = b"SLC1"
_RECORD = struct.Struct("<4sIII")
RECORD_HEADER = _RECORD.size
"""Bytes of a record in front of its rows."""
_SIZES = struct.Struct("<II")
_WRITE = struct.Struct("<qHHI")


class JournalError(DlmmError):
    """A journal that cannot be opened, written or read.

    :arg path: The folder or the segment.

    :arg reason: What is wrong with it.

    """

    def __init__(self, path: Path | str, reason: str) -> None:
        """Keep both values, and name the file first."""
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class SegmentHead(Record, frozen=True):
    """What a segment says of itself.

    :arg version: Of this format.

    :arg source: Where the rows come from, for people.

    :arg pools: What a row's `pool` counts in.

    :arg fields: Fields of a row with their types; a segment may have been left by another version of this program.

    """

    version: Literal[1]
    source: str
    pools: tuple[PoolInfo, ...]
    fields: tuple[tuple[str, str], ...]


class Cut(Record, frozen=True):
    """Something that a journal held and its recording does not.

    :arg file: The segment's name.

    :arg bytes: How much was cut off or left out, 0 where whole rows were.

    :arg named: Why.

    """

    file: str
    bytes: int
    named: str

    def __str__(self) -> str:
        """Say it in one line."""
        return f"{self.file}: {self.named}"


class SegmentContents(Record, frozen=True):
    """All that could be read of a segment.

    :arg head: `None` where not even that is whole.

    :arg is_damaged: Whether more is missing than a torn tail, which a writer's death explains.

    """

    head: SegmentHead | None
    rows: Rows
    writes: tuple[AccountWrite, ...]
    cuts: tuple[Cut, ...]
    is_damaged: bool = False


def encode_head(pools: Sequence[PoolInfo], source: str) -> bytes:
    """Return the bytes with which a segment begins.

    :raises RecordingError: A pool is in the list twice.

    """
    refuse_repeated_pools("journal", tuple(pools))
    fields = tuple((name, ROW[name].str) for name in ROW.names or ())
    text = msgspec.json.encode(SegmentHead(1, source, tuple(pools), fields))
    return _FILE.pack(_FILE_MAGIC, len(text), zlib.crc32(text)) + text


def encode_slice(rows: Rows, writes: Sequence[AccountWrite]) -> bytes:
    """Return a slice as one record.

    :arg rows: `ROW` array.

    :arg writes: Account bytes that came with them, each with the `seq` of its row.

    """
    body = rows.tobytes()
    rows_length = len(body)
    if writes:
        parts = [body]
        for write in writes:
            address, owner = write.address.encode(), write.owner.encode()
            lengths = _WRITE.pack(write.seq, len(address), len(owner), len(write.data))
            parts += (lengths, address, owner, write.data)
        body = b"".join(parts)
    sizes = _SIZES.pack(rows_length, len(body))
    return _RECORD.pack(_RECORD_MAGIC, rows_length, len(body), zlib.crc32(body, zlib.crc32(sizes))) + body


def read_segment(path: Path) -> SegmentContents:
    """Read a segment, whole or not.

    A record that is damaged is left out, and reading goes on at the next whole one; what stands behind the last whole
    one is the torn tail. Either is among the cuts.

    :raises JournalError: The file cannot be read, or another version of this program wrote rows that this one cannot
        read.

    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise JournalError(path, f"cannot be read: {error.strerror}") from None
    head, start = _decode_head(content)
    if head is None:
        cuts = (Cut(path.name, len(content), f"all {len(content)} bytes were left out: it has no whole head"),)
        is_empty = not content  # its writer died while it began the segment
        return SegmentContents(None, np.zeros(0, ROW), (), () if is_empty else cuts, is_damaged=not is_empty)
    dtype = _dtype_of(path, head)
    view = memoryview(content)
    blocks: list[Rows] = []
    writes: list[AccountWrite] = []
    cuts_found: list[Cut] = []
    is_damaged = False
    while start < len(content):
        end, why = _whole_record(view, start)
        if why:
            good = _next_record(content, start + 1)
            cut = (len(content) if good < 0 else good) - start
            named = _torn(cut, why) if good < 0 else f"{cut} bytes at {start} were left out: {why}"
            cuts_found.append(Cut(path.name, cut, named))
            if good < 0:
                break
            start, is_damaged = good, True
            continue
        rows_length = _RECORD.unpack_from(view, start)[1]
        body = start + _RECORD.size
        blocks.append(np.frombuffer(view[body : body + rows_length], dtype))
        _decode_writes(view[body + rows_length : end], writes)
        start = end
    rows = np.concatenate(blocks) if blocks else np.zeros(0, dtype)
    return SegmentContents(head, _as_row(rows), tuple(writes), tuple(cuts_found), is_damaged)


def _torn(length: int, why: str) -> str:
    return f"the last {length} bytes were cut off: {why}"


def _decode_head(content: bytes) -> tuple[SegmentHead | None, int]:
    if len(content) < _FILE.size:
        return None, 0
    magic, length, crc = _FILE.unpack_from(content)
    text = content[_FILE.size : _FILE.size + length]
    if magic != _FILE_MAGIC or len(text) < length or zlib.crc32(text) != crc:
        return None, 0
    try:
        return msgspec.json.decode(text, type=SegmentHead), _FILE.size + length
    except msgspec.DecodeError:
        return None, 0


def _dtype_of(path: Path, head: SegmentHead) -> np.dtype[np.void]:
    try:
        dtype = np.dtype(list(head.fields))
    except TypeError:
        raise JournalError(path, f"its rows have a type that is none: {head.fields}") from None
    lacking = [name for name in ("seq", "pool") if name not in (dtype.names or ())]
    if lacking:
        raise JournalError(path, f"its rows have no {' and no '.join(lacking)}")
    return dtype


def _as_row(rows: Rows) -> Rows:
    """Return rows of whatever fields as `ROW`, with zeros for fields that they lack."""
    if rows.dtype == ROW:
        return rows
    out = np.zeros(len(rows), ROW)
    for name in set(ROW.names or ()) & set(rows.dtype.names or ()):
        out[name] = rows[name]
    return out


def _whole_record(view: memoryview, start: int) -> tuple[int, str]:
    """Return where a record ends, or why there is no whole one."""
    if len(view) - start < _RECORD.size:
        return start, f"{len(view) - start} bytes of a record's header of {_RECORD.size}"
    magic, rows_length, length, crc = _RECORD.unpack_from(view, start)
    if magic != _RECORD_MAGIC:
        return start, "no record begins there"
    body = start + _RECORD.size
    there = len(view) - body
    if there < length:
        return start, f"{there} bytes of a record's {length}"
    sizes = _SIZES.pack(rows_length, length)
    if zlib.crc32(view[body : body + length], zlib.crc32(sizes)) != crc:
        return start, "a record's checksum is wrong"
    return body + length, ""


def _next_record(content: bytes, start: int) -> int:
    """Return where the next whole record begins, or -1."""
    view = memoryview(content)
    while (start := content.find(_RECORD_MAGIC, start)) >= 0:
        if not _whole_record(view, start)[1]:
            return start
        start += 1
    return -1


def _decode_writes(view: memoryview, writes: list[AccountWrite]) -> None:
    start = 0
    while start < len(view):
        seq, *lengths = _WRITE.unpack_from(view, start)
        start += _WRITE.size
        fields = []
        for length in lengths:
            fields.append(bytes(view[start : start + length]))
            start += length
        address, owner, data = fields
        writes.append(AccountWrite(seq, address.decode(), owner.decode(), data))
