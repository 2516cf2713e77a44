"""What token accounts and mints say, as far as a node shows it."""

import struct
from collections.abc import Callable, Sequence

from solders.account import Account
from solders.pubkey import Pubkey

from dlmm.programs import TOKEN_2022_PROGRAM, TOKEN_PROGRAM
from dlmm.records import Record
from sandbox.ledger.transactions import Balances, TokenBalance

TOKEN_PROGRAMS = (TOKEN_PROGRAM, TOKEN_2022_PROGRAM)
TOKEN_ACCOUNT_SIZE = 165
MINT_SIZE = 82
_ACCOUNT_TYPE = 2
_AMOUNT, _DECIMALS, _SUPPLY, _TYPE = 64, 44, 36, 165

Get = Callable[[Pubkey], Account | None]


class Holding(Record, frozen=True):
    """A token account: its mint, its owner, and the raw units it holds."""

    mint: Pubkey
    owner: Pubkey
    amount: int


class Supply(Record, frozen=True):
    """A mint: raw units issued, and digits after the point."""

    amount: int
    decimals: int


def holding(account: Account | None) -> Holding | None:
    """Read a token account of either token program; `None` for anything else."""
    if account is None or account.owner not in TOKEN_PROGRAMS:
        return None
    data = account.data
    if len(data) != TOKEN_ACCOUNT_SIZE and (len(data) < TOKEN_ACCOUNT_SIZE or data[_TYPE] != _ACCOUNT_TYPE):
        return None
    return Holding(Pubkey(data[:32]), Pubkey(data[32:64]), struct.unpack_from("<Q", data, _AMOUNT)[0])


def supply(account: Account | None) -> Supply | None:
    """Read a mint of either token program; `None` for anything else."""
    if account is None or account.owner not in TOKEN_PROGRAMS:
        return None
    data = account.data
    if len(data) != MINT_SIZE and (len(data) < TOKEN_ACCOUNT_SIZE or data[_TYPE] == _ACCOUNT_TYPE):
        return None
    return Supply(struct.unpack_from("<Q", data, _SUPPLY)[0], data[_DECIMALS])


def decimals(mint: Pubkey, get: Get) -> int:
    """Digits after the point of a mint, 0 where there is no such mint."""
    found = supply(get(mint))
    return found.decimals if found is not None else 0


def balances(keys: Sequence[Pubkey], accounts: Sequence[Account | None], get: Get) -> Balances:
    """Read the balances of a transaction's accounts."""
    tokens = []
    for index, account in enumerate(accounts):
        held = holding(account)
        if held is not None and account is not None:
            digits = decimals(held.mint, get)
            tokens.append(TokenBalance(index, held.mint, held.owner, held.amount, digits, account.owner))
    return Balances([account.lamports if account else 0 for account in accounts], tokens)
