"""Import swaps of Orca Whirlpools as the market of DLMM pools.

The table has no price after a swap. It is worked out from the amounts (`connectors.importers.concentrated`): on the day
of 2022-04-06 the price after the last swap comes out within 0.001 % of the pool state stored at the day's end.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from connectors.importers.concentrated import liquidity_from_swaps, price_after, value_near
from connectors.importers.intake import ImportSummary, Intake, read_table
from connectors.importers.terms import KNOWN_TOKENS, PoolTerms, stand_in
from connectors.recordings.schema import RecordingError
from operators.pools import PoolInfo

NEEDS = ("slot", "block_time", "tx_index", "ix_index", "pool", "pair", "fee_rate_ppm", "a_to_b", "amount_in",
         "amount_out", "price")  # fmt: skip

DUST = 10_000
"""Raw units below which rounding moves a swap's average price by more than a basis point."""

_MOST_INSTRUCTIONS = 256


def import_whirlpool_swaps(
    source: Path | str,
    out: Path | str,
    *,
    pools: Sequence[str] = (),
    quote: str | None = None,
    terms: PoolTerms | None = None,
    min_swaps: int = 100,
) -> ImportSummary:
    """Make a recording of a table of Whirlpool swaps.

    :arg pools: Addresses or pairs such as `SOL/USDC`; all pools where none is given.

    :arg quote: Only pools that quote in this symbol.

    :arg terms: Venue and bin step of the stand-in; its fee is the pool's own.

    :arg min_swaps: Pools with fewer swaps are left out unless they are named.

    :raises DlmmError: The table cannot be read, lacks a column, or no row of it may be imported.

    """
    path = Path(source)
    terms = terms or PoolTerms()
    intake = Intake(path, "whirlpool", _typed(path, read_table(path, NEEDS)))
    intake.refuse("value_missing", pl.any_horizontal(pl.col(*NEEDS[:-1]).is_null()))
    intake.refuse("time_unreadable", pl.col("block_time") <= 0)
    intake.refuse("fee_impossible", ~pl.col("fee_rate_ppm").is_between(0, 999_999))
    intake.refuse("dust_swap", pl.min_horizontal("amount_in", "amount_out") < DUST)
    _choose(intake, pools, quote, min_swaps)
    before = intake.frame["slot"]
    intake.frame = intake.frame.sort("slot", "tx_index", "ix_index", maintain_order=True)
    if not before.is_sorted():
        intake.notes.append("the swaps were put in order of slot, transaction and instruction")
    write = pl.struct("slot", "tx_index", "ix_index")
    intake.refuse("duplicate", pl.int_range(pl.len()).over(write) > 0)
    intake.frame = intake.frame.with_columns(ts_event_ns=pl.col("block_time") * 1_000_000_000)
    intake.refuse_time_backwards()

    infos: list[PoolInfo] = []
    parts: list[pl.DataFrame] = []
    for part in intake.frame.partition_by("pool", maintain_order=True):
        info, priced = _price(part, terms)
        infos.append(info)
        parts.append(priced)
    if parts:
        intake.frame = pl.concat(parts).sort("slot", "tx_index", "ix_index")
        intake.frame = intake.frame.with_columns(
            write_order=pl.col("tx_index") * _MOST_INSTRUCTIONS + pl.col("ix_index")
        )
        intake.refuse_bad_prices()
    intake.choose_bins(infos)
    quotes = sorted({info.quote for info in infos})
    if len(quotes) > 1:
        intake.notes.append(f"pools quote in {', '.join(quotes)}, a portfolio in one of them: --quote chooses")
    return intake.write(Path(out), infos, f"Whirlpool swaps {path.name}")


def _typed(path: Path, table: pl.DataFrame) -> pl.DataFrame:
    integers = ("slot", "block_time", "tx_index", "ix_index", "fee_rate_ppm", "amount_in", "amount_out")
    flag = pl.col("a_to_b")
    if table["a_to_b"].dtype == pl.String():
        flag = flag.str.to_lowercase().replace_strict(["true", "false"], [True, False], default=None)
    try:
        return table.select(
            *(pl.col(name).cast(pl.Int64, strict=False) for name in integers),
            pl.col("pool", "pair").cast(pl.String),
            flag.cast(pl.Boolean, strict=False).alias("a_to_b"),
            pl.col("price").cast(pl.Float64, strict=False),
        )
    except pl.exceptions.PolarsError as error:
        raise RecordingError(path, f"is no table of swaps: {str(error).splitlines()[0]}") from None


def _choose(intake: Intake, pools: Sequence[str], quote: str | None, min_swaps: int) -> None:
    quote_of = pl.col("pair").str.split("/").list.last()
    if pools:
        known = set(intake.frame["pool"].to_list()) | set(intake.frame["pair"].to_list())
        for name in pools:
            if name not in known:
                pairs = intake.frame.group_by("pair").len().sort("len", descending=True)["pair"].to_list()
                raise RecordingError(intake.path, f"has no swaps of {name!r}; its pairs are {', '.join(pairs)}")
        chosen = list(pools)
        intake.pass_over("pool_not_chosen", ~(pl.col("pool").is_in(chosen) | pl.col("pair").is_in(chosen)))
    if quote is not None:
        intake.pass_over("other_quote", quote_of != quote)
    swaps = pl.len().over("pool")
    is_few = swaps < min_swaps
    if pools:
        is_few &= ~pl.col("pool").is_in(list(pools))
    intake.pass_over("pool_with_few_swaps", is_few)


def _price(swaps: pl.DataFrame, terms: PoolTerms) -> tuple[PoolInfo, pl.DataFrame]:
    """Work out price, liquidity and volume of one pool's swaps."""
    pair = str(swaps["pair"][0])
    base, _, quote = pair.partition("/")
    amount_in = swaps["amount_in"].to_numpy().astype(np.float64)
    amount_out = swaps["amount_out"].to_numpy().astype(np.float64)
    a_to_b = swaps["a_to_b"].to_numpy()
    rate = swaps["fee_rate_ppm"].to_numpy() / 1e6
    net_in = amount_in * (1.0 - rate)
    average = np.where(a_to_b, amount_out / net_in, net_in / amount_out)
    quote_in = np.where(a_to_b, -amount_out, net_in)
    liquidity = liquidity_from_swaps(average, quote_in)
    raw = price_after(average, quote_in, liquidity)

    decimals_y = KNOWN_TOKENS.get(quote, ("", 6))[1]
    gross = np.where(a_to_b, amount_out / amount_in, amount_in / amount_out)
    # The table's own price is in whole tokens: together with the raw one it tells the decimals of an unknown token.
    shift = np.median(np.log10(np.abs(swaps["price"].fill_null(float("nan")).to_numpy()) / gross))
    decimals_x = KNOWN_TOKENS[base][1] if base in KNOWN_TOKENS or not np.isfinite(shift) else decimals_y + round(shift)
    # One fee a pool: the rate that held at the end of the table.
    info = stand_in(
        terms, swaps["pool"][0], base, quote, decimals_x, decimals_y, int(swaps["fee_rate_ppm"][-1]) * 1_000
    )
    unit_y = 10.0**-info.decimals_y
    return info, swaps.with_columns(
        price=pl.Series(raw * 10.0 ** (info.decimals_x - info.decimals_y)),
        liquidity=pl.Series(value_near(liquidity, raw, terms.bin_step) * unit_y).fill_nan(None),
        volume=pl.Series(np.where(a_to_b, amount_out, amount_in) * unit_y),
    )
