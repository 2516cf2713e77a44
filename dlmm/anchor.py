"""How an Anchor program wants its instructions: discriminator, borsh data, flagged accounts, its own id for `None`."""

import hashlib
import struct
from functools import lru_cache

from solders.instruction import AccountMeta
from solders.pubkey import Pubkey

from dlmm.errors import RangeError


@lru_cache(maxsize=256)
def discriminator(name: str) -> bytes:
    """Return the eight bytes by which a program knows one of its instructions.

    :arg name: Instruction name in snake case, as in the program's source.

    """
    return hashlib.sha256(f"global:{name}".encode()).digest()[:8]


@lru_cache(maxsize=16)
def event_authority(program: Pubkey) -> Pubkey:
    """Return the address with which a program signs the events it sends to itself."""
    return Pubkey.find_program_address([b"__event_authority"], program)[0]


def pack(layout: str, *values: int) -> bytes:
    """Encode integers little endian, without padding.

    :arg layout: Format as in `struct`, without the byte order.

    :raises RangeError: A value does not fit its field.

    """
    try:
        return struct.pack("<" + layout, *values)
    except struct.error as error:
        raise RangeError(f"{values} do not fit an instruction's fields {layout!r}: {error}") from error


def reader(key: Pubkey) -> AccountMeta:
    """Pass an account that is only read."""
    return AccountMeta(key, is_signer=False, is_writable=False)


def writer(key: Pubkey) -> AccountMeta:
    """Pass an account that is written."""
    return AccountMeta(key, is_signer=False, is_writable=True)


def signer(key: Pubkey) -> AccountMeta:
    """Pass an account that signs and is only read."""
    return AccountMeta(key, is_signer=True, is_writable=False)


def writing_signer(key: Pubkey) -> AccountMeta:
    """Pass an account that signs and is written."""
    return AccountMeta(key, is_signer=True, is_writable=True)


def optional_writer(key: Pubkey | None, program: Pubkey) -> AccountMeta:
    """Pass a written account, or the program's own id where there is none."""
    return reader(program) if key is None else writer(key)


def event_accounts(program: Pubkey) -> list[AccountMeta]:
    """Pass the two accounts that end the fixed list of an instruction with events."""
    return [reader(event_authority(program)), reader(program)]
