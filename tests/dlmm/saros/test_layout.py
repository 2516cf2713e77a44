"""Sizes and offsets are those of the program's accounts."""

import hashlib

import numpy as np
import pytest

from dlmm.saros import layout


@pytest.mark.parametrize(
    ("dtype", "size", "offsets"),
    [
        (
            layout.PAIR,
            204,
            {
                "config": 9,
                "bin_step": 41,
                "mint_x": 43,
                "mint_y": 75,
                "base_factor": 107,
                "filter_period": 109,
                "decay_period": 111,
                "reduction_factor": 113,
                "variable_fee_control": 115,
                "max_volatility_accumulator": 119,
                "protocol_share": 123,
                "active_id": 127,
                "last_update_timestamp": 131,
                "volatility_accumulator": 139,
                "volatility_reference": 143,
                "index_reference": 147,
                "protocol_fee_x": 155,
                "protocol_fee_y": 163,
                "has_hook": 171,
                "hook": 172,
            },
        ),
        (layout.BIN, 32, {"liquidity_supply_low": 0, "reserve_x": 16, "reserve_y": 24}),
        (layout.BIN_ARRAY, 8248, {"pair": 8, "bins": 40, "index": 8232}),
        (
            layout.POSITION,
            1112,
            {"pair": 8, "position_mint": 40, "liquidity_shares": 72, "lower_bin_id": 1096, "upper_bin_id": 1100},
        ),
        (layout.HOOK, 177, {"authority": 9, "pair": 41, "rewards_per_second": 137, "total_unclaimed_rewards": 169}),
        (layout.HOOK_BIN_ARRAY, 4168, {"hook": 8, "index": 40, "accrued_rewards_per_share": 72}),
        (layout.HOOK_POSITION, 1080, {"user_accrued_rewards_per_share": 8, "pending_rewards": 1032, "user": 1041}),
    ],
)
def test_fields_stand_where_the_program_puts_them(dtype: np.dtype[np.void], size: int, offsets: dict[str, int]) -> None:
    assert dtype.itemsize == size
    assert dtype.fields is not None
    assert {name: dtype.fields[name][1] for name in offsets} == offsets


@pytest.mark.parametrize(
    ("discriminator", "name"),
    [
        (layout.PAIR_DISCRIMINATOR, "Pair"),
        (layout.BIN_ARRAY_DISCRIMINATOR, "BinArray"),
        (layout.POSITION_DISCRIMINATOR, "Position"),
        (layout.HOOK_DISCRIMINATOR, "Hook"),
        (layout.HOOK_BIN_ARRAY_DISCRIMINATOR, "HookBinArray"),
        (layout.HOOK_POSITION_DISCRIMINATOR, "HookPosition"),
    ],
)
def test_a_discriminator_is_the_hash_of_the_accounts_name(discriminator: bytes, name: str) -> None:
    assert discriminator == hashlib.sha256(f"account:{name}".encode()).digest()[:8]
