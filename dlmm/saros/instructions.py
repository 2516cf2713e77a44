"""Builders of the Saros programs' instructions, equal byte for byte to what a client sends.

A position takes two neighbouring bin arrays, a swap two of its own choice; both must exist. With a hook, its own bin
arrays go along, and a position's record with the hook must have been opened first (`initialize_hook_position`).

Source: the programs' published IDLs, pinned by the golden vectors; `close_position` departs from the IDL, which marks
the user as read-only although the program writes it.
"""

from collections.abc import Sequence

from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey

from dlmm.anchor import discriminator, event_accounts, pack, reader, signer, writer, writing_signer
from dlmm.errors import RangeError
from dlmm.programs import (
    ASSOCIATED_TOKEN_PROGRAM,
    MEMO_PROGRAM,
    SYSTEM_PROGRAM,
    TOKEN_2022_PROGRAM,
    associated_token_account,
)
from dlmm.records import Record
from dlmm.saros.keys import PairKeys
from dlmm.saros.pdas import (
    bin_array_address,
    bin_array_index,
    hook_bin_array_address,
    hook_position_address,
    position_address,
)

_EXACT_IN, _EXACT_OUT = 0, 1


class SwapAccounts(Record, frozen=True):
    """Who swaps in which pair, and through which accounts.

    :arg bin_arrays: Indices of the two neighbouring bin arrays to pass, ascending; `pdas.swap_arrays` gives the usual
        choice.

    :arg user_vault_x: The wallet's associated account when `None`.

    :arg user_vault_y: The wallet's associated account when `None`.

    """

    keys: PairKeys
    user: Pubkey
    swap_for_y: bool
    bin_arrays: tuple[int, int]
    user_vault_x: Pubkey | None = None
    user_vault_y: Pubkey | None = None


class LiquidityShare(Record, frozen=True):
    """How much of a deposit goes to one bin.

    :arg relative_bin_id: Distance from the pair's active bin when the transaction runs.

    :arg share_x_bps: Basis points of token X; 0 below the active bin.

    :arg share_y_bps: Basis points of token Y; 0 above the active bin.

    """

    relative_bin_id: int
    share_x_bps: int
    share_y_bps: int


class PositionAccounts(Record, frozen=True):
    """Whose position in which pair, and through which accounts.

    :arg position_mint: Mint of the position's NFT.

    :arg lower_bin_id: The position's lowest bin, from which its arrays follow.

    :arg active_arrays: The two arrays about the active bin (`pdas.swap_arrays`), for the hook; ignored without one.

    :arg bin_arrays: The position's two arrays; that of its lowest bin and the next when `None`.

    :arg position_vault: Account that holds the NFT; the wallet's associated account when `None`.

    """

    keys: PairKeys
    user: Pubkey
    position_mint: Pubkey
    lower_bin_id: int
    active_arrays: tuple[int, int]
    bin_arrays: tuple[int, int] | None = None
    user_vault_x: Pubkey | None = None
    user_vault_y: Pubkey | None = None
    position_vault: Pubkey | None = None


def swap_exact_in(accounts: SwapAccounts, *, amount_in: int, min_amount_out: int) -> Instruction:
    """Build `swap` that spends exactly `amount_in`.

    :arg min_amount_out: Fail rather than receive less; 0 lets a swap succeed that yields nothing.

    :raises RangeError: An amount fits no u64.

    """
    return _swap(accounts, amount_in, min_amount_out, _EXACT_IN)


def swap_exact_out(accounts: SwapAccounts, *, amount_out: int, max_amount_in: int) -> Instruction:
    """Build `swap` that receives exactly `amount_out`.

    :arg max_amount_in: Fail rather than spend more.

    :raises RangeError: An amount fits no u64.

    """
    return _swap(accounts, amount_out, max_amount_in, _EXACT_OUT)


def initialize_bin_array(*, keys: PairKeys, index: int, user: Pubkey) -> Instruction:
    """Build `initialize_bin_array`.

    :raises RangeError: The index fits no u32.

    """
    array = bin_array_address(keys.pair, index, keys.program)
    return _array(keys.program, keys.pair, array, index, user)


def initialize_hook_bin_array(*, keys: PairKeys, index: int, user: Pubkey) -> Instruction:
    """Build the hook program's `initialize_bin_array`.

    :raises RangeError: The pair has no hook, or the index fits no u32.

    """
    hook = _hook(keys)
    array = hook_bin_array_address(hook, index, keys.hook_program)
    return _array(keys.hook_program, hook, array, index, user)


def initialize_hook_position(*, keys: PairKeys, position_mint: Pubkey, user: Pubkey) -> Instruction:
    """Build the hook program's `initialize_position`, needed once before a position's first deposit.

    :raises RangeError: The pair has no hook.

    """
    hook = _hook(keys)
    position = position_address(position_mint, keys.program)
    accounts = [
        reader(hook),
        reader(position),
        writer(hook_position_address(hook, position, keys.hook_program)),
        writing_signer(user),
        reader(SYSTEM_PROGRAM),
        *event_accounts(keys.hook_program),
    ]
    return Instruction(keys.hook_program, discriminator("initialize_position"), accounts)


def create_position(
    *, keys: PairKeys, position_mint: Pubkey, relative_bin_id_left: int, relative_bin_id_right: int, user: Pubkey
) -> Instruction:
    """Build `create_position`: 2 to 64 bins, counted from the active bin when the transaction runs.

    :arg position_mint: Fresh key that signs once and becomes the mint of the position's NFT.

    :raises RangeError: A number fits no i32.

    """
    accounts = [
        reader(keys.pair),
        writer(position_address(position_mint, keys.program)),
        writing_signer(position_mint),
        writer(associated_token_account(user, position_mint, TOKEN_2022_PROGRAM)),
        writing_signer(user),
        reader(SYSTEM_PROGRAM),
        reader(TOKEN_2022_PROGRAM),
        reader(ASSOCIATED_TOKEN_PROGRAM),
        *event_accounts(keys.program),
    ]
    data = discriminator("create_position") + pack("ii", relative_bin_id_left, relative_bin_id_right)
    return Instruction(keys.program, data, accounts)


def increase_position(
    accounts: PositionAccounts, *, amount_x: int, amount_y: int, shares: Sequence[LiquidityShare]
) -> Instruction:
    """Build `increase_position`: a deposit with a share for every bin.

    :arg shares: The program does not check their sums: above 10,000 they spend more than the amounts.

    :raises RangeError: A number does not fit its field.

    """
    rows = b"".join(pack("iHH", share.relative_bin_id, share.share_x_bps, share.share_y_bps) for share in shares)
    data = discriminator("increase_position") + pack("QQI", amount_x, amount_y, len(shares)) + rows
    return Instruction(accounts.keys.program, data, _position(accounts, signer(accounts.user)))


def decrease_position(accounts: PositionAccounts, *, shares: Sequence[int]) -> Instruction:
    """Build `decrease_position`.

    :arg shares: Shares to burn, one for each bin of the position from the lowest.

    :raises RangeError: A share fits no u128.

    """
    if any(not 0 <= share < 1 << 128 for share in shares):
        raise RangeError("a share that fits no u128")
    rows = b"".join(share.to_bytes(16, "little") for share in shares)
    data = discriminator("decrease_position") + pack("I", len(shares)) + rows
    return Instruction(accounts.keys.program, data, _position(accounts, signer(accounts.user)))


def close_position(accounts: PositionAccounts, *, user_is_writable: bool = True) -> Instruction:
    """Build `close_position`, which also withdraws what the position still holds.

    :arg user_is_writable: `False` follows the IDL, and fails: the user receives the rent.

    """
    user = (writing_signer if user_is_writable else signer)(accounts.user)
    return Instruction(accounts.keys.program, discriminator("close_position"), _position(accounts, user))


def _swap(accounts: SwapAccounts, amount: int, threshold: int, kind: int) -> Instruction:
    keys, user = accounts.keys, accounts.user
    metas = [
        writer(keys.pair),
        reader(keys.mint_x),
        reader(keys.mint_y),
        *keys.bin_arrays(accounts.bin_arrays),
        writer(keys.vault_x),
        writer(keys.vault_y),
        writer(accounts.user_vault_x or keys.user_vault_x(user)),
        writer(accounts.user_vault_y or keys.user_vault_y(user)),
        signer(user),
        reader(keys.token_program_x),
        reader(keys.token_program_y),
        reader(MEMO_PROGRAM),
        *keys.hook_accounts(),
        *event_accounts(keys.program),
        *keys.hook_bin_arrays(accounts.bin_arrays),
    ]
    data = discriminator("swap") + pack("QQBB", amount, threshold, accounts.swap_for_y, kind)
    return Instruction(keys.program, data, metas)


def _array(program: Pubkey, parent: Pubkey, array: Pubkey, index: int, user: Pubkey) -> Instruction:
    accounts = [
        reader(parent),
        writer(array),
        writing_signer(user),
        reader(SYSTEM_PROGRAM),
        *event_accounts(program),
    ]
    return Instruction(program, discriminator("initialize_bin_array") + pack("I", index), accounts)


def _hook(keys: PairKeys) -> Pubkey:
    if keys.hook is None:
        raise RangeError(f"pair {keys.pair} has no hook")
    return keys.hook


def _position(accounts: PositionAccounts, user: AccountMeta) -> list[AccountMeta]:
    keys = accounts.keys
    position = position_address(accounts.position_mint, keys.program)
    lower = bin_array_index(accounts.lower_bin_id)
    arrays = accounts.bin_arrays or (lower, lower + 1)
    vault = associated_token_account(accounts.user, accounts.position_mint, TOKEN_2022_PROGRAM)
    metas = [
        writer(keys.pair),
        writer(position),
        writer(accounts.position_mint),
        writer(accounts.position_vault or vault),
        *keys.bin_arrays(arrays),
        reader(keys.mint_x),
        reader(keys.mint_y),
        writer(keys.vault_x),
        writer(keys.vault_y),
        writer(accounts.user_vault_x or keys.user_vault_x(accounts.user)),
        writer(accounts.user_vault_y or keys.user_vault_y(accounts.user)),
        user,
        reader(keys.token_program_x),
        reader(keys.token_program_y),
        reader(TOKEN_2022_PROGRAM),
        reader(SYSTEM_PROGRAM),
        reader(MEMO_PROGRAM),
        *keys.hook_accounts(),
        *event_accounts(keys.program),
    ]
    if keys.hook is None:
        return metas
    return [
        *metas,
        *keys.hook_bin_arrays(accounts.active_arrays),
        writer(hook_position_address(keys.hook, position, keys.hook_program)),
        *keys.hook_bin_arrays(arrays),
        *keys.bin_arrays(accounts.active_arrays),
    ]
