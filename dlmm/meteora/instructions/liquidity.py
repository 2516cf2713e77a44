"""Adding and removing liquidity, and claiming fees.

Source: the program's published IDL, pinned by the life-cycle rows of the golden vectors.
"""

from collections.abc import Sequence
from enum import IntEnum

from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey

from dlmm.anchor import discriminator, event_accounts, pack, reader, signer, writer
from dlmm.errors import RangeError
from dlmm.meteora.keys import PoolKeys, TransferHook, hook_accounts, remaining_accounts_info
from dlmm.meteora.pdas import PROGRAM_ID, bin_array_index, bin_array_indices
from dlmm.programs import MEMO_PROGRAM, TOKEN_PROGRAM
from dlmm.records import Record


class Strategy(IntEnum):
    """How the program spreads a deposit over a range; see `dlmm.meteora.strategies`."""

    SPOT_ONE_SIDE = 0
    CURVE_ONE_SIDE = 1
    BID_ASK_ONE_SIDE = 2
    SPOT_BALANCED = 3
    CURVE_BALANCED = 4
    BID_ASK_BALANCED = 5
    SPOT_IMBALANCED = 6
    CURVE_IMBALANCED = 7
    BID_ASK_IMBALANCED = 8


class BinShare(Record, frozen=True):
    """How much of a deposit goes to one bin.

    :arg share_x_bps: Basis points of token X; 0 below the active bin.

    :arg share_y_bps: Basis points of token Y; 0 above the active bin.

    """

    bin_id: int
    share_x_bps: int
    share_y_bps: int


class StrategyDeposit(Record, frozen=True):
    """A deposit that the program itself spreads over a range.

    :arg amount_x: Most of token X to spend, transfer fee included.

    :arg amount_y: Most of token Y to spend, transfer fee included.

    :arg active_id: Active bin that the client saw.

    :arg max_active_bin_slippage: Fail when the active bin has moved further than this.

    :arg favor_x: One-sided strategies only: deposit X rather than Y (first byte of the strategy's parameters).

    """

    amount_x: int
    amount_y: int
    active_id: int
    max_active_bin_slippage: int
    min_bin_id: int
    max_bin_id: int
    strategy: Strategy
    favor_x: bool = False


class PositionAccounts(Record, frozen=True):
    """Whose position in which pool, and through which token accounts.

    :arg sender: The position's owner, or its operator where the program allows one.

    :arg user_token_x: The wallet's associated account when `None`.

    :arg user_token_y: The wallet's associated account when `None`.

    """

    pool: PoolKeys
    position: Pubkey
    sender: Pubkey
    user_token_x: Pubkey | None = None
    user_token_y: Pubkey | None = None


def add_liquidity2(
    accounts: PositionAccounts,
    *,
    amount_x: int,
    amount_y: int,
    shares: Sequence[BinShare],
    hooks: Sequence[TransferHook] = (),
) -> Instruction:
    """Build `add_liquidity2`: a deposit with a share for every bin.

    :arg shares: Ascending by bin; each side must sum to exactly 10,000, also when its amount is 0.

    :raises RangeError: No shares, or a number that does not fit its field.

    """
    if not shares:
        raise RangeError("a deposit without bins")
    rows = b"".join(pack("iHH", share.bin_id, share.share_x_bps, share.share_y_bps) for share in shares)
    data = discriminator("add_liquidity2") + pack("QQI", amount_x, amount_y, len(shares)) + rows
    bins = [share.bin_id for share in shares]
    arrays = bin_array_indices(min(bins), max(bins))
    return _deposit2(data, accounts, arrays, hooks)


def add_liquidity_by_strategy2(
    accounts: PositionAccounts, deposit: StrategyDeposit, *, hooks: Sequence[TransferHook] = ()
) -> Instruction:
    """Build `add_liquidity_by_strategy2`.

    :raises RangeError: The range is upside down, or a number does not fit its field.

    """
    data = discriminator("add_liquidity_by_strategy2") + _strategy_data(deposit)
    return _deposit2(data, accounts, bin_array_indices(deposit.min_bin_id, deposit.max_bin_id), hooks)


def add_liquidity_by_strategy(
    accounts: PositionAccounts, deposit: StrategyDeposit, *, lower_bin_id: int
) -> Instruction:
    """Build `add_liquidity_by_strategy`, the older form that names the position's two bin arrays.

    :arg lower_bin_id: The position's lowest bin.

    :raises RangeError: A number does not fit its field.

    """
    data = discriminator("add_liquidity_by_strategy") + _strategy_data(deposit)
    arrays = _two_arrays(accounts.pool, lower_bin_id)
    return Instruction(PROGRAM_ID, data, [*_tokens(accounts), *arrays, *_sender(accounts)])


def remove_liquidity_by_range2(
    accounts: PositionAccounts,
    *,
    from_bin_id: int,
    to_bin_id: int,
    bps_to_remove: int,
    hooks: Sequence[TransferHook] = (),
) -> Instruction:
    """Build `remove_liquidity_by_range2`: withdraw the same part of each bin of a range.

    :arg bps_to_remove: Basis points of the position's share, 1 to 10,000.

    :raises RangeError: The range is upside down, or a number does not fit its field.

    """
    data = discriminator("remove_liquidity_by_range2") + pack("iiH", from_bin_id, to_bin_id, bps_to_remove)
    return Instruction(
        PROGRAM_ID,
        data + remaining_accounts_info(hooks),
        [
            *_tokens(accounts),
            *_sender(accounts, memo=[reader(MEMO_PROGRAM)]),
            *hook_accounts(hooks),
            *accounts.pool.bin_arrays(bin_array_indices(from_bin_id, to_bin_id)),
        ],
    )


def remove_liquidity_by_range(
    accounts: PositionAccounts, *, from_bin_id: int, to_bin_id: int, bps_to_remove: int, lower_bin_id: int
) -> Instruction:
    """Build `remove_liquidity_by_range`, the older form that names the position's two bin arrays.

    :arg lower_bin_id: The position's lowest bin.

    :raises RangeError: A number does not fit its field.

    """
    data = discriminator("remove_liquidity_by_range") + pack("iiH", from_bin_id, to_bin_id, bps_to_remove)
    arrays = _two_arrays(accounts.pool, lower_bin_id)
    return Instruction(PROGRAM_ID, data, [*_tokens(accounts), *arrays, *_sender(accounts)])


def claim_fee2(
    accounts: PositionAccounts, *, min_bin_id: int, max_bin_id: int, hooks: Sequence[TransferHook] = ()
) -> Instruction:
    """Build `claim_fee2`: collect the fees of a range of a position's bins.

    :raises RangeError: The range is upside down, or a number does not fit its field.

    """
    pool = accounts.pool
    data = discriminator("claim_fee2") + pack("ii", min_bin_id, max_bin_id) + remaining_accounts_info(hooks)
    metas = [
        writer(pool.lb_pair),
        writer(accounts.position),
        signer(accounts.sender),
        *_vaults(accounts),
        reader(pool.token_program_x),
        reader(pool.token_program_y),
        reader(MEMO_PROGRAM),
        *event_accounts(PROGRAM_ID),
        *hook_accounts(hooks),
        *pool.bin_arrays(bin_array_indices(min_bin_id, max_bin_id)),
    ]
    return Instruction(PROGRAM_ID, data, metas)


def claim_fee(accounts: PositionAccounts, *, lower_bin_id: int) -> Instruction:
    """Build `claim_fee`, the older form for SPL tokens: all bins of a position of at most 70.

    :arg lower_bin_id: The position's lowest bin.

    """
    pool = accounts.pool
    metas = [
        writer(pool.lb_pair),
        writer(accounts.position),
        *_two_arrays(pool, lower_bin_id),
        signer(accounts.sender),
        *_vaults(accounts),
        reader(TOKEN_PROGRAM),
        *event_accounts(PROGRAM_ID),
    ]
    return Instruction(PROGRAM_ID, discriminator("claim_fee"), metas)


def _strategy_data(deposit: StrategyDeposit) -> bytes:
    limits = pack(
        "QQiiiiB",
        deposit.amount_x,
        deposit.amount_y,
        deposit.active_id,
        deposit.max_active_bin_slippage,
        deposit.min_bin_id,
        deposit.max_bin_id,
        deposit.strategy,
    )
    return limits + bytes([deposit.favor_x]) + bytes(63)


def _two_arrays(pool: PoolKeys, lower_bin_id: int) -> list[AccountMeta]:
    lower = bin_array_index(lower_bin_id)
    return pool.bin_arrays((lower, lower + 1))


def _deposit2(
    data: bytes, accounts: PositionAccounts, arrays: Sequence[int], hooks: Sequence[TransferHook]
) -> Instruction:
    metas = [*_tokens(accounts), *_sender(accounts), *hook_accounts(hooks), *accounts.pool.bin_arrays(arrays)]
    return Instruction(PROGRAM_ID, data + remaining_accounts_info(hooks), metas)


def _tokens(accounts: PositionAccounts) -> list[AccountMeta]:
    pool = accounts.pool
    return [
        writer(accounts.position),
        writer(pool.lb_pair),
        pool.extension(),
        *_users(accounts),
        writer(pool.reserve_x),
        writer(pool.reserve_y),
        reader(pool.mint_x),
        reader(pool.mint_y),
    ]


def _vaults(accounts: PositionAccounts) -> list[AccountMeta]:
    pool = accounts.pool
    return [
        writer(pool.reserve_x),
        writer(pool.reserve_y),
        *_users(accounts),
        reader(pool.mint_x),
        reader(pool.mint_y),
    ]


def _users(accounts: PositionAccounts) -> list[AccountMeta]:
    pool, sender = accounts.pool, accounts.sender
    return [
        writer(accounts.user_token_x or pool.user_token_x(sender)),
        writer(accounts.user_token_y or pool.user_token_y(sender)),
    ]


def _sender(accounts: PositionAccounts, memo: Sequence[AccountMeta] = ()) -> list[AccountMeta]:
    return [
        signer(accounts.sender),
        reader(accounts.pool.token_program_x),
        reader(accounts.pool.token_program_y),
        *memo,
        *event_accounts(PROGRAM_ID),
    ]
