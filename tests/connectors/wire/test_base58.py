"""Base58 as solders writes it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.pubkey import Pubkey
from solders.signature import Signature

from connectors.wire.base58 import decode
from connectors.wire.refusal import WireError


@given(st.binary(min_size=32, max_size=32))
def test_addresses_come_back(key: bytes) -> None:
    assert decode(str(Pubkey.from_bytes(key)), 44) == key


@given(st.binary(min_size=64, max_size=64))
def test_signatures_come_back(signature: bytes) -> None:
    assert decode(str(Signature.from_bytes(signature)), 88) == signature


def test_leading_ones_are_zero_bytes() -> None:
    assert decode("", 10) == b""
    assert decode("111", 10) == b"\0\0\0"
    assert decode("112", 10) == b"\0\0\1"


@pytest.mark.parametrize("text", ["0", "O", "I", "l", " ", "ä", "1" * 11])
def test_other_characters_and_long_texts_are_refused(text: str) -> None:
    with pytest.raises(WireError, match="base58"):
        decode(text, 10)
