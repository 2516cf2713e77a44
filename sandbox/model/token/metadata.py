"""A mint's name, kept by Token-2022 in the mint itself, as far as positions that are tokens use it."""

import struct

from sandbox.model.invocation import Invocation, ProgramError
from sandbox.model.token.accounts import METADATA_POINTER, MINT_TYPE, TOKEN_METADATA, Mint
from sandbox.model.token.failures import TokenFailure, failure, refusal
from sandbox.model.token.rules import Rules, need

INITIALIZE_METADATA = bytes.fromhex("d2e11ea258b84d8d")
"""First bytes of the metadata interface's instruction that begins the metadata."""

_INCORRECT_MINT_AUTHORITY = 0x35C2B5BF  # of the metadata interface's own codes, which the token program cannot name


def name_and_address(data: bytes) -> bytes | None:
    """Return the three texts of the instruction that begins the metadata, or `None` where it is not that.

    :returns: The texts, each behind its length as borsh has it.

    """
    if data[:8] != INITIALIZE_METADATA:
        return None
    at = len(INITIALIZE_METADATA)
    for _ in range(3):
        if at + 4 > len(data):
            return None
        at += 4 + int.from_bytes(data[at : at + 4], "little")
    return data[len(INITIALIZE_METADATA) : at] if at <= len(data) else None


def initialize_pointer(call: Invocation, rules: Rules, authority: bytes, address: bytes) -> None:
    """Say, before a mint is initialised, where its metadata stands."""
    need(call, 1)
    mint = Mint(call.read(0))
    if mint.is_initialized:
        raise failure(TokenFailure.ALREADY_IN_USE)
    rules.check_owner(call, 0)
    if not any(authority) and not any(address):
        call.log(
            "The metadata pointer extension requires at least an authority or an address for initialization, "
            "neither was provided"
        )
        raise failure(TokenFailure.INVALID_INSTRUCTION)
    mint.add_extension(METADATA_POINTER, authority + address, account_type=MINT_TYPE)
    call.write(0, bytes(mint.data))


def initialize_metadata(call: Invocation, rules: Rules, texts: bytes) -> None:
    """Write name, symbol and address of a mint's description behind its other extensions.

    :arg texts: The three, each behind its length as borsh has it.

    """
    need(call, 4)
    if call.key(0) != call.key(2):
        call.log("Metadata for a mint must be initialized in the mint itself.")
        raise failure(TokenFailure.MINT_MISMATCH)
    mint = rules.mint(call, 2)
    if not call.is_signer(3):
        raise refusal("MissingRequiredSignature")
    if mint.authority != bytes(call.key(3)):
        raise ProgramError(_INCORRECT_MINT_AUTHORITY, "Error: Unknown")
    if METADATA_POINTER not in mint.kinds:
        call.log("A mint with metadata must have the metadata-pointer extension initialized")
        raise failure(TokenFailure.INVALID_EXTENSION_COMBINATION)
    value = bytes(call.key(1)) + bytes(call.key(2)) + texts + struct.pack("<I", 0)
    mint.data.extend(bytes(4 + len(value)))
    mint.add_extension(TOKEN_METADATA, value, account_type=MINT_TYPE)
    call.write(0, bytes(mint.data))
