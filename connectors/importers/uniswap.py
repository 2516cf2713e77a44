"""Import events of Uniswap v3 pools, whose price and liquidity after each swap are recorded exactly."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from connectors.importers.columns import times_ns
from connectors.importers.concentrated import value_near
from connectors.importers.intake import ImportSummary, Intake, read_table
from connectors.importers.terms import PoolTerms, stand_in
from operators.pools import PoolInfo

NEEDS = ("block_number", "block_timestamp", "tx_type", "tx_index", "log_index", "amount0", "amount1",
         "total_liquidity", "sqrtPriceX96", "pool", "fee_ppm")  # fmt: skip

_WETH_DECIMALS, _DECIMALS_HERE = 18, 9
_USDC_DECIMALS = 6


def import_uniswap(
    source: Path | str, out: Path | str, *, pools: Sequence[str] = (), terms: PoolTerms | None = None
) -> ImportSummary:
    """Make a recording of a table of USDC/WETH events.

    The pools' token 0 is USDC and token 1 WETH; recorded is USDC per WETH. WETH stands in with 9 decimals of its 18,
    which would overflow the programs' 64-bit amounts. Blocks come every 12 s; slots are made of their time.

    :arg pools: Only these addresses.

    :arg terms: Venue and bin step of the stand-in; its fee is the pool's own.

    :raises DlmmError: The table cannot be read, lacks a column, or no row of it may be imported.

    """
    path = Path(source)
    terms = terms or PoolTerms()
    table = read_table(path, NEEDS)
    table = table.with_columns(times_ns(path, table["block_timestamp"], None).alias("ts_event_ns"))
    root = pl.col("sqrtPriceX96").cast(pl.Float64, strict=False) / 2.0**96
    intake = Intake(
        path,
        "uniswap",
        table.select(
            "ts_event_ns",
            pl.col("tx_type", "pool").cast(pl.String),
            *(
                pl.col(name).cast(pl.Int64, strict=False)
                for name in ("block_number", "tx_index", "log_index", "fee_ppm")
            ),
            raw=1.0 / root**2,
            price=10.0 ** (_WETH_DECIMALS - _USDC_DECIMALS) / root**2,
            active=pl.col("total_liquidity").cast(pl.Float64, strict=False),
            volume=pl.col("amount0").cast(pl.Float64, strict=False).abs() / 10.0**_USDC_DECIMALS,
        ),
    )
    intake.pass_over("no_swap", pl.col("tx_type") != "SWAP")
    if pools:
        intake.pass_over("pool_not_chosen", ~pl.col("pool").is_in(list(pools)))
    intake.refuse("value_missing", pl.any_horizontal(pl.col("pool", "block_number", "tx_index", "fee_ppm").is_null()))
    intake.refuse("time_unreadable", pl.col("ts_event_ns").is_null() | (pl.col("ts_event_ns") <= 0))
    intake.refuse_bad_prices()
    intake.frame = intake.frame.sort("block_number", "log_index", maintain_order=True)
    intake.refuse_time_backwards()
    near = value_near(intake.frame["active"].to_numpy(), intake.frame["raw"].to_numpy(), terms.bin_step)
    intake.frame = intake.frame.with_columns(liquidity=pl.Series(near / 10.0**_USDC_DECIMALS).fill_nan(None))
    intake.derive_slots()
    infos = _infos(intake.frame, terms)
    intake.choose_bins(infos)
    intake.notes.append("slots are made of the blocks' time, 0.4 s each: blocks come every 12 s")
    return intake.write(Path(out), infos, f"Uniswap v3 swaps {path.name}")


def _infos(frame: pl.DataFrame, terms: PoolTerms) -> list[PoolInfo]:
    fees = frame.group_by("pool", maintain_order=True).agg(pl.col("fee_ppm").last())
    return [
        stand_in(terms, pool, "WETH", "USDC", _DECIMALS_HERE, _USDC_DECIMALS, int(fee) * 1_000)
        for pool, fee in fees.iter_rows()
    ]
