"""A SYNTHETIC pool for recordings that tell price and depth, but no bins.

The profile is flat: every bin within `half_width` of the active one stands for the same value at its own price, bins
above hold X, bins below hold Y, and the active bin half of each. Nobody recorded that liquidity; it is a stand-in, so
that fills in simulation meet the programs' own rounding, fees and walk. What a real pool held may differ in any bin.

The pool has real account bytes, so quotes and swaps run on it as on any other; it has no vaults and no other accounts.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from dlmm.errors import RangeError
from dlmm.jit import kernel
from dlmm.meteora import layout as meteora
from dlmm.meteora.bitmap import EXTENSION_RANGE, PAIR_RANGE
from dlmm.meteora.pool import MeteoraPool
from dlmm.price import MAX_EXPONENT, price_table
from dlmm.records import MAX_U64, Record, Venue
from dlmm.saros import layout as saros
from dlmm.saros.pool import SarosPool
from dlmm.struct_arrays import copied
from dlmm.tokens import Mint
from dlmm.ways import Way
from dlmm.wide import U64, add, divide, multiply, signed

DEFAULT_HALF_WIDTH = 35
MAX_HALF_WIDTH = 127
"""A Saros swap sees at least 128 bins to either side."""

_METEORA_MAX_EXPONENT = 351_639
_ZERO = U64(0)
_ONE = U64(1)


class PoolTerms(Record, frozen=True):
    """What a synthetic pool copies from the real one: step, fees and decimals, under the programs' own names.

    :arg address: Name of the pool; the bytes carry none.

    """

    venue: Venue
    bin_step: int
    base_factor: int
    base_fee_power_factor: int = 0
    filter_period: int = 0
    decay_period: int = 0
    reduction_factor: int = 0
    variable_fee_control: int = 0
    max_volatility_accumulator: int = 0
    protocol_share: int = 0
    decimals_x: int = 9
    decimals_y: int = 6
    mint_x: str = ""
    mint_y: str = ""
    address: str = ""


def synthetic_pool(
    terms: PoolTerms, active_id: int, value_y: int, half_width: int = DEFAULT_HALF_WIDTH
) -> MeteoraPool | SarosPool:
    """Make a pool with a flat profile around a bin; volatility starts at rest, and no time has passed.

    :arg active_id: Active bin, in the venue's own numbering.

    :arg value_y: Raw Y that all bins together are worth at their own prices. What does not divide by the number of
        bins is left out.

    :arg half_width: Bins on either side of the active one, 0 to 127.

    :raises RangeError: A bin lies beyond the program's range, or one holds more than 64 bits can count.

    """
    if not 0 <= half_width <= MAX_HALF_WIDTH:
        raise RangeError(f"half width {half_width} is not between 0 and {MAX_HALF_WIDTH}")
    per_bin = value_y // (2 * half_width + 1)
    if not 0 <= per_bin <= MAX_U64:
        raise RangeError(f"a value of {value_y} raw Y fits no {2 * half_width + 1} bins")
    pool = blank_pool(terms, active_id, half_width)
    if isinstance(pool, MeteoraPool):
        is_filled = _fill_meteora(pool.pair, pool.arrays, pool.extension, active_id, half_width, U64(per_bin))
    else:
        prices = _saros_prices(int(pool.arrays["index"][0]), terms.bin_step)
        is_filled = _fill_saros(pool.pair, pool.arrays, prices, active_id, half_width, U64(per_bin))
    if not is_filled:
        raise RangeError(f"a bin around {active_id} worth {per_bin} raw Y holds more than 64 bits")
    return pool


def blank_pool(terms: PoolTerms, active_id: int, half_width: int) -> MeteoraPool | SarosPool:
    """Make a pool whose bins around one are there, with their prices, and empty.

    :raises RangeError: A bin lies beyond the program's range.

    """
    return (_blank_meteora if terms.venue is Venue.METEORA else _blank_saros)(terms, active_id, half_width)


def _blank_meteora(terms: PoolTerms, active_id: int, half_width: int) -> MeteoraPool:
    first, last = active_id - half_width, active_id + half_width
    if max(-first, last) > _METEORA_MAX_EXPONENT // terms.bin_step:
        raise RangeError(f"bins {first} to {last} are beyond Meteora's range at step {terms.bin_step}")
    bins = meteora.BINS_PER_ARRAY
    lower, upper = first // bins, last // bins
    template, mint_x, mint_y = _meteora_template(terms)
    empty_arrays, array_addresses = _meteora_arrays(terms.bin_step, lower, upper)
    extension = copied(_NO_EXTENSION if lower >= -PAIR_RANGE and upper < PAIR_RANGE else _CLEAR_EXTENSION)
    pair = copied(template)
    pair["active_id"] = active_id
    return MeteoraPool(
        address=terms.address,
        pair=pair,
        arrays=copied(empty_arrays),
        extension=extension,
        mint_x=mint_x,
        mint_y=mint_y,
        array_addresses=array_addresses,
        extension_address="extension" if len(extension) else "",
    )


def _blank_saros(terms: PoolTerms, active_id: int, half_width: int) -> SarosPool:
    first, last = active_id - half_width, active_id + half_width
    bins = saros.BINS_PER_ARRAY
    lower = (active_id - bins // 2) // bins
    if lower < 0 or max(saros.MIDDLE_BIN_ID - first, last - saros.MIDDLE_BIN_ID) > MAX_EXPONENT:
        raise RangeError(f"bins {first} to {last} have no price")
    template, mint_x, mint_y = _saros_template(terms)
    empty_arrays, array_addresses = _saros_arrays(lower)
    pair = copied(template)
    pair["active_id"] = active_id
    return SarosPool(
        address=terms.address,
        pair=pair,
        arrays=copied(empty_arrays),
        mint_x=mint_x,
        mint_y=mint_y,
        array_addresses=array_addresses,
    )


def _saros_prices(lower: int, bin_step: int) -> NDArray[np.uint64]:
    bins = saros.BINS_PER_ARRAY
    return price_table(lower * bins - saros.MIDDLE_BIN_ID, 2 * bins, bin_step)


@lru_cache(maxsize=1024)
def _meteora_template(terms: PoolTerms) -> tuple[NDArray[np.void], Mint, Mint]:
    pair = np.zeros(1, meteora.LB_PAIR)
    _copy_terms(pair, terms, meteora.LB_PAIR_DISCRIMINATOR)
    pair["base_fee_power_factor"] = terms.base_fee_power_factor
    pair["max_bin_id"] = _METEORA_MAX_EXPONENT // terms.bin_step
    pair["min_bin_id"] = -pair["max_bin_id"]
    pair["version"] = 1
    return pair, Mint(terms.mint_x, terms.decimals_x), Mint(terms.mint_y, terms.decimals_y)


@lru_cache(maxsize=1024)
def _saros_template(terms: PoolTerms) -> tuple[NDArray[np.void], Mint, Mint]:
    if terms.base_fee_power_factor != 0:
        raise RangeError("a Saros pair has no base fee power factor")
    pair = np.zeros(1, saros.PAIR)
    _copy_terms(pair, terms, saros.PAIR_DISCRIMINATOR)
    pair["bin_step_seed"] = terms.bin_step
    return pair, Mint(terms.mint_x, terms.decimals_x), Mint(terms.mint_y, terms.decimals_y)


@lru_cache(maxsize=256)
def _meteora_arrays(bin_step: int, lower: int, upper: int) -> tuple[NDArray[np.void], tuple[str, ...]]:
    """Return arrays of empty bins with their prices, to be copied, and their addresses."""
    indices, bins = range(lower, upper + 1), meteora.BINS_PER_ARRAY
    arrays = np.zeros(len(indices), meteora.BIN_ARRAY)
    arrays["discriminator"] = np.frombuffer(meteora.BIN_ARRAY_DISCRIMINATOR, np.uint8)
    arrays["index"], arrays["version"] = indices, 2
    prices = price_table(lower * bins, len(indices) * bins, bin_step).reshape(len(indices), bins, 2)
    arrays["bins"]["price_low"], arrays["bins"]["price_high"] = prices[:, :, 0], prices[:, :, 1]
    return arrays, tuple([f"bin_array:{index}" for index in indices])


@lru_cache(maxsize=256)
def _saros_arrays(lower: int) -> tuple[NDArray[np.void], tuple[str, ...]]:
    """Return two neighbouring arrays of empty bins, to be copied, and their addresses."""
    indices = (lower, lower + 1)
    arrays = np.zeros(2, saros.BIN_ARRAY)
    arrays["discriminator"] = np.frombuffer(saros.BIN_ARRAY_DISCRIMINATOR, np.uint8)
    arrays["index"] = indices
    return arrays, tuple([f"bin_array:{index}" for index in indices])


_NO_EXTENSION = np.zeros(0, meteora.BITMAP_EXTENSION)
_CLEAR_EXTENSION = np.zeros(1, meteora.BITMAP_EXTENSION)


def _copy_terms(pair: NDArray[np.void], terms: PoolTerms, discriminator: bytes) -> None:
    pair["discriminator"] = np.frombuffer(discriminator, np.uint8)
    for name in (
        "bin_step",
        "base_factor",
        "filter_period",
        "decay_period",
        "reduction_factor",
        "variable_fee_control",
        "max_volatility_accumulator",
        "protocol_share",
    ):
        try:
            pair[name] = getattr(terms, name)
        except OverflowError as error:
            raise RangeError(f"{name} {getattr(terms, name)} does not fit a {terms.venue} pair") from error


@kernel
def _contents(bin_id: int, active_id: int, value: U64, price_high: U64, price_low: U64) -> tuple[U64, U64, bool]:
    """Return what a bin of a given value holds of X and Y, and whether X fits 64 bits."""
    if bin_id < active_id:
        return _ZERO, value, True
    own_y = value >> _ONE if bin_id == active_id else _ZERO
    high, low, _ = divide(value - own_y, _ZERO, price_high, price_low)
    return low, own_y, high == _ZERO


@kernel
def _worth(amount_x: U64, amount_y: U64, price_high: U64, price_low: U64) -> tuple[U64, U64]:
    """Return the liquidity of a bin, `price * x + y * 2^64`, modulo 2^128."""
    high, low = multiply(amount_x, price_low)
    return add(high + amount_x * price_high, low, amount_y, _ZERO)


@kernel
def _flag(pair: NDArray[np.void], extension: NDArray[np.void], index: int) -> None:
    """Set the bit of an array that holds liquidity."""
    if -PAIR_RANGE <= index < PAIR_RANGE:
        offset = index + PAIR_RANGE
        pair[0].bitmap[offset >> 6] |= _ONE << U64(offset & 63)
    elif -EXTENSION_RANGE <= index < EXTENSION_RANGE:
        offset = index if index >= 0 else -(index + 1)
        rows = extension[0].positive if index >= 0 else extension[0].negative
        rows[offset // 512 - 1, (offset % 512) >> 6] |= _ONE << U64(offset & 63)


@kernel
def _fill_meteora(
    pair: NDArray[np.void],
    arrays: NDArray[np.void],
    extension: NDArray[np.void],
    active_id: int,
    half_width: int,
    per_bin: U64,
) -> bool:
    width = meteora.BINS_PER_ARRAY
    lower = (active_id - half_width) // width
    pair[0].active_id = np.int32(active_id)
    pair[0].index_reference = np.int32(active_id)
    if per_bin != _ZERO:
        for place in range(arrays.shape[0]):
            _flag(pair, extension, lower + place)
    for bin_id in range(active_id - half_width, active_id + half_width + 1):
        row = arrays[bin_id // width - lower].bins[bin_id % width]
        x, y, fits = _contents(bin_id, active_id, per_bin, row.price_high, row.price_low)
        if not fits:
            return False
        row.amount_x, row.amount_y = x, y
        row.supply_high, row.supply_low = _worth(x, y, row.price_high, row.price_low)
    return True


@kernel
def _fill_saros(
    pair: NDArray[np.void],
    arrays: NDArray[np.void],
    prices: NDArray[np.uint64],
    active_id: int,
    half_width: int,
    per_bin: U64,
) -> bool:
    width = saros.BINS_PER_ARRAY
    lower = (active_id - width // 2) // width
    pair[0].active_id = np.uint32(active_id)
    pair[0].index_reference = np.uint32(active_id)
    for bin_id in range(active_id - half_width, active_id + half_width + 1):
        place = bin_id - lower * width
        price_low, price_high = prices[place]
        if price_low == _ZERO and price_high == _ZERO:
            return False
        x, y, fits = _contents(bin_id, active_id, per_bin, price_high, price_low)
        if not fits:
            return False
        row = arrays[place // width].bins[place % width]
        row.reserve_x, row.reserve_y = x, y
        high, low = _worth(x, y, price_high, price_low)
        # the program's first share is the root of the liquidity; a float's 53 bits do for a stand-in
        row.liquidity_supply_low = U64(np.sqrt(np.float64(high) * 2.0**64 + np.float64(low)))
    return True


@kernel
def _put_back(records: NDArray[np.void], blanks: NDArray[np.void]) -> None:
    for index in range(records.shape[0]):
        records[index] = blanks[index]


@kernel
def renew(way: Way, blank: Way, active_id: int, half_width: int, per_bin: U64) -> bool:
    """Make the synthetic pool that a way goes through anew, around a bin whose arrays it has.

    :arg way: Through a `blank_pool`, whatever has become of it since.

    :arg blank: Through another one that stays as it was.

    :arg per_bin: Raw Y that each bin is worth.

    :returns: Whether that could be done; if not, the bins are in other arrays, or hold more than a pool can.

    """
    first, last = active_id - half_width, active_id + half_width
    if way.is_meteora:
        width, mine = meteora.BINS_PER_ARRAY, blank.meteora
        lower, upper = first // width, last // width
        if signed(mine.arrays[0].index) != lower or len(mine.arrays) != upper - lower + 1:
            return False
        if max(-first, last) > signed(mine.pair[0].max_bin_id):
            return False
        _put_back(way.meteora.pair, mine.pair)
        _put_back(way.meteora.arrays, mine.arrays)
        _put_back(way.meteora.extension, mine.extension)
        return _fill_meteora(
            way.meteora.pair, way.meteora.arrays, way.meteora.extension, active_id, half_width, per_bin
        )
    bins, its = saros.BINS_PER_ARRAY, blank.saros
    lower, block = (active_id - bins // 2) // bins, active_id // bins
    if signed(its.arrays[0].index) != lower or signed(its.pair[0].active_id) // bins != block:
        return False
    if max(saros.MIDDLE_BIN_ID - first, last - saros.MIDDLE_BIN_ID) > MAX_EXPONENT:
        return False
    _put_back(way.saros.pair, its.pair)
    _put_back(way.saros.arrays, its.arrays)
    prices = way.saros.prices[(lower - block + 1) * bins :]
    return _fill_saros(way.saros.pair, way.saros.arrays, prices, active_id, half_width, per_bin)
