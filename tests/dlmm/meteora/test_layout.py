"""The layouts have the program's sizes and offsets, and refuse what is something else."""

import hashlib

import numpy as np
import pytest

from dlmm.errors import AccountError
from dlmm.meteora import layout
from dlmm.records import Account


@pytest.mark.parametrize(
    ("dtype", "size"),
    [
        (layout.LB_PAIR, 904),
        (layout.BIN, 144),
        (layout.BIN_ARRAY, 10136),
        (layout.BITMAP_EXTENSION, 1576),
        (layout.POSITION, 8120),
        (layout.POSITION_EXTENSION_BIN, 112),
        (layout.LIMIT_ORDER, 120),
        (layout.LIMIT_ORDER_BIN, 32),
    ],
)
def test_sizes_are_the_programs(dtype: np.dtype[np.void], size: int) -> None:
    assert dtype.itemsize == size


@pytest.mark.parametrize(
    ("dtype", "field", "offset"),
    [
        (layout.LB_PAIR, "function_type", 35),
        (layout.LB_PAIR, "last_update_timestamp", 56),
        (layout.LB_PAIR, "active_id", 76),
        (layout.LB_PAIR, "status", 82),
        (layout.LB_PAIR, "activation_type", 86),
        (layout.LB_PAIR, "protocol_fee_x", 216),
        (layout.LB_PAIR, "rewards", 264),
        (layout.LB_PAIR, "bitmap", 584),
        (layout.LB_PAIR, "activation_point", 816),
        (layout.LB_PAIR, "version", 882),
        (layout.BIN_ARRAY, "bins", 56),
        (layout.BIN, "fulfilled_x", 48),
        (layout.BIN, "open_order", 112),
        (layout.BIN, "processed_remaining", 128),
        (layout.BIN, "order_age", 136),
        (layout.BIN, "is_ask", 140),
        (layout.BITMAP_EXTENSION, "positive", 40),
        (layout.BITMAP_EXTENSION, "negative", 808),
        (layout.POSITION, "fees", 4552),
        (layout.POSITION, "lower_bin_id", 7912),
    ],
)
def test_offsets_are_the_programs(dtype: np.dtype[np.void], field: str, offset: int) -> None:
    assert dtype.fields is not None
    assert dtype.fields[field][1] == offset


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LbPair", layout.LB_PAIR_DISCRIMINATOR),
        ("BinArray", layout.BIN_ARRAY_DISCRIMINATOR),
        ("BinArrayBitmapExtension", layout.EXTENSION_DISCRIMINATOR),
        ("PositionV2", layout.POSITION_DISCRIMINATOR),
        ("LimitOrder", layout.LIMIT_ORDER_DISCRIMINATOR),
    ],
)
def test_discriminators_are_hashes_of_the_names(name: str, value: bytes) -> None:
    assert hashlib.sha256(f"account:{name}".encode()).digest()[:8] == value


PAIR = layout.LB_PAIR_DISCRIMINATOR + bytes(896)


@pytest.mark.parametrize(
    ("owner", "data", "reason"),
    [
        ("11111111111111111111111111111111", PAIR, "owner"),
        (layout.PROGRAM, bytes(904), "discriminator"),
        (layout.PROGRAM, b"", "discriminator"),
        (layout.PROGRAM, PAIR[:-1], "length 903"),
        (layout.PROGRAM, PAIR + b"\0", "length 905"),
    ],
)
def test_a_wrong_account_is_refused_by_name(owner: str, data: bytes, reason: str) -> None:
    with pytest.raises(AccountError, match=f"lb_pair: {reason}"):
        layout.decode_lb_pair("lb_pair", Account(owner, data))


def test_a_long_position_gives_its_bins_past_seventy() -> None:
    data = layout.POSITION_DISCRIMINATOR + bytes(8112 + 3 * 112)
    _, more = layout.decode_position("position", Account(layout.PROGRAM, data))
    assert len(more) == 3
    with pytest.raises(AccountError, match="no whole number"):
        layout.decode_position("position", Account(layout.PROGRAM, data[:-1]))


def test_a_limit_order_has_as_many_bins_as_it_says() -> None:
    data = layout.LIMIT_ORDER_DISCRIMINATOR + bytes(64) + b"\x02\x00" + bytes(46 + 64)
    _, bins = layout.decode_limit_order("order", Account(layout.PROGRAM, data))
    assert len(bins) == 2
    with pytest.raises(AccountError, match="too short for 2 bins"):
        layout.decode_limit_order("order", Account(layout.PROGRAM, data[:-1]))
