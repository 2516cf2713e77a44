"""What token instructions did to the wallet's token accounts, whichever of the two token programs ran them."""

import struct
from collections.abc import Iterable, Mapping
from typing import Literal

from solders.pubkey import Pubkey

from connectors.wire.refusal import WireError
from connectors.wire.transaction_json import TOKEN_PROGRAMS, Call, TokenBalanceJson
from dlmm.records import Record
from dlmm.tokens import TOKEN_2022_PROGRAM

INITIALIZE_ACCOUNT, TRANSFER, MINT_TO, BURN, CLOSE_ACCOUNT = 1, 3, 7, 8, 9
TRANSFER_CHECKED, MINT_TO_CHECKED, BURN_CHECKED = 12, 14, 15
INITIALIZE_ACCOUNT_2, INITIALIZE_ACCOUNT_3, TRANSFER_FEE = 16, 18, 26
_WITH_FEE = 1  # of the transfer fee extension's instructions

_AMOUNT = struct.Struct("<xQ")
_AMOUNT_AND_FEE = struct.Struct("<xxQxQ")

Owned = Mapping[int, str]
"""Mints of the wallet's token accounts, by their places among the keys."""


class TokenMove(Record, frozen=True):
    """What one instruction added to one of the wallet's token accounts, or took from it.

    :arg top: Place of the top-level instruction.

    :arg account: Place of the wallet's account among the keys.

    :arg amount: Raw units; where the token program may withhold a fee on the way in, before that fee.

    :arg kind: `transfer` from or to another's account, `own` between two of the wallet's, `supply` for tokens that are
        minted or burned.

    :arg may_be_withheld: Whether a transfer fee may be missing from what arrived.

    """

    top: int
    account: int
    mint: str
    amount: int
    kind: Literal["transfer", "own", "supply"]
    may_be_withheld: bool = False


def owned_by(wallet: str, balances: Iterable[TokenBalanceJson], calls: Iterable[Call], keys: list[str]) -> Owned:
    """Find the wallet's token accounts, those among them that were opened and closed in the transaction.

    :arg balances: From before and from after.

    :raises WireError: `instruction_data` for token instructions that cannot have run.

    """
    owned = {one.account_index: one.mint for one in balances if one.owner == wallet}
    key = bytes(Pubkey.from_string(wallet))
    for call in calls:
        if call.program not in TOKEN_PROGRAMS or not call.data:
            continue
        tag = call.data[0]
        if tag == INITIALIZE_ACCOUNT:
            account, mint, owner = _accounts(call, 3)
            if keys[owner] == wallet:
                owned.setdefault(account, keys[mint])
        elif tag in {INITIALIZE_ACCOUNT_2, INITIALIZE_ACCOUNT_3} and call.data[1:33] == key:
            account, mint = _accounts(call, 2)
            owned.setdefault(account, keys[mint])
    return owned


def token_moves(calls: Iterable[Call], owned: Owned) -> list[TokenMove]:
    """List what touched the wallet's token accounts, in the order that it ran.

    :raises WireError: `instruction_data` for token instructions that cannot have run.

    """
    moves: list[TokenMove] = []
    for call in calls:
        if call.program not in TOKEN_PROGRAMS or not call.data:
            continue
        tag = call.data[0]
        if tag in {TRANSFER, TRANSFER_CHECKED}:
            source, *_, target = _accounts(call, 2 if tag == TRANSFER else 3)
            (amount,) = _numbers(call, _AMOUNT)
            moves += _transfer(call, owned, (source, target), amount, None)
        elif tag == TRANSFER_FEE and call.data[1:2] == bytes([_WITH_FEE]):
            source, _, target = _accounts(call, 3)
            amount, fee = _numbers(call, _AMOUNT_AND_FEE)
            moves += _transfer(call, owned, (source, target), amount, fee)
        elif tag in {MINT_TO, MINT_TO_CHECKED}:
            moves += _supply(call, owned, _accounts(call, 2)[1], 1)
        elif tag in {BURN, BURN_CHECKED}:
            moves += _supply(call, owned, _accounts(call, 2)[0], -1)
    return moves


def _transfer(call: Call, owned: Owned, ends: tuple[int, int], amount: int, fee: int | None) -> list[TokenMove]:
    source, target = ends
    kind: Literal["own", "transfer"] = "own" if source in owned and target in owned else "transfer"
    moves = []
    if source in owned:
        moves.append(TokenMove(call.top, source, owned[source], -amount, kind))
    if target in owned:
        may_be_withheld = fee is None and call.program == TOKEN_2022_PROGRAM
        moves.append(TokenMove(call.top, target, owned[target], amount - (fee or 0), kind, may_be_withheld))
    return moves


def _supply(call: Call, owned: Owned, account: int, sign: int) -> list[TokenMove]:
    (amount,) = _numbers(call, _AMOUNT)
    return [TokenMove(call.top, account, owned[account], sign * amount, "supply")] if account in owned else []


def _accounts(call: Call, count: int) -> tuple[int, ...]:
    if len(call.accounts) < count:
        raise WireError("instruction_data", f"token instruction {call.data[0]} with {len(call.accounts)} accounts")
    return call.accounts[:count]


def _numbers(call: Call, fields: struct.Struct) -> tuple[int, ...]:
    if len(call.data) < fields.size:
        raise WireError("instruction_data", f"token instruction {call.data[0]} of {len(call.data)} bytes")
    return fields.unpack_from(call.data)
