"""The entry of both token programs: reads an instruction, runs it, and counts what it consumes."""

import struct
from collections.abc import Callable, Mapping
from typing import Any

from dlmm.programs import RENT_SYSVAR
from sandbox.model.invocation import Invocation, ProgramError
from sandbox.model.token import holdings, metadata, moves, units
from sandbox.model.token.failures import TokenFailure, failure, refusal
from sandbox.model.token.rules import SPL, TOKEN_2022, Rules, need

_KEY = 32
_POINTER_EXTENSION = 39
_AUTHORITY_KINDS = {False: 4, True: 18}

_Body = Callable[[Invocation, Rules, bytes], None]


def spl_token(call: Invocation) -> None:
    """Run an instruction of SPL Token."""
    _run(call, SPL)


def token_2022(call: Invocation) -> None:
    """Run an instruction of Token-2022."""
    _run(call, TOKEN_2022)


def _run(call: Invocation, rules: Rules) -> None:
    body, name = _UNKNOWN
    if rules.is_extended and metadata.name_and_address(call.data) is not None:
        body, name = _initialize_metadata, "TokenMetadataInstruction: Initialize"
    elif rules.is_extended and call.data[:2] == bytes((_POINTER_EXTENSION, 0)):
        body, name = _initialize_pointer, "MetadataPointerInstruction::Initialize"
    elif call.data[:1] in _INSTRUCTIONS:
        body, name = _INSTRUCTIONS[call.data[:1]]
    if rules.is_extended and name:
        call.log(name)
    cost = units.of_success(call, rules)
    try:
        body(call, rules, call.data[1:])
    except ProgramError as error:
        call.consume(units.of_failure(rules, cost, said=error.log is not None))
        raise
    call.consume(cost)


def _unknown(call: Invocation, rules: Rules, _: bytes) -> None:
    if not call.data and not rules.is_extended:
        raise ProgramError(int(TokenFailure.INVALID_INSTRUCTION))
    raise failure(TokenFailure.INVALID_INSTRUCTION)


def _initialize_mint(call: Invocation, rules: Rules, data: bytes) -> None:
    decimals, authority = _fixed(rules, data[:33], "<B32s")
    freezer = _optional_key(rules, data[33:])
    if call.data[0] == 0:
        _check_rent_sysvar(call, 1)
    holdings.initialize_mint(call, rules, decimals, authority, freezer)


def _initialize_account(call: Invocation, rules: Rules, data: bytes) -> None:
    number = call.data[0]
    if number == 1:
        rules.need(call, 3, 0, 1, at_once=False)
        owner = bytes(call.key(2))
    else:
        (owner,) = _fixed(rules, data, "32s")
        rules.need(call, 2, 0, 1, at_once=False)
    if number != 18:
        _check_rent_sysvar(call, 3 if number == 1 else 2)
    holdings.initialize_account(call, rules, owner)


def _immutable_owner(call: Invocation, rules: Rules, _: bytes) -> None:
    holdings.initialize_immutable_owner(call, rules)


def _account_data_size(call: Invocation, rules: Rules, data: bytes) -> None:
    if rules.is_extended and len(data) % 2:
        raise refusal("InvalidAccountData")
    kinds = [kind for (kind,) in struct.iter_unpack("<H", data)] if rules.is_extended else []
    holdings.account_data_size(call, rules, kinds)


def _transfer(call: Invocation, rules: Rules, data: bytes) -> None:
    moves.transfer(call, rules, *_amount(call, rules, data))


def _mint_to(call: Invocation, rules: Rules, data: bytes) -> None:
    moves.mint_to(call, rules, *_amount(call, rules, data))


def _burn(call: Invocation, rules: Rules, data: bytes) -> None:
    moves.burn(call, rules, *_amount(call, rules, data))


def _approve(call: Invocation, rules: Rules, data: bytes) -> None:
    holdings.approve(call, rules, *_amount(call, rules, data))


def _revoke(call: Invocation, rules: Rules, _: bytes) -> None:
    holdings.revoke(call, rules)


def _set_authority(call: Invocation, rules: Rules, data: bytes) -> None:
    if not data:
        raise _malformed(rules)
    if data[0] >= _AUTHORITY_KINDS[rules.is_extended]:
        raise failure(TokenFailure.INVALID_INSTRUCTION)
    holdings.set_authority(call, rules, data[0], _optional_key(rules, data[1:]))


def _close_account(call: Invocation, rules: Rules, _: bytes) -> None:
    holdings.close_account(call, rules)


def _set_frozen(call: Invocation, rules: Rules, _: bytes) -> None:
    holdings.set_frozen(call, rules, frozen=call.data[0] == 10)


def _sync_native(call: Invocation, rules: Rules, _: bytes) -> None:
    holdings.sync_native(call, rules)


def _initialize_pointer(call: Invocation, rules: Rules, data: bytes) -> None:
    authority, address = _fixed(rules, data[1:], "32s32s")
    metadata.initialize_pointer(call, rules, authority, address)


def _initialize_metadata(call: Invocation, rules: Rules, _: bytes) -> None:
    texts = metadata.name_and_address(call.data)
    if texts is None:
        raise failure(TokenFailure.INVALID_INSTRUCTION)
    metadata.initialize_metadata(call, rules, texts)


_UNKNOWN: tuple[_Body, str] = (_unknown, "")
_INSTRUCTIONS: Mapping[bytes, tuple[_Body, str]] = {
    bytes([number]): (body, f"Instruction: {name}")
    for number, body, name in (
        (0, _initialize_mint, "InitializeMint"),
        (1, _initialize_account, "InitializeAccount"),
        (3, _transfer, "Transfer"),
        (4, _approve, "Approve"),
        (5, _revoke, "Revoke"),
        (6, _set_authority, "SetAuthority"),
        (7, _mint_to, "MintTo"),
        (8, _burn, "Burn"),
        (9, _close_account, "CloseAccount"),
        (10, _set_frozen, "FreezeAccount"),
        (11, _set_frozen, "ThawAccount"),
        (12, _transfer, "TransferChecked"),
        (13, _approve, "ApproveChecked"),
        (14, _mint_to, "MintToChecked"),
        (15, _burn, "BurnChecked"),
        (16, _initialize_account, "InitializeAccount2"),
        (17, _sync_native, "SyncNative"),
        (18, _initialize_account, "InitializeAccount3"),
        (20, _initialize_mint, "InitializeMint2"),
        (21, _account_data_size, "GetAccountDataSize"),
        (22, _immutable_owner, "InitializeImmutableOwner"),
    )
}
"""What runs each instruction, by its number, and what Token-2022 logs of it."""


def _amount(call: Invocation, rules: Rules, data: bytes) -> tuple[int, int | None]:
    """Read an amount, and the decimals that the checked forms give."""
    if call.data[0] < 12:
        (amount,) = _fixed(rules, data, "<Q")
        return amount, None
    amount, decimals = _fixed(rules, data, "<QB")
    return amount, decimals


def _fixed(rules: Rules, data: bytes, layout: str) -> tuple[Any, ...]:
    """Read arguments of a fixed length: Token-2022 wants exactly that many bytes."""
    size = struct.calcsize(layout)
    if len(data) < size or (rules.is_extended and len(data) > size):
        raise _malformed(rules)
    return struct.unpack_from(layout, data)


def _optional_key(rules: Rules, data: bytes) -> bytes | None:
    """Read a key that may be missing; more bytes may follow."""
    if data[:1] == b"\0":
        return None
    if data[:1] != b"\1" or len(data) < 1 + _KEY:
        raise _malformed(rules)
    return data[1 : 1 + _KEY]


def _malformed(rules: Rules) -> ProgramError:
    return refusal("InvalidInstructionData") if rules.is_extended else failure(TokenFailure.INVALID_INSTRUCTION)


def _check_rent_sysvar(call: Invocation, index: int) -> None:
    need(call, index + 1)
    if call.key(index) != RENT_SYSVAR:
        raise refusal("InvalidArgument")
