"""Import any table that has a time and a price: Parquet or CSV."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from connectors.importers.columns import (
    LIQUIDITY_NAMES,
    POOL_NAMES,
    PRICE_NAMES,
    SLOT_NAMES,
    TIME_NAMES,
    VOLUME_NAMES,
    TimeUnit,
    find_column,
    need_column,
    numbers,
    times_ns,
)
from connectors.importers.intake import SLOT_NS, ImportSummary, Intake, read_table
from connectors.importers.terms import PoolTerms, stand_in
from dlmm.records import Record


class TableColumns(Record, frozen=True):
    """Names of a table's columns; one that is not given is looked for under its usual names.

    :arg time_unit: Of a time in numbers; guessed from its size where not given.

    """

    time: str | None = None
    price: str | None = None
    pool: str | None = None
    slot: str | None = None
    liquidity: str | None = None
    volume: str | None = None
    time_unit: TimeUnit | None = None


def import_table(
    source: Path | str,
    out: Path | str,
    *,
    columns: TableColumns | None = None,
    terms: PoolTerms | None = None,
    pool: str | None = None,
    pools: Sequence[str] = (),
    base: str = "BASE",
    quote: str = "USDC",
    decimals_x: int | None = None,
    decimals_y: int | None = None,
) -> ImportSummary:
    """Make a recording of a table of prices.

    :arg pool: Name of the one pool of a table that names none; the file's own name where not given.

    :arg pools: Only these, of a table that names several.

    :arg base: Symbol of the token that is priced, in all pools.

    :arg quote: Symbol of the token it is priced in; liquidity and volume are amounts of it.

    :raises DlmmError: The table cannot be read, lacks a column, has no row that may be imported, or the terms are
        impossible.

    """
    path = Path(source)
    columns = columns or TableColumns()
    terms = terms or PoolTerms()
    table = read_table(path)
    slot = find_column(path, table, "the slot", columns.slot, SLOT_NAMES)
    time = find_column(path, table, "the time", columns.time, TIME_NAMES)
    if time is None and slot is None:
        time = need_column(path, table, "the time", None, TIME_NAMES)
    price = need_column(path, table, "the price", columns.price, PRICE_NAMES)
    pool_column = None if pool else find_column(path, table, "the pool", columns.pool, POOL_NAMES)
    chosen = {
        "ts_event_ns": _slot_times(table[str(slot)])
        if time is None
        else times_ns(path, table[time], columns.time_unit),
        "price": numbers(table[price]),
        "pool": pl.repeat(pool or path.stem, len(table), eager=True, dtype=pl.String)
        if pool_column is None
        else table[pool_column].cast(pl.String),
    }
    for role, given, guesses in (
        ("slot", slot, ()),
        ("liquidity", columns.liquidity, LIQUIDITY_NAMES),
        ("volume", columns.volume, VOLUME_NAMES),
    ):
        found = find_column(path, table, f"the {role}", given, guesses)
        if found is not None:
            chosen[role] = (
                numbers(table[found]).cast(pl.Int64, strict=False) if role == "slot" else numbers(table[found])
            )
    intake = Intake(path, "table", pl.DataFrame([series.alias(name) for name, series in chosen.items()]))

    intake.refuse("pool_missing", pl.col("pool").fill_null("") == "")
    if pools:
        intake.pass_over("pool_not_chosen", ~pl.col("pool").is_in(list(pools)))
    intake.refuse("time_unreadable", pl.col("ts_event_ns").is_null() | (pl.col("ts_event_ns") <= 0))
    intake.refuse_bad_prices()
    for role in ("liquidity", "volume"):
        if role in chosen:
            intake.frame = intake.frame.with_columns(pl.col(role).fill_nan(None))
            intake.refuse(f"negative_{role}", ((pl.col(role) < 0.0) | pl.col(role).is_infinite()).fill_null(False))
    if time is None:
        intake.notes.append("the table has no time: it is made of the slots, 0.4 s each, from 1970")
    _turn_round(intake)
    intake.refuse_time_backwards()
    if "slot" in chosen:
        intake.frame = intake.frame.with_columns(pl.col("slot").cast(pl.Int64, strict=False))
        intake.refuse("slot_unreadable", pl.col("slot").is_null() | (pl.col("slot") < 0))
        intake.refuse("slot_backwards", pl.col("slot") < pl.col("slot").cum_max().over("pool"))
        intake.frame = intake.frame.sort("slot", "ts_event_ns", maintain_order=True)
        intake.number_writes()
    else:
        intake.frame = intake.frame.sort("ts_event_ns", maintain_order=True)
        intake.derive_slots()
        intake.notes.append("the table has no slots: they are made of the time, 0.4 s each")
    names = intake.frame["pool"].unique(maintain_order=True).to_list()
    infos = [stand_in(terms, name, base, quote, decimals_x, decimals_y) for name in names]
    intake.choose_bins(infos)
    return intake.write(Path(out), infos, f"table {path.name}")


def _slot_times(slots: pl.Series) -> pl.Series:
    whole = numbers(slots).cast(pl.Int64, strict=False)
    return whole.set(whole.abs() > (1 << 62) // SLOT_NS, None) * SLOT_NS


def _turn_round(intake: Intake) -> None:
    """Turn a table round that stands newest first, as many downloads do."""
    times = intake.frame["ts_event_ns"]
    if len(times) > 1 and times[0] > times[-1] and times.is_sorted(descending=True):
        intake.frame = intake.frame.reverse()
        intake.notes.append("the table stands newest first: it was turned round")
