"""Landed transactions: the question for some of them, and the swaps that their inner instructions tell."""

from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from connectors.wire import base58
from connectors.wire.accounts import Slot
from connectors.wire.events import SwapVolume
from connectors.wire.refusal import Refusal, WireError, refusal
from connectors.wire.rpc import Answers, Encodable, call
from dlmm.events import EventError, swaps_of
from dlmm.meteora.layout import PROGRAM as METEORA_PROGRAM
from dlmm.saros.layout import PROGRAM_IDS as SAROS_PROGRAMS

LONGEST_EVENT = 700
"""Characters of base58. A swap's event takes 183 at most; what is longer is some other event."""

_PROGRAMS = frozenset({METEORA_PROGRAM, *SAROS_PROGRAMS})


class _Instruction(msgspec.Struct, gc=False):
    program: Annotated[int, Meta(ge=0, le=255)] = msgspec.field(name="programIdIndex")
    data: str


class _Inner(msgspec.Struct, gc=False):
    instructions: list[_Instruction]


class _Loaded(msgspec.Struct, gc=False):
    writable: list[str]
    readonly: list[str]


class _Meta(msgspec.Struct, gc=False, rename="camel"):
    err: msgspec.Raw
    inner_instructions: list[_Inner] | None = None
    loaded_addresses: _Loaded | None = None


class _Message(msgspec.Struct, gc=False, rename="camel"):
    account_keys: list[str]


class _Signed(msgspec.Struct, gc=False):
    message: _Message


class _Transaction(msgspec.Struct, gc=False):
    slot: Slot
    meta: _Meta
    transaction: _Signed


_TRANSACTIONS: Answers[_Transaction | None] = Answers(_Transaction | None)  # type: ignore[arg-type]  # a union is a value too

Volumes = tuple[SwapVolume, ...]


def get_transactions(first_id: int, signatures: Sequence[str], commitment: str = "confirmed") -> bytes:
    """Ask for transactions in one batch, whose ids count up from `first_id`.

    :arg commitment: `confirmed` or `finalized`: nodes know no transactions before.

    """
    options: dict[str, Encodable] = {"encoding": "json", "commitment": commitment, "maxSupportedTransactionVersion": 0}
    return msgspec.json.encode(
        [call(first_id + i, "getTransaction", [signature, options]) for i, signature in enumerate(signatures)]
    )


def read_transactions(
    status: int, body: bytes, first_id: int, signatures: Sequence[str]
) -> list[Volumes | Refusal | None] | Refusal:
    """Read the answers to `get_transactions`: what each transaction swapped, in the order of the question.

    Several swaps of one transaction in the same pool are told as one, so that a signature comes once for each pool.

    :returns: For each an empty tuple where it failed or swapped nothing, `None` where the node does not know it (yet),
        a refusal with a cause of `Answers.read`, or `swap_event` where inner instructions are not what they should be;
        or one refusal for all.

    """
    answers = _TRANSACTIONS.read_batch(status, body, first_id, len(signatures))
    if isinstance(answers, Refusal):
        return answers
    return [
        answer if answer is None or isinstance(answer, Refusal) else _volumes(answer, signature)
        for answer, signature in zip(answers, signatures, strict=True)
    ]


def _volumes(transaction: _Transaction, signature: str) -> Volumes | Refusal:
    meta = transaction.meta
    if bytes(meta.err) != b"null":
        return ()  # it tells of swaps too, all of them undone
    keys = transaction.transaction.message.account_keys
    if meta.loaded_addresses is not None:
        keys = [*keys, *meta.loaded_addresses.writable, *meta.loaded_addresses.readonly]
    events: dict[str, list[bytes]] = {}
    try:
        for inner in meta.inner_instructions or ():
            for instruction in inner.instructions:
                if instruction.program >= len(keys):
                    return refusal("swap_event", f"program {instruction.program} of {len(keys)} keys in {signature}")
                program = keys[instruction.program]
                if program in _PROGRAMS and len(instruction.data) <= LONGEST_EVENT:
                    events.setdefault(program, []).append(base58.decode(instruction.data, LONGEST_EVENT))
        moved: dict[str, tuple[int, int]] = {}
        for program, datas in events.items():
            for swap in swaps_of(program, datas):
                x, y = moved.get(swap.pool, (0, 0))
                moved[swap.pool] = x + swap.amount_x, y + swap.amount_y
        return tuple(SwapVolume(pool, transaction.slot, signature, x, y) for pool, (x, y) in moved.items())
    except (WireError, EventError) as error:
        return refusal("swap_event", f"{error} in {signature}")
