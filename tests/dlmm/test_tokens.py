"""Mints decode with their transfer fees, and the fees add up the way the token program adds them."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlmm.errors import AccountError
from dlmm.records import MAX_U64, Account
from dlmm.tokens import TOKEN_2022_PROGRAM, TOKEN_PROGRAM, Mint, TransferFee, decode_mint

BASE = bytes(36) + struct.pack("<QBB", 10**18, 6, 1) + bytes(36)
FEES = struct.pack("<QQHQQH", 5, 1000, 50, 9, 7, 10_000)
CONFIG = struct.pack("<HH", 1, 108) + bytes(72) + FEES
MINT_2022 = BASE + bytes(83) + b"\x01"

fees = st.builds(TransferFee, st.just(0), st.integers(0, MAX_U64), st.integers(0, 10_000))


def test_a_plain_mint_withholds_nothing() -> None:
    mint = decode_mint("M", Account(TOKEN_PROGRAM, BASE))
    assert (mint.decimals, mint.fee_at(3), mint.is_token_2022) == (6, None, False)
    assert (mint.excluded(77, 1), mint.included(77, 1)) == (77, 77)
    assert (mint.included(MAX_U64, 1), mint.included(MAX_U64 + 1, 1)) == (MAX_U64, None)


def test_the_newer_fee_holds_from_its_epoch_on() -> None:
    mint = decode_mint("M", Account(TOKEN_2022_PROGRAM, MINT_2022 + CONFIG))
    assert mint.fee_at(8) == TransferFee(5, 1000, 50)
    assert mint.fee_at(9) == TransferFee(9, 7, 10_000)
    assert (mint.excluded(10_001, 8), mint.included(9_950, 8)) == (9950, 10_000)
    assert (mint.excluded(5, 9), mint.excluded(10, 9), mint.included(3, 9)) == (0, 3, 10)
    assert mint.included(MAX_U64 + 1, 9) is None


def test_other_extensions_are_passed_over() -> None:
    hook = struct.pack("<HH", 14, 64) + bytes(32) + bytes(range(32))
    mint = decode_mint("M", Account(TOKEN_2022_PROGRAM, MINT_2022 + hook + CONFIG + bytes(2)))
    assert mint.fee_at(8) == TransferFee(5, 1000, 50)
    assert mint.transfer_hook


@pytest.mark.parametrize(
    ("owner", "data", "reason"),
    [
        ("11111111111111111111111111111111", BASE, "no token program"),
        (TOKEN_PROGRAM, BASE[:-1], "length"),
        (TOKEN_PROGRAM, MINT_2022, "length"),
        (TOKEN_PROGRAM, bytes(82), "not initialised"),
        (TOKEN_2022_PROGRAM, BASE + bytes(84), "not a mint"),
        (TOKEN_2022_PROGRAM, MINT_2022 + CONFIG[:-1], "cut short"),
        (TOKEN_2022_PROGRAM, MINT_2022 + struct.pack("<HH", 1, 4) + bytes(4), "extension of 4"),
        (TOKEN_2022_PROGRAM, MINT_2022 + CONFIG[:-2] + b"\xff\xff", "10,000"),
    ],
)
def test_a_bad_mint_is_refused_by_name(owner: str, data: bytes, reason: str) -> None:
    with pytest.raises(AccountError, match=reason):
        decode_mint("M", Account(owner, data))


@given(fees, st.integers(0, MAX_U64))
def test_what_is_added_covers_what_must_arrive(fee: TransferFee, amount: int) -> None:
    mint = Mint("", 0, TOKEN_2022_PROGRAM, fee, fee)
    gross = mint.included(amount, 0)
    assert gross is None or mint.excluded(gross, 0) >= amount


@given(fees, st.integers(0, MAX_U64))
def test_a_fee_is_never_more_than_the_amount(fee: TransferFee, amount: int) -> None:
    assert 0 <= fee.of_gross(amount) <= min(amount, fee.maximum)


@given(fees, st.integers(0, MAX_U64))
def test_the_kernels_agree_with_exact_integers(fee: TransferFee, amount: int) -> None:
    share = fee.basis_points
    assert fee.of_gross(amount) == min(-(-amount * share // 10_000), fee.maximum)
    if share in (0, 10_000) or amount == 0:
        return
    gross = min(-(-amount * 10_000 // (10_000 - share)), amount + fee.maximum)
    wanted = min(-(-gross * share // 10_000), fee.maximum)
    assert fee.on_net(amount) == (wanted if gross <= MAX_U64 and amount + wanted <= MAX_U64 else None)
