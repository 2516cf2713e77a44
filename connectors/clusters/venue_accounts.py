"""What following a pool needs to know of its program: which accounts, where they lie, what they look like."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from solders.pubkey import Pubkey

from dlmm.meteora import layout as meteora
from dlmm.meteora.pdas import bin_array_address as meteora_array
from dlmm.meteora.pdas import bitmap_extension_address
from dlmm.records import Record, Venue
from dlmm.saros import layout as saros
from dlmm.saros.pdas import bin_array_address as saros_array

ARRAY_PLACES = 58
"""Bin arrays that are told apart by number; two that share one lie further apart than any pool's followed ones."""
POOL, FIRST_ARRAY, EXTENSION, MINT_X, MINT_Y = 1, 2, 60, 61, 62
"""Numbers of a pool's accounts in its rows; 0 is the pool as a whole."""


class VenueAccounts(Record, frozen=True):
    """Layouts of one program's accounts.

    :arg pair: Of the pool's own account.

    :arg bin_array: Of a bin array.

    :arg field_x: Field of a bin that holds its raw X.

    """

    venue: Venue
    pair: np.dtype[np.void]
    pair_discriminator: bytes
    bin_array: np.dtype[np.void]
    array_discriminator: bytes
    bins_per_array: int
    field_x: str
    field_y: str

    def array_index(self, bin_id: int) -> int:
        """Return the index of the array that holds a bin."""
        return bin_id // self.bins_per_array

    def arrays_around(self, pool: Pubkey, program: Pubkey, active_id: int, around: int) -> dict[int, str]:
        """Return the addresses of the bin arrays around a bin, by index.

        :arg program: Owner of the pool's accounts.

        :arg around: How many on either side.

        """
        middle = self.array_index(active_id)
        return self.arrays_at(pool, program, range(middle - around, middle + around + 1))

    def arrays_at(self, pool: Pubkey, program: Pubkey, indices: Iterable[int]) -> dict[int, str]:
        """Return the addresses of bin arrays by index; those that the venue cannot have are left out."""
        if self.venue is Venue.SAROS:
            return {index: str(saros_array(pool, index, program)) for index in indices if index >= 0}
        return {index: str(meteora_array(pool, index)) for index in indices}

    def mints(self, pair: bytes) -> tuple[str, str]:
        """Return the addresses of both tokens' mints in a pair's bytes."""
        record = np.frombuffer(pair, self.pair)[0]
        return str(Pubkey.from_bytes(record["mint_x"].tobytes())), str(Pubkey.from_bytes(record["mint_y"].tobytes()))

    def extension_address(self, pool: Pubkey) -> Pubkey | None:
        """Return the address of the bitmap extension, whether it exists or not; `None` where the venue has none."""
        return None if self.venue is Venue.SAROS else bitmap_extension_address(pool)

    def active_id(self, pair: bytes) -> int:
        """Return the active bin in a pair's bytes."""
        return int(np.frombuffer(pair, self.pair)["active_id"][0])

    def bins(self, array: bytes) -> NDArray[np.void]:
        """Return the bins in an array's bytes."""
        bins: NDArray[np.void] = np.frombuffer(array, self.bin_array)["bins"][0]
        return bins


VENUES = {
    Venue.METEORA: VenueAccounts(
        venue=Venue.METEORA,
        pair=meteora.LB_PAIR,
        pair_discriminator=meteora.LB_PAIR_DISCRIMINATOR,
        bin_array=meteora.BIN_ARRAY,
        array_discriminator=meteora.BIN_ARRAY_DISCRIMINATOR,
        bins_per_array=meteora.BINS_PER_ARRAY,
        field_x="amount_x",
        field_y="amount_y",
    ),
    Venue.SAROS: VenueAccounts(
        venue=Venue.SAROS,
        pair=saros.PAIR,
        pair_discriminator=saros.PAIR_DISCRIMINATOR,
        bin_array=saros.BIN_ARRAY,
        array_discriminator=saros.BIN_ARRAY_DISCRIMINATOR,
        bins_per_array=saros.BINS_PER_ARRAY,
        field_x="reserve_x",
        field_y="reserve_y",
    ),
}
