import msgspec
import numpy as np
import pytest
from solders.pubkey import Pubkey

from connectors.clusters.venue_accounts import ARRAY_PLACES, EXTENSION, FIRST_ARRAY, MINT_X, MINT_Y, POOL, VENUES
from dlmm.meteora.pdas import bin_array_address as meteora_array
from dlmm.meteora.pdas import bitmap_extension_address
from dlmm.records import Venue
from dlmm.saros.pdas import bin_array_address as saros_array
from flows.planted import planted_pools
from flows.settings.tree import Settings

KEY = Pubkey.from_bytes(bytes([9]) * 32)
PROGRAM = Pubkey.from_bytes(bytes([4]) * 32)
METEORA, SAROS = VENUES[Venue.METEORA], VENUES[Venue.SAROS]


@pytest.mark.parametrize(("bin_id", "index"), [(0, 0), (69, 0), (70, 1), (-1, -1), (-70, -1), (-71, -2)])
def test_meteoras_arrays_go_on_below_bin_zero(bin_id: int, index: int) -> None:
    assert METEORA.array_index(bin_id) == index
    found = METEORA.arrays_around(KEY, PROGRAM, bin_id, 1)
    assert found == {each: str(meteora_array(KEY, each)) for each in (index - 1, index, index + 1)}


def test_saros_has_no_array_below_the_first() -> None:
    assert list(SAROS.arrays_around(KEY, PROGRAM, 256 * 5, 2)) == [3, 4, 5, 6, 7]
    assert list(SAROS.arrays_around(KEY, PROGRAM, 300, 2)) == [0, 1, 2, 3]


def test_saros_arrays_are_those_of_the_pools_own_program() -> None:
    assert SAROS.arrays_around(KEY, PROGRAM, 0, 0) == {0: str(saros_array(KEY, 0, PROGRAM))}
    assert SAROS.arrays_around(KEY, KEY, 0, 0) != SAROS.arrays_around(KEY, PROGRAM, 0, 0)


def test_only_meteora_has_an_extension() -> None:
    assert METEORA.extension_address(KEY) == bitmap_extension_address(KEY)
    assert SAROS.extension_address(KEY) is None


def test_pairs_and_arrays_are_read_by_their_layouts() -> None:
    for pool in planted_pools():
        venue = VENUES[pool.info.venue]
        pair = pool.accounts[pool.info.pool].data
        assert venue.pair_discriminator == pair[:8]
        assert venue.mints(pair) == (pool.info.mint_x, pool.info.mint_y)
        assert venue.active_id(pair) == pool.active_id
        index = venue.array_index(pool.active_id)
        program = Pubkey.from_string(pool.accounts[pool.info.pool].owner)
        address = venue.arrays_around(Pubkey.from_string(pool.info.pool), program, pool.active_id, 0)[index]
        array = pool.accounts[address].data
        assert venue.array_discriminator == array[:8]
        bins = venue.bins(array)
        assert len(bins) == venue.bins_per_array
        active = bins[pool.active_id - index * venue.bins_per_array]
        assert active[venue.field_x] + active[venue.field_y] > 0
        above = bins[pool.active_id - index * venue.bins_per_array + 1 :]
        assert not np.any(above[venue.field_y])  # what lies above the price is in X


def test_no_two_accounts_that_are_followed_at_once_share_a_number() -> None:
    around = most_arrays()
    numbers = [FIRST_ARRAY + index % ARRAY_PLACES for index in range(-around, around + 1)]
    assert len({*numbers, 0, POOL, EXTENSION, MINT_X, MINT_Y}) == 2 * around + 1 + 5


def most_arrays() -> int:
    """Return the most arrays on either side that the settings allow."""
    with pytest.raises(msgspec.ValidationError, match="<= 20"):
        msgspec.convert({"feeds": {"arrays_around": 21}}, Settings)
    return 20
