"""Limit orders: place, cancel (which also collects what was filled) and close.

Source: the program's published IDL, pinned by the life-cycle rows of the golden vectors.
"""

from collections.abc import Iterable, Sequence

from solders.instruction import Instruction
from solders.pubkey import Pubkey

from dlmm.anchor import discriminator, event_accounts, pack, reader, signer, writer, writing_signer
from dlmm.errors import RangeError
from dlmm.meteora.keys import PoolKeys, TransferHook, hook_accounts, remaining_accounts_info
from dlmm.meteora.pdas import PROGRAM_ID, bin_array_index
from dlmm.programs import MEMO_PROGRAM, SYSTEM_PROGRAM
from dlmm.records import Record


class OrderBin(Record, frozen=True):
    """An order's amount in one bin, in raw units of the token it sells."""

    bin_id: int
    amount: int


def place_limit_order(
    *,
    pool: PoolKeys,
    limit_order: Pubkey,
    is_ask: bool,
    bins: Sequence[OrderBin],
    owner: Pubkey,
    payer: Pubkey | None = None,
    sender: Pubkey | None = None,
    user_token: Pubkey | None = None,
    hooks: Sequence[TransferHook] = (),
) -> Instruction:
    """Build `place_limit_order`: sell X above the active bin (ask) or Y below it (bid).

    :arg limit_order: Fresh key that signs once.

    :arg bins: Ascending by bin, at absolute ids.

    :arg payer: Who pays the rent; the owner when `None`.

    :arg sender: Who provides the tokens; the owner when `None`.

    :arg user_token: Account that the tokens leave; the sender's associated account when `None`.

    :raises RangeError: No bins, or a number that does not fit its field.

    """
    if not bins:
        raise RangeError("a limit order without bins")
    source = sender or owner
    reserve, mint, program, token = (
        (pool.reserve_x, pool.mint_x, pool.token_program_x, pool.user_token_x(source))
        if is_ask
        else (pool.reserve_y, pool.mint_y, pool.token_program_y, pool.user_token_y(source))
    )
    rows = b"".join(pack("iQ", order.bin_id, order.amount) for order in bins)
    # the side, 16 bytes of padding, no relative bin, and the bins
    data = discriminator("place_limit_order") + pack("B16xBI", is_ask, 0, len(bins)) + rows
    accounts = [
        writer(pool.lb_pair),
        pool.extension(),
        writer(reserve),
        reader(mint),
        writing_signer(limit_order),
        writing_signer(payer or owner),
        reader(owner),
        writer(user_token or token),
        signer(source),
        reader(program),
        reader(SYSTEM_PROGRAM),
        *event_accounts(PROGRAM_ID),
        *hook_accounts(hooks),
        *pool.bin_arrays(_arrays(order.bin_id for order in bins)),
    ]
    return Instruction(PROGRAM_ID, data + remaining_accounts_info(hooks), accounts)


def cancel_limit_order(
    *,
    pool: PoolKeys,
    limit_order: Pubkey,
    bin_ids: Sequence[int],
    owner: Pubkey,
    owner_token_x: Pubkey | None = None,
    owner_token_y: Pubkey | None = None,
    hooks: Sequence[TransferHook] = (),
) -> Instruction:
    """Build `cancel_limit_order`: take back what is unfilled and collect what is filled, with its fees.

    :arg bin_ids: Bins of the order to settle, ascending.

    :raises RangeError: No bins, or a number that does not fit its field.

    """
    if not bin_ids:
        raise RangeError("a cancellation without bins")
    data = discriminator("cancel_limit_order") + pack(f"I{len(bin_ids)}i", len(bin_ids), *bin_ids)
    accounts = [
        writer(pool.lb_pair),
        pool.extension(),
        writer(pool.reserve_x),
        writer(pool.reserve_y),
        reader(pool.mint_x),
        reader(pool.mint_y),
        writer(limit_order),
        writer(owner_token_x or pool.user_token_x(owner)),
        writer(owner_token_y or pool.user_token_y(owner)),
        signer(owner),
        reader(pool.token_program_x),
        reader(pool.token_program_y),
        reader(MEMO_PROGRAM),
        *event_accounts(PROGRAM_ID),
        *hook_accounts(hooks),
        *pool.bin_arrays(_arrays(bin_ids)),
    ]
    return Instruction(PROGRAM_ID, data + remaining_accounts_info(hooks), accounts)


def close_limit_order_if_empty(
    *, limit_order: Pubkey, owner: Pubkey, rent_receiver: Pubkey | None = None
) -> Instruction:
    """Build `close_limit_order_if_empty`."""
    accounts = [writer(limit_order), signer(owner), writer(rent_receiver or owner), *event_accounts(PROGRAM_ID)]
    return Instruction(PROGRAM_ID, discriminator("close_limit_order_if_empty"), accounts)


def _arrays(bin_ids: Iterable[int]) -> list[int]:
    return sorted({bin_array_index(bin_id) for bin_id in bin_ids})
