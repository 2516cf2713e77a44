"""What orders may ask for beyond the vectors."""

import pytest
from solders.pubkey import Pubkey

from dlmm.errors import RangeError
from dlmm.meteora.instructions.orders import OrderBin, cancel_limit_order, place_limit_order
from dlmm.meteora.keys import PoolKeys
from dlmm.meteora.pdas import bin_array_address

KEYS = [Pubkey.from_bytes(bytes([number] * 32)) for number in range(1, 10)]
POOL = PoolKeys(*KEYS[:6])
ORDER, OWNER, OTHER = KEYS[6:]


def test_asks_sell_x_and_bids_sell_y() -> None:
    bins = [OrderBin(0, 5)]
    ask, bid = (
        place_limit_order(pool=POOL, limit_order=ORDER, is_ask=side, bins=bins, owner=OWNER) for side in (True, False)
    )
    assert [meta.pubkey for meta in ask.accounts[2:4]] == [POOL.reserve_x, POOL.mint_x]
    assert [meta.pubkey for meta in bid.accounts[2:4]] == [POOL.reserve_y, POOL.mint_y]


def test_another_wallet_may_pay_the_rent_and_the_tokens() -> None:
    accounts = place_limit_order(
        pool=POOL, limit_order=ORDER, is_ask=True, bins=[OrderBin(0, 5)], owner=OWNER, payer=OTHER, sender=OTHER
    ).accounts
    assert [accounts[index].pubkey for index in (5, 6, 7, 8)] == [OTHER, OWNER, POOL.user_token_x(OTHER), OTHER]


def test_only_arrays_with_bins_of_the_order_are_passed_each_once() -> None:
    accounts = cancel_limit_order(pool=POOL, limit_order=ORDER, bin_ids=[-1, 0, 1, 210], owner=OWNER).accounts
    assert [meta.pubkey for meta in accounts[15:]] == [bin_array_address(POOL.lb_pair, i) for i in (-1, 0, 3)]


def test_an_order_without_bins_is_refused() -> None:
    with pytest.raises(RangeError, match="without bins"):
        place_limit_order(pool=POOL, limit_order=ORDER, is_ask=True, bins=[], owner=OWNER)
    with pytest.raises(RangeError, match="without bins"):
        cancel_limit_order(pool=POOL, limit_order=ORDER, bin_ids=[], owner=OWNER)
