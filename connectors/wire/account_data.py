"""Account data as nodes write it, base64 or base64 of a zstd frame, back to bytes: bounded, and refused by name."""

import binascii
import threading

import zstandard

from connectors.wire.refusal import WireError

ENCODINGS = ("base64", "base64+zstd")
"""What nodes are asked for, and may answer with: one that fails to compress falls back to plain base64."""

_BLOCK_HEAD = 3
_REPEATED = 1  # type of a block that holds one byte, and how often it comes
_RESERVED = 3
_CHECKSUM = 4
_FRAME_ROOM = 64  # a frame's head, its checksum, and rounding


class _Decompressor(threading.local):
    """A decompressor for each thread: it lets go of the interpreter while it works, and bears no second caller."""

    def __init__(self) -> None:
        self.zstd = zstandard.ZstdDecompressor()


_DECOMPRESSOR = _Decompressor()


def decode(data: str, encoding: str, limit: int) -> bytes:
    """Return an account's bytes.

    An account that is gone has no data, which nodes write as an empty text in any encoding.

    :arg data: As the peer wrote it; for the encoding `raw` latin-1 characters that stand for bytes.

    :arg encoding: `base64`, `base64+zstd` or `raw`.

    :arg limit: Most bytes to give, 0 or more. A compressed bomb costs at most so much memory. Above 100,000 the limit
        itself costs time (20 us at a million), so give the size of the accounts in question.

    :raises WireError: By cause: `account_encoding` for one of another name, `account_oversized` for more than `limit`
        bytes, `account_truncated` for a compressed frame that stops early, `account_garbled` for anything else that
        does not decode.

    """
    if encoding == "base64+zstd":
        return _decompressed(_from_base64(data, _most_compressed(limit), limit), limit) if data else b""
    if encoding == "base64":
        return _from_base64(data, limit, limit)
    if encoding == "raw":
        return _from_latin_1(data, limit)
    raise WireError("account_encoding", f"{encoding[:40]!r}, which is none of {', '.join(ENCODINGS)} and raw")


def _most_compressed(limit: int) -> int:
    """Return the most bytes that a frame of `limit` bytes takes: what does not compress is stored, with block heads."""
    return limit + (limit >> 8) + _FRAME_ROOM


def _from_base64(data: str, most: int, limit: int) -> bytes:
    if len(data) > (most + 2) // 3 * 4:
        raise WireError("account_oversized", f"{len(data)} characters for an account of at most {limit} bytes")
    try:
        plain = binascii.a2b_base64(data, strict_mode=True)
    except ValueError as error:  # binascii's own is one, as is that for characters outside ASCII
        raise WireError("account_garbled", f"no base64: {error}") from None
    if len(plain) > most:
        raise WireError("account_oversized", f"{len(plain)} bytes for an account of at most {limit}")
    return plain


def _from_latin_1(data: str, limit: int) -> bytes:
    if len(data) > limit:
        raise WireError("account_oversized", f"{len(data)} bytes for an account of at most {limit}")
    try:
        return data.encode("latin-1")
    except UnicodeEncodeError as error:
        raise WireError("account_garbled", f"no latin-1: {error.reason}") from None


def _decompressed(frame: bytes, limit: int) -> bytes:
    _check_extent(frame)
    try:
        size = zstandard.frame_content_size(frame)
        if size > limit:
            raise WireError("account_oversized", f"a frame that says {size} bytes for an account of at most {limit}")
        # One more than the limit, since 0 would mean "as much as the frame says" to the library.
        plain = _DECOMPRESSOR.zstd.decompress(frame, max_output_size=limit + 1)
    except zstandard.ZstdError as error:
        if _exceeds(frame, limit):
            raise WireError("account_oversized", f"a frame of more than {limit} bytes") from None
        raise WireError("account_garbled", f"no zstd: {error}") from None
    if len(plain) > limit:
        raise WireError("account_oversized", f"a frame of more than {limit} bytes")
    return plain


def _exceeds(frame: bytes, limit: int) -> bool:
    """Tell whether a frame that failed to decompress fails because of its size."""
    try:
        return len(_DECOMPRESSOR.zstd.stream_reader(frame).read(limit + 1)) > limit
    except zstandard.ZstdError:
        return False


def _check_extent(frame: bytes) -> None:
    """Walk a frame's blocks to its end, which must be the end of the bytes too.

    The library takes bytes behind a frame of unknown size in silence, and says the same of a frame cut short as of a
    bomb.

    Source: RFC 8878, sections 3.1.1.1 and 3.1.1.2.

    """
    try:
        head = zstandard.get_frame_parameters(frame)
        at = zstandard.frame_header_size(frame)
    except zstandard.ZstdError as error:
        cause = "account_truncated" if zstandard.FRAME_HEADER.startswith(frame[:4]) else "account_garbled"
        raise WireError(cause, f"no zstd frame: {error}") from None
    end = len(frame)
    is_last = 0
    while not is_last and at + _BLOCK_HEAD <= end:
        block = int.from_bytes(frame[at : at + _BLOCK_HEAD], "little")
        is_last, kind = block & 1, block >> 1 & 3
        if kind == _RESERVED:
            raise WireError("account_garbled", "a zstd block of a reserved type")
        at += _BLOCK_HEAD + (1 if kind == _REPEATED else block >> 3)
    at += _CHECKSUM if head.has_checksum else 0
    if not is_last or at > end:
        raise WireError("account_truncated", f"a zstd frame that goes on after {end} bytes")
    if at < end:
        raise WireError("account_garbled", f"{end - at} bytes behind a zstd frame")
