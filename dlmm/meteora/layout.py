"""Account layouts of the Meteora program as numpy types over the account's own bytes.

The bytes are the state: a kernel writes through these fields, and `tobytes()` of an array is the account again. A u128
is two u64 fields, `_low` and `_high`. Names are the program's, shortened where it repeats itself; `_unread` covers
what nobody here reads.

Source: the program's published IDL; sizes and offsets are pinned by `tests/dlmm/meteora/test_layout.py`.
"""

import numpy as np
from numpy.typing import NDArray

from dlmm.errors import AccountError
from dlmm.records import Account

PROGRAM = "LBUZKhRxPF3XUpBCjp4YzTKgLccjZhTSDM9YuVaPwxo"

LB_PAIR_DISCRIMINATOR = bytes.fromhex("210b3162b565b10d")
BIN_ARRAY_DISCRIMINATOR = bytes.fromhex("5c8e5cdc059446b5")
EXTENSION_DISCRIMINATOR = bytes.fromhex("506f7c7137ed1205")
POSITION_DISCRIMINATOR = bytes.fromhex("75b0d4c7f5b485b6")
LIMIT_ORDER_DISCRIMINATOR = bytes.fromhex("89b7d45b731d8de3")

BINS_PER_ARRAY = 70
POSITION_BINS = 70
EXTENSION_ROWS = 12


PUBKEY = ("u1", (32,))

REWARD = np.dtype(
    [
        ("mint", *PUBKEY),
        ("vault", *PUBKEY),
        ("funder", *PUBKEY),
        ("duration", "<u8"),
        ("duration_end", "<u8"),
        ("rate_low", "<u8"),
        ("rate_high", "<u8"),
        ("last_update_time", "<u8"),
        ("seconds_without_liquidity", "<u8"),
    ]
)

LB_PAIR = np.dtype(
    [
        ("discriminator", "u1", (8,)),
        ("base_factor", "<u2"),
        ("filter_period", "<u2"),
        ("decay_period", "<u2"),
        ("reduction_factor", "<u2"),
        ("variable_fee_control", "<u4"),
        ("max_volatility_accumulator", "<u4"),
        ("min_bin_id", "<i4"),
        ("max_bin_id", "<i4"),
        ("protocol_share", "<u2"),
        ("base_fee_power_factor", "u1"),
        ("function_type", "u1"),
        ("collect_fee_mode", "u1"),
        ("_unread_0", "u1", (3,)),
        ("volatility_accumulator", "<u4"),
        ("volatility_reference", "<u4"),
        ("index_reference", "<i4"),
        ("_unread_1", "u1", (4,)),
        ("last_update_timestamp", "<i8"),
        ("_unread_2", "u1", (8,)),
        ("bump_seed", "u1"),
        ("bin_step_seed", "<u2"),
        ("pair_type", "u1"),
        ("active_id", "<i4"),
        ("bin_step", "<u2"),
        ("status", "u1"),
        ("require_base_factor_seed", "u1"),
        ("base_factor_seed", "<u2"),
        ("activation_type", "u1"),
        ("creator_pool_on_off_control", "u1"),
        ("mint_x", *PUBKEY),
        ("mint_y", *PUBKEY),
        ("reserve_x", *PUBKEY),
        ("reserve_y", *PUBKEY),
        ("protocol_fee_x", "<u8"),
        ("protocol_fee_y", "<u8"),
        ("_unread_3", "u1", (32,)),
        ("rewards", REWARD, (2,)),
        ("oracle", *PUBKEY),
        ("bitmap", "<u8", (16,)),
        ("last_updated_at", "<i8"),
        ("_unread_4", "u1", (32,)),
        ("pre_activation_swap_address", *PUBKEY),
        ("base_key", *PUBKEY),
        ("activation_point", "<u8"),
        ("pre_activation_duration", "<u8"),
        ("_unread_5", "u1", (16,)),
        ("creator", *PUBKEY),
        ("mint_x_program", "u1"),
        ("mint_y_program", "u1"),
        ("version", "u1"),
        ("_unread_6", "u1", (21,)),
    ]
)

BIN = np.dtype(
    [
        ("amount_x", "<u8"),
        ("amount_y", "<u8"),
        ("price_low", "<u8"),
        ("price_high", "<u8"),
        ("supply_low", "<u8"),
        ("supply_high", "<u8"),
        ("fulfilled_x", "<u8"),  # the four hold two u128 rewards per token where the pair is farmed
        ("fulfilled_y", "<u8"),
        ("order_fee_ask", "<u8"),
        ("order_fee_bid", "<u8"),
        ("fee_x_low", "<u8"),
        ("fee_x_high", "<u8"),
        ("fee_y_low", "<u8"),
        ("fee_y_high", "<u8"),
        ("open_order", "<u8"),
        ("total_processing", "<u8"),
        ("processed_remaining", "<u8"),
        ("order_age", "<u4"),
        ("is_ask", "u1"),
        ("_unread", "u1", (3,)),
    ]
)

BIN_ARRAY = np.dtype(
    [
        ("discriminator", "u1", (8,)),
        ("index", "<i8"),
        ("version", "u1"),
        ("_unread", "u1", (7,)),
        ("lb_pair", *PUBKEY),
        ("bins", BIN, (BINS_PER_ARRAY,)),
    ]
)

BITMAP_EXTENSION = np.dtype(
    [
        ("discriminator", "u1", (8,)),
        ("lb_pair", *PUBKEY),
        ("positive", "<u8", (EXTENSION_ROWS, 8)),
        ("negative", "<u8", (EXTENSION_ROWS, 8)),
    ]
)

SHARE = np.dtype([("low", "<u8"), ("high", "<u8")])
POSITION_REWARD = np.dtype(
    [
        ("complete_0_low", "<u8"),
        ("complete_0_high", "<u8"),
        ("complete_1_low", "<u8"),
        ("complete_1_high", "<u8"),
        ("pending_0", "<u8"),
        ("pending_1", "<u8"),
    ]
)
POSITION_FEE = np.dtype(
    [
        ("x_complete_low", "<u8"),
        ("x_complete_high", "<u8"),
        ("y_complete_low", "<u8"),
        ("y_complete_high", "<u8"),
        ("x_pending", "<u8"),
        ("y_pending", "<u8"),
    ]
)

POSITION = np.dtype(
    [
        ("discriminator", "u1", (8,)),
        ("lb_pair", *PUBKEY),
        ("owner", *PUBKEY),
        ("shares", SHARE, (POSITION_BINS,)),
        ("rewards", POSITION_REWARD, (POSITION_BINS,)),
        ("fees", POSITION_FEE, (POSITION_BINS,)),
        ("lower_bin_id", "<i4"),
        ("upper_bin_id", "<i4"),
        ("last_updated_at", "<i8"),
        ("total_claimed_fee_x", "<u8"),
        ("total_claimed_fee_y", "<u8"),
        ("total_claimed_rewards", "<u8", (2,)),
        ("operator", *PUBKEY),
        ("lock_release_point", "<u8"),
        ("_unread_0", "u1"),
        ("fee_owner", *PUBKEY),
        ("version", "u1"),
        ("permissionless_operation_bits", "u1"),
        ("_unread_1", "u1", (85,)),
    ]
)

POSITION_EXTENSION_BIN = np.dtype([("share", SHARE), ("reward", POSITION_REWARD), ("fee", POSITION_FEE)])

LIMIT_ORDER = np.dtype(
    [
        ("discriminator", "u1", (8,)),
        ("lb_pair", *PUBKEY),
        ("owner", *PUBKEY),
        ("bin_count", "<u2"),
        ("_unread", "u1", (46,)),
    ]
)

LIMIT_ORDER_BIN = np.dtype(
    [
        ("amount", "<u8"),
        ("age", "<u4"),
        ("_unread_0", "u1", (4,)),
        ("bin_id", "<i4"),
        ("is_ask", "u1"),
        ("_unread_1", "u1", (11,)),
    ]
)


def check_account(name: str, account: Account, discriminator: bytes, length: int, *, exact: bool = True) -> None:
    """Refuse an account that is not of the program, kind and length expected.

    :arg name: Address or role of the account, for the error.

    :arg exact: Whether a longer account is refused too.

    :raises AccountError: It is not; the error says in what.

    """
    if account.owner != PROGRAM:
        raise AccountError(name, f"owner {account.owner} is not the Meteora program")
    if account.data[:8] != discriminator:
        raise AccountError(name, f"discriminator {account.data[:8].hex()} is not {discriminator.hex()}")
    if len(account.data) < length or (exact and len(account.data) != length):
        raise AccountError(name, f"length {len(account.data)} is not {length}")


def decode_lb_pair(name: str, account: Account) -> NDArray[np.void]:
    """View an LbPair account as an array of one `LB_PAIR`.

    :raises AccountError: Wrong owner, discriminator or length.

    """
    check_account(name, account, LB_PAIR_DISCRIMINATOR, LB_PAIR.itemsize)
    return np.frombuffer(account.data, LB_PAIR)


def decode_bin_array(name: str, account: Account) -> NDArray[np.void]:
    """View a BinArray account as an array of one `BIN_ARRAY`.

    :raises AccountError: Wrong owner, discriminator or length.

    """
    check_account(name, account, BIN_ARRAY_DISCRIMINATOR, BIN_ARRAY.itemsize)
    return np.frombuffer(account.data, BIN_ARRAY)


def decode_extension(name: str, account: Account) -> NDArray[np.void]:
    """View a BinArrayBitmapExtension account as an array of one `BITMAP_EXTENSION`.

    :raises AccountError: Wrong owner, discriminator or length.

    """
    check_account(name, account, EXTENSION_DISCRIMINATOR, BITMAP_EXTENSION.itemsize)
    return np.frombuffer(account.data, BITMAP_EXTENSION)


def decode_position(name: str, account: Account) -> tuple[NDArray[np.void], NDArray[np.void]]:
    """View a PositionV2 account as an array of one `POSITION`, and its bins past 70 as `POSITION_EXTENSION_BIN`.

    :raises AccountError: Wrong owner, discriminator or length.

    """
    check_account(name, account, POSITION_DISCRIMINATOR, POSITION.itemsize, exact=False)
    rest = len(account.data) - POSITION.itemsize
    if rest % POSITION_EXTENSION_BIN.itemsize:
        raise AccountError(name, f"length {len(account.data)} holds no whole number of bins")
    head = np.frombuffer(account.data, POSITION, count=1)
    return head, np.frombuffer(account.data, POSITION_EXTENSION_BIN, offset=POSITION.itemsize)


def decode_limit_order(name: str, account: Account) -> tuple[NDArray[np.void], NDArray[np.void]]:
    """View a LimitOrder account as an array of one `LIMIT_ORDER`, and its bins as `LIMIT_ORDER_BIN`.

    :raises AccountError: Wrong owner, discriminator or length.

    """
    check_account(name, account, LIMIT_ORDER_DISCRIMINATOR, LIMIT_ORDER.itemsize, exact=False)
    head = np.frombuffer(account.data, LIMIT_ORDER, count=1)
    count = int(head[0]["bin_count"])
    if len(account.data) < LIMIT_ORDER.itemsize + count * LIMIT_ORDER_BIN.itemsize:
        raise AccountError(name, f"length {len(account.data)} is too short for {count} bins")
    return head, np.frombuffer(account.data, LIMIT_ORDER_BIN, count=count, offset=LIMIT_ORDER.itemsize)
