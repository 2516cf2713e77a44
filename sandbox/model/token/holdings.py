"""The life of mints and token accounts: their start, who may use them, their end."""

import struct

from sandbox.model.invocation import Invocation, ProgramError
from sandbox.model.token.accounts import (
    FROZEN,
    HOLDING_LENGTH,
    HOLDING_TYPE,
    IMMUTABLE_OWNER,
    INITIALIZED,
    MINT_LENGTH,
    MINT_TYPE,
    NON_TRANSFERABLE,
    NON_TRANSFERABLE_ACCOUNT,
    PAUSABLE,
    PAUSABLE_ACCOUNT,
    TRANSFER_FEE_AMOUNT,
    TRANSFER_FEE_CONFIG,
    TRANSFER_HOOK,
    TRANSFER_HOOK_ACCOUNT,
    Holding,
    Mint,
)
from sandbox.model.token.failures import TokenFailure, failure, refusal
from sandbox.model.token.rules import Rules, check_authority

_EXTENSION_HEAD = 4
_LAST_EXTENSION = 28
_REQUIRED = {
    TRANSFER_FEE_CONFIG: (TRANSFER_FEE_AMOUNT, 8),
    NON_TRANSFERABLE: (NON_TRANSFERABLE_ACCOUNT, 0),
    TRANSFER_HOOK: (TRANSFER_HOOK_ACCOUNT, 1),
    PAUSABLE: (PAUSABLE_ACCOUNT, 0),
}
"""What an extension of a mint asks of its accounts: an extension of so many bytes."""

_MINT_TOKENS, _FREEZE, _OWNER, _CLOSE = range(4)


def initialize_mint(call: Invocation, rules: Rules, decimals: int, authority: bytes, freezer: bytes | None) -> None:
    """Make an account a mint."""
    rules.need(call, 1, 0)
    mint = Mint(rules.fresh(call, 0, MINT_LENGTH))
    if mint.is_initialized:
        raise failure(TokenFailure.ALREADY_IN_USE)
    _check_exempt(call, 0)
    if len(mint.data) != MINT_LENGTH:
        if not mint.kinds or mint.extensions_end != len(mint.data):
            raise refusal("InvalidAccountData")
        mint.data[HOLDING_LENGTH] = MINT_TYPE
    mint.set_option(Mint.AUTHORITY, authority, wipe=False)
    mint.data[Mint.DECIMALS] = decimals
    mint.data[Mint.INITIALIZED] = 1
    mint.set_option(Mint.FREEZER, freezer, wipe=rules.is_extended)
    call.write(0, bytes(mint.data))


def initialize_account(call: Invocation, rules: Rules, owner: bytes) -> None:
    """Make an account one of a mint's, whose lamports above rent it counts if the mint is native."""
    holding = Holding(rules.fresh(call, 0, HOLDING_LENGTH))
    if holding.state != 0:
        raise failure(TokenFailure.ALREADY_IN_USE)
    _check_exempt(call, 0)
    is_native = call.key(1) == rules.native_mint
    if rules.is_extended or not is_native:
        rules.check_owner(call, 1)
        try:
            mint = rules.mint(call, 1)
        except ProgramError:
            raise failure(TokenFailure.INVALID_MINT) from None
        if rules.is_extended:
            _add_required(holding, mint)
    holding.set_key(Holding.MINT, bytes(call.key(1)))
    holding.set_key(Holding.OWNER, owner)
    holding.data[Holding.STATE] = INITIALIZED
    if is_native:
        reserve = call.rent_exemption(len(holding.data))
        holding.make_native(reserve)
        holding.amount = call.lamports(0) - reserve
    call.write(0, bytes(holding.data))


def initialize_immutable_owner(call: Invocation, rules: Rules) -> None:
    """Promise, before an account is initialised, that its owner never changes; SPL Token only looks at it."""
    rules.need(call, 1, 0)
    holding = Holding(rules.fresh(call, 0, HOLDING_LENGTH))
    if holding.state != 0:
        raise failure(TokenFailure.ALREADY_IN_USE)
    if rules.is_extended:
        holding.add_extension(IMMUTABLE_OWNER, b"", account_type=HOLDING_TYPE)
        call.write(0, bytes(holding.data))


def account_data_size(call: Invocation, rules: Rules, wanted: list[int]) -> None:
    """Return how many bytes an account of a mint takes.

    :arg wanted: Extensions asked for beside those that the mint asks for.

    """
    rules.need(call, 1, 0)
    if any(kind > _LAST_EXTENSION for kind in wanted):
        raise refusal("InvalidAccountData")
    rules.check_owner(call, 0)
    try:
        mint = rules.mint(call, 0)
    except ProgramError:
        raise failure(TokenFailure.INVALID_MINT) from None
    size = HOLDING_LENGTH
    if rules.is_extended:
        sizes = dict.fromkeys(wanted, 0) | dict(_REQUIRED[kind] for kind in mint.kinds if kind in _REQUIRED)
        if sizes:
            size += 1 + sum(_EXTENSION_HEAD + length for length in sizes.values())
    call.set_return_data(struct.pack("<Q", size))


def approve(call: Invocation, rules: Rules, amount: int, decimals: int | None) -> None:
    """Let a delegate spend so much."""
    checked = decimals is not None
    rules.need(call, 3 + checked, 0, at_once=False)
    holding = rules.holding(call, 0)
    if holding.is_frozen:
        raise failure(TokenFailure.ACCOUNT_FROZEN)
    if checked:
        if bytes(call.key(1)) != holding.mint:
            raise failure(TokenFailure.MINT_MISMATCH)
        if rules.mint(call, 1).decimals != decimals:
            raise failure(TokenFailure.MINT_DECIMALS_MISMATCH)
    check_authority(call, holding.owner, 2 + checked)
    holding.set_option(Holding.DELEGATE, bytes(call.key(1 + checked)), wipe=False)
    holding.delegated_amount = amount
    call.write(0, bytes(holding.data))


def revoke(call: Invocation, rules: Rules) -> None:
    """Take a delegate's right back; the delegate may give it back too."""
    rules.need(call, 2 if rules.is_extended else 1, 0)
    holding = rules.holding(call, 0)
    rules.need(call, 2)
    if holding.is_frozen:
        raise failure(TokenFailure.ACCOUNT_FROZEN)
    who = bytes(call.key(1))
    check_authority(call, who if who == holding.delegate else holding.owner, 1)
    _forget_delegate(holding, rules)
    call.write(0, bytes(holding.data))


def set_authority(call: Invocation, rules: Rules, kind: int, new: bytes | None) -> None:
    """Pass a right of a mint or of an account on, or give it up."""
    rules.need(call, 2, 0)
    length = len(call.read(0))
    if length == HOLDING_LENGTH or (rules.is_extended and call.read(0)[HOLDING_LENGTH:][:1] == bytes([HOLDING_TYPE])):
        _set_holding_authority(call, rules, kind, new)
    elif length == MINT_LENGTH or rules.is_extended:
        _set_mint_authority(call, rules, kind, new)
    else:
        raise refusal("InvalidArgument")


def close_account(call: Invocation, rules: Rules) -> None:
    """Close an empty account, or a native one, and send its lamports on."""
    rules.need(call, 3, 0)
    if call.key(0) == call.key(1):
        raise refusal("InvalidAccountData")
    holding = _closable(call, rules)
    if not holding.is_native and holding.amount:
        raise failure(TokenFailure.NON_NATIVE_HAS_BALANCE)
    check_authority(call, holding.close_authority or holding.owner, 2)
    if any(holding.extension(TRANSFER_FEE_AMOUNT) or b""):
        raise failure(TokenFailure.ACCOUNT_HAS_WITHHELD_FEES)
    call.close(0, 1)


def sync_native(call: Invocation, rules: Rules) -> None:
    """Count the lamports that a native account was sent."""
    rules.need(call, 1, 0)
    rules.check_owner(call, 0)
    holding = rules.holding(call, 0)
    if not holding.is_native:
        raise failure(TokenFailure.NON_NATIVE_NOT_SUPPORTED)
    amount = call.lamports(0) - holding.reserve
    if amount < 0:
        raise failure(TokenFailure.OVERFLOW)
    if amount < holding.amount:
        raise failure(TokenFailure.INVALID_STATE)
    holding.amount = amount
    call.write(0, bytes(holding.data))


def set_frozen(call: Invocation, rules: Rules, *, frozen: bool) -> None:
    """Freeze an account, or thaw it."""
    rules.need(call, 3, 0, 1)
    holding = rules.holding(call, 0)
    if holding.is_frozen is frozen:
        raise failure(TokenFailure.INVALID_STATE)
    if holding.is_native:
        raise failure(TokenFailure.NATIVE_NOT_SUPPORTED)
    if bytes(call.key(1)) != holding.mint:
        raise failure(TokenFailure.MINT_MISMATCH)
    freezer = rules.mint(call, 1).freezer
    if freezer is None:
        raise failure(TokenFailure.MINT_CANNOT_FREEZE)
    check_authority(call, freezer, 2)
    holding.data[Holding.STATE] = FROZEN if frozen else INITIALIZED
    call.write(0, bytes(holding.data))


def _closable(call: Invocation, rules: Rules) -> Holding:
    """Read the account to close; Token-2022 also knows mints that close, which are not modelled."""
    if not rules.is_extended:
        return rules.holding(call, 0)
    try:
        return rules.holding(call, 0)
    except ProgramError:
        is_mint = len(call.read(0)) >= MINT_LENGTH and Mint(call.read(0)).is_initialized
        raise refusal("InvalidAccountData" if is_mint else "UninitializedAccount") from None


def _set_holding_authority(call: Invocation, rules: Rules, kind: int, new: bytes | None) -> None:
    holding = rules.holding(call, 0)
    if holding.is_frozen:
        raise failure(TokenFailure.ACCOUNT_FROZEN)
    if kind == _OWNER:
        check_authority(call, holding.owner, 1)
        if IMMUTABLE_OWNER in holding.kinds:
            raise failure(TokenFailure.IMMUTABLE_OWNER)
        if new is None:
            raise failure(TokenFailure.INVALID_INSTRUCTION)
        holding.set_key(Holding.OWNER, new)
        _forget_delegate(holding, rules)
        if holding.is_native:
            holding.set_option(Holding.CLOSER, None, wipe=rules.is_extended)
    elif kind == _CLOSE:
        check_authority(call, holding.close_authority or holding.owner, 1)
        holding.set_option(Holding.CLOSER, new, wipe=rules.is_extended)
    else:
        raise failure(TokenFailure.AUTHORITY_TYPE_NOT_SUPPORTED)
    call.write(0, bytes(holding.data))


def _set_mint_authority(call: Invocation, rules: Rules, kind: int, new: bytes | None) -> None:
    mint = rules.mint(call, 0)
    if kind == _MINT_TOKENS:
        held, at, missing = mint.authority, Mint.AUTHORITY, TokenFailure.FIXED_SUPPLY
    elif kind == _FREEZE:
        held, at, missing = mint.freezer, Mint.FREEZER, TokenFailure.MINT_CANNOT_FREEZE
    else:
        raise failure(TokenFailure.AUTHORITY_TYPE_NOT_SUPPORTED)
    if held is None:
        raise failure(missing)
    check_authority(call, held, 1)
    mint.set_option(at, new, wipe=rules.is_extended)
    call.write(0, bytes(mint.data))


def _forget_delegate(holding: Holding, rules: Rules) -> None:
    holding.set_option(Holding.DELEGATE, None, wipe=rules.is_extended)
    holding.delegated_amount = 0


def _add_required(holding: Holding, mint: Mint) -> None:
    for kind in mint.kinds:
        if kind in _REQUIRED:
            required, length = _REQUIRED[kind]
            holding.add_extension(required, bytes(length), account_type=HOLDING_TYPE)
    if len(holding.data) != HOLDING_LENGTH:
        holding.data[HOLDING_LENGTH] = HOLDING_TYPE


def _check_exempt(call: Invocation, index: int) -> None:
    if call.lamports(index) < call.rent_exemption(len(call.read(index))):
        raise failure(TokenFailure.NOT_RENT_EXEMPT)
