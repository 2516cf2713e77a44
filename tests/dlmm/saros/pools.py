"""Saros pools for tests, by the numbers that matter."""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from dlmm.saros.layout import (
    BIN_ARRAY,
    BIN_ARRAY_DISCRIMINATOR,
    BINS_PER_ARRAY,
    MIDDLE_BIN_ID,
    PAIR,
    PAIR_DISCRIMINATOR,
)
from dlmm.saros.pool import SarosPool
from dlmm.tokens import TOKEN_2022_PROGRAM, Mint, TransferFee

NOW = 1_760_000_000
LOWER = MIDDLE_BIN_ID // BINS_PER_ARRAY
PLAIN_MINT = Mint("", 6)
FEE_MINT = Mint("", 6, TOKEN_2022_PROGRAM, TransferFee(0, 2**64 - 1, 50), TransferFee(900, 3_000, 125))


def saros_pool(
    bins: Mapping[int, tuple[int, int]],
    *,
    active: int = 100,
    indices: tuple[int, ...] = (0, 1),
    mint_x: Mint = PLAIN_MINT,
    mint_y: Mint = PLAIN_MINT,
    fields: Mapping[str, int] = MappingProxyType({}),
) -> SarosPool:
    """Make a pool around the middle bin.

    :arg bins: X and Y by bin, counted from the middle bin.

    :arg active: Active bin, counted from the middle bin.

    :arg indices: Bin arrays that exist, counted from the middle bin's.

    :arg fields: Any other field of the pair.

    """
    pair = np.zeros(1, PAIR)
    pair["discriminator"] = np.frombuffer(PAIR_DISCRIMINATOR, np.uint8)
    usual = {"bin_step": 20, "base_factor": 8_000, "protocol_share": 2_000, "last_update_timestamp": NOW - 1_000}
    for name, value in {**usual, **fields}.items():
        pair[name] = value
    pair["active_id"] = MIDDLE_BIN_ID + active
    arrays = np.zeros(len(indices), BIN_ARRAY)
    for place, index in enumerate(indices):
        arrays[place]["discriminator"] = np.frombuffer(BIN_ARRAY_DISCRIMINATOR, np.uint8)
        arrays[place]["index"] = LOWER + index
    for bin_id, amounts in bins.items():
        place = indices.index(bin_id // BINS_PER_ARRAY)
        row = arrays["bins"][place, bin_id % BINS_PER_ARRAY]
        row["reserve_x"], row["reserve_y"] = amounts
    return SarosPool(
        address="pair",
        pair=pair,
        arrays=arrays,
        mint_x=mint_x,
        mint_y=mint_y,
        array_addresses=tuple(f"array {index}" for index in indices),
        extended_x=mint_x.newer_fee is not None,
        extended_y=mint_y.newer_fee is not None,
    )
