"""Swaps: exact in and exact out, in the older form for SPL tokens and the newer one for both token programs.

The program tells the direction by the user's two accounts alone. The newer forms (`swap2`, `swap_exact_out2`) are the
ones to use: the older refuse Token-2022 mints.

Source: the program's published IDL, pinned by the golden vectors that carry their instruction.
"""

from collections.abc import Sequence

from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey

from dlmm.anchor import discriminator, event_accounts, optional_writer, pack, reader, signer, writer
from dlmm.meteora.keys import PoolKeys, TransferHook, hook_accounts, remaining_accounts_info
from dlmm.meteora.pdas import PROGRAM_ID
from dlmm.programs import MEMO_PROGRAM
from dlmm.records import Record


class SwapAccounts(Record, frozen=True):
    """Who swaps in which pool, and through which accounts.

    :arg swap_for_y: X goes in and Y comes out.

    :arg bin_arrays: Indices of the bin arrays that the walk may need, in walking order.

    :arg user_token_in: Account that the input leaves; the wallet's associated account when `None`.

    :arg user_token_out: Account that the output enters; the wallet's associated account when `None`.

    :arg host_fee_in: Account of the input token that receives the host's part of the protocol fee.

    """

    pool: PoolKeys
    user: Pubkey
    swap_for_y: bool
    bin_arrays: tuple[int, ...]
    user_token_in: Pubkey | None = None
    user_token_out: Pubkey | None = None
    host_fee_in: Pubkey | None = None


def swap(accounts: SwapAccounts, *, amount_in: int, min_amount_out: int) -> Instruction:
    """Build `swap`: spend exactly `amount_in`, SPL tokens only.

    :raises RangeError: An amount fits no u64.

    """
    data = discriminator("swap") + pack("QQ", amount_in, min_amount_out)
    return Instruction(PROGRAM_ID, data, _fixed(accounts) + accounts.pool.bin_arrays(accounts.bin_arrays))


def swap2(
    accounts: SwapAccounts, *, amount_in: int, min_amount_out: int, hooks: Sequence[TransferHook] = ()
) -> Instruction:
    """Build `swap2`: spend exactly `amount_in`, tokens of either program.

    :arg amount_in: What leaves the user's account, any transfer fee included.

    :arg min_amount_out: Fail rather than receive less, after any transfer fee.

    :raises RangeError: An amount fits no u64.

    """
    data = discriminator("swap2") + pack("QQ", amount_in, min_amount_out) + remaining_accounts_info(hooks)
    return Instruction(PROGRAM_ID, data, _accounts2(accounts, hooks))


def swap_exact_out(accounts: SwapAccounts, *, max_amount_in: int, amount_out: int) -> Instruction:
    """Build `swap_exact_out`: receive exactly `amount_out`, SPL tokens only.

    :raises RangeError: An amount fits no u64.

    """
    data = discriminator("swap_exact_out") + pack("QQ", max_amount_in, amount_out)
    return Instruction(PROGRAM_ID, data, _fixed(accounts) + accounts.pool.bin_arrays(accounts.bin_arrays))


def swap_exact_out2(
    accounts: SwapAccounts, *, max_amount_in: int, amount_out: int, hooks: Sequence[TransferHook] = ()
) -> Instruction:
    """Build `swap_exact_out2`: receive exactly `amount_out`, tokens of either program.

    :arg max_amount_in: Fail rather than spend more, any transfer fee included.

    :arg amount_out: What arrives in the user's account, after any transfer fee.

    :raises RangeError: An amount fits no u64.

    """
    data = discriminator("swap_exact_out2") + pack("QQ", max_amount_in, amount_out) + remaining_accounts_info(hooks)
    return Instruction(PROGRAM_ID, data, _accounts2(accounts, hooks))


def _accounts2(accounts: SwapAccounts, hooks: Sequence[TransferHook]) -> list[AccountMeta]:
    fixed = _fixed(accounts, memo=[reader(MEMO_PROGRAM)])
    return fixed + hook_accounts(hooks) + accounts.pool.bin_arrays(accounts.bin_arrays)


def _fixed(accounts: SwapAccounts, memo: Sequence[AccountMeta] = ()) -> list[AccountMeta]:
    pool, user = accounts.pool, accounts.user
    token_in, token_out = pool.user_token_x(user), pool.user_token_y(user)
    if not accounts.swap_for_y:
        token_in, token_out = token_out, token_in
    return [
        writer(pool.lb_pair),
        pool.extension(),
        writer(pool.reserve_x),
        writer(pool.reserve_y),
        writer(accounts.user_token_in or token_in),
        writer(accounts.user_token_out or token_out),
        reader(pool.mint_x),
        reader(pool.mint_y),
        writer(pool.oracle),
        optional_writer(accounts.host_fee_in, PROGRAM_ID),
        signer(user),
        reader(pool.token_program_x),
        reader(pool.token_program_y),
        *memo,
        *event_accounts(PROGRAM_ID),
    ]
