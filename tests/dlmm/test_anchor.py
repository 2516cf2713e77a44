"""Instruction data and account flags follow Anchor's conventions."""

import pytest
from solders.pubkey import Pubkey

from dlmm.anchor import discriminator, event_accounts, optional_writer, pack, reader, signer, writer, writing_signer
from dlmm.errors import RangeError
from dlmm.meteora.pdas import PROGRAM_ID

KEY = Pubkey.from_bytes(bytes(range(32)))


def test_discriminators_are_those_of_the_programs() -> None:
    assert discriminator("swap").hex() == "f8c69e91e17587c8"
    assert discriminator("swap2").hex() == "414b3f4ceb5b5b88"


def test_numbers_are_packed_little_endian_without_padding() -> None:
    assert pack("BQi", 1, 2, -1).hex() == "01" + "0200000000000000" + "ffffffff"


def test_a_number_that_does_not_fit_is_refused() -> None:
    with pytest.raises(RangeError, match="do not fit"):
        pack("Q", 1 << 64)
    with pytest.raises(RangeError, match="do not fit"):
        pack("Q", -1)


def test_flags_say_who_signs_and_what_is_written() -> None:
    flags = [(meta.is_signer, meta.is_writable) for meta in (f(KEY) for f in (reader, writer, signer, writing_signer))]
    assert flags == [(False, False), (False, True), (True, False), (True, True)]


def test_a_missing_account_is_the_program_itself_read_only() -> None:
    assert optional_writer(None, PROGRAM_ID) == reader(PROGRAM_ID)
    assert optional_writer(KEY, PROGRAM_ID) == writer(KEY)


def test_events_are_signed_by_the_programs_own_authority() -> None:
    authority, program = event_accounts(PROGRAM_ID)
    assert str(authority.pubkey) == "D1ZN9Wj1fRSUQfCjhvnu1hqDMT7hzjzBBpi12nVniYD6"
    assert program.pubkey == PROGRAM_ID
