"""Transfers, mints and burns: what changes how much an account holds.

The two programs check the same things, not always in the same order.
"""

from dlmm.records import Account
from dlmm.tokens import decode_mint
from sandbox.model.invocation import Invocation
from sandbox.model.token.accounts import (
    NON_TRANSFERABLE_ACCOUNT,
    TRANSFER_FEE_AMOUNT,
    TRANSFER_FEE_CONFIG,
    TRANSFER_HOOK_ACCOUNT,
    Holding,
    Mint,
)
from sandbox.model.token.failures import TokenFailure, failure
from sandbox.model.token.rules import Rules, check_authority

_MAX_U64 = (1 << 64) - 1
_SYSTEM_OWNER = bytes(32)


def transfer(call: Invocation, rules: Rules, amount: int, decimals: int | None) -> None:
    """Move tokens between two accounts of a mint, and the lamports with them if they are native.

    :arg decimals: What the caller takes the mint's decimals for; `None` where the mint is not passed.

    """
    checked = decimals is not None
    rules.need(call, 3 + checked, 0, 1 + checked)
    mint, destination, authority = (1, 2, 3) if checked else (None, 1, 2)
    move = _transfer_extended if rules.is_extended else _transfer_spl
    move(call, rules, amount, decimals, (mint, destination, authority))


def mint_to(call: Invocation, rules: Rules, amount: int, decimals: int | None) -> None:
    """Create tokens in an account."""
    rules.need(call, 3, 0, 1)
    holding = rules.holding(call, 1)
    if holding.is_frozen:
        raise failure(TokenFailure.ACCOUNT_FROZEN)
    if holding.is_native:
        raise failure(TokenFailure.NATIVE_NOT_SUPPORTED)
    if bytes(call.key(0)) != holding.mint:
        raise failure(TokenFailure.MINT_MISMATCH)
    mint = rules.mint(call, 0)
    _check_decimals(mint, decimals)
    if mint.authority is None:
        raise failure(TokenFailure.FIXED_SUPPLY)
    check_authority(call, mint.authority, 2)
    if not amount:
        rules.check_owner(call, 0)
        rules.check_owner(call, 1)
    if mint.supply + amount > _MAX_U64:
        raise failure(TokenFailure.OVERFLOW)
    holding.amount += amount
    mint.supply += amount
    call.write(0, bytes(mint.data))
    call.write(1, bytes(holding.data))


def burn(call: Invocation, rules: Rules, amount: int, decimals: int | None) -> None:
    """Destroy tokens of an account."""
    rules.need(call, 3, 0, 1, at_once=False)
    holding, mint = rules.holding(call, 0), rules.mint(call, 1)
    if holding.is_frozen:
        raise failure(TokenFailure.ACCOUNT_FROZEN)
    if holding.is_native:
        raise failure(TokenFailure.NATIVE_NOT_SUPPORTED)
    if holding.amount < amount:
        raise failure(TokenFailure.INSUFFICIENT_FUNDS)
    if bytes(call.key(1)) != holding.mint:
        raise failure(TokenFailure.MINT_MISMATCH)
    _check_decimals(mint, decimals)
    if holding.owner != _SYSTEM_OWNER:
        _spend_as(call, rules, holding, 2, amount)
    if not amount:
        rules.check_owner(call, 0)
        rules.check_owner(call, 1)
    if mint.supply < amount:
        raise failure(TokenFailure.OVERFLOW)
    holding.amount -= amount
    mint.supply -= amount
    call.write(0, bytes(holding.data))
    call.write(1, bytes(mint.data))


_Places = tuple[int | None, int, int]


def _transfer_spl(call: Invocation, rules: Rules, amount: int, decimals: int | None, places: _Places) -> None:
    mint, to, authority = places
    source = rules.holding(call, 0)
    to_itself = call.key(0) == call.key(to)
    destination = source if to_itself else rules.holding(call, to)
    if source.is_frozen or destination.is_frozen:
        raise failure(TokenFailure.ACCOUNT_FROZEN)
    if source.amount < amount:
        raise failure(TokenFailure.INSUFFICIENT_FUNDS)
    if source.mint != destination.mint:
        raise failure(TokenFailure.MINT_MISMATCH)
    if mint is not None:
        _passed_mint(call, rules, source, mint, decimals)
    _spend_as(call, rules, source, authority, amount, keeps=to_itself)
    if to_itself or not amount:
        rules.check_owner(call, 0)
        rules.check_owner(call, to)
        if to_itself:
            return
    source.amount -= amount
    destination.amount += amount
    _write_both(call, source, destination, to, amount)


def _transfer_extended(call: Invocation, rules: Rules, amount: int, decimals: int | None, places: _Places) -> None:
    mint, to, authority = places
    source = rules.holding(call, 0)
    if source.is_frozen:
        raise failure(TokenFailure.ACCOUNT_FROZEN)
    if source.amount < amount:
        raise failure(TokenFailure.INSUFFICIENT_FUNDS)
    if NON_TRANSFERABLE_ACCOUNT in source.kinds:
        raise failure(TokenFailure.NON_TRANSFERABLE)
    fee = 0
    if mint is not None:
        fee = _fee(call, _passed_mint(call, rules, source, mint, decimals), mint, amount)
    elif {TRANSFER_FEE_AMOUNT, TRANSFER_HOOK_ACCOUNT} & set(source.kinds):
        raise failure(TokenFailure.MINT_REQUIRED_FOR_TRANSFER)
    to_itself = call.key(0) == call.key(to)
    _spend_as(call, rules, source, authority, amount, keeps=to_itself)
    if to_itself:
        return
    destination = rules.holding(call, to)
    if destination.is_frozen:
        raise failure(TokenFailure.ACCOUNT_FROZEN)
    if source.mint != destination.mint:
        raise failure(TokenFailure.MINT_MISMATCH)
    source.amount -= amount
    if destination.amount + amount - fee > _MAX_U64:
        raise failure(TokenFailure.OVERFLOW)
    destination.amount += amount - fee
    if fee:
        held = destination.extension(TRANSFER_FEE_AMOUNT)
        if held is None:
            raise failure(TokenFailure.INVALID_STATE)
        withheld = int.from_bytes(held, "little") + fee
        if withheld > _MAX_U64:
            raise failure(TokenFailure.OVERFLOW)
        destination.set_extension(TRANSFER_FEE_AMOUNT, withheld.to_bytes(8, "little"))
    _write_both(call, source, destination, to, amount)


def _write_both(call: Invocation, source: Holding, destination: Holding, to: int, amount: int) -> None:
    """Write both accounts, in the runtime's order: each one's lamports, which go along if native, then its data."""
    if source.is_native:
        if call.lamports(0) < amount:
            raise failure(TokenFailure.OVERFLOW)
        call.set_lamports(0, call.lamports(0) - amount)
    call.write(0, bytes(source.data))
    if source.is_native:
        call.set_lamports(to, call.lamports(to) + amount)
    call.write(to, bytes(destination.data))


def _passed_mint(call: Invocation, rules: Rules, source: Holding, index: int, decimals: int | None) -> Mint:
    if bytes(call.key(index)) != source.mint:
        raise failure(TokenFailure.MINT_MISMATCH)
    mint = rules.mint(call, index)
    _check_decimals(mint, decimals)
    return mint


def _check_decimals(mint: Mint, decimals: int | None) -> None:
    if decimals is not None and decimals != mint.decimals:
        raise failure(TokenFailure.MINT_DECIMALS_MISMATCH)


def _fee(call: Invocation, mint: Mint, index: int, amount: int) -> int:
    """Return what the mint's transfer fee withholds in this epoch."""
    if TRANSFER_FEE_CONFIG not in mint.kinds:
        return 0
    known = decode_mint(str(call.key(index)), Account(str(call.owner(index)), bytes(mint.data)))
    fee = known.fee_at(call.clock.epoch)
    return 0 if fee is None else fee.of_gross(amount)


def _spend_as(
    call: Invocation, rules: Rules, source: Holding, authority: int, amount: int, *, keeps: bool = False
) -> None:
    """Check that the owner or the delegate signed, and count what the delegate spent unless all of it comes back."""
    delegate = source.delegate
    if delegate is None or bytes(call.key(authority)) != delegate:
        check_authority(call, source.owner, authority)
        return
    check_authority(call, delegate, authority)
    if source.delegated_amount < amount:
        raise failure(TokenFailure.INSUFFICIENT_FUNDS)
    if keeps:
        return
    source.delegated_amount -= amount
    if not source.delegated_amount:
        source.set_option(Holding.DELEGATE, None, wipe=rules.is_extended)
