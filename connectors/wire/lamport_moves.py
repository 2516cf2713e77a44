"""What became of the wallet's native SOL: tips, and rent that was locked in accounts or freed from them."""

import struct
from collections.abc import Iterable, Mapping, Sequence

from connectors.wire.refusal import WireError
from connectors.wire.token_moves import CLOSE_ACCOUNT
from connectors.wire.transaction_json import (
    LOOKUP_TABLES,
    SYSTEM,
    TOKEN_PROGRAMS,
    VENUES,
    Call,
)
from dlmm.anchor import discriminator
from dlmm.meteora.layout import PROGRAM as METEORA_PROGRAM
from dlmm.records import Record
from dlmm.saros.layout import HOOK_PROGRAM_IDS
from dlmm.saros.layout import PROGRAM_IDS as SAROS_PROGRAMS

TIP_ACCOUNTS = frozenset(
    {
        "96gYZGLnJYVFmbjzopPSU6QiEV5fGqZNyN9nmNhvrZU5",
        "HFqU5x63VTqvQss8hp11i4wVV8bD44PvwucfZ2bU7gRe",
        "Cw8CFyM9FkoMi7K7Crf6HNQqf4uEMzpKw6QNghXLvLkY",
        "ADaUMid9yfUytqMBgopwjb2DTLSokTSzL1zt6iGPaS49",
        "DfXygSm4jCyNCybVYYK6DwvWqjKee8pbDmJGcLWNDXjh",
        "ADuUkR4vqLUMWXxW9gh6D6L8pMSawimctcNZ5pGwDcEt",
        "DttWaMuVvTiduZRnguLF7jNxTgiMBZ1hyAumKUiL2KRL",
        "3AVi9Tg9Uo68tJfuvoKvqKNWKkC5wPdSSdeBnizKZ6jT",
    }
)
"""The eight accounts of Jito's block engine on mainnet. Source: the engine's `getTipAccounts`."""

_CREATE, _ASSIGN, _TRANSFER, _CREATE_WITH_SEED = 0, 1, 2, 3
_ALLOCATE, _ALLOCATE_WITH_SEED, _ASSIGN_WITH_SEED, _TRANSFER_WITH_SEED = 8, 9, 10, 11
_CREATING = frozenset({_CREATE, _CREATE_WITH_SEED})
_MAKING = frozenset({_ASSIGN, _ALLOCATE, _ALLOCATE_WITH_SEED, _ASSIGN_WITH_SEED})

_RENT_PROGRAMS = VENUES | HOOK_PROGRAM_IDS | {LOOKUP_TABLES}
"""Programs that move a wallet's lamports for rent and for nothing else."""

_METEORA_CLOSINGS = {
    "close_position": (0, 5),
    "close_position2": (0, 2),
    "close_position_if_empty": (0, 2),
    "close_limit_order_if_empty": (0, 2),
    "decrease_position_length": (1, 0),
    "close_bin_array": (1, 2),
}
_CLOSINGS: Mapping[tuple[str, bytes], tuple[int, int]] = {
    **{(METEORA_PROGRAM, discriminator(name)): ends for name, ends in _METEORA_CLOSINGS.items()},
    **{(program, discriminator("close_position")): (1, 12) for program in SAROS_PROGRAMS},
    **{(program, discriminator("close_position")): (2, 3) for program in HOOK_PROGRAM_IDS},
    (LOOKUP_TABLES, (4).to_bytes(4, "little")): (0, 2),
}
"""Which account an instruction closes or shrinks, and which receives its lamports, by their places in it."""


class Wrapped(Record, frozen=True):
    """Wrapped SOL in token accounts by their places, before and after."""

    before: Mapping[int, int]
    after: Mapping[int, int]


class LamportMoves(Record, frozen=True):
    """What of a wallet's change of lamports is tip, and what is rent."""

    tip: int
    rent: int


def lamport_moves(
    calls: Iterable[Call],
    wallet: int,
    keys: Sequence[str],
    balances: tuple[Sequence[int], Sequence[int]],
    wrapped: Wrapped,
) -> LamportMoves:
    """Sum up what the wallet's lamports went into, of a transaction that succeeded.

    :arg wallet: Its place among the keys.

    :arg balances: Lamports of the keys before and after.

    :raises WireError: `instruction_data` for instructions of the system program that cannot have run.

    """
    before, after = balances
    tip = freed = 0
    made: set[int] = set()
    sent: dict[int, int] = {}
    sent_for_rent: dict[int, int] = {}
    top_program = ""
    for call in calls:
        if not call.is_inner:
            top_program = call.program
        if not call.data:
            continue
        if call.program == SYSTEM:
            made |= _made(call)
            move = _moved(call)
            if move is None or move[0] != wallet:
                continue
            _, target, lamports = move
            sent[target] = sent.get(target, 0) + lamports
            if keys[target] in TIP_ACCOUNTS:
                tip += lamports
            if call.is_inner and top_program in _RENT_PROGRAMS:
                sent_for_rent[target] = sent_for_rent.get(target, 0) + lamports
            continue
        account, receiver = _closed(call)
        if receiver == wallet and account != wallet and account not in made:
            # one that was opened in the same transaction gives back what the wallet has just paid
            held = before[account] - wrapped.before.get(account, 0)
            freed += max(held - (0 if call.program in TOKEN_PROGRAMS else after[account]), 0)
    locked = 0
    for account, lamports in sent.items():
        paid = lamports if account in made else sent_for_rent.get(account, 0)
        locked += min(paid, max(after[account] - wrapped.after.get(account, 0), 0))
    return LamportMoves(tip, locked - freed)


def _made(call: Call) -> set[int]:
    tag = _tag(call)
    if tag in _CREATING:
        return {_account(call, 1)}
    return {_account(call, 0)} if tag in _MAKING else set()


def _moved(call: Call) -> tuple[int, int, int] | None:
    """Return the source and target of a system instruction that moves lamports, and how many."""
    tag = _tag(call)
    if tag in {_CREATE, _TRANSFER}:
        return _account(call, 0), _account(call, 1), _number(call, 4)
    if tag == _CREATE_WITH_SEED:  # behind the base comes the seed, as long as a u64 says
        return _account(call, 0), _account(call, 1), _number(call, 44 + _number(call, 36))
    if tag == _TRANSFER_WITH_SEED:
        return _account(call, 0), _account(call, 2), _number(call, 4)
    return None


def _closed(call: Call) -> tuple[int, int]:
    """Return the account that an instruction closes or shrinks, and who receives its lamports; -1 twice for none."""
    if call.program in TOKEN_PROGRAMS and call.data[:1] == bytes([CLOSE_ACCOUNT]):
        return _account(call, 0), _account(call, 1)
    tag = call.data[:4] if call.program == LOOKUP_TABLES else call.data[:8]
    ends = _CLOSINGS.get((call.program, tag))
    return (-1, -1) if ends is None else (_account(call, ends[0]), _account(call, ends[1]))


def _tag(call: Call) -> int:
    return _unpacked(call, struct.Struct("<I"), 0)


def _number(call: Call, offset: int) -> int:
    return _unpacked(call, struct.Struct("<Q"), offset)


def _unpacked(call: Call, field: struct.Struct, offset: int) -> int:
    if len(call.data) < offset + field.size:
        raise WireError("instruction_data", f"a system instruction of {len(call.data)} bytes")
    return int(field.unpack_from(call.data, offset)[0])


def _account(call: Call, place: int) -> int:
    if len(call.accounts) <= place:
        raise WireError("instruction_data", f"an instruction of {call.program} with {len(call.accounts)} accounts")
    return call.accounts[place]
