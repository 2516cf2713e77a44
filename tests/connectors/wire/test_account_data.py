"""Account data comes back byte for byte, within its limit, or is refused by name."""

import base64
import resource
from concurrent.futures import ThreadPoolExecutor

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from connectors.wire.account_data import decode
from connectors.wire.refusal import WireError
from tests.connectors.wire.frames import zstd

PAIR = bytes(range(256)) * 3 + bytes(136)


def plain(data: bytes) -> str:
    return base64.b64encode(data).decode()


def cause_of(data: str, encoding: str, limit: int = 904) -> str:
    with pytest.raises(WireError) as caught:
        decode(data, encoding, limit)
    return caught.value.cause


CAUSES = {"account_garbled", "account_oversized", "account_truncated"}


def is_decoded_or_refused(text: str, encoding: str, limit: int) -> bool:
    try:
        return len(decode(text, encoding, limit)) <= limit
    except WireError as error:
        return error.cause in CAUSES


def frame(text: str) -> bytes:
    return base64.b64decode(text)


@given(st.binary(max_size=3000))
def test_every_encoding_comes_back(data: bytes) -> None:
    limit = len(data)
    assert decode(zstd(data), "base64+zstd", limit) == data
    assert decode(plain(zstandard.compress(data)), "base64+zstd", limit) == data
    assert decode(plain(data), "base64", limit) == data
    assert decode(data.decode("latin-1"), "raw", limit) == data


@pytest.mark.parametrize("encoding", ["base64", "base64+zstd", "raw"])
def test_an_account_that_is_gone_has_no_bytes(encoding: str) -> None:
    assert decode("", encoding, 0) == b""
    assert decode("", encoding, 904) == b""


@given(st.binary(min_size=1, max_size=300), st.integers(1, 300))
def test_a_byte_too_many_is_refused(data: bytes, fewer: int) -> None:
    limit = max(len(data) - fewer, 0)
    for text, encoding in (
        (zstd(data), "base64+zstd"),
        (plain(zstandard.compress(data)), "base64+zstd"),
        (plain(data), "base64"),
        (data.decode("latin-1"), "raw"),
    ):
        assert cause_of(text, encoding, limit) == "account_oversized"


@pytest.mark.parametrize("tells_size", [True, False])
def test_a_bomb_costs_no_more_than_its_limit(*, tells_size: bool) -> None:
    zeros = bytes(1 << 28)
    bomb = plain(zstandard.compress(zeros)) if tells_size else zstd(zeros)
    del zeros
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert len(bomb) < 20_000
    assert cause_of(bomb, "base64+zstd", 20_000) == "account_oversized"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10


def test_a_bomb_that_claims_a_huge_size_is_refused_before_anything_is_made_for_it() -> None:
    parameters = zstandard.ZstdCompressionParameters.from_level(1, write_content_size=True)
    whole = zstandard.ZstdCompressor(compression_params=parameters).compress(bytes(1 << 20))
    assert zstandard.frame_content_size(whole) == 1 << 20
    assert cause_of(plain(whole), "base64+zstd") == "account_oversized"


def test_a_frame_cut_anywhere_is_refused() -> None:
    whole = frame(zstd(PAIR))
    causes = {cause_of(plain(whole[:length]), "base64+zstd") for length in range(1, len(whole))}
    assert causes == {"account_truncated"}


def test_base64_cut_anywhere_gives_no_whole_account() -> None:
    whole = plain(PAIR)
    for length in range(1, len(whole)):
        if length % 4:
            assert cause_of(whole[:length], "base64") == "account_garbled"


def test_bytes_behind_a_frame_are_refused() -> None:
    whole = frame(zstd(PAIR))
    assert cause_of(plain(whole + b"!"), "base64+zstd") == "account_garbled"
    assert cause_of(plain(whole + whole), "base64+zstd") == "account_garbled"


def test_a_frame_with_a_broken_checksum_is_refused() -> None:
    whole = zstandard.ZstdCompressor(write_checksum=True).compress(PAIR)
    assert decode(plain(whole), "base64+zstd", 904) == PAIR
    assert cause_of(plain(whole[:-1] + bytes([whole[-1] ^ 1])), "base64+zstd") == "account_garbled"


@pytest.mark.parametrize("text", ["*", "AAA", "AA==AA==", "AAAA\n", "ä" * 4, "\ud800AAA"])
def test_what_is_no_base64_is_refused(text: str) -> None:
    assert cause_of(text, "base64") == "account_garbled"
    assert cause_of(text, "base64+zstd") == "account_garbled"


def test_what_is_no_latin_1_is_refused() -> None:
    assert cause_of("€", "raw") == "account_garbled"


@pytest.mark.parametrize("encoding", ["", "base58", "jsonParsed", "BASE64", "x" * 1000])
def test_other_encodings_are_refused(encoding: str) -> None:
    assert cause_of("AAAA", encoding) == "account_encoding"


@given(st.text(max_size=200), st.sampled_from(["base64", "base64+zstd", "raw"]), st.integers(0, 100))
def test_any_text_is_decoded_or_refused(text: str, encoding: str, limit: int) -> None:
    assert is_decoded_or_refused(text, encoding, limit)


@given(st.binary(max_size=60), st.data())
def test_any_frame_with_changed_bytes_is_decoded_or_refused(data: bytes, draw: st.DataObject) -> None:
    changed = bytearray(frame(zstd(data)))
    for _ in range(draw.draw(st.integers(1, 4))):
        changed[draw.draw(st.integers(0, len(changed) - 1))] = draw.draw(st.integers(0, 255))
    assert is_decoded_or_refused(plain(bytes(changed)), "base64+zstd", 100)


def test_threads_decode_at_once() -> None:
    texts = [zstd(bytes([i]) * 50_000) for i in range(16)]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda text: decode(text, "base64+zstd", 50_000), texts * 20))
    assert results == [bytes([i]) * 50_000 for i in range(16)] * 20
