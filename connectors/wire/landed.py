"""Landed transactions as the wallet sees them: what it paid, what its tokens did, and which pool moved them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import msgspec
from msgspec.structs import replace

from connectors.wire.error_names import Failure, failure_of
from connectors.wire.lamport_moves import LamportMoves, Wrapped, lamport_moves
from connectors.wire.pool_flows import flows_of, net_of_withheld, pools_called, swaps_in
from connectors.wire.refusal import Refusal, WireError, refusal
from connectors.wire.rpc import UNREADABLE, Answers
from connectors.wire.token_moves import TokenMove, owned_by, token_moves
from connectors.wire.transaction_json import MetaJson, TokenBalanceJson, TransactionJson, calls_of
from connectors.wire.transactions import get_transactions
from dlmm.events import EventError, SwapEvent
from dlmm.programs import WRAPPED_SOL
from dlmm.records import Record
from operators.orders.execution_reports import PoolFlow, TokenChange

Mints = Mapping[str, tuple[str, str]]
"""Mints of X and of Y, by address of the pool."""

NO_POOLS: Mints = MappingProxyType({})

_WRAPPED_SOL = str(WRAPPED_SOL)
_TRANSACTIONS: Answers[TransactionJson | None] = Answers(TransactionJson | None)  # type: ignore[arg-type]  # a union is a value too
_TRANSACTION: msgspec.json.Decoder[TransactionJson] = msgspec.json.Decoder(TransactionJson)


class Landed(Record, frozen=True):
    """A transaction that is on chain, and what it did to the wallet.

    The wallet's native balance changed by `lamports - fee - tip - rent`.

    :arg block_time: Seconds since 1970, where the node knows it.

    :arg error: Why it failed; everything that it did is undone then, but for its fee.

    :arg fee: Lamports that the wallet paid to the cluster, priority fee included; 0 where another one paid.

    :arg tip: Lamports that the wallet moved to the block engine's tip accounts.

    :arg lamports: Change of the wallet's native SOL that is none of fee, tip and rent; what is wrapped leaves it, and
        enters `changes`.

    :arg rent: Lamports locked in accounts that were made with the wallet's money, negative for those freed into it. The
        amount in an account of wrapped SOL is no rent.

    :arg changes: Of the wallet's tokens by mint, as balances tell; mints that did not change are left out.

    :arg swaps: What ran in it, each with the place of its top-level instruction; none where it failed.

    :arg flows: What moved between the wallet and the pools asked for, by instructions to the venues' programs; none
        where it failed.

    :arg unexplained: What `changes` hold beyond the flows and beyond tokens minted to the wallet or burned; `lamports`
        counts as wrapped SOL here.

    """

    signature: str
    slot: int
    block_time: int | None = None
    error: Failure | None = None
    fee: int = 0
    tip: int = 0
    lamports: int = 0
    rent: int = 0
    changes: tuple[TokenChange, ...] = ()
    swaps: tuple[tuple[int, SwapEvent], ...] = ()
    flows: tuple[PoolFlow, ...] = ()
    unexplained: tuple[TokenChange, ...] = ()
    logs: tuple[str, ...] = ()
    compute_units: int | None = None


def get_transaction(first_id: int, signatures: Sequence[str], commitment: str = "confirmed") -> bytes:
    """Ask for transactions in one batch, whose ids count up from `first_id`; read it with `read_landed`.

    :arg commitment: `confirmed` or `finalized`: nodes know no transactions before.

    """
    return get_transactions(first_id, signatures, commitment)


def read_landed(
    status: int, body: bytes, first_id: int, signatures: Sequence[str], wallet: str, pools: Mints = NO_POOLS
) -> list[Landed | Refusal | None] | Refusal:
    """Read the answers to `get_transaction`, in the order of the question.

    :arg wallet: Address, base58.

    :arg pools: Those whose flows are wanted.

    :returns: For each what landed, `None` where the node does not know it (yet), or a refusal with a cause of
        `Answers.read` or of `landed_of`; or one refusal for all.

    """
    answers = _TRANSACTIONS.read_batch(status, body, first_id, len(signatures))
    if isinstance(answers, Refusal):
        return answers
    return [
        answer if answer is None or isinstance(answer, Refusal) else _landed(answer, signature, wallet, pools)
        for answer, signature in zip(answers, signatures, strict=True)
    ]


def landed_of(result: bytes, signature: str, wallet: str, pools: Mints = NO_POOLS) -> Landed | Refusal:
    """Read one result of `getTransaction`, encoding `json`.

    :returns: A refusal has one of the causes `not_json`, `answer_shape`, `error_shape`, `foreign_answer` for another
        transaction, `key_index` for a place beyond the keys, `instruction_data`, `swap_event`.

    """
    try:
        transaction = _TRANSACTION.decode(result)
    except UNREADABLE as error:
        return refusal("answer_shape" if isinstance(error, msgspec.ValidationError) else "not_json", error)
    return _landed(transaction, signature, wallet, pools)


def _landed(transaction: TransactionJson, signature: str, wallet: str, pools: Mints) -> Landed | Refusal:
    told = transaction.transaction.signatures[0]
    if told != signature:
        return refusal("foreign_answer", f"{told} instead of {signature}")
    try:
        return _read(transaction, signature, wallet, pools)
    except WireError as error:
        return refusal(error.cause, f"{error.detail} in {signature}")
    except EventError as error:
        return refusal("swap_event", f"{error} in {signature}")


def _read(transaction: TransactionJson, signature: str, wallet: str, pools: Mints) -> Landed | Refusal:
    meta, keys = transaction.meta, transaction.keys
    _check_places(meta, len(keys))
    before, after = meta.pre_token_balances or [], meta.post_token_balances or []
    held = _held(wallet, before, after)
    changes: Counter[str] = Counter()
    for mint, amount in held.values():
        changes[mint] += amount
    place = keys.index(wallet) if wallet in keys else None
    native = 0 if place is None else meta.post_balances[place] - meta.pre_balances[place]
    landed = Landed(
        signature,
        transaction.slot,
        transaction.block_time,
        fee=meta.fee if keys[0] == wallet else 0,
        changes=_listed(changes),
        logs=tuple(meta.log_messages or ()),
        compute_units=meta.compute_units,
    )
    if meta.error_json is not None:  # it tells of moves and swaps too, all of them undone
        programs = [keys[one.program] if one.program < len(keys) else "" for one in transaction.instructions]
        error = failure_of(meta.error_json, programs, landed.logs)
        return error if isinstance(error, Refusal) else replace(landed, error=error, lamports=native + landed.fee)
    calls = calls_of(transaction, keys)
    called, swaps = pools_called(calls, keys, pools), swaps_in(calls)
    moves = token_moves(calls, owned_by(wallet, (*before, *after), calls, keys))
    moves = net_of_withheld(moves, {account: amount for account, (_, amount) in held.items()}, called)
    flows = flows_of(moves, swaps, called, pools)
    paid = LamportMoves(0, 0)
    if place is not None:
        wrapped = Wrapped(_wrapped(before), _wrapped(after))
        paid = lamport_moves(calls, place, keys, (meta.pre_balances, meta.post_balances), wrapped)
    lamports = native + landed.fee + paid.tip + paid.rent
    return replace(
        landed,
        tip=paid.tip,
        rent=paid.rent,
        lamports=lamports,
        swaps=tuple((swap.instruction, swap.event) for swap in swaps),
        flows=flows,
        unexplained=_unexplained(changes, lamports, flows, moves, pools),
    )


def _check_places(meta: MetaJson, count: int) -> None:
    tokens = (*(meta.pre_token_balances or ()), *(meta.post_token_balances or ()))
    highest = max((one.account_index for one in tokens), default=0)
    if len(meta.pre_balances) != count or len(meta.post_balances) != count or highest >= count:
        told = f"{len(meta.pre_balances)} and {len(meta.post_balances)} balances, token account {highest}"
        raise WireError("key_index", f"{told} of {count} keys")


def _held(
    wallet: str, before: Sequence[TokenBalanceJson], after: Sequence[TokenBalanceJson]
) -> dict[int, tuple[str, int]]:
    """Return the mint of each of the wallet's token accounts, and the change of its amount."""
    held: dict[int, tuple[str, int]] = {}
    for sign, balances in ((-1, before), (1, after)):
        for one in balances:
            if one.owner == wallet:
                _, amount = held.get(one.account_index, ("", 0))
                held[one.account_index] = one.mint, amount + sign * int(one.ui_token_amount.amount)
    return held


def _wrapped(balances: Sequence[TokenBalanceJson]) -> dict[int, int]:
    return {one.account_index: int(one.ui_token_amount.amount) for one in balances if one.mint == _WRAPPED_SOL}


def _unexplained(
    changes: Mapping[str, int], lamports: int, flows: Sequence[PoolFlow], moves: Sequence[TokenMove], pools: Mints
) -> tuple[TokenChange, ...]:
    rest = Counter(changes)
    rest[_WRAPPED_SOL] += lamports
    for flow in flows:
        for mint, amount in zip(pools[flow.pool], (flow.x, flow.y), strict=True):
            rest[mint] -= amount
    for move in moves:
        if move.kind == "supply":
            rest[move.mint] -= move.amount
    return _listed(rest)


def _listed(amounts: Mapping[str, int]) -> tuple[TokenChange, ...]:
    return tuple(TokenChange(mint, amount) for mint, amount in amounts.items() if amount)
