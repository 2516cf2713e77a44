"""Addresses of a mainnet pool, and the arrays that a range lies in."""

import pytest
from solders.pubkey import Pubkey

from dlmm.errors import RangeError
from dlmm.meteora.pdas import (
    bin_array_address,
    bin_array_indices,
    bitmap_extension_address,
    oracle_address,
    reserve_address,
)
from dlmm.programs import WRAPPED_SOL

POOL = Pubkey.from_string("EtAdVRLFH22rjWh3mcUasKFF27WtHhsaCvK27tPFFWig")


def test_addresses_are_those_of_the_chain() -> None:
    assert str(bin_array_address(POOL, 0)) == "5Sm2ecMeqohRkNpFJPWSqHL1BkA7AEW4ck8TmdF1gD4t"
    assert str(oracle_address(POOL)) == "Fnkg415DEx72GSPooKUWTbPS9wzKucQe4qnvFrrvcZK2"
    assert str(reserve_address(POOL, WRAPPED_SOL)) == "FDZDrPtCjmSHeq14goCxp5pCJSRekSXY3XSgGz5Rvass"
    assert bitmap_extension_address(POOL) != oracle_address(POOL)


def test_negative_bins_lie_in_negative_arrays() -> None:
    assert list(bin_array_indices(-71, 70)) == [-2, -1, 0, 1]
    assert list(bin_array_indices(-70, -1)) == [-1]


def test_a_range_upside_down_is_refused() -> None:
    with pytest.raises(RangeError, match="no range"):
        bin_array_indices(5, 4)
