"""The order journal's bytes: how an entry becomes one record of the file, and how the file is read back.

    file      b"DLMMORD1", length and crc32 of the head, the head as JSON; then records
    record    b"ORD1", bytes of the entry, crc32 of that length and the entry; the entry as MessagePack

Everything is little-endian. A record is either whole or it is cut: whether it is, its length and its crc32 tell.
"""

import struct
import zlib
from pathlib import Path
from typing import Literal

import msgspec

from connectors.execution.order_entries import Entry, decode_entry, encode_entry
from connectors.recordings.journal_format import Cut, JournalError
from dlmm.records import Record

NAME = "orders.journal"
_FILE_MAGIC = b"DLMMORD1"
_FILE = struct.Struct("<8sII")
_RECORD_MAGIC = b"ORD1"
_RECORD = struct.Struct("<4sII")
_LENGTH = struct.Struct("<I")


class OrderJournalHead(Record, frozen=True):
    """What an order journal says of itself.

    :arg version: Of this format.

    :arg wallet: Address of the wallet whose orders it holds.

    """

    version: Literal[1]
    wallet: str


class OrderJournalContents(Record, frozen=True):
    """All that could be read of an order journal.

    :arg length: Bytes of the file up to the end of its last whole record.

    :arg cuts: What stands in the file besides.

    :arg is_damaged: Whether that is more than a torn tail, which a writer's death explains.

    """

    wallet: str
    entries: list[Entry]
    length: int
    cuts: tuple[Cut, ...] = ()
    is_damaged: bool = False


def encode_order_head(wallet: str) -> bytes:
    """Return the bytes with which a wallet's order journal begins."""
    text = msgspec.json.encode(OrderJournalHead(1, wallet))
    return _FILE.pack(_FILE_MAGIC, len(text), zlib.crc32(text)) + text


def encode_record(entry: Entry) -> bytes:
    """Return an entry as one record."""
    body = encode_entry(entry)
    length = len(body)
    return _RECORD.pack(_RECORD_MAGIC, length, zlib.crc32(body, zlib.crc32(_LENGTH.pack(length)))) + body


def read_order_journal(path: Path) -> OrderJournalContents:
    """Read an order journal, whole or not, as it is.

    A record that is damaged is left out, and reading goes on at the next whole one; what stands behind the last whole
    one is the torn tail. Either is among the cuts.

    :raises JournalError: The file cannot be read, does not say whose it is, or holds what another version of this
        program wrote and this one cannot read.

    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise JournalError(path, "there is no order journal") from None
    except OSError as error:
        raise JournalError(path, f"cannot be read: {error.strerror}") from None
    head, start = _decode_head(path, content)
    view = memoryview(content)
    entries: list[Entry] = []
    cuts: list[Cut] = []
    length, is_damaged = start, False
    while start < len(content):
        end, why = _whole_record(view, start)
        if not why:
            entries.append(_decode(path, view[start + _RECORD.size : end], start))
            start = length = end
            continue
        good = _next_record(content, start + 1)
        if good < 0:
            cut = len(content) - start
            cuts.append(Cut(path.name, cut, f"the last {cut} bytes were cut off: {why}"))
            break
        cuts.append(Cut(path.name, good - start, f"{good - start} bytes at {start} were left out: {why}"))
        start, is_damaged = good, True
    return OrderJournalContents(head.wallet, entries, length, tuple(cuts), is_damaged)


def _decode_head(path: Path, content: bytes) -> tuple[OrderJournalHead, int]:
    if len(content) < _FILE.size or not content.startswith(_FILE_MAGIC):
        raise JournalError(path, "is no order journal")
    _, length, crc = _FILE.unpack_from(content)
    end = _FILE.size + length
    text = content[_FILE.size : end]
    if zlib.crc32(text) != crc:
        raise JournalError(path, "does not say whose it is: its head is damaged")
    try:
        return msgspec.json.decode(text, type=OrderJournalHead), end
    except msgspec.DecodeError as error:
        raise JournalError(path, f"was written by another version of this program: {error}") from None


def _decode(path: Path, body: memoryview, start: int) -> Entry:
    try:
        entry: Entry = decode_entry(body)
    except msgspec.DecodeError as error:
        # Its bytes are as they were written. To pass it over could mean to sign an order twice.
        reason = f"the entry at {start} was written by another version of this program: {error}"
        raise JournalError(path, reason) from None
    return entry


def _whole_record(view: memoryview, start: int) -> tuple[int, str]:
    """Return where the record that begins at `start` ends, or why it is not whole."""
    body = start + _RECORD.size
    if len(view) < body:
        return start, f"{len(view) - start} bytes of a record's header of {_RECORD.size}"
    magic, length, crc = _RECORD.unpack_from(view, start)
    if magic != _RECORD_MAGIC:
        return start, "no record begins there"
    if len(view) - body < length:
        return start, f"{len(view) - body} bytes of a record's {length}"
    if zlib.crc32(view[body : body + length], zlib.crc32(_LENGTH.pack(length))) != crc:
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
