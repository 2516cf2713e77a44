"""Byte layouts of Saros's accounts, as numpy dtypes over the account bytes themselves.

Little endian. A u128 is two u64 fields, `_low` and `_high`; an array of u128 has a last axis of two: low half, high
half. `Pair` and `Hook` are borsh and therefore packed; the others are C structs without padding of their own.

Source: the IDLs of liquidity_book and rewarder_hook, pinned by the golden vectors.
"""

import numpy as np
from numpy.typing import NDArray

from dlmm.errors import AccountError
from dlmm.records import Account

PROGRAM_ID = "1qbkdrr3z4ryLA7pZykqxvxWPoeifcVKo6ZG9CfkvVE"
DEVNET_PROGRAM_ID = "2Qy2sxJpWYsN35D54LgHE6M5ATZMnnim7nPwSGyffFAa"
HOOK_PROGRAM_ID = "mdmavMvJpF4ZcLJNg6VSjuKVMiBo5uKwERTg1ZB9yUH"
DEVNET_HOOK_PROGRAM_ID = "BXpvgXGKDKax82p9JK2E8jRoKLify6eq3mMaW1wHVhuK"

PROGRAM_IDS = frozenset({PROGRAM_ID, DEVNET_PROGRAM_ID})
HOOK_PROGRAM_IDS = frozenset({HOOK_PROGRAM_ID, DEVNET_HOOK_PROGRAM_ID})

BINS_PER_ARRAY = 256
MIDDLE_BIN_ID = 1 << 23
"""The bin whose price is 1; a bin's exponent is its distance from here."""
MAX_BIN_ID = (1 << 24) - 1
MAX_POSITION_BINS = 64

PAIR_DISCRIMINATOR = bytes.fromhex("554831b0b6e48d52")
BIN_ARRAY_DISCRIMINATOR = bytes.fromhex("5c8e5cdc059446b5")
POSITION_DISCRIMINATOR = bytes.fromhex("aabc8fe47a40f7d0")
HOOK_DISCRIMINATOR = bytes.fromhex("7d3d4cadc8a15cd9")
HOOK_BIN_ARRAY_DISCRIMINATOR = bytes.fromhex("6786393a4aea099d")
HOOK_POSITION_DISCRIMINATOR = bytes.fromhex("7d95843e3447d38f")

PAIR = np.dtype(
    [
        ("discriminator", "u1", (8,)),
        ("bump", "u1"),
        ("config", "u1", (32,)),
        ("bin_step", "u1"),
        ("bin_step_seed", "u1"),
        ("mint_x", "u1", (32,)),
        ("mint_y", "u1", (32,)),
        ("base_factor", "<u2"),
        ("filter_period", "<u2"),
        ("decay_period", "<u2"),
        ("reduction_factor", "<u2"),
        ("variable_fee_control", "<u4"),
        ("max_volatility_accumulator", "<u4"),
        ("protocol_share", "<u2"),
        ("static_space", "u1", (2,)),
        ("active_id", "<u4"),
        ("last_update_timestamp", "<u8"),
        ("volatility_accumulator", "<u4"),
        ("volatility_reference", "<u4"),
        ("index_reference", "<u4"),
        ("dynamic_space", "u1", (4,)),
        ("protocol_fee_x", "<u8"),
        ("protocol_fee_y", "<u8"),
        ("has_hook", "u1"),
        ("hook", "u1", (32,)),
    ]
)
"""204 bytes."""

BIN = np.dtype(
    [
        ("liquidity_supply_low", "<u8"),
        ("liquidity_supply_high", "<u8"),
        ("reserve_x", "<u8"),
        ("reserve_y", "<u8"),
    ]
)

BIN_ARRAY = np.dtype(
    [
        ("discriminator", "u1", (8,)),
        ("pair", "u1", (32,)),
        ("bins", BIN, (BINS_PER_ARRAY,)),
        ("index", "<u4"),
        ("space", "u1", (12,)),
    ]
)
"""8248 bytes; shares its discriminator with Meteora's, so the owner decides."""

POSITION = np.dtype(
    [
        ("discriminator", "u1", (8,)),
        ("pair", "u1", (32,)),
        ("position_mint", "u1", (32,)),
        ("liquidity_shares", "<u8", (MAX_POSITION_BINS, 2)),
        ("lower_bin_id", "<u4"),
        ("upper_bin_id", "<u4"),
        ("space", "u1", (8,)),
    ]
)
"""1112 bytes."""

HOOK = np.dtype(
    [
        ("discriminator", "u1", (8,)),
        ("bump", "u1"),
        ("authority", "u1", (32,)),
        ("pair", "u1", (32,)),
        ("reward_token_mint", "u1", (32,)),
        ("hook_reserve", "u1", (32,)),
        ("rewards_per_second", "<u8"),
        ("end_time", "<i8"),
        ("last_update", "<i8"),
        ("delta_bin_a", "<i4"),
        ("delta_bin_b", "<i4"),
        ("total_unclaimed_rewards", "<u8"),
    ]
)
"""177 bytes."""

HOOK_BIN_ARRAY = np.dtype(
    [
        ("discriminator", "u1", (8,)),
        ("hook", "u1", (32,)),
        ("index", "<u4"),
        ("space", "u1", (28,)),
        ("accrued_rewards_per_share", "<u8", (BINS_PER_ARRAY, 2)),
    ]
)
"""4168 bytes."""

HOOK_POSITION = np.dtype(
    [
        ("discriminator", "u1", (8,)),
        ("user_accrued_rewards_per_share", "<u8", (MAX_POSITION_BINS, 2)),
        ("pending_rewards", "<u8"),
        ("bump", "u1"),
        ("user", "u1", (32,)),
        ("space", "u1", (7,)),
    ]
)
"""1080 bytes."""

ERROR_NAMES = {
    6000: "BinNotFound",
    6001: "InvalidAuthority",
    6002: "InvalidAmounts",
    6003: "BinArrayIndexMismatch",
    6004: "InvalidAmountOut",
    6005: "InvalidAmountIn",
    6006: "InvalidDistribution",
    6007: "LiquidityOverflow",
    6008: "LiquidityUnderflow",
    6009: "ZeroShares",
    6010: "NotPositionOwner",
    6011: "InvalidStaticFeeParameters",
    6012: "InvalidConfig",
    6013: "PairPositionMismatch",
    6014: "PairLowerBinArrayMismatch",
    6015: "PairUpperBinArrayMismatch",
    6016: "InactiveBinStepConfig",
    6017: "ClosedBinStepConfig",
    6018: "InvalidQuoteAssetBadge",
    6019: "TransferFeeCalculationError",
    6020: "GetAmountOverflow",
    6021: "AmountOverflow",
    6022: "AmountUnderflow",
    6023: "ActiveIdOverflow",
    6024: "ActiveIdUnderflow",
    6025: "InvalidBinRange",
    6026: "PairTokenMismatch",
    6027: "InvalidHook",
    6028: "UserVaultXMismatch",
    6029: "UserVaultYMismatch",
}
"""Names of the program's own error codes."""


def check_account(name: str, account: Account, owners: frozenset[str], discriminator: bytes, length: int) -> None:
    """Refuse an account that is not of the program, kind and length expected.

    :arg name: Address or role of the account, for the error.

    :arg owners: The program's id on mainnet and on devnet.

    :raises AccountError: It is not; the error says in what.

    """
    if account.owner not in owners:
        raise AccountError(name, f"owner {account.owner} is not {' or '.join(sorted(owners))}")
    if account.data[:8] != discriminator:
        raise AccountError(name, f"discriminator {account.data[:8].hex()} is not {discriminator.hex()}")
    if len(account.data) != length:
        raise AccountError(name, f"length {len(account.data)} is not {length}")


def decode_pair(name: str, account: Account) -> NDArray[np.void]:
    """View a Pair account as an array of one `PAIR`.

    :raises AccountError: Wrong owner, discriminator or length, or a hook flag that is neither 0 nor 1.

    """
    check_account(name, account, PROGRAM_IDS, PAIR_DISCRIMINATOR, PAIR.itemsize)
    pair = np.frombuffer(account.data, PAIR)
    if pair["has_hook"][0] > 1:
        raise AccountError(name, f"hook flag {pair['has_hook'][0]} is neither 0 nor 1")
    return pair


def decode_bin_array(name: str, account: Account) -> NDArray[np.void]:
    """View a BinArray account as an array of one `BIN_ARRAY`.

    :raises AccountError: Wrong owner, discriminator or length.

    """
    check_account(name, account, PROGRAM_IDS, BIN_ARRAY_DISCRIMINATOR, BIN_ARRAY.itemsize)
    return np.frombuffer(account.data, BIN_ARRAY)


def decode_position(name: str, account: Account) -> NDArray[np.void]:
    """View a Position account as an array of one `POSITION`.

    :raises AccountError: Wrong owner, discriminator or length.

    """
    check_account(name, account, PROGRAM_IDS, POSITION_DISCRIMINATOR, POSITION.itemsize)
    return np.frombuffer(account.data, POSITION)


def decode_hook(name: str, account: Account) -> NDArray[np.void]:
    """View a Hook account of the rewards program as an array of one `HOOK`.

    :raises AccountError: Wrong owner, discriminator or length.

    """
    check_account(name, account, HOOK_PROGRAM_IDS, HOOK_DISCRIMINATOR, HOOK.itemsize)
    return np.frombuffer(account.data, HOOK)


def decode_hook_bin_array(name: str, account: Account) -> NDArray[np.void]:
    """View a HookBinArray account of the rewards program as an array of one `HOOK_BIN_ARRAY`.

    :raises AccountError: Wrong owner, discriminator or length.

    """
    check_account(name, account, HOOK_PROGRAM_IDS, HOOK_BIN_ARRAY_DISCRIMINATOR, HOOK_BIN_ARRAY.itemsize)
    return np.frombuffer(account.data, HOOK_BIN_ARRAY)


def decode_hook_position(name: str, account: Account) -> NDArray[np.void]:
    """View a HookPosition account of the rewards program as an array of one `HOOK_POSITION`.

    :raises AccountError: Wrong owner, discriminator or length.

    """
    check_account(name, account, HOOK_PROGRAM_IDS, HOOK_POSITION_DISCRIMINATOR, HOOK_POSITION.itemsize)
    return np.frombuffer(account.data, HOOK_POSITION)
