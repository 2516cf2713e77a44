"""The DLMM pool that stands in for a foreign market: its fee, its bins, its tokens."""

import math
from collections.abc import Sequence

import polars as pl

from connectors.recordings.inspection import pool_facts
from dlmm.errors import DlmmError
from dlmm.records import Record, Venue
from operators.pools import PoolInfo

RATE_ONE = 1_000_000_000
MAX_METEORA_RATE = RATE_ONE // 10
_MAX_FACTOR = 0xFFFF
_MAX_BIN_STEP = 10_000
_MAX_DECIMALS = 18

KNOWN_TOKENS: dict[str, tuple[str, int]] = {
    "SOL": ("So11111111111111111111111111111111111111112", 9),
    "mSOL": ("mSoLzYCxHdYgdzU16g5QSh3i5K3z3KZK7ytfqcJm7So", 9),
    "USDC": ("EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v", 6),
    "USDT": ("Es9vMFrzaCERmJfrF4H2FYD4KCoNkY11McCe8BenwNYB", 6),
    "ORCA": ("orcaEKTdK7LKz57vaAYr9QeNsVEPfiu6QeMU1kektZE", 6),
}
"""Mint and decimals by symbol."""


class PoolTerms(Record, frozen=True):
    """What a foreign table does not say of the pool that shall stand in for its market.

    :arg bin_step: Basis points between bins. The recorded price is kept as it is; the active bin is the nearest, at
        most half a step away.

    :arg fee_rate: Base fee in units of 1e-9.

    """

    venue: Venue = Venue.METEORA
    bin_step: int = 4
    fee_rate: int = 1_000_000


def fee_factors(rate: int, bin_step: int, venue: Venue) -> tuple[int, int]:
    """Return the base factor and the power of ten that give a base fee.

    The programs know fees of `base_factor * bin_step * 10 * 10 ** power` only; the nearest is taken, at most
    `bin_step * 5` units of 1e-9 away where the factor alone can hold it.

    :arg rate: In units of 1e-9.

    :raises DlmmError: The venue has no such fee.

    """
    if venue is Venue.METEORA and not 0 <= rate <= MAX_METEORA_RATE:
        raise DlmmError(f"a fee of {rate / 1e5:g} bps is not between 0 and 1000 bps, the most Meteora charges")
    for power in range(8 if venue is Venue.METEORA else 1):
        factor = round(rate / (bin_step * 10 * 10**power))
        if 0 <= factor <= _MAX_FACTOR:
            return factor, power
    raise DlmmError(
        f"a fee of {rate / 1e5:g} bps does not fit a Saros pool of bin step {bin_step}, which charges at most"
        f" {_MAX_FACTOR * bin_step / 1e4:g} bps; take a larger bin step, or Meteora"
    )


def stand_in(
    terms: PoolTerms,
    pool: str,
    base: str,
    quote: str,
    decimals_x: int | None = None,
    decimals_y: int | None = None,
    fee_rate: int | None = None,
) -> PoolInfo:
    """Describe the stand-in for one market.

    :arg decimals_x: Of the base token; where not given, those of a known symbol, else 9.

    :arg decimals_y: Of the quote token; where not given, those of a known symbol, else 6.

    :arg fee_rate: Takes the place of the terms' own.

    :raises DlmmError: A number is out of range, or the venue has no such fee.

    """
    if not 1 <= terms.bin_step <= _MAX_BIN_STEP:
        raise DlmmError(f"bin step {terms.bin_step} is not between 1 and {_MAX_BIN_STEP}")
    mint_x, known_x = KNOWN_TOKENS.get(base, ("", 9))
    mint_y, known_y = KNOWN_TOKENS.get(quote, ("", 6))
    decimals_x = known_x if decimals_x is None else decimals_x
    decimals_y = known_y if decimals_y is None else decimals_y
    if not (0 <= decimals_x <= _MAX_DECIMALS and 0 <= decimals_y <= _MAX_DECIMALS):
        raise DlmmError(f"decimals {decimals_x} and {decimals_y} are not both between 0 and {_MAX_DECIMALS}")
    factor, power = fee_factors(terms.fee_rate if fee_rate is None else fee_rate, terms.bin_step, terms.venue)
    return PoolInfo(
        pool=pool,
        venue=terms.venue,
        base=base,
        quote=quote,
        bin_step=terms.bin_step,
        base_factor=factor,
        decimals_x=decimals_x,
        decimals_y=decimals_y,
        mint_x=mint_x if decimals_x == known_x else "",
        mint_y=mint_y if decimals_y == known_y else "",
        base_fee_power_factor=power,
    )


def nearest_bin(price: pl.Expr, pool: pl.Expr, infos: Sequence[PoolInfo]) -> pl.Expr:
    """Return the bin whose price is nearest by ratio; null where the program has no such bin.

    :arg price: Whole Y per whole X, above zero.

    :arg pool: Name of one of the pools.

    """
    names = [info.pool for info in infos]
    facts = list(zip(*(pool_facts(info) for info in infos), strict=True))
    origin, reach, log_step, log_unit = (
        pool.replace_strict(names, list(column), return_dtype=pl.Float64) for column in facts
    )
    offset = ((price.log(math.e) - log_unit) / log_step).round()
    return pl.when(offset.abs() <= reach).then(offset + origin).cast(pl.Int32, strict=False)
