"""Keys that follow from a seed, and accounts with money in them, written as the token programs would leave them."""

import hashlib
import struct
from typing import Protocol

from solders.account import Account
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from dlmm.errors import DlmmError
from dlmm.programs import SYSTEM_PROGRAM, TOKEN_2022_PROGRAM, TOKEN_PROGRAM, WRAPPED_SOL, associated_token_account

TOKEN_ACCOUNT_BYTES = 165
TOKEN_ACCOUNT_RENT = 2_039_280
"""Lamports that exempt a plain token account from rent."""

_ACCOUNT_KIND = b"\x02"
_IMMUTABLE_OWNER = struct.pack("<HH", 7, 0)
_WITHHELD_FEES = struct.pack("<HHQ", 2, 8, 0)
_TRANSFER_FEE_CONFIG = 1
_INITIALIZED = b"\x01"
_AMOUNT_OFFSET = 64


class Ledger(Protocol):
    """Where accounts are read and written: an engine, or a running chain by `ChainLedger`."""

    def get(self, key: Pubkey) -> Account | None:
        """Read an account, or `None` where there is none."""
        ...

    def set(self, key: Pubkey, account: Account | None) -> None:
        """Write an account as it is, or remove it."""
        ...


class LiveChain(Protocol):
    """A chain that is running, as far as wallets need it."""

    def get(self, key: Pubkey) -> Account | None:
        """Read an account's newest state."""
        ...

    def set_account(self, key: Pubkey, account: Account | None) -> None:
        """Write an account from outside of any transaction."""
        ...


class ChainLedger:
    """A running chain's accounts; what is written there, its readers see from the next slot on."""

    def __init__(self, chain: LiveChain) -> None:
        self._chain = chain

    def get(self, key: Pubkey) -> Account | None:
        """Read an account, or `None` where there is none."""
        return self._chain.get(key)

    def set(self, key: Pubkey, account: Account | None) -> None:
        """Write an account as it is, or remove it."""
        self._chain.set_account(key, account)


class FundingError(DlmmError):
    """Refuse to write tokens of a mint that is none.

    :arg mint: The address that was said to be a mint.

    """

    def __init__(self, mint: Pubkey) -> None:
        """Keep the address, and say what is the matter with it."""
        super().__init__(f"mint {mint}: there is no such mint on the ledger")
        self.mint = mint


def keypair_of(seed: int, *names: str) -> Keypair:
    """Return the key that a seed and names always give; for a sandbox alone, since anyone can make it.

    :arg names: What the key is for, from the general to the particular.

    """
    return Keypair.from_seed(hashlib.sha256("/".join(["sandbox", str(seed), *names]).encode()).digest())


def mint_bytes(decimals: int, supply: int, authority: Pubkey | None) -> bytes:
    """Return the bytes of a mint without extensions.

    :arg supply: Raw units in existence, as the mint believes.

    :arg authority: Who may mint more, or nobody.

    """
    head = bytes(36) if authority is None else struct.pack("<I32s", 1, bytes(authority))
    return head + struct.pack("<QBB", supply, decimals, 1) + bytes(36)


def token_account_bytes(mint: Pubkey, owner: Pubkey, amount: int) -> bytes:
    """Return the bytes of a plain token account; one of wrapped SOL is marked as native.

    :arg amount: Raw units.

    """
    native = struct.pack("<IQ", 1, TOKEN_ACCOUNT_RENT) if mint == WRAPPED_SOL else bytes(12)
    balance = struct.pack("<Q", amount)
    return bytes(mint) + bytes(owner) + balance + bytes(36) + _INITIALIZED + native + bytes(44)


def put_tokens(ledger: Ledger, key: Pubkey, *, mint: Pubkey, owner: Pubkey, amount: int) -> None:
    """Write a token account of the SPL token program at any address, with the lamports that belong to it.

    :arg amount: Raw units; of wrapped SOL, lamports that are there beside the rent.

    """
    lamports = TOKEN_ACCOUNT_RENT + (amount if mint == WRAPPED_SOL else 0)
    ledger.set(key, Account(lamports, token_account_bytes(mint, owner, amount), TOKEN_PROGRAM, False, 0))


def fund(ledger: Ledger, owner: Pubkey, mint: Pubkey, amount: int) -> Pubkey:
    """Set the balance of a wallet's associated token account, which is made where it is missing.

    :arg amount: Raw units it holds afterwards.

    :returns: Address of the token account.

    :raises FundingError: The mint is not on the ledger.

    """
    mint_account = ledger.get(mint)
    if mint_account is None or mint_account.owner not in (TOKEN_PROGRAM, TOKEN_2022_PROGRAM):
        raise FundingError(mint)
    key = associated_token_account(owner, mint, mint_account.owner)
    held = ledger.get(key)
    if held is not None and held.owner == mint_account.owner:
        lamports = held.lamports
        if mint == WRAPPED_SOL:
            lamports += amount - int.from_bytes(held.data[_AMOUNT_OFFSET : _AMOUNT_OFFSET + 8], "little")
        data = held.data[:_AMOUNT_OFFSET] + struct.pack("<Q", amount) + held.data[_AMOUNT_OFFSET + 8 :]
        ledger.set(key, Account(lamports, data, held.owner, False, held.rent_epoch))
    elif mint_account.owner == TOKEN_PROGRAM:
        put_tokens(ledger, key, mint=mint, owner=owner, amount=amount)
    else:
        data = token_account_bytes(mint, owner, amount) + _extensions(mint_account.data)
        ledger.set(key, Account(_rent(len(data)), data, TOKEN_2022_PROGRAM, False, 0))
    return key


def fund_lamports(ledger: Ledger, owner: Pubkey, lamports: int) -> None:
    """Set a wallet's balance in lamports."""
    ledger.set(owner, Account(lamports, b"", SYSTEM_PROGRAM, False, 0))


def _extensions(mint: bytes) -> bytes:
    """Return what Token-2022 keeps behind an account: its kind, and room for withheld fees where the mint takes any."""
    takes_fees = len(mint) > TOKEN_ACCOUNT_BYTES + 2 and _has_extension(mint, _TRANSFER_FEE_CONFIG)
    return _ACCOUNT_KIND + _IMMUTABLE_OWNER + (_WITHHELD_FEES if takes_fees else b"")


def _has_extension(mint: bytes, wanted: int) -> bool:
    offset = TOKEN_ACCOUNT_BYTES + 1
    while offset + 4 <= len(mint):
        kind, length = struct.unpack_from("<HH", mint, offset)
        if kind in (wanted, 0):
            return bool(kind)
        offset += 4 + length
    return False


def _rent(size: int) -> int:
    # a node asks two years' rent for the data and 128 bytes about it
    return (128 + size) * 6_960
