"""What deposits may ask for beyond the vectors."""

import msgspec
import pytest
from solders.pubkey import Pubkey

from dlmm.errors import RangeError
from dlmm.meteora.instructions.liquidity import (
    BinShare,
    PositionAccounts,
    Strategy,
    StrategyDeposit,
    add_liquidity2,
    add_liquidity_by_strategy2,
    claim_fee2,
)
from dlmm.meteora.keys import PoolKeys
from dlmm.meteora.pdas import bin_array_address

KEYS = [Pubkey.from_bytes(bytes([number] * 32)) for number in range(1, 9)]
POOL = PoolKeys(*KEYS[:6])
ACCOUNTS = PositionAccounts(POOL, KEYS[6], KEYS[7])


def test_the_side_favored_is_the_first_byte_of_the_parameters() -> None:
    plain = StrategyDeposit(1, 2, 3, 4, 0, 5, Strategy.SPOT_IMBALANCED)
    favoring = msgspec.structs.replace(plain, favor_x=True)
    one, other = (bytes(add_liquidity_by_strategy2(ACCOUNTS, deposit).data) for deposit in (plain, favoring))
    assert [(index, b) for index, (a, b) in enumerate(zip(one, other, strict=True)) if a != b] == [(41, 1)]


def test_every_array_of_the_range_is_passed() -> None:
    accounts = claim_fee2(ACCOUNTS, min_bin_id=-1, max_bin_id=140).accounts
    assert [meta.pubkey for meta in accounts[14:]] == [bin_array_address(POOL.lb_pair, i) for i in range(-1, 3)]


def test_deposits_without_bins_or_with_impossible_numbers_are_refused() -> None:
    with pytest.raises(RangeError, match="without bins"):
        add_liquidity2(ACCOUNTS, amount_x=1, amount_y=1, shares=[])
    with pytest.raises(RangeError, match="do not fit"):
        add_liquidity2(ACCOUNTS, amount_x=1, amount_y=1, shares=[BinShare(0, 1 << 16, 0)])
    with pytest.raises(RangeError, match="no range"):
        claim_fee2(ACCOUNTS, min_bin_id=1, max_bin_id=0)
