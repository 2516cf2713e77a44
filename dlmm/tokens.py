"""Token mints: decimals, and what Token-2022 withholds from each transfer.

A pool sees amounts after the transfer fee on the way in and before it on the way out; a user sees the opposite. The
rules here are those of the token program, with one of its own habits kept: the inverse of the fee is the fee of the
smallest amount that leaves enough, so it can be lower than the fee of what is finally sent.

Source: SPL Token-2022's transfer-fee extension; pinned by the golden vectors of pools with Token-2022 mints.
"""

import struct

from solders.pubkey import Pubkey

from dlmm.errors import AccountError
from dlmm.jit import kernel
from dlmm.records import MAX_U64, Account, Record
from dlmm.wide import U64, multiply_divide, rounded_up

TOKEN_PROGRAM = "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA"
TOKEN_2022_PROGRAM = "TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb"
FEE_BASIS_POINTS = 10_000
_BASIS_POINTS = U64(FEE_BASIS_POINTS)
_ZERO = U64(0)
_ONE = U64(1)

MINT_LENGTH = 82
_ACCOUNT_TYPE_OFFSET = 165
_MINT_ACCOUNT_TYPE = 1
_TRANSFER_FEE_CONFIG = 1
_TRANSFER_HOOK = 14
_FEE_OFFSETS = (72, 90)
_FEE_CONFIG_LENGTH = 108


@kernel
def withheld(amount: U64, basis_points: U64, maximum: U64) -> U64:
    """Return the fee withheld from a transfer, rounded up; `basis_points` 0 is no fee."""
    _, fee, inexact = multiply_divide(amount, basis_points, _BASIS_POINTS)
    return min(fee + _ONE if inexact else fee, maximum)


@kernel
def added(amount: U64, basis_points: U64, maximum: U64) -> tuple[U64, bool]:
    """Return the fee to add so that an amount arrives, and whether the sum fits 64 bits."""
    if amount == _ZERO or basis_points == _ZERO:
        return _ZERO, True
    if basis_points == _BASIS_POINTS:
        return maximum, bool(amount + maximum >= amount)
    high, gross, inexact = multiply_divide(amount, _BASIS_POINTS, _BASIS_POINTS - basis_points)
    gross, fits = rounded_up(high, gross, inexact)
    if not fits or gross - amount >= maximum:
        gross = amount + maximum
        if gross < amount:
            return _ZERO, False
    fee = withheld(gross, basis_points, maximum)
    return fee, bool(amount + fee >= amount)


class TransferFee(Record, frozen=True):
    """One setting of a mint's transfer fee.

    :arg epoch: First epoch in which it holds, when it is the newer of the two.

    :arg maximum: Cap of one transfer's fee, in raw units.

    :arg basis_points: Share withheld, 0 to 10,000.

    """

    epoch: int
    maximum: int
    basis_points: int

    def of_gross(self, amount: int) -> int:
        """Return the fee withheld from a transfer of `amount`, rounded up."""
        return int(withheld(U64(amount), U64(self.basis_points), U64(self.maximum)))

    def on_net(self, amount: int) -> int | None:
        """Return the fee to add so that `amount` arrives, or `None` when the sum fits no u64."""
        fee, fits = added(U64(amount), U64(self.basis_points), U64(self.maximum))
        return int(fee) if fits else None


class Mint(Record, frozen=True):
    """A token's mint, as far as a pool is concerned.

    :arg address: The mint's address, base58; empty when unknown.

    :arg decimals: Digits after the point of one whole token.

    :arg program: Owning token program.

    :arg older_fee: Transfer fee before the newer one begins, or `None` without the extension.

    :arg newer_fee: Transfer fee from its epoch on.

    :arg transfer_hook: Program called on each transfer, or empty.

    """

    address: str
    decimals: int
    program: str = TOKEN_PROGRAM
    older_fee: TransferFee | None = None
    newer_fee: TransferFee | None = None
    transfer_hook: str = ""

    @property
    def is_token_2022(self) -> bool:
        """Tell whether the mint belongs to Token-2022."""
        return self.program == TOKEN_2022_PROGRAM

    def fee_at(self, epoch: int) -> TransferFee | None:
        """Return the transfer fee that holds in an epoch."""
        if self.newer_fee is None or self.older_fee is None:
            return None
        return self.newer_fee if epoch >= self.newer_fee.epoch else self.older_fee

    def fee_terms(self, epoch: int) -> tuple[int, int]:
        """Return basis points and maximum of the transfer fee that holds in an epoch, zeros without one."""
        fee = self.fee_at(epoch)
        return (0, 0) if fee is None else (fee.basis_points, fee.maximum)

    def excluded(self, amount: int, epoch: int) -> int:
        """Return what arrives of a transfer of `amount`."""
        fee = self.fee_at(epoch)
        return amount if fee is None else amount - fee.of_gross(amount)

    def included(self, amount: int, epoch: int) -> int | None:
        """Return what to send so that `amount` arrives, or `None` when that fits no u64."""
        if amount > MAX_U64:
            return None
        fee = self.fee_at(epoch)
        if fee is None:
            return amount
        added = fee.on_net(amount)
        return None if added is None else amount + added


def decode_mint(address: str, account: Account) -> Mint:
    """Read a mint account of either token program.

    :arg address: The account's address, for the mint and for errors.

    :raises AccountError: The owner is no token program, the account is no initialised mint, or its extensions are
        cut short.

    """
    data = account.data
    if account.owner not in (TOKEN_PROGRAM, TOKEN_2022_PROGRAM):
        raise AccountError(address, f"owner {account.owner} is no token program")
    if len(data) < MINT_LENGTH or (account.owner == TOKEN_PROGRAM and len(data) != MINT_LENGTH):
        raise AccountError(address, f"length {len(data)} is not that of a mint")
    if data[45] != 1:
        raise AccountError(address, "the mint is not initialised")
    decimals = data[44]
    if len(data) == MINT_LENGTH:
        return Mint(address, decimals, account.owner)
    if len(data) <= _ACCOUNT_TYPE_OFFSET or data[_ACCOUNT_TYPE_OFFSET] != _MINT_ACCOUNT_TYPE:
        raise AccountError(address, "the account is not a mint")
    extensions = _extensions(address, data)
    older = newer = None
    config = extensions.get(_TRANSFER_FEE_CONFIG)
    if config is not None:
        if len(config) != _FEE_CONFIG_LENGTH:
            raise AccountError(address, f"a transfer-fee extension of {len(config)} bytes")
        older, newer = (TransferFee(*struct.unpack_from("<QQH", config, offset)) for offset in _FEE_OFFSETS)
        if max(older.basis_points, newer.basis_points) > FEE_BASIS_POINTS:
            raise AccountError(address, "a transfer fee above 10,000 basis points")
    hook = extensions.get(_TRANSFER_HOOK, b"")[32:64]
    return Mint(
        address,
        decimals,
        account.owner,
        older,
        newer,
        str(Pubkey.from_bytes(hook)) if any(hook) and len(hook) == 32 else "",
    )


def _extensions(address: str, data: bytes) -> dict[int, bytes]:
    """Walk the type-length-value list behind the account type byte."""
    found: dict[int, bytes] = {}
    offset = _ACCOUNT_TYPE_OFFSET + 1
    while offset + 4 <= len(data):
        kind, length = struct.unpack_from("<HH", data, offset)
        if kind == 0:
            break
        if offset + 4 + length > len(data):
            raise AccountError(address, f"extension {kind} of {length} bytes is cut short")
        found[kind] = data[offset + 4 : offset + 4 + length]
        offset += 4 + length
    return found
