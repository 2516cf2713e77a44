"""Import best quotes and trades of several exchanges, recorded side by side.

Every good quote becomes a row whose price is the middle of bid and ask; trades give the volume since the pool's quote
before. Each exchange is a pool of its own. Time is the recorder's, for all of them: one of the exchanges gives none.
"""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from connectors.importers.intake import ImportSummary, Intake, read_table
from connectors.importers.terms import PoolTerms, stand_in

NEEDS = ("recv_ns", "venue", "symbol", "kind", "bid", "bid_qty", "ask", "ask_qty", "price", "qty")

DEFAULT_TERMS = PoolTerms(bin_step=1)
"""Bins as narrow as they come: such quotes move by hundredths of a basis point."""

_QUOTES = ("USDT", "USDC", "FDUSD", "USD")
_COIN_MARGINED = "cm"
_BTC_CONTRACT_USD, _CONTRACT_USD = 100.0, 10.0


def import_ticks(
    source: Path | str,
    out: Path | str,
    *,
    pools: Sequence[str] = (),
    quote: str | None = None,
    terms: PoolTerms = DEFAULT_TERMS,
) -> ImportSummary:
    """Make a recording of a table of quotes and trades.

    :arg pools: Only these, e.g. `BTCUSDT-spot`; or exchanges, e.g. `spot`.

    :arg quote: Symbol that all pools shall quote in, where dollars of different kinds are to be taken for one; else
        each keeps its own, which its symbol names.

    :raises DlmmError: The table cannot be read, lacks a column, or no row of it may be imported.

    """
    path = Path(source)
    intake = Intake(path, "ticks", _typed(read_table(path, NEEDS)))
    intake.refuse("value_missing", pl.any_horizontal(pl.col("venue", "symbol", "kind").is_null()))
    intake.frame = intake.frame.with_columns(pool=pl.col("symbol") + "-" + pl.col("venue"))
    if pools:
        chosen = list(pools)
        intake.pass_over("pool_not_chosen", ~(pl.col("pool").is_in(chosen) | pl.col("venue").is_in(chosen)))
    intake.refuse("time_unreadable", pl.col("ts_event_ns").is_null() | (pl.col("ts_event_ns") <= 0))
    intake.refuse("kind_unknown", ~pl.col("kind").is_in(["q", "t"]))
    is_quote = pl.col("kind") == "q"
    bad_trade = ~((pl.col("price") > 0.0) & (pl.col("qty") >= 0.0) & (pl.col("price") * pl.col("qty")).is_finite())
    intake.refuse("trade_impossible", ~is_quote & bad_trade.fill_null(True))
    bad_quote = ~((pl.col("bid") > 0.0) & (pl.col("ask") > 0.0) & (pl.col("bid") + pl.col("ask")).is_finite())
    intake.refuse("price_not_positive", is_quote & bad_quote.fill_null(True))
    intake.refuse("quote_crossed", is_quote & (pl.col("bid") > pl.col("ask")).fill_null(False))
    intake.refuse_time_backwards()

    contract = pl.when(pl.col("symbol").str.starts_with("BTC")).then(_BTC_CONTRACT_USD).otherwise(_CONTRACT_USD)
    is_coin_margined = pl.col("venue") == _COIN_MARGINED
    traded = pl.col("qty") * pl.when(is_coin_margined).then(contract).otherwise(pl.col("price"))
    bid_value = pl.col("bid_qty") * pl.when(is_coin_margined).then(contract).otherwise(pl.col("bid"))
    ask_value = pl.col("ask_qty") * pl.when(is_coin_margined).then(contract).otherwise(pl.col("ask"))
    standing = bid_value + ask_value
    frame = intake.frame.sort("ts_event_ns", maintain_order=True).with_columns(
        traded=pl.when(is_quote).then(0.0).otherwise(traded).cum_sum().over("pool")
    )
    trades = int(frame.select((~is_quote).sum()).item())
    if trades:
        intake.notes.append(f"{trades} trades are counted in the volume of the quote that follows")
    intake.frame = frame.filter(is_quote).select(
        "pool",
        "symbol",
        "ts_event_ns",
        price=(pl.col("bid") + pl.col("ask")) / 2.0,
        liquidity=pl.when(standing.is_finite() & (standing >= 0.0)).then(standing),
        volume=(pl.col("traded") - pl.col("traded").shift(1).over("pool").fill_null(0.0)).clip(0.0),
    )
    intake.derive_slots()
    symbols = dict(intake.frame.select("pool", "symbol").unique(maintain_order=True).iter_rows())
    infos = [stand_in(terms, name, *_tokens(symbol, quote)) for name, symbol in symbols.items()]
    intake.choose_bins(infos)
    quotes = sorted({info.quote for info in infos})
    if len(quotes) > 1:
        intake.notes.append(f"pools quote in {', '.join(quotes)}, a portfolio in one of them: --quote makes them one")
    return intake.write(Path(out), infos, f"quotes {path.name}")


def _typed(table: pl.DataFrame) -> pl.DataFrame:
    return table.select(
        pl.col("recv_ns").cast(pl.Int64, strict=False).alias("ts_event_ns"),
        *(pl.col(name).cast(pl.String) for name in ("venue", "symbol", "kind")),
        *(pl.col(name).cast(pl.Float64, strict=False) for name in NEEDS[4:]),
    )


def _tokens(symbol: str, quote: str | None) -> tuple[str, str]:
    """Split an exchange's symbol into base and quote."""
    plain = symbol.split("_", maxsplit=1)[0]
    for known in _QUOTES:
        if plain.endswith(known) and len(plain) > len(known):
            return plain.removesuffix(known), quote or known
    return plain, quote or "USD"
