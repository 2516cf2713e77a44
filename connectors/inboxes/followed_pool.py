"""One pool as the live inbox follows it: from what feeds say to rows, each state of each account once and in order.

Feeds overlap: the same state comes from several, late, twice, and under a later slot than the one that wrote it (a
question asked in slot 9 is answered with slot 9, whenever the account last changed). So a state is known by its bytes,
and how fresh it is by the latest slot in which anybody saw it:

* bytes that are known already are a *duplicate*, and prove the known state fresh up to their slot;
* other bytes of an earlier slot than the known state was last seen in are *stale*, and so is the end of a slot after
  what was read from the next block while it was made;
* all others are news and become a row.

A third party's price carries no account and no slot. It is *superseded* while the accounts themselves are fresh, and
stands in for them when they fall silent.
"""

import math
from collections import deque
from functools import lru_cache

import numpy as np
from msgspec import Struct
from solders.pubkey import Pubkey

from connectors.clusters.pool_loading import LoadedPool
from connectors.clusters.venue_accounts import ARRAY_PLACES, EXTENSION, FIRST_ARRAY, MINT_X, MINT_Y, POOL, VENUES
from connectors.wire.events import PriceUpdate, SwapVolume
from dlmm.errors import RangeError
from dlmm.price import human_price, nearest_exponent, price_x64, ratio_of, raw_price
from dlmm.records import Account
from operators.blocks import MARKET, STATE

NEAR_BINS = 35
"""Bins on either side of the active one whose tokens count as liquidity near the price."""
SILENT_SLOTS = 8
"""Slots without a word about a pool's accounts after which a third party's price counts."""
REMEMBERED_SWAPS = 1024


class Sighting(Struct, frozen=True, gc=False):
    """News of a pool: all of a row that the pool itself can tell.

    :arg account: The account written, `None` where no account came with the news.

    """

    kind: int
    number: int
    slot: int
    write_order: int
    price: float
    liquidity: float
    volume: float
    active_id: int
    address: str
    account: Account | None


class _Known(Struct):
    number: int
    account: Account
    slot: int
    is_later: bool
    write_order: int


class FollowedPool:
    """What is known of one pool's accounts, and which of them to follow.

    :arg index: Index into the list of pools.

    :arg arrays_around: Bin arrays to follow on either side of the active one.

    """

    def __init__(self, index: int, loaded: LoadedPool, arrays_around: int) -> None:
        """Start from the accounts as they were loaded."""
        self.index = index
        self.info = loaded.info
        self.contact_slot = loaded.slot
        self._venue = VENUES[loaded.info.venue]
        self._key = Pubkey.from_string(loaded.info.pool)
        self._owner = loaded.accounts[loaded.info.pool].owner
        self._program = Pubkey.from_string(self._owner)
        self._around = arrays_around
        self._held: dict[str, tuple[int, int]] = {}
        self._numbers: dict[str, int] = {loaded.info.pool: POOL, loaded.info.mint_x: MINT_X, loaded.info.mint_y: MINT_Y}
        self._arrays: dict[int, str] = {}
        extension = self._venue.extension_address(self._key)
        self._extension = str(extension) if extension is not None and str(extension) in loaded.accounts else ""
        if self._extension:
            self._numbers[self._extension] = EXTENSION
        self._known: dict[str, _Known] = {}
        self._volume = math.nan
        self._swaps: deque[str] = deque(maxlen=REMEMBERED_SWAPS)
        self._price_order = (-1, 0)
        self.active_id = self._venue.active_id(loaded.accounts[loaded.info.pool].data)
        self.wanted = self._want()
        self._loaded = loaded

    def accounts(self) -> dict[str, Account]:
        """Return the accounts as they were last seen, by address; those that do not exist are left out."""
        return {address: known.account for address, known in self._known.items()}

    def hold(self, position: str, lower: int, upper: int) -> None:
        """Follow the bin arrays of a position of ours as well, wherever the price is.

        :arg position: Its address.

        """
        self._held[position] = lower, upper
        self.wanted = self._want()

    def let_go(self, position: str) -> None:
        """Follow a position's arrays no longer."""
        if self._held.pop(position, None) is not None:
            self.wanted = self._want()

    def first_sightings(self) -> list[Sighting]:
        """Return the loaded accounts as news, the pool's own last, so that a recording begins with all of them."""
        loaded = self._loaded
        addresses = [address for address in loaded.accounts if address in self._numbers and address != loaded.info.pool]
        place = loaded.slot, False
        found = [self.see(address, place, loaded.accounts[address]) for address in (*addresses, loaded.info.pool)]
        return [sighting for sighting in found if isinstance(sighting, Sighting)]

    def see(self, address: str, place: tuple[int, bool], account: Account) -> Sighting | str:
        """Take what a feed says of an account.

        :arg place: Of the update: its slot, and whether it is later than that slot's end.

        :returns: The news, or why it is none: `duplicate`, `stale`, `not_followed`, `account_closed`, `foreign_owner`,
            `malformed_account`.

        """
        number = self._numbers.get(address)
        if number is None:
            return "not_followed"
        known = self._known.get(address)
        if known is not None:
            if account.data == known.account.data and account.owner == known.account.owner:
                return self.confirm(address, place)
            if place < (known.slot, known.is_later):
                return "stale"
        fault = self._fault(number, account)
        if fault:
            return fault
        slot, is_later = place
        if known is None:
            known = self._known[address] = _Known(number, account, slot, is_later, 0)
        else:
            known.write_order = known.write_order + 1 if slot == known.slot else 0
            known.account, known.slot, known.is_later = account, slot, is_later
        self.contact_slot = max(self.contact_slot, slot)
        return self._pair_seen(known) if number == POOL else self._state_seen(address, known)

    def confirm(self, address: str, place: tuple[int, bool]) -> str:
        """Take it that an account's state is the known one as of a place; a duplicate, as `see` would say."""
        known = self._known.get(address)
        if known is not None:
            known.slot, known.is_later = max((known.slot, known.is_later), place)
            self.contact_slot = max(self.contact_slot, place[0])
        return "duplicate"

    def _fault(self, number: int, account: Account) -> str:
        """Say what makes an account unfit: whatever it was, it is not what this pool's program keeps there."""
        data = account.data
        if not data:
            return "account_closed"
        if number in (MINT_X, MINT_Y):
            return ""
        if account.owner != self._owner:
            return "foreign_owner"
        if number == EXTENSION:
            return "" if self._extension_fits(data) else "malformed_account"
        layout = self._venue.pair if number == POOL else self._venue.bin_array
        discriminator = self._venue.pair_discriminator if number == POOL else self._venue.array_discriminator
        return "" if len(data) == layout.itemsize and data[:8] == discriminator else "malformed_account"

    def _extension_fits(self, data: bytes) -> bool:
        first = self._loaded.accounts[self._extension].data
        return len(data) == len(first) and data[:8] == first[:8]

    def _pair_seen(self, known: _Known) -> Sighting:
        active_id = self._venue.active_id(known.account.data)
        if active_id != self.active_id:
            moved = self._venue.array_index(active_id) != self._venue.array_index(self.active_id)
            self.active_id = active_id
            if moved:
                self.wanted = self._want()
        volume = self._volume
        self._volume = math.nan if math.isnan(volume) else 0.0
        return Sighting(
            kind=MARKET,
            number=POOL,
            slot=known.slot,
            write_order=known.write_order,
            price=self._price(active_id),
            liquidity=math.nan,
            volume=volume,
            active_id=active_id,
            address=self.info.pool,
            account=known.account,
        )

    def _state_seen(self, address: str, known: _Known) -> Sighting:
        return Sighting(
            kind=STATE,
            number=known.number,
            slot=known.slot,
            write_order=known.write_order,
            price=self._price(self.active_id),
            liquidity=self._liquidity() if FIRST_ARRAY <= known.number < EXTENSION else math.nan,
            volume=math.nan,
            active_id=self.active_id,
            address=address,
            account=known.account,
        )

    def see_swap(self, swap: SwapVolume) -> bool:
        """Add a swap to the volume since the last price, unless another feed told of it before."""
        if swap.signature in self._swaps:
            return False
        self._swaps.append(swap.signature)
        worth = swap.amount_y * 10.0**-self.info.decimals_y
        self._volume = worth if math.isnan(self._volume) else self._volume + worth
        return True

    def see_price(self, update: PriceUpdate, slot: int) -> Sighting | str:
        """Take a third party's price, which counts only while the pool's accounts are silent.

        :arg slot: The cluster's slot as it was last heard of.

        :returns: The news, or why it is none: `superseded`, `price_out_of_range`.

        """
        if slot - self.contact_slot <= SILENT_SLOTS:
            return "superseded"
        info = self.info
        try:
            raw = raw_price(update.price, info.decimals_x, info.decimals_y)
            active_id = info.zero_bin + nearest_exponent(raw, info.bin_step)
        except RangeError:
            return "price_out_of_range"
        last_slot, order = self._price_order
        self._price_order = (slot, order + 1 if slot == last_slot else 0)
        return Sighting(
            kind=MARKET,
            number=0,
            slot=slot,
            write_order=self._price_order[1],
            price=update.price,
            liquidity=update.liquidity,
            volume=math.nan,
            active_id=active_id,
            address="",
            account=None,
        )

    def _price(self, active_id: int) -> float:
        info = self.info
        return _price_of_bin(active_id - info.zero_bin, info.bin_step, info.decimals_x, info.decimals_y)

    def _liquidity(self) -> float:
        """Return the quote currency's worth of what stands near the price, in the arrays at hand."""
        per_array = self._venue.bins_per_array
        first, last = self.active_id - NEAR_BINS, self.active_id + NEAR_BINS
        x = y = 0
        for index in range(first // per_array, last // per_array + 1):
            known = self._known.get(self._arrays.get(index, ""))
            if known is None:
                continue
            bins = self._venue.bins(known.account.data)
            near = bins[max(first - index * per_array, 0) : last - index * per_array + 1]
            x += int(near[self._venue.field_x].sum(dtype=np.uint64))
            y += int(near[self._venue.field_y].sum(dtype=np.uint64))
        in_x = x * 10.0**-self.info.decimals_x * self._price(self.active_id)
        return in_x + y * 10.0**-self.info.decimals_y

    def _want(self) -> tuple[str, ...]:
        """Return the accounts to follow: the pool's own, arrays about the price and of our positions, extension."""
        self._arrays = self._venue.arrays_around(self._key, self._program, self.active_id, self._around)
        places = {index % ARRAY_PLACES for index in self._arrays}
        for lower, upper in self._held.values():
            indices = range(self._venue.array_index(lower), self._venue.array_index(upper) + 1)
            apart = [index for index in indices if index not in self._arrays and index % ARRAY_PLACES not in places]
            self._arrays |= self._venue.arrays_at(self._key, self._program, apart)
            places |= {index % ARRAY_PLACES for index in apart}
        for address in [address for address, number in self._numbers.items() if FIRST_ARRAY <= number < EXTENSION]:
            del self._numbers[address]
        for index, address in self._arrays.items():
            self._numbers[address] = FIRST_ARRAY + index % ARRAY_PLACES
        self._known = {address: known for address, known in self._known.items() if address in self._numbers}
        extension = (self._extension,) if self._extension else ()
        return (self.info.pool, *self._arrays.values(), *extension)


@lru_cache(maxsize=4096)
def _price_of_bin(exponent: int, bin_step: int, decimals_x: int, decimals_y: int) -> float:
    return human_price(ratio_of(price_x64(exponent, bin_step)), decimals_x, decimals_y)
