"""Landed transactions as the wallet sees them: what it paid, what its tokens did, and which pool moved them."""

from collections.abc import Mapping, Sequence

from connectors.wire.error_names import Failure
from connectors.wire.refusal import Refusal
from connectors.wire.transactions import get_transactions
from dlmm.events import SwapEvent
from dlmm.records import Record

Mints = Mapping[str, tuple[str, str]]
"""Mints of X and of Y, by address of the pool."""


class TokenChange(Record, frozen=True):
    """How the wallet's holding of one mint changed, in raw units; wrapped SOL is a token, native SOL is none."""

    mint: str
    amount: int


class PoolFlow(Record, frozen=True):
    """What one pool gave to the wallet (positive) or took from it, as the wallet's token accounts see it.

    :arg fee: Trading fee inside of it, raw units of the token that it was taken in.

    :arg fee_in_x: Which token that is.

    """

    pool: str
    x: int
    y: int
    fee: int = 0
    fee_in_x: bool = False


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
    block_time: int | None
    error: Failure | None
    fee: int
    tip: int
    lamports: int
    rent: int
    changes: tuple[TokenChange, ...]
    swaps: tuple[tuple[int, SwapEvent], ...]
    flows: tuple[PoolFlow, ...]
    unexplained: tuple[TokenChange, ...]
    logs: tuple[str, ...]
    compute_units: int | None


def get_transaction(first_id: int, signatures: Sequence[str], commitment: str = "confirmed") -> bytes:
    """Ask for transactions in one batch, whose ids count up from `first_id`; read it with `read_landed`.

    :arg commitment: `confirmed` or `finalized`: nodes know no transactions before.

    """
    return get_transactions(first_id, signatures, commitment)


def read_landed(
    status: int, body: bytes, first_id: int, signatures: Sequence[str], wallet: str, pools: Mints
) -> list[Landed | Refusal | None] | Refusal:
    """Read the answers to `get_transaction`, in the order of the question.

    :arg wallet: Address, base58.

    :arg pools: Those whose flows are wanted.

    :returns: For each what landed, `None` where the node does not know it (yet), or a refusal with a cause of
        `Answers.read` or of `landed_of`; or one refusal for all.

    """
    raise NotImplementedError


def landed_of(result: bytes, signature: str, wallet: str, pools: Mints) -> Landed | Refusal:
    """Read one result of `getTransaction`, encoding `json`.

    :returns: A refusal has one of the causes `not_json`, `answer_shape`, `error_shape`, `key_index` for an index that
        is beyond the keys, `swap_event`.

    """
    raise NotImplementedError
