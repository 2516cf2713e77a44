"""All that a wallet holds as of one slot, in one question."""

from typing import Annotated

import msgspec
from msgspec import Meta

from connectors.wire.accounts import Context
from connectors.wire.holdings import TokenHolding, get_balance, get_token_accounts, read_token_accounts
from connectors.wire.refusal import Refusal, refusal
from connectors.wire.rpc import Answers
from dlmm.records import Record

IDS = 3
"""Ids that the question takes."""


class _AsOf(msgspec.Struct, gc=False):
    context: Context


class _Balance(msgspec.Struct, gc=False):
    value: Annotated[int, Meta(ge=0)]


class Holdings(Record, frozen=True):
    """What the wallet holds as of one slot.

    :arg tokens: Its accounts of both token programs.

    """

    slot: int
    lamports: int
    tokens: tuple[TokenHolding, ...]


_PARTS = Answers(_AsOf)
_BALANCES = Answers(_Balance)


def get_holdings(first_id: int, wallet: str, commitment: str, min_context_slot: int | None = None) -> bytes:
    """Ask for a wallet's lamports and its token accounts in one batch.

    :arg min_context_slot: A node that has not reached this slot refuses (`slot_behind`).

    """
    balance = get_balance(first_id, wallet, commitment, min_context_slot)
    tokens = get_token_accounts(first_id + 1, wallet, commitment, min_context_slot)
    return b"[%b,%b]" % (balance, tokens.strip()[1:-1])


def read_holdings(status: int, body: bytes, first_id: int) -> Holdings | Refusal:
    """Read the answer to `get_holdings`.

    :returns: A refusal has a cause of `Answers.read_batch` or of `read_token_accounts`, or `mixed_slots` where the
        parts are not as of the same slot; its code is the newest slot then.

    """
    parts = _PARTS.read_batch(status, body, first_id, IDS)
    if isinstance(parts, Refusal):
        return parts
    slots: list[int] = []
    for part in parts:
        if isinstance(part, Refusal):
            return part
        slots.append(part.context.slot)
    if len(set(slots)) > 1:
        return refusal("mixed_slots", f"slots {slots}", max(slots))
    balances = _BALANCES.read_batch(status, body, first_id, 1)
    balance = balances if isinstance(balances, Refusal) else balances[0]
    if isinstance(balance, Refusal):
        return balance
    tokens = read_token_accounts(status, body, first_id + 1)
    return tokens if isinstance(tokens, Refusal) else Holdings(slots[0], balance.value, tokens.accounts)
